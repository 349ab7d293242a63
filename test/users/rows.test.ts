/** People over HTTP: adding, reading, changing, deleting and restoring one. */
import { afterAll, describe, expect, test } from "bun:test";
import { withTenant } from "../../src/db.ts";
import { findUserByEmail, findUserByLogin } from "../../src/users/users.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request, as } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const other = await it.organization();
const { token } = school;

interface User {
  readonly id: string;
  readonly email: string | null;
  readonly username: string;
  readonly version: number;
  readonly status: string;
  readonly role: string;
  readonly deletedAt: string | null;
  readonly profile: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}
interface Problem {
  readonly type: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

let n = 0;
const fresh = (word = "pupil") => `${word}-${++n}`;
const get = async (id: string, as = token) =>
  (await request<User>("GET", `/v1/users/${id}`, { token: as })).body;
const slugOf = (body: unknown) => (body as Problem).type.replace("urn:satchel:problem:", "");
const stored = async (id: string) =>
  (
    await admin<Record<string, unknown>>(
      "select to_jsonb(u) as user, to_jsonb(p) as profile from app.user u join app.profile p using (organization_id, user_id) where user_id = $1",
      [id],
    )
  )[0];

describe("adding", () => {
  test("a person is stored with profile and password in one go, and comes back whole [row 11] [row 17] [row 58] [row 71]", async () => {
    const profile = {
      bio: 'Likes "bridges" & <tunnels>',
      dateOfBirth: "2012-02-29",
      phone: "+34 600 000 000",
      website: "https://example.org/a?b=c#d",
      codeUrl: "https://code.example/a",
      professionalUrl: "https://work.example/a",
      skills: ["chess, fast", "{latin}", "ñ 🎓"],
      interests: [],
    };
    const body = {
      fullName: "Ñandú O'Hara",
      externalId: "2026-0042/ñ",
      username: fresh("Nandu"),
      email: `Nandu.${n}@School.example`,
      password: PASSWORD,
      avatarUrl: "https://example.org/a.png",
      role: "teacher",
      status: "pending",
      timeZone: "Europe/Madrid",
      language: "es",
      profile,
    };
    const made = await request<User>("POST", "/v1/users", { token, body });
    expect(made.status).toBe(201);
    const { password: _, ...rest } = body;
    expect(made.body).toMatchObject({
      ...rest,
      version: 1,
      createdById: school.admin.id,
      deletedAt: null,
      emailVerifiedAt: null,
    });
    expect(made.body.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(made.headers.get("etag")).toBe('"1"');
    expect(await get(made.body.id)).toEqual(made.body);
    expect(JSON.stringify(made.body)).not.toMatch(/argon2|password|hash/i);
  });

  test("the rest has sound defaults: a student, active, without e-mail [row 11] [row 105]", async () => {
    const { body } = await request<User>("POST", "/v1/users", {
      token,
      body: { fullName: "P", username: fresh() },
    });
    expect(body).toMatchObject({
      externalId: null,
      email: null,
      role: "student",
      status: "active",
      timeZone: "UTC",
      language: "en",
      avatarUrl: null,
    });
    expect(body.profile).toEqual({
      bio: null,
      dateOfBirth: null,
      phone: null,
      website: null,
      codeUrl: null,
      professionalUrl: null,
      skills: [],
      interests: [],
    });
  });

  test("when the profile cannot be stored, neither is the person [row 71]", async () => {
    const username = fresh();
    // The last thing before the commit: nothing that a request may hold gets that far and fails.
    await admin("alter table app.profile add constraint planted check (bio <> 'planted')");
    try {
      const answer = await request("POST", "/v1/users", {
        token,
        body: { fullName: "P", username, profile: { bio: "planted" } },
      });
      expect(answer.status).toBe(500);
      expect(JSON.stringify(answer.body)).not.toContain("planted");
    } finally {
      await admin("alter table app.profile drop constraint planted");
    }
    expect(await admin("select from app.user where username = $1", [username])).toEqual([]);
    // It was our own doing: `close` must not complain.
    app.lines.splice(0);
  });

  test.each([
    ["nobody@localhost"],
    ["a@b"],
    ["a@@b.de"],
    ["a..b@c.de"],
    [".a@c.de"],
    ["a.@c.de"],
    ["a@-c.de"],
    ["a@.c.de"],
    ["a@c..de"],
    ["a@c.d"],
    ["a b@c.de"],
    ["a@c.de\n"],
    [`${"a".repeat(65)}@c.de`],
    [`a@${"b".repeat(250)}.de`],
    ["a@c.de,b@c.de"],
    ["<a@c.de>"],
    [""],
    ["ü@c.de"],
    ["a@[1.2.3.4]"],
  ])("the e-mail address %j is refused, and nothing is stored [row 15]", async (email) => {
    const username = fresh();
    const answer = await request<Problem>("POST", "/v1/users", {
      token,
      body: { fullName: "P", username, email },
    });
    expect(answer.status).toBe(422);
    expect(answer.body.errors?.[0]?.pointer).toBe("#/email");
    expect(await admin("select from app.user where username = $1", [username])).toEqual([]);
  });

  test.each([
    ["a+tag@c.de"],
    ["a.b-c_d@sub.c-d.example"],
    ["A@C.DE"],
    [`${"a".repeat(64)}@c.de`],
    ["o'hara@c.de"],
    ["1@2.de"],
  ])("the e-mail address %j is taken as it is written [row 13]", async (email) => {
    const answer = await request<User>("POST", "/v1/users", {
      token,
      body: { fullName: "P", username: fresh(), email },
    });
    expect(answer.status).toBe(201);
    expect(answer.body.email).toBe(email);
  });

  test.each([
    ["profile.dateOfBirth", { profile: { dateOfBirth: "1899-12-31" } }],
    ["profile.dateOfBirth", { profile: { dateOfBirth: "2023-02-30T00:00" } }],
    ["profile.dateOfBirth", { profile: { dateOfBirth: "2012-1-1" } }],
    ["profile.website", { profile: { website: "javascript:alert(1)" } }],
    ["profile.website", { profile: { website: "https://a\u0085b" } }],
    ["profile.phone", { profile: { phone: "call me" } }],
    ["profile.skills", { profile: { skills: [""] } }],
    ["profile.skills", { profile: { skills: [null] } }],
    ["username", { username: "a@b" }],
    ["username", { username: "ñandú" }],
    ["username", { username: "a".repeat(65) }],
    ["fullName", { fullName: "   " }],
    ["role", { role: "principal" }],
    ["status", { status: "deleted" }],
    ["timeZone", { timeZone: "Mars/Olympus" }],
    ["timeZone", { timeZone: "GMT+25" }],
    ["language", { language: "english" }],
    ["avatarUrl", { avatarUrl: "ftp://a" }],
    ["password", { password: "short" }],
    ["password", { password: `${fresh("x")} ` }],
  ])(
    "what %s cannot be is refused with its place, never with a 500 [row 12] [row 15]",
    async (field, more) => {
      const username = fresh();
      const answer = await request<Problem>("POST", "/v1/users", {
        token,
        body: { fullName: "P", username, ...more },
      });
      expect(answer.status).toBe(422);
      expect(answer.body.errors?.[0]?.pointer).toStartWith(`#/${field.replace(".", "/")}`);
      expect(await admin("select from app.user where username = $1", [username])).toEqual([]);
    },
  );

  test("a day that no calendar has is refused before the database is asked, with its place [row 15]", async () => {
    const username = fresh();
    const body = { fullName: "P", username, profile: { dateOfBirth: "2023-02-29" } };
    const answer = await request<Problem>("POST", "/v1/users", { token, body });
    expect([answer.status, slugOf(answer.body)]).toEqual([422, "invalid_request"]);
    expect(answer.body.errors).toEqual([
      {
        pointer: "#/profile/dateOfBirth",
        detail: "must be a day of the calendar since 1900, like 2012-03-04",
      },
    ]);
    expect(await admin("select from app.user where username = $1", [username])).toEqual([]);
  });

  test("a taken e-mail address or username is told by its name, in any case, and only here [row 13] [row 14] [row 66]", async () => {
    const { email, username } = await it.user(school);
    const add = async (as: string, body: object) => {
      const answer = await request<Problem>("POST", "/v1/users", {
        token: as,
        body: { fullName: "P", ...body },
      });
      const [error] = answer.body.errors ?? [];
      return answer.status === 201 ? 201 : [answer.status, slugOf(answer.body), error?.pointer];
    };
    const externalId = fresh("id");
    expect(await add(token, { username: fresh(), externalId })).toBe(201);
    expect(await add(token, { username: fresh(), email: email.toUpperCase() })).toEqual([
      409,
      "email_taken",
      "#/email",
    ]);
    expect(await add(token, { username: username.toUpperCase() })).toEqual([
      409,
      "username_taken",
      "#/username",
    ]);
    expect(await add(token, { username: fresh(), externalId })).toEqual([
      409,
      "external_id_taken",
      "#/externalId",
    ]);
    expect(await add(other.token, { username, email })).toBe(201);
  });

  test("the password must not be made of names that the whole school knows", async () => {
    const answer = await request<Problem>("POST", "/v1/users", {
      token,
      body: { fullName: "P", username: fresh(), password: `${school.slug} ${school.slug}` },
    });
    expect([answer.status, slugOf(answer.body)]).toEqual([422, "password_refused"]);
  });

  test("a pupil may have a shorter password where the organization says so, a teacher may not", async () => {
    const lax = await it.organization();
    const add = (role: string) =>
      request("POST", "/v1/users", {
        token: lax.token,
        body: { fullName: "P", username: fresh(), role, password: "blue-kites" },
      });
    expect((await add("student")).status).toBe(422);
    await request("PATCH", "/v1/organization", {
      token: lax.token,
      headers: { "if-match": "*" },
      body: { settings: { studentPasswordMinimum: 8 } },
    });
    expect((await add("student")).status).toBe(201);
    expect((await add("teacher")).status).toBe(422);
  });
});

describe("changing", () => {
  test("only what is given changes, the profile field by field, and the neighbour stays as he is [row 60]", async () => {
    const one = await it.user(school, "student", {
      profile: { bio: "old", skills: ["chess"] },
      timeZone: "Asia/Tokyo",
    });
    const beside = await it.user(school);
    const before = await get(one.id);
    const untouched = await stored(beside.id);
    const answer = await request<User>("PATCH", `/v1/users/${one.id}`, {
      token,
      headers: { "if-match": '"1"' },
      body: { fullName: "New Name", profile: { bio: "new" } },
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).toBe('"2"');
    expect(answer.body).toEqual({
      ...before,
      fullName: "New Name",
      version: 2,
      updatedAt: answer.body.updatedAt,
      profile: { ...before.profile, bio: "new" },
    });
    expect(await stored(beside.id)).toEqual(untouched);
  });

  test("what says nothing new changes nothing: no version, no history, no audit, by either door [row 8] [row 60]", async () => {
    const one = await it.user(school, "student", {
      externalId: `X-${Bun.randomUUIDv7()}`,
      profile: { bio: "b", dateOfBirth: "2012-03-04", skills: ["chess", "go"] },
    });
    const own = await it.session(school, one);
    const trail = () =>
      admin<{ history: number; events: number; profiles: string }>(
        `select (select count(*)::int from app.history where organization_id = $1) as history,
           (select count(*)::int from app.audit_event where organization_id = $1 and action like 'user.%'
             and action not in ('user.read', 'user.listed')) as events,
           (select string_agg(updated_at::text, ' ' order by user_id) from app.profile where organization_id = $1) as profiles`,
        [school.id],
      );
    const [person, row, before] = [await get(one.id), await stored(one.id), await trail()];
    const { fullName, avatarUrl, timeZone, language, profile } = person;
    const describing = { fullName, avatarUrl, timeZone, language, profile };
    const { externalId, email, username, status } = person;
    const tries = [
      [`/v1/users/${one.id}`, token, {}],
      [`/v1/users/${one.id}`, token, { ...describing, externalId, email, username, status }],
      [`/v1/users/${one.id}`, token, { profile: { skills: ["chess", "go"] } }],
      ["/v1/me", own, {}],
      ["/v1/me", own, { profile: {} }],
      ["/v1/me", own, describing],
    ] as const;
    for (const [path, as, body] of tries) {
      const answer = await request<User>("PATCH", path, { token: as, headers: { "if-match": '"1"' }, body });
      expect([answer.status, answer.headers.get("etag")]).toEqual([200, '"1"']);
      expect(answer.body).toEqual(person);
      const old = await request("PATCH", path, { token: as, headers: { "if-match": '"7"' }, body });
      expect(old.status).toBe(412);
    }
    expect(await stored(one.id)).toEqual(row);
    expect(await trail()).toEqual(before);
    const changed = await request<User>("PATCH", `/v1/users/${one.id}`, {
      token,
      headers: { "if-match": '"1"' },
      body: { ...describing, profile: { skills: ["go", "chess"] } },
    });
    expect(changed.body).toMatchObject({ version: 2, profile: { skills: ["go", "chess"] } });
    const [told] = await admin<{ fields: string }>(
      `select details ->> 'fields' as fields from app.audit_event
       where action = 'user.changed' and $1 = any(subject_ids::text[]) order by sequence desc limit 1`,
      [one.id],
    );
    expect(told?.fields).toBe("profile");
  });

  test("null takes away what may be missing [row 60]", async () => {
    const one = await it.user(school, "student", {
      avatarUrl: "https://a.example/b",
      profile: { bio: "b", dateOfBirth: "2012-03-04" },
    });
    const { body } = await request<User>("PATCH", `/v1/users/${one.id}`, {
      token,
      headers: { "if-match": "*" },
      body: { email: null, avatarUrl: null, profile: { dateOfBirth: null } },
    });
    expect(body).toMatchObject({ email: null, avatarUrl: null, profile: { bio: "b", dateOfBirth: null } });
  });

  test("another e-mail address is not a verified one; the same in another case still is", async () => {
    const one = await it.user(school);
    await admin("update app.user set email_verified_at = now() where user_id = $1", [one.id]);
    const change = async (email: string) =>
      (
        await request<User>("PATCH", `/v1/users/${one.id}`, {
          token,
          headers: { "if-match": "*" },
          body: { email },
        })
      ).body;
    expect((await change(one.email.toUpperCase())).emailVerifiedAt).not.toBeNull();
    expect((await change(`x${one.email}`)).emailVerifiedAt).toBeNull();
  });

  test("If-Match is asked for, an old version is refused and changes nothing, * overwrites knowingly", async () => {
    const one = await it.user(school);
    const change = async (headers: Record<string, string>) => {
      const answer = await request<User>("PATCH", `/v1/users/${one.id}`, {
        token,
        headers,
        body: { fullName: Bun.randomUUIDv7() },
      });
      return answer.status;
    };
    expect(await change({})).toBe(428);
    expect(await change({ "if-match": '"2"' })).toBe(412);
    expect((await get(one.id)).version).toBe(1);
    expect(await change({ "if-match": '"1"' })).toBe(200);
    expect(await change({ "if-match": '"1"' })).toBe(412);
    expect(await change({ "if-match": "*" })).toBe(200);
    expect((await get(one.id)).version).toBe(3);
  });

  test("two changes from the same version: one goes through [row 60]", async () => {
    const one = await it.user(school);
    const change = (fullName: string) =>
      request("PATCH", `/v1/users/${one.id}`, { token, headers: { "if-match": '"1"' }, body: { fullName } });
    const statuses = (await Promise.all(["A", "B", "C", "D"].map(change))).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 412, 412, 412]);
    expect((await get(one.id)).version).toBe(2);
  });

  test("a name that is taken is refused by its name and changes nothing, the rest of the request neither [row 66]", async () => {
    const [one, two] = [await it.user(school), await it.user(school)];
    const before = await stored(one.id);
    for (const [body, slug] of [
      [{ fullName: "X", email: two.email.toUpperCase() }, "email_taken"],
      [{ fullName: "X", username: two.username }, "username_taken"],
    ] as const) {
      const answer = await request("PATCH", `/v1/users/${one.id}`, {
        token,
        headers: { "if-match": "*" },
        body,
      });
      expect([answer.status, slugOf(answer.body)]).toEqual([409, slug]);
    }
    expect(await stored(one.id)).toEqual(before);
  });

  test("everybody changes what describes themselves, and nothing else of themselves [row 60]", async () => {
    const { user, token: own } = await it.member(school);
    const headers = { "if-match": "*" };
    const answer = await request<User>("PATCH", "/v1/me", {
      token: own,
      headers,
      body: { fullName: "Me", profile: { bio: "I" } },
    });
    expect(answer.body).toMatchObject({
      id: user.id,
      fullName: "Me",
      profile: { bio: "I" },
      updatedById: user.id,
    });
    for (const body of [
      { email: "a@b.example" },
      { username: "boss" },
      { status: "active" },
      { role: "admin" },
    ]) {
      expect((await request("PATCH", "/v1/me", { token: own, headers, body })).status).toBe(422);
    }
    expect((await request<User>("GET", "/v1/me", { token: own })).body.version).toBe(2);
  });
});

describe("reading", () => {
  test("a person is found by e-mail address and username in any case, with profile, and not from another organization [row 57] [row 68] [row 69]", async () => {
    const one = await it.user(school, "student", { profile: { bio: "findable" } });
    const inside = <T>(id: string, fn: Parameters<typeof withTenant<T>>[2]) =>
      withTenant(app.database.db, { organizationId: id, userId: null }, fn);
    const byEmail = await inside(school.id, (tx) => findUserByEmail(tx, school.id, one.email.toUpperCase()));
    expect(byEmail).toMatchObject({ id: one.id, profile: { bio: "findable" } });
    for (const login of [one.username.toUpperCase(), one.email.toUpperCase()]) {
      expect(await inside(school.id, (tx) => findUserByLogin(tx, school.id, login))).toEqual(byEmail);
      expect(await inside(other.id, (tx) => findUserByLogin(tx, other.id, login))).toBeNull();
    }
    expect(await inside(other.id, (tx) => findUserByEmail(tx, other.id, one.email))).toBeNull();
    // The policy has the last word over what a query asks for.
    expect(await inside(other.id, (tx) => findUserByLogin(tx, school.id, one.username))).toBeNull();
    await request("DELETE", `/v1/users/${one.id}`, { token });
    expect(await inside(school.id, (tx) => findUserByEmail(tx, school.id, one.email))).toBeNull();
  });

  test("staff see everybody, others themselves: anybody else is not there [row 55]", async () => {
    const [{ user: pupil, token: pupilToken }, { token: teacherToken }, { user: parent }] = [
      await it.member(school),
      await it.member(school, "teacher"),
      await it.member(school, "parent"),
    ];
    expect((await request("GET", `/v1/users/${pupil.id}`, { token: pupilToken })).status).toBe(200);
    expect((await request("GET", `/v1/users/${parent.id}`, { token: pupilToken })).status).toBe(404);
    expect((await request("GET", `/v1/users/${pupil.id}`, { token: teacherToken })).status).toBe(200);
  });

  test("an unchanged person is not sent again", async () => {
    const one = await it.user(school);
    const path = `/v1/users/${one.id}`;
    expect((await request("GET", path, { token, headers: { "if-none-match": '"1"' } })).status).toBe(304);
    expect((await request("GET", path, { token, headers: { "if-none-match": '"2"' } })).status).toBe(200);
  });
});

describe("deleting and restoring", () => {
  test("a deleted person is out of sight, marked with when and by whom, once [row 8] [row 55] [row 61]", async () => {
    const one = await it.user(school);
    const beside = await it.user(school);
    const untouched = await stored(beside.id);
    const path = `/v1/users/${one.id}`;
    expect((await request("DELETE", path, { token, headers: { "if-match": '"7"' } })).status).toBe(412);
    expect((await request("DELETE", path, { token })).status).toBe(204);
    const [row] = await admin<{ by: string; deletion: string; late: boolean; at: string }>(
      "select deleted_by_id as by, deletion_id as deletion, deleted_at > now() - interval '1 minute' as late, deleted_at::text as at from app.user where user_id = $1",
      [one.id],
    );
    expect(row).toMatchObject({ by: school.admin.id, late: true });
    expect((await request("DELETE", path, { token })).status).toBe(404);
    expect((await request("GET", path, { token })).status).toBe(404);
    expect(
      (await request("PATCH", path, { token, headers: { "if-match": "*" }, body: { fullName: "X" } })).status,
    ).toBe(404);
    expect(
      (
        await request("PUT", `${path}/role`, {
          token,
          headers: { "if-match": "*" },
          body: { role: "teacher" },
        })
      ).status,
    ).toBe(404);
    const [again] = await admin<{ at: string }>(
      "select deleted_at::text as at from app.user where user_id = $1",
      [one.id],
    );
    expect(again?.at).toBe(String(row?.at));
    expect(await stored(beside.id)).toEqual(untouched);
    const seen = await request<{ items: User[] }>("GET", "/v1/users?includeDeleted=true&limit=100", {
      token,
    });
    expect(seen.body.items.find(({ id }) => id === one.id)?.deletedAt).not.toBeNull();
  });

  test("a deleted person is read before they are restored by an admin who asks for it, and by nobody else [row 55] [row 62]", async () => {
    const externalId = `X-${Bun.randomUUIDv7()}`;
    const one = await it.user(school, "student", { externalId, profile: { bio: "was here" } });
    await request("DELETE", `/v1/users/${one.id}`, { token });
    const teacher = (await it.member(school, "teacher")).token;
    const { user: pupilUser, token: pupil } = await it.member(school);
    const foreign = (await it.organization()).token;
    const ways = [
      `/v1/users/${one.id}?`,
      `/v1/users/lookup?email=${encodeURIComponent(one.email.toUpperCase())}`,
      `/v1/users/lookup?username=${one.username.toUpperCase()}`,
      `/v1/users/lookup?externalId=${externalId}`,
    ];
    for (const way of ways) {
      const asking = `${way}&includeDeleted=true`;
      const answer = await request<User>("GET", asking, { token });
      expect(answer.status).toBe(200);
      expect(answer.body).toMatchObject({ id: one.id, profile: { bio: "was here" } });
      expect(answer.body.deletedAt).not.toBeNull();
      expect(answer.headers.get("etag")).toBe('"2"');
      for (const as of [teacher, pupil]) {
        expect((await request("GET", asking, { token: as })).status).toBe(403);
      }
      expect((await request("GET", asking, { token: foreign })).status).toBe(404);
      expect((await request("GET", way, { token })).status).toBe(404);
      expect((await request("GET", `${way}&includeDeleted=false`, { token })).status).toBe(404);
    }
    expect(
      (await request("GET", `/v1/users/${pupilUser.id}?includeDeleted=true`, { token: pupil })).status,
    ).toBe(403);
    // Whoever has the name now comes before who had it; of those who had it, who was deleted last.
    const { id: next } = await it.user(school, "student", { username: one.username });
    const look = async () =>
      (await request<User>("GET", `/v1/users/lookup?username=${one.username}&includeDeleted=true`, { token }))
        .body.id;
    expect(await look()).toBe(next);
    await request("DELETE", `/v1/users/${next}`, { token });
    expect(await look()).toBe(next);
    const answer = await request<User>("POST", `/v1/users/${one.id}/restore`, {
      token,
      headers: { "if-match": '"2"' },
    });
    expect(answer.status).toBe(200);
    expect(await look()).toBe(one.id);
  });

  test("a restored person is back as before, with profile and password, and must sign in anew [row 62]", async () => {
    const { user, token: own } = await it.member(school);
    const before = await get(user.id);
    await request("DELETE", `/v1/users/${user.id}`, { token });
    const path = `/v1/users/${user.id}/restore`;
    expect((await request("POST", path, { token, headers: { "if-match": '"1"' } })).status).toBe(412);
    const answer = await request<User>("POST", path, { token });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      ...before,
      version: 3,
      updatedAt: answer.body.updatedAt,
      updatedById: school.admin.id,
    });
    expect((await request("GET", "/v1/me", { token: own })).status).toBe(401);
    expect(await it.session(school, user)).toStartWith("satchel_");
  });

  test("a live person cannot be restored [row 62]", async () => {
    const one = await it.user(school);
    const before = await stored(one.id);
    const answer = await request("POST", `/v1/users/${one.id}/restore`, { token });
    expect([answer.status, slugOf(answer.body)]).toEqual([409, "user_not_deleted"]);
    expect(await stored(one.id)).toEqual(before);
  });

  test("a name is free after a deletion, and whoever lost it so cannot come back under it [row 13] [row 14] [row 62] [row 66]", async () => {
    const one = await it.user(school);
    await request("DELETE", `/v1/users/${one.id}`, { token });
    const heir = await it.user(school, "student", { username: one.username.toUpperCase() });
    const answer = await request("POST", `/v1/users/${one.id}/restore`, { token });
    expect([answer.status, slugOf(answer.body)]).toEqual([409, "username_taken"]);
    await request("PATCH", `/v1/users/${heir.id}`, {
      token,
      headers: { "if-match": "*" },
      body: { username: fresh("moved"), email: one.email },
    });
    const second = await request("POST", `/v1/users/${one.id}/restore`, { token });
    expect([second.status, slugOf(second.body)]).toEqual([409, "email_taken"]);
    await request("DELETE", `/v1/users/${heir.id}`, { token });
    expect((await request("POST", `/v1/users/${one.id}/restore`, { token })).status).toBe(200);
  });

  test("active means status active and not deleted [row 21]", async () => {
    const closed = await it.organization();
    const { token } = closed;
    const names = ["active", "inactive", "suspended", "pending"];
    const people = await Promise.all(names.map((status) => it.user(closed, "student", { status })));
    const gone = await it.user(closed);
    await request("DELETE", `/v1/users/${gone.id}`, { token });
    const { body } = await request<{ items: User[] }>("GET", "/v1/users?role=student&status=active", {
      token,
    });
    expect(body.items.map(({ id }) => id)).toEqual([people[0]?.id ?? ""]);
    const general = await as<{ userId: string }>(
      closed.id,
      "select user_id from app.user where role = 'student' and status = 'active' and deleted_at is null",
    );
    expect(general.map(({ userId }) => userId)).toEqual([people[0]?.id ?? ""]);
  });
});

/** Finding people, what has a version and what has none, and what staff may do for somebody else. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, PASSWORD } from "../support/given.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const any = { "if-match": "*" };
const slugOf = (body: unknown) => (body as { type: string } | null)?.type.replace("urn:satchel:problem:", "");
const refusalOf = ({ status, body }: { readonly status: number; readonly body: unknown }) => [
  status,
  slugOf(body),
];
/** The session of this token has proved nothing for longer than counts as fresh. */
const stale = (house: GivenOrganization) =>
  admin(
    "update app.session set authenticated_at = now() - interval '6 minutes' where organization_id = $1 and user_id = $2",
    [house.id, house.admin.id],
  );
const events = async (house: GivenOrganization, subjectId: string) =>
  (
    await admin<{ action: string }>(
      `select action from app.audit_subject where organization_id = $1 and subject_id = $2
         and action not in ('user.read', 'user.listed', 'session.opened') order by sequence`,
      [house.id, subjectId],
    )
  ).map(({ action }) => action);
const mails = async (userId: string) =>
  (
    await admin<{ template: string }>("select template from app.mail where user_id = $1 order by mail_id", [
      userId,
    ])
  ).map(({ template }) => template);

interface Page {
  readonly items: readonly { readonly id: string; readonly fullName: string }[];
  readonly nextCursor: string | null;
}

describe("lists", async () => {
  const school = await it.organization();
  const other = await it.organization();
  const { token } = school;
  const names = [
    ["Ada Lovelace", "countess", "ada.king@analytical.example"],
    ["Álvaro Núñez", "alvaro", "an@school.example"],
    ["adalbert Zeta", "zeta", null],
    ["Grace Hopper", "g-hopper", "amazing@navy.example"],
    ["Émile O'Neil", "emile", null],
    ["李 小龙", "bruce", null],
    ["100% Sure_Name \\ 'x'", "sure", null],
  ] as const;
  const idOf = new Map<string, string>();
  for (const [fullName, username, email] of names) {
    idOf.set(fullName, (await it.user(school, "student", { fullName, username, email })).id);
  }
  const gone = await it.user(school, "student", { fullName: "Ada Gone", username: "gone", email: null });
  await request("DELETE", `/v1/users/${gone.id}`, { token });
  await it.user(other, "student", { fullName: "Ada Theirs", username: "theirs", email: null });

  const found = async (query: string, as = token) => {
    const { status, body } = await request<Page>("GET", `/v1/users?${query}`, { token: as });
    expect(status).toBe(200);
    return body.items.map(({ fullName }) => fullName);
  };
  const q = (text: string) => `text=${encodeURIComponent(text)}`;

  test.each([
    ["ada", ["Ada Lovelace", "adalbert Zeta"]],
    ["LOVE ad", ["Ada Lovelace"]],
    ["alvaro nunez", ["Álvaro Núñez"]],
    ["ÁLVARO", ["Álvaro Núñez"]],
    ["countess", ["Ada Lovelace"]],
    ["ada.king@ana", ["Ada Lovelace"]],
    ["amazing@navy.example", ["Grace Hopper"]],
    ["emile o'n", ["Émile O'Neil"]],
    ["小龙", ["李 小龙"]],
    ["100%", ["100% Sure_Name \\ 'x'"]],
    ["\\", ["100% Sure_Name \\ 'x'"]],
    ["'x'", ["100% Sure_Name \\ 'x'"]],
    ["%", []],
    ["ada & grace", []],
    ["'", ["100% Sure_Name \\ 'x'"]],
    ["lace", []],
    ["gone", []],
    ["theirs", []],
  ] as [string, string[]][])(
    "%j finds whoever has every word at the beginning of one of theirs, in any case and without accents [row 64]",
    async (text, expected) => {
      expect(await found(q(text))).toEqual(expected);
    },
  );

  test("words go together with other filters, with the count, and with the deleted for an admin [row 63] [row 64]", async () => {
    expect(await found(`${q("ada")}&role=teacher`)).toEqual([]);
    expect(await found(`${q("ada")}&includeDeleted=true`)).toEqual([
      "Ada Lovelace",
      "adalbert Zeta",
      "Ada Gone",
    ]);
    const count = async (query: string, as = token) =>
      (await request<{ count: number }>("GET", `/v1/users/count?${query}`, { token: as })).body.count;
    expect(await count(q("ada"))).toBe(2);
    expect(await count("role=student")).toBe(names.length);
    expect(await count("role=student&includeDeleted=true")).toBe(names.length + 1);
    expect(await count("role=teacher,parent")).toBe(0);
    expect(await count(q("ada"), other.token)).toBe(1);
    const { token: teacher } = await it.member(other, "teacher");
    expect((await request("GET", "/v1/users/count?includeDeleted=true", { token: teacher })).status).toBe(
      403,
    );
    expect((await request("GET", "/v1/users/count?order=name", { token })).status).toBe(422);
  });

  const ORDERS = {
    oldest: names.map(([name]) => name),
    newest: names.map(([name]) => name).reverse(),
    name: [
      "100% Sure_Name \\ 'x'",
      "Ada Lovelace",
      "adalbert Zeta",
      "Álvaro Núñez",
      "Émile O'Neil",
      "Grace Hopper",
      "李 小龙",
    ],
  };
  for (const [order, expected] of Object.entries(ORDERS)) {
    test.each([1, 3, 100])(
      `people come in the order "${order}", in pages of %d, with words and without [row 56] [row 64]`,
      async (limit) => {
        for (const filter of ["role=student", "text=a&role=student"]) {
          const all: string[] = [];
          let cursor = "";
          do {
            const path = `/v1/users?${filter}&order=${order}&limit=${limit}${cursor}`;
            const { body } = await request<Page>("GET", path, { token });
            all.push(...body.items.map(({ fullName }) => fullName));
            cursor = body.nextCursor === null ? "" : `&cursor=${encodeURIComponent(body.nextCursor)}`;
          } while (cursor !== "");
          const withA = ["Ada Lovelace", "adalbert Zeta", "Álvaro Núñez", "Grace Hopper"];
          expect(all).toEqual(
            filter.includes("text") ? expected.filter((name) => withA.includes(name)) : expected,
          );
        }
      },
    );
  }

  test("who is new can be asked for by when they were added, and whoever is a day older is not [row 64] [row 79]", async () => {
    const house = await it.organization();
    const [old] = await admin<{ id: string }>(
      `insert into app.user (organization_id, username, full_name, created_at)
       values ($1, 'old', 'Old', now() - interval '31 days') returning user_id as id`,
      [house.id],
    );
    const since = encodeURIComponent(new Date(Date.now() - 30 * 86_400_000).toISOString());
    expect(await found(`createdFrom=${since}`, house.token)).toEqual(["A admin"]);
    expect(await found(`createdBefore=${since}`, house.token)).toEqual(["Old"]);
    expect(await found(`createdBefore=${since}&createdFrom=${since}`, house.token)).toEqual([]);
    expect(old?.id).toBeDefined();
  });

  test("a list in any order, with words or without, takes one query, however many people [row 67]", async () => {
    for (const query of ["order=name", "order=newest", "text=a&order=name", "role=student"]) {
      const count = async (limit: number) => {
        statements.length = 0;
        await request("GET", `/v1/users?${query}&limit=${limit}`, { token });
        return statements.filter((name) => name.startsWith("users/list")).length;
      };
      expect([await count(1), await count(100)]).toEqual([1, 1]);
    }
  });
});

describe("one person", async () => {
  const school = await it.organization();
  const { token } = school;

  test("is found by e-mail address and username in any case, and by external id, with profile [row 57] [row 65] [row 68] [row 69]", async () => {
    const externalId = "SIS/2026:42";
    const one = await it.user(school, "student", { externalId, profile: { bio: "findable" } });
    const look = (query: string, as = token) => request("GET", `/v1/users/lookup?${query}`, { token: as });
    const keys = [
      `email=${encodeURIComponent(one.email.toUpperCase())}`,
      `username=${one.username.toUpperCase()}`,
      `externalId=${encodeURIComponent(externalId)}`,
    ];
    const other = await it.organization();
    for (const key of keys) {
      const answer = await look(key);
      expect(answer.body).toMatchObject({ id: one.id, externalId, profile: { bio: "findable" } });
      expect(answer.headers.get("etag")).toBe('"1"');
      expect((await look(key, other.token)).status).toBe(404);
    }
    expect((await look(`externalId=${encodeURIComponent(externalId.toLowerCase())}`)).status).toBe(404);
    expect(refusalOf(await look(""))).toEqual([422, "one_key_needed"]);
    expect(refusalOf(await look(`${keys[0]}&${keys[1]}`))).toEqual([422, "one_key_needed"]);
    expect((await look("id=x")).status).toBe(422);
    const { token: pupil } = await it.member(school);
    expect((await look(keys[1] ?? "", pupil)).status).toBe(403);
    await request("DELETE", `/v1/users/${one.id}`, { token });
    for (const key of keys) expect((await look(key)).status).toBe(404);
  });

  test("has an external id that nobody else alive in the organization has, and that admins alone give [row 57] [row 60]", async () => {
    const other = await it.organization();
    const { user, token: own } = await it.member(school);
    const add = (as: string, externalId: unknown) =>
      request<{ id: string }>("POST", "/v1/users", {
        token: as,
        body: { fullName: "P", username: `x-${Bun.randomUUIDv7()}`, externalId },
      });
    const first = await add(token, "e-1");
    expect(first.status).toBe(201);
    expect(refusalOf(await add(token, "e-1"))).toEqual([409, "external_id_taken"]);
    expect((await add(token, "E-1")).status).toBe(201);
    expect((await add(other.token, "e-1")).status).toBe(201);
    for (const wrong of ["", " ", "a b", "a\u0007", "a\u2028", "x".repeat(201), 7]) {
      expect((await add(token, wrong)).status).toBe(422);
    }
    const patch = (as: string, path: string, externalId: unknown) =>
      request("PATCH", path, { token: as, headers: any, body: { externalId } });
    expect(refusalOf(await patch(token, `/v1/users/${user.id}`, "e-1"))).toEqual([409, "external_id_taken"]);
    expect((await patch(token, `/v1/users/${user.id}`, "e-2")).status).toBe(200);
    expect((await patch(own, "/v1/me", "e-3")).status).toBe(422);
    expect((await patch(token, `/v1/users/${user.id}`, null)).status).toBe(200);
    await request("DELETE", `/v1/users/${first.body.id}`, { token });
    const heir = await add(token, "e-1");
    expect(heir.status).toBe(201);
    const back = await request("POST", `/v1/users/${first.body.id}/restore`, { token });
    expect(refusalOf(back)).toEqual([409, "external_id_taken"]);
  });

  test("is not modified by attempts to sign in, which are told apart from them, so that no 304 hides a lock [row 11] [row 22]", async () => {
    const { user, token: own } = await it.member(school);
    const read = (etag: string) =>
      request("GET", "/v1/me", { token: own, headers: { "if-none-match": etag } });
    const before = await request("GET", "/v1/me", { token: own });
    const etag = before.headers.get("etag") ?? "";
    expect(Object.keys(before.body)).not.toContain("locked");
    for (let n = 0; n < 5; n++) {
      const body = { organization: school.slug, login: user.username, password: "not the one I have" };
      await request("POST", "/v1/sessions", { body });
    }
    // The same bytes, so the same version: nothing has been left out of a 304.
    expect((await request("GET", "/v1/me", { token: own })).body).toEqual(before.body);
    expect((await read(etag)).status).toBe(304);
    const path = `/v1/users/${user.id}/sign-in`;
    const locked = await request("GET", path, { token: own });
    expect(locked.body).toMatchObject({ locked: true, failedLoginCount: 5, hasPassword: true });
    expect(locked.headers.has("etag")).toBe(false);
    await admin("update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1", [
      user.id,
    ]);
    expect((await request("GET", path, { token })).body).toMatchObject({ locked: false, lockedUntil: null });
    const { token: teacher } = await it.member(school, "teacher");
    expect((await request("GET", path, { token: teacher })).status).toBe(403);
    expect((await request("GET", path, { token: (await it.organization()).token })).status).toBe(404);
  });

  test("does not become pending again, and each change of status is told [row 12]", async () => {
    const one = await it.user(school, "student", { status: "pending" });
    const change = (status: string) =>
      request("PATCH", `/v1/users/${one.id}`, { token, headers: any, body: { status } });
    expect((await change("pending")).status).toBe(200);
    for (const status of ["active", "inactive", "active", "suspended", "inactive", "suspended", "active"]) {
      expect((await change(status)).status).toBe(200);
      expect(refusalOf(await change("pending"))).toEqual([409, "status_not_reachable"]);
    }
    const [row] = await admin("select status from app.user where user_id = $1", [one.id]);
    expect(row).toEqual({ status: "active" });
    const told = await events(school, one.id);
    expect(told.filter((action) => action === "user.status_changed")).toHaveLength(7);
    const { token: teacher } = await it.member(school, "teacher");
    const headers = any;
    const tried = await request("PATCH", `/v1/users/${one.id}`, {
      token: teacher,
      headers,
      body: { status: "suspended" },
    });
    expect(tried.status).toBe(403);
  });

  test("leaves a trail of who changed them: every door tells the audit, with fields and never with values", async () => {
    const house = await it.organization();
    const one = await it.user(house, "student");
    const path = `/v1/users/${one.id}`;
    const send = (method: string, at: string, body?: unknown) =>
      request(method, at, { token: house.token, headers: any, ...(body === undefined ? {} : { body }) });
    await send("PATCH", path, { fullName: "Secret Name", username: `u-${Bun.randomUUIDv7()}` });
    await send("PATCH", path, { status: "inactive" });
    await send("PUT", `${path}/role`, { role: "parent" });
    await send("PUT", `${path}/role`, { role: "parent" });
    await send("DELETE", path);
    await send("POST", `${path}/restore`);
    expect(await events(house, one.id)).toEqual([
      "user.created",
      "user.changed",
      "user.status_changed",
      "user.role_changed",
      "user.deleted",
      "user.restored",
    ]);
    const told = JSON.stringify(
      await admin("select * from app.audit_event where organization_id = $1", [house.id]),
    );
    expect(told).toContain("fullName,username");
    expect(told).not.toContain("Secret Name");
    expect(await events(school, one.id)).toEqual([]);
  });
});

test("another e-mail address given by an admin needs a fresh proof; the old one is told, and the new one not verified", async () => {
  const school = await it.organization();
  const { token } = school;
  const [one, beside] = [await it.user(school), await it.user(school)];
  await admin("update app.user set email_verified_at = now() where organization_id = $1", [school.id]);
  const change = (email: string | null) =>
    request<{ emailVerifiedAt: string | null }>("PATCH", `/v1/users/${one.id}`, {
      token,
      headers: any,
      body: { email },
    });
  await stale(school);
  expect(refusalOf(await change("new@school.example"))).toEqual([403, "reauthentication_required"]);
  expect((await change(one.email)).status).toBe(200);
  expect(await mails(one.id)).toEqual([]);
  await admin("update app.session set authenticated_at = now() where organization_id = $1", [school.id]);
  const changed = await change("new@school.example");
  expect([changed.status, changed.body.emailVerifiedAt]).toEqual([200, null]);
  expect(await mails(one.id)).toEqual(["email_changed"]);
  expect((await change(null)).status).toBe(200);
  expect(await mails(one.id)).toEqual(["email_changed", "email_changed"]);
  expect((await change("third@school.example")).status).toBe(200);
  expect(await mails(one.id)).toHaveLength(2);
  // A change that is refused tells nobody.
  expect(refusalOf(await change(beside.email))).toEqual([409, "email_taken"]);
  expect(await mails(one.id)).toHaveLength(2);
  expect(await mails(beside.id)).toEqual([]);
});

describe("a password for somebody else", async () => {
  const school = await it.organization();
  const NEW = "a field of seventeen sunflowers";
  const set = (token: string, id: string, password = NEW) =>
    request("PUT", `/v1/users/${id}/password`, { token, body: { password } });
  const signIn = (username: string, password: string) =>
    request<{ token: string }>("POST", "/v1/sessions", {
      body: { organization: school.slug, login: username, password },
    });

  test("a teacher gives a pupil who forgot theirs another: sessions end, the lock is gone, the old one is dead [row 105]", async () => {
    const { user: pupil, token: own } = await it.member(school);
    const { user: neighbour, token: theirs } = await it.member(school);
    const { token: teacher } = await it.member(school, "teacher");
    for (let n = 0; n < 5; n++) await signIn(pupil.username, "not the one I have");
    expect((await signIn(pupil.username, PASSWORD)).status).toBe(401);
    expect((await set(teacher, pupil.id)).status).toBe(204);
    expect((await request("GET", "/v1/me", { token: own })).status).toBe(401);
    expect((await request("GET", "/v1/me", { token: theirs })).status).toBe(200);
    expect((await signIn(pupil.username, PASSWORD)).status).toBe(401);
    expect((await signIn(pupil.username, NEW)).status).toBe(201);
    expect((await signIn(neighbour.username, PASSWORD)).status).toBe(201);
    expect(await mails(pupil.id)).toContain("password_changed");
    expect(await mails(neighbour.id)).not.toContain("password_changed");
    expect(await events(school, pupil.id)).toContain("password.set");
    const ended = await admin(
      "select distinct end_reason as reason from app.session where user_id = $1 and ended_at is not null",
      [pupil.id],
    );
    expect(ended).toEqual([{ reason: "password_changed" }]);
  });

  test("a pupil without e-mail address who never had one gets a first password, and no mail", async () => {
    const pupil = await it.user(school, "student", { email: null, password: undefined });
    expect((await signIn(pupil.username, NEW)).status).toBe(401);
    expect((await set(school.token, pupil.id)).status).toBe(204);
    expect((await signIn(pupil.username, NEW)).status).toBe(201);
    expect(await mails(pupil.id)).toEqual([]);
  });

  test("nobody gives one to themselves, a teacher to no grown-up, nobody to another organization's or a deleted person", async () => {
    const { user: teacher, token } = await it.member(school, "teacher");
    const [parent, colleague, gone] = [
      await it.user(school, "parent"),
      await it.user(school, "teacher"),
      await it.user(school),
    ];
    await request("DELETE", `/v1/users/${gone.id}`, { token: school.token });
    const other = await it.organization();
    const hashes = () =>
      admin("select user_id, password_hash from app.credential where organization_id = any($1) order by 1", [
        `{${school.id},${other.id}}`,
      ]);
    const before = await hashes();
    for (const [as, id, status] of [
      [token, parent.id, 403],
      [token, colleague.id, 403],
      [token, teacher.id, 403],
      [token, school.admin.id, 403],
      [school.token, school.admin.id, 403],
      [school.token, gone.id, 404],
      [school.token, other.admin.id, 404],
      [other.token, parent.id, 404],
    ] as const) {
      expect((await set(as, id)).status).toBe(status);
    }
    const { token: pupil } = await it.member(school);
    expect((await set(pupil, parent.id)).status).toBe(403);
    expect(refusalOf(await set(school.token, parent.id, "short"))).toEqual([422, "password_refused"]);
    expect(refusalOf(await set(school.token, parent.id, `${parent.username} ${school.slug}`))).toEqual([
      422,
      "password_refused",
    ]);
    expect((await hashes()).filter(({ user_id }) => before.some((row) => row.user_id === user_id))).toEqual([
      ...before,
    ]);
  });

  test("without a fresh proof it is refused", async () => {
    const house = await it.organization();
    const pupil = await it.user(house);
    await stale(house);
    expect(refusalOf(await set(house.token, pupil.id))).toEqual([403, "reauthentication_required"]);
  });
});

/** Power over others: who makes, changes and removes staff, what that needs, and what staff see of one another. */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { withTenant } from "../../src/db.ts";
import { SCOPES } from "../../src/permissions.ts";
import { cast } from "../support/cast.ts";
import { domain, run } from "../support/domain.ts";
import { type GivenOrganization, PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, session, apiKey } = cast(app);
afterAll(app.close);

const any = { "if-match": "*" };
const ALLOWED = "allowed";
const NEW = "a field of seventeen sunflowers";

interface Problem {
  readonly type?: string;
}
const send = async (token: string, method: string, path: string, body?: unknown): Promise<string> => {
  const answer = await request<Problem | null>(method, path, {
    token,
    headers: any,
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status < 300) return ALLOWED;
  return (answer.body?.type ?? "").replace("urn:satchel:problem:", "");
};
const stale = (sessionId: string) =>
  admin("update app.session set authenticated_at = now() - interval '301 seconds' where session_id = $1", [
    sessionId,
  ]);
const hashOf = async (id: string) => {
  const [row] = await admin<{ hash: string | null; setter: string | null }>(
    "select password_hash as hash, password_set_by_id as setter from app.credential where user_id = $1",
    [id],
  );
  return row ?? null;
};
const mails = async (id: string) =>
  (
    await admin<{ template: string }>("select template from app.mail where user_id = $1 order by mail_id", [
      id,
    ])
  ).map(({ template }) => template);
const signIn = async (school: GivenOrganization, login: string, password: string) =>
  (
    await request("POST", "/v1/sessions", {
      body: { organization: school.slug, login, password },
    })
  ).status;

const school = await it.organization();

/** An admin in three ways: proved just now, a while ago, and as a program with every scope. */
async function credentials() {
  const actor = await person(school.id, "admin");
  const [fresh, late, key] = await Promise.all([
    session(actor),
    session(actor),
    apiKey(actor, "admin", SCOPES),
  ]);
  await stale(late.id);
  return { fresh: fresh.token, late: late.token, key: key.token };
}

let made = 0;
const someone = () => `someone-${process.pid}-${++made}`;
const gone = (id: string) =>
  admin(
    "update app.user set deleted_at = now(), deletion_id = gen_random_uuid() where user_id = $1 and deleted_at is null",
    [id],
  );
const add =
  (role: Role, more: object = {}) =>
  (token: string) =>
    send(token, "POST", "/v1/users", { fullName: "Some One", username: someone(), role, ...more });

type Act = (token: string, id: string) => Promise<string>;
const patch =
  (body: () => object): Act =>
  (token, id) =>
    send(token, "PATCH", `/v1/users/${id}`, body());
const ACTS: Readonly<Record<string, Act>> = {
  suspend: patch(() => ({ status: "suspended" })),
  "make inactive": patch(() => ({ status: "inactive" })),
  rename: patch(() => ({ username: someone() })),
  "give another external id to": patch(() => ({ externalId: someone() })),
  delete: (token, id) => send(token, "DELETE", `/v1/users/${id}`),
  restore: async (token, id) => {
    await gone(id);
    return send(token, "POST", `/v1/users/${id}/restore`);
  },
};

describe("staff need a fresh proof, which no API key can give [row 105] [row 106]", () => {
  test.each(ROLES.flatMap((role) => Object.keys(ACTS).map((act) => [act, role] as const)))(
    "to %s a %s",
    async (name, role) => {
      const act = ACTS[name] as Act;
      const as = await credentials();
      const staff = role === "teacher" || role === "admin";
      const on = async (token: string) => act(token, (await person(school.id, role)).id);
      expect(await on(as.late)).toBe(staff ? "reauthentication_required" : ALLOWED);
      expect(await on(as.key)).toBe(staff ? "api_key_not_allowed" : ALLOWED);
      expect(await on(as.fresh)).toBe(ALLOWED);
    },
  );

  test.each([...ROLES])("to add a %s, with a password and without", async (role) => {
    const as = await credentials();
    const staff = role === "teacher" || role === "admin";
    for (const more of [{}, { password: PASSWORD }]) {
      expect(await add(role, more)(as.late)).toBe(staff ? "reauthentication_required" : ALLOWED);
      expect(await add(role, more)(as.key)).toBe(staff ? "api_key_not_allowed" : ALLOWED);
      expect(await add(role, more)(as.fresh)).toBe(ALLOWED);
    }
  });

  test("what does not concern how they get in needs none, and neither does what stays as it is", async () => {
    const as = await credentials();
    const teacher = await person(school.id, "teacher");
    const body = { fullName: "Another Name", status: "active", profile: { bio: "Teaches" } };
    for (const token of [as.late, as.key]) {
      expect(await send(token, "PATCH", `/v1/users/${teacher.id}`, body)).toBe(ALLOWED);
    }
  });

  test.each([...ROLES])(
    "so does the end of anybody's suspension, straight or by a detour: a %s",
    async (role) => {
      const as = await credentials();
      const { id } = await person(school.id, role);
      await admin("update app.user set status = 'suspended' where user_id = $1", [id]);
      for (const status of ["active", "inactive"]) {
        expect(await send(as.late, "PATCH", `/v1/users/${id}`, { status })).toBe("reauthentication_required");
        expect(await send(as.key, "PATCH", `/v1/users/${id}`, { status })).toBe("api_key_not_allowed");
      }
      expect(await admin("select status from app.user where user_id = $1", [id])).toEqual([
        { status: "suspended" },
      ]);
      expect(await send(as.fresh, "PATCH", `/v1/users/${id}`, { status: "active" })).toBe(ALLOWED);
    },
  );
});

describe("a session that has proved nothing lately cannot take the protection away", () => {
  test.each([
    ["settings", "PATCH", "/v1/organization", { settings: { lockoutAttempts: 20 } }],
    ["sign-up codes", "POST", "/v1/organization/sign-up-codes", { role: "teacher", uses: 10_000 }],
  ] as const)("%s", async (_, method, path, body) => {
    const as = await credentials();
    expect(await send(as.late, method, path, body)).toBe("reauthentication_required");
    expect(await send(as.key, method, path, body)).toBe("api_key_not_allowed");
    expect(await send(as.fresh, method, path, body)).toBe(ALLOWED);
  });

  test("locks", async () => {
    const as = await credentials();
    const { id } = await person(school.id, "student");
    const path = `/v1/users/${id}/unlock`;
    expect(await send(as.late, "POST", path)).toBe("reauthentication_required");
    expect(await send(as.fresh, "POST", path)).toBe(ALLOWED);
  });
});

describe("a password that somebody else knows [row 77] [row 80]", () => {
  const role = (token: string, id: string, to: Role) =>
    send(token, "PUT", `/v1/users/${id}/role`, { role: to });
  const give = (token: string, id: string, password = NEW) =>
    send(token, "PUT", `/v1/users/${id}/password`, { password });

  test("is noted with who knows it, and no more once the person has chosen their own", async () => {
    const { user: teacher, token } = await it.member(school, "teacher");
    const { user: pupil, token: own } = await it.member(school);
    expect((await hashOf(pupil.id))?.setter).toBe(school.admin.id);
    const change = { currentPassword: PASSWORD, newPassword: "nine loud geese land on ice" };
    expect(await send(own, "PUT", "/v1/me/password", change)).toBe(ALLOWED);
    expect((await hashOf(pupil.id))?.setter).toBeNull();
    expect(await give(token, pupil.id)).toBe(ALLOWED);
    expect((await hashOf(pupil.id))?.setter).toBe(teacher.id);
    const { body } = await request("GET", `/v1/users/${pupil.id}/sign-in`, { token: school.token });
    expect(body).toMatchObject({ hasPassword: true, passwordSetById: teacher.id });
    expect((await hashOf(school.admin.id))?.setter).toBeNull();
  });

  test.each([
    ["student", "teacher", true],
    ["student", "admin", true],
    ["parent", "teacher", true],
    ["teacher", "admin", true],
    ["student", "parent", false],
    ["admin", "teacher", false],
    ["teacher", "student", false],
  ] as const)(
    "from %s to %s it ends: %p, and an invitation is mailed where it does",
    async (from, to, ends) => {
      const user = await it.user(school, from);
      const neighbour = await it.user(school, from);
      expect(await role(school.token, user.id, to)).toBe(ALLOWED);
      expect(await signIn(school, user.username, PASSWORD)).toBe(ends ? 401 : 201);
      expect(await signIn(school, neighbour.username, PASSWORD)).toBe(201);
      expect((await mails(user.id)).includes("invitation")).toBe(ends);
      if (!ends) return;
      expect(await hashOf(user.id)).toEqual({ hash: null, setter: null });
      // Nobody to mail, or lost: an admin gives them one.
      expect(await give(school.token, user.id)).toBe(ALLOWED);
      expect(await signIn(school, user.username, NEW)).toBe(201);
    },
  );

  test("one that the person has chosen stays", async () => {
    const { user, token: own } = await it.member(school);
    const change = { currentPassword: PASSWORD, newPassword: NEW };
    expect(await send(own, "PUT", "/v1/me/password", change)).toBe(ALLOWED);
    expect(await role(school.token, user.id, "teacher")).toBe(ALLOWED);
    expect(await signIn(school, user.username, NEW)).toBe(201);
    expect(await mails(user.id)).not.toContain("invitation");
  });

  test("cannot be given by a teacher to somebody who becomes staff while it is hashed", async () => {
    const { token } = await it.member(school, "teacher");
    const user = await it.user(school);
    const before = await hashOf(user.id);
    const [raised, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const raising = withTenant(app.database.db, { organizationId: school.id, userId: null }, async (tx) => {
      await run(tx, "update app.user set role = 'admin' where organization_id = $1 and user_id = $2", [
        school.id,
        user.id,
      ]);
      raised.resolve();
      await release.promise;
    });
    await raised.promise;
    let answered = false;
    const giving = give(token, user.id).finally(() => {
      answered = true;
    });
    // It waits for the row; one that did not would be through by now, and so comes to an end as well.
    const waits = () =>
      admin(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%app.user%'",
      );
    while (!answered && (await waits()).length === 0);
    release.resolve();
    await raising;
    expect(await giving).toBe("forbidden");
    expect(await hashOf(user.id)).toEqual({ hash: null, setter: null });
    expect(before?.hash).not.toBeNull();
  });
});

describe("the last admin is one who can sign in", () => {
  const helpless = { email: null, password: undefined };

  test.each([
    ["neither password nor address", helpless, "last_admin"],
    ["an address", { password: undefined }, ALLOWED],
    ["a password", { email: null }, ALLOWED],
  ] as const)("another with %s", async (_, more, expected) => {
    const house = await it.organization();
    await it.user(house, "admin", more);
    const { id } = house.admin;
    for (const [method, path, body] of [
      ["PATCH", "", { status: "inactive" }],
      ["PUT", "/role", { role: "teacher" }],
      ["DELETE", "", undefined],
    ] as const) {
      // Whoever may go is gone with the first.
      expect(await send(house.token, method, `/v1/users/${id}${path}`, body)).toBe(expected);
      if (expected === ALLOWED) return;
    }
  });

  test("one who cannot sign in may go", async () => {
    const house = await it.organization();
    const other = await it.user(house, "admin", helpless);
    expect(await send(house.token, "DELETE", `/v1/users/${other.id}`)).toBe(ALLOWED);
  });
});

describe("what one person sees of another, field by field [row 61] [row 105]", async () => {
  const house = await it.organization();
  const other = await it.organization();
  const born = { dateOfBirth: "1980-01-02", phone: "+34 600 000 000" };
  const described = {
    ...born,
    bio: "Likes chess",
    website: "https://example.org/x",
    codeUrl: "https://example.org/code",
    professionalUrl: "https://example.org/work",
    skills: ["chess"],
    interests: ["go"],
  };
  const people = new Map<Role, string>();
  const tokens = new Map<Role, string>();
  for (const role of ROLES) {
    people.set(role, (await it.user(house, role, { profile: described })).id);
    tokens.set(role, (await it.member(house, role)).token);
  }
  const FIELDS = [
    "id",
    ...["externalId", "email", "username", "fullName", "avatarUrl", "role", "status", "emailVerifiedAt"],
    ...["timeZone", "language", "version", "createdAt", "updatedAt", "deletedAt"],
    ...["createdById", "updatedById", "deletedById", "profile"],
  ].sort();
  const PROFILE = Object.keys(described).sort();
  const WITHOUT = PROFILE.filter((field) => !(field in born));

  test.each(ROLES.flatMap((viewer) => ROLES.map((seen) => [viewer, seen] as const)))(
    "a %s of a %s",
    async (viewer, seen) => {
      const token = tokens.get(viewer) ?? "";
      const id = people.get(seen) ?? "";
      const answers = [await request<Shown>("GET", `/v1/users/${id}`, { token })];
      const staff = viewer === "teacher" || viewer === "admin";
      if (!staff) return expect(answers[0]?.status).toBe(404);
      const { username } = answers[0]?.body ?? { username: "" };
      answers.push(await request<Shown>("GET", `/v1/users/lookup?username=${username}`, { token }));
      const whole = viewer === "admin" || seen === "student";
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect(Object.keys(body).sort()).toEqual(FIELDS);
        expect(Object.keys(body.profile).sort()).toEqual(whole ? PROFILE : WITHOUT);
        expect(JSON.stringify(body).includes(born.phone)).toBe(whole);
        expect(JSON.stringify(body).includes(born.dateOfBirth)).toBe(whole);
      }
      expect((await request("GET", `/v1/users/${id}`, { token: other.token })).status).toBe(404);
    },
  );

  test.each([...ROLES])("a %s of themselves, read and changed", async (role) => {
    const { user, token } = await it.member(house, role);
    await request("PATCH", `/v1/users/${user.id}`, {
      token: house.token,
      headers: any,
      body: { profile: described },
    });
    const read = await request<Shown>("GET", "/v1/me", { token });
    const changed = await request<Shown>("PATCH", "/v1/me", {
      token,
      headers: any,
      body: { language: "es" },
    });
    const entered = await request<{ user: Shown }>("POST", "/v1/sessions", {
      body: { organization: house.slug, login: user.username, password: user.password },
    });
    for (const shown of [read.body, changed.body, entered.body.user]) {
      expect(shown.profile).toEqual(described);
    }
  });

  test("no list shows a profile", async () => {
    for (const role of ["teacher", "admin"] as const) {
      const { body } = await request("GET", "/v1/users", { token: tokens.get(role) ?? "" });
      expect(JSON.stringify(body)).not.toContain(born.phone);
      expect(JSON.stringify(body)).not.toContain(born.dateOfBirth);
    }
  });
});

interface Shown {
  readonly username: string;
  readonly profile: Readonly<Record<string, unknown>>;
}

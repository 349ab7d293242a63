/** Signing in: who gets in, and that nobody outside can tell why not. */
import { afterAll, describe, expect, test } from "bun:test";
import { testApp } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { given, PASSWORD } from "../support/given.ts";
import { signal, trySignIn, watchVerifications } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
const verifications = watchVerifications(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const WRONG = "not what it was at all";

interface Stored {
  readonly last_login_at: Date | null;
  readonly last_login_ip: string | null;
  readonly password_hash: string;
}
const credential = async (id: string) =>
  (
    await admin<Stored>(
      "select last_login_at, last_login_ip, password_hash from app.credential where user_id = $1",
      [id],
    )
  )[0];
const sessionsOf = (id: string) => admin("select session_id from app.session where user_id = $1", [id]);

test("a person signs in by username or e-mail address, in any case [row 73]", async () => {
  const user = await it.user(school);
  for (const login of [
    user.username,
    user.username.toUpperCase(),
    user.email,
    user.email.toUpperCase(),
    ` ${user.username} `,
  ]) {
    const { status, body } = await signIn(school, user, { login });
    expect(status).toBe(201);
    expect(body.user.id).toBe(user.id);
    expect((await request("GET", "/v1/me", { token: body.token })).body).toMatchObject({ id: user.id });
  }
});

test("signing in records time and address, forgives failures, and opens a session; the neighbour's record stays [row 73]", async () => {
  const [user, neighbour] = [await it.user(school), await it.user(school)];
  await signIn(school, user, { password: WRONG });
  const read = async () =>
    (await request("GET", `/v1/users/${user.id}/sign-in`, { token: school.token })).body;
  expect(await read()).toMatchObject({ failedLoginCount: 1, lastLoginAt: null });
  expect((await signIn(school, user)).status).toBe(201);
  const signedIn = await read();
  expect(signedIn).toMatchObject({ failedLoginCount: 0, locked: false, lastLoginIp: "127.0.0.1" });
  expect(Math.abs(Date.parse(String(signedIn.lastLoginAt)) - Date.now())).toBeLessThan(60_000);
  expect(await sessionsOf(user.id)).toHaveLength(1);
  expect(await credential(neighbour.id)).toMatchObject({ last_login_at: null, last_login_ip: null });
});

test("signing in changes no version of the person, so that no editor is surprised", async () => {
  const user = await it.user(school);
  await it.session(school, user);
  expect((await request("GET", `/v1/users/${user.id}`, { token: school.token })).headers.get("etag")).toBe(
    '"1"',
  );
});

test("a person of one organization is nobody in another [row 45] [row 105]", async () => {
  const user = await it.user(school);
  expect((await signIn(other, user)).status).toBe(401);
  const twin = await it.user(other, "student", {
    username: user.username,
    email: user.email,
    password: `${PASSWORD} too`,
  });
  expect((await signIn(other, user)).status).toBe(401);
  expect((await signIn(other, twin)).body.user.id).toBe(twin.id);
  expect((await signIn(school, user)).body.user.id).toBe(user.id);
});

describe("why somebody does not get in cannot be told from outside [row 75] [row 105]", () => {
  const cases: Record<string, () => Promise<Parameters<typeof signIn>>> = {
    wrong: async () => [school, await copy(), { password: WRONG }],
    "unknown organization": async () => [{ slug: "no-such-school" }, { username: "ada", password: WRONG }],
    "no slug at all": async () => [{ slug: "" }, { username: "ada", password: WRONG }],
    "unknown login": async () => [school, { username: `nobody-${crypto.randomUUID()}`, password: WRONG }],
    "unknown address": async () => [
      school,
      { username: `${crypto.randomUUID()}@a.example`, password: WRONG },
    ],
    "without a password": async () => {
      const user = await copy();
      await admin("update app.credential set password_hash = null, pepper_key_id = null where user_id = $1", [
        user.id,
      ]);
      return [school, user];
    },
    locked: async () => {
      const user = await copy();
      const guardKey = app.deps.keys.mac("guard", school.id, "password", "user", user.id);
      await admin(
        "insert into app.login_guard (organization_id, guard_key, bucket, door, user_id, sequence, locked_until) values ($1, decode($2, 'hex'), '', 'password', $3, 5, now() + interval '30 minutes')",
        [school.id, Buffer.from(guardKey).toString("hex"), user.id],
      );
      return [school, user];
    },
    ...Object.fromEntries(
      ["suspended", "inactive", "pending"].map((status) => [
        status,
        async () => {
          const user = await copy();
          await admin("update app.user set status = $2 where user_id = $1", [user.id, status]);
          return [school, user];
        },
      ]),
    ),
    deleted: async () => {
      const user = await copy();
      await admin("update app.user set deleted_at = now(), deletion_id = app.uuidv7() where user_id = $1", [
        user.id,
      ]);
      return [school, user];
    },
  };

  /** A person like another one, without the cost of a hash. */
  const original = it.user(school);
  const copy = async () => {
    const { id } = await original;
    const username = `copy-${crypto.randomUUID()}`;
    const [row] = await admin<{ id: string }>(
      "insert into app.user (organization_id, username, full_name) values ($1, $2, 'Copy') returning user_id as id",
      [school.id, username],
    );
    await admin(
      `insert into app.credential (organization_id, user_id, password_hash, pepper_key_id)
       select organization_id, $2, password_hash, pepper_key_id from app.credential where user_id = $1`,
      [id, row?.id],
    );
    return { id: row?.id ?? "", username, password: PASSWORD };
  };

  /** Everything that can be seen, but for what names the request and counts requests. */
  const seen = ({ status, headers, body }: Awaited<ReturnType<typeof signIn>>) => ({
    status,
    headers: [...headers].filter(([name]) => !/^(x-request-id|ratelimit-)/.test(name)),
    body: { ...body, instance: null },
  });

  test("the control: such a copy gets in", async () => {
    expect((await signIn(school, await copy())).status).toBe(201);
  });

  test.each(Object.keys(cases).slice(1))("%s answers like a wrong password, byte for byte", async (name) => {
    const [expected, answer] = [
      await signIn(...((await cases.wrong?.()) ?? [school, await copy()])),
      await signIn(...((await cases[name]?.()) ?? [school, await copy()])),
    ];
    expect(expected.status).toBe(401);
    expect(expected.body.type).toBe("urn:satchel:problem:sign_in_refused");
    expect(seen(answer)).toEqual(seen(expected));
  });

  test("and takes about as long", async () => {
    const times = new Map(Object.keys(cases).map((name) => [name, [] as number[]]));
    // In turn: whatever else the machine does slows all of them alike.
    for (let round = 0; round < 7; round++) {
      for (const [name, make] of Object.entries(cases)) {
        const call = await make();
        const started = performance.now();
        await signIn(...call);
        times.get(name)?.push(performance.now() - started);
      }
    }
    const median = (name: string) => times.get(name)?.sort((a, b) => a - b)[3] ?? Number.NaN;
    const wrong = median("wrong");
    for (const name of times.keys()) {
      const ratio = median(name) / wrong;
      expect(`${name} ${ratio > 0.4 && ratio < 2.5}`).toBe(`${name} true`);
    }
  }, 30_000);

  test("no refusal opens a session, sets a cookie or records a sign-in", async () => {
    for (const make of Object.values(cases)) {
      const call = await make();
      const answer = await signIn(...call);
      expect(answer.headers.has("set-cookie")).toBe(false);
      const { id } = call[1] as { id?: string };
      if (id !== undefined) {
        expect(await sessionsOf(id)).toEqual([]);
        expect(await credential(id)).toMatchObject({ last_login_at: null });
      }
    }
  });
});

describe("between the verification and the session [row 20]", () => {
  /** Signs in, and lets something happen when the password has been found right. */
  const meanwhile = async (user: Parameters<typeof signIn>[1], happen: () => Promise<unknown>) => {
    const [verified, goOn] = [signal(), signal()];
    verifications.after = () => {
      verifications.after = null;
      verified.give();
      return goOn.wait;
    };
    const answer = signIn(school, user);
    await verified.wait;
    verifications.after = null;
    await happen();
    goOn.give();
    return answer;
  };
  const any = { "if-match": "*" };

  test.each([
    [
      "suspended",
      (id: string) =>
        request("PATCH", `/v1/users/${id}`, {
          token: school.token,
          headers: any,
          body: { status: "suspended" },
        }),
    ],
    ["deleted", (id: string) => request("DELETE", `/v1/users/${id}`, { token: school.token })],
  ])("a person who is %s meanwhile does not get in", async (_, happen) => {
    const user = await it.user(school);
    const answer = await meanwhile(user, () => happen(user.id));
    expect(answer.status).toBe(401);
    expect(await sessionsOf(user.id)).toEqual([]);
  });

  test("the old password does not get in any more once it was replaced, not even if it was right a moment ago", async () => {
    const { user, token } = await it.member(school);
    const newPassword = `${PASSWORD} again`;
    const answer = await meanwhile(user, () =>
      request("PUT", "/v1/me/password", { token, body: { currentPassword: PASSWORD, newPassword } }),
    );
    expect(answer.status).toBe(401);
    const live = await request<{ items: unknown[] }>("GET", "/v1/sessions", { token });
    expect(live.body.items).toHaveLength(1);
    expect((await signIn(school, user, { password: newPassword })).status).toBe(201);
  });

  test("a hash that is renewed at sign-in never brings a replaced password back [row 80]", async () => {
    const { user, token } = await it.member(school);
    const outdate = async () => {
      const mac = Buffer.from(app.deps.keys.mac("pepper", PASSWORD)).toString("base64");
      const weak = await Bun.password.hash(mac, { algorithm: "argon2id", memoryCost: 8192, timeCost: 1 });
      await admin("update app.credential set password_hash = $2 where user_id = $1", [user.id, weak]);
    };
    await outdate();
    const newPassword = `${PASSWORD} again`;
    const answer = await meanwhile(user, () =>
      request("PUT", "/v1/me/password", { token, body: { currentPassword: PASSWORD, newPassword } }),
    );
    expect(answer.status).toBe(401);
    expect((await signIn(school, user, { password: PASSWORD })).status).toBe(401);
    expect((await signIn(school, user, { password: newPassword })).status).toBe(201);
  });
});

test("a hash of old parameters is renewed by a sign-in, and only that person's [row 80]", async () => {
  const [user, neighbour] = [await it.user(school), await it.user(school)];
  const mac = Buffer.from(app.deps.keys.mac("pepper", PASSWORD)).toString("base64");
  const weak = await Bun.password.hash(mac, { algorithm: "argon2id", memoryCost: 8192, timeCost: 1 });
  await admin("update app.credential set password_hash = $1 where user_id in ($2, $3)", [
    weak,
    user.id,
    neighbour.id,
  ]);
  expect((await signIn(school, user, { password: WRONG })).status).toBe(401);
  expect((await credential(user.id))?.password_hash).toBe(weak);
  expect((await signIn(school, user)).status).toBe(201);
  const renewed = (await credential(user.id))?.password_hash ?? "";
  expect(renewed).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  expect((await credential(neighbour.id))?.password_hash).toBe(weak);
  expect((await signIn(school, user)).status).toBe(201);
  expect((await credential(user.id))?.password_hash).toBe(renewed);
});

test("an organization that is suspended lets nobody in and answers nobody [row 75]", async () => {
  const house = await it.organization();
  await admin("update app.organization set status = 'suspended' where organization_id = $1", [house.id]);
  expect((await signIn(house, house.admin)).status).toBe(401);
  expect((await request("GET", "/v1/me", { token: house.token })).status).toBe(401);
  await admin("update app.organization set status = 'active' where organization_id = $1", [house.id]);
  expect((await signIn(house, house.admin)).status).toBe(201);
});

test("what a proxy tells of an address and what is no address never break signing in [row 73]", async () => {
  const behind = await testApp({ config: { trustedProxies: 1 } });
  const people = given(behind);
  const house = await people.organization();
  const from = async (address: string) => {
    const answer = await trySignIn(behind)(house, house.admin, { headers: { "x-forwarded-for": address } });
    expect(answer.status).toBe(201);
    const { token } = answer.body;
    return (await behind.request("GET", `/v1/users/${house.admin.id}/sign-in`, { token })).body.lastLoginIp;
  };
  expect(await from("203.0.113.7")).toBe("203.0.113.7");
  expect(await from("198.51.100.1, 203.0.113.9")).toBe("203.0.113.9");
  expect(await from("2001:db8::1")).toBe("2001:db8::1");
  for (const nonsense of ["999.1.1.1", "1.2", ":::::", "a.b.c"])
    expect([null, "127.0.0.1"]).toContain((await from(nonsense)) as null);
  await behind.close();
});

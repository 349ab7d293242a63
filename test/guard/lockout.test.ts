/** The guard before the password: how often somebody may try, and from where. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { withTenant } from "../../src/db.ts";
import { endExpiredLockIn } from "../../src/guard/guard.ts";
import { signal, trySignIn, watchVerifications } from "../sessions/support.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
const verifications = watchVerifications(app);
afterAll(app.close);

const school = await it.organization();
const WRONG = "not what it was at all";
beforeEach(() => {
  verifications.count = 0;
});

interface Guard {
  readonly bucket: string;
  readonly sequence: number;
  readonly forgiven: number;
  /** Of the lock, in seconds, when it was made; null when there is none. */
  readonly lock: number | null;
}
const guards = (user: { readonly id: string }) =>
  admin<Guard>(
    `select encode(bucket, 'hex') as bucket, sequence::int as sequence, forgiven_sequence::int as forgiven,
       extract(epoch from locked_until - last_attempt_at)::float8 as lock
     from app.login_guard where user_id = $1 order by bucket`,
    [user.id],
  );
const fail = async (
  user: GivenUser,
  times: number,
  more: Parameters<typeof signIn>[2] = {},
  house: Pick<GivenOrganization, "slug"> = school,
) => {
  for (let n = 0; n < times; n++) {
    expect((await signIn(house, user, { password: WRONG, ...more })).status).toBe(401);
  }
};
const read = async (user: GivenUser) =>
  (
    await request<{ locked: boolean; lockedUntil: string | null; failedLoginCount: number }>(
      "GET",
      `/v1/users/${user.id}/sign-in`,
      { token: school.token },
    )
  ).body;
const expire = (user: GivenUser) =>
  admin("update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1", [
    user.id,
  ]);

describe("five failures", () => {
  test("lock for thirty minutes exactly, and not one fewer; the neighbour is not touched [row 74] [row 22]", async () => {
    const [user, neighbour] = [await it.user(school), await it.user(school)];
    await fail(user, 4);
    expect(await read(user)).toMatchObject({ locked: false, lockedUntil: null, failedLoginCount: 4 });
    expect((await guards(user))[0]?.lock).toBeNull();
    await fail(user, 1);
    expect((await guards(user))[0]).toEqual({ bucket: "", sequence: 5, forgiven: 0, lock: 1800 });
    expect(await read(user)).toMatchObject({ locked: true, failedLoginCount: 5 });
    expect((await signIn(school, user)).status).toBe(401);
    // Not even looked at, and not counted either.
    expect(verifications.count).toBe(5);
    expect((await guards(user))[0]?.sequence).toBe(5);
    expect(await guards(neighbour)).toEqual([]);
    expect((await signIn(school, neighbour)).status).toBe(201);
  });

  test("count together whether they name the e-mail address or the username, in whatever case [row 74]", async () => {
    const user = await it.user(school);
    for (const login of [
      user.email,
      user.username,
      user.email.toUpperCase(),
      user.username.toUpperCase(),
      ` ${user.email}`,
    ]) {
      await fail(user, 1, { login });
    }
    expect((await signIn(school, user)).status).toBe(401);
    expect(await guards(user)).toHaveLength(1);
  });

  test("lock a login that nobody has in the same way [row 75] [row 105]", async () => {
    const nobody = { username: `nobody-${crypto.randomUUID()}`, password: WRONG };
    for (let n = 0; n < 7; n++) expect((await signIn(school, nobody)).status).toBe(401);
    expect(verifications.count).toBe(5);
  });

  test("never end a session that is live", async () => {
    const { user, token } = await it.member(school);
    await fail(user, 6);
    expect((await request("GET", "/v1/me", { token })).status).toBe(200);
  });

  test("in between, a success starts the count anew [row 73] [row 74]", async () => {
    const user = await it.user(school);
    await fail(user, 4);
    expect((await signIn(school, user)).status).toBe(201);
    await fail(user, 4);
    expect((await signIn(school, user)).status).toBe(201);
    expect(await read(user)).toMatchObject({ failedLoginCount: 0, locked: false });
  });

  test("the fifth attempt, when it is right, gets in and leaves no lock [row 74]", async () => {
    const user = await it.user(school);
    await fail(user, 4);
    expect((await signIn(school, user)).status).toBe(201);
    expect((await guards(user))[0]).toEqual({ bucket: "", sequence: 5, forgiven: 5, lock: null });
  });

  test("once the time is over there is one attempt: a wrong one locks again, a right one gets in [row 22] [row 74]", async () => {
    const user = await it.user(school);
    await fail(user, 5);
    await expire(user);
    expect(await read(user)).toMatchObject({ locked: false });
    verifications.count = 0;
    await fail(user, 2);
    expect(verifications.count).toBe(1);
    expect((await guards(user))[0]).toEqual({ bucket: "", sequence: 6, forgiven: 1, lock: 1800 });
    await expire(user);
    expect((await signIn(school, user)).status).toBe(201);
    // And then the count is at its beginning.
    await fail(user, 4);
    expect((await guards(user))[0]?.lock).toBeNull();
  });

  test("five hundred guesses in the moment in which a lock ends look at one password [row 74]", async () => {
    const user = await it.user(school);
    await fail(user, 5);
    for (const lifted of [false, true]) {
      await expire(user);
      const [bucket] = await admin<{ key: string }>(
        "select encode(guard_key, 'hex') as key from app.login_guard where user_id = $1",
        [user.id],
      );
      // Whether the job came first or not.
      if (lifted) {
        await withTenant(app.deps.db, { organizationId: school.id, userId: null }, (tx) =>
          endExpiredLockIn(tx, school.id, bucket?.key ?? "", ""),
        );
        expect(await read(user)).toMatchObject({ locked: false, lockedUntil: null, failedLoginCount: 6 });
      }
      verifications.count = 0;
      await Promise.all(Array.from({ length: 500 }, () => signIn(school, user, { password: WRONG })));
      expect(verifications.count).toBe(1);
      expect((await read(user)).locked).toBe(true);
    }
  });

  test("in a row last longer and longer where the organization wants it, until a success [row 74]", async () => {
    const house = await it.organization();
    const settings = { lockoutMode: "progressive", lockoutMinutes: 10 };
    await request("PATCH", "/v1/organization", {
      token: house.token,
      headers: { "if-match": "*" },
      body: { settings },
    });
    const user = await it.user(house);
    await fail(user, 5, {}, house);
    const locks = [(await guards(user))[0]?.lock];
    for (let round = 0; round < 8; round++) {
      await expire(user);
      await fail(user, 1, {}, house);
      locks.push((await guards(user))[0]?.lock);
    }
    expect(locks).toEqual([600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, 86400]);
    await expire(user);
    expect((await signIn(house, user)).status).toBe(201);
    await fail(user, 5, {}, house);
    expect((await guards(user))[0]?.lock).toBe(600);
  });

  test("and minutes are what the organization says, within its bounds [row 74]", async () => {
    const house = await it.organization();
    const change = (settings: Record<string, number>) =>
      request("PATCH", "/v1/organization", {
        token: house.token,
        headers: { "if-match": "*" },
        body: { settings },
      });
    expect((await change({ lockoutAttempts: 3, lockoutMinutes: 7 })).status).toBe(200);
    const user = await it.user(house);
    await fail(user, 2, {}, house);
    expect((await guards(user))[0]?.lock).toBeNull();
    await fail(user, 1, {}, house);
    expect((await guards(user))[0]?.lock).toBe(420);
    for (const out of [
      { lockoutAttempts: 2 },
      { lockoutAttempts: 21 },
      { lockoutMinutes: 0 },
      { lockoutMinutes: 1441 },
    ]) {
      expect((await change(out)).status).toBe(422);
    }
    // What is stored and makes no sense counts as the default: a lock that never locks would be one.
    await admin(
      `update app.organization set settings = '{"lockoutAttempts": 1000000, "lockoutMinutes": "x"}' where organization_id = $1`,
      [house.id],
    );
    const next = await it.user(house);
    await fail(next, 5, {}, house);
    expect((await guards(next))[0]?.lock).toBe(1800);
  });
});

describe("many at once", () => {
  test("a thousand guesses at one login look at five passwords, and the right one among them is no way in [row 74]", async () => {
    const user = await it.user(school);
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, n) =>
        signIn(school, user, {
          login: n % 2 === 0 ? user.username : user.email,
          password: n === 700 ? user.password : WRONG,
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    expect(verifications.count).toBeLessThanOrEqual(5);
    const [guard, ...more] = await guards(user);
    expect(more).toEqual([]);
    expect(guard).toMatchObject({ sequence: 5, lock: 1800 });
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  test("meanwhile somebody else signs in [row 74]", async () => {
    const [victim, neighbour] = [await it.user(school), await it.user(school)];
    const storm = Array.from({ length: 500 }, () => signIn(school, victim, { password: WRONG }));
    expect((await signIn(school, neighbour)).status).toBe(201);
    await Promise.all(storm);
  });

  test("a success gives back the attempts before it, not those that came after [row 74]", async () => {
    const user = await it.user(school);
    await fail(user, 2);
    const [verified, goOn] = [signal(), signal()];
    verifications.after = () => {
      verified.give();
      return goOn.wait;
    };
    const right = signIn(school, user);
    await verified.wait;
    verifications.after = null;
    await fail(user, 2);
    goOn.give();
    expect((await right).status).toBe(201);
    expect((await guards(user))[0]).toEqual({ bucket: "", sequence: 5, forgiven: 3, lock: null });
    await fail(user, 2);
    expect((await guards(user))[0]?.lock).toBeNull();
    await fail(user, 1);
    expect((await guards(user))[0]?.lock).toBe(1800);
  });

  test("a success that was under way does not lift a lock for which enough failures remain [row 74]", async () => {
    const user = await it.user(school);
    const [verified, goOn] = [signal(), signal()];
    verifications.after = () => {
      verified.give();
      return goOn.wait;
    };
    const right = signIn(school, user);
    await verified.wait;
    verifications.after = null;
    // 4 after the right one: five since the last success, so the bucket is locked, but with 4 failures only.
    await fail(user, 4);
    expect((await guards(user))[0]?.lock).toBe(1800);
    goOn.give();
    expect((await right).status).toBe(201);
    expect((await guards(user))[0]).toEqual({ bucket: "", sequence: 5, forgiven: 1, lock: null });
  });
});

test("a hundred failures in a row, over many locks, need somebody's help and not time [row 74]", async () => {
  const user = await it.user(school);
  await fail(user, 1);
  await admin("update app.login_guard set sequence = 98, forgiven_sequence = 95 where user_id = $1", [
    user.id,
  ]);
  await fail(user, 1);
  expect((await guards(user))[0]?.lock).toBeNull();
  await fail(user, 1);
  expect((await guards(user))[0]?.lock).toBeGreaterThan(100 * 365 * 86_400);
  expect((await read(user)).lockedUntil).toBe("9999-12-31T00:00:00.000Z");
  // A success in between starts that count anew as well.
  const other = await it.user(school);
  await fail(other, 1);
  await admin("update app.login_guard set sequence = 98, forgiven_sequence = 95 where user_id = $1", [
    other.id,
  ]);
  expect((await signIn(school, other)).status).toBe(201);
  await fail(other, 2);
  expect((await guards(other))[0]?.lock).toBeNull();
});

describe("devices [row 106]", () => {
  const known = async (user: GivenUser) => (await signIn(school, user)).body.deviceToken;

  test("a stranger who locks the shared bucket does not lock the person out of a device of theirs", async () => {
    const user = await it.user(school);
    const deviceToken = await known(user);
    await fail(user, 6);
    expect((await signIn(school, user)).status).toBe(401);
    const answer = await signIn(school, user, { deviceToken });
    expect(answer.status).toBe(201);
    // The lock of the strangers stays: they have gained nothing.
    expect((await signIn(school, user)).status).toBe(401);
    expect((await guards(user)).map(({ lock }) => lock)).toEqual([1800, null]);
  });

  test("a cookie does as well as the field in the body", async () => {
    const user = await it.user(school);
    const answer = await signIn(school, user);
    const cookie = answer.headers.getSetCookie().find((line) => line.startsWith("satchel-device="));
    await fail(user, 5);
    expect((await signIn(school, user, { headers: { cookie: cookie?.split(";")[0] ?? "" } })).status).toBe(
      201,
    );
  });

  test("and the other way round: who fails on a known device locks that device alone", async () => {
    const user = await it.user(school);
    const deviceToken = await known(user);
    await fail(user, 5, { deviceToken });
    expect((await signIn(school, user, { deviceToken })).status).toBe(401);
    expect((await signIn(school, user)).status).toBe(201);
    const second = await known(user);
    expect((await signIn(school, user, { deviceToken: second })).status).toBe(201);
  });

  test("a token that was made up, or that knows somebody else, shares the bucket of the unknown", async () => {
    const [user, neighbour] = [await it.user(school), await it.user(school)];
    const foreign = await known(neighbour);
    const forged = `${Buffer.from(`${crypto.randomUUID()} ${user.id}:99999`).toString("base64url")}.${"A".repeat(22)}`;
    await fail(user, 2, { deviceToken: foreign });
    await fail(user, 2, { deviceToken: forged });
    await fail(user, 1);
    expect((await guards(user)).map(({ bucket, lock }) => [bucket, lock])).toEqual([["", 1800]]);
  });

  test("a class shares a tablet: each of them is known on it, and one's failures lock no other out", async () => {
    const [ada, ben] = [await it.user(school), await it.user(school)];
    const first = await known(ada);
    const deviceToken = (await signIn(school, ben, { deviceToken: first })).body.deviceToken;
    await fail(ada, 5, { deviceToken });
    await fail(ada, 5);
    await fail(ben, 5);
    expect((await signIn(school, ada, { deviceToken })).status).toBe(401);
    expect((await signIn(school, ben, { deviceToken })).status).toBe(201);
  });

  test("a device that knew somebody 91 days ago knows them no more", async () => {
    const user = await it.user(school);
    const day = Math.floor(Date.now() / 86_400_000);
    const made = (age: number) =>
      app.deps.keys.sign("device", `${crypto.randomUUID()} ${user.id}:${day - age}`);
    await fail(user, 5);
    expect((await signIn(school, user, { deviceToken: made(91) })).status).toBe(401);
    expect((await signIn(school, user, { deviceToken: made(90) })).status).toBe(201);
  });
});

/** Attacks as the admins see them, told from what the guard has counted; and that a class is none. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { watchSignInsJob } from "../../jobs/watch-sign-ins.ts";
import { pruneAttacks, watchSignIns } from "../../src/security/security.ts";
import { trySignIn } from "../sessions/support.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

const app = await domain({ config: { trustedProxies: 1 } });
const { deps, it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
afterAll(app.close);

const ATTACKER = "203.0.113.66";
const CLASSROOM = "198.51.100.7";
const WRONG = "not what it was at all";

let school: GivenOrganization;
beforeEach(async () => {
  school = await it.organization();
});

interface Attack {
  readonly id: string;
  readonly kind: string;
  readonly network: string | null;
  readonly userId: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly endedAt: string | null;
}
const attacks = async (query = "", token = school.token) => {
  const { status, body } = await request<{
    items: readonly Attack[];
    nextCursor: string | null;
  }>("GET", `/v1/security/attacks${query}`, { token });
  expect(status).toBe(200);
  return body;
};
const watch = () => watchSignIns(deps, school.id);
const mails = () =>
  admin<{ user_id: string }>(
    "select user_id from app.mail where organization_id = $1 and template = 'attack_suspected'",
    [school.id],
  );

/** Counts attempts as the guard does, without the cost of hashing. `person` null: a login that nobody has. */
const failures = (
  count: number,
  { network = ATTACKER as string | null, known = false, person = false, ago = "1 minute", each = 1 } = {},
) =>
  admin(
    `with people as (
       insert into app.user (organization_id, user_id, username, full_name)
       select $1, gen_random_uuid(), 'p' || substr(gen_random_uuid()::text, 1, 18), 'P'
       from generate_series(1, case when $4 then $2::int else 0 end)
       returning user_id
     ), tried as (
       select user_id from people union all
       select null from generate_series(1, case when $4 then 0 else $2::int end)
     )
     insert into app.login_guard (organization_id, guard_key, bucket, door, user_id, network, sequence, last_attempt_at)
     select $1, sha256(uuid_send(gen_random_uuid())), case when $5 then uuid_send(gen_random_uuid()) else '' end,
       'password', user_id, $3::inet, $7::int, now() - $6::interval
     from tried`,
    [school.id, count, network, person, known, ago, each],
  );
/** People who signed in from there within the day. */
const arrivals = (count: number, network = CLASSROOM) =>
  admin(
    `with people as (
       insert into app.user (organization_id, user_id, username, full_name)
       select $1, gen_random_uuid(), 'a' || substr(gen_random_uuid()::text, 1, 18), 'A' from generate_series(1, $2::int)
       returning user_id
     )
     insert into app.session (organization_id, user_id, token_hash, ip, expires_at)
     select $1, user_id, sha256(uuid_send(gen_random_uuid())), $3::inet, now() + interval '1 day' from people`,
    [school.id, count, network],
  );

describe("a spray [row 75] [row 106]", () => {
  test("of thirty logins from one address is seen, told once, and carried on rather than seen again", async () => {
    await failures(29, { person: true });
    expect(await watch()).toBe(0);
    expect((await attacks()).items).toEqual([]);
    await failures(1, { person: true });
    expect(await watch()).toBe(1);
    const [attack, ...more] = (await attacks()).items;
    expect(more).toEqual([]);
    expect(attack).toMatchObject({
      kind: "spray",
      network: ATTACKER,
      userId: null,
      accounts: 30,
      attempts: 30,
      endedAt: null,
    });
    await failures(40, { person: true, each: 2 });
    expect(await watch()).toBe(1);
    expect((await attacks()).items).toMatchObject([{ id: attack?.id, accounts: 70, attempts: 110 }]);
    expect(await mails()).toEqual([{ user_id: school.admin.id }]);
    const events = await admin(
      "select outcome from app.audit_event where organization_id = $1 and action = 'attack.suspected'",
      [school.id],
    );
    expect(events).toHaveLength(1);
  });

  test("that goes on is told again after an hour, and to active admins only", async () => {
    const second = await it.user(school, "admin");
    const gone = await it.user(school, "admin");
    await admin("update app.user set status = 'suspended' where user_id = $1", [gone.id]);
    await it.user(school, "teacher");
    await failures(30);
    await watch();
    expect((await mails()).map(({ user_id }) => user_id).sort()).toEqual([school.admin.id, second.id].sort());
    await admin(
      "update app.attack set notified_at = now() - interval '61 minutes' where organization_id = $1",
      [school.id],
    );
    await failures(1, { ago: "0 minutes" });
    await watch();
    await watch();
    expect(await mails()).toHaveLength(4);
  });

  test("from a /64 of IPv6 is one place, two of them are two", async () => {
    const user = await it.user(school);
    for (const address of ["2001:db8:1:2::7", "2001:db8:1:2:9:9:9:9"]) {
      await signIn(school, user, { password: WRONG, headers: { "x-forwarded-for": address } });
    }
    const [row] = await admin("select network::text from app.login_guard where user_id = $1", [user.id]);
    expect(row).toEqual({ network: "2001:db8:1:2::/64" });
    await failures(30, { network: "2001:db8:1:2::/64" });
    await failures(30, { network: "2001:db8:1:3::/64" });
    expect(await watch()).toBe(2);
  });

  test("of mostly unknown logins is an enumeration, and a spray once it finds people", async () => {
    await failures(40);
    await failures(10, { person: true });
    await watch();
    expect((await attacks()).items).toMatchObject([{ kind: "enumeration", accounts: 50 }]);
    await failures(60, { person: true });
    await watch();
    expect((await attacks()).items).toMatchObject([{ kind: "spray", accounts: 110 }]);
  });

  test("from many addresses is seen when it adds up, without the one that was seen by itself", async () => {
    for (let n = 0; n < 99; n++) await failures(1, { network: `192.0.2.${n}` });
    await failures(30);
    expect(await watch()).toBe(1);
    await failures(1, { network: "192.0.2.200" });
    expect(await watch()).toBe(2);
    const { items } = await attacks();
    expect(items.map(({ network, accounts }) => [network, accounts])).toEqual([
      [null, 100],
      [ATTACKER, 30],
    ]);
  });

  test("ends when nothing was seen for an hour, and is removed ninety days later", async () => {
    await failures(30);
    await watch();
    await admin(
      "update app.login_guard set last_attempt_at = now() - interval '61 minutes' where organization_id = $1",
      [school.id],
    );
    await watch();
    expect((await attacks("?status=ended")).items).toEqual([]);
    await admin(
      "update app.attack set last_seen_at = now() - interval '61 minutes' where organization_id = $1",
      [school.id],
    );
    await watch();
    expect((await attacks("?status=open")).items).toEqual([]);
    expect((await attacks("?status=ended")).items).toHaveLength(1);
    // Another one is another attack.
    await failures(30);
    await watch();
    expect((await attacks()).items).toHaveLength(2);
    expect(await pruneAttacks(deps, school.id, 10)).toBe(0);
    await admin(
      "update app.attack set ended_at = now() - interval '91 days' where organization_id = $1 and ended_at is not null",
      [school.id],
    );
    expect(await pruneAttacks(deps, school.id, 10)).toBe(1);
    expect((await attacks()).items).toHaveLength(1);
  });
});

describe("what is no attack", () => {
  test("three hundred pupils behind one address, of whom one in twenty mistypes and some give up", async () => {
    await arrivals(300);
    await failures(60, { network: CLASSROOM, person: true });
    expect(await watch()).toBe(0);
    // A spray beside them, behind the same address, is out of proportion.
    await failures(60, { network: CLASSROOM, person: true });
    expect(await watch()).toBe(1);
  });

  test("a failure that a success has followed, one on a known device, one of long ago", async () => {
    const user = await it.user(school);
    await signIn(school, user, { password: WRONG });
    expect((await signIn(school, user)).status).toBe(201);
    await failures(29);
    await failures(40, { known: true });
    await failures(40, { ago: "61 minutes" });
    expect(await watch()).toBe(0);
  });

  test("an attack on another school", async () => {
    await failures(30);
    const other = await it.organization();
    await watchSignInsJob(deps, {
      id: crypto.randomUUID(),
      payload: {},
      attempt: 1,
      lastAttempt: false,
      signal: new AbortController().signal,
    });
    expect((await attacks()).items).toHaveLength(1);
    expect((await attacks("", other.token)).items).toEqual([]);
  });
});

test("one person who is locked out twice in a row by strangers is guessed at [row 74]", async () => {
  const user: GivenUser = await it.user(school);
  for (let n = 0; n < 5; n++) await signIn(school, user, { password: WRONG });
  expect(await watch()).toBe(0);
  await admin("update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1", [
    user.id,
  ]);
  await signIn(school, user, { password: WRONG });
  expect(await watch()).toBe(1);
  expect((await attacks()).items).toMatchObject([
    { kind: "guessing", userId: user.id, network: null, accounts: 1, attempts: 6 },
  ]);
});

test("attacks come page by page, the latest begun first, and to admins only [row 56]", async () => {
  for (let n = 1; n <= 3; n++) {
    await failures(30, { network: `203.0.113.${n}` });
    await watch();
  }
  const first = await attacks("?limit=2");
  expect(first.items.map(({ network }) => network)).toEqual(["203.0.113.3", "203.0.113.2"]);
  const second = await attacks(`?limit=2&cursor=${first.nextCursor}`);
  expect(second.items.map(({ network }) => network)).toEqual(["203.0.113.1"]);
  expect(second.nextCursor).toBeNull();
  for (const role of ["student", "teacher", "parent"] as const) {
    const { token } = await it.member(school, role);
    expect((await request("GET", "/v1/security/attacks", { token })).status).toBe(403);
  }
  expect((await request("GET", "/v1/security/attacks?status=over", { token: school.token })).status).toBe(
    422,
  );
});

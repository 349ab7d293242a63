/** The guard at each door: what is counted together and what apart, and what follows a lock. */
import { afterAll, expect, test } from "bun:test";
import { lockOut } from "../../jobs/lock-out.ts";
import { withTenant } from "../../src/db.ts";
import { readDevice, rememberOn } from "../../src/devices.ts";
import { type Attempt, type GuardedDoor, guarded, reopenLoginIn } from "../../src/guard/guard.ts";
import type { JobPayloads } from "../../src/queue.ts";
import { DEFAULT_SETTINGS } from "../../src/settings.ts";
import { domain } from "../support/domain.ts";
import type { GivenUser } from "../support/given.ts";

const app = await domain();
const { deps, it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const origin = { address: "203.0.113.66", userAgent: null, deviceToken: null };

/** Tries with what is right or wrong; null when nothing was looked at. */
const attempt = async (
  door: GuardedDoor,
  user: Pick<GivenUser, "id"> | null,
  matches: boolean,
  more: Partial<Attempt> = {},
): Promise<boolean | null> => {
  const tried = {
    organizationId: school.id,
    door,
    userId: user?.id ?? null,
    login: "somebody",
    device: null,
    origin,
    ...more,
  };
  return (await guarded(deps, tried, DEFAULT_SETTINGS, async () => ({ matches })))?.matches ?? null;
};
const fail = async (door: GuardedDoor, user: Pick<GivenUser, "id"> | null, more: Partial<Attempt> = {}) => {
  const seen: (boolean | null)[] = [];
  for (let n = 0; n < 6; n++) seen.push(await attempt(door, user, false, more));
  return seen;
};
const FIVE = [false, false, false, false, false, null];

test("each door is locked for itself, but the password and the password again are one [row 74]", async () => {
  const user = await it.user(school);
  expect(await fail("second_factor", user)).toEqual(FIVE);
  expect(await attempt("recovery_code", user, true)).toBe(true);
  expect(await attempt("reset", user, true)).toBe(true);
  expect(await attempt("invitation", user, true)).toBe(true);
  expect(await attempt("password", user, true)).toBe(true);
  expect(await attempt("second_factor", user, true)).toBeNull();
  expect(await fail("reauthentication", user)).toEqual(FIVE);
  expect(await attempt("password", user, true)).toBeNull();
  const doors = await admin("select distinct door from app.login_guard where user_id = $1 order by 1", [
    user.id,
  ]);
  expect(doors.map(({ door }) => door)).toEqual([
    "invitation",
    "password",
    "recovery_code",
    "reset",
    "second_factor",
  ]);
});

test("of five hundred at once five are looked at, at every door [row 74]", async () => {
  for (const door of ["second_factor", "recovery_code", "reset", "invitation"] as const) {
    const user = await it.user(school);
    let looked = 0;
    await Promise.all(
      Array.from({ length: 500 }, () =>
        guarded(
          deps,
          { organizationId: school.id, door, userId: user.id, login: "", device: null, origin },
          DEFAULT_SETTINGS,
          async () => {
            looked += 1;
            return { matches: false };
          },
        ),
      ),
    );
    expect([door, looked]).toEqual([door, 5]);
  }
});

test("a session has a bucket of its own, and so has a known device, at every door [row 106]", async () => {
  const user = await it.user(school);
  const day = Math.floor(Date.now() / 86_400_000);
  const device = readDevice(deps.keys, rememberOn(deps.keys, null, user.id, day).token);
  for (const door of ["password", "second_factor", "recovery_code", "reset"] as const) {
    expect(await fail(door, user)).toEqual(FIVE);
    expect(await fail(door, user, { device })).toEqual(FIVE);
    expect(await attempt(door, user, true, { sessionId: crypto.randomUUID() })).toBe(true);
  }
});

test("what nobody has is counted by what was tried, and in each organization apart [row 75] [row 45]", async () => {
  expect(await fail("password", null, { login: "nobody" })).toEqual(FIVE);
  expect(await attempt("password", null, false, { login: "nobody else" })).toBe(false);
  const other = await it.organization();
  expect(await attempt("password", null, false, { login: "nobody", organizationId: other.id })).toBe(false);
});

test("reopening opens every door of the person and no one else's", async () => {
  const [user, neighbour] = [await it.user(school), await it.user(school)];
  for (const one of [user, neighbour]) {
    await fail("password", one);
    await fail("second_factor", one);
  }
  await withTenant(deps.db, { organizationId: school.id, userId: null }, (tx) =>
    reopenLoginIn(tx, school.id, user.id),
  );
  expect(await attempt("password", user, true)).toBe(true);
  expect(await attempt("second_factor", user, true)).toBe(true);
  expect(await attempt("password", neighbour, true)).toBeNull();
});

const jobs = async () =>
  (
    await admin<{ id: string; data: JobPayloads["lockout"] }>(
      "select id, data from pgboss.job where name = 'lockout' and data->>'step' = 'locked' order by created_on",
    )
  ).map(({ id, data: payload }) => ({
    id,
    payload,
    attempt: 1,
    lastAttempt: false,
    signal: new AbortController().signal,
  }));
const followUp = async () => {
  for (const job of await jobs()) await lockOut(deps, job);
  await admin("delete from pgboss.job");
};
const mails = async (user: GivenUser) =>
  (await admin("select 1 from app.mail where user_id = $1 and template = 'login_locked'", [user.id])).length;
const audited = async (user: GivenUser, action: string) =>
  (
    await admin(
      `select 1 from app.audit_event e join app.audit_subject s using (organization_id, sequence)
       where s.subject_id = $1 and e.action = $2`,
      [user.id, action],
    )
  ).length;

test("a lock is told to the person: the first, the second, the fourth in a row, not every one [row 74] [row 99]", async () => {
  const user = await it.user(school);
  await admin("delete from pgboss.job");
  const told: number[] = [];
  for (let lock = 1; lock <= 5; lock++) {
    if (lock === 1) await fail("password", user);
    else {
      await admin(
        "update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1",
        [user.id],
      );
      expect(await attempt("password", user, false)).toBe(false);
    }
    await followUp();
    told.push(await mails(user));
  }
  expect(told).toEqual([1, 2, 2, 3, 3]);
  expect(await audited(user, "login.locked")).toBe(5);
});

test("a lock on a device of their own the person sees by themselves", async () => {
  const user = await it.user(school);
  await admin("delete from pgboss.job");
  const day = Math.floor(Date.now() / 86_400_000);
  const device = readDevice(deps.keys, rememberOn(deps.keys, null, user.id, day).token);
  await fail("password", user, { device });
  await followUp();
  expect(await mails(user)).toBe(0);
  expect(await audited(user, "login.locked")).toBe(1);
});

test("an admin opens the login again, and that is in the audit [row 74]", async () => {
  const user = await it.user(school);
  await fail("password", user);
  expect((await request("POST", `/v1/users/${user.id}/unlock`, { token: school.token })).status).toBe(204);
  expect(await attempt("password", user, true)).toBe(true);
  expect(await audited(user, "login.unlocked")).toBe(1);
});

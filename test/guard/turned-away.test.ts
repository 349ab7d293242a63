/** Attempts at a login that is locked: none is looked at, all are counted, and hardly any writes a row. */
import { afterAll, expect, test } from "bun:test";
import { guarded } from "../../src/guard/guard.ts";
import { watchSignIns } from "../../src/security/security.ts";
import { DEFAULT_SETTINGS } from "../../src/settings.ts";
import { domain } from "../support/domain.ts";
import type { GivenUser } from "../support/given.ts";

const app = await domain();
const { deps, it } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const origin = { address: "203.0.113.66", userAgent: null, deviceToken: null };
const attempt = async ({ id }: Pick<GivenUser, "id">, matches = false) => {
  const tried = { organizationId: school.id, door: "password", userId: id, login: "", device: null } as const;
  const verdict = await guarded(deps, { ...tried, origin }, DEFAULT_SETTINGS, async () => ({ matches }));
  return verdict?.matches ?? null;
};
const guardOf = async ({ id }: Pick<GivenUser, "id">) => {
  const [row] = await admin<{ turned: number; counted: number; last: string }>(
    `select turned_away::int as turned, (sequence - success_sequence)::int as counted, last_attempt_at::text as last
     from app.login_guard where user_id = $1`,
    [id],
  );
  return row;
};
const aMinuteLater = ({ id }: Pick<GivenUser, "id">) =>
  admin("update app.login_guard set last_attempt_at = now() - interval '61 seconds' where user_id = $1", [
    id,
  ]);

test("are written once a minute, are all there in the end, and make no lock longer", async () => {
  const user = await it.user(school);
  const neighbour = await it.user(school);
  for (const each of [user, neighbour]) for (let n = 0; n < 5; n++) await attempt(each);
  const locked = await guardOf(user);
  expect(locked).toMatchObject({ turned: 0, counted: 5 });
  for (let n = 0; n < 20; n++) expect(await attempt(user)).toBeNull();
  expect(await guardOf(user)).toEqual(locked);

  await aMinuteLater(user);
  const storm = await Promise.all(Array.from({ length: 300 }, () => attempt(user, true)));
  expect(new Set(storm)).toEqual(new Set([null]));
  const after = await guardOf(user);
  expect(after?.turned).toBeGreaterThan(20);
  expect(after?.counted).toBe(5);
  // Within the minute nothing more is written.
  for (let n = 0; n < 5; n++) await attempt(user);
  expect(await guardOf(user)).toEqual(after);

  await aMinuteLater(user);
  await attempt(user);
  expect(await guardOf(user)).toMatchObject({ turned: 326, counted: 5 });
  expect(await guardOf(neighbour)).toMatchObject({ turned: 0, counted: 5 });

  // Two locks in a row are an attack, which does not stand still while the login is locked.
  await admin("update app.login_guard set locks = 2 where user_id = $1", [user.id]);
  await watchSignIns(deps, school.id);
  const seen = await admin("select kind, attempts from app.attack where user_id = $1", [user.id]);
  expect(seen).toEqual([{ kind: "guessing", attempts: 331 }]);

  // Who gets in when the lock has run out has begun anew.
  await admin("update app.login_guard set locked_until = now() where user_id = $1", [user.id]);
  expect(await attempt(user, true)).toBe(true);
  expect(await guardOf(user)).toMatchObject({ turned: 0, counted: 0 });
});

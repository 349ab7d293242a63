/** Changing one's own password. */
import { afterAll, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { trySignIn, watchVerifications } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
const verifications = watchVerifications(app);
afterAll(app.close);

const school = await it.organization();
const NEW = "nine loud geese land on ice";
const WRONG = "not what it was at all";
const change = (token: string, newPassword: unknown = NEW, currentPassword: unknown = PASSWORD) =>
  request<{ type: string; errors?: readonly { pointer: string }[] }>("PUT", "/v1/me/password", {
    token,
    body: { currentPassword, newPassword },
  });
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const hash = async (id: string) =>
  (
    await admin<{ hash: string }>("select password_hash as hash from app.credential where user_id = $1", [id])
  )[0]?.hash;

test("the new one opens, the old one does no more, and all other sessions end [row 77] [row 80]", async () => {
  const { user, token } = await it.member(school);
  const other = await it.session(school, user);
  const { user: neighbour, token: neighbourToken } = await it.member(school);
  const untouched = await hash(neighbour.id);
  expect((await change(token)).status).toBe(204);
  expect(await Promise.all([token, other, neighbourToken].map(isIn))).toEqual([true, false, true]);
  expect((await signIn(school, user)).status).toBe(401);
  expect((await signIn(school, user, { password: NEW })).status).toBe(201);
  expect(await hash(neighbour.id)).toBe(untouched);
  const reasons = await admin(
    "select end_reason from app.session where user_id = $1 and ended_at is not null",
    [user.id],
  );
  expect(reasons).toEqual([{ end_reason: "password_changed" }]);
});

test("without the current one it is refused, five times looked at, and the sign-in itself is not locked by it [row 74]", async () => {
  const { user, token } = await it.member(school);
  const before = await hash(user.id);
  verifications.count = 0;
  for (let n = 0; n < 8; n++) expect((await change(token, NEW, WRONG)).status).toBe(403);
  expect(verifications.count).toBe(5);
  // Even the right one is not looked at now: a stolen session must not go on guessing.
  const answer = await change(token);
  expect([answer.status, answer.body.type]).toEqual([403, "urn:satchel:problem:current_password_refused"]);
  expect(verifications.count).toBe(5);
  expect(await hash(user.id)).toBe(before);
  expect(await isIn(token)).toBe(true);
  expect((await signIn(school, user)).status).toBe(201);
});

test.each([
  ["too short", "short one"],
  ["too long", "long ".repeat(30)],
  ["the same over and over", "abababababababababab"],
])("a new one that is %s is refused, and nothing has changed [row 80]", async (_, newPassword) => {
  const { user, token } = await it.member(school);
  const other = await it.session(school, user);
  const before = await hash(user.id);
  const answer = await change(token, newPassword);
  expect([answer.status, answer.body.type]).toEqual([422, "urn:satchel:problem:password_refused"]);
  expect(answer.body.errors?.[0]?.pointer).toBe("#/newPassword");
  expect(JSON.stringify(answer.body)).not.toContain(newPassword);
  expect(await hash(user.id)).toBe(before);
  expect(await isIn(other)).toBe(true);
});

test("nor may it be made of the person's or the organization's names", async () => {
  const { user, token } = await it.member(school);
  for (const name of [user.username, school.slug]) {
    expect((await change(token, `${name} ${name} ${name}`)).status).toBe(422);
  }
});

test("a pupil may have a shorter one where the organization says so", async () => {
  const house = await it.organization();
  await request("PATCH", "/v1/organization", {
    token: house.token,
    headers: { "if-match": "*" },
    body: { settings: { studentPasswordMinimum: 8 } },
  });
  const { token: pupil } = await it.member(house);
  const { token: teacher } = await it.member(house, "teacher");
  expect((await change(pupil, "blue-kites")).status).toBe(204);
  expect((await change(teacher, "blue-kites")).status).toBe(422);
});

test("of several changes at once from the same old one, one goes through [row 43]", async () => {
  const { user, token } = await it.member(school);
  const candidates = Array.from({ length: 4 }, (_, n) => `${NEW} number ${n}`);
  const answers = await Promise.all(candidates.map((each) => change(token, each)));
  const won = answers.findIndex(({ status }) => status === 204);
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 403, 403, 403]);
  expect((await signIn(school, user, { password: candidates[won] ?? "" })).status).toBe(201);
});

test("somebody who was given no password has none to change", async () => {
  const { user, token } = await it.member(school);
  await admin("update app.credential set password_hash = null, pepper_key_id = null where user_id = $1", [
    user.id,
  ]);
  expect((await change(token)).status).toBe(403);
  expect(await hash(user.id)).toBeNull();
});

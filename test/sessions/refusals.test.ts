/** What is refused is in the audit, whichever way it was tried; and what a sign-in finds changed when it is done. */
import { afterAll, describe, expect, test } from "bun:test";
import { setOrganizationStatus } from "../../src/organizations/organizations.ts";
import type { Passwords } from "../../src/passwords.ts";
import { codeOf, factors, wrongCodeOf } from "../second-factors/support.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";
import { tokenFor } from "../support/mailbox.ts";
import { trySignIn, watchVerifications } from "./support.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
const { person, prove, challenge } = factors(app);
const signIn = trySignIn(app);
const verifications = watchVerifications(app);
afterAll(app.close);

const WRONG = "not what it was at all";

/** What was refused in an organization: the action, why, and whom it was about. */
const refusedIn = async ({ id }: Pick<GivenOrganization, "id">) =>
  (
    await admin<{ said: string }>(
      `select concat_ws(' ', action, details->>'reason', subject_ids[1]) as said
       from app.audit_event where organization_id = $1 and outcome = 'refused' order by sequence`,
      [id],
    )
  ).map(({ said }) => said);
const stored = async ({ id }: Pick<GivenOrganization, "id">) =>
  (
    await admin<{ text: string }>(
      "select coalesce(string_agg(e::text, ' '), '') as text from app.audit_event e where organization_id = $1",
      [id],
    )
  )[0]?.text ?? "";
const refresh = (refreshToken: string) =>
  request<{ refreshToken: string }>("POST", "/v1/sessions/refresh", { body: { refreshToken } });
const openLongLived = async ({ slug }: GivenOrganization, { username, password }: GivenUser) => {
  const body = { organization: slug, login: username, password, longLived: true };
  return (await request<{ token: string; refreshToken: string }>("POST", "/v1/sessions", { body })).body;
};

describe("in the audit is", () => {
  test("a sign-in at a login that is locked, of somebody and of nobody", async () => {
    const house = await it.organization();
    const user = await it.user(house);
    for (let n = 0; n < 6; n++) expect((await signIn(house, user, { password: WRONG })).status).toBe(401);
    const wrong = `session.refused password ${user.id}`;
    const locked = `session.refused locked ${user.id}`;
    expect(await refusedIn(house)).toEqual([...Array(5).fill(wrong), locked]);
    expect((await signIn(house, user)).status).toBe(401);
    for (let n = 0; n < 6; n++) await signIn(house, user, { login: "nobody-of-that-name" });
    expect((await refusedIn(house)).slice(6)).toEqual([
      locked,
      ...Array(5).fill("session.refused password"),
      "session.refused locked",
    ]);
    expect(await stored(house)).not.toContain("nobody-of-that-name");
  });

  test("a refresh token that nobody has, and one whose session is over", async () => {
    const house = await it.organization();
    const user = await it.user(house);
    const { refreshToken, token } = await openLongLived(house, user);
    const bytes = Buffer.from(refreshToken.replace("satchel_refresh_", ""), "base64url");
    const unknown = `satchel_refresh_${Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(32, 7)]).toString("base64url")}`;
    expect((await refresh(unknown)).status).toBe(401);
    await request("DELETE", "/v1/sessions/current", { token });
    expect((await refresh(refreshToken)).status).toBe(401);
    expect(await refusedIn(house)).toEqual([
      "session.refreshed unknown",
      `session.refreshed ended ${user.id}`,
    ]);
  });

  test("a challenge that nobody was given, one that is over, a wrong code, and a door that is locked", async () => {
    const house = await it.organization();
    const { user, secret } = await person(house);
    const token = await challenge(house, user);
    const bytes = Buffer.from(token.replace("satchel_challenge_", ""), "base64url");
    const unknown = `satchel_challenge_${Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(32, 7)]).toString("base64url")}`;
    const code = wrongCodeOf(secret);
    expect((await prove(unknown, { code })).status).toBe(401);
    for (let n = 0; n < 5; n++) expect((await prove(token, { code })).status).toBe(401);
    expect((await prove(token, { code: codeOf(secret) })).status).toBe(401);
    await admin("update app.sign_in_challenge set expires_at = now() where user_id = $1", [user.id]);
    expect((await prove(token, { code })).status).toBe(401);
    expect(await refusedIn(house)).toEqual([
      "second_factor.refused challenge",
      ...Array(5).fill(`second_factor.refused code ${user.id}`),
      `second_factor.refused locked ${user.id}`,
      "second_factor.refused challenge",
    ]);
  });

  test("a wrong code while a second factor is set up", async () => {
    const house = await it.organization();
    const { user, token } = await it.member(house);
    const { body } = await request<{ secret: string }>("POST", "/v1/me/second-factor", { token });
    const confirm = (code: string) =>
      request("POST", "/v1/me/second-factor/confirmation", { token, body: { code } });
    expect((await confirm(wrongCodeOf(body.secret))).status).toBe(422);
    expect(await refusedIn(house)).toEqual([`second_factor.enrolled code ${user.id}`]);
    expect((await confirm(codeOf(body.secret))).status).toBe(200);
  });

  test("nothing of an organization that is not there, whose name a token can hold", async () => {
    const invented = Buffer.concat([Buffer.alloc(16, 9), Buffer.alloc(32, 7)]).toString("base64url");
    const before = app.lines.length;
    expect((await refresh(`satchel_refresh_${invented}`)).status).toBe(401);
    expect((await prove(`satchel_challenge_${invented}`, { code: "123456" })).status).toBe(401);
    expect(app.lines.slice(before)).toEqual([]);
  });
});

describe("while the password is looked at", () => {
  test("an organization that is suspended opens no session, which nobody finds open when it is back", async () => {
    const house = await it.organization();
    const user = await it.user(house);
    verifications.after = async () => {
      await setOrganizationStatus(deps, house.id, "suspended");
    };
    const refused = await signIn(house, user).finally(() => {
      verifications.after = null;
    });
    expect([refused.status, refused.body.type]).toEqual([401, "urn:satchel:problem:sign_in_refused"]);
    await setOrganizationStatus(deps, house.id, "active");
    expect(await admin("select from app.session where user_id = $1", [user.id])).toEqual([]);
    expect(await refusedIn(house)).toEqual([`session.refused overtaken ${user.id}`]);
    expect((await signIn(house, user)).status).toBe(201);
  });
});

test("a password that is hashed anew at a sign-in is no other password: its date and a mailed link stay", async () => {
  const house = await it.organization();
  const user = await it.user(house);
  await request("POST", "/v1/password-resets", { body: { organization: house.slug, login: user.username } });
  const link = await tokenFor(deps, house.id, user.id, "reset_password");
  const credential = async () =>
    (
      await admin<{ hash: string; changed: string }>(
        "select password_hash as hash, password_changed_at::text as changed from app.credential where user_id = $1",
        [user.id],
      )
    )[0];
  const before = await credential();
  const { verify } = deps.passwords;
  Object.assign(deps.passwords, {
    verify: async (...call: Parameters<Passwords["verify"]>) => ({
      ...(await verify(...call)),
      outdated: true,
    }),
  });
  const signedIn = await signIn(house, user).finally(() => Object.assign(deps.passwords, { verify }));
  expect(signedIn.status).toBe(201);
  const after = await credential();
  expect(after?.hash).not.toBe(before?.hash);
  expect(after?.changed).toBe(before?.changed);
  expect((await signIn(house, user)).status).toBe(201);
  const body = { token: link, newPassword: "nine loud geese cross the bridge" };
  expect((await request("POST", "/v1/password-resets/consume", { body })).status).toBe(204);
});

describe("another address, once it is confirmed", () => {
  test("ends every session but the one that asked for it, and nobody else's; the old address cannot take it back", async () => {
    const house = await it.organization();
    const [{ user, token }, neighbour] = [await it.member(house), await it.member(house)];
    const [other, app] = [await it.session(house, user), await openLongLived(house, user)];
    const isIn = async (each: string) => (await request("GET", "/v1/me", { token: each })).status === 200;
    const email = `new-${user.email}`;
    expect((await request("PUT", "/v1/me/email", { token, body: { email } })).status).toBe(202);
    expect(await Promise.all([token, other, app.token].map(isIn))).toEqual([true, true, true]);
    const link = await tokenFor(deps, house.id, user.id, "confirm_email");
    const consume = () => request("POST", "/v1/email-changes/consume", { body: { token: link } });
    expect((await consume()).status).toBe(204);
    expect(await Promise.all([token, other, app.token, neighbour.token].map(isIn))).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect((await refresh(app.refreshToken)).status).toBe(401);
    const ended = await admin(
      "select end_reason from app.session where user_id = $1 and ended_at is not null",
      [user.id],
    );
    expect(ended).toEqual([{ end_reason: "email_changed" }, { end_reason: "email_changed" }]);
    const [event] = await admin<{ details: Readonly<Record<string, unknown>> }>(
      "select details from app.audit_event where organization_id = $1 and action = 'session.ended'",
      [house.id],
    );
    expect(event?.details).toEqual({ count: 2, reason: "email_changed" });
  });
});

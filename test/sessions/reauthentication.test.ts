/** Proving again who one is, and what a fresh proof allows. */
import { afterAll, describe, expect, test } from "bun:test";
import { codeOf, factors, wrongCodeOf } from "../second-factors/support.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { trySignIn, watchVerifications } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, enrol, forgetCode } = factors(app);
const signIn = trySignIn(app);
const verifications = watchVerifications(app);
afterAll(app.close);

const school = await it.organization();
const WRONG = "not what it was at all";

interface Answer {
  readonly token: string;
  readonly expiresAt: string;
  readonly idleExpiresAt: string | null;
  readonly type?: string;
}
const prove = (token: string, body: Readonly<Record<string, unknown>>) =>
  request<Answer>("POST", "/v1/sessions/current/reauthentication", { token, body });
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const said = ({ status, body }: { status: number; body: Answer }) =>
  `${status} ${body.type?.replace("urn:satchel:problem:", "")}`;
const REFUSED = "403 reauthentication_refused";
const age = (userId: string) =>
  admin("update app.session set authenticated_at = now() - interval '6 minutes' where user_id = $1", [
    userId,
  ]);
/** Something that needs a fresh proof. */
const asks = async (token: string) =>
  said(await request<Answer>("POST", "/v1/me/second-factor/recovery-codes", { token }));

test("with the password gives another token, which alone is good now and is fresh [row 77]", async () => {
  const { user, token } = await it.member(school);
  const other = await it.session(school, user);
  await age(user.id);
  expect(await asks(token)).toBe("403 reauthentication_required");
  const { status, body } = await prove(token, { password: PASSWORD });
  expect(status).toBe(200);
  expect(await Promise.all([token, body.token, other].map(isIn))).toEqual([false, true, true]);
  expect(await asks(body.token)).toBe("404 not_found");
  // The other one was not proved.
  expect(await asks(other)).toBe("403 reauthentication_required");
  const days = (Date.parse(body.expiresAt) - Date.now()) / 86_400_000;
  expect(days).toBeGreaterThan(29.9);
  expect(body.idleExpiresAt).toBeNull();
  const teacher = await it.member(school, "teacher");
  const again = await prove(teacher.token, { password: PASSWORD });
  const minutes = (Date.parse(again.body.idleExpiresAt ?? "") - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(59);
  expect(minutes).toBeLessThan(60.1);
});

test("a proof is fresh for five minutes, and any request in between does not prolong it", async () => {
  const { user, token } = await it.member(school);
  const to = (seconds: number) =>
    admin(
      "update app.session set authenticated_at = now() - make_interval(secs => $2::int) where user_id = $1",
      [user.id, seconds],
    );
  await to(290);
  expect(await asks(token)).toBe("404 not_found");
  await to(301);
  expect(await isIn(token)).toBe(true);
  expect(await asks(token)).toBe("403 reauthentication_required");
});

test("the browser's cookie goes on with the new token; who came with a bearer token is given no cookie", async () => {
  const user = await it.user(school);
  const { body } = await signIn(school, user);
  const cookie = `satchel-session=${body.token}`;
  const answer = await request<Answer>("POST", "/v1/sessions/current/reauthentication", {
    headers: { cookie, "sec-fetch-site": "same-origin" },
    body: { password: PASSWORD },
  });
  expect(answer.headers.get("set-cookie")).toStartWith(`satchel-session=${answer.body.token}; `);
  expect((await prove(answer.body.token, { password: PASSWORD })).headers.has("set-cookie")).toBe(false);
});

test("a wrong password is refused, five times looked at, shares its count with changing it, and locks no sign-in [row 74]", async () => {
  const { user, token } = await it.member(school);
  const neighbour = await it.member(school);
  verifications.count = 0;
  for (let n = 0; n < 4; n++) expect(said(await prove(token, { password: WRONG }))).toBe(REFUSED);
  const change = { currentPassword: WRONG, newPassword: `${PASSWORD} again` };
  expect((await request("PUT", "/v1/me/password", { token, body: change })).status).toBe(403);
  expect(verifications.count).toBe(5);
  expect(said(await prove(token, { password: PASSWORD }))).toBe(REFUSED);
  expect(verifications.count).toBe(5);
  expect(await isIn(token)).toBe(true);
  expect((await prove(neighbour.token, { password: PASSWORD })).status).toBe(200);
  expect((await signIn(school, user)).status).toBe(201);
});

describe("with a second factor", () => {
  test("the password alone proves nothing; a code is enough, or both; and one that is wrong is too much [row 74]", async () => {
    const { user, token: first, secret } = await person(school);
    const next = async (token: string, proof: Readonly<Record<string, unknown>>) => {
      await forgetCode(user);
      const { status, body } = await prove(token, proof);
      expect(status).toBe(200);
      return body.token;
    };
    expect(said(await prove(first, { password: PASSWORD }))).toBe("422 proof_missing");
    expect(said(await prove(first, { password: WRONG }))).toBe("422 proof_missing");
    const token = await next(await next(first, { code: codeOf(secret) }), {
      password: PASSWORD,
      code: codeOf(secret),
    });
    await forgetCode(user);
    for (const proof of [
      { password: WRONG, code: codeOf(secret) },
      { password: PASSWORD, code: wrongCodeOf(secret) },
      { code: wrongCodeOf(secret) },
      { recoveryCode: "0000-0000-0000-0000" },
    ]) {
      expect(said(await prove(token, proof))).toBe(REFUSED);
    }
    expect(await isIn(token)).toBe(true);
  });

  test("neither the password nor a session from before takes it away or renews its codes", async () => {
    const { user, token } = await it.member(school);
    const earlier = await it.session(school, user);
    const { secret, recoveryCodes } = await enrol(token);
    await forgetCode(user);
    const remove = async (by: string) => {
      const { status, body } = await request<Answer>("DELETE", "/v1/me/second-factor", { token: by });
      return status === 204 ? "204" : said({ status, body });
    };
    // Both had given their password a moment ago; the first has shown a code since.
    expect(await asks(token)).toBe("200 undefined");
    expect(await remove(earlier)).toBe("403 reauthentication_required");
    expect(await asks(earlier)).toBe("403 reauthentication_required");
    expect(said(await prove(earlier, { password: PASSWORD }))).toBe("422 proof_missing");
    expect(await remove(earlier)).toBe("403 reauthentication_required");
    expect(said(await prove(earlier, { password: PASSWORD, recoveryCode: recoveryCodes[0] }))).toBe(REFUSED);
    const proved = await prove(earlier, { code: codeOf(secret) });
    expect(proved.status).toBe(200);
    expect(await remove(proved.body.token)).toBe("204");
    // Who has none any more needs the password.
    expect((await prove(proved.body.token, { password: PASSWORD })).status).toBe(200);
  });

  test("a code is taken once, also when it is used at once for several", async () => {
    const { token, secret } = await person(school);
    const code = codeOf(secret);
    const answers = await Promise.all([1, 2, 3].map(() => prove(token, { code })));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(said(await prove(won[0]?.body.token ?? "", { code }))).toBe(REFUSED);
  });

  test("a recovery code is used up by it", async () => {
    const { token, recoveryCodes } = await person(school);
    const [recoveryCode = ""] = recoveryCodes;
    const { body } = await prove(token, { recoveryCode });
    expect(said(await prove(body.token, { recoveryCode }))).toBe(REFUSED);
    const { body: state } = await request("GET", "/v1/me/second-factor", { token: body.token });
    expect(state).toMatchObject({ recoveryCodes: 9 });
  });
});

test("nothing is no proof, two codes are one too many, and a code is none where there is no second factor", async () => {
  const { token } = await it.member(school);
  expect(said(await prove(token, {}))).toBe("422 proof_missing");
  expect(said(await prove(token, { code: "123456", recoveryCode: "x" }))).toBe("422 proof_missing");
  expect(said(await prove(token, { code: "123456" }))).toBe(REFUSED);
});

test("a long-lived session is given a token for a quarter of an hour again, and keeps its refresh token", async () => {
  const user = await it.user(school);
  const { body } = await request<Answer & { refreshToken: string }>("POST", "/v1/sessions", {
    body: { organization: school.slug, login: user.username, password: PASSWORD, longLived: true },
  });
  const proved = await prove(body.token, { password: PASSWORD });
  const minutes = (Date.parse(proved.body.expiresAt) - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(14.9);
  expect(minutes).toBeLessThan(15.1);
  const { refreshToken } = body;
  expect((await request("POST", "/v1/sessions/refresh", { body: { refreshToken } })).status).toBe(200);
});

test("both outcomes are in the audit, and neither holds what was given", async () => {
  const { user, token } = await it.member(school);
  await prove(token, { password: WRONG });
  await prove(token, { password: PASSWORD });
  const events = await admin<{ action: string; outcome: string; text: string }>(
    `select action, outcome, e::text as text from app.audit_event e
     where $1 = any(e.subject_ids) and action = 'session.reauthenticated' order by sequence`,
    [user.id],
  );
  expect(events.map(({ outcome }) => outcome)).toEqual(["refused", "success"]);
  for (const { text } of events) {
    expect(text).not.toContain(WRONG);
    expect(text).not.toContain(PASSWORD);
  }
});

/** Times are PostgreSQL's: a node whose clock is wrong lets nobody in for longer, and nobody out sooner. */
import { afterAll, afterEach, beforeEach, describe, expect, setSystemTime, test } from "bun:test";
import { codeOf, factors } from "../second-factors/support.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, prove, challenge, forgetCode } = factors(app);
afterAll(app.close);

const school = await it.organization();

interface Problem {
  readonly type?: string;
}
/** Something that needs a fresh proof, of somebody who has no second factor. */
const asks = async (token: string) => {
  const { status, body } = await request<Problem>("POST", "/v1/me/second-factor/recovery-codes", { token });
  return `${status} ${body.type?.replace("urn:satchel:problem:", "")}`;
};
const freshUntil = async (token: string) =>
  (await request<{ freshUntil: string }>("GET", "/v1/me/permissions", { token })).body.freshUntil;
const age = (userId: string, seconds: number) =>
  admin(
    "update app.session set authenticated_at = now() - make_interval(secs => $2::int) where user_id = $1",
    [userId, seconds],
  );

const HOUR = 3_600_000;
const realNow = Date.now.bind(Date);
let truth = 0;

describe.each([
  ["an hour slow", -HOUR],
  ["an hour fast", HOUR],
])("on a node that is %s", (_, skew) => {
  beforeEach(() => {
    truth = realNow();
    setSystemTime(new Date(truth + skew));
  });
  afterEach(() => {
    setSystemTime();
  });

  test("a proof is fresh for five minutes", async () => {
    const { user, token } = await it.member(school);
    expect(await asks(token)).toBe("404 not_found");
    await age(user.id, 290);
    expect(await asks(token)).toBe("404 not_found");
    await age(user.id, 301);
    expect(await asks(token)).toBe("403 reauthentication_required");
    expect(Math.abs(Date.parse(await freshUntil(token)) - truth)).toBeLessThan(60_000);
  });

  test("an app that keeps time sets up a second factor, and signs in with it", async () => {
    const { token } = await it.member(school);
    const begun = await request<{ secret: string }>("POST", "/v1/me/second-factor", { token });
    const steps = -skew / 30_000;
    const code = codeOf(begun.body.secret, steps);
    const confirm = (shown: string) =>
      request("POST", "/v1/me/second-factor/confirmation", { token, body: { code: shown } });
    expect((await confirm(codeOf(begun.body.secret))).status).toBe(422);
    expect((await confirm(code)).status).toBe(200);
  });

  test("a code of now opens, and one of the hour that the node believes in does not", async () => {
    setSystemTime();
    const { user, secret } = await person(school);
    const now = codeOf(secret);
    setSystemTime(new Date(truth + skew));
    const believed = codeOf(secret);
    const token = await challenge(school, user);
    expect((await prove(token, { code: believed })).status).toBe(401);
    await forgetCode(user);
    expect((await prove(token, { code: now })).status).toBe(201);
  });
});

test("an API key is not fresh, whatever time it is", async () => {
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const made = await request<{ token: string }>("POST", "/v1/api-keys", {
    token: school.token,
    body: { name: "Timetable", scopes: ["users:read", "users:write"], expiresAt },
  });
  setSystemTime(new Date(0));
  try {
    const { token } = made.body;
    expect(await freshUntil(token)).toBeNull();
    const more = { fullName: "An admin", username: `late-${school.slug}`, password: PASSWORD, role: "admin" };
    const { status, body } = await request<Problem>("POST", "/v1/users", { token, body: more });
    expect([status, body.type]).toEqual([403, "urn:satchel:problem:api_key_not_allowed"]);
  } finally {
    setSystemTime();
  }
});

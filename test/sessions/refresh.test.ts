/** Long-lived sessions: a token for a quarter of an hour, and a refresh token that is good once. */
import { afterAll, describe, expect, test } from "bun:test";
import { endpoints } from "../../src/endpoints.ts";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/sessions/sessions.ts";
import { requestOf } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, type GivenUser, PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();

interface Tokens {
  readonly token: string;
  readonly expiresAt: string;
  readonly idleExpiresAt: string;
  readonly refreshToken: string;
  readonly type?: string;
}
const open = async (user: GivenUser, house: Pick<GivenOrganization, "slug"> = school) => {
  const answer = await request<Tokens>("POST", "/v1/sessions", {
    body: { organization: house.slug, login: user.username, password: user.password, longLived: true },
  });
  expect(answer.status).toBe(201);
  return answer;
};
const opened = async (role: GivenUser["role"] = "student") => {
  const user = await it.user(school, role);
  return { ...(await open(user)).body, user };
};
const refresh = (refreshToken: string, headers: Readonly<Record<string, string>> = {}) =>
  request<Tokens>("POST", "/v1/sessions/refresh", { body: { refreshToken }, headers });
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const said = ({ status, body }: { status: number; body: Tokens }) =>
  `${status} ${body.type?.replace("urn:satchel:problem:", "")}`;
const REFUSED = "401 refresh_refused";
const tokensOf = (id: string) =>
  admin<{ used: boolean }>(
    `select r.used_at is not null as used from app.refresh_token r join app.session s using (session_id)
     where s.user_id = $1 order by r.created_at`,
    [id],
  );
/** As if it had been used a while ago. */
const age = (id: string, seconds = 11) =>
  admin(
    `update app.refresh_token set used_at = used_at - make_interval(secs => $2::int)
     where session_id in (select session_id from app.session where user_id = $1)`,
    [id, seconds],
  );
const endings = (id: string) =>
  admin<{ reason: string | null }>("select end_reason as reason from app.session where user_id = $1", [id]);
const audited = (id: string) =>
  admin<{ action: string; outcome: string }>(
    "select action, outcome from app.audit_event e where $1 = any(e.subject_ids) and action like 'session.re%' order by sequence",
    [id],
  );
const mails = async (id: string) =>
  (await admin<{ template: string }>("select template from app.mail where user_id = $1", [id])).map(
    ({ template }) => template,
  );

describe("a long-lived session", () => {
  test("has a token for a quarter of an hour and no cookie, and goes on with the next one [row 18]", async () => {
    const user = await it.user(school);
    const { headers, body } = await open(user);
    expect(headers.getSetCookie().map((cookie) => cookie.split("=")[0])).toEqual(["satchel-device"]);
    const minutes = (Date.parse(body.expiresAt) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(14.9);
    expect(minutes).toBeLessThan(15.1);
    expect(await isIn(body.token)).toBe(true);
    await admin("update app.session set token_expires_at = now() where user_id = $1", [user.id]);
    expect(await isIn(body.token)).toBe(false);
    const next = await refresh(body.refreshToken);
    expect(next.status).toBe(200);
    // Half of its thirty days, counted anew from each use.
    for (const { idleExpiresAt } of [body, next.body]) {
      const days = (Date.parse(idleExpiresAt) - Date.now()) / 86_400_000;
      expect(days).toBeGreaterThan(14.9);
      expect(days).toBeLessThan(15.1);
    }
    expect(await isIn(next.body.token)).toBe(true);
    expect(await isIn(body.token)).toBe(false);
    const list = await request<{ items: readonly unknown[] }>("GET", "/v1/sessions", {
      token: next.body.token,
    });
    expect(list.body.items).toEqual([expect.objectContaining({ longLived: true, current: true })]);
  });

  test("renewed loses its old token at once, before that has expired [row 77]", async () => {
    const { token, refreshToken } = await opened();
    const { body } = await refresh(refreshToken);
    expect([await isIn(token), await isIn(body.token)]).toEqual([false, true]);
    expect(body.refreshToken).not.toBe(refreshToken);
  });

  test.each([
    ["student", 43_200, 21_600],
    ["teacher", 720, 60],
    ["admin", 720, 60],
    ["parent", 43_200, 10_080],
  ] as const)(
    "of a %s lives and idles no longer than any other session of theirs",
    async (role, lifetime, idle) => {
      const { user } = await opened(role);
      const [row] = await admin<{ lifetime: number; idle: number }>(
        `select extract(epoch from expires_at - created_at)::int / 60 as lifetime,
           extract(epoch from idle_timeout)::int / 60 as idle from app.session where user_id = $1`,
        [user.id],
      );
      expect(row).toEqual({ lifetime, idle });
    },
  );

  test("renewed or proved again ends with its session all the same", async () => {
    const { user, token, refreshToken } = await opened("teacher");
    await admin("update app.session set expires_at = now() + interval '5 minutes' where user_id = $1", [
      user.id,
    ]);
    const proof = { token, body: { password: PASSWORD } };
    const proved = await request<Tokens>("POST", "/v1/sessions/current/reauthentication", proof);
    const renewed = await refresh(refreshToken);
    for (const { body } of [proved, renewed]) {
      expect((Date.parse(body.expiresAt) - Date.now()) / 60_000).toBeLessThan(5.1);
    }
    await admin("update app.session set expires_at = now() where user_id = $1", [user.id]);
    expect(await isIn(renewed.body.token)).toBe(false);
    expect(said(await refresh(renewed.body.refreshToken))).toBe(REFUSED);
  });

  test("lives for as many days as the organization has settled, or is not to be had", async () => {
    const house = await it.organization();
    const settle = (longLivedSessionDays: number) =>
      request("PATCH", "/v1/organization", {
        token: house.token,
        headers: { "if-match": "*" },
        body: { settings: { longLivedSessionDays } },
      });
    await settle(3);
    const user = await it.user(house);
    await open(user, house);
    const [row] = await admin<{ hours: number; idle: number }>(
      `select extract(epoch from expires_at - created_at)::int / 3600 as hours,
         extract(epoch from idle_timeout)::int / 3600 as idle from app.session where user_id = $1`,
      [user.id],
    );
    expect(row).toEqual({ hours: 72, idle: 36 });
    await settle(0);
    const refused = await request<Tokens>("POST", "/v1/sessions", {
      body: { organization: house.slug, login: house.admin.username, password: PASSWORD, longLived: true },
    });
    expect(said(refused)).toBe("403 long_lived_refused");
  });

  test("keeps keyed hashes alone [row 80]", async () => {
    const { user, refreshToken } = await opened();
    const [row] = await admin<{ text: string }>(
      "select r::text as text from app.refresh_token r join app.session s using (session_id) where s.user_id = $1",
      [user.id],
    );
    const body = refreshToken.replace("satchel_refresh_", "");
    for (const trace of [body, Buffer.from(body, "base64url").toString("hex")]) {
      expect(row?.text).not.toContain(trace);
    }
    expect(row?.text).not.toContain(new Bun.CryptoHasher("sha256").update(refreshToken).digest("hex"));
  });

  test("is not kept alive by its refresh token: unused for half its life it is over", async () => {
    const { user, refreshToken } = await opened();
    await admin("update app.session set last_active_at = now() - interval '15 days' where user_id = $1", [
      user.id,
    ]);
    expect(said(await refresh(refreshToken))).toBe(REFUSED);
  });
});

describe("one refresh token", () => {
  test("used two hundred times at once has one child, and the session lives on", async () => {
    const { user, refreshToken } = await opened();
    const answers = await Promise.all(Array.from({ length: 200 }, () => refresh(refreshToken)));
    const children = answers.filter(({ status }) => status === 200);
    expect(children).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 200).map(said);
    expect(new Set(others)).toEqual(new Set(["409 refreshed_already"]));
    expect(await tokensOf(user.id)).toEqual([{ used: true }, { used: false }]);
    expect(await isIn(children[0]?.body.token ?? "")).toBe(true);
    expect((await refresh(children[0]?.body.refreshToken ?? "")).status).toBe(200);
    expect(await mails(user.id)).toEqual([]);
  }, 30_000);

  test("that comes again later ends the whole family, whoever holds it, and the person is told", async () => {
    const { user, refreshToken } = await opened();
    const neighbour = await opened();
    const elsewhere = await it.session(school, user);
    const second = (await refresh(refreshToken)).body;
    const third = (await refresh(second.refreshToken)).body;
    await age(user.id);
    // The oldest as well as the last but one.
    expect(said(await refresh(refreshToken))).toBe(REFUSED);
    expect(await isIn(third.token)).toBe(false);
    expect(said(await refresh(third.refreshToken))).toBe(REFUSED);
    expect((await endings(user.id)).map(({ reason }) => reason).sort()).toEqual([null, "token_reused"]);
    expect(await isIn(elsewhere)).toBe(true);
    expect(await isIn(neighbour.token)).toBe(true);
    expect((await refresh(neighbour.refreshToken)).status).toBe(200);
    expect(await mails(user.id)).toContain("session_reused");
    expect(await audited(user.id)).toEqual([
      { action: "session.refreshed", outcome: "success" },
      { action: "session.refreshed", outcome: "success" },
      { action: "session.reused", outcome: "refused" },
      { action: "session.refreshed", outcome: "refused" },
    ]);
    // Told once.
    await refresh(refreshToken);
    expect((await mails(user.id)).filter((template) => template === "session_reused")).toHaveLength(1);
  });

  test("that comes again later ends the family on a node that was started meanwhile", async () => {
    const { user, refreshToken } = await opened();
    const { body } = await refresh(refreshToken);
    await age(user.id);
    const probes = { ready: async () => true };
    const restarted = buildApp({ deps: app.deps, endpoints, authenticate, probes });
    const sent = requestOf("POST", { body: { refreshToken } });
    const answer = await restarted.handle(new Request("http://localhost/v1/sessions/refresh", sent));
    expect(answer.status).toBe(401);
    expect(await isIn(body.token)).toBe(false);
    restarted.close();
  });

  test("whose answer was lost gives it again to who repeats the request with its Idempotency-Key", async () => {
    const { user, refreshToken } = await opened();
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await refresh(refreshToken, headers);
    await age(user.id, 3600);
    const again = await refresh(refreshToken, headers);
    expect(again.status).toBe(200);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body).toEqual(first.body);
    expect(await isIn(again.body.token)).toBe(true);
    expect(await tokensOf(user.id)).toEqual([{ used: true }, { used: false }]);
  });

  test("that was made up, or carried to another organization, is refused and ends nothing [row 45]", async () => {
    const { token, refreshToken } = await opened();
    const other = await it.organization();
    const bytes = Buffer.from(refreshToken.replace("satchel_refresh_", ""), "base64url");
    const foreign = Buffer.concat([Buffer.from(other.id.replaceAll("-", ""), "hex"), bytes.subarray(16)]);
    const other32 = Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(32, 7)]);
    for (const forged of [
      "",
      "nonsense",
      token,
      refreshToken.slice(0, -1),
      `satchel_refresh_${foreign.toString("base64url")}`,
      `satchel_refresh_${other32.toString("base64url")}`,
    ]) {
      expect(said(await refresh(forged))).toBe(REFUSED);
    }
    expect(await isIn(refreshToken)).toBe(false);
    expect(await isIn(token)).toBe(true);
    expect((await refresh(refreshToken)).status).toBe(200);
  });
});

describe("what ends a session ends its refresh token [row 77]", () => {
  const any = { "if-match": "*" };
  const cases: Readonly<
    Record<string, (user: GivenUser, token: string) => Promise<{ readonly status: number }>>
  > = {
    "signing out": (_, token) => request("DELETE", "/v1/sessions/current", { token }),
    "ending all": (user) => request("DELETE", `/v1/users/${user.id}/sessions`, { token: school.token }),
    "another role": (user) =>
      request("PUT", `/v1/users/${user.id}/role`, {
        token: school.token,
        headers: any,
        body: { role: "parent" },
      }),
    suspending: (user) =>
      request("PATCH", `/v1/users/${user.id}`, {
        token: school.token,
        headers: any,
        body: { status: "suspended" },
      }),
    deleting: (user) => request("DELETE", `/v1/users/${user.id}`, { token: school.token, headers: any }),
    "another password, from elsewhere": async (user) =>
      request("PUT", "/v1/me/password", {
        token: await it.session(school, user),
        body: { currentPassword: PASSWORD, newPassword: `${PASSWORD} again` },
      }),
  };

  test.each(Object.keys(cases))("%s", async (name) => {
    const { user, token, refreshToken } = await opened();
    const neighbour = await opened();
    const answer = await cases[name]?.(user, token);
    expect([200, 204]).toContain(answer?.status ?? 0);
    expect(said(await refresh(refreshToken))).toBe(REFUSED);
    expect(await tokensOf(user.id)).toEqual([{ used: false }]);
    expect((await refresh(neighbour.refreshToken)).status).toBe(200);
  });

  test("an organization that is suspended", async () => {
    const house = await it.organization();
    const { body } = await open(house.admin, house);
    await admin("update app.organization set status = 'suspended' where organization_id = $1", [house.id]);
    expect(said(await refresh(body.refreshToken))).toBe(REFUSED);
    await admin("update app.organization set status = 'active' where organization_id = $1", [house.id]);
    expect((await refresh(body.refreshToken)).status).toBe(200);
  });
});

test("refresh tokens go with their session when that is removed, and no other's [row 78]", async () => {
  const { user } = await opened();
  const neighbour = await opened();
  await admin("delete from app.session where user_id = $1", [user.id]);
  expect(await tokensOf(user.id)).toEqual([]);
  expect(await tokensOf(neighbour.user.id)).toHaveLength(1);
});

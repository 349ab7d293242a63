import { describe, expect, test } from "bun:test";
import { Refusal } from "../../src/errors.ts";
import { endpointFor } from "../../src/http/endpoint.ts";
import { openLimits } from "../../src/http/limits.ts";
import { configOf, EVERYBODY, ORGANIZATION, OTHER, read, request, send, shell, slugOf } from "./support.ts";
import { things } from "./things.ts";

const limits = (overrides = {}, generation?: number) =>
  openLimits(
    configOf({
      userRequestsPerMinute: 60,
      userConcurrency: 100,
      organizationRequestsPerMinute: 1000,
      organizationConcurrency: 100,
      ...overrides,
    }),
    generation,
  );

const HERE = { organizationId: "o", requestsPerMinute: null };
const THERE = { organizationId: "other", requestsPerMinute: null };

function slug(run: () => unknown): string {
  try {
    run();
    return "taken";
  } catch (error) {
    if (error instanceof Refusal) return error.slug;
    throw error;
  }
}

describe("the rate", () => {
  test("a whole minute's worth may come at once, then one a second [row 108]", () => {
    const limit = limits();
    for (let at = 0; at < 60; at++) limit.user(HERE, "u", 0).release();
    expect(slug(() => limit.user(HERE, "u", 0))).toBe("too_many_requests");
    expect(slug(() => limit.user(HERE, "u", 999))).toBe("too_many_requests");
    expect(slug(() => limit.user(HERE, "u", 1000))).toBe("taken");
    expect(slug(() => limit.user(HERE, "u", 1000))).toBe("too_many_requests");
    expect(slug(() => limit.user(HERE, "other", 1000))).toBe("taken");
  });

  test("a refusal says when to come back, and is not charged", () => {
    const limit = limits({ userRequestsPerMinute: 6 });
    for (let at = 0; at < 6; at++) limit.user(HERE, "u", 0).release();
    for (let at = 0; at < 5; at++) {
      try {
        limit.user(HERE, "u", 0);
      } catch (error) {
        expect((error as Refusal).details.retryAfter).toBe(10);
      }
    }
    expect(limit.user(HERE, "u", 10_000).remaining).toBe(0);
  });

  test("who is refused is sent away until the slowest of what they share has one again", () => {
    // One a second for the person, one in ten seconds for all.
    const limit = limits({ organizationRequestsPerMinute: 6, userRequestsPerMinute: 60 });
    for (let at = 0; at < 6; at++) limit.user(HERE, "u", 0).release();
    try {
      limit.user(HERE, "u", 0);
      throw new Error("not refused");
    } catch (error) {
      const { retryAfter, rate } = (error as Refusal).details;
      expect(retryAfter).toBe(10);
      expect(rate).toEqual({ limit: 6, remaining: 0, reset: 10 });
    }
  });

  test("what an organization has used is told of what binds the caller, and comes back with time", () => {
    const limit = limits({ organizationRequestsPerMinute: 60 });
    for (let at = 0; at < 5; at++) limit.user(HERE, `u${at}`, 0).release();
    expect(limit.user(HERE, "a", 0).organizationUsed).toBe(6);
    expect(limit.apiKey(HERE, "k", 0).organizationUsed).toBe(1);
    expect(limit.user(HERE, "a", 3000).organizationUsed).toBe(4);
    expect(limit.user(THERE, "b", 0).organizationUsed).toBe(1);
    expect(limit.user({ ...HERE, requestsPerMinute: 10 }, "a", 3000).organizationUsed).toBe(1);
    expect(limit.apiKey({ ...HERE, requestsPerMinute: 10 }, "k", 3000).organizationUsed).toBe(2);
    expect(limit.address("10.0.0.1", 0).organizationUsed).toBeNull();
  });

  test("what is left is told of the tighter of the two", () => {
    const limit = limits({ organizationRequestsPerMinute: 61 });
    const { remaining, limit: of, reset } = limit.user(HERE, "a", 0);
    expect([of, remaining, reset]).toEqual([60, 59, 1]);
    expect(limit.user(HERE, "b", 0)).toMatchObject({ limit: 60, remaining: 59 });
    expect(limit.user(HERE, "c", 0)).toMatchObject({ limit: 61, remaining: 58, reset: 3 });
  });

  test("an organization has its own, whoever asks", () => {
    const limit = limits({ organizationRequestsPerMinute: 10 });
    for (let at = 0; at < 10; at++) limit.user(HERE, `u${at}`, 0).release();
    expect(slug(() => limit.user(HERE, "new", 0))).toBe("too_many_requests");
    expect(slug(() => limit.user(THERE, "new", 0))).toBe("taken");
  });

  test("a quota is of all its people and programs together, for as long as it is set, and of no other organization", () => {
    const limit = limits();
    const quota = (requestsPerMinute: number | null) => ({ ...HERE, requestsPerMinute });
    for (let at = 0; at < 5; at++) limit.user(quota(10), `u${at}`, 0).release();
    for (let at = 0; at < 5; at++) limit.apiKey(quota(10), `k${at}`, 0).release();
    expect(slug(() => limit.user(quota(10), "new", 0))).toBe("too_many_requests");
    expect(slug(() => limit.apiKey(quota(10), "new", 0))).toBe("too_many_requests");
    expect(slug(() => limit.user({ ...THERE, requestsPerMinute: 10 }, "new", 0))).toBe("taken");
    // By the quota of the moment: lifted it holds nobody, and raised it fills up faster.
    expect(slug(() => limit.user(quota(null), "new", 0))).toBe("taken");
    expect(slug(() => limit.user(quota(600), "new", 100))).toBe("taken");
    expect(slug(() => limit.user(quota(600), "new", 100))).toBe("too_many_requests");
  });

  test("what is left of a quota is told when that is the tightest", () => {
    const limit = limits();
    expect(limit.user({ ...HERE, requestsPerMinute: 6 }, "u", 0)).toMatchObject({
      limit: 6,
      remaining: 5,
      reset: 10,
    });
  });

  test("addresses of one IPv6 network share a bucket", () => {
    const limit = limits({ userRequestsPerMinute: 1 });
    limit.address("2001:db8:1:2::1", 0);
    expect(slug(() => limit.address("2001:db8:1:2:ffff::9", 0))).toBe("too_many_requests");
    expect(slug(() => limit.address("2001:db8:1:3::1", 0))).toBe("taken");
    limit.address("::ffff:10.0.0.1", 0);
    expect(slug(() => limit.address("10.0.0.1", 0))).toBe("too_many_requests");
    expect(slug(() => limit.address("10.0.0.2", 0))).toBe("taken");
  });

  test("a million addresses take bounded memory, and whoever is active is not forgotten", () => {
    const limit = limits({ userConcurrency: 1 }, 1000);
    const held = limit.address("10.0.0.1", 0);
    for (let at = 0; at < 1_000_000; at++) limit.address(`a${at}`, 0).release();
    expect(limit.size()).toBeLessThanOrEqual(2001);
    expect(slug(() => limit.address("10.0.0.1", 0))).toBe("too_many_at_once");
    held.release();
    expect(slug(() => limit.address("10.0.0.1", 0))).toBe("taken");
  });
});

describe("what is under way at once", () => {
  test("is bounded for a user and for an organization, and given back once", () => {
    const limit = limits({ userConcurrency: 2, organizationConcurrency: 3 });
    const first = limit.user(HERE, "u", 0);
    limit.user(HERE, "u", 0);
    expect(slug(() => limit.user(HERE, "u", 0))).toBe("too_many_at_once");
    limit.user(HERE, "v", 0);
    expect(slug(() => limit.user(HERE, "w", 0))).toBe("too_many_at_once");
    first.release();
    first.release();
    expect(slug(() => limit.user(HERE, "u", 0))).toBe("taken");
    expect(slug(() => limit.user(HERE, "w", 0))).toBe("too_many_at_once");
  });

  test("is given back whatever becomes of the request", async () => {
    const fail = endpointFor(EVERYBODY, {
      method: "GET",
      path: "/v1/fail",
      tag: "x",
      summary: "Fail",
      answers: { 204: null },
      handle: () => {
        throw new Error("broken");
      },
      present: () => undefined,
    });
    const app = shell([...things, fail], { config: { userConcurrency: 1 } });
    for (const [path, status] of [
      ["/v1/fail", 500],
      ["/v1/things?wat", 422],
      ["/v1/things/nope", 404],
      ["/v1/things", 200],
      ["/v1/fail", 500],
    ] as const) {
      expect((await send(app, path)).status).toBe(status);
    }
    app.close();
  });
});

describe("over HTTP", () => {
  test("every answer of a route says what is left, a 429 when to come back [row 108]", async () => {
    const app = shell(things, { config: { userRequestsPerMinute: 2 } });
    const first = await send(app, "/v1/things");
    expect(first.headers.get("ratelimit-limit")).toBe("2");
    expect(first.headers.get("ratelimit-remaining")).toBe("1");
    expect(Number(first.headers.get("ratelimit-reset"))).toBeGreaterThan(0);
    expect((await send(app, "/v1/things?wat")).headers.get("ratelimit-remaining")).toBe("0");
    const refused = await send(app, "/v1/things");
    expect([refused.status, slugOf(refused)]).toEqual([429, "too_many_requests"]);
    expect(refused.headers.get("ratelimit-limit")).toBe("2");
    expect(refused.headers.get("ratelimit-remaining")).toBe("0");
    const wait = Number(refused.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(1);
    expect(wait).toBe(Number(refused.headers.get("ratelimit-reset")));
    expect((await send(app, "/v1/things", { token: "stranger-token" })).status).toBe(429);
    app.close();
  });

  test("who is not signed in is counted by address, who is signed in is not [row 108]", async () => {
    const app = shell(things, {
      config: { userRequestsPerMinute: 3 },
      authenticate: async (_, token) =>
        token.startsWith("user-")
          ? {
              organizationId: token.endsWith("1") ? ORGANIZATION : OTHER,
              userId: token,
              role: "teacher",
              credential: "session",
              sessionId: token,
              scopes: null,
              fresh: true,
              freshUntil: new Date(),
              mustEnrol: false,
              requestsPerMinute: null,
              generations: { organization: 1, users: 1, contents: 1 },
            }
          : null,
    });
    const from = async (address: string, token: string | null) =>
      (await read(await app.handle(request("/v1/things", { token }), { requestIP: () => ({ address }) })))
        .status;
    for (let at = 0; at < 3; at++) expect(await from("10.0.0.1", "guess")).toBe(401);
    expect(await from("10.0.0.1", "guess")).toBe(429);
    expect(await from("10.0.0.1", null)).toBe(429);
    expect(await from("10.0.0.2", null)).toBe(401);
    for (let at = 0; at < 5; at++) expect(await from("10.0.0.1", `user-${at}`)).toBe(200);
    app.close();
  });

  test("the address is the peer's, or what the trusted proxies saw, never what a caller claims", async () => {
    const seen = async (trustedProxies: number, forwarded: string | null) => {
      const app = shell(things, { config: { trustedProxies } });
      const headers = forwarded === null ? {} : { "x-forwarded-for": forwarded };
      const got = await read(
        await app.handle(request("/v1/who", { headers }), { requestIP: () => ({ address: "10.9.9.9" }) }),
      );
      app.close();
      return got.json.address;
    };
    expect(await seen(0, "1.2.3.4")).toBe("10.9.9.9");
    expect(await seen(1, null)).toBe("10.9.9.9");
    expect(await seen(1, "6.6.6.6, 1.2.3.4")).toBe("1.2.3.4");
    expect(await seen(2, "6.6.6.6, 1.2.3.4, 10.0.0.5")).toBe("1.2.3.4");
    expect(await seen(2, "1.2.3.4")).toBe("10.9.9.9");
    expect(await seen(1, "<script>")).toBe("10.9.9.9");
  });
});

import { afterAll, describe, expect, test } from "bun:test";
import { type Sent, send, shell, slugOf } from "./support.ts";
import { things } from "./things.ts";

const ORIGIN = "https://app.example";
const plain = shell(things, { config: { corsOrigins: [ORIGIN] } });
const secure = shell(things, { config: { publicUrl: "https://school.example/base" } });
afterAll(() => {
  plain.close();
  secure.close();
});

const cookie = { cookie: "satchel-session=teacher-token" };
const signOut = (headers: Record<string, string>, app = plain) =>
  send(app, "/v1/session", { method: "DELETE", token: null, headers });

describe("the session cookie", () => {
  test("over plain HTTP has no prefix and is not Secure, or it would never come back", async () => {
    const got = await send(plain, "/v1/session", { token: null, json: { password: "x" } });
    expect(got.headers.getSetCookie()).toEqual([
      "satchel-session=teacher-token; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
      "satchel-device=d1; Path=/; Max-Age=90; HttpOnly; SameSite=Lax",
    ]);
  });

  test("over HTTPS is bound to the host, and the whole site to HTTPS", async () => {
    const got = await send(secure, "/v1/session", { token: null, json: { password: "x" } });
    expect(got.headers.getSetCookie()[0]).toBe(
      "__Host-satchel-session=teacher-token; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure",
    );
    expect(got.headers.get("strict-transport-security")).toBe("max-age=31536000");
    const headers = { cookie: "__Host-satchel-session=teacher-token" };
    expect((await send(secure, "/v1/things", { token: null, headers })).status).toBe(200);
    expect((await send(secure, "/v1/things", { token: null, headers: cookie })).status).toBe(401);
  });

  test("signs in, among other cookies", async () => {
    const headers = { cookie: "a=b; satchel-session=teacher-token; xsatchel-session=no" };
    expect((await send(plain, "/v1/things", { token: null, headers })).status).toBe(200);
    for (const header of [
      "satchel-session=",
      "xsatchel-session=teacher-token",
      "satchel-session=te acher-token",
    ]) {
      expect((await send(plain, "/v1/things", { token: null, headers: { cookie: header } })).status).toBe(
        401,
      );
    }
  });

  test("there twice with different values counts as none: somebody planted one", async () => {
    const headers = { cookie: "satchel-session=student-token; satchel-session=teacher-token" };
    expect((await send(plain, "/v1/things", { token: null, headers })).status).toBe(401);
  });

  test("does not count beside a bearer token, good or bad", async () => {
    const both = (authorization: string) =>
      send(plain, "/v1/things", {
        method: "POST",
        json: { title: "x" },
        headers: { ...cookie, authorization },
      });
    expect((await both("Bearer student-token")).status).toBe(403);
    expect((await both("Bearer unknown")).status).toBe(401);
    expect((await both("Basic x")).status).toBe(401);
    expect((await both("Bearer teacher-token")).status).toBe(201);
  });

  test("is cleared by an empty one", async () => {
    const got = await signOut({ ...cookie, "sec-fetch-site": "same-origin" });
    expect(got.headers.getSetCookie()).toEqual([
      "satchel-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    ]);
  });

  test("of a device is read by its plain name", async () => {
    const headers = { cookie: "satchel-device=known" };
    expect(
      (await send(plain, "/v1/session", { token: null, headers, json: { password: "x" } })).json,
    ).toEqual({
      seen: "known",
    });
  });
});

describe("a change asked for with the cookie", () => {
  const cases: readonly [string, Record<string, string>, number][] = [
    ["from this site", { "sec-fetch-site": "same-origin" }, 204],
    ["typed by a person", { "sec-fetch-site": "none" }, 204],
    ["from a listed origin", { "sec-fetch-site": "cross-site", origin: ORIGIN }, 204],
    ["from this origin, by an older browser", { origin: "http://localhost", host: "localhost" }, 204],
    ["from another site", { "sec-fetch-site": "cross-site", origin: "https://evil.example" }, 403],
    ["from another site, without Origin", { "sec-fetch-site": "cross-site" }, 403],
    ["from a sister host", { "sec-fetch-site": "same-site", origin: "https://x.app.example" }, 403],
    ["from another origin, by an older browser", { origin: "https://evil.example", host: "localhost" }, 403],
    ["from a sandboxed page", { origin: "null", host: "localhost" }, 403],
    ["from nowhere", {}, 403],
    ["from an origin that only begins alike", { origin: `${ORIGIN}.evil.example` }, 403],
  ];
  for (const [from, headers, status] of cases) {
    test(`${from} is ${status === 204 ? "taken" : "refused"}`, async () => {
      const got = await signOut({ ...cookie, ...headers });
      expect([got.status, slugOf(got)]).toEqual([status, status === 204 ? undefined : "csrf_refused"]);
    });
  }

  test("from the public origin is taken, whatever Host a proxy made of it", async () => {
    const mine = { cookie: "__Host-satchel-session=teacher-token", host: "internal:3000" };
    expect((await signOut({ ...mine, origin: "https://school.example" }, secure)).status).toBe(204);
    expect((await signOut({ ...mine, origin: "http://internal:3000" }, secure)).status).toBe(403);
  });

  test("reads need no such proof, and a bearer token needs none either", async () => {
    const headers = { ...cookie, "sec-fetch-site": "cross-site" };
    expect((await send(plain, "/v1/things", { token: null, headers })).status).toBe(200);
    expect(
      (await signOut({ authorization: "Bearer teacher-token", "sec-fetch-site": "cross-site" })).status,
    ).toBe(204);
  });

  test("nobody is signed in from another site, as himself or as somebody else", async () => {
    const signIn = (headers: Record<string, string>) =>
      send(plain, "/v1/session", { token: null, json: { password: "x" }, headers });
    expect(slugOf(await signIn({ "sec-fetch-site": "cross-site", origin: "https://evil.example" }))).toBe(
      "csrf_refused",
    );
    expect(slugOf(await signIn({ origin: "https://evil.example" }))).toBe("csrf_refused");
    expect((await signIn({})).status).toBe(201);
  });
});

describe("CORS", () => {
  const preflight = (origin: string, sent: Sent = {}) =>
    send(plain, "/v1/things", {
      method: "OPTIONS",
      token: null,
      headers: { origin, "access-control-request-method": "POST", ...sent.headers },
    });

  test("a listed origin may call with credentials and read the headers that matter", async () => {
    const asked = await preflight(ORIGIN);
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(asked.headers.get("access-control-allow-credentials")).toBe("true");
    expect(asked.headers.get("access-control-allow-methods")).toContain("POST");
    expect(asked.headers.get("access-control-allow-headers")).toContain("Idempotency-Key");
    const got = await send(plain, "/v1/things", { headers: { origin: ORIGIN } });
    expect(got.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(got.headers.get("access-control-expose-headers")).toContain("ETag");
    const refused = await send(plain, "/v1/nothing", { headers: { origin: ORIGIN } });
    expect(refused.headers.get("access-control-allow-origin")).toBe(ORIGIN);
  });

  test("no other origin gets a header, however much it looks like one", async () => {
    for (const origin of [
      "https://evil.example",
      `${ORIGIN}.evil.example`,
      `${ORIGIN}:444`,
      "http://app.example",
      "null",
      "*",
    ]) {
      for (const got of [await preflight(origin), await send(plain, "/v1/things", { headers: { origin } })]) {
        expect([...got.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
  });
});

/** Being signed in: the token, its life, the list of devices, and every way it ends. */
import { afterAll, describe, expect, test } from "bun:test";
import { testApp } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { given } from "../support/given.ts";
import { trySignIn } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
afterAll(app.close);

const school = await it.organization();
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1";

interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly [key: string]: unknown;
}
interface Page {
  readonly items: readonly Session[];
  readonly nextCursor: string | null;
}
const list = async (token: string, query = "") =>
  (await request<Page>("GET", `/v1/sessions${query}`, { token })).body;
const current = async (token: string) =>
  (await request<Session>("GET", "/v1/sessions/current", { token })).body;
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const stored = (token: string) =>
  admin<{ reason: string | null; row: string }>(
    "select end_reason as reason, s::text as row from app.session s where session_id = $1",
    [token],
  );

describe("a session", () => {
  test("keeps where it was opened and on what, and how long it lasts [row 18] [row 73]", async () => {
    const user = await it.user(school);
    const { body } = await signIn(school, user, { headers: { "user-agent": IPHONE } });
    const session = await current(body.token);
    expect(session).toMatchObject({
      current: true,
      ip: "127.0.0.1",
      userAgent: IPHONE,
      deviceType: "mobile",
      browser: "Safari 17",
      operatingSystem: "iOS 17.0",
      longLived: false,
      expiresAt: body.expiresAt,
    });
    const days = (Date.parse(body.expiresAt) - Date.now()) / 86_400_000;
    expect(days).toBeGreaterThan(29.9);
    expect(days).toBeLessThan(30.1);
    const { token } = await it.member(school, "teacher");
    const hours = (Date.parse(String((await current(token)).expiresAt)) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(11.9);
    expect(hours).toBeLessThan(12.1);
  });

  test("without a user agent, or with a monstrous one, is a session all the same [row 18]", async () => {
    const user = await it.user(school);
    const { body } = await signIn(school, user, { headers: { "user-agent": "x".repeat(5000) } });
    expect(String((await current(body.token)).userAgent)).toBe("x".repeat(512));
    expect(await current((await signIn(school, user)).body.token)).toMatchObject({ deviceType: "unknown" });
  });

  test("has a token of 256 random bits, of which the database keeps a keyed hash alone [row 80]", async () => {
    const { token } = await it.member(school);
    expect(token).toMatch(/^satchel_[A-Za-z0-9_-]{64}$/);
    const { id } = await current(token);
    const [row] = await stored(id);
    const bytes = Buffer.from(token.slice(8), "base64url");
    for (const trace of [token, token.slice(8), bytes.toString("hex"), bytes.subarray(16).toString("hex")]) {
      expect(row?.row).not.toContain(trace);
    }
    // Not the plain digest either, which a guess could be compared with.
    expect(row?.row).not.toContain(new Bun.CryptoHasher("sha256").update(token).digest("hex"));
    const dump = await admin<{ found: number }>(
      "select count(*)::int as found from app.history h where h::text like '%' || $1 || '%'",
      [token.slice(8)],
    );
    expect(dump).toEqual([{ found: 0 }]);
  });

  test("is nobody's with a token that was changed, cut, or carried to another organization [row 45]", async () => {
    const { token } = await it.member(school);
    const other = await it.organization();
    const bytes = Buffer.from(token.slice(8), "base64url");
    const foreign = Buffer.concat([Buffer.from(other.id.replaceAll("-", ""), "hex"), bytes.subarray(16)]);
    const flipped = Buffer.from(bytes);
    flipped[47] = (flipped[47] ?? 0) ^ 1;
    for (const forged of [
      `satchel_${foreign.toString("base64url")}`,
      `satchel_${flipped.toString("base64url")}`,
      token.slice(0, -1),
      `${token}A`,
      token.toLowerCase(),
      token.slice(8),
      `satchel_${Buffer.alloc(48).toString("base64url")}`,
    ]) {
      expect((await request("GET", "/v1/me", { token: forged })).status).toBe(401);
    }
    expect(await isIn(token)).toBe(true);
  });

  test("is over when it has expired, or was idle for an hour where it is staff's; a pupil's may rest [row 18]", async () => {
    const [{ token: pupil }, { token: teacher }] = [
      await it.member(school),
      await it.member(school, "teacher"),
    ];
    const age = async (token: string, minutes: number) =>
      admin(
        "update app.session set last_active_at = now() - make_interval(mins => $2::int) where session_id = $1",
        [(await current(token)).id, minutes],
      );
    expect((await current(pupil)).idleExpiresAt).toBeNull();
    await age(pupil, 20_000);
    await age(teacher, 59);
    expect([await isIn(pupil), await isIn(teacher)]).toEqual([true, true]);
    await age(teacher, 60);
    expect(await isIn(teacher)).toBe(false);
    const { id } = await current(pupil);
    await admin("update app.session set expires_at = now() where session_id = $1", [id]);
    expect(await isIn(pupil)).toBe(false);
  });

  test("tells when it ends unless it is used, where it does, and never later than it does [row 18] [row 76]", async () => {
    const teacher = await it.user(school, "teacher");
    const { body } = await signIn(school, teacher);
    const told = [body.idleExpiresAt, (await current(body.token)).idleExpiresAt];
    const [listed] = (await list(body.token)).items;
    told.push(listed?.idleExpiresAt);
    for (const time of told) {
      const minutes = (Date.parse(String(time)) - Date.now()) / 60_000;
      expect(minutes).toBeGreaterThan(58);
      expect(minutes).toBeLessThan(60.1);
    }
    await admin("update app.session set last_active_at = now() - interval '30 minutes' where user_id = $1", [
      teacher.id,
    ]);
    const seen = await request<Page>("GET", `/v1/users/${teacher.id}/sessions`, { token: school.token });
    const [row] = await admin<{ ends: string }>(
      "select round(extract(epoch from last_active_at + idle_timeout) * 1000)::text as ends from app.session where user_id = $1",
      [teacher.id],
    );
    expect(Math.abs(Date.parse(String(seen.body.items[0]?.idleExpiresAt)) - Number(row?.ends))).toBeLessThan(
      2,
    );
    const pupil = await signIn(school, await it.user(school));
    expect(pupil.body.idleExpiresAt).toBeNull();
  });

  test("notes that it is in use once a minute, not with every request [row 18]", async () => {
    const { token } = await it.member(school, "teacher");
    const { id } = await current(token);
    const seen = async () =>
      (
        await admin<{ at: string }>(
          "select last_active_at::text as at from app.session where session_id = $1",
          [id],
        )
      )[0]?.at;
    const first = await seen();
    await isIn(token);
    expect(await seen()).toBe(first);
    await admin(
      "update app.session set last_active_at = now() - interval '61 seconds' where session_id = $1",
      [id],
    );
    const aged = await seen();
    await isIn(token);
    expect(await seen()).not.toBe(aged);
  });
});

describe("how long and how many", () => {
  const settle = async (house: { readonly token: string }, settings: Record<string, unknown>) => {
    const headers = { "if-match": "*" };
    const answer = await request("PATCH", "/v1/organization", {
      token: house.token,
      headers,
      body: { settings },
    });
    expect(answer.status).toBe(200);
  };
  const minutesOf = async (token: string) => {
    const { id } = await current(token);
    const [row] = await admin<{ life: number; idle: number | null }>(
      `select extract(epoch from expires_at - created_at)::int / 60 as life,
         extract(epoch from idle_timeout)::int / 60 as idle from app.session where session_id = $1`,
      [id],
    );
    return row;
  };

  test("is by role, as the organization has settled; another organization is not touched [row 18]", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    expect(await minutesOf(house.token)).toEqual({ life: 720, idle: 60 });
    await settle(house, { teacherSessionMinutes: 90, teacherIdleMinutes: 10, studentSessionMinutes: 120 });
    expect(await minutesOf((await it.member(house, "teacher")).token)).toEqual({ life: 90, idle: 10 });
    expect(await minutesOf((await it.member(house)).token)).toEqual({ life: 120, idle: null });
    expect(await minutesOf((await it.member(house, "parent")).token)).toEqual({ life: 43_200, idle: 10_080 });
    expect(await minutesOf((await it.member(other, "teacher")).token)).toEqual({ life: 720, idle: 60 });
  });

  test("an eleventh ends the oldest that is live, and nobody else's [row 76]", async () => {
    const { user, token: first } = await it.member(school);
    const { token: neighbour } = await it.member(school);
    const tokens = [first];
    for (let n = 1; n < 10; n++) tokens.push(await it.session(school, user));
    expect((await list(first)).items).toHaveLength(10);
    const { id } = await current(first);
    tokens.push(await it.session(school, user));
    expect(await Promise.all(tokens.map(isIn))).toEqual([false, ...Array(10).fill(true)]);
    expect((await stored(id))[0]?.reason).toBe("too_many");
    expect(await isIn(neighbour)).toBe(true);
    // One that is over anyway makes room.
    await request("DELETE", "/v1/sessions/current", { token: tokens[5] ?? "" });
    tokens.push(await it.session(school, user));
    expect((await Promise.all(tokens.map(isIn))).filter(Boolean)).toHaveLength(10);
    expect(await isIn(tokens[1] ?? "")).toBe(true);
  });

  test("sign-ins at once end up with no more than are allowed", async () => {
    const house = await it.organization();
    await settle(house, { sessionsPerUser: 3 });
    const user = await it.user(house);
    const tokens = await Promise.all(Array.from({ length: 8 }, () => it.session(house, user)));
    expect((await Promise.all(tokens.map(isIn))).filter(Boolean)).toHaveLength(3);
  });
});

describe("the place of last use", () => {
  test("is the address of the last request that was noted [row 76]", async () => {
    const behind = await testApp({ config: { trustedProxies: 1 } });
    const house = await given(behind).organization();
    const read = (address: string) =>
      behind.request<Session>("GET", "/v1/sessions/current", {
        token: house.token,
        headers: { "x-forwarded-for": address },
      });
    await behind.database.admin("update app.session set last_active_at = now() - interval '61 seconds'");
    expect((await read("203.0.113.7")).body.ip).toBe("203.0.113.7");
    // Noted once a minute.
    expect((await read("203.0.113.8")).body.ip).toBe("203.0.113.7");
    await behind.close();
  });
});

describe("the list", () => {
  test("shows one's own live sessions, newest first, page by page, and nobody else's [row 76]", async () => {
    const { user, token } = await it.member(school);
    await it.member(school);
    const tokens = [token];
    for (let n = 0; n < 4; n++) tokens.push(await it.session(school, user));
    const ids = await Promise.all(tokens.map(async (each) => (await current(each)).id));
    const newestFirst = [...ids].reverse();
    const all = await list(token);
    expect(all.items.map(({ id }) => id)).toEqual(newestFirst);
    expect(all.items.map((session) => session.current)).toEqual([false, false, false, false, true]);
    const first = await list(token, "?limit=2");
    const second = await list(token, `?limit=2&cursor=${first.nextCursor}`);
    const third = await list(token, `?limit=2&cursor=${second.nextCursor}`);
    expect([first, second, third].flatMap(({ items }) => items.map(({ id }) => id))).toEqual(newestFirst);
    expect(third.nextCursor).toBeNull();
    // Neither ended, nor expired, nor idle.
    await request("DELETE", `/v1/sessions/${ids[1]}`, { token });
    await admin("update app.session set expires_at = now() where session_id = $1", [ids[2]]);
    await admin(
      "update app.session set idle_timeout = '1 minute', last_active_at = now() - interval '1 hour' where session_id = $1",
      [ids[3]],
    );
    expect((await list(token)).items.map(({ id }) => id)).toEqual([ids[4] ?? "", ids[0] ?? ""]);
  });

  test("carries no token and no hash [row 80]", async () => {
    const { token } = await it.member(school);
    expect(Object.keys((await list(token)).items[0] ?? {}).sort()).toEqual([
      "browser",
      "createdAt",
      "current",
      "deviceType",
      "expiresAt",
      "id",
      "idleExpiresAt",
      "ip",
      "lastActiveAt",
      "longLived",
      "operatingSystem",
      "userAgent",
    ]);
  });
});

describe("ending", () => {
  test("one ends it at once and no other [row 77]", async () => {
    const { user, token } = await it.member(school);
    const other = await it.session(school, user);
    const { id } = await current(other);
    expect((await request("DELETE", `/v1/sessions/${id}`, { token })).status).toBe(204);
    expect([await isIn(token), await isIn(other)]).toEqual([true, false]);
    expect((await stored(id))[0]?.reason).toBe("ended_by_user");
    expect((await request("DELETE", `/v1/sessions/${id}`, { token })).status).toBe(404);
  });

  test("the current one is signing out; the cookie goes with it [row 77]", async () => {
    const { token } = await it.member(school);
    const { id } = await current(token);
    const answer = await request("DELETE", "/v1/sessions/current", { token });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("set-cookie")).toMatch(
      /^satchel-session=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/,
    );
    expect(await isIn(token)).toBe(false);
    expect((await stored(id))[0]?.reason).toBe("signed_out");
  });

  test("all others leaves this one, and other people's [row 77]", async () => {
    const { user, token } = await it.member(school);
    const { token: neighbour } = await it.member(school);
    const others = [await it.session(school, user), await it.session(school, user)];
    expect((await request("DELETE", "/v1/sessions", { token })).status).toBe(422);
    expect((await request("DELETE", "/v1/sessions?others=true", { token })).body).toEqual({ ended: 2 });
    expect(await Promise.all([token, neighbour, ...others].map(isIn))).toEqual([true, true, false, false]);
    expect((await request("DELETE", "/v1/sessions?others=true", { token })).body).toEqual({ ended: 0 });
  });

  test("all of them ends this one too, and the cookie with it; other people's stay [row 77]", async () => {
    const { user, token } = await it.member(school);
    const { token: neighbour } = await it.member(school);
    const other = await it.session(school, user);
    const answer = await request("DELETE", "/v1/sessions?others=false", { token });
    expect([answer.status, answer.body]).toEqual([200, { ended: 2 }]);
    expect(answer.headers.get("set-cookie")).toStartWith("satchel-session=; Path=/; Max-Age=0;");
    expect(await Promise.all([token, other, neighbour].map(isIn))).toEqual([false, false, true]);
  });

  test("an admin sees and ends all of a person's; nobody else may, and no other organization's admin [row 76] [row 77]", async () => {
    const { user, token } = await it.member(school);
    const other = await it.session(school, user);
    const { token: neighbour } = await it.member(school);
    const path = `/v1/users/${user.id}/sessions`;
    const stranger = await it.organization();
    const { token: teacher } = await it.member(school, "teacher");
    for (const method of ["GET", "DELETE"]) {
      expect((await request(method, path, { token: teacher })).status).toBe(403);
      expect((await request(method, path, { token: stranger.token })).status).toBe(404);
      expect(
        (await request(method, `/v1/users/${Bun.randomUUIDv7()}/sessions`, { token: school.token })).status,
      ).toBe(404);
    }
    const seen = (await request<Page>("GET", path, { token: school.token })).body;
    expect(seen.items.map(({ id }) => id)).toEqual([(await current(other)).id, (await current(token)).id]);
    expect(seen.items.map((session) => session.current)).toEqual([false, false]);
    const [first] = (await request<Page>("GET", `${path}?limit=1`, { token: school.token })).body.items;
    expect(first?.id).toBe(seen.items[0]?.id ?? "");
    expect((await request("DELETE", path, { token: school.token })).body).toEqual({ ended: 2 });
    expect(await Promise.all([token, other, neighbour, school.token].map(isIn))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect((await stored(seen.items[0]?.id ?? ""))[0]?.reason).toBe("ended_by_admin");
  });

  test("comes with another role, one's own as well: the old token is void, and signing in gives another [row 20]", async () => {
    const house = await it.organization();
    await it.user(house, "admin");
    const change = await request("PUT", `/v1/users/${house.admin.id}/role`, {
      token: house.token,
      headers: { "if-match": "*" },
      body: { role: "teacher" },
    });
    expect(change.status).toBe(200);
    expect(await isIn(house.token)).toBe(false);
    const token = await it.session(house, house.admin);
    expect((await request("GET", "/v1/me", { token })).body).toMatchObject({ role: "teacher" });
  });

  test("somebody else's answers like one that never was, an admin too [row 45] [row 77]", async () => {
    const { token: victim } = await it.member(school);
    const { id } = await current(victim);
    const { token: pupil } = await it.member(school);
    for (const token of [pupil, school.token, (await it.organization()).token]) {
      const answers = await Promise.all(
        [id, Bun.randomUUIDv7()].map((each) =>
          request<Record<string, unknown>>("DELETE", `/v1/sessions/${each}`, { token }),
        ),
      );
      const [theirs, random] = answers.map(({ status, body }) => ({
        status,
        body: { ...body, instance: null },
      }));
      expect(theirs).toEqual(random);
      expect(theirs?.status).toBe(404);
    }
    expect(await isIn(victim)).toBe(true);
  });
});

describe("the cookie", () => {
  const cookiesOf = (headers: Headers) =>
    Object.fromEntries(headers.getSetCookie().map((line) => [line.slice(0, line.indexOf("=")), line]));

  test("signs in as the bearer token does, and what changes something must come from our own pages", async () => {
    const user = await it.user(school);
    const { headers, body } = await signIn(school, user);
    const set = cookiesOf(headers)["satchel-session"] ?? "";
    expect(set).toStartWith(`satchel-session=${body.token}; Path=/; Max-Age=`);
    expect(set).toEndWith("; HttpOnly; SameSite=Lax");
    const cookie = set.split(";")[0] ?? "";
    expect((await request("GET", "/v1/me", { headers: { cookie } })).body).toMatchObject({ id: user.id });
    const end = (more: Record<string, string>) =>
      request("DELETE", "/v1/sessions?others=true", { headers: { cookie, ...more } });
    expect((await end({})).status).toBe(403);
    expect((await end({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await end({ "sec-fetch-site": "same-origin" })).status).toBe(200);
  });

  test("a bearer token that is no good is not helped by a good cookie", async () => {
    const { headers } = await signIn(school, await it.user(school));
    const cookie = cookiesOf(headers)["satchel-session"]?.split(";")[0] ?? "";
    expect((await request("GET", "/v1/me", { token: "satchel_nonsense", headers: { cookie } })).status).toBe(
      401,
    );
  });

  test("is bound to the host and Secure where people come over https", async () => {
    const https = await testApp({ config: { publicUrl: "https://school.example" } });
    const house = await given(https).organization();
    const { headers, body } = await trySignIn(https)(house, house.admin);
    expect(cookiesOf(headers)["__Host-satchel-session"]).toEndWith("; HttpOnly; SameSite=Lax; Secure");
    expect(cookiesOf(headers)["__Host-satchel-device"]).toContain("; Max-Age=7776000;");
    // The name without the prefix could be set by a neighbour domain: it counts for nothing.
    const plain = await https.request("GET", "/v1/me", {
      headers: { cookie: `satchel-session=${body.token}` },
    });
    expect(plain.status).toBe(401);
    await https.close();
  });
});

test("two nodes with one database see the same: what ends on one is over on the other [row 77]", async () => {
  const { buildApp } = await import("../../src/http/app.ts");
  const { endpoints } = await import("../../src/endpoints.ts");
  const { authenticate } = await import("../../src/sessions/sessions.ts");
  const second = buildApp({ deps: app.deps, endpoints, authenticate, probes: { ready: async () => true } });
  const { user, token } = await it.member(school);
  const other = await it.session(school, user);
  const onSecond = async (each: string) =>
    (
      await second.handle(
        new Request("http://localhost/v1/me", { headers: { authorization: `Bearer ${each}` } }),
      )
    ).status;
  expect(await onSecond(other)).toBe(200);
  await request("DELETE", "/v1/sessions?others=true", { token });
  expect([await onSecond(token), await onSecond(other)]).toEqual([200, 401]);
  second.close();
});

/** Requests nobody means: broken, oversized, of wrong types, in every place a value can sit. */
import { expect, test } from "bun:test";
import { BODY_LIMIT, type Endpoint } from "../../src/http/endpoint.ts";
import { type Line, read, shell } from "./support.ts";
import { things } from "./things.ts";

/** No name of a field: those may be pointed at. */
const MARK = "zqx mark!";

function generator(seed: number) {
  let state = seed;
  // mulberry32: a plainer generator never draws some combinations.
  const random = (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
  const pick = <T>(from: readonly [T, ...T[]]): T => from[random(from.length)] ?? from[0];
  return { random, pick };
}

const TEXTS = [
  MARK,
  "",
  "\0",
  "\\u0000",
  "\ud800",
  "' or 1=1 --",
  "../../etc/passwd",
  "%00",
  "%",
  "%c3%28",
  "\r\nset-cookie: a=b",
  "🙂".repeat(50),
  "x".repeat(3000),
  "null",
  "-1",
  "1e400",
  "NaN",
  "01931e5a-0000-7000-8000-00000000000a",
  "[object Object]",
  "__proto__",
] as const;

test("5,000 malformed requests: never a 5xx, never an echo, nothing left under way", async () => {
  const lines: Line[] = [];
  const app = shell(things, { lines });
  const { random, pick } = generator(20261124);
  const text = (): string => pick(TEXTS) + (random(3) === 0 ? MARK : "");

  const value = (depth: number): unknown => {
    switch (random(depth > 3 ? 5 : 8)) {
      case 0:
        return text();
      case 1:
        return pick([0, -1, 1.5, 2 ** 53, Number.MAX_VALUE]);
      case 2:
        return pick([true, false]);
      case 3:
        return null;
      case 4:
        return text().repeat(3);
      case 5:
        return Array.from({ length: random(4) }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random(4) }, () => [
            pick(["title", "kind", "nested", "deep", "free", "role", "organizationId", text()]),
            value(depth + 1),
          ]),
        );
    }
  };
  const body = (): string => {
    const json = JSON.stringify(value(0)) ?? "";
    switch (random(9)) {
      case 6:
        return '{"title":"sound"}';
      case 0:
        return json.slice(0, random(json.length + 1));
      case 1:
        return `${json}${text()}`;
      case 2:
        return `{"title":"${MARK}","title":"${MARK}"}`;
      case 3:
        return "[".repeat(random(100)) + json;
      case 4:
        return `{"title":"${MARK}${"y".repeat(random(2) * BODY_LIMIT)}"}`;
      case 5:
        return `{"title":"\\u${random(65536).toString(16)}${MARK}","n":1e999}`;
      default:
        return json;
    }
  };
  const header = (): string => text().replace(/[^\x20-\x7e]/g, "?");
  const sound = Array.from({ length: 6 }, () => "Bearer teacher-token");
  const fill = ({ path }: Endpoint): string =>
    path
      .split("/")
      .map((part, at) =>
        at > 0 && (part.startsWith(":") || random(12) === 0)
          ? encodeURIComponent(text().toWellFormed())
          : part,
      )
      .join("/");

  const statuses = new Map<number, number>();
  for (let round = 0; round < 5000; round++) {
    const endpoint = things[random(things.length)];
    if (endpoint === undefined) throw new Error("no such endpoint");
    const method = random(8) === 0 ? pick(["GET", "PUT", "OPTIONS", "DELETE", "PATCH"]) : endpoint.method;
    const query = ["limit", "cursor", "kind", "least", "live", "tags", encodeURIComponent(MARK)];
    const search = Array.from(
      { length: random(4) },
      () =>
        `${query[random(query.length)]}=${random(2) === 0 ? text().toWellFormed() : encodeURIComponent(text().toWellFormed())}`,
    ).join("&");
    const headers = new Headers({ "content-type": random(6) === 0 ? header() : "application/json" });
    headers.set("authorization", pick([`Bearer ${header()}`, "Bearer student-token", ...sound]));
    for (const name of [
      "if-match",
      "if-none-match",
      "idempotency-key",
      "traceparent",
      "cookie",
      "origin",
      "host",
    ]) {
      if (random(4) === 0) headers.set(name, header());
    }
    if (random(3) === 0)
      headers.set("if-match", pick(['"3"', '"2"', "*", 'W/"3"', '"3", "4"', `"${header()}"`]));
    const carries = method !== "GET" && method !== "OPTIONS";
    const address = `http://localhost${fill(endpoint)}${search === "" ? "" : `?${search.replaceAll("#", "")}`}`;
    const got = await read(
      await app.handle(new Request(address, { method, headers, ...(carries ? { body: body() } : {}) })),
    );
    statuses.set(got.status, (statuses.get(got.status) ?? 0) + 1);
    if (got.status >= 500) throw new Error(`${method} ${address} was answered ${got.status}`);
    if (got.status >= 400) {
      expect(got.headers.get("content-type")).toBe("application/problem+json");
      expect(got.text).not.toContain(MARK);
    }
    expect([...got.headers.values()].join("\n")).not.toContain("a=b");
  }
  expect(app.underWay()).toBe(0);
  expect(lines.filter(({ event }) => event === "request_failed")).toEqual([]);
  expect(JSON.stringify(lines)).not.toContain(MARK);
  // The generator reaches what it is there for.
  for (const status of [200, 201, 400, 401, 403, 404, 405, 412, 413, 415, 422, 428]) {
    expect([status, (statuses.get(status) ?? 0) > 0]).toEqual([status, true]);
  }
  app.close();
}, 60_000);

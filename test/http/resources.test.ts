import { afterAll, describe, expect, test } from "bun:test";
import { readIfMatch } from "../../src/http/etag.ts";
import { errorsOf, ID, type Seen, send, shell, slugOf } from "./support.ts";
import { things } from "./things.ts";

const app = shell(things);
afterAll(() => app.close());
const path = `/v1/things/${ID}`;

describe("versions", () => {
  test("the version is the ETag of what is read, made and changed [row 108]", async () => {
    expect((await send(app, path)).headers.get("etag")).toBe('"3"');
    const made = await send(app, "/v1/things", { json: { title: "x" } });
    expect([made.headers.get("etag"), made.headers.get("location")]).toEqual(['"1"', path]);
    const changed = await send(app, path, {
      method: "PATCH",
      json: { title: "x" },
      headers: { "if-match": '"3"' },
    });
    expect([changed.status, changed.headers.get("etag")]).toEqual([200, '"4"']);
  });

  test("who has the current version gets 304 and no body [row 108]", async () => {
    for (const header of ['"3"', 'W/"3"', '"1", "3"', '"1",W/"3" , "x"', "*"]) {
      const got = await send(app, path, { headers: { "if-none-match": header } });
      expect([header, got.status, got.text, got.headers.get("etag")]).toEqual([header, 304, "", '"3"']);
      expect(got.headers.get("content-type")).toBeNull();
    }
    for (const header of ['"2"', "3", '"33"', "nonsense", '"']) {
      expect((await send(app, path, { headers: { "if-none-match": header } })).status).toBe(200);
    }
    expect((await send(app, path, { method: "HEAD", headers: { "if-none-match": '"3"' } })).status).toBe(304);
  });

  test("a change without If-Match is 428, of another version 412, of any version on purpose taken [row 108]", async () => {
    const patch = async (header: string | null) => {
      const headers = header === null ? {} : { "if-match": header };
      const got = await send(app, path, { method: "PATCH", json: { title: "x" }, headers });
      return [got.status, slugOf(got)];
    };
    expect(await patch(null)).toEqual([428, "precondition_required"]);
    expect(await patch('"2"')).toEqual([412, "stale"]);
    expect(await patch('"3"')).toEqual([200, undefined]);
    expect(await patch("*")).toEqual([200, undefined]);
    for (const never of ['W/"3"', '"abc"', '"0"', '"03"', '""'])
      expect(await patch(never)).toEqual([412, "stale"]);
    for (const broken of ["3", '"3', '"2", "3"', "", "*, *"])
      expect(await patch(broken)).toEqual([400, "malformed_header"]);
  });

  test("deleting needs If-Match, so does a POST that changes what is stored; making does not [row 108]", async () => {
    expect((await send(app, path, { method: "DELETE" })).status).toBe(428);
    expect((await send(app, path, { method: "DELETE", headers: { "if-match": "*" } })).status).toBe(204);
    expect((await send(app, `${path}/publish`, { method: "POST" })).status).toBe(428);
    expect(
      (await send(app, `${path}/publish`, { method: "POST", headers: { "if-match": '"3"' } })).status,
    ).toBe(200);
    expect((await send(app, "/v1/things", { json: { title: "x" } })).status).toBe(201);
  });

  test("If-Match is read as a number or *", () => {
    expect([readIfMatch('"7"'), readIfMatch(' "123456789012345" '), readIfMatch(" * ")]).toEqual([
      7,
      123456789012345,
      "*",
    ]);
  });
});

describe("pages", () => {
  const numbers = ({ items }: Seen) => (items as { number: number }[]).map(({ number }) => number);

  test("follow one another by cursor to the end, and so do the links [row 56] [row 108]", async () => {
    const seen: number[] = [];
    let address: string | null = "/v1/things?limit=3&kind=big";
    let pages = 0;
    while (address !== null && pages++ < 10) {
      const got = await send(app, address);
      expect(got.status).toBe(200);
      seen.push(...numbers(got.json));
      const link = got.headers.get("link");
      expect(link === null).toBe(got.json.nextCursor === null);
      address = link?.match(/^<(.+)>; rel="next"$/)?.[1] ?? null;
      if (address !== null) {
        expect(new URLSearchParams(address.split("?")[1]).get("cursor")).toBe(got.json.nextCursor ?? "");
      }
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  test("are of 20 unless asked otherwise, at most 100 [row 56]", async () => {
    expect(numbers((await send(app, "/v1/things")).json)).toHaveLength(20);
    expect(numbers((await send(app, "/v1/things?limit=100")).json)).toHaveLength(100);
    expect((await send(app, "/v1/things?limit=101")).status).toBe(422);
  });

  test("the handler does not need to know, and the size may change on the way", async () => {
    const first = await send(app, "/v1/things?limit=2");
    const next = await send(app, `/v1/things?limit=4&cursor=${first.json.nextCursor}`);
    expect(numbers(next.json)).toEqual([3, 4, 5, 6]);
  });

  test("a cursor of another list, filter or organization, or a made-up one, is refused [row 56] [row 64]", async () => {
    const cursor = String((await send(app, "/v1/things?limit=2&kind=big")).json.nextCursor);
    const [payload = "", mac = ""] = cursor.split(".");
    const text = Buffer.from(payload, "base64url").toString();
    const forged = `${Buffer.from(text.replace('"number":2', '"number":9')).toString("base64url")}.${mac}`;
    expect((await send(app, `/v1/things?kind=big&cursor=${cursor}`)).status).toBe(200);
    for (const [search, token] of [
      [`kind=small&cursor=${cursor}`, "teacher-token"],
      [`cursor=${cursor}`, "teacher-token"],
      [`kind=big&live=true&cursor=${cursor}`, "teacher-token"],
      [`kind=big&cursor=${cursor}`, "stranger-token"],
      [`kind=big&cursor=${forged}`, "teacher-token"],
      [`kind=big&cursor=${payload}`, "teacher-token"],
      ["kind=big&cursor=e30.e30", "teacher-token"],
      ["kind=big&cursor=", "teacher-token"],
    ] as const) {
      const got = await send(app, `/v1/things?${search}`, { token });
      expect([search, got.status, slugOf(got)]).toEqual([search, 422, "invalid_cursor"]);
    }
    const long = await send(app, `/v1/things?cursor=${"x".repeat(2000)}`);
    expect(errorsOf(long)).toEqual(["#/query/cursor: must have at most 1024 characters"]);
  });
});

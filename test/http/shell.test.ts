import { afterAll, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { refusal } from "../../src/errors.ts";
import { openapi } from "../../src/http/docs.ts";
import { answer, BODY_LIMIT, endpoint, endpointFor, ruled } from "../../src/http/endpoint.ts";
import { uuid } from "../../src/http/wire.ts";
import {
  EVERYBODY,
  errorsOf,
  ID,
  type Line,
  read,
  request,
  type Sent,
  STAFF,
  send,
  shell,
  slugOf,
} from "./support.ts";
import { get, things } from "./things.ts";

const app = shell(things);
afterAll(() => app.close());

const path = `/v1/things/${ID}`;
const post = (sent: Sent) => send(app, "/v1/things", { method: "POST", ...sent });

describe("a route", () => {
  const base = {
    method: "GET",
    path: "/v1/x",
    tag: "x",
    summary: "X",
    answers: { 200: Type.Object({}) },
  } as const;
  const rest = { handle: () => ({}), present: () => ({}) };

  test("that nobody has given a rule does not start", () => {
    // @ts-expect-error: it does not compile either
    expect(() => endpoint({ ...base, ...rest })).toThrow(
      "GET /v1/x: nobody has said who may call it; add a row to src/permissions.ts",
    );
  });

  test("with a rule and no endpoint, or with a rule that is not the table's, does not start", () => {
    const x = endpointFor(EVERYBODY, { ...base, ...rest });
    expect(ruled([x], { "GET /v1/x": EVERYBODY })).toEqual([x]);
    expect(() => ruled([x], { "GET /v1/x": EVERYBODY, "GET /v1/y": STAFF })).toThrow(
      "GET /v1/y: src/permissions.ts has a rule for it, but no such endpoint exists; remove the row",
    );
    expect(() => ruled([x], { "GET /v1/x": STAFF })).toThrow("GET /v1/x: its rule is not that of");
    expect(() => ruled([x], {})).toThrow("declare it with endpoint()");
  });

  test("that contradicts itself does not start", () => {
    const open = { ...base, ...rest } as const;
    expect(() =>
      endpointFor("public", {
        ...base,
        answers: {} as { 204: null },
        handle: () => null,
        present: () => undefined,
      }),
    ).toThrow("declares no answer");
    expect(() => endpointFor("public", { ...open, path: "/v1/X y" })).toThrow("the path must be");
    expect(() => endpointFor("public", { ...open, path: "/v1/x/:id" })).toThrow("exactly the parameters");
    expect(() => endpointFor("public", { ...open, params: Type.Object({ id: uuid() }) })).toThrow(
      "exactly the parameters",
    );
    expect(() => endpointFor("public", { ...open, body: Type.Object({}) })).toThrow("GET takes no body");
  });

  test("declared twice, also under another parameter's name, does not start", () => {
    expect(() => shell([get, get])).toThrow("declared twice");
    const other = endpointFor(EVERYBODY, {
      ...base,
      ...rest,
      path: "/v1/things/:thing",
      params: Type.Object({ thing: uuid() }),
    });
    expect(() => shell([get, other])).toThrow("declared twice");
  });
});

describe("finding a route", () => {
  test("an unknown address is a problem, and so is an address with another ending", async () => {
    for (const address of ["/v1", "/v1/nothing", "/v1/things/", `${path}/`, "/V1/things", "//v1/things"]) {
      const got = await send(app, address);
      expect([address, got.status, slugOf(got)]).toEqual([address, 404, "not_found"]);
      expect(got.headers.get("content-type")).toBe("application/problem+json");
    }
  });

  test("a known address with another method is 405 and says which it takes", async () => {
    const got = await send(app, path, { method: "PUT" });
    expect([got.status, slugOf(got)]).toEqual([405, "method_not_allowed"]);
    expect(got.headers.get("allow")).toBe("DELETE, GET, HEAD, OPTIONS, PATCH");
    const list = await send(app, "/v1/things", { method: "DELETE" });
    expect(list.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
  });

  test("OPTIONS says which methods an address takes, and nothing of one that is none", async () => {
    const got = await send(app, path, { method: "OPTIONS", token: null });
    expect([got.status, got.text, got.headers.get("allow")]).toEqual([
      204,
      "",
      "DELETE, GET, HEAD, OPTIONS, PATCH",
    ]);
    expect((await send(app, "/v1/nothing", { method: "OPTIONS" })).status).toBe(404);
  });

  test("HEAD is GET without the body", async () => {
    const whole = await send(app, path);
    const head = await send(app, path, { method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    expect(head.headers.get("content-length")).toBe(String(Buffer.byteLength(whole.text)));
    expect(head.headers.get("etag")).toBe('"3"');
    expect((await send(app, "/v1/things/nope", { method: "HEAD" })).status).toBe(404);
    expect((await send(app, path, { method: "HEAD", token: null })).status).toBe(401);
  });

  test("an id that can be none is answered exactly like one that does not exist", async () => {
    for (const id of ["nope", "1", "%00", "%zz", "urn:uuid:01931e5a-0000-7000-8000-00000000000a", `${ID}0`]) {
      const got = await send(app, `/v1/things/${id}`);
      expect([id, got.status, slugOf(got), errorsOf(got)]).toEqual([id, 404, "not_found", []]);
    }
    const random = await send(app, "/v1/nothing");
    const malformed = await send(app, "/v1/things/nope");
    expect({ ...malformed.json, instance: "" }).toEqual({ ...random.json, instance: "" });
  });

  test("an address of more than 4 KiB is 414", async () => {
    const got = await send(app, `/v1/things?kind=${"x".repeat(4096)}`);
    expect([got.status, slugOf(got)]).toEqual([414, "uri_too_long"]);
  });
});

describe("who asks", () => {
  test("nobody, an unknown token and a malformed one are 401 with a challenge", async () => {
    for (const headers of [
      {},
      { authorization: "Bearer unknown" },
      { authorization: "Basic dGVhY2hlcg==" },
      { authorization: "Bearer" },
      { authorization: "Bearer a b" },
      { authorization: `Bearer ${"x".repeat(600)}` },
    ]) {
      const got = await send(app, path, { token: null, headers });
      expect([got.status, slugOf(got)]).toEqual([401, "unauthenticated"]);
      expect(got.headers.get("www-authenticate")).toBe('Bearer realm="satchel"');
    }
  });

  test("a role that is not declared is 403, before anything else is said of the request", async () => {
    const got = await post({ token: "student-token", body: "no json" });
    expect([got.status, slugOf(got)]).toEqual([403, "forbidden"]);
    expect((await post({ token: "student-token", json: { title: "x" } })).status).toBe(403);
    expect((await post({ token: null, body: "no json" })).status).toBe(401);
  });

  test("a token in the address is no credential and not even a known parameter", async () => {
    expect((await send(app, `${path}?access_token=teacher-token`, { token: null })).status).toBe(401);
    expect((await send(app, `${path}?access_token=teacher-token`)).status).toBe(422);
  });

  test("the handler gets an actor exactly where access is not public", async () => {
    const seen: unknown[] = [];
    const base = {
      method: "GET",
      tag: "x",
      summary: "X",
      answers: { 204: null },
      present: () => undefined,
    } as const;
    const asked = shell([
      endpointFor("public", { ...base, path: "/v1/open", handle: ({ actor }) => void seen.push(actor) }),
      endpointFor(STAFF, {
        ...base,
        path: "/v1/shut",
        handle: ({ actor }) => void seen.push(actor.role),
      }),
    ]);
    expect((await send(asked, "/v1/open")).status).toBe(204);
    expect((await send(asked, "/v1/shut")).status).toBe(204);
    expect(seen).toEqual([null, "teacher"]);
    asked.close();
  });
});

describe("the query", () => {
  const seen = async (search: string) => {
    const got = await send(app, `/v1/things${search}`);
    return got.status === 200
      ? JSON.parse((got.json.items as { seen: string }[])[0]?.seen ?? "")
      : errorsOf(got);
  };

  test("is read as its schema means it", async () => {
    expect(await seen("?limit=1&least=7&live=false&kind=big&tags=a,b%2Bc")).toEqual({
      least: 7,
      live: false,
      kind: "big",
      tags: ["a", "b+c"],
    });
  });

  test("with an unknown name, or a name twice, is refused with the place", async () => {
    expect(await seen("?wat=1&limit=1&limit=1&%6cimit=2")).toEqual([
      "#/query/wat: is not a parameter of this address",
      "#/query/limit: must not be given twice",
      "#/query/limit: must not be given twice",
    ]);
    expect((await send(app, `${path}?anything`)).status).toBe(422);
  });

  test("with values of the wrong kind is refused with the place and no value", async () => {
    expect(await seen("?limit=0")).toEqual(["#/query/limit: must be at least 1"]);
    expect(await seen("?limit=101")).toEqual(["#/query/limit: must be at most 100"]);
    for (const number of ["1e1", "0x1", "%201", "1.0", "", "01", "9999999999999999", "Infinity"]) {
      expect(await seen(`?least=${number}`)).toEqual(["#/query/least: must be a whole number"]);
    }
    expect(await seen("?live=1")).toEqual(["#/query/live: must be a boolean"]);
    expect(await seen("?kind=secretvalue")).toEqual(['#/query/kind: must be "big" or "small"']);
    expect(await seen("?tags=a,,b")).toEqual(["#/query/tags/1: must not be empty"]);
    expect(await seen("?tags=a,b,c,d")).toEqual(["#/query/tags: must have at most 3 items"]);
    expect(await seen("?kind=a%00b")).toEqual(["#/query/kind: must be text without U+0000"]);
  });

  test("with a broken escape is 400", async () => {
    for (const search of ["?kind=%", "?kind=%zz", "?kind=%ff", "?%c3%28=1", "?kind=%ed%a0%80"]) {
      const got = await send(app, `/v1/things${search}`);
      expect([search, got.status, slugOf(got)]).toEqual([search, 400, "malformed_request"]);
    }
  });
});

describe("the body", () => {
  test("of another media type, or compressed, is 415", async () => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "application/json; charset=latin1",
      "application/problem+json",
      "application/jsonx",
      "",
    ]) {
      const got = await post({ body: '{"title":"x"}', headers: { "content-type": type } });
      expect([type, got.status, slugOf(got)]).toEqual([type, 415, "unsupported_media_type"]);
    }
    const zipped = await post({ body: '{"title":"x"}', headers: { "content-encoding": "gzip" } });
    expect([zipped.status, slugOf(zipped)]).toEqual([415, "unsupported_media_type"]);
  });

  test("of application/json in UTF-8 is taken, however that is written", async () => {
    for (const type of [
      "application/json",
      "Application/JSON",
      'application/json;charset="UTF-8"',
      "application/json ; charset=utf-8",
    ]) {
      expect((await post({ body: '{"title":"x"}', headers: { "content-type": type } })).status).toBe(201);
    }
  });

  test("that is missing, or no JSON, is 400", async () => {
    for (const body of ["", " ", "{", "nope", '{"title":"x"}}']) {
      const got = await post({ body });
      expect([body, got.status, slugOf(got)]).toEqual([body, 400, "malformed_json"]);
    }
  });

  test("may be left out of a POST where all that it could say may be", async () => {
    const noteOf = <M extends "POST" | "PATCH">(method: M, required: boolean) =>
      endpointFor(EVERYBODY, {
        method,
        path: required ? "/v1/notes" : "/v1/optional-notes",
        tag: "notes",
        summary: `${method} a note, ${required}`,
        body: required
          ? Type.Object({ note: Type.String() })
          : Type.Object({ note: Type.Optional(Type.String()) }),
        answers: { 200: Type.Object({ seen: Type.String() }) },
        handle: ({ body }) => JSON.stringify(body),
        present: (seen) => ({ seen }),
      });
    const notes = [noteOf("POST", true), noteOf("POST", false), noteOf("PATCH", false)];
    const noting = shell(notes);
    const ask = async (method: string, address: string, sent: Sent = {}) => {
      const got = await send(noting, address, { method, ...sent });
      return got.status === 200 ? got.json : [got.status, slugOf(got)];
    };
    const needed = [400, "malformed_json"];
    const length = { "content-length": "0" };
    const type = { "content-type": "application/json" };
    expect(await ask("POST", "/v1/optional-notes")).toEqual({ seen: "{}" });
    expect(await ask("POST", "/v1/optional-notes", { headers: length })).toEqual({ seen: "{}" });
    expect(await ask("POST", "/v1/optional-notes", { json: { note: "n" } })).toEqual({
      seen: '{"note":"n"}',
    });
    // What was announced and did not come is not the same as nothing.
    expect(await ask("POST", "/v1/optional-notes", { headers: type })).toEqual(needed);
    expect(await ask("POST", "/v1/optional-notes", { headers: { "transfer-encoding": "chunked" } })).toEqual([
      415,
      "unsupported_media_type",
    ]);
    expect(await ask("POST", "/v1/optional-notes", { body: "" })).toEqual(needed);
    expect(await ask("POST", "/v1/notes")).toEqual(needed);
    expect(await ask("PATCH", "/v1/optional-notes")).toEqual(needed);
    const { paths } = (await openapi(notes, "test")) as {
      paths: Record<string, Record<string, { requestBody: { required: boolean } }>>;
    };
    expect(paths["/v1/optional-notes"]?.post?.requestBody.required).toBe(false);
    expect(paths["/v1/optional-notes"]?.patch?.requestBody.required).toBe(true);
    expect(paths["/v1/notes"]?.post?.requestBody.required).toBe(true);
    await noting.close();
  });

  test("with an unknown field, at any depth, is refused with its pointer", async () => {
    const got = await post({
      json: {
        title: "x",
        role: "admin",
        nested: { deep: { number: 1, more: 2 } },
        free: { anything: { goes: 1 } },
      },
    });
    expect([got.status, slugOf(got)]).toEqual([422, "invalid_request"]);
    expect([...errorsOf(got)].sort()).toEqual([
      "#/nested/deep/more: is not a field that is known here",
      "#/role: is not a field that is known here",
    ]);
  });

  test("of the wrong shape is refused field by field", async () => {
    expect(errorsOf(await post({ json: {} }))).toEqual(["#/title: is required"]);
    expect(errorsOf(await post({ json: { title: "", kind: 7, nested: { deep: { number: 1.5 } } } }))).toEqual(
      [
        "#/title: must not be empty",
        '#/kind: must be "big" or "small"',
        "#/nested/deep/number: must be a whole number",
      ],
    );
    expect(errorsOf(await post({ json: { title: "x".repeat(21) } }))).toEqual([
      "#/title: must have at most 20 characters",
    ]);
    for (const json of [[], "x", 1, null, true]) {
      expect(errorsOf(await post({ json }))).toEqual(["#: must be an object"]);
    }
  });

  test("never comes back: no refusal repeats a value", async () => {
    const secret = "hunter2-hunter2";
    const asked: Sent[] = [
      { json: { title: secret.repeat(3), kind: secret, nested: secret } },
      { json: { title: { [secret]: secret } } },
      { json: { [`${secret} `]: secret } },
      { body: `{"title":"${secret}",}` },
      { body: `{"title":"${secret}","title":"${secret}"}` },
      { body: `{"title":"${secret}\\u0000"}` },
      { headers: { "idempotency-key": `${secret} ${secret}` }, json: { title: "x" } },
    ];
    for (const sent of asked) {
      const got = await post(sent);
      expect(got.status).toBeGreaterThanOrEqual(400);
      expect(got.status).toBeLessThan(500);
      expect(got.text).not.toContain(secret);
    }
    expect((await send(app, `/v1/things?kind=${secret}&least=${secret}`)).text).not.toContain(secret);
    expect((await send(app, `/v1/${secret}`)).text).not.toContain(secret);
  });

  test("is counted, not believed: it ends at 256 KiB with or without a length", async () => {
    const title = (size: number) => JSON.stringify({ title: "x".repeat(size - '{"title":""}'.length) });
    expect(errorsOf(await post({ body: title(BODY_LIMIT) }))).toEqual([
      "#/title: must have at most 20 characters",
    ]);
    const over = await post({ body: title(BODY_LIMIT + 1) });
    expect([over.status, slugOf(over), over.headers.get("connection")]).toEqual([
      413,
      "body_too_large",
      "close",
    ]);
    const lied = await post({ body: title(BODY_LIMIT + 1), headers: { "content-length": "13" } });
    expect(lied.status).toBe(413);

    let pulled = 0;
    const endless = new ReadableStream({
      pull: (controller) => {
        pulled += 64 * 1024;
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    });
    const streamed = await post({ body: endless });
    expect([streamed.status, slugOf(streamed)]).toEqual([413, "body_too_large"]);
    expect(pulled).toBeLessThan(2 * BODY_LIMIT);
  });

  test("of an endpoint that takes none may be empty or {}, nothing else", async () => {
    const publish = (sent: Sent) =>
      send(app, `${path}/publish`, { method: "POST", ...sent, headers: { "if-match": '"3"' } });
    expect((await publish({})).status).toBe(200);
    expect((await publish({ json: {} })).status).toBe(200);
    expect((await publish({ json: { title: "x" } })).status).toBe(422);
    expect((await publish({ json: [] })).status).toBe(422);
    expect((await publish({ body: "x" })).status).toBe(400);
    const got = await send(app, path, { headers: { "content-length": "3" } });
    expect([got.status, slugOf(got)]).toEqual([400, "malformed_request"]);
  });

  test("as bytes is taken only of the declared media types, within its own limit", async () => {
    const put = (type: string, size: number) =>
      send(app, `${path}/picture`, {
        method: "PUT",
        body: new Uint8Array(size),
        headers: { "content-type": type },
      });
    expect((await put("image/png", 1000)).json).toEqual({ mediaType: "image/png", size: 1000 });
    expect((await put("text/plain; charset=utf-8", 3)).json).toEqual({ mediaType: "text/plain", size: 3 });
    expect((await put("image/png", 1001)).status).toBe(413);
    for (const type of ["image/svg+xml", "application/json", "text/", "text/<b>", ""]) {
      expect([type, (await put(type, 3)).status]).toEqual([type, 415]);
    }
  });
});

describe("an answer", () => {
  test("carries the same protective headers whatever it is", async () => {
    const answers = [
      await send(app, path),
      await send(app, path, { headers: { "if-none-match": '"3"' } }),
      await send(app, "/v1/nothing"),
      await post({ body: "{" }),
      await send(app, path, { method: "OPTIONS" }),
      await send(app, "/livez"),
    ];
    for (const { headers } of answers) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("vary")).toBe("Authorization, Cookie, Origin");
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get("server")).toBeNull();
      expect(headers.get("x-powered-by")).toBeNull();
    }
  });

  test("names its request, and a problem names it too", async () => {
    const got = await send(app, "/v1/nothing", { headers: { "x-request-id": "chosen-by-the-caller" } });
    const id = got.headers.get("x-request-id");
    expect(id).not.toBe("chosen-by-the-caller");
    expect(got.json.instance).toBe(`urn:uuid:${id}`);
  });

  test("writes dates as RFC 3339 and null as null", async () => {
    expect((await send(app, path)).json).toEqual({
      id: ID,
      title: "a thing",
      kind: "big",
      note: null,
      createdAt: "2026-11-24T08:00:00.000Z",
      version: 3,
    });
  });

  test("that does not fit its declared shape never leaves: it is a 500, logged, told in one line", async () => {
    const lines: Line[] = [];
    const shape = Type.Object({ id: Type.Integer() });
    const base = {
      method: "GET",
      tag: "x",
      summary: "X",
      answers: { 200: shape },
    } as const;
    const leaky = { id: 1, passwordHash: "$argon2id$secret" };
    const bad = shell(
      [
        endpointFor("public", { ...base, path: "/v1/more", handle: () => leaky, present: (row) => row }),
        endpointFor("public", {
          ...base,
          path: "/v1/less",
          handle: () => null,
          present: () => ({}) as { id: number },
        }),
        endpointFor("public", {
          ...base,
          path: "/v1/status",
          handle: () => 1,
          present: (id) => answer({ id }, { status: 201 }),
        }),
      ],
      { lines },
    );
    for (const address of ["/v1/more", "/v1/less", "/v1/status"]) {
      const got = await send(bad, address);
      expect([got.status, slugOf(got), got.text.includes("argon2id")]).toEqual([
        500,
        "internal_error",
        false,
      ]);
      expect(got.json.title).toBe("Something went wrong on our side");
    }
    expect(lines.filter(({ event }) => event === "request_failed")).toHaveLength(3);
    expect(JSON.stringify(lines)).not.toContain("argon2id");
    bad.close();
  });

  test("of bytes goes out as it is", async () => {
    const response = await app.handle(request(`${path}/picture`));
    expect(response.headers.get("content-type")).toBe("image/png");
    expect([...(await response.bytes())]).toEqual([1, 2, 3]);
  });

  test("passes a well-formed traceparent on, and ignores any other", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const got = await send(app, "/v1/who", { headers: { traceparent } });
    expect(got.headers.get("traceparent")).toBe(traceparent);
    expect(got.json.traceId).toBe("4bf92f3577b34da6a3ce929d0e0e4736");
    for (const odd of [
      "00-0-0-0",
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
      traceparent.toUpperCase(),
      `${traceparent}-x`,
    ]) {
      const ignored = await send(app, "/v1/who", { headers: { traceparent: odd } });
      expect([ignored.headers.get("traceparent"), ignored.json.traceId]).toEqual([null, null]);
    }
  });
});

describe("what goes wrong inside", () => {
  const taken = refusal("conflict", "shell_test_taken", "It is taken");
  const undeclared = refusal("conflict", "shell_test_undeclared", "Nobody said so");
  const sql = (code: string) => Object.assign(new Error("duplicate key (email)=(ada@example.org)"), { code });
  let thrown: unknown;
  const lines: Line[] = [];
  const failing = shell(
    [
      endpointFor("public", {
        method: "POST",
        path: "/v1/fail",
        tag: "x",
        summary: "Fail",
        answers: { 204: null },
        refusals: [taken],
        handle: () => {
          throw thrown;
        },
        present: () => undefined,
      }),
    ],
    { lines },
  );
  afterAll(() => failing.close());
  const fail = (error: unknown) => {
    thrown = error;
    return send(failing, "/v1/fail", { method: "POST" });
  };

  test("a refusal is answered as declared, with its details", async () => {
    const got = await fail(
      taken({ detail: "Try another.", errors: [{ pointer: "#/slug", detail: "is taken" }] }),
    );
    expect(got.status).toBe(409);
    expect(got.json).toEqual({
      type: "urn:satchel:problem:shell_test_taken",
      title: "It is taken",
      status: 409,
      detail: "Try another.",
      errors: [{ pointer: "#/slug", detail: "is taken" }],
      instance: got.json.instance ?? "",
    });
  });

  test("a refusal that the endpoint does not declare is answered all the same, and logged", async () => {
    const before = lines.length;
    await fail(taken());
    expect(lines.slice(before).map(({ event }) => event)).toEqual(["request"]);
    expect((await fail(undeclared())).status).toBe(409);
    expect(lines.find(({ event }) => event === "refusal_not_declared")?.slug).toBe("shell_test_undeclared");
  });

  test("what PostgreSQL says is mapped by its state, and never repeated", async () => {
    const mapped: Record<string, [number, string]> = {
      "22P02": [422, "invalid_value"],
      "22021": [422, "invalid_value"],
      "22P05": [422, "invalid_value"],
      "22003": [422, "invalid_value"],
      "23505": [409, "conflict"],
      "23503": [409, "conflict"],
      "40001": [409, "write_conflict"],
      "40P01": [409, "write_conflict"],
      "57014": [503, "database_timeout"],
      "53300": [503, "database_unavailable"],
      "08006": [503, "database_unavailable"],
      "57P01": [503, "database_unavailable"],
      "42P01": [500, "internal_error"],
      "23502": [500, "internal_error"],
    };
    for (const [code, expected] of Object.entries(mapped)) {
      const got = await fail(sql(code));
      expect([code, got.status, slugOf(got) as string]).toEqual([code, ...expected]);
      expect(got.text).not.toContain("ada@");
      expect(got.headers.has("retry-after")).toBe(got.status === 503);
    }
  });

  test("anything else is a 500 that tells nothing, and is logged whole", async () => {
    for (const error of [
      new Error("secret detail"),
      "a string",
      null,
      undefined,
      { toResponse: () => new Response("x") },
    ]) {
      const got = await fail(error);
      expect([got.status, slugOf(got), got.text.includes("secret")]).toEqual([500, "internal_error", false]);
    }
    const line = lines.find((logged) => JSON.stringify(logged).includes("secret detail"));
    expect([line?.event, line?.route]).toEqual(["request_failed", "POST /v1/fail"]);
  });

  test("an error that dresses up as an answer is still a 500", async () => {
    const dressed = Object.assign(new Error("x"), { status: 200, toResponse: () => new Response("leak") });
    const got = await fail(dressed);
    expect([got.status, got.text.includes("leak")]).toEqual([500, false]);
  });

  test("a request that takes too long is 503, and the place it holds is given back only when it ends [row 47]", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = shell(
      [
        endpointFor(EVERYBODY, {
          method: "GET",
          path: "/v1/slow",
          tag: "x",
          summary: "Slow",
          answers: { 204: null },
          handle: () => promise,
          present: () => undefined,
        }),
      ],
      { config: { requestTimeoutMs: 100, userConcurrency: 1 } },
    );
    const got = await send(slow, "/v1/slow");
    expect([got.status, slugOf(got), got.headers.get("retry-after")]).toEqual([503, "request_timeout", "1"]);
    expect(slow.underWay()).toBe(0);
    expect(slugOf(await send(slow, "/v1/slow"))).toBe("too_many_at_once");
    resolve();
    await promise;
    await new Promise((done) => setImmediate(done));
    expect((await send(slow, "/v1/slow")).status).toBe(204);
    slow.close();
  });

  test("a body that stops arriving is 408", async () => {
    const late = shell(things, { config: { requestTimeoutMs: 100 } });
    const stalled = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"title":')),
    });
    const got = await send(late, "/v1/things", { body: stalled });
    expect([got.status, slugOf(got), got.headers.get("connection")]).toEqual([408, "body_timeout", "close"]);
    late.close();
  });
});

describe("what is logged", () => {
  test("is one line per request: who, which route, how it ended, never the address or a body [row 117]", async () => {
    const lines: Line[] = [];
    const logged = shell(things, { lines });
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const got = await send(logged, `${path}?secret=value`, { headers: { traceparent } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      event: "request",
      requestId: got.headers.get("x-request-id") ?? "",
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      organizationId: "01931e5a-0000-7000-8000-000000000001",
      method: "GET",
      route: "GET /v1/things/:id",
      status: 422,
      slug: "invalid_request",
    });
    expect(JSON.stringify(lines)).not.toContain("secret");
    logged.close();
  });
});

describe("operations", () => {
  test("/livez touches nothing", async () => {
    const dead = shell(things, { probes: { ready: () => Promise.reject(new Error("down")) } });
    const got = await send(dead, "/livez", { token: null });
    expect([got.status, got.text]).toEqual([200, "alive\n"]);
    dead.close();
  });

  test("/readyz says no when the database is down, hangs, or the server is on its way out [row 50]", async () => {
    const probed = async (ready: () => Promise<boolean>) => {
      const probing = shell(things, { probes: { ready } });
      const started = performance.now();
      const got = await send(probing, "/readyz", { token: null });
      probing.close();
      return [got.status, performance.now() - started < 1000];
    };
    expect(await probed(async () => true)).toEqual([200, true]);
    expect(await probed(async () => false)).toEqual([503, true]);
    expect(await probed(() => Promise.reject(new Error("down")))).toEqual([503, true]);
    expect(await probed(() => new Promise(() => {}))).toEqual([503, true]);
    const leaving = shell(things);
    leaving.drain();
    const got = await send(leaving, "/readyz", { token: null });
    expect([got.status, got.headers.get("connection")]).toEqual([503, "close"]);
    expect((await send(leaving, path)).status).toBe(200);
    leaving.close();
  });

  test("however many ask /readyz, the database is asked once at a time", async () => {
    let asked = 0;
    const answers: ((ready: boolean) => void)[] = [];
    const probing = shell(things, {
      probes: {
        ready: () => {
          asked++;
          return new Promise((resolve) => answers.push(resolve));
        },
      },
    });
    const all = Promise.all(Array.from({ length: 50 }, () => send(probing, "/readyz")));
    await new Promise((done) => setImmediate(done));
    for (const resolve of answers) resolve(true);
    expect((await all).every(({ status }) => status === 200)).toBe(true);
    expect(asked).toBe(1);
    probing.close();
  });

  test("/metrics counts by route template, for whoever holds the token [row 117]", async () => {
    const measured = shell(things, {
      config: { metricsToken: "measure-me" },
      probes: { ready: async () => true, gauges: () => ({ pool_open: 3 }) },
    });
    await send(measured, path);
    await send(measured, "/v1/things/nope");
    await send(measured, "/v1/nothing-of-the-kind");
    expect((await send(measured, "/metrics", { token: null })).status).toBe(401);
    expect((await send(measured, "/metrics", { token: "measure-you" })).status).toBe(401);
    const { text } = await send(measured, "/metrics", { token: "measure-me" });
    expect(text).toContain(
      'satchel_http_requests_total{method="GET",route="/v1/things/:id",status="200"} 1\n',
    );
    expect(text).toContain(
      'satchel_http_requests_total{method="GET",route="/v1/things/:id",status="404"} 1\n',
    );
    expect(text).toContain(
      'satchel_http_request_duration_seconds_count{method="GET",route="/v1/things/:id"} 2\n',
    );
    expect(text).toContain("satchel_pool_open 3\n");
    expect(text).not.toContain("nothing-of-the-kind");
    measured.close();
  });

  test("/metrics without a token is for this machine only, and not for what a proxy on it passes on", async () => {
    const from = async (address: string, headers = {}) =>
      (await read(await app.handle(request("/metrics", { headers }), { requestIP: () => ({ address }) })))
        .status;
    expect(await from("127.0.0.1")).toBe(200);
    expect(await from("::1")).toBe(200);
    expect(await from("10.0.0.7")).toBe(403);
    expect(await from("127.0.0.1", { "x-forwarded-for": "127.0.0.1" })).toBe(403);
    expect(await from("127.0.0.1", { forwarded: "for=10.0.0.7" })).toBe(403);
  });
});

import { afterAll, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import spectral from "@stoplight/spectral-core";
import { oas } from "@stoplight/spectral-rulesets";
import { endpoints } from "../../src/endpoints.ts";
import { openapi } from "../../src/http/docs.ts";
import { endpointFor } from "../../src/http/endpoint.ts";
import { catalogue } from "../../src/http/problem.ts";
import { refusalsOf } from "../../src/http/refusals.ts";
import { operationId } from "../../src/http/register.ts";
import { choice, nullable, timestamp, uuid } from "../../src/http/wire.ts";
import { EVERYBODY, send, shell } from "./support.ts";
import { things } from "./things.ts";

interface Operation {
  readonly operationId: string;
  readonly security: readonly unknown[];
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly description?: string;
  }[];
  readonly requestBody?: { readonly content: Record<string, Media> };
  readonly responses: Record<
    string,
    { readonly description: string; readonly content?: Record<string, Media> }
  >;
}
interface Media {
  readonly schema: Record<string, unknown>;
  readonly example?: unknown;
  readonly examples?: Record<string, unknown>;
}
interface Described {
  readonly openapi: string;
  readonly info: { readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description?: string }[];
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
}

const documentOf = async (of: Parameters<typeof openapi>[0]) =>
  JSON.parse(JSON.stringify(await openapi(of, "1.2.3"))) as Described;

const app = shell(things);
afterAll(() => app.close());

describe("the OpenAPI document", () => {
  const linted = async (document: unknown) => {
    const linter = new spectral.Spectral();
    linter.setRuleset({
      extends: [[oas as never, "recommended"]],
      rules: { "oas3-parameter-description": "error", "operation-singular-tag": "error" },
    });
    const found = await linter.run(JSON.stringify(document));
    return found.map(({ code, path, message }) => `${code} ${path.join(".")}: ${message}`);
  };

  test("lints clean [row 94]", async () => {
    expect(await linted(await documentOf(things))).toEqual([]);
    expect(await linted(await documentOf(endpoints))).toEqual([]);
  }, 60_000);

  test("the linter would have found something", async () => {
    const document = await documentOf(things);
    const operation = document.paths["/v1/things/{id}"]?.get as unknown as Record<string, unknown>;
    const responses = operation.responses as Record<
      string,
      { content: Record<string, { example: unknown }> }
    >;
    const content = responses["200"]?.content["application/json"];
    if (content !== undefined) content.example = { id: 7 };
    expect((await linted(document)).join("\n")).toContain("oas3-valid-media-example");
  }, 20_000);

  test("is what a running server shows, and needs no server to be made [row 94]", async () => {
    const shown = (await send(app, "/openapi.json", { token: null })).json as unknown as Described;
    const made = JSON.parse(JSON.stringify(await openapi(things, "0.0.0")));
    expect(shown).toEqual(made);
    const published = shell(things, { config: { publicUrl: "https://school.example/" } });
    const there = (await send(published, "/openapi.json")).json as unknown as Described;
    expect(there.servers[0]?.url).toBe("https://school.example");
    published.close();
  });

  test("describes every route and nothing else [row 94]", async () => {
    const { paths } = await documentOf(things);
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
    );
    expect(described.sort()).toEqual(things.map(({ method, path }) => `${method} ${path}`).sort());
    const ids = [...things, ...endpoints].map(operationId);
    expect(new Set([...endpoints].map(operationId)).size).toBe(endpoints.length);
    expect(ids).toContain("postThingsByIdPublish");
  });

  test("documents each status with the slugs it can have [row 94]", async () => {
    const { paths } = await documentOf(things);
    const status = new Map(catalogue().map(({ slug, status: code }) => [slug, code]));
    for (const described of things) {
      const path = described.path.replace(/:(\w+)/g, "{$1}");
      const operation = paths[path]?.[described.method.toLowerCase()];
      const responses = operation?.responses ?? {};
      for (const code of described.answers.keys()) expect(responses[code]).toBeDefined();
      for (const slug of [...refusalsOf(described).keys(), "internal_error"]) {
        const content = responses[String(status.get(slug))]?.content?.["application/problem+json"];
        expect(Object.keys(content?.examples ?? {})).toContain(slug);
      }
    }
  });

  test("says which headers an operation takes and whether it must be signed in for [row 94]", async () => {
    const { paths } = await documentOf(things);
    const headers = (operation: Operation | undefined) =>
      operation?.parameters
        .filter((each) => each.in === "header")
        .map(({ name, required }) => [name, required]);
    // What is made has no version before.
    expect(headers(paths["/v1/things"]?.post)).toEqual([["Idempotency-Key", false]]);
    expect(paths["/v1/things"]?.post?.responses["412"]).toBeUndefined();
    expect(headers(paths["/v1/things/{id}/publish"]?.post)).toEqual([
      ["Idempotency-Key", false],
      ["If-Match", true],
    ]);
    expect(headers(paths["/v1/things/{id}"]?.patch)).toEqual([["If-Match", true]]);
    expect(headers(paths["/v1/things/{id}"]?.get)).toEqual([["If-None-Match", false]]);
    expect(paths["/v1/session"]?.post?.security).toEqual([]);
    expect(paths["/v1/things"]?.get?.security).toEqual([{ bearer: [] }, { cookie: [] }]);
    expect(Object.keys(paths["/v1/things/{id}/picture"]?.put?.requestBody?.content ?? {})).toEqual([
      "image/png",
      "text/*",
    ]);
    expect(Object.keys(paths["/v1/things/{id}/picture"]?.get?.responses["200"]?.content ?? {})).toEqual([
      "image/png",
    ]);
  });

  test("says of every parameter and every tag more than its name, and shows a file to import [row 94]", async () => {
    const document = JSON.parse(JSON.stringify(await openapi(endpoints, "1.2.3"))) as Described;
    const told = document.tags.map(({ name, description = "" }) => [name, description.length > 40]);
    expect(told).toEqual(document.tags.map(({ name }) => [name, true]));
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const { parameters } of Object.values(methods)) {
        const mute = parameters.filter(({ description = "" }) => description.length < 10);
        expect([path, mute]).toEqual([path, []]);
      }
    }
    const file = document.paths["/v1/users/import"]?.post?.requestBody?.content ?? {};
    expect(file["text/csv"]?.example).toStartWith("external_id,full_name");
    expect(
      String(file["application/x-ndjson"]?.example)
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line)),
    ).toHaveLength(2);
    for (const word of [
      "second-factor",
      "reauthentication",
      "refresh",
      "api-keys",
      "Idempotency-Key",
      "If-Match",
    ]) {
      expect(document.info.description).toContain(word);
    }
  });

  test("writes schemas as JSON Schema 2020-12 does, with an example that fits [row 94]", async () => {
    const shape = Type.Object({
      id: uuid(),
      at: nullable(timestamp()),
      word: choice(["a", "b"]),
      maybe: nullable(choice(["a", "b"])),
      list: Type.Array(Type.Object({ n: Type.Integer({ minimum: 5 }) })),
      either: Type.Union([Type.String(), Type.Integer()]),
    });
    const { paths } = await documentOf([
      endpointFor(EVERYBODY, {
        method: "GET",
        path: "/v1/x",
        tag: "x",
        summary: "X",
        answers: { 200: shape },
        handle: () => {
          throw new Error("not called");
        },
        present: (never: never) => never,
      }),
    ]);
    const media = paths["/v1/x"]?.get?.responses["200"]?.content?.["application/json"];
    expect(media?.schema).toMatchObject({
      type: "object",
      additionalProperties: false,
      properties: {
        at: { type: ["string", "null"], format: "date-time" },
        word: { type: "string", enum: ["a", "b"] },
        maybe: { type: ["string", "null"], enum: ["a", "b", null] },
        list: { type: "array", items: { type: "object", additionalProperties: false } },
        either: { anyOf: [{ type: "string" }, { type: "integer" }] },
      },
    });
    expect(media?.example).toEqual({
      id: "01931e5a-7f3c-7c1e-9b5e-2f6a1d3c4b5a",
      at: "2026-11-24T08:00:00.000Z",
      word: "a",
      maybe: "a",
      list: [{ n: 5 }],
      either: "text",
    });
  });

  test("the raw form that the plugin makes, and its page, are not to be had from outside", async () => {
    for (const path of ["/.openapi", "/.openapi/raw", "/.openapi/raw?x=1", "//.openapi/raw"]) {
      expect([path, (await send(app, path)).status]).toEqual([path, 404]);
    }
  });
});

test("no two operations are called the same in the document [row 94]", () => {
  const names = endpoints.map(({ summary }) => summary);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

describe("the catalogue of refusals", () => {
  test("names each slug once, with the status of its kind", () => {
    const all = catalogue();
    expect(new Set(all.map(({ slug }) => slug)).size).toBe(all.length);
    expect(all.every(({ status, title }) => status >= 400 && status < 600 && title !== "")).toBe(true);
    expect(all.find(({ slug }) => slug === "not_found")?.status).toBe(404);
  });
});

describe("the page of the documentation", () => {
  test("is where somebody arrives who typed the address of the server [row 95]", async () => {
    const arrived = await send(app, "/", { token: null });
    expect([arrived.status, arrived.headers.get("location"), arrived.text]).toEqual([302, "/docs", ""]);
  });

  test("takes everything from this server, with no script inline [row 95]", async () => {
    const page = await send(app, "/docs", { token: null });
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.text).not.toMatch(/https?:\/\//);
    expect(page.text).not.toMatch(/<script>|<script [^>]*>[^<]|onload=|javascript:/);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toContain("unsafe-eval");
    const parts = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path = ""]) => path);
    expect(parts).toHaveLength(3);
    for (const path of parts) {
      const part = await send(app, path, { token: null });
      expect([path, part.status, part.text.length > 50]).toEqual([path, 200, true]);
      expect(part.headers.get("x-content-type-options")).toBe("nosniff");
      expect(part.headers.get("cache-control")).toBe("public, max-age=3600");
    }
  });
});

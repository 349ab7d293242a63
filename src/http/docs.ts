/**
 * The OpenAPI document. `@elysiajs/swagger` reads the routes off Elysia; what it makes of them is not valid OpenAPI and
 * knows nothing of refusals. That is put right here, and nowhere else.
 */
import { swagger } from "@elysiajs/swagger";
import { type AnyElysia, Elysia } from "elysia";
import { ROLES } from "../actor.ts";
import type { Access } from "../permissions.ts";
import { cookieName } from "./credentials.ts";
import type { Endpoint } from "./endpoint.ts";
import { bytes, exampleOf, fixSchema, header, type Node, PROBLEM, parameter } from "./openapi.ts";
import { INTERNAL, internalProblem, problemOf, STATUS } from "./problem.ts";
import { refusalsOf } from "./refusals.ts";
import { operationId, register } from "./register.ts";
import { isBinary } from "./wire.ts";

export type Document = { readonly [key: string]: unknown };

/** An address nobody outside gets to (see `early` in app.ts): the plugin's raw document, and its page. */
const RAW = "/.openapi";
const REQUEST_ID = "01931e5a-7f3c-7c1e-9b5e-2f6a1d3c4b5a";

export const documentPlugin = () =>
  swagger({
    path: RAW,
    specPath: `${RAW}/raw`,
    excludeStaticFile: false,
    excludeMethods: ["OPTIONS", "HEAD"],
  });

/** The document of a program that need not run: neither database nor configuration is asked. */
export function openapi(endpoints: readonly Endpoint[], version: string): Promise<Document> {
  const elysia = new Elysia({ normalize: false, strictPath: true }).use(documentPlugin());
  const never = () => Promise.reject(new Error("these routes are only described"));
  for (const endpoint of endpoints) register(elysia, endpoint, { admit: never, handle: never });
  return documentOf(elysia, endpoints, version, null);
}

/** The document of an app. `origin` is where it is served, when known. */
export async function documentOf(
  elysia: AnyElysia,
  endpoints: readonly Endpoint[],
  version: string,
  origin: string | null,
): Promise<Document> {
  const secure = origin?.startsWith("https:") ?? false;
  const response: Response = await elysia.handle(new Request(`http://localhost${RAW}/raw`));
  const raw = (await response.json()) as { readonly paths: Record<string, Record<string, Node>> };
  const byId = new Map(endpoints.map((endpoint) => [operationId(endpoint), endpoint]));
  const paths = Object.entries(raw.paths).map(([path, methods]): [string, Node] => {
    const operations = Object.entries(methods).flatMap(([method, operation]) => {
      const endpoint = byId.get(String(operation.operationId));
      return endpoint === undefined ? [] : [[method, operationOf(operation, endpoint)] as const];
    });
    return [path, Object.fromEntries(operations)];
  });
  const tags = [...new Set(endpoints.map(({ tag }) => tag))].sort();
  return {
    openapi: "3.1.0",
    info: {
      title: "Satchel",
      version,
      description: INTRODUCTION,
      license: { name: "MIT", identifier: "MIT" },
      contact: { name: "The Satchel authors" },
    },
    servers: [{ url: origin ?? "/", description: "This server" }],
    tags: tags.map((name) => ({ name, description: `Everything about ${name}.` })),
    paths: Object.fromEntries(paths.filter(([, operations]) => Object.keys(operations).length > 0)),
    components: {
      schemas: { Problem: PROBLEM },
      examples: problemExamples(endpoints),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "The token that signing in answered, or an API key.",
        },
        cookie: { type: "apiKey", in: "cookie", name: cookieName("session", secure), description: COOKIE },
      },
    },
  };
}

function operationOf(operation: Node, endpoint: Endpoint): Node {
  const { access, body, upload, method, versioned } = endpoint;
  const headers: Node[] = [];
  if (method === "POST") headers.push(parameter("Idempotency-Key", IDEMPOTENCY_KEY, false));
  if (versioned !== false) {
    if (method === "GET")
      headers.push(parameter("If-None-Match", "An ETag you have: 304 if it is current.", false));
    else
      headers.push(
        parameter("If-Match", IF_MATCH, method === "PUT" || method === "PATCH" || versioned === "if-match"),
      );
  }
  const given = (operation.parameters ?? []) as readonly Node[];
  const content = body === undefined ? null : contentOf(operation.requestBody);
  return {
    operationId: operation.operationId,
    summary: operation.summary,
    description: `${operation.description}\n\n${whoMay(access)}`,
    tags: operation.tags,
    security: access === "public" ? [] : [{ bearer: [] }, { cookie: [] }],
    parameters: [...given.map(described), ...headers],
    ...(content === null ? {} : { requestBody: { required: true, content } }),
    ...(upload === undefined ? {} : { requestBody: { required: true, content: bytes(upload) } }),
    responses: { ...successes(operation, endpoint), ...problems(endpoint), 431: HEAD_TOO_LARGE },
  };
}

/** The row of the table of permissions, as a sentence or two. */
function whoMay(access: Access): string {
  if (access === "public") return "For everybody, signed in or not.";
  const { rights, scope, fresh, freshForStaff } = access;
  const roles = ROLES.filter((role) => rights[role] !== "no").map((role) =>
    rights[role] === "own" ? `${role} (what is theirs)` : role,
  );
  return [
    `For ${roles.join(", ")}.`,
    scope === null ? "Not for API keys." : `API keys need \`${scope}\`.`,
    ...(fresh ? ["Needs a password or a second factor given within five minutes."] : []),
    ...(freshForStaff
      ? ["About teachers and admins it needs a password or a second factor given within five minutes."]
      : []),
  ].join(" ");
}

/** A parameter of the path or the query; the plugin leaves what belongs to the schema beside it. */
function described({ examples: _, description, schema, ...rest }: Node): Node {
  const { name, in: where } = rest;
  const plain = where === "path" ? `Names the resource: its \`${name}\`.` : `Only what has this \`${name}\`.`;
  return { ...rest, description: description ?? plain, schema: fixSchema(schema) };
}

function successes(operation: Node, { answers, versioned, method, page }: Endpoint): Node {
  const responses = (operation.responses ?? {}) as Record<string, Node>;
  const headers: Node = {
    "X-Request-Id": header("Names this request in the log."),
    "RateLimit-Limit": header("Requests a minute."),
    "RateLimit-Remaining": header("Requests left."),
    "RateLimit-Reset": header("Seconds until all of them are there again."),
    ...(versioned === false ? {} : { ETag: header("The version, for If-Match and If-None-Match.") }),
    ...(page === undefined ? {} : { Link: header('The next page, as `<…>; rel="next"`.') }),
    ...(method === "POST" ? { "Idempotency-Replayed": header("`true` when answered before.") } : {}),
  };
  const described = [...answers].map(([status, schema]) => {
    const description = DESCRIPTIONS[status] ?? "Done.";
    if (schema === null) return [status, { description, headers }] as const;
    if (isBinary(schema)) {
      return [
        status,
        { description, headers, content: bytes(schema["x-media-types"] as readonly string[]) },
      ] as const;
    }
    return [status, { description, headers, content: contentOf(responses[status]) }] as const;
  });
  const unchanged =
    versioned !== false && method === "GET" ? { 304: { description: "You have the current version." } } : {};
  return { ...Object.fromEntries(described), ...unchanged };
}

/** The refusals of an endpoint by status. The examples stand once for all, among the components. */
function problems(endpoint: Endpoint): Node {
  const byStatus = new Map<number, string[]>([[INTERNAL.status, [INTERNAL.slug]]]);
  for (const { kind, slug } of refusalsOf(endpoint).values()) {
    byStatus.set(STATUS[kind], [...(byStatus.get(STATUS[kind]) ?? []), slug]);
  }
  const schema = { $ref: "#/components/schemas/Problem" };
  const described = [...byStatus].map(([status, slugs]): [number, Node] => {
    const examples = Object.fromEntries(
      slugs.map((slug) => [slug, { $ref: `#/components/examples/${slug}` }]),
    );
    const description = slugs.map((slug) => `\`${slug}\``).join(", ");
    return [status, { description, content: { "application/problem+json": { schema, examples } } }];
  });
  return Object.fromEntries(described);
}

function problemExamples(endpoints: readonly Endpoint[]): Node {
  const types = new Map(endpoints.flatMap((endpoint) => [...refusalsOf(endpoint)]));
  const internal = { summary: INTERNAL.title, value: internalProblem(REQUEST_ID) };
  const examples: [string, Node][] = [...types].map(([slug, type]) => [
    slug,
    { summary: type.title, value: problemOf(type(), REQUEST_ID) },
  ]);
  return Object.fromEntries(
    [...examples, [INTERNAL.slug, internal] as const].sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** JSON only; the plugin also claims forms and plain text. */
function contentOf(part: unknown): Node {
  const content = (part as { readonly content?: Record<string, Node> } | undefined)?.content?.[
    "application/json"
  ];
  const schema = fixSchema(content?.schema ?? {});
  if (schema.type === "object") schema.additionalProperties ??= false;
  return { "application/json": { schema, example: exampleOf(schema) } };
}

const INTRODUCTION = `The back end of a school. Every answer is JSON; every refusal is an RFC 9457 problem whose \`type\`
is \`urn:satchel:problem:\` and a slug that never changes. Lists are continued with \`cursor\`. A stored resource has a
\`version\`, which is its ETag: send it as If-Match when you change it. A POST with an Idempotency-Key takes effect once.`;
const COOKIE = "Set by signing in. Over HTTPS its name begins with `__Host-`.";
const IDEMPOTENCY_KEY =
  "1 to 255 visible ASCII characters. Repeated with the same body, the first answer comes again.";
const HEAD_TOO_LARGE = {
  description: "The head is larger than 16 KiB. Answered by the transport, without a body.",
};
const IF_MATCH = "The ETag you read, or `*` to overwrite knowingly.";
const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: "Here it is.",
  201: "Made.",
  202: "Taken on.",
  204: "Done.",
};

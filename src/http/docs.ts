/**
 * The OpenAPI document. `@elysiajs/swagger` reads the routes off Elysia; what it makes of them is not valid OpenAPI and
 * knows nothing of refusals. That is put right here, and nowhere else.
 */
import { swagger } from "@elysiajs/swagger";
import { type AnyElysia, Elysia } from "elysia";
import { ROLES } from "../actor.ts";
import type { Access } from "../permissions.ts";
import { cookieName } from "./credentials.ts";
import { type Endpoint, ifMatchOf, isBodyOptional } from "./endpoint.ts";
import { bytes, exampleOf, fixSchema, header, type Node, PROBLEM, parameter } from "./openapi.ts";
import { INTERNAL, internalProblem, problemOf, STATUS } from "./problem.ts";
import { refusalsOf } from "./refusals.ts";
import { operationId, register } from "./register.ts";
import { isBinary, isStreamed } from "./wire.ts";

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
    tags: tags.map((name) => ({ name, ...(TAGS[name] === undefined ? {} : { description: TAGS[name] }) })),
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
  const { access, body, method, versioned } = endpoint;
  const upload = endpoint.upload ?? endpoint.stream;
  const headers: Node[] = [];
  if (method === "POST") headers.push(parameter("Idempotency-Key", IDEMPOTENCY_KEY, false));
  const ifMatch = ifMatchOf(endpoint);
  if (ifMatch !== "ignored") headers.push(parameter("If-Match", IF_MATCH, ifMatch === "required"));
  if (versioned !== false && method === "GET")
    headers.push(parameter("If-None-Match", "An ETag you have: 304 if it is current.", false));
  if ([...endpoint.answers.values()].some(isStreamed)) {
    headers.push(parameter("If-None-Match", "An ETag you have: 304 if these are the bytes.", false));
    headers.push(parameter("Range", "A part, like `bytes=0-1023`: 206 with it.", false));
    headers.push(
      parameter("If-Range", "An ETag you have a part of: all of it if these are other bytes.", false),
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
    ...(content === null ? {} : { requestBody: { required: !isBodyOptional(endpoint), content } }),
    ...(upload === undefined
      ? {}
      : { requestBody: { required: true, content: bytes(upload, endpoint.uploadExamples) } }),
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
  const { description: form, ...fixed } = fixSchema({ ...(schema as Node), description });
  const text =
    form ?? (rest.in === "path" ? "Which one: the id that its list and its making tell." : undefined);
  return { ...rest, ...(text === undefined ? {} : { description: text }), schema: fixed };
}

function successes(operation: Node, { answers, versioned, method, page }: Endpoint): Node {
  const responses = (operation.responses ?? {}) as Record<string, Node>;
  const headers: Node = {
    "X-Request-Id": header("Names this request in the log."),
    "RateLimit-Limit": header("Requests a minute."),
    "RateLimit-Remaining": header("Requests left."),
    "RateLimit-Reset": header("Seconds until all of them are there again."),
    ...(versioned === false ? {} : { ETag: header("The version, for If-Match and If-None-Match.") }),
    ...(page === undefined
      ? {}
      : {
          Link: header(
            'The next page, as `<…>; rel="next"`; where the list goes both ways also the one before, `rel="prev"`.',
          ),
        }),
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
  const inParts = described.flatMap(([status, answer]) =>
    isStreamed(answers.get(Number(status))) ? [[206, { ...answer, description: "The part asked for." }]] : [],
  );
  const unchanged =
    (versioned !== false || inParts.length > 0) && method === "GET"
      ? { 304: { description: "You have the current version." } }
      : {};
  return { ...Object.fromEntries([...described, ...inParts]), ...unchanged };
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
    const content = { "application/problem+json": { schema, examples } };
    return [status, { description, ...(status === 429 ? { headers: AGAIN } : {}), content }];
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

const INTRODUCTION = `The back end of a school: an organization, its people, its lessons. Everything is JSON, but for files.

### Signing in
\`POST /v1/sessions\` with the slug of the organization, a login (username or e-mail address) and the password answers
a \`token\`. Send it as \`Authorization: Bearer …\`; here, press *Authorize* and paste it. A browser is given a cookie as
well; a change that is asked for with the cookie must come from a page of this site.

### A second factor
Who has one is answered 202 and a \`challenge\` in place of the token: send it with a code of the authenticator app, or
with a recovery code, to \`POST /v1/sessions/second-factor\` within five minutes. To set one up: \`POST /v1/me/second-factor\`,
then confirm it with a code. Where the organization asks a role for one, \`second_factor_enrolment_required\` refuses all
else until it is there.

### A fresh proof
What would be worst in wrong hands needs a password or a second factor given within five minutes, and is refused with
\`reauthentication_required\` otherwise. Give one to \`POST /v1/sessions/current/reauthentication\` and go on with the token
that it answers; the one before is no longer good.

### Long-lived sessions
An app that keeps its tokens safe signs in with \`longLived: true\`: a token for a quarter of an hour, and a
\`refreshToken\` that \`POST /v1/sessions/refresh\` changes for new ones of both. A refresh token is good once; one that comes
again later ends the session.

### API keys
For programs: \`POST /v1/api-keys\` tells a key once, which is sent like a token. It may do what whoever made it may, as
far as its scopes reach, and never what needs a fresh proof. It expires, and can be revoked.

### Refusals
Every refusal is an RFC 9457 problem. Its \`type\` is \`urn:satchel:problem:\` and a slug that never changes; \`errors\`
points at what was wrong in the request. What you may not see answers 404, like what does not exist.

### Changes
A stored resource has a \`version\`, which is its ETag: send it as If-Match when you change it, so that you overwrite
nothing you have not read (412). A POST with an Idempotency-Key takes effect once, however often it is sent.

### Lists and limits
A list is continued with the \`cursor\` that the page before gave. The RateLimit headers tell what is left of what you may
ask in a minute; a 429 says in Retry-After when to come back.`;
/** What there is under each tag. */
const TAGS: Readonly<Record<string, string>> = {
  attachments:
    "Files that hang on lessons: sent and read as streams, in parts, and under addresses that expire.",
  "api keys": "Keys for programs: made with scopes and a last day, listed without their secret, revoked.",
  audit: "What happened: every sign-in, change and refusal, in a chain that shows if anything was altered.",
  comments:
    "What people write under lessons, in threads; who agrees with it, and what moderators do with it.",
  contents:
    "Lessons: written as drafts, published at once, together or at a time, taken back, put away, deleted and restored.",
  counters: "How often a lesson is read and by how many, who has completed it, and what all this comes to.",
  erasures: "Erasing a person for good, history included: asked for, waited for, and what was erased.",
  exports: "All that is kept about a person, in one document for them to take along.",
  links: "Links that are mailed and good once: confirming an address, invitations, forgotten passwords.",
  organizations: "The school itself: founding it, its name and settings, and what it uses of what it may.",
  ratings: "Stars and reviews of lessons, one a person, and which of them others found helpful.",
  reviews: "Having lessons looked at before they are published: asking, taking back, approving, rejecting.",
  search: "Finding published lessons by their words, best first.",
  "second factor": "An authenticator app and recovery codes: setting them up, renewing and removing them.",
  security: "Attacks on sign-in as the server sees them: sprays, guesses and floods, open and ended.",
  sessions: "Signing in and out, proving oneself again, renewing, and the devices somebody is signed in on.",
  "sign-ups":
    "People who add themselves, where the organization lets them, and the codes it gives out for that.",
  users:
    "The people of the organization: adding, finding, changing and importing them; what they may see of themselves.",
};
const COOKIE = "Set by signing in. Over HTTPS its name begins with `__Host-`.";
const IDEMPOTENCY_KEY =
  "1 to 255 visible ASCII characters. Repeated with the same body, the first answer comes again.";
const AGAIN: Node = {
  "Retry-After": header("Seconds to wait: until what was used up has one request again."),
  "RateLimit-Limit": header("Requests a minute of what was used up."),
  "RateLimit-Remaining": header("Requests left: none, unless too many were under way at once."),
  "RateLimit-Reset": header("Seconds until there is one again."),
};
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

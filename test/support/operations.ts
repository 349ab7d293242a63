/**
 * Every operation that the OpenAPI document names, with a request that its schema takes: what the tests that go through
 * all of them start from. A new endpoint is in it by being there.
 */
import { endpoints } from "../../src/endpoints.ts";
import { openapi } from "../../src/http/docs.ts";
import { type Access, permissions } from "../../src/permissions.ts";

type Node = Readonly<Record<string, unknown>>;

export interface Described {
  /** `PATCH /v1/users/:id`: its row in the table of permissions. */
  readonly operation: string;
  readonly method: string;
  /** With the query that it cannot do without. */
  readonly path: string;
  readonly access: Access;
  /** What its schema takes; undefined where it takes no JSON. */
  readonly body: unknown;
  /** The schema of its JSON body, or null. */
  readonly schema: Node | null;
  readonly headers: Readonly<Record<string, string>>;
}

interface OperationNode {
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Node }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Node; readonly example?: unknown }>>;
  };
}

/** What only one of several fields may say, or what an example cannot know. */
const BODIES: Readonly<Record<string, unknown>> = {
  // The example of a parent is none on that lesson.
  "POST /v1/contents/:id/comments": { body: "Why does the loop end?" },
  "POST /v1/users/import": "external_id,full_name\n0042,Ada Lovelace\n",
  // Another e-mail address, and a teacher, would need a fresh proof.
  "PATCH /v1/users/:id": { fullName: "Ada Lovelace" },
  "POST /v1/users": { fullName: "Ada Lovelace", username: "ada" },
  // The example changes every setting there is.
  "PATCH /v1/organization": { name: "Springfield Elementary" },
  "POST /v1/sessions/current/reauthentication": { password: "a long sentence only I know" },
  "POST /v1/api-keys": {
    name: "Timetable import",
    scopes: ["users:read"],
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
  },
};
const QUERIES: Readonly<Record<string, string>> = {
  "GET /v1/users/lookup": "username=ada",
  "GET /v1/contents/lookup": "slug=while-loops",
  "DELETE /v1/sessions": "others=true",
};

const document = (await openapi(endpoints, "test")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationNode>>>>;
};

const table: Readonly<Record<string, Access>> = permissions;

export const described: readonly Described[] = Object.entries(document.paths).flatMap(([template, methods]) =>
  Object.entries(methods).map(([word, node]) => {
    const method = word.toUpperCase();
    const plain = template.replace(/\{(\w+)\}/g, ":$1");
    // Every lesson has a first version.
    const path = plain.replace(":number", "1");
    const operation = `${method} ${plain}`;
    const access = table[operation];
    if (access === undefined) throw new Error(`${operation} is in the document and has no rule`);
    const content = node.requestBody?.content ?? {};
    const [mediaType] = Object.keys(content);
    const json = content["application/json"];
    const query = (node.parameters ?? [])
      .filter((parameter) => parameter.in === "query" && parameter.required === true)
      .map(({ name, schema }) => `${name}=${encodeURIComponent(String(exampleOf(schema)))}`)
      .join("&");
    const asked = QUERIES[operation] ?? query;
    return {
      operation,
      method,
      path: asked === "" ? path : `${path}?${asked}`,
      access,
      body: BODIES[operation] ?? json?.example ?? (mediaType === undefined ? undefined : ""),
      schema: json?.schema ?? null,
      headers: {
        "if-match": "*",
        ...(mediaType === undefined || json !== undefined ? {} : { "content-type": mediaType }),
      },
    };
  }),
);

function exampleOf(schema: Node): unknown {
  if (Array.isArray(schema.examples)) return schema.examples[0];
  if (Array.isArray(schema.enum)) return schema.enum[0];
  return schema.default ?? "word";
}

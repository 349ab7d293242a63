/** Small pieces of an OpenAPI 3.1 document. */

import { MUST } from "./wire.ts";

export type Node = Record<string, unknown>;

export const parameter = (name: string, description: string, required: boolean): Node => ({
  name,
  in: "header",
  required,
  description,
  schema: { type: "string" },
});

/** A schema as JSON Schema 2020-12 would say it: a list of words is an `enum`, a nullable type a list of types. */
export function fixSchema(given: unknown): Node {
  const { $id: _, "x-media-types": __, "x-streamed": ___, [MUST]: must, ...schema } = given as Node;
  // What a UUID is, its format says.
  if (typeof must === "string" && schema.format !== "uuid") {
    schema.description = sentences(schema.description, `${must.charAt(0).toUpperCase()}${must.slice(1)}.`);
  }
  for (const key of ["items", "additionalProperties", "not", "unevaluatedProperties"]) {
    if (isNode(schema[key])) schema[key] = fixSchema(schema[key]);
  }
  for (const key of ["properties", "patternProperties"]) {
    if (!isNode(schema[key])) continue;
    schema[key] = Object.fromEntries(
      Object.entries(schema[key]).map(([name, value]) => [name, fixSchema(value)]),
    );
  }
  for (const key of ["allOf", "oneOf", "anyOf"]) {
    if (Array.isArray(schema[key])) schema[key] = schema[key].map(fixSchema);
  }
  return simplify(schema);
}

function simplify(schema: Node): Node {
  const { anyOf, ...rest } = schema;
  if (!Array.isArray(anyOf)) return schema;
  const options = anyOf as readonly Node[];
  const words = options.filter((option) => typeof option.const === "string");
  const others = options.filter((option) => typeof option.const !== "string");
  const merged: Node[] =
    words.length > 1 ? [{ type: "string", enum: words.map((word) => word.const) }, ...others] : [...options];
  const concrete = merged.filter((option) => option.type !== "null");
  const [only] = concrete;
  if (only === undefined || concrete.length > 1) return { ...rest, anyOf: merged };
  if (merged.length === concrete.length) return { ...rest, ...only };
  if (typeof only.type !== "string") return { ...rest, anyOf: merged };
  const nullable = { ...only, type: [only.type, "null"] };
  const description = sentences(rest.description, only.description);
  return {
    ...rest,
    ...nullable,
    ...(description === "" ? {} : { description }),
    ...(Array.isArray(only.enum) ? { enum: [...only.enum, null] } : {}),
  };
}

const sentences = (...given: readonly unknown[]): string =>
  given.filter((text) => typeof text === "string" && text !== "").join(" ");

/** A value that fits: what the schema gives as an example or default, else the plainest thing of its type. */
export function exampleOf(schema: Node): unknown {
  const { examples, type } = schema;
  if (Array.isArray(examples) && examples.length > 0) return examples[0];
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return exampleOf(choices[0] as Node);
  if (Array.isArray(schema.allOf)) {
    return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part as Node)));
  }
  switch (Array.isArray(type) ? type[0] : type) {
    case "object":
      return Object.fromEntries(
        Object.entries((schema.properties ?? {}) as Record<string, Node>).map(([name, value]) => [
          name,
          exampleOf(value),
        ]),
      );
    case "array":
      return isNode(schema.items) ? Array(Number(schema.minItems ?? 1)).fill(exampleOf(schema.items)) : [];
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    case "boolean":
      return true;
    case "string":
      return text(schema);
    case "null":
      return null;
    default:
      return {};
  }
}

function text(schema: Node): string {
  switch (schema.format) {
    case "date":
      return "2026-11-24";
    case "date-time":
      return "2026-11-24T08:00:00.000Z";
    case "email":
      return "ada@example.org";
    case "uri":
      return "https://example.org/";
    default:
      return "text".padEnd(Number(schema.minLength ?? 0), ".").slice(0, Number(schema.maxLength ?? 100));
  }
}

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Content of these media types, as it is. What has an example is text. */
export const bytes = (types: readonly string[], examples: Readonly<Record<string, string>> = {}): Node =>
  Object.fromEntries(
    types.map((type) => {
      const example = examples[type];
      return [
        type,
        example === undefined
          ? { schema: { type: "string", format: "binary" } }
          : { schema: { type: "string" }, example },
      ];
    }),
  );

/** A response header. */
export const header = (description: string): Node => ({ description, schema: { type: "string" } });

/** The schema of every refusal. */
export const PROBLEM = {
  type: "object",
  description: "RFC 9457 problem details.",
  required: ["type", "title", "status", "instance"],
  properties: {
    type: { type: "string", description: "`urn:satchel:problem:` and the slug." },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string", description: "The request id, as a URN." },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["pointer", "detail"],
        properties: {
          pointer: { type: "string", description: "RFC 6901, as a URI fragment." },
          detail: { type: "string" },
          type: {
            type: "string",
            description: "Of an item of a batch: what it alone would have been refused with.",
          },
        },
      },
    },
  },
};

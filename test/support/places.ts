/**
 * Every place of a request in which an id can stand, read off the OpenAPI document: in the path, in the query, at any depth
 * of the body. A new endpoint is in it by being there.
 */
import { endpoints } from "../../src/endpoints.ts";
import { openapi } from "../../src/http/docs.ts";
import { type Described, described } from "./operations.ts";

type Node = Readonly<Record<string, unknown>>;

export interface Place {
  /** `path id`, `query actor`, `body /items/0/id`. */
  readonly name: string;
  readonly described: Described;
  /** The request with an id put there. `own` is what the path's id stands for, where the place is another. */
  request(id: string, own: string): { readonly path: string; readonly body: unknown };
}

interface OperationNode {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Node }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Node }>> };
}

const document = (await openapi(endpoints, "test")) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationNode>>>>;
};

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a value of the schema may be an id: by itself, as one of several choices, or in a list. */
function takesId(schema: unknown): boolean {
  if (!isNode(schema)) return false;
  if (schema.format === "uuid") return true;
  return [schema.items, ...branches(schema)].some(takesId);
}

const branches = (schema: Node): readonly unknown[] =>
  ["anyOf", "oneOf", "allOf"].flatMap((key) =>
    Array.isArray(schema[key]) ? (schema[key] as unknown[]) : [],
  );

/** The places of ids in a body, as the names and positions that lead to them. */
function idsOf(
  schema: unknown,
  at: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] {
  if (!isNode(schema)) return [];
  if (schema.format === "uuid") return [at];
  const properties = isNode(schema.properties) ? Object.entries(schema.properties) : [];
  return [
    ...properties.flatMap(([name, value]) => idsOf(value, [...at, name])),
    ...(schema.items === undefined ? [] : idsOf(schema.items, [...at, 0])),
    ...branches(schema).flatMap((branch) => idsOf(branch, at)),
  ];
}

/** The value with an id put at the place. What is on the way there and missing is made. */
function withId(value: unknown, [name, ...rest]: readonly (string | number)[], id: string): unknown {
  if (name === undefined) return id;
  if (typeof name === "number") {
    const [first, ...others] = Array.isArray(value) ? (value as unknown[]) : [];
    return [withId(first, rest, id), ...others];
  }
  const node = isNode(value) ? value : {};
  return { ...node, [name]: withId(node[name], rest, id) };
}

/** Whether a value of the schema may be any text: a name, a word, a cursor. */
function takesText(schema: unknown): boolean {
  if (!isNode(schema)) return false;
  const free = schema.type === "string" && schema.enum === undefined && schema.format === undefined;
  return free || [schema.items, ...branches(schema)].some(takesText);
}

const nodeOf = ({ operation, method }: Described): OperationNode => {
  const template = operation.slice(method.length + 1).replace(/:(\w+)/g, "{$1}");
  const node = document.paths[template]?.[method.toLowerCase()];
  if (node === undefined) throw new Error(`${operation} is not in the document`);
  return node;
};

const queryPlace = (given: Described, name: string): Place => ({
  name: `query ${name}`,
  described: given,
  request: (id, own) => {
    const [plain = "", query = ""] = given.path.replace(":id", own).split("?");
    const asked = new URLSearchParams(query);
    asked.set(name, id);
    return { path: `${plain}?${asked}`, body: given.body };
  },
});

/** Every place of a query in which a text can stand that names something. */
export const namePlaces: readonly Place[] = described.flatMap((given) =>
  (nodeOf(given).parameters ?? [])
    .filter((parameter) => parameter.in === "query" && takesText(parameter.schema))
    .map(({ name }) => queryPlace(given, name)),
);

export const places: readonly Place[] = described.flatMap((given): readonly Place[] => {
  const { path, body } = given;
  const node = nodeOf(given);
  const parameters = (node.parameters ?? []).filter(({ schema }) => takesId(schema));
  const schema = node.requestBody?.content["application/json"]?.schema;
  return [
    ...parameters
      .filter((parameter) => parameter.in === "path")
      .map(({ name }) => ({
        name: `path ${name}`,
        described: given,
        request: (id: string, own: string) => ({
          path: path.replace(`:${name}`, id).replace(":id", own),
          body,
        }),
      })),
    ...parameters.filter((parameter) => parameter.in === "query").map(({ name }) => queryPlace(given, name)),
    ...[...new Map(idsOf(schema).map((at) => [at.join("/"), at])).values()].map((at) => ({
      name: `body /${at.join("/")}`,
      described: given,
      request: (id: string, own: string) => ({ path: path.replace(":id", own), body: withId(body, at, id) }),
    })),
  ];
});

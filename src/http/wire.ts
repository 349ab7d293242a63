/**
 * The shapes that travel: the few schemas every feature's wire needs, and the rule that an object is closed. All are
 * made with `Type` of @sinclair/typebox; Elysia's own `t.Integer` and its like would be strings in the document.
 */
import {
  FormatRegistry,
  Kind,
  OptionalKind,
  type Static,
  type StringOptions,
  type TSchema,
  type TUnsafe,
  Type,
  TypeRegistry,
} from "@sinclair/typebox";
import type { StreamedBody } from "./streams.ts";
// Elysia fills TypeBox's registry of formats (email, uri …) that the schemas below name.
import "elysia";

/** The keyword under which a schema says in words what its pattern and format ask for. */
export const MUST = "x-must";

/**
 * Text of a form that a pattern or a format checks. `must` is that form in words, as they follow the name of a field:
 * `must be an e-mail address`. A refusal and the document tell it in place of the pattern.
 */
export const formed = (must: string, options: StringOptions) => Type.String({ ...options, [MUST]: must });

/** Text with something in it besides white space. */
export const filled = (options: StringOptions) =>
  formed("must not be blank", { minLength: 1, pattern: "\\S", ...options });

/** In words: what names an organization or a lesson in an address. */
export const SLUG_FORM = "must be lower-case letters and digits, in words between single dashes";

/** Whether there is such a day: what counts the thirtieth of February on into March (`Date`) does not tell. */
function isDay(text: string): boolean {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (parts === null) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const MOMENT =
  "^[12]\\d{3}-\\d\\d-\\d\\dT([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d(\\.\\d{1,9})?)?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)$";
const MOMENT_FORM = new RegExp(MOMENT);

// Elysia's take whatever `Date` reads, days that no calendar has among them. PostgreSQL refuses those.
FormatRegistry.Set("date", isDay);
FormatRegistry.Set("date-time", (text) => MOMENT_FORM.test(text) && isDay(text.slice(0, 10)));

/**
 * A moment that is given: RFC 3339 with its offset, between the years 1000 and 2999; the seconds may be left out. Near
 * the years 0 and 10000 the offset makes a year of it that PostgreSQL reads otherwise.
 */
export const moment = (options: StringOptions) =>
  formed("must be a moment with its offset, like 2026-11-01T00:00:00Z", {
    format: "date-time",
    pattern: MOMENT,
    examples: ["2026-11-01T00:00:00Z"],
    ...options,
  });

const UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$";

/** A UUID. The pattern is there because the format alone also takes `urn:uuid:…`. */
export const uuid = (options: { readonly description?: string } = {}) =>
  formed("must be a UUID", {
    format: "uuid",
    pattern: UUID,
    examples: ["01931e5a-7f3c-7c1e-9b5e-2f6a1d3c4b5a"],
    ...options,
  });

TypeRegistry.Set("Timestamp", (_, value) =>
  value instanceof Date ? !Number.isNaN(value.getTime()) : typeof value === "string",
);

/** A moment in an answer. A `Date` is written as RFC 3339 in UTC by JSON itself, so rows go out unmapped. */
export const timestamp = (options: { readonly description?: string } = {}): TUnsafe<Date | string> =>
  Type.Unsafe<Date | string>({
    [Kind]: "Timestamp",
    type: "string",
    format: "date-time",
    examples: ["2026-11-24T08:00:00.000Z"],
    ...options,
  });

/** The schema or null. */
export const nullable = <S extends TSchema>(schema: S, options: { readonly description?: string } = {}) =>
  Type.Union([schema, Type.Null()], { ...options });

/** The same schema, with what it means where it stands. */
export const described = <S extends TSchema>(schema: S, description: string): S => ({
  ...schema,
  description,
});

/** One of a closed list of words. */
export const choice = <const V extends readonly string[]>(
  values: V,
  options: { readonly description?: string; readonly examples?: readonly string[] } = {},
) => {
  const words: Record<V[number], V[number]> = Object.fromEntries(
    values.map((value) => [value, value]),
  ) as never;
  return Type.Enum(words, { ...options }) as unknown as TUnsafe<V[number]>;
};

/** The version of a stored resource, which is its ETag. */
export const version = () => Type.Integer({ minimum: 1, description: "It is the ETag.", examples: [1] });

/** `answers: { 200: binary("image/png") }`: bytes that go out as they are. */
export const binary = (...mediaTypes: readonly string[]): TUnsafe<Uint8Array | Blob | ReadableStream> =>
  Type.Unsafe<Uint8Array | Blob | ReadableStream>({
    [Kind]: "Any",
    type: "string",
    format: "binary",
    "x-media-types": mediaTypes,
  });

/** `answers: { 200: streamed("video/mp4") }`: bytes of any number, of which a caller may ask for a part. */
export const streamed = (...mediaTypes: readonly string[]): TUnsafe<StreamedBody> =>
  Type.Unsafe<StreamedBody>({
    [Kind]: "Any",
    type: "string",
    format: "binary",
    "x-media-types": mediaTypes,
    "x-streamed": true,
  });

export const isStreamed = (schema: TSchema | null | undefined): boolean => schema?.["x-streamed"] === true;

export const isBinary = (schema: TSchema | null | undefined): boolean => schema?.format === "binary";

/** A page of a list, as it travels. */
export const pageOf = <S extends TSchema>(item: S) =>
  Type.Object({
    items: Type.Array(item),
    nextCursor: nullable(Type.String({ description: "Give it as `cursor` to get the next page." })),
  });

/** A page of a list that can be turned back as well. */
export const bothWays = <S extends TSchema>(item: S) =>
  Type.Composite([
    pageOf(item),
    Type.Object({
      previousCursor: nullable(Type.String({ description: "Give it as `cursor` to get the page before." })),
    }),
  ]);

export type PageBody<Item> = { items: readonly Item[]; nextCursor: string | null };

/**
 * A copy in which every object refuses properties it does not name, at any depth: an unknown field is refused, not
 * dropped. An object that says something about `additionalProperties` itself keeps it (free JSON documents).
 */
export function closed<S extends TSchema>(schema: S): S {
  return close(schema) as S;
}

function close(schema: TSchema): TSchema {
  const copy: Record<string | symbol, unknown> = { ...schema };
  // Object spread keeps own symbols, so TypeBox's kind and the optional mark travel along.
  if (schema[OptionalKind] !== undefined) copy[OptionalKind] = schema[OptionalKind];
  if (schema[Kind] === "Object") {
    copy.properties = mapValues(schema.properties as Record<string, TSchema>, close);
    if (!("additionalProperties" in schema)) copy.additionalProperties = false;
  }
  if (schema.items !== undefined) {
    const items = schema.items as TSchema | readonly TSchema[];
    copy.items = Array.isArray(items) ? items.map(close) : close(items as TSchema);
  }
  for (const key of ["anyOf", "oneOf"] as const) {
    if (Array.isArray(schema[key])) copy[key] = (schema[key] as readonly TSchema[]).map(close);
  }
  if (Array.isArray(schema.allOf)) {
    // Closed parts would each refuse the other's properties: the parts stay open, the whole is closed.
    copy.allOf = (schema.allOf as readonly TSchema[]).map((part) => {
      const { additionalProperties: _, ...open } = close(part);
      return "additionalProperties" in part ? part : open;
    });
    if (!("unevaluatedProperties" in schema)) copy.unevaluatedProperties = false;
  }
  return copy as unknown as TSchema;
}

function mapValues<T>(record: Record<string, T>, map: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}

export type { Static };

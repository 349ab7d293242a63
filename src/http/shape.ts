/** What a schema refused, in our own words: the library's may quote the value. */
import { type TSchema, Type } from "@sinclair/typebox";
import { Value, type ValueError, ValueErrorType } from "@sinclair/typebox/value";
import type { ValidationError } from "elysia";
import { type FieldError, invalidRequest, notFound, type Refusal } from "../errors.ts";
import { pointerOf } from "../json.ts";
import type { Prepared } from "./exchange.ts";
import { MUST } from "./wire.ts";

/** The refusal of a request whose path, query or body Elysia found to be none of this endpoint's. */
export function shapeRefusal(error: ValidationError, { endpoint, query }: Prepared): Refusal {
  // An id that cannot be one is answered like an id that does not exist.
  if (error.type === "params") return notFound();
  const root = error.type === "query" ? "#/query" : "#";
  // Our own schema, not the error's: for a query Elysia adds the text forms of numbers and lists to that.
  const schema = error.type === "query" ? query : (endpoint.body ?? Type.Null());
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const problem of Value.Errors(schema, error.value)) {
    const names = problem.path
      .split("/")
      .slice(1)
      .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    const pointer = pointerOf(names, root);
    if (seen.has(pointer)) continue;
    seen.add(pointer);
    errors.push({ pointer, detail: reasonOf(meant(problem)) });
    if (errors.length === 20) break;
  }
  return invalidRequest({ errors });
}

/** Of a value that may be null and is not: what is wrong with it as the other thing it may be. */
function meant(problem: ValueError): ValueError {
  const { schema, value } = problem;
  const options: unknown = schema.anyOf;
  if (problem.type !== ValueErrorType.Union || value === null || !Array.isArray(options)) return problem;
  const others = (options as readonly TSchema[]).filter(({ type }) => type !== "null");
  const [only] = others;
  if (only === undefined || others.length > 1 || others.length === options.length) return problem;
  return Value.Errors(only, value).First() ?? problem;
}

function reasonOf({ type, schema }: ValueError): string {
  switch (type) {
    case ValueErrorType.ObjectAdditionalProperties:
    case ValueErrorType.IntersectUnevaluatedProperties:
      return "is not a field that is known here";
    case ValueErrorType.ObjectRequiredProperty:
      return "is required";
    case ValueErrorType.StringMinLength:
      return schema.minLength === 1
        ? "must not be empty"
        : `must have at least ${schema.minLength} characters`;
    case ValueErrorType.StringMaxLength:
      return `must have at most ${schema.maxLength} characters`;
    case ValueErrorType.StringFormat:
    case ValueErrorType.StringPattern:
      return typeof schema[MUST] === "string" ? schema[MUST] : "does not have the right form";
    case ValueErrorType.NumberMinimum:
    case ValueErrorType.IntegerMinimum:
      return `must be at least ${schema.minimum}`;
    case ValueErrorType.NumberMaximum:
    case ValueErrorType.IntegerMaximum:
      return `must be at most ${schema.maximum}`;
    case ValueErrorType.ArrayMinItems:
      return `must have at least ${schema.minItems} items`;
    case ValueErrorType.ArrayMaxItems:
      return `must have at most ${schema.maxItems} items`;
    case ValueErrorType.ArrayUniqueItems:
      return "must not have the same item twice";
    case ValueErrorType.ObjectMinProperties:
      return `must have at least ${schema.minProperties} fields`;
    case ValueErrorType.ObjectMaxProperties:
      return `must have at most ${schema.maxProperties} fields`;
    default:
      return `must be ${describe(schema)}`;
  }
}

function describe(schema: TSchema): string {
  const options: unknown = schema.anyOf;
  if (Array.isArray(options)) {
    // For a query Elysia adds the text form of a number or a boolean to its schema.
    const meant = (options as readonly TSchema[]).filter(
      ({ format }) => format !== "boolean" && format !== "numeric",
    );
    const [first, ...others] = [...new Set(meant.map(describe))];
    return others.length === 0 ? (first ?? "something else") : [first, ...others].join(" or ");
  }
  if ("const" in schema) return JSON.stringify(schema.const);
  switch (schema.type) {
    case "integer":
      return "a whole number";
    case "string":
      return "a string";
    case "object":
      return "an object";
    case "array":
      return "an array";
    case undefined:
      return "something else";
    default:
      return `a ${schema.type}`.replace("a null", "null");
  }
}

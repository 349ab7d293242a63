/** The query string, read strictly: every name known, none twice, every percent-escape sound. */
import { Kind, type TObject, type TSchema } from "@sinclair/typebox";
import { type FieldError, invalidRequest } from "../errors.ts";
import { pointerOf } from "../json.ts";
import { malformedRequest } from "./problem.ts";

export type Pairs = readonly (readonly [name: string, value: string])[];

const NONE: Pairs = [];

/**
 * Reads what follows the `?`. Refuses with `malformed_request` a broken escape, and with `invalid_request` a name
 * that is not in `known`, a name given twice, NUL and lone surrogates.
 */
export function readQuery(raw: string, known: readonly string[]): Pairs {
  if (raw === "") return NONE;
  const pairs: [string, string][] = [];
  const errors: FieldError[] = [];
  for (const part of raw.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? "" : decode(part.slice(equals + 1));
    if (!known.includes(name)) {
      errors.push({ pointer: pointerOf([name], "#/query"), detail: "is not a parameter of this address" });
    } else if (pairs.some(([other]) => other === name)) {
      errors.push({ pointer: pointerOf([name], "#/query"), detail: "must not be given twice" });
    } else if (value.includes("\0") || !value.isWellFormed()) {
      errors.push({ pointer: pointerOf([name], "#/query"), detail: "must be text without U+0000" });
    } else {
      pairs.push([name, value]);
    }
  }
  if (errors.length > 0) throw invalidRequest({ errors: errors.slice(0, 20) });
  return pairs;
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw malformedRequest({ detail: "The address has a broken percent-escape." });
  }
}

/**
 * The values as their schema means them: whole numbers, numbers, `true` and `false`, lists between commas. Text that
 * does not read as such stays text, and the schema refuses it.
 */
export function coerceQuery(pairs: Pairs, schema: TObject): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  for (const [name, value] of pairs) {
    const property = schema.properties[name];
    query[name] = property === undefined ? value : coerce(value, property);
  }
  return query;
}

function coerce(value: string, schema: TSchema): unknown {
  switch (schema[Kind]) {
    case "Integer":
      return /^(?:0|-?[1-9]\d{0,14})$/.test(value) ? Number(value) : value;
    case "Number":
      return /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/.test(value) ? Number(value) : value;
    case "Boolean":
      return value === "true" ? true : value === "false" ? false : value;
    case "Array":
      return value === "" ? [] : value.split(",").map((item) => coerce(item, schema.items as TSchema));
    default:
      return value;
  }
}

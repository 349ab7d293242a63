/** The forms that text must have: told in words, in one place each, and no wider than what the database takes. */
import { describe, expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { endpoints } from "../../src/endpoints.ts";
import { openapi } from "../../src/http/docs.ts";
import { newUserShape } from "../../src/http/people.ts";
import { MUST, moment } from "../../src/http/wire.ts";

/** Every schema within, with the way to it. */
function* within(schema: TSchema, way: string): Generator<readonly [string, TSchema]> {
  yield [way, schema];
  for (const [name, property] of Object.entries((schema.properties ?? {}) as Record<string, TSchema>))
    yield* within(property, `${way}/${name}`);
  if (schema.items !== undefined) yield* within(schema.items as TSchema, `${way}/*`);
  for (const key of ["anyOf", "allOf", "oneOf"] as const)
    for (const part of (schema[key] ?? []) as readonly TSchema[]) yield* within(part, way);
}

const asked = endpoints.flatMap(({ method, path, body, query }) =>
  [body, query].flatMap((schema) => (schema === undefined ? [] : [...within(schema, `${method} ${path} #`)])),
);

describe("a form that text must have", () => {
  test("is told in words wherever a pattern or a format asks for one [row 108]", () => {
    const formal = asked.filter(([, { pattern, format }]) => pattern !== undefined || format !== undefined);
    expect(formal.length).toBeGreaterThan(30);
    for (const [way, schema] of formal)
      expect([way, String(schema[MUST])]).toEqual([way, expect.stringMatching(/^must /)]);
  });

  test("is told by the document too, and the keyword that holds it is not [row 94]", async () => {
    const document = JSON.stringify(await openapi(endpoints, "1.2.3"));
    expect(document).not.toContain(MUST);
    expect(document).toContain("Unique in the organization in any case. Must be 1 to 64 letters");
    expect(document).toContain("Must be an e-mail address.");
    expect(document).not.toContain("Must be a UUID.");
  });
});

describe("a day", () => {
  const takes = (dateOfBirth: string) =>
    Value.Check(newUserShape, { fullName: "P", username: "p", profile: { dateOfBirth } });

  test("is one that the calendar has [row 15]", () => {
    for (const day of [
      "1980-02-30",
      "2023-02-29",
      "1900-02-29",
      "2012-04-31",
      "2012-13-01",
      "2012-00-10",
      "2012-01-00",
    ])
      expect([day, takes(day)]).toEqual([day, false]);
    for (const day of [
      "2012-2-3",
      "20120203",
      "2012-02-03T00:00:00Z",
      " 2012-02-03",
      "1899-12-31",
      "0000-01-01",
    ])
      expect([day, takes(day)]).toEqual([day, false]);
    for (const day of ["1980-02-29", "2000-02-29", "1900-01-01", "2012-04-30", "2999-12-31"])
      expect([day, takes(day)]).toEqual([day, true]);
  });

  test("of a moment is, too", () => {
    const takesMoment = (text: string) => Value.Check(moment({}), text);
    for (const text of [
      "2026-02-30T00:00:00Z",
      "0001-01-01T00:00:00+01:00",
      "9999-12-31T23:59:59-01:00",
      "2026-11-01T24:00:00Z",
      "2026-11-01T00:60:00Z",
      "2026-11-01",
      "2026-11-01T00:00:00",
    ])
      expect([text, takesMoment(text)]).toEqual([text, false]);
    for (const text of [
      "2026-11-01T00:00:00Z",
      "2026-11-01T08:30+01:00",
      "2024-02-29T23:59:59.999999-11:30",
    ]) {
      expect([text, takesMoment(text)]).toEqual([text, true]);
      expect(Number.isNaN(new Date(text).getTime())).toBe(false);
    }
  });
});

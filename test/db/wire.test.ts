import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { jsonNull, withTenant } from "../../src/db.ts";
import { wireTypes } from "../../src/wire.ts";
import type { TestDatabase } from "../support/database.ts";
import { failure, noteDatabase, ours, query } from "./fixture.ts";

let database: TestDatabase;

beforeAll(async () => {
  database = await noteDatabase({ pool: { size: 1, overflow: 0 } });
});

afterAll(() => database.close());

/** Sends a value as a parameter of the type and reads it back. */
async function roundTrip(type: string, value: unknown): Promise<unknown> {
  const { rows } = await withTenant(database.db, ours, (tx) =>
    query(tx, `select $1::${type} as value`, value),
  );
  return rows[0]?.value;
}

const instant = new Date("2026-11-24T08:09:10.123Z");

const values: readonly [type: string, value: unknown][] = [
  ["bool", true],
  ["bool", false],
  ["int2", -7],
  ["int4", 2147483647],
  ["int8", Number.MAX_SAFE_INTEGER],
  ["float8", 0.1],
  ["float8", Number.POSITIVE_INFINITY],
  ["numeric", "12345678901234567890.123456789"],
  ["text", "quoted \" \\ 'line\nbreak\t{,}NULL ünïcødé 🙂"],
  ["text", ""],
  ["varchar", "x"],
  ["uuid", "0191f0e0-0000-7000-8000-000000000000"],
  ["bytea", Buffer.from([0, 1, 92, 34, 255])],
  ["bytea", Buffer.alloc(0)],
  ["date", "2012-02-29"],
  ["timestamp", "2026-11-24 08:09:10.123456"],
  ["timestamptz", instant],
  ["timestamptz", new Date("0001-01-01T00:00:00.000Z")],
  ["timestamptz", new Date("9999-12-31T23:59:59.999Z")],
  ["text", null],
  ["text[]", ["a", null, "NULL", "null", "", 'q"\\', "{x,y}", " s "]],
  ["text[]", []],
  [
    "text[]",
    [
      ["a", "b"],
      ["c", null],
    ],
  ],
  ["uuid[]", ["0191f0e0-0000-7000-8000-000000000000", null]],
  ["int4[]", [1, null, -3]],
  ["int8[]", [1, Number.MAX_SAFE_INTEGER]],
  ["bool[]", [true, false, null]],
  ["float8[]", [0.5, null]],
  ["numeric[]", ["1.50", null]],
  ["date[]", ["2012-02-29", null]],
  ["timestamptz[]", [instant, null]],
  ["bytea[]", [Buffer.from([0, 92, 34]), null]],
  ["jsonb[]", [{ a: [1, "x"] }, [1, 2], "text", null]],
  ["inet", "10.0.0.1"],
];

describe("a value comes back as it was sent [row 28]", () => {
  for (const [type, value] of values) {
    test(`${type} ${JSON.stringify(value)}`, async () => {
      expect(await roundTrip(type, value)).toEqual(value);
    });
  }
});

const documents: readonly unknown[] = [
  { snake_key: 1, camelKey: { nested_key: [] } },
  [],
  [1, "two", null, { three: [3] }],
  "a string, not twice encoded",
  '"quoted"',
  "{}",
  "",
  0,
  -1.5,
  true,
  false,
];

describe("a JSON document comes back as it was sent, its keys untouched [row 27]", () => {
  for (const document of documents) {
    for (const type of ["json", "jsonb"]) {
      test(`${type} ${JSON.stringify(document)}`, async () => {
        expect(await roundTrip(type, document)).toEqual(document);
        const kind = document === null ? "null" : Array.isArray(document) ? "array" : typeof document;
        const { rows } = await withTenant(database.db, ours, (tx) =>
          query(tx, `select ${type}_typeof($1::${type}) as kind`, document),
        );
        expect(rows).toEqual([{ kind }]);
      });
    }
  }

  test("the document null is not the same as no document", async () => {
    const { rows } = await withTenant(database.db, ours, (tx) =>
      query(tx, "select $1::jsonb is null as none, $2::jsonb is null as null_document", null, jsonNull),
    );
    expect(rows).toEqual([{ none: true, nullDocument: false }]);
  });
});

test("columns are named in camel case, and nothing but columns", async () => {
  const { rows } = await withTenant(database.db, ours, (tx) =>
    query(tx, "select 1 as organization_id, '{\"snake_key\":1}'::jsonb as some_doc"),
  );
  expect(rows).toEqual([{ organizationId: 1, someDoc: { snake_key: 1 } }]);
});

test("a string may stand for a time, with all its microseconds", async () => {
  const { rows } = await withTenant(database.db, ours, (tx) =>
    query(tx, "select to_char($1::timestamptz, 'US') as us", "2026-11-24T08:09:10.123456Z"),
  );
  expect(rows).toEqual([{ us: "123456" }]);
});

test("a bigint that no number can hold is refused, and the transaction says so", async () => {
  const error = await failure(
    withTenant(database.db, ours, (tx) => query(tx, "select 9007199254740993::int8 as value")),
  );
  expect(error).toBeInstanceOf(RangeError);
  const array = await failure(
    withTenant(database.db, ours, (tx) => query(tx, "select array[9007199254740993::int8] as value")),
  );
  expect(array).toBeInstanceOf(RangeError);
  const infinite = await failure(
    withTenant(database.db, ours, (tx) => query(tx, "select 'infinity'::timestamptz as value")),
  );
  expect(infinite).toBeInstanceOf(RangeError);
});

describe("a value that does not fit its parameter is refused, and only its own statement", () => {
  const unfit: readonly [type: string, value: unknown][] = [
    ["text", { a: 1 }],
    ["text", new Date()],
    ["uuid", ["x"]],
    ["text[]", "not an array"],
    ["text[]", ["a", undefined]],
    ["bytea", "text"],
    ["timestamptz", new Date(Number.NaN)],
    ["jsonb", { big: 1n }],
    ["jsonb", () => 1],
  ];
  for (const [type, value] of unfit) {
    test(`${type}`, async () => {
      const text = `select $1::${type} as value`;
      // Both with the types unknown and known: the driver fails in different places.
      for (let round = 0; round < 2; round++) {
        const [first, wrong, last] = await withTenant(database.db, ours, (tx) =>
          Promise.allSettled([
            query(tx, "select 1 as n"),
            query(tx, text, value),
            query(tx, "select 3 as n"),
          ]),
        ).catch((error: unknown) => [null, { status: "rejected" as const, reason: error }, null]);
        expect(wrong).toMatchObject({ status: "rejected", reason: expect.any(TypeError) });
        if (first !== null) expect(first).toMatchObject({ status: "fulfilled", value: { rows: [{ n: 1 }] } });
        if (last?.status === "fulfilled") expect(last.value.rows).toEqual([{ n: 3 }]);
        await roundTrip(type, null);
      }
      expect(database.db.stats()).toMatchObject({ discarded: 0 });
    });
  }
});

test("what PostgreSQL itself prints is read right", async () => {
  const { rows } = await withTenant(database.db, ours, (tx) =>
    query(
      tx,
      "select '[0:1]={a,b}'::text[] as shifted, '{}'::int4[] as empty, array[null]::text[] as nothing",
    ),
  );
  expect(rows).toEqual([{ shifted: ["a", "b"], empty: [], nothing: [null] }]);
});

test("every array that is known belongs to its element in PostgreSQL's own catalog", async () => {
  const known = new Set(wireTypes.flatMap(({ oids }) => oids));
  const arrays = await database.admin<{ oid: number; element: number }>(
    "select oid::int4, typelem::int4 as element from pg_type where typcategory = 'A' and oid < 10000",
  );
  const ours = arrays.filter(({ oid }) => known.has(oid));
  expect(ours.length).toBeGreaterThan(20);
  for (const { element } of ours) expect(known.has(element)).toBe(true);
  const read = ({ oid }: { oid: number }) => wireTypes.find(({ oids }) => oids.includes(oid))?.read;
  for (const array of ours) expect(read(array)?.("{}")).toEqual([]);
  const found = new Set(arrays.map(({ oid }) => oid));
  const scalars = await database.admin<{ oid: number; array: number }>(
    "select oid::int4, typarray::int4 as array from pg_type where oid = any($1::oid[])",
    [[...known]],
  );
  for (const { oid, array } of scalars)
    if (!found.has(oid)) expect([oid, known.has(array)]).toEqual([oid, true]);
});

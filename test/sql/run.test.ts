import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateQueries } from "../../sql/generate.ts";
import { readTenant, withTenant } from "../../src/db.ts";
import { testDatabase } from "../support/database.ts";
import { tempFolder } from "../support/run.ts";
import { connect } from "./fixture.ts";

const tenant = { organizationId: Bun.randomUUIDv7(), userId: null };

const header = (returns: string, nullable = "") =>
  `-- Something.\n-- returns: ${returns}\n-- scope: tenant\n${nullable === "" ? "" : `-- nullable: ${nullable}\n`}`;

const columns =
  "uuid_value, small_value, big_value, float_value, flag, amount, birth_date, moment, span, document, raw_bytes, words, " +
  "flags, documents, moments, numbers, maybe_text, state_name";

const queries = {
  "kinds/insert_kind":
    `${header("one", ":maybe_text")}insert into kind (${columns})\n` +
    `values (${columns.replace(/\w+/g, ":$&")}) returning ${columns}`,
  "kinds/find_state": `${header("maybe")}select state_name, ':no' as literal from kind where state_name = :state_name -- :no`,
  "kinds/list_numbers":
    header("many") +
    "select n as number from unnest(:numbers::int[]) with ordinality u (n, place) order by place",
  "kinds/count_kinds": `${header("one")}select count(*) as kinds from kind`,
  "kinds/exists_kind": `${header("one")}select exists (select from kind where flag = :flag) as found`,
  "kinds/update_flag": `${header("count")}update kind set flag = not flag`,
  "kinds/lock_nothing": `${header("one")}select pg_advisory_xact_lock(1)`,
};

// biome-ignore lint/suspicious/noExplicitAny: the modules under test are written while the test runs
type Module = Record<string, (...args: any[]) => Promise<unknown>>;

async function setUp() {
  const database = await testDatabase();
  const schema = [
    `create table kind (
      uuid_value uuid not null, small_value int2 not null, big_value bigint not null, float_value float8 not null,
      flag boolean not null, amount numeric not null, birth_date date not null, moment timestamptz not null,
      span interval not null, document jsonb not null, raw_bytes bytea not null, words text[] not null,
      flags boolean[] not null, documents jsonb[] not null, moments timestamptz[] not null, numbers bigint[] not null,
      maybe_text text, state_name text not null constraint kind_state check (state_name in ('on', 'off')))`,
    "grant usage on schema public to satchel_request",
    "grant select, insert, update on kind to satchel_request",
  ];
  for (const statement of schema) await database.admin(statement);
  const folder = tempFolder("run");
  for (const [name, text] of Object.entries(queries)) {
    mkdirSync(join(folder, "queries/kinds"), { recursive: true });
    writeFileSync(join(folder, `queries/${name}.sql`), text);
  }
  const sql = connect(database.ownerUrl);
  const { files, problems } = await generateQueries(join(folder, "queries"), sql);
  await sql.end();
  expect(problems).toEqual([]);
  mkdirSync(join(folder, "generated"));
  for (const [path, text] of files) writeFileSync(join(folder, path), text);
  writeFileSync(
    join(folder, "tx.ts"),
    `export * from ${JSON.stringify(join(import.meta.dir, "../../sql/tx.ts"))};`,
  );
  const kinds: Module = await import(join(folder, "generated/kinds.ts"));
  const call = (name: string) => {
    const found = kinds[name];
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  return { database, call };
}

describe("generated functions against PostgreSQL [row 96]", () => {
  test("write and read every type unchanged", async () => {
    const { database, call } = await setUp();
    const row = {
      uuidValue: Bun.randomUUIDv7(),
      smallValue: -7,
      bigValue: Number.MAX_SAFE_INTEGER,
      floatValue: 0.1,
      flag: false,
      amount: "12345678901234567890.10",
      birthDate: "2011-02-28",
      moment: new Date("2026-03-29T01:30:00.123Z"),
      span: "1 day 02:00:00",
      // Keys inside a document are the author's, also where they look like columns.
      document: { snake_case: [true, null, { a_b: 'it\'s "quoted" \\ and 🎒' }] },
      rawBytes: new Uint8Array([0, 1, 92, 255]),
      words: ["", "null", "NULL", 'say "hi"', "back\\slash", "{a,b}", "comma,", " "],
      flags: [true, false],
      documents: [[true], { a: 1 }, "text", 1],
      moments: [new Date(0)],
      numbers: [],
      maybeText: null,
      stateName: "on",
    };
    const inserted = await withTenant(database.db, tenant, (tx) => call("insertKind")(tx, row));
    expect(inserted).toEqual({ ...row, rawBytes: Buffer.from(row.rawBytes) });

    // A document that is a list, or a boolean: the driver must not guess a PostgreSQL type from the value.
    for (const document of [[true, false], [1], [], true, "a", 0, { list: [] }]) {
      const again = await withTenant(database.db, tenant, (tx) =>
        call("insertKind")(tx, { ...row, document }),
      );
      expect(again).toMatchObject({ document });
    }
    await database.close();
  });

  test("answer one, maybe, many, a number, yes or no, and a count", async () => {
    const { database, call } = await setUp();
    await database.admin(
      `insert into kind values (gen_random_uuid(), 1, 1, 1, true, 1, now(), now(), '1 day', '1', '', '{}', '{}', '{}',
         '{}', '{}', null, 'off')`,
    );
    const answers = await readTenant(database.db, tenant, (tx) =>
      // All sent before the first answer comes.
      Promise.all([
        call("findState")(tx, { stateName: "off" }),
        call("findState")(tx, { stateName: "'; drop table kind --" }),
        call("listNumbers")(tx, { numbers: [3, 1, 2] }),
        call("countKinds")(tx),
        call("existsKind")(tx, { flag: false }),
        call("lockNothing")(tx),
      ]),
    );
    expect(answers).toEqual([
      { stateName: "off", literal: ":no" },
      null,
      [{ number: 3 }, { number: 1 }, { number: 2 }],
      1,
      false,
      undefined,
    ]);
    expect(await withTenant(database.db, tenant, (tx) => call("updateFlag")(tx))).toBe(1);
    await database.close();
  });

  test("name their file to whoever looks at the server", async () => {
    const { database, call } = await setUp();
    const seen = await withTenant(database.db, tenant, async (tx) => {
      await call("countKinds")(tx);
      return database.admin<{ query: string }>(
        "select query from pg_stat_activity where query like '%kinds/%kind%'",
      );
    });
    expect(seen.map((row) => row.query)).toContain(
      "select /* kinds/count_kinds */ count(*) as kinds from kind",
    );
    await database.close();
  });
});

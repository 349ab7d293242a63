import { describe, expect, test } from "bun:test";
import { fieldsOf, fixture, generateFrom } from "./fixture.ts";

describe("types", () => {
  test("of columns are those the driver reads [row 10]", async () => {
    const statement = `select b, i2, i4, i8, f4, f8, n, t, v, c, u, o, tz, ts, d, tm, ttz, iv, ip, net, j, jb, raw, words,
      query, conf, r, mr, ua, ja, ia from kind`;
    expect(await fieldsOf(statement)).toEqual({
      b: "boolean",
      ...same("number", "i2", "i4", "i8", "f4", "f8", "o"),
      ...same(
        "string",
        "n",
        "t",
        "v",
        "c",
        "u",
        "ts",
        "d",
        "tm",
        "ttz",
        "iv",
        "ip",
        "net",
        "words",
        "query",
        "conf",
      ),
      ...same("string", "r", "mr"),
      tz: "Date",
      ...same("Json", "j", "jb"),
      raw: "Uint8Array",
      ua: "readonly string[]",
      ja: "readonly Json[]",
      ia: "readonly number[]",
    });
  });

  test("of checked text, enums and domains are unions", async () => {
    const statement = "select mood, kind, size, single, form, labels, role, doc from author";
    expect(await fieldsOf(statement)).toEqual({
      mood: `"sad" | "it's fine"`,
      kind: `"person" | "school's"`,
      size: `"S" | "M"`,
      single: `"one"`,
      form: "string",
      labels: `readonly ("x" | "y")[]`,
      role: `"teacher" | "pupil"`,
      doc: "Json",
    });
  });

  test("of checked text are plain where equal is not the same", async () => {
    const sql = await fixture();
    await sql.unsafe("create table padded (word char(3) not null check (word in ('a', 'b')))");
    expect(await fieldsOf("select word from padded")).toEqual({ word: "string" });
  });

  test("of checked text are plain where a check is not yet valid for old rows", async () => {
    const sql = await fixture();
    await sql.unsafe(
      "create table late (word text not null); alter table late add check (word in ('a')) not valid",
    );
    expect(await fieldsOf("select word from late")).toEqual({ word: "string" });
  });

  test("are nullable where the column is", async () => {
    await (await fixture()).unsafe(
      "create table empty (a text check (a in ('x', 'y')), b text[], c jsonb, d timestamptz)",
    );
    expect(await fieldsOf("select a, b, c, d from empty")).toEqual({
      a: `"x" | "y" | null`,
      b: "readonly string[] | null",
      c: "Json",
      d: "Date | null",
    });
  });

  test("of parameters come from where they are used, and are null only where the header says so", async () => {
    const statement = `select title from book where book_id = :id and title = any(:titles) and :mood::mood = 'sad'
      and (:at::timestamptz is null or now() > :at) and '{}'::jsonb @> :filter and :role::role = 'pupil'
      and :whole::jsonb is null and :bytes = ''::bytea limit :limit`;
    expect(await fieldsOf(statement, { of: "Params", header: "nullable: :at, :whole" })).toEqual({
      id: "string",
      titles: "readonly string[]",
      mood: `"sad" | "it's fine"`,
      at: "Date | null",
      filter: "Exclude<Json, null>",
      role: `"teacher" | "pupil"`,
      whole: "Json",
      bytes: "Uint8Array",
      limit: "number",
    });
  });

  test("of parameters that go into a column are the column's", async () => {
    const { files, problems } = await generateFrom({
      "tests/insert_it":
        "-- Inserts.\n-- returns: count\n-- scope: tenant\n-- nullable: :author\n" +
        "insert into book (book_id, title, author_id) select * from unnest(:ids::uuid[], :titles::text[]), (select :author::uuid) a",
    });
    expect(problems).toEqual([]);
    expect(files.get("generated/tests.ts")).toContain(
      "  readonly ids: readonly string[];\n  readonly titles: readonly string[];\n  readonly author: string | null;\n",
    );
  });
});

function same(type: string, ...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, type]));
}

import { describe, expect, test } from "bun:test";
import { file, generateFrom, problemsOf } from "./fixture.ts";

const ok = "select title from book";
const one = async (name: string, text: string) => (await generateFrom({ [name]: text })).problems;

describe("a query file is refused, with what to do,", () => {
  test.each([
    ["when it is empty", "", "holds no statement"],
    [
      "when it holds only a comment",
      "-- Nothing.\n-- returns: many\n-- scope: tenant\n;",
      "holds no statement",
    ],
    [
      "when it holds two statements",
      file(`${ok}; select 1 as a`),
      "tests/list_it.sql:4: a file holds one statement",
    ],
    ["when it ends twice", file(`${ok};;`), "one `;` ends a statement"],
    ["without a sentence", "-- returns: many\n-- scope: tenant\nselect 1 as a", "A sentence"],
    ["without returns", `-- Lists.\n-- scope: tenant\n${ok}`, "lacks `-- returns:"],
    ["without scope", `-- Lists.\n-- returns: many\n${ok}`, "lacks `-- scope:"],
    [
      "for an unknown directive",
      file(ok, "nulable: title"),
      'tests/list_it.sql:4: unknown directive "nulable:"',
    ],
    ["for a directive given twice", file(ok, "scope: system"), '"scope:" is given twice'],
    ["for an unknown scope", `-- Lists.\n-- returns: many\n-- scope: all\n${ok}`, "must be tenant or system"],
    ["for a header in a block comment", `/* Lists. */\n${file(ok)}`, "not in a block comment"],
    [
      "when what it returns does not fit its verb",
      `-- Lists.\n-- returns: one\n-- scope: tenant\n${ok}`,
      '"list" must say',
    ],
    [
      "when it reads and writes",
      file("with x as (delete from book returning title) select title from x"),
      "only reads",
    ],
    ["when it reads and locks", file("select title from book for no key update"), "locks rows"],
    ["when it is no query", file("create table x ()"), "belongs in a migration"],
    ["when nullable names no parameter", file(ok, "nullable: :x"), "which the statement does not have"],
    [
      "when not null names a parameter",
      file("select :x::text as x", "not null: :x"),
      "not null unless listed",
    ],
    ["when not null names no column", file(ok, "not null: name"), "which the statement does not return"],
    ["when not null says what is known", file(ok, "not null: title"), "known anyway"],
    ["when nullable says what is known", file("select nick from author", "nullable: nick"), "known anyway"],
    ["when it selects everything", file("select b.* from book b"), "List the columns"],
    ["when a column has no name", file("select 1 + 1"), 'column 1 is called "?column?"'],
    ["when two columns have one name", file("select title, title from book"), "two columns are called title"],
    ["when two columns differ only in TypeScript", file('select 1 as a_b, 2 as "aB"'), 'called "aB"'],
    [
      "when a count says how to read rows",
      "-- Deletes.\n-- returns: many\n-- scope: tenant\ndelete from book",
      "returns no columns",
    ],
    ["for a composite type", file("select p from refused"), "column p has the composite type public.pair"],
    ["for a whole row", file("select b from book b"), "composite type public.book"],
    ["for an anonymous row", file("select row(1, 2) as r"), "pseudo-type record"],
    ["for an unknown type", file("select m from refused"), "column m has the type money"],
    ["for an array the driver cannot read", file("select moods from refused"), "array of mood"],
    [
      "for a parameter of such a type",
      file("select title from book where :p::pair is null"),
      "parameter :p has the composite",
    ],
    [
      "for a parameter without a type",
      file("select :p is null as x"),
      "Say which type is meant: :name::type",
    ],
    ["for a domain the driver cannot write", file("select :p::document::text as x"), "Cast it to jsonb"],
    ["for an unclosed string", file("select 'a"), "tests/list_it.sql:4: this string is never closed"],
  ])("%s", async (_, text, expected) => {
    const name =
      text.includes("delete from book\n") || text.endsWith("delete from book")
        ? "tests/delete_it"
        : "tests/list_it";
    const problems = await one(name, text);
    expect(problems.join("\n")).toContain(expected);
    expect(problems.every((problem) => problem.startsWith(`${name}.sql`))).toBe(true);
  });

  test("at the line that PostgreSQL complains about, whatever stands before it", async () => {
    const problems = await problemsOf(
      "select 'ä😀' as a, -- a comment that is not sent\n  :x::text as b,\n  titel\nfrom book",
    );
    expect(problems).toEqual([
      'tests/list_it.sql:6: PostgreSQL: column "titel" does not exist. Perhaps you meant to reference the column "book.title".',
    ]);
  });

  test("for a syntax error, at its line", async () => {
    expect(await problemsOf("select title\nfrom book\nwere title = 'a'")).toEqual([
      'tests/list_it.sql:6: PostgreSQL: syntax error at or near "title".',
    ]);
  });

  test("together with everything else that is wrong, in every file", async () => {
    const { problems } = await generateFrom({
      "tests/list_a": "select titel from book; select 1",
      "tests/list_b": file("select 1, m from refused"),
      "tests/list_c": file("select titel from book"),
    });
    expect(problems.map((problem) => problem.replace(/\.sql.*/s, ""))).toEqual([
      ...["tests/list_a", "tests/list_a", "tests/list_a", "tests/list_a"],
      ...["tests/list_b", "tests/list_b", "tests/list_c"],
    ]);
  });

  test.each([
    "tests/fetch_it",
    "tests/list",
    "tests/list_It",
    "Tests/list_it",
    "list_it",
    "a/b/list_it",
    "migrations/list_it",
  ])("when it is called %s", async (name) => {
    expect((await one(name, file(ok))).length).toBeGreaterThan(0);
  });

  test("with the table of verbs when its verb is unknown", async () => {
    const [problem] = await one("tests/fetch_it", file(ok));
    expect(problem).toContain("find    returns maybe");
  });

  test("when it is a count that is not one number", async () => {
    const text = (statement: string) => `-- Counts.\n-- returns: one\n-- scope: tenant\n${statement}`;
    expect(await one("tests/count_it", text("select count(*)::text as n from book"))).toEqual([
      'tests/count_it.sql: "count" must return one number that is not null, not n: string.',
    ]);
    expect(await one("tests/count_it", text("select count(*)::int as n from book"))).toEqual([]);
    expect(await one("tests/exists_it", text("select exists (select from book) as yes"))).toEqual([]);
  });
});

test("a query that does not end in .sql is refused", async () => {
  const { problems } = await generateFrom({ "tests/list_it": file(ok), "tests/notes.md": "" });
  expect(problems).toHaveLength(1);
});

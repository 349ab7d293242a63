import { describe, expect, test } from "bun:test";
import { lex } from "../../sql/generate/lex.ts";
import { readQuery } from "../../sql/generate/query.ts";

const paramsOf = (source: string) =>
  lex(source)
    .tokens.filter((token) => token.kind === "param")
    .map((token) => token.text);

describe("parameters", () => {
  test.each([
    ["a plain string", "select ':no', :yes"],
    ["a doubled quote", "select 'it''s :no', :yes"],
    ["a backslash at the end of a plain string", String.raw`select 'c:\', :yes, ':no'`],
    ["an escape string", String.raw`select e'\':no', E'\\', :yes`],
    ["an escape string that goes on in the next line", "select E'a'\n  '\\':no', :yes"],
    ["a quoted name", `select ":no" as "a"":no", :yes`],
    ["a line comment", "select 1 -- :no '\n, :yes"],
    ["a block comment", "select 1 /* :no ' */, :yes"],
    ["a nested comment", "select /* /* :no */ :no */ :yes"],
    ["a dollar quote", "select $$ :no ' $$, :yes"],
    ["a tagged dollar quote", "select $a$ :no $$ :no $b$ $a$, :yes"],
    ["a dollar quote with other letters", "select $é$ :no $é$, :yes"],
    ["casts", "select a::no, (b)::no[], :yes::text"],
    ["an assignment", "select f(a :=no), :yes"],
    ["a slice", "select a[1:no], a[lo:no], a[(1):no], a[1:2], :yes"],
    ["a comment without end inside a string", "select '/*', :yes, '--'"],
  ])("are not looked for in %s", (_, source) => {
    const { mistakes } = lex(source);
    expect(mistakes).toEqual([]);
    expect(paramsOf(source)).toEqual(["yes"]);
  });

  test("are found wherever an expression may stand", () => {
    expect(paramsOf("select array[:a, :b], c[:i], c[1: :j], (:d), -:e, :f::int, x=:g")).toEqual([
      ..."abij",
      ..."defg",
    ]);
  });

  test("are found in brackets after an operator", () => {
    expect(paramsOf("select array[x=:a], array[x+:b]")).toEqual(["a", "b"]);
  });

  test.each([":Name", ":aB", ":'quoted'", ':"quoted"', ":_a", ":a__b", ":a_"])(
    "called %s are refused, because psql and TypeScript would read them differently",
    (name) => {
      expect(lex(`select ${name}`).mistakes.map((each) => each.text)).toEqual([
        expect.stringContaining("not snake_case"),
      ]);
    },
  );

  test("numbered by hand are refused", () => {
    expect(lex("select $1").mistakes).toEqual([{ at: 7, text: expect.stringContaining("numbered by hand") }]);
  });

  test("share one number when they share a name, and comments are not sent", () => {
    const source =
      "-- Finds.\n-- returns: maybe\n-- scope: tenant\nselect a -- why :no\n  from t\n" +
      " where b = :x and c = /* :no */ :y or ':x' = :x;\n-- the end\n";
    const query = readQuery("t/find_a", source, (_, text) => {
      throw new Error(text);
    });
    expect(query?.params).toEqual(["x", "y"]);
    expect(query?.text).toBe("select /* t/find_a */ a\n  from t\n where b = $1 and c = $2 or ':x' = $1");
  });
});

test.each([
  ["select 'a", "string"],
  ["select E'a\\'", "string"],
  ['select "a', "quoted name"],
  ["select /* /* */", "comment"],
  ["select $x$ $$", "dollar quote"],
])("%s is refused because its %s is never closed", (source, what) => {
  expect(lex(source).mistakes.map((each) => each.text)).toEqual([expect.stringContaining(`${what}`)]);
});

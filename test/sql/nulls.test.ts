import { describe, expect, test } from "bun:test";
import { lex } from "../../sql/generate/lex.ts";
import { optionalTables } from "../../sql/generate/nulls.ts";
import { fieldsOf, fixture } from "./fixture.ts";

/** The columns of a statement that TypeScript believes are never null. */
async function sureOf(statement: string, header?: string): Promise<string[]> {
  const fields = await fieldsOf(statement, header === undefined ? {} : { header });
  return Object.entries(fields)
    .filter(([, type]) => !type.endsWith("| null"))
    .map(([name]) => name);
}

describe("a column is not null", () => {
  test.each([
    [
      "when its table says so",
      "select book_id, author_id, title, loud from book",
      ["bookId", "title", "loud"],
    ],
    ["but not because its domain says so", "select sure from author", []],
    ["but not through a view", "select name from author_name", []],
    ["through a subquery", "select b.title from (select title from book) b", ["title"]],
    [
      "through a common table expression",
      "with b as (select title from book) select title from b",
      ["title"],
    ],
    [
      "on the near side of a left join",
      "select b.title, a.name from book b left join author a on a.author_id = b.author_id",
      ["title"],
    ],
    [
      "on the near side of a left join with a subquery",
      "select b.title, a.name from book b left outer join (select name, author_id from author) as a using (author_id)",
      ["title"],
    ],
    [
      "on the near side of a left join lateral that only computes",
      `select b.title, l.name, l.most from book b left join lateral (
         select max(a.name) as most, min(a.name) || 'x' as name, a.kind from author a group by a.kind
       ) l on true`,
      ["title"],
    ],
    ["when returned from a write", "select title from book", ["title"]],
    [
      "when it is a count",
      "select count(*) as n, count(*) filter (where true) over () as m from book",
      ["n", "m"],
    ],
    [
      "when its form cannot be null",
      `select 1 as a, 'x' as b, true as c, now() as d, exists (select) as e, not exists (select) as f,
              coalesce(nick, '') as g, nick is not null as h, author.nick is null i, array(select 1) as j,
              array[1] as k, row_number() over (order by name) as l, 1::bigint as m,
              (count(*) over ())::int as p, ((1)) as q, (select 1) as r, -1 as n, null::int as o
         from author`,
      [..."abcdefghijklmpq"],
    ],
  ])("%s", async (_, statement, expected) => {
    expect(await sureOf(statement)).toEqual(expected);
  });

  test("when the header says so", async () => {
    expect(await sureOf("select nick, upper(name) as loud from author", "not null: nick, loud")).toEqual([
      "nick",
      "loud",
    ]);
  });

  test("unless the header says otherwise", async () => {
    expect(await sureOf("select title from book", "nullable: title")).toEqual([]);
  });
});

// Each of these returns a null in a column whose table says `not null`, or in an expression that looks harmless.
const traps = {
  "left join": "select a.name from book b left join author a on a.author_id = b.author_id",
  "left outer join over lines":
    "select a.name from book b left\n outer\n join author a on a.author_id = b.author_id",
  "left join of a quoted table": `select a.name from book b left join "author" a on a.author_id = b.author_id`,
  "left join of a schema's table":
    "select a.name from book b left join public.author a on a.author_id = b.author_id",
  "left join of a nested join":
    "select a.name from book b left join (author a join author c using (author_id)) on a.author_id = b.author_id",
  "left join of two joins":
    "select c.name from book b left join author a join author c on a.author_id = c.author_id on a.author_id = b.author_id",
  "left join of a subquery":
    "select a.name from book b left join (select * from author) a on a.author_id = b.author_id",
  "left join of a common table expression":
    "with a as (select author_id, name from author) select a.name from book b left join a on a.author_id = b.author_id",
  "left join of a materialized one with named columns":
    "with a (x, y) as not materialized (select author_id, name from author) select a.y from book b left join a on a.x = b.author_id",
  "left join inside a subquery":
    "select s.name from (select a.name from book b left join author a on a.author_id = b.author_id) s",
  "left join lateral of a column of the near side":
    "select l.t from book b left join lateral (select b.title as t from author where false) l on true",
  "left join lateral of an unqualified column":
    "select l.t from book b left join lateral (select title as t from author where false) l on true",
  "left join lateral of a column in parentheses":
    "select l.t from book b left join lateral (select (b.title) as t from author where false) l on true",
  "left join lateral of a column cast to its own type":
    "select l.t from book b left join lateral (select b.title::text as t from author where false) l on true",
  "left join lateral of a column by cast":
    "select l.t from book b left join lateral (select cast(b.title as text) as t from author where false) l on true",
  "left join lateral of a field of a row":
    "select l.t from book b left join lateral (select (b).title as t from author where false) l on true",
  "left join lateral of a column as a function":
    "select l.t from book b left join lateral (select title(b) as t from author where false) l on true",
  "left join lateral of all columns of the near side":
    "select l.title from book as b left join lateral (select b.* from author where false) l on true",
  "left join lateral of a subquery's column":
    "select l.t from (select title from book) b left join lateral (select b.title as t from author where false) l on true",
  "left join lateral of a common table expression":
    "with c as (select title from book) select l.t from c b left join lateral (select b.title as t where false) l on true",
  "left join of a lateral inside":
    "select l.t from book b left join (author a cross join lateral (select b.title as t) l) on false",
  "natural left join": "select a.name from book b natural left join author a",
  "right join": "select a.name from author a right join book b on a.author_id = b.author_id",
  "full join": "select a.name from author a full outer join book b on a.author_id = b.author_id",
  "self join": "select o.title from book b left join book o on o.book_id = b.author_id",
  union: "select title from book union all select null",
  "union in a subquery": "select t from (select title as t from book union all select null) s",
  except: "select title from book except all select name from author union all select null",
  rollup: "select title from book group by rollup (title)",
  "grouping sets": "select title from book group by grouping sets ((title), ())",
  cube: "select title, count(*) as n from book group by cube (title)",
  "scalar subquery": "select (select title from book where false) as title",
  aggregate: "select max(title) as title from book where false",
  window: "select lag(title) over (order by title) as title from book",
  "and before is null": "select (author_id is null and null) as x, null and author_id is null as y from book",
  "coalesce of nullables": "select coalesce(author_id::text, null) as x from book",
  "count that is only a part": "select nullif(count(*), 1) as x, count(*) + null as y from book",
  "exists that is only a part": "select exists (select) and null as x",
  "an alias that hides an expression": "select nick now from author",
  "domain that says not null": "select sure from author",
  view: "select name from author_name right join book using (author_id)",
  values: "select x from (values (null::text)) v (x)",
} satisfies Record<string, string>;

describe("a null that PostgreSQL really returns is in the type", () => {
  test.each(Object.entries(traps))("%s", async (_, statement) => {
    const sql = await fixture();
    const sure = await sureOf(statement);
    const rows = await sql.unsafe(statement);
    const found = rows.columns
      .map((column) => column.name)
      .filter((name) => rows.some((row) => row[name] === null));
    expect(found.length).toBeGreaterThan(0);
    expect(sure.filter((name) => found.includes(name))).toEqual([]);
  });

  test.each([
    "insert into book (title) values ('x') returning old.title",
    "update book set title = 'x' returning with (old as o) o.title",
    "merge into book b using author a on true when matched then do nothing returning a.name",
    "select a from b left join c",
    "select a from b left join c join d on true on true",
  ])("although only a later PostgreSQL knows the form: %s", (statement) => {
    expect(optionalTables(lex(statement).tokens)).toBe("all");
  });
});

/** A database with a small schema of its own, and queries turned into TypeScript against it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import postgres, { type Sql } from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { type Generated, generateQueries } from "../../sql/generate.ts";
import { testServer } from "../support/postgres.ts";
import { atEnd, tempFolder } from "../support/run.ts";

const schema = `
  create type mood as enum ('sad', 'it''s fine');
  create type pair as (a int, b int);
  create domain role as text check (value in ('teacher', 'pupil'));
  create domain sure as text not null;
  create domain document as jsonb;
  create table author (
    author_id uuid constraint author_pkey primary key,
    name text not null,
    nick text,
    mood mood not null,
    kind text not null constraint author_kind check (kind in ('person', 'school''s')),
    size varchar(9) not null constraint author_size check (size in ('S', 'M')),
    single text not null constraint author_single check (single = 'one'),
    form text not null constraint author_form check (form ~ '^[a-z]+$'),
    labels text[] not null constraint author_labels check (labels <@ array['x', 'y']),
    role role not null,
    sure sure,
    doc document not null
  );
  create table book (
    book_id uuid constraint book_pkey primary key,
    author_id uuid constraint book_author_fkey references author,
    title text not null,
    loud text not null generated always as (upper(title)) stored
  );
  create table kind (
    b bool not null, i2 int2 not null, i4 int4 not null, i8 int8 not null, f4 float4 not null, f8 float8 not null,
    n numeric not null, t text not null, v varchar not null, c char(3) not null, u uuid not null, o oid not null,
    tz timestamptz not null, ts timestamp not null, d date not null, tm time not null, ttz timetz not null,
    iv interval not null, ip inet not null, net cidr not null, j json not null, jb jsonb not null,
    raw bytea not null, words tsvector not null, query tsquery not null, conf regconfig not null,
    r int4range not null, mr int8multirange not null, ua uuid[] not null, ja jsonb[] not null, ia int[] not null
  );
  create table refused (moods mood[], p pair, m money);
  create view author_name as select author_id, name from author;
  create function nothing() returns void language sql as 'select';
  insert into author (author_id, name, mood, kind, size, single, form, labels, role, doc, sure)
  values ('00000000-0000-7000-8000-000000000001', 'Ada', 'sad', 'person', 'S', 'one', 'a', '{x}', 'pupil', '{}', (select 'x'::sure where false));
  insert into book (book_id, title) values ('00000000-0000-7000-8000-000000000002', 'Orphan');
`;

let made: Promise<Sql> | null = null;

/** A superuser's connection to the fixture's database. */
export function fixture(): Promise<Sql> {
  made ??= make();
  return made;
}

async function make(): Promise<Sql> {
  const server = await testServer();
  const admin = connect(server.ownerUrl("postgres"));
  await admin.unsafe("create database generate_fixture");
  const sql = connect(server.ownerUrl("generate_fixture"));
  await sql.unsafe(schema);
  atEnd(async () => {
    made = null;
    await sql.end();
    await admin.unsafe("drop database generate_fixture");
    await admin.end();
  });
  return sql;
}

export function connect(url: string): Sql {
  return postgres({ ...driverOptions(parseDatabaseUrl(url)), max: 1, onnotice: () => {}, idle_timeout: 0 });
}

/** Writes query files, by their path without the ending (or with another one), and generates. */
export async function generateFrom(queries: Record<string, string>): Promise<Generated> {
  const queriesDir = tempFolder("queries");
  for (const [name, text] of Object.entries(queries)) {
    const path = join(queriesDir, /\.\w+$/.test(name) ? name : `${name}.sql`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const { files, problems } = await generateQueries(queriesDir, await fixture());
  return {
    files,
    problems: problems.map((problem) => problem.slice(problem.indexOf("queries-")).replace(/^[^/]*\//, "")),
  };
}

/** A query file with the header that most tests do not care about. */
export function file(statement: string, header = ""): string {
  return `-- Something.\n-- returns: many\n-- scope: tenant\n${header === "" ? "" : `-- ${header}\n`}${statement}\n`;
}

/** The fields of the interface that one query's rows, or its parameters, get. Throws when there was a problem. */
export async function fieldsOf(
  statement: string,
  options: { header?: string; of?: "Row" | "Params" } = {},
): Promise<Record<string, string>> {
  const { files, problems } = await generateFrom({ "tests/list_it": file(statement, options.header) });
  if (problems.length > 0) throw new Error(problems.join("\n"));
  const text = files.get("generated/tests.ts") ?? "";
  const body =
    new RegExp(`interface ListIt${options.of ?? "Row"} \\{\\n([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? "";
  return Object.fromEntries(
    [...body.matchAll(/readonly (\w+): (.*);/g)].map(([, name, type]) => [String(name), String(type)]),
  );
}

/** The problems of one query file. */
export async function problemsOf(statement: string, header = ""): Promise<readonly string[]> {
  return (await generateFrom({ "tests/list_it": file(statement, header) })).problems;
}

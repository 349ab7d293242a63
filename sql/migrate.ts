/**
 * Builds and upgrades the schema: from empty, from every earlier release, and once when many nodes try at the same
 * time. Forward only. Run by `satchel migrate`, and by `serve` for the embedded database alone.
 */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl, urlFor } from "./connection.ts";
import { type Migration, migrations as ours } from "./generated/migrations.ts";
import roles from "./roles.sql" with { type: "text" };

/** Runs SQL as the owner, inside the lock of the migration. Several statements at once are allowed. */
export type ExecuteSql = (text: string, values?: readonly unknown[]) => Promise<{ rows: readonly unknown[] }>;

export interface MigrateOptions {
  /** A role that may create roles, schemas and extensions in the database: a superuser, or one with CREATEROLE that
   * owns the database. */
  readonly ownerUrl: string;
  readonly log: {
    info(event: string, fields?: { path?: string; milliseconds?: number; attempt?: number }): void;
  };
  readonly migrations?: readonly Migration[];
  /** Builds what belongs to the job queue; called after the migrations, as the owner. */
  readonly jobSchema?: (execute: ExecuteSql) => Promise<void>;
  /** Gives the request role a new password even when it has one. */
  readonly newPassword?: boolean;
  /** Sets no password: where the socket itself proves who connects. */
  readonly peer?: boolean;
}

export interface MigrationReport {
  readonly applied: readonly string[];
  /** For `DATABASE_URL`. Without a password when the role existed before and none was asked for. */
  readonly requestUrl: string;
  readonly passwordSet: boolean;
}

/** A migration that cannot go on. The message says what to do. */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

// Any constant will do; it only has to be the same in every release.
const LOCK = 7_283_642_415;

/**
 * Brings the database at `ownerUrl` to the schema of this program. Does nothing where nothing is pending.
 * Throws MigrationError when an applied file has changed, when the schema is newer than the program, or when the role
 * lacks a right it needs; every migration is one transaction, so a failed one leaves nothing behind.
 */
export async function migrate(options: MigrateOptions): Promise<MigrationReport> {
  const { ownerUrl, log, migrations = ours } = options;
  const target = parseDatabaseUrl(ownerUrl);
  const sql = postgres({
    ...driverOptions(target),
    max: 1,
    prepare: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice: () => {},
    connection: { application_name: "satchel migrate" },
  });
  try {
    // The lock is the session's: it covers all transactions below and is gone with the connection, however it ends.
    await sql.unsafe("select pg_advisory_lock($1)", [LOCK]);
    const [before] = await sql.unsafe<{ known: boolean }[]>(
      "select exists (select from pg_roles where rolname = 'satchel_request') as known",
    );
    const passwordSet = options.peer !== true && (options.newPassword === true || before?.known !== true);
    await retryLocked(log, "roles", () => sql.unsafe(`set lock_timeout = '1s'; ${roles}`));
    await sql.unsafe("set role satchel_owner");
    await sql.unsafe(BOOKKEEPING);
    const applied = await applyPending(sql, migrations, log);
    if (options.jobSchema !== undefined) {
      await options.jobSchema(async (text, values) => {
        const rows =
          values === undefined || values.length === 0
            ? await sql.unsafe(text)
            : await sql.unsafe(text, [...values] as postgres.ParameterOrJSON<never>[]);
        return { rows: rows.flat() };
      });
    }
    await sql.unsafe("reset role");
    const password = passwordSet ? randomBytes(24).toString("base64url") : null;
    // base64url holds no quote; ALTER ROLE takes no parameters.
    if (password !== null) await sql.unsafe(`alter role satchel_request password '${password}'`);
    return { applied, requestUrl: urlFor(target, "satchel_request", password), passwordSet };
  } catch (error) {
    throw explain(error);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

const BOOKKEEPING = `
  alter default privileges for role satchel_owner revoke execute on functions from public;
  create table if not exists app.migration (
    name text not null constraint migration_pkey primary key,
    checksum text not null,
    applied_at timestamptz not null default now()
  );
  comment on table app.migration is 'Migrations that were applied, with the checksum of their text.';
  grant usage on schema app to satchel_request;
  grant select on app.migration to satchel_request, satchel_system;
  grant usage on schema app to satchel_system;
`;

type Sql = ReturnType<typeof postgres>;

async function applyPending(
  sql: Sql,
  migrations: readonly Migration[],
  log: MigrateOptions["log"],
): Promise<readonly string[]> {
  const rows = await sql.unsafe<{ name: string; checksum: string }[]>(
    "select name, checksum from app.migration",
  );
  const pending = pendingMigrations(rows, migrations);
  for (const { name, text, checksum } of pending) {
    const started = performance.now();
    await retryLocked(log, name, async () => {
      await sql.unsafe("begin");
      try {
        await sql.unsafe("set local lock_timeout = '1s'");
        await sql.unsafe(text);
        await sql.unsafe("insert into app.migration (name, checksum) values ($1, $2)", [name, checksum]);
        await sql.unsafe("commit");
      } catch (error) {
        await sql.unsafe("rollback").catch(() => {});
        throw error;
      }
    });
    log.info("migration_applied", { path: name, milliseconds: Math.round(performance.now() - started) });
  }
  return pending.map(({ name }) => name);
}

/**
 * Which migrations are still to be applied, in order. Throws MigrationError when an applied one has another text than
 * the program's, or is unknown to the program.
 */
export function pendingMigrations(
  applied: readonly { readonly name: string; readonly checksum: string }[],
  migrations: readonly Migration[] = ours,
): readonly Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const done = new Map(applied.map((row) => [row.name, row.checksum]));
  const newer = applied.filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (newer.length > 0) {
    throw new MigrationError(
      `the database was migrated by a newer Satchel (${newer.join(", ")}); start that release or a later one`,
    );
  }
  const changed = migrations.filter(({ name, checksum }) => (done.get(name) ?? checksum) !== checksum);
  if (changed.length > 0) {
    throw new MigrationError(
      `applied migrations have changed since: ${changed.map(({ name }) => name).join(", ")}; use the release that applied them`,
    );
  }
  return migrations.filter(({ name }) => !done.has(name));
}

/** A lock that is not free within a second is asked for again: waiting longer would queue everybody else behind us. */
async function retryLocked(
  log: MigrateOptions["log"],
  path: string,
  run: () => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run();
      return;
    } catch (error) {
      if (codeOf(error) !== "55P03" || attempt >= 60) throw error;
      log.info("migration_waits_for_lock", { path, attempt });
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function explain(error: unknown): unknown {
  if (error instanceof MigrationError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === "42501") {
    return new MigrationError(
      `the role of DATABASE_OWNER_URL lacks a right: ${error.message}. It must be a superuser, or have CREATEROLE and own the database`,
      { cause: error },
    );
  }
  if (code === "0A000" || code === "58P01") {
    return new MigrationError(
      `PostgreSQL lacks something Satchel needs: ${error.message}. Install PostgreSQL's contrib package (version 15 or later)`,
      { cause: error },
    );
  }
  return error;
}

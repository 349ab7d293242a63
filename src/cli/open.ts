/** Opens the database and all that stands on it, for commands that need it. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { migrations } from "../../sql/generated/migrations.ts";
import { migrate } from "../../sql/migrate.ts";
import type { Config } from "../config.ts";
import { auditDatabase, type Finding } from "../database/database.ts";
import { type Db, openDb } from "../db.ts";
import { closeDeps, type Deps, openDeps } from "../deps.ts";
import { type EmbeddedUrls, findRunning, startEmbedded } from "../embedded/index.ts";
import { openKeys } from "../keys.ts";
import type { Log } from "../log.ts";
import { createJobSchema } from "../queue.ts";
import { claimSecrets } from "../secrets/secrets.ts";
import { findOrganization } from "../sessions/sessions.ts";
import { EXIT, Exit } from "./command.ts";
import { secretsOf } from "./settings.ts";
import { RELEASE } from "./version.ts";

export interface Source {
  readonly url: string;
  /** The embedded database's superuser; null for an external one. */
  readonly ownerUrl: string | null;
  readonly embedded: "started" | "joined" | null;
  close(): Promise<void>;
}

const NOTHING = async () => {};

/**
 * Finds the database: the external one that is configured, else the embedded one. `own`: make the embedded one where
 * there is none and refuse to share it with another process, as serve must; otherwise a running one is joined, and one
 * that was never made is refused. The embedded one is brought to the schema of this program when it is started here.
 */
export async function openSource(config: Config, log: Log, own: boolean): Promise<Source> {
  if (config.databaseUrl !== null) {
    return { url: config.databaseUrl, ownerUrl: null, embedded: null, close: NOTHING };
  }
  const running: EmbeddedUrls | null = own ? null : await findRunning({ dataDir: config.dataDir });
  if (running !== null) {
    return { url: running.requestUrl, ownerUrl: running.ownerUrl, embedded: "joined", close: NOTHING };
  }
  if (!own && !existsSync(join(config.dataDir, "postgres"))) {
    throw new Exit(
      EXIT.configuration,
      `there is no database in ${config.dataDir}`,
      "`satchel serve` makes one. Name the folder of an existing one with --data-dir, or set DATABASE_URL.",
    );
  }
  const server = await startEmbedded({ dataDir: config.dataDir, log });
  try {
    await migrate({ ownerUrl: server.ownerUrl, log, jobSchema: createJobSchema, peer: true });
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    url: server.requestUrl,
    ownerUrl: server.ownerUrl,
    embedded: "started",
    close: () => server.stop(),
  };
}

/** Nothing else can be said of such a database. */
export const NOT_MADE_READY: Finding = {
  finding: "it has not been made ready for Satchel",
  cure: "Run `satchel migrate` with DATABASE_OWNER_URL set; it prints the settings for `serve`.",
};

// No such role, table or schema, or no right to look at it.
const NO_SCHEMA = /^(22023|42P01|3F000|42501)$/;

/** Every reason not to serve from the database, also when nothing of Satchel is in it. */
export async function audit(db: Db): Promise<readonly Finding[]> {
  try {
    return await auditDatabase({ db }, migrations);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!NO_SCHEMA.test(code)) throw error;
    return [NOT_MADE_READY];
  }
}

/** Opens the pool on a source with the configured limits. */
export function openDatabase(config: Config, url: string, log: Log): Promise<Db> {
  return openDb({
    url,
    log,
    pool: {
      size: config.poolSize,
      overflow: config.poolOverflow,
      maxWaiting: config.poolQueue,
      acquireTimeoutMs: config.poolTimeoutMs,
      lifetimeMs: config.poolLifetimeMs,
    },
    prepare: config.databasePrepare,
    statementTimeoutMs: config.statementTimeoutMs,
    lockTimeoutMs: config.lockTimeoutMs,
  });
}

export interface Opened {
  readonly deps: Deps;
  readonly source: Source;
  close(): Promise<void>;
}

/**
 * Opens everything and makes sure that it may be trusted: throws Exit 78 naming each finding and its cure when the
 * database could let organizations see each other, or was used with another secret.
 */
export async function openAll(config: Config, log: Log, own: boolean): Promise<Opened> {
  const source = await openSource(config, log, own);
  let db: Db | null = null;
  try {
    db = await openDatabase(config, source.url, log);
    const findings = await audit(db);
    if (findings.length > 0) {
      const lines = findings.map(({ finding, cure }) => `  ${finding}\n    ${cure}`);
      throw new Exit(EXIT.configuration, `this database cannot be served from:\n${lines.join("\n")}`);
    }
    const keys = openKeys(secretsOf(config));
    if (!(await claimSecrets({ db, keys }))) {
      throw new Exit(
        EXIT.configuration,
        "this database was used with another secret: every session and password would be refused",
        "Set SATCHEL_SECRET to the one of the other nodes (or the one in their data folder, in the file `secret`).",
      );
    }
    const deps = await openDeps({ config, db, keys, log, release: RELEASE });
    const opened = db;
    return {
      deps,
      source,
      close: async () => {
        await closeDeps(deps);
        await opened.close();
        await source.close();
      },
    };
  } catch (error) {
    await db?.close(0);
    await source.close();
    throw error;
  }
}

/** For those who take files in or collect them. Throws Exit with the cure when none can be kept. */
export async function requireStorage({ storage }: Pick<Deps, "storage">): Promise<void> {
  const finding = await storage.check();
  if (finding !== null) throw new Exit(EXIT.configuration, finding.finding, finding.cure);
}

/** The organization that a command was told of. Throws Exit, with `cure`, when there is none. */
export async function organizationNamed(deps: Pick<Deps, "db">, slug: string, cure: string | null = null) {
  const organization = await findOrganization(deps, slug);
  if (organization !== null) return organization;
  throw new Exit(EXIT.failed, `there is no organization "${slug}"`, cure);
}

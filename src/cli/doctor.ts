import { statfsSync } from "node:fs";
import { openCache } from "../cache.ts";
import { describeServer, type Finding } from "../database/database.ts";
import { openKeys } from "../keys.ts";
import { silentLog } from "../log.ts";
import { openQueue } from "../queue.ts";
import { claimSecrets } from "../secrets/secrets.ts";
import { openStorage } from "../storage.ts";
import { type Call, type Command, DATA_DIR, EXIT } from "./command.ts";
import { audit, NOT_MADE_READY, openDatabase, openSource } from "./open.ts";
import { readSettingsOf, secretsOf } from "./settings.ts";
import { RELEASE } from "./version.ts";

/** What is free on a disk below this is a finding. */
const LEAST_FREE_BYTES = 1024 ** 3;
/** Clocks further apart than this make tokens and locks end at different times on different nodes. */
const CLOCK_SECONDS = 5;
const OLDEST_SERVER = 150_000;

export const doctorCommand: Command = {
  name: "doctor",
  summary: "check the installation, and tell how to cure what is wrong",
  usage: "[--data-dir DIR]",
  details:
    "Checks settings, database, roles, policies, schema, job queue, secret, clock, Redis, disk and where files are kept. Exit 1 when something is wrong.",
  options: DATA_DIR,
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const findings = await examine(call);
    for (const { finding, cure } of findings) call.out(`✗ ${finding}\n    ${cure}`);
    call.out(findings.length === 0 ? "All is well." : `${findings.length} to be cured.`);
    return findings.length === 0 ? EXIT.ok : EXIT.failed;
  },
};

async function examine(call: Call): Promise<readonly Finding[]> {
  const config = readSettingsOf(call);
  call.out(`✓ the settings of satchel ${RELEASE} are readable`);
  const findings: Finding[] = [...disk(call, config.dataDir)];
  const source = await openSource(config, silentLog, false);
  try {
    const db = await openDatabase(config, source.url, silentLog);
    try {
      const audited = await audit(db);
      findings.push(...audited);
      if (audited.includes(NOT_MADE_READY)) return findings;
      if (audited.length === 0) call.out("✓ roles, policies and schema are as they must be");
      const sent = Date.now();
      const server = await describeServer({ db });
      const skew = Math.abs(server.now.getTime() - (sent + Date.now()) / 2) / 1000;
      const size = `${(server.databaseBytes / 1024 ** 2).toFixed(0)} MB`;
      call.out(
        `✓ PostgreSQL ${server.version}${source.embedded === null ? "" : " (embedded)"} answers, with ${size}`,
      );
      if (server.versionNumber < OLDEST_SERVER) {
        findings.push({
          finding: `PostgreSQL ${server.version} is too old`,
          cure: "Use version 15 or later.",
        });
      }
      if (server.encoding !== "UTF8") {
        findings.push({
          finding: `the database is encoded in ${server.encoding}`,
          cure: "Create it anew: create database satchel encoding 'UTF8' template template0;",
        });
      }
      if (!server.fsync) {
        findings.push({
          finding:
            "the server may lose what it has confirmed (fsync, full_page_writes or synchronous_commit is off)",
          cure: "Switch all three on in postgresql.conf.",
        });
      }
      if (skew > CLOCK_SECONDS) {
        findings.push({
          finding: `this machine's clock and the database's differ by ${skew.toFixed(0)} s`,
          cure: "Keep both by NTP.",
        });
      } else call.out("✓ the clocks agree");
      const unkept = await openStorage(config).check();
      if (unkept !== null) findings.push(unkept);
      else
        call.out(`✓ files can be kept ${config.s3Bucket === null ? "in their folder" : "in their bucket"}`);
      const keys = openKeys(secretsOf(config));
      if (audited.length === 0 && !(await claimSecrets({ db, keys }))) {
        findings.push({
          finding: "this database was used with another secret",
          cure: "Set SATCHEL_SECRET to the one of the other nodes.",
        });
      }
      try {
        await (await openQueue({ db, log: silentLog })).close();
        call.out("✓ the job queue is there");
      } catch (error) {
        findings.push({
          finding: `the job queue cannot be used: ${error instanceof Error ? error.message : "unknown"}`,
          cure: "Run `satchel migrate`.",
        });
      }
      const cache = await openCache({
        redisUrl: config.redisUrl,
        entries: 1,
        ttlSeconds: 1,
        release: RELEASE,
        keys,
        log: silentLog,
      });
      // The connection is made in the background; a Redis that is there answers within this time.
      const patience = performance.now() + 2000;
      let { redis, milliseconds } = await cache.check();
      while (redis === "down" && performance.now() < patience)
        ({ redis, milliseconds } = await cache.check());
      await cache.close();
      if (redis === "down") {
        findings.push({
          finding: "Redis does not answer",
          cure: "Check REDIS_URL. Satchel works without it, slower.",
        });
      } else
        call.out(
          redis === "off" ? "✓ Redis is not used" : `✓ Redis answers in ${milliseconds?.toFixed(1)} ms`,
        );
    } finally {
      await db.close(0);
    }
  } finally {
    await source.close();
  }
  return findings;
}

function* disk(call: Call, dataDir: string): Generator<Finding> {
  let free: number;
  try {
    const { bavail, bsize } = statfsSync(dataDir);
    free = bavail * bsize;
  } catch {
    // Not made yet: the first start does.
    return;
  }
  const gigabytes = (free / 1024 ** 3).toFixed(1);
  if (free < LEAST_FREE_BYTES) {
    yield {
      finding: `only ${gigabytes} GB are free in ${dataDir}`,
      cure: "Make room before PostgreSQL stops writing.",
    };
  } else call.out(`✓ ${gigabytes} GB are free in ${dataDir}`);
}

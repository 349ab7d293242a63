import { randomBytes } from "node:crypto";
import { accessSync, constants, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { startJobs } from "../../jobs/index.ts";
import type { RunningJobs } from "../../jobs/runner.ts";
import { migrate } from "../../sql/migrate.ts";
import { collectLeftOvers } from "../attachments/attachments.ts";
import { recordPassedOver } from "../audit/audit.ts";
import type { Config } from "../config.ts";
import { endpoints } from "../endpoints.ts";
import { buildApp, READY_MS } from "../http/app.ts";
import { authenticate } from "../http/authentication.ts";
import { type Listening, type ListenOptions, listen } from "../http/listen.ts";
import type { Mailbox } from "../http/mail-page.ts";
import { anyOrganization, createSetupCode } from "../organizations/organizations.ts";
import { createJobSchema } from "../queue.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { replayConfigured } from "./erasures.ts";
import { type Opened, openAll, requireStorage } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";
import { untilSignalled } from "./signals.ts";
import { RELEASE } from "./version.ts";

/** How long requests under way may take when the server stops, in milliseconds. */
const DRAIN_MS = 8000;

export const serveCommand: Command = {
  name: "serve",
  summary: "answer requests (what happens without a command)",
  usage: "[--host H] [--port N] [--data-dir DIR] [--ready-file FILE] [--migrate]",
  details: [
    "Without DATABASE_URL it runs its own PostgreSQL in the data folder. SIGTERM and Ctrl-C finish what is under way",
    "and stop; a second one stops at once. The ready file is for its owner alone: mailboxPassword opens the page /mail",
    "from this machine (user operator, with the embedded database); setupCode is there until an organization is founded.",
  ].join("\n"),
  options: {
    host: { type: "string", value: "H", meaning: "address to listen on (127.0.0.1)" },
    port: { type: "string", value: "N", meaning: "port to listen on (3000); 0 picks a free one" },
    ...DATA_DIR,
    "ready-file": {
      type: "string",
      value: "FILE",
      meaning: "written when ready: url, docs, pid, mailboxPassword, setupCode",
    },
    migrate: { type: "boolean", meaning: "first migrate the external database, by DATABASE_OWNER_URL" },
  },
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const config = readSettingsOf(call);
    const log = logOf(config);
    const signalled = untilSignalled(log);
    if (config.readyFile !== null) clearReadyFile(config.readyFile);
    if (call.options.migrate === true && config.databaseUrl !== null) {
      if (config.databaseOwnerUrl === null)
        throw new Exit(EXIT.configuration, "--migrate needs DATABASE_OWNER_URL");
      await migrate({ ownerUrl: config.databaseOwnerUrl, log, jobSchema: createJobSchema, peer: true });
    }
    const opened = await openAll(config, log, true);
    try {
      await requireStorage(opened.deps);
      // Of uploads that died with this node. Where jobs run elsewhere nobody else comes by.
      await collectLeftOvers(opened.deps);
      await serve(call, config, opened, signalled);
      return EXIT.ok;
    } finally {
      await opened.close();
      log.info("stopped");
    }
  },
};

async function serve(
  call: Call,
  config: Config,
  { deps, source }: Opened,
  signalled: Promise<unknown>,
): Promise<void> {
  const { db, cache } = deps;
  let jobs: RunningJobs | null = null;
  // Only where everything is on one machine: the operator of a server reads mail with `satchel mail`.
  const mailbox: Mailbox | null =
    source.embedded === null ? null : { user: "operator", password: randomBytes(16).toString("base64url") };
  const app = buildApp({
    deps,
    endpoints,
    authenticate,
    version: RELEASE,
    ...(mailbox === null ? {} : { mailbox }),
    probes: {
      ready: () => db.check(READY_MS),
      gauges: () => gauges(db.stats(), cache.stats(), jobs),
    },
  });
  const server = open({ app, host: config.host, port: config.port });
  try {
    await replayConfigured(deps);
    if (config.jobs === "on") jobs = await startJobs(deps);
    const setupCode =
      config.signUp === "code" && !(await anyOrganization(deps)) ? await createSetupCode(deps, true) : null;
    announce(call, config, server.url, setupCode, mailbox);
    await signalled;
  } finally {
    // Jobs and requests wind down side by side: both have the same eight seconds.
    await Promise.all([server.stop(DRAIN_MS), jobs?.stop()]);
    app.close();
    await recordPassedOver(deps);
  }
}

function open(options: ListenOptions): Listening {
  try {
    return listen(options);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    const where = `${options.host}:${options.port}`;
    if (code === "EADDRINUSE") {
      throw new Exit(
        EXIT.temporary,
        `${where} is in use by another program`,
        "Choose another port: --port 3001, or --port 0 for a free one.",
      );
    }
    if (typeof code !== "string") throw error;
    throw new Exit(
      EXIT.configuration,
      `it is not possible to listen on ${where} (${code})`,
      "--host must be an address of this machine, and a --port below 1024 is for root.",
    );
  }
}

/** A file left by the last run would tell whoever waits for it that this one is ready. */
function clearReadyFile(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK);
    rmSync(path, { force: true });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw new Exit(
      EXIT.configuration,
      `the ready file ${path} cannot be written (${code})`,
      "Name one in a folder that exists and that this user may write to, with --ready-file.",
    );
  }
}

function announce(
  call: Call,
  config: Config,
  url: string,
  setupCode: string | null,
  mailbox: Mailbox | null,
): void {
  const docs = `${url}/docs`;
  call.say(`\n  Satchel ${RELEASE} is ready: ${url}`);
  call.say(`  API and how to try it:  ${docs}`);
  if (mailbox !== null) {
    call.say(
      `  Mailbox:                ${url}/mail  (${mailbox.user}, ${mailbox.password}; from this machine)`,
    );
  }
  if (setupCode !== null) {
    call.say(`  Set-up code:            ${setupCode}`);
    call.say("  It lets you create the first organization: POST /v1/organizations");
  }
  call.say("  Ctrl-C stops it.\n");
  if (config.readyFile !== null) {
    const ready = {
      url,
      docs,
      pid: process.pid,
      ...(mailbox === null ? {} : { mailboxPassword: mailbox.password }),
      ...(setupCode === null ? {} : { setupCode }),
    };
    const fresh = `${config.readyFile}.${process.pid}`;
    // Renamed into place: whoever waits for the file never reads half of it.
    writeFileSync(fresh, `${JSON.stringify(ready)}\n`, { mode: 0o600, flush: true });
    renameSync(fresh, config.readyFile);
  }
}

function gauges(
  pool: ReturnType<Opened["deps"]["db"]["stats"]>,
  cache: ReturnType<Opened["deps"]["cache"]["stats"]>,
  jobs: RunningJobs | null,
): Record<string, number> {
  const values: Record<string, number> = {};
  for (const [name, value] of Object.entries(pool))
    if (typeof value === "number") values[`pool_${snake(name)}`] = value;
  for (const [name, value] of Object.entries(cache)) {
    if (typeof value === "number") values[`cache_${snake(name)}`] = value;
  }
  for (const { name, done, failed, running } of jobs?.counts() ?? []) {
    const job = name.replaceAll("-", "_");
    values[`jobs_${job}_done`] = done;
    values[`jobs_${job}_failed`] = failed;
    values[`jobs_${job}_running`] = running;
  }
  return values;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A node that erases people, in a process of its own so that it can be killed. `bun worker.ts <url> <ledger>` */
import { eraseUser } from "../../jobs/erase-user.ts";
import { runJobs } from "../../jobs/runner.ts";
import { openDb } from "../../src/db.ts";
import { openDeps } from "../../src/deps.ts";
import { openKeys } from "../../src/keys.ts";
import { openLog } from "../../src/log.ts";
import { idle } from "../jobs/support.ts";
import { testConfig } from "../support/app.ts";

const [url = "", erasureLedger = ""] = process.argv.slice(2);
const log = openLog({ level: "warn" });
const db = await openDb({ url, log });
const config = testConfig({ erasureLedger, requestTimeoutMs: 500, statementTimeoutMs: 500 });
const deps = await openDeps({ config, db, keys: openKeys(config.secrets), log, release: "test" });
await runJobs(deps, { ...idle, "erase-user": eraseUser }, [], { superviseSeconds: 1 });

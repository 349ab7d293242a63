/**
 * A worker to be killed and paused: `bun worker.ts <request URL> <milliseconds of work>`. Writes `start <job>` and
 * `done <job>` to standard output. The work comes before the effect, where a pause does the most harm.
 */

import { type Handlers, runJobs } from "../../jobs/runner.ts";
import { openDb, withTenant } from "../../src/db.ts";
import type { Deps } from "../../src/deps.ts";
import { once } from "../../src/effects/effects.ts";
import { openLog } from "../../src/log.ts";
import { openQueue } from "../../src/queue.ts";

const [url = "", work = "0"] = process.argv.slice(2);
const log = openLog({ level: "info" });
const db = await openDb({ url, log });
const queue = await openQueue({ db, log });

const handlers: Handlers = {
  "anchor-audit": async () => {},
  "collect-files": async () => {},
  "rename-words": async () => {},
  "seal-audit": async () => {},
  "erase-user": async () => {},
  lockout: async (_, { id, payload: { organizationId } }) => {
    process.stdout.write(`start ${id}\n`);
    await Bun.sleep(Number(work));
    await withTenant(db, { organizationId, userId: null }, (tx) =>
      once(tx, id, "test", async () => {
        await tx.send({ name: "test/effect", text: "insert into app.test_effect values ($1)" }, [id]);
      }),
    );
    process.stdout.write(`done ${id}\n`);
  },
  "import-users": async () => {},
  "prune-sessions": async () => {},
  "watch-sign-ins": async () => {},
  "publish-contents": async () => {},
  "sweep-publications": async () => {},
  "reindex-search": async () => {},
  "send-mail": async () => {},
  "verify-email": async () => {},
};

const jobs = await runJobs({ db, queue, log } as Deps, handlers, [], { superviseSeconds: 1 });
process.stdout.write("ready\n");
process.once("SIGTERM", async () => {
  await jobs.stop();
  await queue.close();
  await db.close();
  process.exit(0);
});

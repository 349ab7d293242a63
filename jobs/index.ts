/** Which handler does which job, and which jobs come round by themselves. */
import type { Deps } from "../src/deps.ts";
import { lockOut } from "./lock-out.ts";
import { pruneSessionsJob } from "./prune-sessions.ts";
import { reindexSearch } from "./reindex-search.ts";
import { type Handlers, type Periodic, type RunningJobs, runJobs } from "./runner.ts";
import { sendMail } from "./send-mail.ts";

const handlers: Handlers = {
  lockout: lockOut,
  "prune-sessions": pruneSessionsJob,
  "reindex-search": reindexSearch,
  "send-mail": sendMail,
};

const periodic: readonly Periodic[] = [{ name: "prune-sessions", everySeconds: 300 }];

/** Works on every queue until stopped. Refuses as `openQueue` does. */
export const startJobs = (deps: Deps): Promise<RunningJobs> => runJobs(deps, handlers, periodic);

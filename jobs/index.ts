/** Which handler does which job, and which jobs come round by themselves. */
import type { Deps } from "../src/deps.ts";
import { eraseUser } from "./erase-user.ts";
import { lockOut } from "./lock-out.ts";
import { pruneSessionsJob } from "./prune-sessions.ts";
import { reindexSearch } from "./reindex-search.ts";
import { type Handlers, type Periodic, type RunningJobs, runJobs } from "./runner.ts";
import { sendMail } from "./send-mail.ts";
import { watchSignInsJob } from "./watch-sign-ins.ts";

const handlers: Handlers = {
  "erase-user": eraseUser,
  lockout: lockOut,
  "prune-sessions": pruneSessionsJob,
  "reindex-search": reindexSearch,
  "send-mail": sendMail,
  "watch-sign-ins": watchSignInsJob,
};

const periodic: readonly Periodic[] = [
  { name: "prune-sessions", everySeconds: 300 },
  { name: "watch-sign-ins", everySeconds: 60 },
];

/** Works on every queue until stopped. Refuses as `openQueue` does. */
export const startJobs = (deps: Deps): Promise<RunningJobs> => runJobs(deps, handlers, periodic);

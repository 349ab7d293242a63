/** Which handler does which job, and which jobs come round by themselves. */
import type { Deps } from "../src/deps.ts";
import { anchorAudit } from "./anchor-audit.ts";
import { collectFilesJob } from "./collect-files.ts";
import { eraseUser } from "./erase-user.ts";
import { importUsersJob } from "./import-users.ts";
import { lockOut } from "./lock-out.ts";
import { pruneSessionsJob } from "./prune-sessions.ts";
import { publishContentsJob, sweepPublicationsJob } from "./publish-contents.ts";
import { reindexSearch } from "./reindex-search.ts";
import { renameWords } from "./rename-words.ts";
import { type Handlers, type Periodic, type RunningJobs, runJobs } from "./runner.ts";
import { sealAudit } from "./seal-audit.ts";
import { sendMail } from "./send-mail.ts";
import { verifyEmailJob } from "./verify-email.ts";
import { watchSignInsJob } from "./watch-sign-ins.ts";

const handlers: Handlers = {
  "anchor-audit": anchorAudit,
  "collect-files": collectFilesJob,
  "erase-user": eraseUser,
  "import-users": importUsersJob,
  lockout: lockOut,
  "prune-sessions": pruneSessionsJob,
  "publish-contents": publishContentsJob,
  "reindex-search": reindexSearch,
  "rename-words": renameWords,
  "seal-audit": sealAudit,
  "send-mail": sendMail,
  "sweep-publications": sweepPublicationsJob,
  "verify-email": verifyEmailJob,
  "watch-sign-ins": watchSignInsJob,
};

const periodic: readonly Periodic[] = [
  { name: "anchor-audit", everySeconds: 300 },
  { name: "seal-audit", everySeconds: 86_400 },
  { name: "collect-files", everySeconds: 3600 },
  { name: "prune-sessions", everySeconds: 300 },
  { name: "watch-sign-ins", everySeconds: 60 },
  { name: "sweep-publications", everySeconds: 60 },
];

/** Works on every queue until stopped. Refuses as `openQueue` does. */
export const startJobs = (deps: Deps): Promise<RunningJobs> => runJobs(deps, handlers, periodic);

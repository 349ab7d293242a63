import { startJobs } from "../../jobs/index.ts";
import { type Command, DATA_DIR, EXIT } from "./command.ts";
import { replayConfigured } from "./erasures.ts";
import { openAll, requireStorage } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";
import { untilSignalled } from "./signals.ts";

export const workCommand: Command = {
  name: "work",
  summary: "work on background jobs, without answering requests",
  usage: "[--data-dir DIR]",
  details:
    "Start as many as you like, on as many machines. Set SATCHEL_JOBS=off for `serve` if jobs should run only here.",
  options: DATA_DIR,
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const config = readSettingsOf(call);
    const log = logOf(config);
    const signalled = untilSignalled(log);
    const opened = await openAll(config, log, false);
    try {
      await requireStorage(opened.deps);
      await replayConfigured(opened.deps);
      const jobs = await startJobs(opened.deps);
      log.info("working", { pid: process.pid });
      call.say("Working on background jobs. Ctrl-C ends it.");
      await signalled;
      await jobs.stop();
      return EXIT.ok;
    } finally {
      await opened.close();
    }
  },
};

import type { Log } from "../log.ts";

/**
 * Waits for SIGTERM or SIGINT. The second one ends the process at once: whoever sends it has lost patience. Call it
 * before anything is started, so that a signal during the start is not lost.
 */
export function untilSignalled(log: Log): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = true;
    const heard = (signal: NodeJS.Signals) => {
      if (!first) process.exit(130);
      first = false;
      log.info("stopping", { signal });
      resolve(signal);
    };
    process.on("SIGTERM", heard);
    process.on("SIGINT", heard);
  });
}

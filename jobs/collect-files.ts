import {
  collectBytes,
  collectLeftOvers,
  pruneAttachments,
  pruneFiles,
} from "../src/attachments/attachments.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization, type Work } from "./turns.ts";

const BATCH = 500;

/**
 * Removes the bytes that nothing names: of attachments that were deleted a month ago, of uploads that did not come to their
 * end, and of whatever else was cut off between its bytes and its row.
 */
export const collectFilesJob: Handler<"collect-files"> = async (deps, { signal }) => {
  const inBatches =
    (prune: (organizationId: string) => Promise<number>): Work =>
    async (organizationId, late) => {
      let count = 0;
      let removed: number;
      do {
        signal.throwIfAborted();
        removed = await prune(organizationId);
        count += removed;
      } while (removed === BATCH && !late());
      return count;
    };
  const works: readonly Work[] = [
    inBatches((organizationId) => pruneAttachments(deps, organizationId, BATCH)),
    inBatches((organizationId) => pruneFiles(deps, organizationId, BATCH)),
    // Last: the rows that were just removed have left bytes.
    (organizationId) => collectBytes(deps, organizationId, signal),
  ];
  const count =
    (await collectLeftOvers(deps)) + (await eachOrganization(deps, "collect-files", signal, works));
  if (count > 0) deps.log.info("pruned", { job: "collect-files", count });
};

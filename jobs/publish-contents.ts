import type { Deps } from "../src/deps.ts";
import { publishDue } from "../src/publications/publications.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization } from "./turns.ts";

/** Lessons looked up at once. Each is published in a transaction of its own. */
const BATCH = 100;

async function publishAllDue(deps: Deps, organizationId: string, late: () => boolean): Promise<number> {
  let count = 0;
  let done: number;
  do {
    done = await publishDue(deps, organizationId, BATCH);
    count += done;
  } while (done === BATCH && !late());
  return count;
}

/** Publishes and unpublishes what is due. A second delivery finds nothing that still is. */
export const publishContentsJob: Handler<"publish-contents"> = async (deps, { payload, signal }) => {
  await publishAllDue(deps, payload.organizationId, () => signal.aborted);
};

/** The same, organization by organization. */
export const sweepPublicationsJob: Handler<"sweep-publications"> = async (deps, { signal }) => {
  const sweep = (organizationId: string, late: () => boolean) => publishAllDue(deps, organizationId, late);
  const count = await eachOrganization(deps, "sweep-publications", signal, [sweep]);
  if (count > 0) deps.log.info("publications_swept", { job: "sweep-publications", count });
};

/** What is to be done to every organization, when there may be ten thousand of them. */
import type { Deps } from "../src/deps.ts";
import { databaseBusy, databaseUnavailable, Refusal } from "../src/errors.ts";
import { allOrganizations, rememberTurn, turnOf } from "../src/organizations/organizations.ts";
import { JOB_OPTIONS, type JobName } from "../src/queue.ts";

/** Does one thing to an organization, at most until `late`, and gives how many rows or cases it was. */
export type Work = (organizationId: string, late: () => boolean) => Promise<number>;

/** Organizations after which it is remembered how far the round has come, should the program be killed. */
const REMEMBERED = 100;

/**
 * Does `works` to one organization after the other, beginning where the last run of this job has ended, for four fifths of
 * the time that the job has, and gives the sum. What fails for one organization is logged, and neither the others nor the
 * rest of its own works wait for it. Rejects when the job is no longer held or the database is away; then too the next
 * run goes on with the next organization.
 */
export async function eachOrganization(
  deps: Deps,
  job: JobName,
  signal: AbortSignal,
  works: readonly Work[],
  milliseconds: number = (JOB_OPTIONS[job].expireInSeconds ?? 60) * 800,
): Promise<number> {
  const until = performance.now() + milliseconds;
  const late = () => performance.now() > until;
  const from = await turnOf(deps, job);
  let last = from;
  let visited = 0;
  let count = 0;
  const visit = async (organizationId: string) => {
    for (const work of works) {
      signal.throwIfAborted();
      try {
        count += await work(organizationId, late);
      } catch (error) {
        if (signal.aborted || isAway(error)) throw error;
        deps.log.error("organization_passed_over", { job, organizationId, error });
      }
    }
  };
  try {
    for await (const organizationId of allOrganizations(deps, from)) {
      signal.throwIfAborted();
      last = organizationId;
      await visit(organizationId);
      if (late()) return count;
      if (++visited % REMEMBERED === 0) await rememberTurn(deps, job, last);
    }
    last = null;
    return count;
  } finally {
    if (last !== from || visited >= REMEMBERED) await rememberTurn(deps, job, last);
  }
}

/** Whether every other organization would fail alike. */
const isAway = (error: unknown): boolean =>
  error instanceof Refusal && [databaseUnavailable.slug, databaseBusy.slug].includes(error.slug);

/** Runs jobs: hands each to its handler, enqueues the periodic ones, counts, and sounds the alarm. */
import { withSystem } from "../src/db.ts";
import type { Deps } from "../src/deps.ts";
import {
  type ConsumeOptions,
  consume,
  enqueue,
  JOB_OPTIONS,
  type Job,
  type JobName,
  type JobPayloads,
  queueStates,
} from "../src/queue.ts";

/**
 * Does one job. It may run again, here or on another node and even at the same time, so what it does to an organization
 * goes through `once` (src/effects), and what it does to all of them does no harm twice. It stops when `job.signal` is
 * aborted. Rejecting means: try again later.
 */
export type Handler<N extends JobName> = (deps: Deps, job: Job<N>) => Promise<void>;

/** A job without a handler does not compile. */
export type Handlers = { readonly [N in JobName]: Handler<N> };

type SystemJobName = {
  [N in JobName]: JobPayloads[N] extends { readonly organizationId: string } ? never : N;
}[JobName];

export interface Periodic {
  readonly name: SystemJobName;
  readonly everySeconds: number;
}

export interface JobCounts {
  readonly name: JobName;
  readonly done: number;
  /** Attempts that failed; the job itself may have succeeded later. */
  readonly failed: number;
  readonly running: number;
}

export interface RunningJobs {
  /** Takes no more jobs, lets those under way finish for a while, gives back the rest. Within 8 s. Never rejects. */
  stop(): Promise<void>;
  /** What this node has done since it started, for metrics. */
  counts(): readonly JobCounts[];
}

/** How each queue is worked on, per node. An idle node asks the database about four times a second. */
const CONSUME: Readonly<Record<JobName, ConsumeOptions>> = {
  "anchor-audit": { concurrency: 1, pollSeconds: 5 },
  "rename-words": { concurrency: 1, pollSeconds: 1 },
  "seal-audit": { concurrency: 1, pollSeconds: 30 },
  "erase-user": { concurrency: 2, pollSeconds: 1 },
  "import-users": { concurrency: 1, pollSeconds: 1 },
  lockout: { concurrency: 4, pollSeconds: 0.5 },
  "collect-files": { concurrency: 1, pollSeconds: 5 },
  "prune-sessions": { concurrency: 1, pollSeconds: 5 },
  "publish-contents": { concurrency: 2, pollSeconds: 1 },
  "sweep-publications": { concurrency: 1, pollSeconds: 5 },
  "watch-sign-ins": { concurrency: 1, pollSeconds: 5 },
  "reindex-search": { concurrency: 8, pollSeconds: 0.5 },
  "send-mail": { concurrency: 4, pollSeconds: 0.5 },
  "verify-email": { concurrency: 1, pollSeconds: 2 },
};

const STOP_MS = 7000;
const LOOK_MS = 30_000;

export interface RunOptions {
  readonly consume?: Readonly<Partial<Record<JobName, ConsumeOptions>>>;
  readonly superviseSeconds?: number;
  readonly stopMs?: number;
}

/**
 * Starts to work on jobs. Refuses as `openQueue` does. An error of the database later on is logged and waited out.
 */
export async function runJobs(
  deps: Deps,
  handlers: Handlers,
  periodic: readonly Periodic[],
  options: RunOptions = {},
): Promise<RunningJobs> {
  const { db, queue, log } = deps;
  const counts = new Map<JobName, { done: number; failed: number; running: number }>();
  const countOf = (name: JobName) => {
    const count = counts.get(name) ?? { done: 0, failed: 0, running: 0 };
    counts.set(name, count);
    return count;
  };

  const work = async <N extends JobName>(name: N, job: Job<N>): Promise<void> => {
    const count = countOf(name);
    const started = performance.now();
    const about = () => ({
      job: name,
      jobId: job.id,
      attempt: job.attempt,
      milliseconds: Math.round(performance.now() - started),
    });
    count.running++;
    try {
      await handlers[name](deps, job);
      count.done++;
      // Whoever has it now finds its effects marked as done.
      if (job.signal.aborted) log.warn("job_no_longer_held", about());
      else log.debug("job_done", about());
    } catch (error) {
      count.failed++;
      if (job.lastAttempt) log.error("job_dead", { ...about(), error });
      else log.warn("job_failed", { ...about(), error });
      throw error;
    } finally {
      count.running--;
    }
  };

  /** Every node tries, one succeeds: the database keeps one job for each slot of time. */
  const enqueuePeriodic = async () => {
    for (const { name, everySeconds } of periodic) {
      const throttle = { key: "periodic", seconds: everySeconds };
      await withSystem(db, (tx) => enqueue(queue, tx, name, {}, { throttle }));
    }
  };

  const alarm = async () => {
    for (const { name, oldestActiveSeconds } of await queueStates(queue)) {
      const limit = 2 * (JOB_OPTIONS[name as JobName]?.expireInSeconds ?? Number.POSITIVE_INFINITY);
      if (oldestActiveSeconds === null || oldestActiveSeconds < limit) continue;
      log.error("job_overdue", { queue: name, milliseconds: Math.round(oldestActiveSeconds * 1000) });
    }
  };

  const look = async () => {
    try {
      await enqueuePeriodic();
      await alarm();
    } catch (error) {
      log.warn("jobs_not_looked_after", { error });
    }
  };

  const consumer = await consume(queue, options.consume ?? CONSUME, work, options.superviseSeconds);
  let looking = look();
  const every = Math.min(LOOK_MS, ...periodic.map(({ everySeconds }) => everySeconds * 500));
  const timer = setInterval(() => {
    looking = look();
  }, every);

  return {
    stop: async () => {
      clearInterval(timer);
      try {
        await consumer.stop(options.stopMs ?? STOP_MS);
        await looking;
      } catch (error) {
        log.warn("jobs_not_given_back", { error });
      }
    },
    counts: () => [...counts].map(([name, count]) => ({ name, ...count })),
  };
}

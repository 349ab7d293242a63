/**
 * The job queue: which jobs there are, what they carry, and how one is enqueued. The only importer of `pg-boss`, which
 * works here over our own pool: it opens no connection, and its schema is made by `satchel migrate`, never by a server.
 *
 * Delivery is at least once. What makes effects happen once is `once` (src/effects).
 */
import { type Db as BossDb, type ConstructorOptions, PgBoss, type QueueOptions } from "pg-boss";
import grants from "../sql/pgboss/grants.sql" with { type: "text" };
import oldestActiveText from "../sql/pgboss/oldest_active.sql" with { type: "text" };
import type { SystemTx, TenantTx, Tx } from "../sql/tx.ts";
import { type Db, rawSend, withSystem } from "./db.ts";
import { type Log, warnSeldom } from "./log.ts";

/** What each job carries: ids, and no personal data. A job with an `organizationId` belongs to that organization. */
export type JobPayloads = {
  readonly "anchor-audit": Readonly<Record<string, never>>;
  readonly "seal-audit": Readonly<Record<string, never>>;
  /** What follows when a guard has locked: notice, audit, escalation. `guardKey` in hexadecimal. */
  readonly lockout: {
    readonly organizationId: string;
    readonly guardKey: string;
    /** The known device whose bucket it is, in hexadecimal; empty for unknown clients. */
    readonly device: string;
    readonly step: "locked" | "expired";
  };
  readonly "erase-user": { readonly organizationId: string; readonly userId: string };
  readonly "import-users": { readonly organizationId: string; readonly importId: string };
  readonly "collect-files": Readonly<Record<string, never>>;
  readonly "prune-sessions": Readonly<Record<string, never>>;
  /** Publishes and unpublishes lessons whose time has come. Which those are the rows say. */
  readonly "publish-contents": { readonly organizationId: string };
  /** The same in all organizations, should a job have come to nothing. */
  readonly "sweep-publications": Readonly<Record<string, never>>;
  /** Looks for attacks in all organizations. */
  readonly "watch-sign-ins": Readonly<Record<string, never>>;
  readonly "rename-words": { readonly organizationId: string; readonly renameId: string };
  readonly "send-mail": { readonly organizationId: string; readonly mailId: string };
  /** Mails a person whose address somebody else has set a link to confirm it. */
  readonly "verify-email": { readonly organizationId: string; readonly userId: string };
  readonly "reindex-search":
    | { readonly organizationId: string; readonly contentIds: readonly string[] }
    | { readonly organizationId: string; readonly all: true };
};

export type JobName = keyof JobPayloads;

/** The scope in which a job may be enqueued: its organization's, or the system's when it has none. */
export type TxFor<N extends JobName> = JobPayloads[N] extends { readonly organizationId: string }
  ? TenantTx
  : SystemTx;

const DAY = 86_400;

const common = {
  retryLimit: 8,
  retryDelay: 1,
  retryBackoff: true,
  retryDelayMax: 300,
  heartbeatSeconds: 10,
  retentionSeconds: 14 * DAY,
  deleteAfterSeconds: DAY,
} as const satisfies QueueOptions;

/** How often a job is tried, how long it may take, and what is kept. Written to the database by `satchel migrate`. */
export const JOB_OPTIONS: Readonly<Record<JobName, QueueOptions>> = {
  // Both come round again by themselves.
  "anchor-audit": { ...common, retryLimit: 2, expireInSeconds: 240 },
  "seal-audit": { ...common, retryLimit: 2, expireInSeconds: 3600 },
  "erase-user": { ...common, expireInSeconds: 900 },
  "import-users": { ...common, expireInSeconds: 900 },
  "rename-words": { ...common, expireInSeconds: 3600 },
  lockout: { ...common, expireInSeconds: 60 },
  // Comes round again by itself.
  "collect-files": { ...common, retryLimit: 2, expireInSeconds: 900 },
  // Comes round again by itself.
  "prune-sessions": { ...common, retryLimit: 2, expireInSeconds: 240 },
  "publish-contents": { ...common, expireInSeconds: 900 },
  // Comes round again by itself.
  "sweep-publications": { ...common, retryLimit: 0, expireInSeconds: 240 },
  "watch-sign-ins": { ...common, retryLimit: 0, expireInSeconds: 50 },
  "reindex-search": { ...common, expireInSeconds: 900 },
  "verify-email": { ...common, expireInSeconds: 60 },
  // A mail server may be away for a night: about ten hours in all.
  "send-mail": { ...common, retryLimit: 20, retryDelay: 10, retryDelayMax: 3600, expireInSeconds: 120 },
};

/** Where a job ends that has failed as often as it may. Nothing works on it: somebody has to look. */
export const DEAD_LETTER = "dead-letter";
const DEAD_LETTER_OPTIONS: QueueOptions = { ...common, retentionSeconds: 90 * DAY, expireInSeconds: 900 };

const SCHEMA = "pgboss";

export interface Queue {
  /** Ends the timers of the queue. Jobs cannot be enqueued afterwards. */
  close(): Promise<void>;
  readonly [internals]: { readonly boss: PgBoss; readonly db: Db; readonly log: Log };
}

const internals = Symbol("queue");

export interface EnqueueOptions {
  /** Not before so many seconds from now. */
  readonly startAfterSeconds?: number;
  /** At most one job of this name and key in each slot of so many seconds; another is not enqueued. */
  readonly throttle?: { readonly key: string; readonly seconds: number };
  /** What many wait for nobody may hold up: a bulk job lets every other of its name go first. */
  readonly bulk?: boolean;
}

/** Others have 0. */
const BULK = -1;

/**
 * Opens the queue for enqueueing. Throws when its schema is missing or belongs to another release, with the cure, and
 * `unavailable` when the database cannot be reached.
 */
export async function openQueue({ db, log }: { readonly db: Db; readonly log: Log }): Promise<Queue> {
  const boss = await startBoss(db, log, { supervise: false });
  return { [internals]: { boss, db, log }, close: () => boss.stop({ graceful: false }) };
}

/**
 * Enqueues a job inside the caller's transaction: it exists if and only if that commits. Gives its id, or null when
 * `throttle` held it back. The database refuses a job of another organization than the one entered.
 */
export async function enqueue<N extends JobName>(
  queue: Queue,
  tx: TxFor<N>,
  name: N,
  payload: JobPayloads[N],
  { startAfterSeconds, throttle, bulk }: EnqueueOptions = {},
): Promise<string | null> {
  return queue[internals].boss.send(name, payload, {
    db: over(tx),
    ...(startAfterSeconds === undefined ? {} : { startAfter: startAfterSeconds }),
    ...(bulk === true ? { priority: BULK } : {}),
    ...(throttle === undefined ? {} : { singletonKey: throttle.key, singletonSeconds: throttle.seconds }),
  });
}

/**
 * As `enqueue`, of several jobs of a name in one statement: bulk jobs, that every other of the name goes before.
 */
export async function enqueueBulk<N extends JobName>(
  queue: Queue,
  tx: TxFor<N>,
  name: N,
  payloads: readonly JobPayloads[N][],
): Promise<void> {
  if (payloads.length === 0) return;
  const jobs = payloads.map((data) => ({ data, priority: BULK }));
  await queue[internals].boss.insert(name, jobs, { db: over(tx) });
}

/** What a queue holds, for metrics and alarms. */
export interface QueueState {
  readonly name: string;
  /** Waiting, and under way. As of the last look over the queues, at most a minute ago. */
  readonly queued: number;
  readonly active: number;
  /** How long the oldest job under way has been, in seconds; null when there is none. Now. */
  readonly oldestActiveSeconds: number | null;
}

/** The state of every queue, dead letters included. Refuses as `withSystem` does. */
export async function queueStates(queue: Queue): Promise<readonly QueueState[]> {
  const { boss, db } = queue[internals];
  const { rows } = await withSystem(db, (tx) => rawSend(tx, oldestActiveText), { readOnly: true });
  const oldest = new Map(rows.map(({ name, seconds }) => [name, Number(seconds)]));
  return (await boss.getQueues()).map(({ name, queuedCount, activeCount }) => ({
    name,
    queued: queuedCount,
    active: activeCount,
    oldestActiveSeconds: oldest.get(name) ?? null,
  }));
}

/**
 * Sends dead letters, oldest first and at most `limit`, back to the queues they came from, with all their attempts
 * before them; gives how many. Steps they had done stay done. Refuses as `withSystem` does.
 */
export function reviveDeadLetters(queue: Queue, limit: number): Promise<number> {
  return queue[internals].boss.redrive(DEAD_LETTER, { limit });
}

/** One delivery of a job. */
export interface Job<N extends JobName = JobName> {
  /** The same in every attempt, also in those after a stay among the dead letters. An idempotency key. */
  readonly id: string;
  readonly payload: JobPayloads[N];
  /** 1 for the first. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
  /** Aborted when the job is no longer held: another worker may have it, or this one is stopping. */
  readonly signal: AbortSignal;
}

export interface ConsumeOptions {
  /** Jobs of one name under way at once in this process. */
  readonly concurrency: number;
  /** How often an idle queue is asked for work, in seconds. At least 0.5. */
  readonly pollSeconds: number;
}

export interface Consumer {
  /**
   * Takes no more jobs, waits up to `milliseconds` for those under way, and gives back the rest to be tried again,
   * by this node or another. Their signals are aborted after half of that time.
   */
  stop(milliseconds: number): Promise<void>;
}

/** Works on a job. It is done when the promise is fulfilled, and tried again, or dead, when it is rejected. */
export type Work = <N extends JobName>(name: N, job: Job<N>) => Promise<void>;

/**
 * Works on the jobs of this database, as the system role, until stopped: takes them in batches, keeps them alive with a
 * heartbeat, settles each by itself, and takes jobs from workers that have gone silent.
 */
export async function consume(
  queue: Queue,
  names: Readonly<Partial<Record<JobName, ConsumeOptions>>>,
  work: Work,
  /** How often the whole is looked over: silent workers, expired and finished jobs. In seconds. */
  superviseSeconds = 10,
): Promise<Consumer> {
  const { db, log } = queue[internals];
  const boss = await startBoss(db, log, {
    supervise: true,
    superviseIntervalSeconds: superviseSeconds,
    monitorIntervalSeconds: superviseSeconds,
  });
  const stopping = new AbortController();
  for (const name of Object.keys(names) as JobName[]) {
    const options = names[name];
    if (options === undefined) continue;
    await boss.work(
      name,
      {
        batchSize: options.concurrency,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: options.pollSeconds,
        heartbeatRefreshSeconds: 3,
        includeMetadata: true,
        perJobResults: true,
      },
      (jobs) =>
        Promise.all(
          jobs.map(async (job) => {
            try {
              await work(name, {
                id: job.sourceRootId ?? job.id,
                payload: job.data as JobPayloads[typeof name],
                attempt: job.retryCount + 1,
                lastAttempt: job.retryCount >= job.retryLimit,
                signal: AbortSignal.any([job.signal, stopping.signal]),
              });
              return { id: job.id, status: "completed" as const };
            } catch (error) {
              // Only the kind of error: a message may quote what must not be stored with a job.
              const output = { error: error instanceof Error ? error.name : typeof error };
              return { id: job.id, status: "failed" as const, output };
            }
          }),
        ),
    );
  }
  return {
    stop: async (milliseconds) => {
      const half = setTimeout(() => stopping.abort(new Error("the worker is stopping")), milliseconds / 2);
      const stopped = boss.stop({ graceful: true, timeout: milliseconds });
      // Giving back needs the database. If it is away, silence tells the others as well, only later.
      await Promise.race([stopped, Bun.sleep(milliseconds + 500)]);
      clearTimeout(half);
    },
  };
}

/**
 * Makes or upgrades the queue's schema and brings its queues to `JOB_OPTIONS`. `execute` runs SQL as the owner of the
 * schema; `satchel migrate` calls this under its lock. Does nothing where nothing is to be done.
 */
export async function createJobSchema(execute: Execute): Promise<void> {
  const boss = new PgBoss({
    db: adapter((text, values) => execute(...asText(text, values))),
    schema: SCHEMA,
    migrate: true,
    // `satchel migrate` makes it with the roles.
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
    bamIntervalSeconds: 10,
  });
  boss.on("error", () => {});
  await boss.start();
  try {
    const queues: [string, QueueOptions][] = [
      [DEAD_LETTER, DEAD_LETTER_OPTIONS],
      ...Object.entries(JOB_OPTIONS).map(([name, options]): [string, QueueOptions] => [
        name,
        { ...options, deadLetter: DEAD_LETTER } as QueueOptions,
      ]),
    ];
    await backgroundBuilds(boss);
    for (const [name, options] of queues) {
      await boss.createQueue(name, options);
      // An existing queue keeps the options it was made with.
      await boss.updateQueue(name, options);
    }
    await execute(grants);
  } finally {
    await boss.stop({ graceful: false });
  }
}

/** Waits for the indexes that an upgrade builds without blocking: the release after it may count on them. */
async function backgroundBuilds(boss: PgBoss): Promise<void> {
  for (;;) {
    const states = new Set((await boss.getBamStatus()).map(({ status }) => status));
    if (states.has("failed")) {
      const failed = (await boss.getBamEntries()).find(({ status }) => status === "failed");
      throw new Error(
        `the job queue's upgrade "${failed?.name}" failed: ${failed?.error}; run the migration again`,
      );
    }
    if (!states.has("pending") && !states.has("in_progress")) return;
    await Bun.sleep(100);
  }
}

async function startBoss(
  db: Db,
  log: Log,
  options: Pick<ConstructorOptions, "supervise" | "superviseIntervalSeconds" | "monitorIntervalSeconds">,
): Promise<PgBoss> {
  const boss = new PgBoss({
    ...options,
    db: overSystem(db),
    schema: SCHEMA,
    migrate: false,
    createSchema: false,
    // Periodic jobs are throttled instead (jobs/runner.ts): that needs neither a clock agreed on nor a queue more.
    schedule: false,
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
  });
  const warn = warnSeldom(log, "queue_error");
  // It hands over copies of errors, with a message but without their class.
  boss.on("error", (error) => warn({ error: error instanceof Error ? error : new Error(messageOf(error)) }));
  boss.on("warning", ({ message }) => log.warn("queue_warning", { finding: message }));
  try {
    await boss.start();
    const known = new Set((await boss.getQueues()).map(({ name }) => name));
    const missing = [...Object.keys(JOB_OPTIONS), DEAD_LETTER].filter((name) => !known.has(name));
    if (missing.length > 0) throw new Error(`pg-boss is not installed: no ${missing.join(", ")}`);
    return boss;
  } catch (error) {
    await boss.stop({ graceful: false });
    if (!(error instanceof Error) || !/not installed|requires migrations/.test(error.message)) throw error;
    throw new Error(
      `the job queue's schema is missing or belongs to another release (${error.message}); run \`satchel migrate\``,
      { cause: error },
    );
  }
}

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : typeof error;

type Execute = (text: string, values?: readonly unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;

/** pg-boss' view of a database. */
function adapter(execute: Execute): BossDb {
  return {
    executeSql: async (text, values = []) => ({ rows: [...(await execute(text, values)).rows] }),
  };
}

/** pg-boss inside a transaction of ours. */
function over(tx: Tx): BossDb {
  return adapter((text, values) => rawSend(tx, text, values));
}

/** pg-boss as the system role, each of its statements and scripts in a transaction. */
function overSystem(db: Db): BossDb {
  return adapter((text, values) =>
    // Scripts bring their own BEGIN and COMMIT.
    withSystem(db, (tx) => rawSend(tx, text.replace(/^\s*BEGIN;|COMMIT;\s*$/g, ""), values)),
  );
}

/** A string for json would be taken for a document by postgres.js; as text it is read as node-postgres sends it. */
function asText(text: string, values: readonly unknown[] = []): [string, readonly unknown[]] {
  const bind = (value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? JSON.stringify(value)
      : (value ?? null);
  return [text.replace(/\$(\d+)::(jsonb?)\b/g, "$$$1::text::$2"), values.map(bind)];
}

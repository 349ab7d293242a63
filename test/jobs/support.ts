/** What the tests of jobs share: a database with a table of effects, and workers in it. */
import { join } from "node:path";
import {
  type Handlers,
  type Periodic,
  type RunningJobs,
  type RunOptions,
  runJobs,
} from "../../jobs/runner.ts";
import { openDb, withTenant } from "../../src/db.ts";
import type { Deps } from "../../src/deps.ts";
import { openLog } from "../../src/log.ts";
import { enqueue, type JobPayloads, openQueue, type Queue } from "../../src/queue.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { endWithRun } from "../support/run.ts";

export const A = Bun.randomUUIDv7();
export const lockout: JobPayloads["lockout"] = {
  organizationId: A,
  guardKey: "00",
  device: "",
  step: "locked",
};

export const idle: Handlers = {
  "anchor-audit": async () => {},
  "collect-files": async () => {},
  "rename-words": async () => {},
  "seal-audit": async () => {},
  "erase-user": async () => {},
  lockout: async () => {},
  "import-users": async () => {},
  "prune-sessions": async () => {},
  "watch-sign-ins": async () => {},
  "publish-contents": async () => {},
  "sweep-publications": async () => {},
  "reindex-search": async () => {},
  "send-mail": async () => {},
  "verify-email": async () => {},
};

export type LogLine = { readonly event: string; readonly level: string } & Readonly<Record<string, unknown>>;

export interface JobBench {
  readonly database: TestDatabase;
  readonly queue: Queue;
  /** What every worker has logged. */
  readonly lines: readonly LogLine[];
  /** Starts a worker with a pool of its own in this process, as another node would be. */
  worker(
    handlers: Partial<Handlers>,
    options?: RunOptions,
    periodic?: readonly Periodic[],
  ): Promise<RunningJobs>;
  send(): Promise<string>;
  job(id: string): Promise<JobRow>;
  /** Lets a minute without a heartbeat go by for the jobs under way. */
  silence(): Promise<unknown>;
  close(): Promise<void>;
}

export interface JobRow {
  readonly state: string;
  readonly retry_count: number;
  /** Seconds until it is tried. */
  readonly wait: number;
  readonly output: unknown;
}

export async function jobBench(): Promise<JobBench> {
  const database = await testDatabase();
  await database.admin("create table app.test_effect (job_id uuid not null)");
  await database.admin("grant insert on app.test_effect to satchel_request");
  const lines: LogLine[] = [];
  const log = openLog({ level: "debug", write: (line) => lines.push(JSON.parse(line) as LogLine) });
  const queue = await openQueue({ db: database.db, log });
  const endings: (() => Promise<void>)[] = [];
  return {
    database,
    queue,
    lines,
    worker: async (handlers, options = {}, periodic = []) => {
      const db = await openDb({ url: database.requestUrl, log, pool: { size: 4, overflow: 0 } });
      const own = await openQueue({ db, log });
      const jobs = await runJobs({ db, queue: own, log } as Deps, { ...idle, ...handlers }, periodic, {
        superviseSeconds: 1,
        stopMs: 1000,
        ...options,
      });
      endings.push(async () => {
        await jobs.stop();
        await own.close();
        await db.close(0);
      });
      return jobs;
    },
    send: async () => {
      const id = await withTenant(database.db, { organizationId: A, userId: null }, (tx) =>
        enqueue(queue, tx, "lockout", lockout),
      );
      return String(id);
    },
    job: async (id) => {
      const [row] = await database.admin<JobRow>(
        `select state::text, retry_count, extract(epoch from start_after - now())::float8 as wait, output
         from pgboss.job where id = $1`,
        [id],
      );
      if (row === undefined) throw new Error(`there is no job ${id}`);
      return row;
    },
    silence: () =>
      database.admin(
        "update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'",
      ),
    close: async () => {
      await Promise.all(endings.map((end) => end()));
      await queue.close();
      await database.close();
    },
  };
}

/** Waits for the condition, which is asked for again and again. The test's own time limit ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(20);
}

export interface WorkerProcess {
  readonly pid: number;
  /** `start <job>`, `done <job>`, in order. */
  readonly said: readonly string[];
  kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void;
  readonly exited: Promise<number>;
}

/** Starts `worker.ts` and waits until it works. */
export async function workerProcess(requestUrl: string, milliseconds: number): Promise<WorkerProcess> {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "worker.ts"), requestUrl, String(milliseconds)],
    {
      stdout: "pipe",
      stderr: "inherit",
      stdin: "ignore",
    },
  );
  endWithRun(child.pid, "KILL");
  const said: string[] = [];
  void (async () => {
    let rest = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      said.push(...parts);
    }
  })();
  await until(() => said.includes("ready") || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the worker ended with ${child.exitCode}`);
  return { pid: child.pid, said, kill: (signal) => child.kill(signal), exited: child.exited };
}

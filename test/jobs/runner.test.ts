import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Handlers } from "../../jobs/runner.ts";
import { withTenant } from "../../src/db.ts";
import { once } from "../../src/effects/effects.ts";
import { DEAD_LETTER, enqueue, type Job, reviveDeadLetters } from "../../src/queue.ts";
import { A, idle, type JobBench, jobBench, lockout, until } from "./support.ts";

let bench: JobBench;
beforeEach(async () => {
  bench = await jobBench();
}, 60_000);
afterEach(() => bench.close());

/** Makes the jobs sent from now on fail sooner for good, and be tried again at once. */
const impatient = (retries: number) =>
  bench.database.admin(
    "update pgboss.queue set retry_limit = $1, retry_delay = 0, retry_backoff = false, retry_delay_max = null where name = 'lockout'",
    [retries],
  );

const effect = (deps: { readonly db: JobBench["database"]["db"] }, id: string) =>
  withTenant(deps.db, { organizationId: A, userId: null }, (tx) =>
    once(tx, id, "test", async () => {
      await tx.send({ name: "test/effect", text: "insert into app.test_effect values ($1)" }, [id]);
    }),
  );

const effects = () =>
  bench.database.admin<{ job_id: string; count: number }>(
    "select job_id, count(*)::int as count from app.test_effect group by job_id",
  );

describe("a worker [row 99]", () => {
  test("hands each job to its handler, with what it carries, and counts [row 99]", async () => {
    const seen: Job<"lockout">[] = [];
    const jobs = await bench.worker({
      lockout: async (_, job) => {
        seen.push(job);
        expect(job.signal.aborted).toBe(false);
      },
    });
    const id = await bench.send();
    await until(async () => (await bench.job(id)).state === "completed");
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ id, payload: lockout, attempt: 1, lastAttempt: false });
    expect(jobs.counts()).toEqual([{ name: "lockout", done: 1, failed: 0, running: 0 }]);
    expect(bench.lines.find(({ event }) => event === "job_done")).toMatchObject({
      job: "lockout",
      jobId: id,
    });
  });

  test("works through a thousand jobs, several at once but never more than allowed, each once", async () => {
    let running = 0;
    let most = 0;
    const seen = new Map<string, number>();
    await withTenant(bench.database.db, { organizationId: A, userId: null }, async (tx) => {
      await Promise.all(Array.from({ length: 1000 }, () => enqueue(bench.queue, tx, "lockout", lockout)));
    });
    await bench.worker({
      lockout: async (_, { id }) => {
        running++;
        most = Math.max(most, running);
        await Promise.resolve();
        seen.set(id, (seen.get(id) ?? 0) + 1);
        running--;
      },
    });
    await until(() => seen.size === 1000);
    expect([...seen.values()].every((count) => count === 1)).toBe(true);
    expect(most).toBeLessThanOrEqual(4);
  });

  test("one job's failure leaves the others of its batch alone", async () => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => bench.send()));
    const [bad = ""] = ids;
    await bench.worker({
      lockout: async (_, { id }) => {
        if (id === bad) throw new Error("not this one");
      },
    });
    await until(async () => {
      const states = await Promise.all(ids.map(async (id) => (await bench.job(id)).state));
      return states.filter((state) => state === "completed").length === 3 && states.includes("retry");
    });
  });

  test("a failed job is tried again, later each time, and the reason stays out of the database", async () => {
    const waits: number[] = [];
    await bench.worker({
      lockout: async () => {
        throw new TypeError("ada@example.org is not a function");
      },
    });
    const id = await bench.send();
    for (let attempt = 1; attempt <= 4; attempt++) {
      await until(async () => {
        const { state, retry_count } = await bench.job(id);
        return state === "retry" && retry_count === attempt - 1;
      });
      const { wait, output } = await bench.job(id);
      waits.push(wait);
      expect(JSON.stringify(output)).toBe('{"error":"TypeError"}');
      await bench.database.admin("update pgboss.job set start_after = now() where id = $1", [id]);
    }
    expect(waits.every((wait) => wait > 0)).toBe(true);
    expect(waits[3]).toBeGreaterThan(3 * (waits[0] ?? Number.NaN));
    const failures = bench.lines.filter(({ event }) => event === "job_failed");
    expect(failures.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
  });

  test("a job that failed as often as it may lands among the dead letters, is logged, and can be revived with its steps done", async () => {
    await impatient(2);
    let broken = true;
    await bench.worker({
      lockout: async (deps, { id }) => {
        await effect(deps, id);
        if (broken) throw new Error("broken");
      },
    });
    const id = await bench.send();
    await until(async () => (await bench.job(id)).state === "failed");
    const [dead] = await bench.database.admin(
      "select data, source_id, state::text from pgboss.job where name = $1",
      [DEAD_LETTER],
    );
    expect(dead).toEqual({ data: lockout, source_id: id, state: "created" });
    expect(bench.lines.filter(({ event }) => event === "job_dead")).toMatchObject([
      { level: "error", job: "lockout", jobId: id, attempt: 3 },
    ]);
    broken = false;
    expect(await reviveDeadLetters(bench.queue, 10)).toBe(1);
    await until(async () => {
      const rows = await bench.database.admin(
        "select from pgboss.job where name = 'lockout' and state = 'completed'",
      );
      return rows.length === 1;
    });
    expect(await effects()).toEqual([{ job_id: id, count: 1 }]);
  });

  test("goes on by itself after every connection of the database was cut", async () => {
    let done = 0;
    await bench.worker({ lockout: async () => void done++ });
    await bench.send();
    await until(() => done === 1);
    await bench.database.admin(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'satchel_request' and datname = current_database()",
    );
    await until(() =>
      bench.send().then(
        () => true,
        () => false,
      ),
    );
    await until(() => done >= 2);
  });

  test("a missing handler does not compile", () => {
    const { lockout: _, ...rest } = idle;
    // @ts-expect-error: lockout is missing
    const incomplete: Handlers = rest;
    expect(Object.keys(incomplete)).not.toContain("lockout");
  });
});

describe("effects", () => {
  test("a worker that was paused and wakes up after another took its job does nothing twice", async () => {
    await impatient(5);
    const started = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    const paused = Promise.withResolvers<boolean>();
    await bench.worker({
      lockout: async (deps, { id, attempt }) => {
        if (attempt > 1) return void (await effect(deps, id));
        started.resolve();
        await woken.promise;
        paused.resolve(await effect(deps, id));
      },
    });
    const id = await bench.send();
    await started.promise;
    await bench.silence();
    await bench.worker({ lockout: async (deps, job) => void (await effect(deps, job.id)) });
    await until(async () => (await bench.job(id)).state === "completed");
    expect(await effects()).toEqual([{ job_id: id, count: 1 }]);
    const settled = await bench.job(id);
    woken.resolve();
    expect(await paused.promise).toBe(false);
    expect(await effects()).toEqual([{ job_id: id, count: 1 }]);
    const { state, retry_count } = await bench.job(id);
    expect({ state, retry_count }).toEqual({ state: "completed", retry_count: settled.retry_count });
    expect(settled.retry_count).toBe(1);
  });

  test("the same without the mark happens twice: the test can see it", async () => {
    await impatient(5);
    const started = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    const unmarked = (deps: { readonly db: JobBench["database"]["db"] }, id: string) =>
      withTenant(deps.db, { organizationId: A, userId: null }, async (tx) => {
        await tx.send({ name: "test/effect", text: "insert into app.test_effect values ($1)" }, [id]);
      });
    await bench.worker({
      lockout: async (deps, { id, attempt }) => {
        if (attempt === 1) {
          started.resolve();
          await woken.promise;
        }
        await unmarked(deps, id);
      },
    });
    const id = await bench.send();
    await started.promise;
    await bench.silence();
    await bench.worker({ lockout: (deps, job) => unmarked(deps, job.id) });
    await until(async () => (await bench.job(id)).state === "completed");
    woken.resolve();
    await until(async () => (await effects())[0]?.count === 2);
  });

  test("two deliveries at the same moment do it once; one that failed lets the other do it", async () => {
    const { db } = bench.database;
    const id = Bun.randomUUIDv7();
    const ran = await Promise.all(Array.from({ length: 10 }, () => effect({ db }, id)));
    expect(ran.filter(Boolean)).toHaveLength(1);
    const other = Bun.randomUUIDv7();
    const failed = withTenant(db, { organizationId: A, userId: null }, (tx) =>
      once(tx, other, "test", async () => {
        throw new Error("half-way");
      }),
    );
    expect(failed).rejects.toThrow("half-way");
    await failed.catch(() => {});
    expect(await effect({ db }, other)).toBe(true);
  });

  test("steps, jobs and organizations are each marked for themselves", async () => {
    const { db } = bench.database;
    const id = Bun.randomUUIDv7();
    const marked = (organizationId: string, jobId: string, step: string) =>
      withTenant(db, { organizationId, userId: null }, (tx) => once(tx, jobId, step, async () => {}));
    expect(await marked(A, id, "one")).toBe(true);
    expect(await marked(A, id, "two")).toBe(true);
    expect(await marked(A, Bun.randomUUIDv7(), "one")).toBe(true);
    expect(await marked(Bun.randomUUIDv7(), id, "one")).toBe(true);
    expect(await marked(A, id, "one")).toBe(false);
  });
});

describe("stopping", () => {
  test("waits for jobs that finish, and takes no more", async () => {
    const gate = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const jobs = await bench.worker({
      lockout: async () => {
        started.resolve();
        await gate.promise;
      },
    });
    const id = await bench.send();
    await started.promise;
    const stopping = jobs.stop();
    const late = await bench.send();
    gate.resolve();
    await stopping;
    expect((await bench.job(id)).state).toBe("completed");
    expect((await bench.job(late)).state).toBe("created");
  });

  test("tells jobs that take long, and gives back at once what does not finish", async () => {
    await impatient(5);
    const started = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    const jobs = await bench.worker(
      {
        lockout: async (_, { signal }) => {
          signal.addEventListener("abort", () => told.resolve());
          started.resolve();
          await new Promise(() => {});
        },
      },
      { stopMs: 1000 },
    );
    const id = await bench.send();
    await started.promise;
    const begin = performance.now();
    await jobs.stop();
    await told.promise;
    expect(performance.now() - begin).toBeLessThan(3000);
    expect((await bench.job(id)).state).toBe("retry");
    await bench.worker({ lockout: async (deps, job) => void (await effect(deps, job.id)) });
    await until(async () => (await bench.job(id)).state === "completed");
    expect(await effects()).toEqual([{ job_id: id, count: 1 }]);
  });
});

describe("periodic jobs", () => {
  test("many nodes, one job for each slot of time, and the next slot has its own [row 78]", async () => {
    let runs = 0;
    const prune = { "prune-sessions": async () => void runs++ };
    const slow = { consume: { "prune-sessions": { concurrency: 1, pollSeconds: 0.5 } } };
    const every = [{ name: "prune-sessions", everySeconds: 100_000_000 }] as const;
    await Promise.all(Array.from({ length: 3 }, () => bench.worker(prune, slow, every)));
    await until(() => runs === 1);
    const rows = () => bench.database.admin("select id from pgboss.job where name = 'prune-sessions'");
    expect(await rows()).toHaveLength(1);
    // The slot before: as if that much time had gone by.
    await bench.database.admin(
      "update pgboss.job set singleton_on = singleton_on - interval '100000000 seconds'",
    );
    await bench.worker(prune, slow, every);
    await until(() => runs === 2);
    expect(await rows()).toHaveLength(2);
  });

  test("a job that has been under way for far too long is reported", async () => {
    const id = await bench.send();
    await bench.database.admin(
      "update pgboss.job set state = 'active', started_on = now() - interval '1 hour', heartbeat_on = now() + interval '1 hour', expire_seconds = 86400 where id = $1",
      [id],
    );
    await bench.worker({});
    await until(() => bench.lines.some(({ event }) => event === "job_overdue"));
    expect(bench.lines.find(({ event }) => event === "job_overdue")).toMatchObject({
      level: "error",
      queue: "lockout",
    });
  });
});

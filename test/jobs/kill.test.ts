import { expect, test } from "bun:test";
import { jobBench, until, workerProcess } from "./support.ts";

test("workers killed with kill -9 in the middle of it lose no job and do none twice", async () => {
  const bench = await jobBench();
  await bench.database.admin(
    "update pgboss.queue set retry_limit = 20, retry_delay = 0, retry_backoff = false, retry_delay_max = null",
  );
  const ids = await Promise.all(Array.from({ length: 60 }, () => bench.send()));
  for (let round = 0; round < 3; round++) {
    const worker = await workerProcess(bench.database.requestUrl, 5);
    // Some have been done, others are under way.
    await until(() => worker.said.filter((line) => line.startsWith("done")).length >= 6 + round);
    worker.kill("SIGKILL");
    await worker.exited;
    await bench.silence();
  }
  const last = await workerProcess(bench.database.requestUrl, 0);
  const completed = async () => {
    const rows = await bench.database.admin(
      "select from pgboss.job where name = 'lockout' and state = 'completed'",
    );
    return rows.length;
  };
  await until(async () => (await completed()) === ids.length);
  const effects = await bench.database.admin<{ job_id: string }>("select job_id from app.test_effect");
  expect(effects).toHaveLength(ids.length);
  expect(new Set(effects.map(({ job_id }) => job_id))).toEqual(new Set(ids));
  last.kill("SIGTERM");
  expect(await last.exited).toBe(0);
  await bench.close();
}, 90_000);

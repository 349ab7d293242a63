/** The long form, with real time: `bun test ./test/jobs/paused-worker.long.ts`. About half a minute. */
import { expect, test } from "bun:test";
import { jobBench, until, workerProcess } from "./support.ts";

test("a worker stopped for 16 s with a job in its hand, which another does meanwhile, does nothing when it wakes up", async () => {
  const bench = await jobBench();
  const paused = await workerProcess(bench.database.requestUrl, 1000);
  const id = await bench.send();
  await until(() => paused.said.includes(`start ${id}`));
  paused.kill("SIGSTOP");
  const stopped = performance.now();
  const other = await workerProcess(bench.database.requestUrl, 0);
  await until(() => other.said.includes(`done ${id}`));
  await Bun.sleep(Math.max(0, 16_000 - (performance.now() - stopped)));
  paused.kill("SIGCONT");
  await until(() => paused.said.includes(`done ${id}`));
  expect(await bench.database.admin("select job_id from app.test_effect")).toEqual([{ job_id: id }]);
  expect(await bench.job(id)).toMatchObject({ state: "completed", retry_count: 1 });
  for (const worker of [paused, other]) {
    worker.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
  }
  await bench.close();
}, 120_000);

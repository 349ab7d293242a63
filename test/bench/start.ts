/** What the executable weighs and how soon it answers. `bun test/bench/start.ts` */
import { readFileSync, statSync } from "node:fs";
import { binary, satchel, startSatchel } from "../support/binary.ts";
import { endRun, tempFolder } from "../support/run.ts";

const ROUNDS = 5;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Memory of the process alone, as `ps` tells it. */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

const median = (values: readonly number[]): string =>
  `${([...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0).toFixed(0)} ms ` +
  `(${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`;

const first: number[] = [];
const later: number[] = [];
const bare: number[] = [];
let resident = 0;
try {
  const { size } = statSync(await binary());
  for (let round = 0; round < ROUNDS; round++) {
    const folder = tempFolder("bench");
    for (const starts of [first, later]) {
      const node = await startSatchel({ folder });
      const began = performance.now();
      if ((await fetch(`${node.url}/readyz`)).status !== 200) throw new Error("not ready");
      starts.push(node.startMs + performance.now() - began);
      resident = residentOf(node.pid);
      await node.stop();
    }
    bare.push((await satchel(["version"])).milliseconds);
  }
  console.info(`size of the executable      ${megabytes(size)}`);
  console.info(`satchel version             ${median(bare)}`);
  console.info(`first start until /readyz   ${median(first)}`);
  console.info(`later start until /readyz   ${median(later)}`);
  console.info(`resident after the start    ${megabytes(resident)}, PostgreSQL apart`);
} finally {
  await endRun();
}

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A program that owns a folder and a process that would run for an hour, says so, and then waits to be killed. */
const PROGRAM = `
  const { tempFolder, endWithRun } = await import(${JSON.stringify(join(import.meta.dir, "run.ts"))});
  const folder = tempFolder("one");
  const child = Bun.spawn(["sleep", "3600"], { stdio: ["ignore", "ignore", "ignore"] });
  endWithRun(child.pid);
  console.log(JSON.stringify({ folder, pid: child.pid }));
  await new Promise(() => setInterval(() => {}, 1000));
`;

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  test(`a run ended by ${signal} leaves neither its folder nor its processes`, async () => {
    const runner = Bun.spawn([process.execPath, "-e", PROGRAM], { stdout: "pipe", stderr: "inherit" });
    const reader = runner.stdout.getReader();
    const { value } = await reader.read();
    const { folder, pid } = JSON.parse(new TextDecoder().decode(value)) as { folder: string; pid: number };
    expect(existsSync(folder)).toBe(true);
    expect(isAlive(pid)).toBe(true);
    runner.kill(signal);
    await runner.exited;
    const deadline = performance.now() + 10_000;
    while ((existsSync(folder) || isAlive(pid)) && performance.now() < deadline) await Bun.sleep(10);
    expect({ folder: existsSync(folder), process: isAlive(pid) }).toEqual({ folder: false, process: false });
  });
}

/** A process that has ended but was not yet collected by its parent (state Z) is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

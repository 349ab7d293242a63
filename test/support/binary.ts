/** The executable, as a person starts it: built when it is older than what it is made of, and ended with the run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { endWithRun, tempFolder } from "./run.ts";

const ROOT = join(import.meta.dir, "../..");
const BINARY = join(ROOT, "dist/satchel");

let built: Promise<string> | null = null;

/** The path of the executable, which is made first where it is missing or stale. */
export function binary(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const child = Bun.spawn([process.execPath, "run", "build", "--if-stale"], {
    cwd: ROOT,
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`the build failed: ${said.join("")}`);
  return BINARY;
}

export interface RunningSatchel {
  readonly url: string;
  readonly pid: number;
  /** Only while there is no organization. */
  readonly setupCode: string | null;
  /** All it has written on standard error so far. */
  log(): string;
  /** Sends the signal and waits for the end. Gives the exit code, or null when the signal itself ended it. */
  stop(signal?: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export interface StartOptions {
  readonly args?: readonly string[];
  /** All of the environment: none by default, as on a machine with nothing else. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is started and keeps its data; a new empty folder by default. */
  readonly folder?: string;
}

/** Starts `satchel serve` on a free port and waits until it is ready. Throws with what it said when it is not. */
export async function startSatchel(options: StartOptions = {}): Promise<RunningSatchel> {
  const { args = [], env = {}, folder = tempFolder("satchel") } = options;
  const readyFile = join(tempFolder("ready"), "ready.json");
  const child = Bun.spawn([await binary(), "serve", "--port", "0", "--ready-file", readyFile, ...args], {
    cwd: folder,
    env: { ...env },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  endWithRun(child.pid, "INT");
  let said = "";
  const ended = (async () => {
    const decoder = new TextDecoder();
    for await (const part of child.stderr) said += decoder.decode(part, { stream: true });
  })();
  const exited = child.exited.then(() => child.exitCode);
  const deadline = performance.now() + 30_000;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      if (child.exitCode === null) child.kill("SIGKILL");
      await ended;
      throw new Error(`satchel serve was not ready (exit code ${child.exitCode}): ${said}`);
    }
    await Bun.sleep(5);
  }
  const ready = JSON.parse(readFileSync(readyFile, "utf8")) as { url: string; setupCode?: string };
  return {
    url: ready.url,
    pid: child.pid,
    setupCode: ready.setupCode ?? null,
    log: () => said,
    exited,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      const code = await exited;
      await ended;
      return code;
    },
  };
}

/** The executable, as a person starts it: built when it is older than what it is made of, and ended with the run. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { canReach } from "../../src/embedded/account.ts";
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
  // Root's repository may be in a folder that nobody else may enter, but some tests start it as somebody else.
  if (process.getuid?.() !== 0 || canReach({ ...ordinaryUser(), name: null, other: true }, BINARY))
    return BINARY;
  const copy = join(tempFolder("program"), "satchel");
  copyFileSync(BINARY, copy);
  chmodSync(copy, 0o755);
  return copy;
}

/** A user of this machine. */
export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** An ordinary user: `nobody` when the tests run as root, else whoever runs them. */
export function ordinaryUser(): User {
  const { uid, gid } = userInfo();
  if (uid !== 0) return { uid, gid };
  const line = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  if (line === null) throw new Error("this machine has no user nobody");
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

/** A new empty folder that belongs to the user. */
export function folderOf(user: User | null, name = "satchel"): string {
  const folder = tempFolder(name);
  if (user !== null && user.uid !== process.getuid?.()) chownSync(folder, user.uid, user.gid);
  return folder;
}

export interface StartOptions {
  readonly args?: readonly string[];
  /** All of the environment: none by default, as on a machine with nothing else. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it is started and, by default, keeps its data; a new empty folder by default. */
  readonly folder?: string;
  /** As whom it runs; as the one who runs the tests by default. */
  readonly user?: User | null;
}

function launch(
  path: string,
  args: readonly string[],
  folder: string,
  { env = {}, user = null }: StartOptions,
): ChildProcess {
  const other = user === null || user.uid === process.getuid?.() ? {} : { uid: user.uid, gid: user.gid };
  return spawn(path, [...args], { cwd: folder, env: { ...env }, stdio: ["pipe", "pipe", "pipe"], ...other });
}

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code));
  });

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly milliseconds: number;
}

/** A command under way, such as an import that is to be killed. */
export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What it has written so far on standard output and standard error. */
  out(): string;
  err(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface CommandOptions extends Omit<StartOptions, "args"> {
  /** What it reads on standard input; nothing by default. */
  readonly input?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

/** Starts `satchel <args>` and does not wait for it. */
export async function startCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<RunningCommand> {
  const path = await binary();
  const began = performance.now();
  const child = launch(path, args, options.folder ?? folderOf(options.user ?? null), options);
  if (child.pid === undefined) throw new Error(`${path} cannot be started`);
  endWithRun(child.pid, "INT");
  let out = "";
  let err = "";
  child.stdout?.setEncoding("utf8").on("data", (part) => {
    out += part;
  });
  child.stderr?.setEncoding("utf8").on("data", (part) => {
    err += part;
  });
  const { input } = options;
  // Whoever ends early does not read the rest.
  child.stdin?.on("error", () => {});
  if (typeof input === "object" && Symbol.asyncIterator in input) {
    void (async () => {
      for await (const part of input) {
        if (child.stdin?.write(part) === false)
          await new Promise<void>((resolve) => {
            child.stdin?.once("drain", resolve).once("close", resolve);
          });
      }
      child.stdin?.end();
    })();
  } else child.stdin?.end(input);
  return {
    pid: child.pid,
    ended: endOf(child).then((code) => ({ code, out, err, milliseconds: performance.now() - began })),
    out: () => out,
    err: () => err,
    kill: (signal) => void child.kill(signal),
  };
}

/** Runs `satchel <args>` to its end. */
export async function satchel(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return (await startCommand(args, options)).ended;
}

export interface RunningSatchel {
  readonly url: string;
  readonly pid: number;
  /** Only while there is no organization. */
  readonly setupCode: string | null;
  /** Where it was started. */
  readonly folder: string;
  readonly dataDir: string;
  /** From its start until it was ready, in milliseconds. */
  readonly startMs: number;
  /** All it has written on standard error so far. */
  log(): string;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** Sends the signal and waits for the end. Gives the exit code, or null when the signal itself ended it. */
  stop(signal?: "SIGTERM" | "SIGINT" | "SIGKILL"): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

/** Starts `satchel serve` on a free port and waits until it is ready. Throws with what it said when it is not. */
export async function startSatchel(options: StartOptions = {}): Promise<RunningSatchel> {
  const { args = [], user = null, folder = folderOf(user) } = options;
  const path = await binary();
  const readyFile = join(folderOf(user, "ready"), "ready.json");
  const began = performance.now();
  const child = launch(path, ["serve", "--port", "0", "--ready-file", readyFile, ...args], folder, options);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${path} cannot be started`);
  endWithRun(pid, "INT");
  child.stdin?.end();
  child.stdout?.resume();
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (part: string) => {
    said += part;
    // No test provokes a 500, and whoever meets one wants to know why.
    if (part.includes('"event":"request_failed"')) process.stderr.write(part);
  });
  const exited = endOf(child);
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  const deadline = began + 30_000;
  while (!existsSync(readyFile)) {
    if (gone() || performance.now() > deadline) {
      child.kill("SIGKILL");
      await exited;
      throw new Error(`satchel serve was not ready (exit code ${child.exitCode}): ${said}`);
    }
    await Bun.sleep(5);
  }
  const startMs = performance.now() - began;
  const ready = JSON.parse(readFileSync(readyFile, "utf8")) as { url: string; setupCode?: string };
  const given = args.indexOf("--data-dir");
  return {
    url: ready.url,
    pid,
    setupCode: ready.setupCode ?? null,
    folder,
    dataDir: join(folder, given === -1 ? "satchel-data" : (args[given + 1] ?? "")),
    startMs,
    log: () => said,
    signal: (signal) => void child.kill(signal),
    exited,
    stop: (signal = "SIGTERM") => {
      child.kill(signal);
      return exited;
    },
  };
}

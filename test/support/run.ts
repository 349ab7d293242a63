/**
 * What one test run owns: a folder for everything it writes, and processes that must not outlive it.
 *
 * A guard, a shell in a session of its own, waits for the end of a pipe that this process holds open. The kernel
 * closes the pipe whichever way this process ends (done, failed, Ctrl-C, kill -9), and the guard then ends what it
 * was told about and removes the folder. That is the only way anything is cleaned up, so it is tested by every run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Each line of `processes` is: signal, process id, and the process's start time, since ids are used again.
const GUARD = `
cat >/dev/null
cd "$1" || exit
started() { sed -n 's/.*) \\([^Z]\\)/\\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
running() { [ -n "$1" ] && [ "$(started "$1")" = "$2" ]; }
if [ -f processes ]; then
  while read -r signal pid start; do running "$pid" "$start" && kill -s "$signal" "$pid"; done <processes
  rounds=0
  while read -r signal pid start; do
    while running "$pid" "$start" && [ $rounds -lt 100 ]; do sleep 0.05; rounds=$((rounds + 1)); done
    running "$pid" "$start" && kill -s KILL "$pid"
  done <processes
fi
cd /
exec >&-
rounds=0
until rm -rf "$1" || [ $rounds -ge 100 ]; do sleep 0.1; rounds=$((rounds + 1)); done
`;

interface Run {
  readonly folder: string;
  readonly guard: ChildProcess;
  folders: number;
}

let run: Run | null = null;

function current(): Run {
  if (run === null) {
    const folder = mkdtempSync(join(tmpdir(), "satchel-test-"));
    // Others may pass through, not list: as root, PostgreSQL runs as another user.
    chmodSync(folder, 0o711);
    const guard = spawn("/bin/sh", ["-c", GUARD, "guard", folder], {
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    guard.unref();
    run = { folder, guard, folders: 0 };
  }
  return run;
}

/** A new empty folder, removed when the run ends. `name` only helps people who look. */
export function tempFolder(name = "folder"): string {
  const { folder } = current();
  const path = join(folder, `${name}-${++current().folders}`);
  mkdirSync(path, { mode: 0o711 });
  return path;
}

/** Has `pid` sent `signal` when the run ends and it is still there, and SIGKILL when that does not help. */
export function endWithRun(pid: number, signal: "INT" | "TERM" | "KILL" | "QUIT" = "TERM"): void {
  appendFileSync(join(current().folder, "processes"), `${signal} ${pid} ${startOf(pid)}\n`);
}

function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // gone already, or no Linux
  }
}

interface Ending {
  readonly end: () => void | Promise<void>;
  /** Who asked for it, to be named when it does not come to an end. */
  readonly site: string;
}

let endings: Ending[] = [];
const ENDING_MS = 10_000;
/** How long the end of a run waits for its folder to go; the guard goes on without us. */
const REMOVAL_MS = 5000;

/** Has `end` called when the tests are over, before the folder goes. Not called when the run is interrupted. */
export function atEnd(end: () => void | Promise<void>): void {
  endings.push({ end, site: new Error().stack?.split("\n")[2]?.trim() ?? "" });
}

/** Ends what the run owns, and waits until every process is gone. Called once, after the last test. */
export async function endRun(): Promise<void> {
  const ends = endings.reverse();
  endings = [];
  const stuck: string[] = [];
  for (const { end, site } of ends) {
    const timer = Promise.withResolvers<"late">();
    const timeout = setTimeout(() => timer.resolve("late"), ENDING_MS);
    try {
      if ((await Promise.race([end(), timer.promise])) === "late") stuck.push(`${site} hangs`);
    } catch (error) {
      stuck.push(`${site}: ${error}`);
    }
    clearTimeout(timeout);
  }
  if (run !== null) {
    const { guard } = run;
    run = null;
    const gone = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
    // It closes its output when the processes have ended. A hundred thousand files of databases take a slow disk
    // longer than is worth waiting for.
    const ended = new Promise<void>((resolve) => guard.stdout?.resume().once("close", () => resolve()));
    guard.stdin?.end();
    await ended;
    await Promise.race([gone, Bun.sleep(REMOVAL_MS)]);
  }
  if (stuck.length > 0) throw new Error(`the run did not end well: ${stuck.join(", ")}`);
}

/**
 * Servers of the tests that write their log into a file. Through a pipe it would have to be read for as long as the
 * server lives: once Bun had stopped reading, every backend of PostgreSQL stood still in the middle of a line, and with
 * them each test that asked for something.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tempFolder } from "./run.ts";

/**
 * Starts a server, in a session of its own so that Ctrl-C on the tests does not reach it before their own end, and does
 * not wait for it. `ready` resolves once it has logged `sign`, and rejects with its log when it ends before.
 */
export function startLogged(
  path: string,
  args: readonly string[],
  sign: string,
  options: Pick<SpawnOptions, "cwd" | "env" | "uid" | "gid">,
): { readonly child: ChildProcess; readonly ready: Promise<void> } {
  const file = join(tempFolder("log"), "log");
  const log = openSync(file, "a");
  const child = spawn(path, [...args], { ...options, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.unref();
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(String(error)));
    child.once("exit", (code, signal) => resolve(`ended with ${code ?? signal}`));
  });
  const ready = (async () => {
    let end: string | null = null;
    void ended.then((how) => {
      end = how;
    });
    for (;;) {
      const said = readFileSync(file, "utf8");
      if (said.includes(sign)) return;
      if (end !== null) throw new Error(`${path} ${end}: ${said.slice(-10_000)}`);
      await Bun.sleep(5);
    }
  })();
  return { child, ready };
}

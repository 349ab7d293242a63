import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Deps } from "../deps.ts";
import { ledger, replayErasures } from "../erasures/erasures.ts";
import { ledgerLine, parseLedger, readLedger } from "../ledger.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openAll } from "./open.ts";
import { quietLogOf, readSettingsOf } from "./settings.ts";

export const erasuresCommand: Command = {
  name: "erasures",
  summary: "keep the ledger of erased people outside the database, and erase them again after a restore",
  usage: "export [FILE] | replay FILE",
  details: [
    "A backup brings back people who were erased after it was made. `export` writes whom (ids, nothing else), to standard",
    "output or whole into FILE: do it after every backup, and keep it apart. `replay` asks for the erasure of those who",
    "are back; `serve` or `work` then does it. Again the same file: nothing happens. With SATCHEL_ERASURE_LEDGER set",
    "every erasure is written to that file as it begins, and replayed from it at every start.",
  ].join("\n"),
  options: DATA_DIR,
  positionals: { min: 1, max: 2 },
  run: async (call) => {
    const [verb, path] = call.positionals;
    if (verb !== "export" && verb !== "replay") throw new Exit(EXIT.usage, `what is "${verb}"?`);
    if (verb === "replay" && path === undefined) throw new Exit(EXIT.usage, "FILE is missing");
    // Read before the database is opened: a name that is wrong is told at once.
    const text = verb === "replay" && path !== undefined ? readFile(path) : "";
    const config = readSettingsOf(call);
    const opened = await openAll(config, quietLogOf(config), false);
    try {
      return verb === "export"
        ? await exportTo(call, opened.deps, path)
        : await replay(call, opened.deps, text);
    } finally {
      await opened.close();
    }
  },
};

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown";
    throw new Exit(EXIT.failed, `${path} cannot be read (${code})`);
  }
}

async function exportTo(call: Call, deps: Deps, path: string | undefined): Promise<number> {
  const lines: string[] = [];
  for await (const entry of ledger(deps)) {
    if (path === undefined) call.out(ledgerLine(entry));
    else lines.push(`${ledgerLine(entry)}\n`);
  }
  if (path !== undefined) {
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, lines.join(""), { mode: 0o600, flush: true });
    // Renamed into place: what was there before is whole until this is.
    renameSync(fresh, path);
    call.say(`${lines.length} erasures are in ${path}.`);
  }
  return EXIT.ok;
}

async function replay(call: Call, deps: Deps, text: string): Promise<number> {
  const { entries, refused } = parseLedger(text);
  for (const number of refused) call.say(`line ${number}: is no entry of a ledger`);
  const replayed = await replayErasures(deps, entries);
  call.say(`${replayed} of ${entries.length} are here and will be erased again.`);
  return refused.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Replays the ledger that is configured, at the start of a node that can do the work. Refuses as `withTenant` does. */
export async function replayConfigured(deps: Deps): Promise<void> {
  const path = deps.config.erasureLedger;
  if (path === null) return;
  const { entries, refused } = readLedger(path);
  // Half a line, from a crash while it was written: that erasure had not begun.
  if (refused.length > 0) deps.log.warn("ledger_lines_unreadable", { path, count: refused.length });
  const count = await replayErasures(deps, entries);
  if (count > 0) deps.log.warn("erasures_replayed", { path, count });
}

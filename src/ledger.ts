/**
 * The ledger of erasures outside the database: one JSON object a line, in the order of the erasures. A backup that is
 * restored knows nothing of what was erased since; this file does, and so it must lie where no restore touches it.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";

/** Whom to erase again. Nothing else is known of them. */
export interface LedgerEntry {
  readonly organizationId: string;
  readonly userId: string;
  readonly requestedAt: Date;
}

/** The line of an entry, without its end. */
export function ledgerLine({ organizationId, userId, requestedAt }: LedgerEntry): string {
  return JSON.stringify({ organizationId, userId, requestedAt });
}

/** Adds an entry, and returns when it is on the disk. Throws as the file system does. A second time does no harm. */
export function appendToLedger(path: string, entry: LedgerEntry): void {
  const file = openSync(path, "a", 0o600);
  try {
    // After a write that was cut short by a crash the next entry still begins a line of its own.
    writeSync(file, `\n${ledgerLine(entry)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The entries of a ledger's text, and the numbers of the lines that hold none. */
export function parseLedger(text: string): {
  readonly entries: readonly LedgerEntry[];
  readonly refused: readonly number[];
} {
  const entries: LedgerEntry[] = [];
  const refused: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const entry = parseLine(line);
    if (entry === null) refused.push(index + 1);
    else entries.push(entry);
  }
  return { entries, refused };
}

/** The same of a file; one that is not there is empty. */
export function readLedger(path: string): ReturnType<typeof parseLedger> {
  return parseLedger(existsSync(path) ? readFileSync(path, "utf8") : "");
}

function parseLine(line: string): LedgerEntry | null {
  try {
    const { organizationId, userId, requestedAt } = JSON.parse(line) as Readonly<Record<string, unknown>>;
    if (typeof organizationId !== "string" || !UUID.test(organizationId)) return null;
    if (typeof userId !== "string" || !UUID.test(userId)) return null;
    const time = new Date(typeof requestedAt === "string" ? requestedAt : Number.NaN);
    return Number.isNaN(time.getTime()) ? null : { organizationId, userId, requestedAt: time };
  } catch {
    return null;
  }
}

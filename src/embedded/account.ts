/** Which user of the operating system PostgreSQL runs as: it refuses to run as root. */

import { CString, dlopen, read } from "bun:ffi";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { EmbeddedError } from "./error.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
  /** Null for the owner of an existing cluster whom the machine does not know by name. */
  readonly name: string | null;
  /** Whether this is another user than the one this process runs as. */
  readonly other: boolean;
}

/** In order of preference. `nobody` is last but one: other daemons may run as nobody, too, and could reach the data. */
const UNPRIVILEGED = ["satchel", "postgres", "_postgres", "nobody", "daemon"];

const NO_DATABASE_URL = "or set DATABASE_URL to a PostgreSQL server";

/**
 * This very user when it is an ordinary one, who must own the cluster. For root: whoever owns the cluster already,
 * else the first of a few well-known unprivileged users. Throws an `EmbeddedError` when the user has no entry in the user database, which
 * PostgreSQL needs both to make a cluster and to tell who connects.
 */
export function chooseAccount(clusterDir: string): Account {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) {
    const owner = statSync(clusterDir, { throwIfNoEntry: false })?.uid ?? uid;
    if (owner !== uid) {
      throw new EmbeddedError(
        `${clusterDir} belongs to user id ${owner}, and this is user id ${uid}.`,
        "Run Satchel as that user or as root, or name another --data-dir.",
      );
    }
    const name = userName(uid);
    if (name !== null) return { uid, gid: process.getgid?.() ?? 0, name, other: false };
    throw new EmbeddedError(
      `PostgreSQL cannot run as user id ${uid}: the machine has no user of that id.`,
      `Add the user (a line for ${uid} in /etc/passwd), run as one that exists or as root, ${NO_DATABASE_URL}.`,
    );
  }
  const accounts = readAccounts();
  const owner = statSync(clusterDir, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) {
    const known = accounts.find((account) => account.uid === owner.uid);
    return known ?? { uid: owner.uid, gid: owner.gid, name: null, other: true };
  }
  for (const name of UNPRIVILEGED) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid > 0);
    if (account) return account;
  }
  throw new EmbeddedError(
    "PostgreSQL does not run as root, and this machine has no unprivileged user to run it as.",
    `Add one (for example: useradd --system satchel), run Satchel as an ordinary user, ${NO_DATABASE_URL}.`,
  );
}

/**
 * The name of a user, or null when the machine has none of that id. Asked of the C library, as PostgreSQL does: Bun's
 * `userInfo()` tells what USER says, which may be absent or another.
 */
export function userName(uid: number): string | null {
  const { symbols } = dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    getpwuid: { args: ["u32"], returns: "ptr" },
  });
  const entry = symbols.getpwuid(uid);
  // The name is the first member of struct passwd.
  return entry === null ? null : new CString(read.ptr(entry, 0)).toString();
}

function readAccounts(): Account[] {
  let text: string;
  try {
    text = readFileSync("/etc/passwd", "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid] = line.split(":");
    if (!name || !uid || !gid || !/^\d+$/.test(uid) || !/^\d+$/.test(gid)) return [];
    return [{ uid: Number(uid), gid: Number(gid), name, other: true }];
  });
}

/** Whether the user may pass through every folder from the root to `path`, by permission bits. */
export function canReach({ uid, gid }: Account, path: string): boolean {
  for (let folder = realpathSync(path); ; folder = dirname(folder)) {
    const found = statSync(folder);
    const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001;
    if (!(found.mode & bit)) return false;
    if (folder === dirname(folder)) return true;
  }
}

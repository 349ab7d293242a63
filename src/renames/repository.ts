/** Rows of renamings, in and out. */
import * as sql from "#sql/renames";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";

export const RENAME_STATES = ["waiting", "running", "finished", "failed"] as const;
/** Why a renaming was given up. */
export const RENAME_FAILURES = [
  "organization_not_active",
  "requester_not_allowed",
  "api_key_ended",
  "not_worked_off",
] as const;
export type RenameFailure = (typeof RENAME_FAILURES)[number];
export type RenameSubject = "tags" | "skills";

/** What is called something else. */
export interface Words {
  readonly from: readonly string[];
  readonly to: string;
}

export interface Rename extends Words {
  readonly id: string;
  readonly subject: RenameSubject;
  readonly state: (typeof RENAME_STATES)[number];
  /** Null unless it has failed. */
  readonly failure: RenameFailure | null;
  /** Lessons or people that were changed so far; one that was written anew meanwhile counts again. */
  readonly changed: number;
  readonly createdAt: Date;
  readonly requestedById: string | null;
  readonly finishedAt: Date | null;
}

/** How far a renaming is. */
export interface Progress {
  /** From 1. */
  readonly pass: number;
  /** Null at the beginning of a pass. */
  readonly afterId: string | null;
  /** Changed in this pass. */
  readonly passCount: number;
}

type Row = Omit<Rename, "id" | "from" | "to" | "changed"> & {
  readonly renameId: string;
  readonly fromWords: readonly string[];
  readonly toWord: string;
  readonly changedCount: number;
};

const toRename = ({ renameId, fromWords, toWord, changedCount, ...row }: Row): Rename => ({
  id: renameId,
  from: fromWords,
  to: toWord,
  changed: changedCount,
  ...row,
});

export const insert = async (
  tx: TenantTx,
  organizationId: string,
  subject: RenameSubject,
  { from, to }: Words,
  apiKeyId: string | null,
): Promise<Rename> =>
  toRename(
    await sql.insertRename(tx, {
      organizationId,
      renameId: Bun.randomUUIDv7(),
      subject,
      fromWords: from,
      toWord: to,
      apiKeyId,
    }),
  );

export async function find(
  tx: TenantTx,
  organizationId: string,
  subject: RenameSubject,
  renameId: string,
): Promise<Rename | null> {
  const row = await sql.findRename(tx, { organizationId, subject, renameId });
  return row === null ? null : toRename(row);
}

/** What is to be done, how far it is and what allows it, held until the transaction ends; null when it has ended. */
export async function lock(tx: TenantTx, organizationId: string, renameId: string) {
  const row = await sql.lockRename(tx, { organizationId, renameId });
  if (row === null) return null;
  const { subject, fromWords: from, toWord: to, pass, afterId, passCount, role, ...allowed } = row;
  const progress: Progress = { pass, afterId, passCount };
  // The role of nobody who is active: null.
  return { subject, words: { from, to }, progress, role: role as Role | null, ...allowed };
}

export async function advance(
  tx: TenantTx,
  organizationId: string,
  renameId: string,
  progress: Progress,
  changed: number,
): Promise<void> {
  await sql.updateProgress(tx, { organizationId, renameId, ...progress, changed });
}

/** Null when it has ended already, or there is none. */
export const finish = (
  tx: TenantTx,
  organizationId: string,
  renameId: string,
  failure: RenameFailure | null,
): Promise<{ readonly subject: RenameSubject; readonly changedCount: number } | null> =>
  sql.updateFinished(tx, { organizationId, renameId, failure });

export const failStale = (tx: TenantTx, organizationId: string): Promise<number> =>
  sql.updateStaleFailed(tx, { organizationId });

export const prune = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneRenames(tx, { organizationId, limit });

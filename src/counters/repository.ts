/** Rows of views and completions, in and out. */
import * as sql from "#sql/counters";
import type { TenantTx } from "../../sql/tx.ts";

export interface Counts {
  /** Each person counts once in an hour. */
  readonly views: number;
  readonly viewers: number;
  readonly completions: number;
}

export interface Completion {
  readonly id: string;
  readonly contentId: string;
  readonly userId: string;
  readonly createdAt: Date;
}

type Row = Omit<Completion, "id"> & { readonly completionId: string };

const toCompletion = ({ completionId: id, ...row }: Row): Completion => ({ id, ...row });

/** Whether it was the person's first in this hour (UTC). `now`: null for the clock of the database. */
export const countView = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
  now: Date | null,
): Promise<boolean> => (await sql.upsertView(tx, { organizationId, contentId, userId, now })) > 0;

export const pruneViews = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneViews(tx, { organizationId, limit });

export const counts = (tx: TenantTx, organizationId: string, contentId: string): Promise<Counts> =>
  sql.getCounts(tx, { organizationId, contentId });

/** The first one, however often it is asked for. */
export const complete = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
): Promise<Completion> => {
  const completionId = Bun.randomUUIDv7();
  return toCompletion(await sql.upsertCompletion(tx, { organizationId, completionId, contentId, userId }));
};

export const undo = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  userId: string,
): Promise<void> => {
  await sql.deleteCompletion(tx, { organizationId, contentId, userId });
};

export const listOfContent = async (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Completion[]> =>
  (await sql.listOfContent(tx, { organizationId, contentId, beforeId, limit })).map(toCompletion);

export const listOfPerson = async (
  tx: TenantTx,
  organizationId: string,
  userId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Completion[]> =>
  (await sql.listOfPerson(tx, { organizationId, userId, beforeId, limit })).map(toCompletion);

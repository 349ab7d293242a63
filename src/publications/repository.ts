/** Rows of many lessons as publishing them needs them, in and out. */
import * as sql from "#sql/publications";
import type { TenantTx } from "../../sql/tx.ts";
import type { Content } from "./publications.ts";

/** What decides whether a lesson may be published. */
export type Held = Pick<
  Content,
  "id" | "createdById" | "status" | "liveNumber" | "publishAt" | "unpublishAt" | "version" | "deletedAt"
>;

/** A lesson that was published. */
export type Published = Pick<Content, "id" | "version" | "liveNumber">;

const withId = <Row extends { readonly contentId: string }>({ contentId: id, ...row }: Row) => ({
  id,
  ...row,
});

/** Live or deleted, held until the transaction ends. */
export async function lock(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<ReadonlyMap<string, Held>> {
  const rows = await sql.lockContents(tx, { organizationId, contentIds });
  return new Map(rows.map((row) => [row.contentId, withId(row)]));
}

export async function publish(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
): Promise<readonly Published[]> {
  return (await sql.updatePublished(tx, { organizationId, contentIds })).map(withId);
}

export async function listDue(
  tx: TenantTx,
  organizationId: string,
  limit: number,
): Promise<readonly string[]> {
  return (await sql.listDue(tx, { organizationId, limit })).map(({ contentId }) => contentId);
}

/** Null when its time has not come, or somebody else has done it. */
export async function publishDue(
  tx: TenantTx,
  organizationId: string,
  contentId: string,
): Promise<Pick<Content, "id" | "liveNumber"> | null> {
  const row = await sql.updateDue(tx, { organizationId, contentId });
  return row === null ? null : withId(row);
}

export const callOff = (tx: TenantTx, organizationId: string, contentId: string): Promise<number> =>
  sql.updateCalledOff(tx, { organizationId, contentId });

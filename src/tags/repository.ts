/** Tags of lessons, in and out. */
import * as sql from "#sql/tags";
import type { TenantTx } from "../../sql/tx.ts";

export interface Tag {
  readonly name: string;
  /** Lessons that carry it, as staff see them. */
  readonly lessons: number;
  /** Lessons that readers see with it. */
  readonly published: number;
}

export async function list(
  tx: TenantTx,
  organizationId: string,
  filter: { readonly staff: boolean; readonly prefix: string | null },
  after: string | null,
  limit: number,
): Promise<readonly Tag[]> {
  const found = await sql.listTags(tx, { organizationId, ...filter, after, limit });
  return found.map(({ tag: name, ...counts }) => ({ name, ...counts }));
}

/** The lessons with one of some tags that come after one, held until the transaction ends. */
export const lockTagged = (
  tx: TenantTx,
  organizationId: string,
  from: readonly string[],
  afterId: string | null,
  limit: number,
): Promise<readonly { readonly contentId: string; readonly published: boolean }[]> =>
  sql.lockTagged(tx, { organizationId, fromWords: from, afterId, limit });

/** Of lessons that are held, and of what readers see of them. */
export async function rename(
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
  { from, to }: { readonly from: readonly string[]; readonly to: string },
): Promise<void> {
  const words = { organizationId, contentIds, fromWords: from, toWord: to };
  await sql.updateTags(tx, words);
  await sql.updatePublishedTags(tx, words);
}

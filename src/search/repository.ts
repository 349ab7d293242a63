/** Rows of the search index, in and out. */
import * as sql from "#sql/search";
import type { TenantTx } from "../../sql/tx.ts";

export interface Match {
  readonly id: string;
  readonly sourceId: string | null;
  readonly title: string;
  readonly slug: string;
  readonly description: string;
  readonly contentType: "lesson" | "tutorial" | "exercise" | "quiz" | "project" | "reference";
  readonly difficultyLevel: "beginner" | "intermediate" | "advanced" | "expert";
  readonly language: string;
  readonly tags: readonly string[];
  readonly publishedAt: Date | null;
  readonly score: number;
  /** Text of the lesson; U+E000 and U+E001 stand around what matched. */
  readonly snippet: string;
}

export interface Query {
  readonly query: string;
  readonly language: string | null;
  readonly after: { readonly score: number; readonly id: string } | null;
  readonly limit: number;
}

export async function listMatches(
  tx: TenantTx,
  organizationId: string,
  { query, language, after, limit }: Query,
): Promise<readonly Match[]> {
  const rows = await sql.listMatches(tx, {
    organizationId,
    query,
    language,
    afterScore: after?.score ?? null,
    afterId: after?.id ?? null,
    limit,
  });
  return rows.map(({ contentId: id, ...row }) => ({ id, ...row }));
}

export const upsertDocuments = (tx: TenantTx, organizationId: string, contentIds: readonly string[]) =>
  sql.upsertDocuments(tx, { organizationId, contentIds });

export const deleteDocuments = (tx: TenantTx, organizationId: string, contentIds: readonly string[]) =>
  sql.deleteDocuments(tx, { organizationId, contentIds });

export async function listPublishedIds(
  tx: TenantTx,
  organizationId: string,
  afterId: string | null,
  limit: number,
): Promise<readonly string[]> {
  return (await sql.listPublishedIds(tx, { organizationId, afterId, limit })).map(
    ({ contentId }) => contentId,
  );
}

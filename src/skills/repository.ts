/** Skills of people, in and out. */
import * as sql from "#sql/skills";
import type { TenantTx } from "../../sql/tx.ts";

export interface Skill {
  readonly name: string;
  /** How many people have it. */
  readonly people: number;
}

export async function list(
  tx: TenantTx,
  organizationId: string,
  prefix: string | null,
  after: string | null,
  limit: number,
): Promise<readonly Skill[]> {
  const found = await sql.listSkills(tx, { organizationId, prefix, after, limit });
  return found.map(({ skill: name, people }) => ({ name, people }));
}

/** The people with one of some skills that come after one, held until the transaction ends. */
export const lockSkilled = async (
  tx: TenantTx,
  organizationId: string,
  from: readonly string[],
  afterId: string | null,
  limit: number,
): Promise<readonly string[]> =>
  (await sql.lockSkilled(tx, { organizationId, fromWords: from, afterId, limit })).map(
    ({ userId }) => userId,
  );

/** Of people who are held. */
export const rename = (
  tx: TenantTx,
  organizationId: string,
  userIds: readonly string[],
  { from, to }: { readonly from: readonly string[]; readonly to: string },
): Promise<number> => sql.updateSkills(tx, { organizationId, userIds, fromWords: from, toWord: to });

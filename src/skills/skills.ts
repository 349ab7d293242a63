/** Skills that people tell of themselves: which there are in an organization, and how many have each. */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { changed, readTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Skill } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Skill } from "./repository.ts";

/** People in one transaction: few enough that whoever changes one of them does not wait long. */
const BATCH = 200;

/**
 * Skills of the people who are not deleted, in the order of their characters, one more than `limit` when there are more.
 * `prefix`: how their names begin, in whatever case and with or without accents.
 */
export async function listSkills(
  deps: Deps,
  actor: Actor,
  prefix: string | null,
  after: string | null,
  limit: number,
): Promise<readonly Skill[]> {
  return readTenant(deps.db, actor, (tx) => rows.list(tx, actor.organizationId, prefix, after, limit + 1));
}

/** Renames skills of the next few people who have one of them and come after `afterId`. Inside a transaction. */
export async function renameSkillsIn(
  _: Deps,
  tx: TenantTx,
  organizationId: string,
  words: { readonly from: readonly string[]; readonly to: string },
  afterId: string | null,
): Promise<{ readonly changed: number; readonly lastId: string } | null> {
  const userIds = await rows.lockSkilled(tx, organizationId, words.from, afterId, BATCH);
  const lastId = userIds.at(-1);
  if (lastId === undefined) return null;
  await rows.rename(tx, organizationId, userIds, words);
  changed(tx, "users");
  return { changed: userIds.length, lastId };
}

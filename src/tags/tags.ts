/**
 * Tags: which there are in an organization, and how many lessons carry each. A tag is what somebody wrote, to the letter:
 * `Loops` and `loops` are two until they are renamed (src/renames).
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { cached } from "../cache.ts";
import { changed, readTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { enqueue } from "../queue.ts";
import type { Tag } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Tag } from "./repository.ts";

/** Lessons in one transaction: few enough that whoever writes one of them does not wait long. */
const BATCH = 200;

/**
 * Tags of lessons that the actor may see, in the order of their characters, one more than `limit` when there are more.
 * `prefix`: how their names begin, in whatever case and with or without accents.
 */
export async function listTags(
  deps: Deps,
  actor: Actor,
  prefix: string | null,
  after: string | null,
  limit: number,
): Promise<readonly Tag[]> {
  const staff = actor.role === "admin" || actor.role === "teacher";
  return cached(
    deps.cache,
    {
      organizationId: actor.organizationId,
      visibility: staff ? "staff" : "published",
      topic: "contents",
      generation: actor.generations.contents,
      args: { read: "tags.list", prefix, after, limit },
    },
    () =>
      readTenant(deps.db, actor, (tx) =>
        rows.list(tx, actor.organizationId, { staff, prefix }, after, limit + 1),
      ),
  );
}

/**
 * Renames tags of the next few lessons that have one of them and come after `afterId`. Readers see it at once: what is
 * published is renamed with the rest, for a review of it would have nothing to say. Inside a transaction.
 */
export async function renameTagsIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  words: { readonly from: readonly string[]; readonly to: string },
  afterId: string | null,
): Promise<{ readonly changed: number; readonly lastId: string } | null> {
  const lessons = await rows.lockTagged(tx, organizationId, words.from, afterId, BATCH);
  const lastId = lessons.at(-1)?.contentId;
  if (lastId === undefined) return null;
  const ids = lessons.map(({ contentId }) => contentId);
  await rows.rename(tx, organizationId, ids, words);
  const contentIds = lessons.filter(({ published }) => published).map(({ contentId }) => contentId);
  if (contentIds.length > 0) {
    await enqueue(deps.queue, tx, "reindex-search", { organizationId, contentIds }, { bulk: true });
  }
  changed(tx, "contents");
  return { changed: lessons.length, lastId };
}

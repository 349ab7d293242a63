import { withTenant } from "../src/db.ts";
import { once } from "../src/effects/effects.ts";
import { indexDocumentsIn, publishedContents } from "../src/search/search.ts";
import type { Handler } from "./runner.ts";

/** Lessons in one transaction: ten of the longest stay well below the deadline of a statement. */
const BATCH = 10;

/**
 * Brings the search index to what the lessons are now. It reads them when it runs and an older version never
 * overwrites a newer one, so running late, twice or side by side does no harm; `once` keeps a second delivery from
 * doing the work again.
 */
export const reindexSearch: Handler<"reindex-search"> = async (deps, { id, payload, signal }) => {
  const { organizationId } = payload;
  const index = (contentIds: readonly string[], step: string) => {
    signal.throwIfAborted();
    return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
      await once(tx, id, step, () => indexDocumentsIn(tx, organizationId, contentIds));
    });
  };
  if ("contentIds" in payload) {
    for (let start = 0; start < payload.contentIds.length; start += BATCH) {
      await index(payload.contentIds.slice(start, start + BATCH), `lessons ${start}`);
    }
    return;
  }
  // Named by the first lesson of the batch: a page that is cut otherwise the second time is simply done again.
  for await (const contentIds of publishedContents(deps, organizationId, BATCH)) {
    await index(contentIds, `from ${contentIds[0]}`);
  }
};

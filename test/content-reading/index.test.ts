/**
 * Many lessons of one organization among a hundred: every list is read from an index, in its order, however it is filtered.
 * By plans that were made without knowing what is asked, as they are kept for all. SATCHEL_TEST_LONG=1: 100,000 lessons.
 */
import { afterAll, describe, expect, test } from "bun:test";
import * as door from "../../src/content-reading/content-reading.ts";
import * as rows from "../../src/content-reading/repository.ts";
import { CONTENT_STATUSES, CONTENT_TYPES, DIFFICULTY_LEVELS } from "../../src/contents/contents.ts";
import { FEW, type From } from "../../src/lists.ts";
import { domain } from "../support/domain.ts";
import { fill, ownerOf, watched } from "./support.ts";

const LESSONS = process.env.SATCHEL_TEST_LONG === "1" ? 100_000 : 20_000;
const PAGE = 21;

const app = await domain();
const owner = ownerOf(app.database.ownerUrl);
afterAll(async () => {
  await owner.end();
  await app.close();
});
const school = await app.it.organization();
const authors = Array.from({ length: 4 }, () => Bun.randomUUIDv7());
const [rareAuthor = "", author = ""] = authors;
await fill(owner, school.id, LESSONS, authors);

const WORDS = {
  statuses: CONTENT_STATUSES,
  contentTypes: CONTENT_TYPES,
  difficultyLevels: DIFFICULTY_LEVELS,
};
const NOTHING: rows.ContentFilter = {
  statuses: null,
  contentTypes: null,
  difficultyLevels: null,
  languages: null,
  allTags: null,
  anyTags: null,
  authorIds: null,
  hasAuthor: null,
  sourceId: null,
  hasSourceId: null,
  slug: null,
  createdFrom: null,
  createdBefore: null,
  updatedFrom: null,
  updatedBefore: null,
  publishedFrom: null,
  publishedBefore: null,
};
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
/** What most, some and few lessons have, and nobody. */
const FILTERS: Readonly<Record<string, Partial<rows.ContentFilter>>> = {
  "no filter": {},
  "a common status": { statuses: ["draft", "published"] },
  "a rare status": { statuses: ["pending_review"] },
  "a status that none has": { statuses: ["rejected"] },
  "a type": { contentTypes: ["quiz"] },
  "a rare type": { contentTypes: ["project"] },
  "a rare level": { difficultyLevels: ["expert"] },
  "a language": { languages: ["es"] },
  "a rare language": { languages: ["eu", "gl"] },
  "a rare pair of common things": {
    statuses: ["draft"],
    languages: ["eu"],
    contentTypes: ["lesson", "quiz"],
  },
  "a tag that all carry": { allTags: ["school"] },
  "a tag that half carry": { anyTags: ["even"] },
  "a tag": { allTags: ["topic-6"] },
  "a rare tag": { allTags: ["rare"] },
  "a rare tag among common ones": { allTags: ["school", "rare"] },
  "one of two tags": { anyTags: ["rare", "topic-9"] },
  "a tag that none carries": { allTags: ["nothing"] },
  "an author": { authorIds: [author] },
  "a rare author": { authorIds: [rareAuthor] },
  "no author": { hasAuthor: false },
  "some author": { hasAuthor: true },
  "a source id": { sourceId: "s-7" },
  "no source id": { hasSourceId: false },
  "a slug": { slug: "lesson-77" },
  "written lately": { createdFrom: ago(60) },
  "written before": { createdBefore: ago(60) },
  "written in one hour": { createdFrom: ago(180), createdBefore: ago(120) },
  "changed lately": { updatedFrom: ago(60) },
  "changed before": { updatedBefore: ago(60) },
  "published lately": { publishedFrom: ago(60) },
  "published before": { publishedBefore: ago(60) },
};

const list = (
  audience: rows.Audience,
  filter: Partial<rows.ContentFilter>,
  order: rows.ContentOrder,
  from: From<rows.ContentPosition> | null = null,
  includeDeleted = false,
) => {
  const scope = { organizationId: school.id, audience, includeDeleted };
  return watched(owner, school.id, async (tx) => {
    const found = await rows.listed(tx, scope, WORDS, { ...NOTHING, ...filter }, order, from, PAGE);
    const ids = found.map(({ id }) => id);
    await rows.summaries(tx, scope, ids, { description: true });
    return found;
  });
};

/** What must hold of everything a list does. `read`: the most rows a statement may look at. */
function check(done: Awaited<ReturnType<typeof list>>["done"], read: number, about: string): void {
  for (const one of done) {
    const told = `${about}: ${one.statement}`;
    expect([told, one.scanned]).toEqual([told, []]);
    // Never the whole set: what few are left by a filter, or what comes on the page.
    if (one.sorted > FEW) throw new Error(`${told} sorts ${one.sorted} rows\n${one.plan}`);
    if (one.read > read) throw new Error(`${told} reads ${one.read} rows\n${one.plan}`);
  }
}

const INDEX_OF = {
  createdAt: "content_listing_created",
  updatedAt: "content_listing_changed",
  publishedAt: "content_listing_published",
  title: "content_listing_title",
} as const;

describe.each(["staff", "readers"] as const)("what %s see", (audience) => {
  test.each(door.CONTENT_ORDERS)(
    "order=%s is read from its index, a page at a time, both ways [row 56]",
    async (order) => {
      const by = order.replace("-", "") as keyof typeof INDEX_OF;
      let from: From<rows.ContentPosition> | null = null;
      for (const backward of [false, true, false]) {
        const { result, done } = await list(audience, {}, order, from);
        expect(result).toHaveLength(PAGE);
        check(done, PAGE, order);
        expect(done[0]?.indexes).toEqual([INDEX_OF[by]]);
        // A row each, and the way down to the first.
        expect([from, (done[0]?.pages ?? 0) <= PAGE + 15]).toEqual([from, true]);
        const last = result[backward ? 0 : PAGE - 1];
        from = { key: { key: last?.key ?? "", id: last?.id ?? "" }, backward };
        // From the middle on.
        if (!backward) from = { key: await positionAt(audience, by, LESSONS / 3), backward: true };
      }
    },
  );

  test.each(Object.keys(FILTERS))("%s: found by an index, in every order [row 64]", async (name) => {
    const filter = FILTERS[name] ?? {};
    for (const order of door.CONTENT_ORDERS) {
      const { done } = await list(audience, filter, order);
      // At most FEW + 1 for each filter that is looked up; where more are left, one in a few must be met on the way.
      check(done, 3 * (FEW + 1), `${name}, ${order}`);
    }
  });
});

test("the deleted among the others are read from the same index [row 55]", async () => {
  const { result, done } = await list("staff", {}, "title", null, true);
  expect(result).toHaveLength(PAGE);
  check(done, 2 * PAGE, "with the deleted");
});

/** The place of what stands there in an order. */
async function positionAt(audience: rows.Audience, by: keyof typeof INDEX_OF, place: number) {
  const column = {
    createdAt: "created_at",
    updatedAt: "changed_at",
    publishedAt: "published_at",
    title: "title_key",
  }[by];
  const [found] = await app.database.admin<{ key: string; id: string }>(
    `select ${column}::text as key, content_id as id from app.content_listing
     where organization_id = $1 and audience = $2 and live order by ${column}, content_id offset ${Math.floor(place)} limit 1`,
    [school.id, audience],
  );
  return { key: found?.key ?? "", id: found?.id ?? "" };
}

/** What a write reads: the triggers of a lesson keep their plans, and those were made when the tables were small. */
import { afterAll, expect, test } from "bun:test";
import { ownerOf } from "../content-reading/support.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it } = app;
/** One connection, as one of the pool: plans are kept by it. */
const owner = ownerOf(app.database.ownerUrl);
afterAll(async () => {
  await owner.end();
  await app.close();
});

const LESSONS = 5_000;
const [small, big] = [await it.organization(), await it.organization()];
const lesson = await it.published(small.token, { tags: ["a", "b"] });
const among = await it.published(big.token, { tags: ["a", "b"] });

/** What is done to a lesson, one after the other: from published to published. */
const STEPS: Readonly<Record<string, string>> = {
  edit: "title = title || '.', tags = array['b', md5(title)], status = 'draft'",
  rename: "source_id = md5(title)",
  submit: "status = 'pending_review'",
  approve: "status = 'approved'",
  publish: "status = 'published', published_at = now()",
  unpublish: "status = 'draft', published_at = null",
  delete: "deleted_at = now(), deletion_id = app.uuidv7()",
  restore: "deleted_at = null, deletion_id = null",
  "publish again": "status = 'published', published_at = now()",
};

/** How many rows and index entries of our tables this connection has read: what is not told to the server yet. */
const READ = `
  select sum(pg_stat_get_xact_tuples_returned(oid))::integer as read
  from pg_class where relnamespace = 'app'::regnamespace and relkind in ('r', 'p', 'i', 'I')`;

/** Takes a lesson through all steps. How many rows and index entries each of them has read. */
async function round(organizationId: string, lessonId: string): Promise<Record<string, number>> {
  const read: Record<string, number> = {};
  for (const [step, set] of Object.entries(STEPS)) {
    await owner.begin(async (tx) => {
      const [before] = await tx.unsafe<{ read: number }[]>(READ);
      await tx.unsafe("set local role satchel_request");
      await tx.unsafe("select app.enter($1, null)", [organizationId]);
      if (step === "submit") {
        await tx.unsafe(
          `insert into app.review (organization_id, content_id, number)
           select organization_id, content_id, latest_number from app.content where content_id = $1`,
          [lessonId],
        );
      }
      const { count } = await tx.unsafe(
        `update app.content set ${set} where organization_id = $1 and content_id = $2`,
        [organizationId, lessonId],
      );
      expect(count).toBe(1);
      await tx.unsafe("reset role");
      const [after] = await tx.unsafe<{ read: number }[]>(READ);
      read[step] = (after?.read ?? Number.NaN) - (before?.read ?? Number.NaN);
    });
  }
  return read;
}

test("a write reads no other school's rows, also on plans from before another school was large", async () => {
  // A plan is kept from the sixth time on.
  for (let i = 0; i < 8; i++) await round(small.id, lesson.id);
  const before = await round(small.id, lesson.id);
  await owner.unsafe(
    `insert into app.content (organization_id, title, slug, status, published_at, tags)
     select $1, 'T', 'lesson-' || i, 'published', now(), array['b', 't' || i % 50] from generate_series(1, ${LESSONS}) i`,
    [big.id],
  );
  await owner.unsafe(
    `insert into app.review (organization_id, content_id, number)
     select organization_id, content_id, 1 from app.content where organization_id = $1 and content_id <> $2`,
    [big.id, among.id],
  );
  const after = await round(small.id, lesson.id);
  // Known: it reads the open requests of its own organization, as long as plans from before there were many are kept.
  const { approve: _, ...inBig } = await round(big.id, among.id);
  for (const read of [after, inBig]) {
    for (const [step, rows] of Object.entries(read)) {
      // What it did before, and a little more where a page of an index is read on behind its end.
      expect([step, rows <= (before[step] ?? 0) + 50, rows < 250]).toEqual([step, true, true]);
    }
  }
}, 60_000);

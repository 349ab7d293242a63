/** What the database itself keeps of every write of a lesson: its versions, what readers see, and since when. */
import { afterAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { migrations } from "../../sql/generated/migrations.ts";
import { migrate } from "../../sql/migrate.ts";
import { silentLog } from "../../src/log.ts";
import { domain, refusedBy } from "../support/domain.ts";
import { testServer } from "../support/postgres.ts";

const app = await domain();
const { it, as } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const teacher = await it.member(school, "teacher");

let made = 0;
/** A lesson by hand-written SQL, as the request role. */
async function insert(columns = "", values = ""): Promise<string> {
  const id = Bun.randomUUIDv7();
  await as(
    school.id,
    `insert into app.content (organization_id, content_id, title, slug${columns}) values ($1, $2, 'One', $3${values})`,
    [school.id, id, `by-hand-${++made}`],
    teacher.user.id,
  );
  return id;
}
const update = (id: string, set: string, userId = teacher.user.id) =>
  as(school.id, `update app.content set ${set} where content_id = $1`, [id], userId);
const published = "status = 'published', published_at = coalesce(published_at, now())";

const content = async (id: string) =>
  (
    await admin<{ latest: number; live: number | null; restored: number | null; version: number }>(
      `select latest_number as latest, live_number as live, restored_from_number as restored, version
       from app.content where content_id = $1`,
      [id],
    )
  )[0];
const versions = (id: string) =>
  admin<{ number: number; title: string; restored: number | null; by: string | null }>(
    `select number, title, restored_from_number as restored, created_by_id as by
     from app.content_version where content_id = $1 order by number`,
    [id],
  );
const publication = async (id: string) =>
  (
    await admin<{ number: number; title: string; version: number; deleted: boolean }>(
      `select number, title, version, deleted_at is not null as deleted from app.publication where content_id = $1`,
      [id],
    )
  )[0];
const periods = (id: string) =>
  admin<{ number: number; open: boolean }>(
    `select number, ended_at is null as open from app.publication_period where content_id = $1 order by published_at`,
    [id],
  );

describe("versions", () => {
  test.each([
    ["title", "'Two'"],
    ["slug", "'another-slug'"],
    ["description", "'x'"],
    ["body", "'x'"],
    ["content_type", "'quiz'"],
    ["difficulty_level", "'expert'"],
    ["language", "'es'"],
    ["tags", "'{x}'"],
    ["prerequisites", "'{x}'"],
    ["learning_objectives", "'{x}'"],
    ["metadata", `'{"a":1}'`],
    ["settings", `'{"a":1}'`],
    ["estimated_duration_minutes", "5"],
  ])("another %s makes one, and the same again none [row 28]", async (column, value) => {
    const id = await insert();
    await update(id, `${column} = ${value}`);
    await update(id, `${column} = ${value}`);
    expect(await content(id)).toMatchObject({ latest: 2, version: 3 });
    expect((await versions(id)).map(({ number }) => number)).toEqual([1, 2]);
    const [same] = await admin<{ same: boolean }>(
      `select v.${column}::text is not distinct from c.${column}::text as same
       from app.content c join app.content_version v using (organization_id, content_id)
       where c.content_id = $1 and v.number = 2`,
      [id],
    );
    expect(same).toEqual({ same: true });
    if (column === "slug") await update(id, `slug = 'another-slug-${id}'`);
  });

  test.each([
    "status = 'approved'",
    "source_id = 's-' || content_id",
    "reviewed_at = now()",
    "latest_number = 7",
  ])("an update of no text makes none: %s", async (set) => {
    const id = await insert();
    await update(id, set);
    expect(await content(id)).toMatchObject({ latest: 1, live: null, version: 2 });
    expect(await versions(id)).toHaveLength(1);
  });

  test("each names who wrote it, and the time of the lesson at which it did", async () => {
    const id = await insert();
    await update(id, "title = 'Two'", school.admin.id);
    expect(await versions(id)).toEqual([
      { number: 1, title: "One", restored: null, by: teacher.user.id },
      { number: 2, title: "Two", restored: null, by: school.admin.id },
    ]);
    const [times] = await admin<{ same: boolean }>(
      `select v.created_at = c.updated_at as same from app.content c
       join app.content_version v on v.content_id = c.content_id and v.number = 2 where c.content_id = $1`,
      [id],
    );
    expect(times).toEqual({ same: true });
  });

  test("one that was restored says from which; the next one does not", async () => {
    const id = await insert();
    await update(id, "title = 'Two'");
    await update(id, "title = 'One', restored_from_number = 1");
    await update(id, "restored_from_number = 2");
    await update(id, "title = 'Four'");
    await update(id, "title = 'One', restored_from_number = 1");
    expect((await versions(id)).map(({ restored }) => restored)).toEqual([null, null, 1, null, 1]);
    expect((await content(id))?.restored).toBe(1);
  });

  test("none can be made up, altered or taken away, not even by hand-written SQL [row 28]", async () => {
    const id = await insert();
    for (const [table, column] of [
      ["content_version", "title"],
      ["publication", "title"],
      ["publication", "number"],
      ["publication_period", "ended_at"],
    ]) {
      const denied = { code: "42501", constraint: null };
      expect(await refusedBy(as(school.id, `update app.${table} set ${column} = ${column}`))).toEqual(denied);
      expect(await refusedBy(as(school.id, `delete from app.${table}`))).toEqual(denied);
      expect(await refusedBy(as(school.id, `insert into app.${table} select * from app.${table}`))).toEqual(
        denied,
      );
    }
    expect(await versions(id)).toHaveLength(1);
  });

  test("of a thousand lessons written at once are written at once, and nothing of other lessons", async () => {
    const beside = await insert("", "");
    const before = [await versions(beside), await content(beside)];
    const insertMany = `insert into app.content (organization_id, title, slug, source_id, status, published_at)
      select $1, 'L' || i, 'many-' || i, 'many-' || i, 'published', now() from generate_series(1, 1000) i`;
    await as(school.id, insertMany, [school.id]);
    const started = performance.now();
    await as(school.id, "update app.content set body = 'new' where source_id like 'many-%'");
    expect(performance.now() - started).toBeLessThan(5000);
    const [count] = await admin(
      `select count(*)::int as lessons, sum(c.latest_number)::int as numbers, sum(c.live_number)::int as live,
         (select count(*)::int from app.content_version v join app.content w using (organization_id, content_id)
          where w.source_id like 'many-%') as versions,
         (select count(*)::int from app.publication p where p.source_id like 'many-%' and p.body = 'new') as publications
       from app.content c where c.source_id like 'many-%'`,
    );
    expect(count).toEqual({ lessons: 1000, numbers: 2000, live: 2000, versions: 2000, publications: 1000 });
    expect([await versions(beside), await content(beside)]).toEqual(before);
  });
});

describe("what is live", () => {
  test("is the latest version while the status is published, and stays while a draft is written beside it [row 31]", async () => {
    const id = await insert();
    expect(await publication(id)).toBeUndefined();
    await update(id, published);
    expect(await publication(id)).toEqual({ number: 1, title: "One", version: 2, deleted: false });
    await update(id, "title = 'Two', status = 'draft'");
    expect(await content(id)).toMatchObject({ latest: 2, live: 1 });
    expect(await publication(id)).toEqual({ number: 1, title: "One", version: 2, deleted: false });
    await update(id, published);
    expect(await publication(id)).toEqual({ number: 2, title: "Two", version: 4, deleted: false });
    await update(id, "status = 'archived', published_at = null");
    expect(await publication(id)).toBeUndefined();
    expect(await content(id)).toMatchObject({ latest: 2, live: null });
    expect(await periods(id)).toEqual([
      { number: 1, open: false },
      { number: 2, open: false },
    ]);
  });

  test("goes and comes back with the lesson, and its time tells when nobody saw it", async () => {
    const id = await insert(", status, published_at", ", 'published', now()");
    await update(id, "title = 'Two', status = 'draft'");
    await update(id, "deleted_at = now(), deletion_id = app.uuidv7()");
    expect(await publication(id)).toEqual({ number: 1, title: "One", version: 1, deleted: true });
    expect(await periods(id)).toEqual([{ number: 1, open: false }]);
    await update(id, "deleted_at = null, deletion_id = null");
    expect(await publication(id)).toEqual({ number: 1, title: "One", version: 1, deleted: false });
    expect(await periods(id)).toEqual([
      { number: 1, open: false },
      { number: 1, open: true },
    ]);
  });

  test("has the lesson's number where it comes from, also while a draft stands beside it", async () => {
    const id = await insert(", status, published_at", ", 'published', now()");
    await update(id, "title = 'Two', status = 'draft'");
    await update(id, "source_id = 'moved'");
    const [found] = await admin("select title, source_id from app.publication where content_id = $1", [id]);
    expect(found).toEqual({ title: "One", sourceId: undefined, source_id: "moved" } as never);
  });

  test("two that exchange their slugs are published together; one that takes another's is refused", async () => {
    const [a, b] = [await insert(), await insert()];
    await as(school.id, `update app.content set ${published} where content_id in ($1, $2)`, [a, b]);
    await update(a, "slug = 'exchanged', status = 'draft'");
    const [before] = await admin<{ slug: string }>("select slug from app.publication where content_id = $1", [
      a,
    ]);
    await update(b, `slug = '${before?.slug}', status = 'draft'`);
    expect(await refusedBy(update(b, published))).toEqual({
      code: "23505",
      constraint: "publication_slug_unique",
    });
    await as(school.id, `update app.content set ${published} where content_id in ($1, $2)`, [a, b]);
    const [after] = await admin<{ slug: string }>("select slug from app.publication where content_id = $1", [
      b,
    ]);
    expect(after).toEqual(before as { slug: string });
  });

  test("a time to publish is called off by any status but approved, one to unpublish when nothing is or will be live", async () => {
    const times = async (id: string) =>
      (
        await admin(
          "select publish_at is not null as publish, unpublish_at is not null as unpublish from app.content where content_id = $1",
          [id],
        )
      )[0];
    const id = await insert();
    await update(id, "status = 'approved', publish_at = now() + '1 day', unpublish_at = now() + '2 days'");
    expect(await times(id)).toEqual({ publish: true, unpublish: true });
    await update(id, "title = 'Two', status = 'draft'");
    expect(await times(id)).toEqual({ publish: false, unpublish: false });
    await update(id, `${published}, unpublish_at = now() + '2 days'`);
    await update(id, "title = 'Three', status = 'draft'");
    expect(await times(id)).toEqual({ publish: false, unpublish: true });
    await update(id, "published_at = null");
    expect(await times(id)).toEqual({ publish: false, unpublish: false });
  });
});

describe("a database of the release before", () => {
  test("gets version 1 of every lesson, and a publication of each that is published, without a change of any [row 90]", async () => {
    const server = await testServer();
    const name = `filled_${process.pid}`;
    await admin(`create database ${name} template template0 encoding 'UTF8'`);
    const ownerUrl = server.ownerUrl(name);
    const before = migrations.findIndex(({ name: migration }) => migration.startsWith("0022"));
    await migrate({ ownerUrl, log: silentLog, peer: true, migrations: migrations.slice(0, before) });
    const old = postgres({ ...driverOptions(parseDatabaseUrl(ownerUrl)), max: 1, onnotice: () => {} });
    try {
      await old.unsafe(`
        insert into app.organization (name, slug) select 'School ' || i, 'school-' || i from generate_series(1, 3) i;
        insert into app.user (organization_id, username, full_name, role)
        select organization_id, 'author', 'An author', 'teacher' from app.organization;
        insert into app.content
          (organization_id, created_by_id, title, slug, source_id, status, published_at, deleted_at, deletion_id)
        select o.organization_id, u.user_id, 'Lesson ' || i, 'lesson-' || i, 's' || i,
          (array['draft', 'published', 'approved', 'archived'])[1 + i % 4],
          case when i % 4 = 1 then now() - interval '1 day' end,
          case when i % 10 = 1 then now() end, case when i % 10 = 1 then gen_random_uuid() end
        from app.organization o join app.user u using (organization_id), generate_series(1, 40) i;
        update app.content set title = title || ' again' where source_id = 's5'`);
      const lessons = () =>
        old.unsafe(`select to_jsonb(c) - array['latest_number', 'live_number', 'restored_from_number', 'publish_at', 'unpublish_at'] as row
          from app.content c order by organization_id, content_id`);
      const stored = await lessons();
      const { applied } = await migrate({ ownerUrl, log: silentLog, peer: true });
      expect(applied).toContain("0024_backfill_versions");
      expect(await lessons()).toEqual(stored);
      const [counts] = await old.unsafe(`
        select count(*)::int as lessons,
          (select count(*)::int from app.content_version v join app.content c using (organization_id, content_id)
           where v.number = 1 and v.title = c.title and v.created_at = c.created_at
             and v.created_by_id = c.created_by_id) as versions,
          count(*) filter (where live_number = 1)::int as live,
          (select count(*)::int from app.publication p join app.content c using (organization_id, content_id)
           where p.version = c.version and p.published_at = c.published_at and p.title = c.title
             and p.deletion_id is not distinct from c.deletion_id) as publications,
          (select count(*)::int from app.publication_period where ended_at is null) as periods
        from app.content`);
      expect({ ...counts }).toEqual({ lessons: 120, versions: 120, live: 30, publications: 30, periods: 24 });
      const [left] = await old.unsafe(`
        select (select count(*)::int from pg_constraint where not convalidated) as open,
          (select count(*)::int from pg_policy where polname = 'backfill') as policies,
          (select count(*)::int from pg_trigger where tgenabled <> 'O' and tgrelid = 'app.content'::regclass) as silent`);
      expect({ ...left }).toEqual({ open: 0, policies: 0, silent: 0 });
    } finally {
      await old.end();
      await admin(`drop database ${name} with (force)`);
    }
  });
});

/** Keeping the index of words: side by side, late, against writers; and the narrow function that reads it. */
import { afterAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { withTenant } from "../../src/db.ts";
import { indexDocumentsIn } from "../../src/search/search.ts";
import { domain, refusedBy, run } from "../support/domain.ts";
import { findAll, reindex, runReindexing } from "./support.ts";

const app = await domain();
const { it, request, as } = app;
const { admin, db, ownerUrl, requestUrl } = app.database;
const connect = (url: string) =>
  postgres({ ...driverOptions(parseDatabaseUrl(url)), max: 1, onnotice: () => {} });
/** A transaction of somebody else, held open; and the request role outside any organization. */
const [holder, nobody] = [connect(ownerUrl), connect(requestUrl)];
afterAll(async () => {
  await Promise.all([holder.end(), nobody.end()]);
  await app.close();
});

const [school, other] = [await it.organization(), await it.organization()];
const { token } = school;
const documents = (contentId: string) =>
  admin<{ version: number; words: string }>(
    "select version, document::text as words from app.content_search where content_id = $1",
    [contentId],
  );
const ids = async (q: string, by = token) => (await findAll(app, by, { q })).map(({ id }) => id);

/** Waits until somebody waits for a lock. */
async function blocked(): Promise<void> {
  for (;;) {
    const [found] = await admin<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and query like '%app.content%'`,
    );
    if (found !== undefined && found.n > 0) return;
  }
}

describe("the index against writers [row 25]", () => {
  test("a job that read an older version leaves the lesson to the job of the newer one when that comes in between", async () => {
    const lesson = await it.published(token, { title: "Older words" });
    let job: Promise<void> = Promise.resolve();
    await holder.begin(async (tx) => {
      await tx.unsafe("update app.content set title = 'Newer words' where content_id = $1", [lesson.id]);
      // Its statement begins now, with the older version in sight, and waits for the one that writes.
      job = reindex(app, { organizationId: school.id, contentIds: [lesson.id] });
      await blocked();
    });
    await job;
    expect(await documents(lesson.id)).toEqual([]);
    await reindex(app, { organizationId: school.id, contentIds: [lesson.id] });
    const [found] = await documents(lesson.id);
    expect(found?.version).toBe(3);
    expect(found?.words).toContain("'newer'");
    expect(found?.words).not.toContain("older");
  });

  test("a lesson that is withdrawn while the job waits for it stays out, its neighbour goes in", async () => {
    const [lesson, beside] = [await it.published(token), await it.published(token)];
    let job: Promise<void> = Promise.resolve();
    await holder.begin(async (tx) => {
      await tx.unsafe("update app.content set status = 'draft', published_at = null where content_id = $1", [
        lesson.id,
      ]);
      job = reindex(app, { organizationId: school.id, contentIds: [lesson.id, beside.id] });
      await blocked();
    });
    await job;
    expect(await documents(lesson.id)).toEqual([]);
    expect(await documents(beside.id)).toHaveLength(1);
  });

  test("a lesson that is withdrawn while it is being indexed is out once both are done", async () => {
    const lesson = await it.published(token);
    // Asked from outside the transaction, which takes no other one inside it.
    const indexed = Promise.withResolvers<void>();
    const answered = indexed.promise.then(() =>
      request("POST", `/v1/contents/${lesson.id}/unpublish`, { token }),
    );
    await withTenant(db, { organizationId: school.id, userId: null }, async (tx) => {
      await indexDocumentsIn(tx, school.id, [lesson.id]);
      indexed.resolve();
      await blocked();
    });
    expect((await answered).status).toBe(200);
    expect(await documents(lesson.id)).toEqual([]);
  });

  test("jobs side by side, in any order of the lessons, with writers between: none fails, all end at what is", async () => {
    const lessons = await Promise.all(
      Array.from({ length: 6 }, (_, n) => it.published(token, { title: `Start ${n}` })),
    );
    const orders = [lessons, [...lessons].reverse(), [...lessons.slice(3), ...lessons.slice(0, 3)]];
    const jobs = Array.from({ length: 6 }, (_, n) =>
      reindex(app, {
        organizationId: school.id,
        contentIds: (orders[n % 3] ?? []).map(({ id }) => id),
      }),
    );
    const writers = lessons.map(({ id }, n) =>
      n % 2 === 0
        ? request("POST", `/v1/contents/${id}/unpublish`, { token })
        : request("PATCH", `/v1/contents/${id}`, {
            token,
            headers: { "if-match": "*" },
            body: { title: `Finish ${n}` },
          }).then(() => request("POST", `/v1/contents/${id}/publish`, { token })),
    );
    await Promise.all(jobs);
    for (const { status } of await Promise.all(writers)) expect(status).toBe(200);
    await runReindexing(app);
    for (const [n, { id }] of lessons.entries()) {
      const found = await documents(id);
      expect(found.map(({ words }) => words.includes("'finish'"))).toEqual(n % 2 === 0 ? [] : [true]);
    }
  });

  test("the worst text there is fits: words of words, no two alike, in letters of two bytes", async () => {
    const letters = "абвгдежзийклмнопрстуфхцчшщъыьэюя";
    const word = (n: number) =>
      Array.from({ length: 4 }, (_, at) => letters[Math.floor(n / 32 ** at) % 32]).join("");
    const body = Array.from({ length: 50_000 }, (_, n) => `${word(n * 2)}-${word(n * 2 + 1)}`).join(" ");
    const lesson = await it.published(token, {
      title: "я-ю ".repeat(75),
      description: Array.from({ length: 1000 }, (_, n) => word(n + 500_000)).join(" "),
      tags: Array.from({ length: 100 }, (_, n) => `${word(n + 600_000)}-${word(n + 700_000)}`),
    });
    await admin("update app.content set body = $2 where content_id = $1", [lesson.id, body]);
    await reindex(app, { organizationId: school.id, contentIds: [lesson.id] });
    expect(await ids(`${word(0)}-${word(1)}`)).toEqual([lesson.id]);
    expect(await ids(word(600_000 + 99))).toEqual([lesson.id]);
  });

  test("what has no words, or words too long to be any, is indexed all the same", async () => {
    const empty = await it.published(token, { title: "…", body: "" });
    const long = await it.published(token, { title: "Overlong", body: "x".repeat(100_000) });
    await runReindexing(app);
    expect(await documents(empty.id)).toEqual([{ version: 2, words: "" }]);
    expect(await ids("overlong")).toEqual([long.id]);
  });
});

describe("the function that searches", () => {
  const call = "select content_id from app.search_contents('tourmaline', null, null, null, 100)";

  test("finds nothing outside an organization, and inside one only what is of it [row 42] [row 44]", async () => {
    const [mine, theirs] = [
      await it.published(token, { title: "Tourmaline" }),
      await it.published(other.token, { title: "Tourmaline" }),
    ];
    await runReindexing(app);
    expect([...(await nobody.unsafe(call))]).toEqual([]);
    expect([...(await nobody.unsafe(call.replace("null,", "'en',")))]).toEqual([]);
    expect(await as(school.id, call)).toEqual([{ contentId: mine.id }]);
    expect(await as(other.id, call)).toEqual([{ contentId: theirs.id }]);
  });

  test("cannot be turned to another organization in the same transaction, whatever its caller does [row 43] [row 45]", async () => {
    const turned = await refusedBy(
      withTenant(db, { organizationId: school.id, userId: null }, async (tx) => {
        await run(tx, "select app.enter($1, null)", [other.id]);
      }),
    );
    expect(turned?.code).toBe("55000");
    // The caller's own search path and tables have no say in it.
    const found = await withTenant(db, { organizationId: school.id, userId: null }, async (tx) => {
      await run(tx, "set local search_path = pgboss, app");
      return run<{ contentId: string }>(tx, call);
    });
    const mine = await admin("select from app.content where content_id = $1 and organization_id = $2", [
      found[0]?.contentId,
      school.id,
    ]);
    expect([found.length, mine.length]).toEqual([1, 1]);
  });

  test("runs as a role that reads the words of lessons and people's names, and nothing else [row 45]", async () => {
    const asSearch = (text: string) =>
      refusedBy(
        holder.begin(async (tx) => {
          await tx.unsafe("set local role satchel_search");
          await tx.unsafe("select set_config('app.org_id', $1, true)", [school.id]);
          await tx.unsafe(text);
        }),
      );
    expect(await asSearch("select content_id, document from app.content_search")).toBeNull();
    for (const text of [
      "select version from app.content_search",
      "select body from app.content",
      "select role from app.user",
      "update app.user set full_name = 'x'",
      "select from app.profile",
      "select from app.credential",
      "select from app.history",
      "update app.content_search set language = 'xx'",
      "delete from app.content_search",
    ]) {
      expect((await asSearch(text))?.code).toBe("42501");
    }
    // Nor may the request role become it, or look for itself past the policy.
    expect((await refusedBy(as(school.id, "set local role satchel_search")))?.code).toBe("42501");
    const seen = await as<{ organizationId: string }>(
      school.id,
      "select distinct organization_id from app.content_search",
    );
    expect(seen).toEqual([{ organizationId: school.id }]);
  });
});

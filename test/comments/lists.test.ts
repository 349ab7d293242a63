/** Lists of comments: every page once and in its order, in as many queries as one row takes, and read from an index. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { toCamel } from "../../sql/generate/query.ts";
import type { Statement, TenantTx } from "../../sql/tx.ts";
import * as moderation from "../../src/comment-moderation/repository.ts";
import * as rows from "../../src/comments/repository.ts";
import { domain } from "../support/domain.ts";
import { type Comment, commenting, outcome } from "./support.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin, ownerUrl } = app.database;
const { written, of, replies, remove, act, upvote, flag, all } = commenting(app);
const owner = postgres({
  ...driverOptions(parseDatabaseUrl(ownerUrl)),
  ...{ max: 1, prepare: false, onnotice: () => {} },
});
afterAll(async () => {
  await owner.end();
  await app.close();
});

const school = await it.organization();
const teacher = await it.member(school, "teacher");
const pupils = [await it.member(school), await it.member(school), await it.member(school)];
const [pupil, reader] = [pupils[0] ?? teacher, pupils[1] ?? teacher];

describe("pages", async () => {
  const lesson = await it.published(teacher.token);
  const made: Comment[] = [];
  for (let n = 0; n < 23; n++) {
    made.push(await written(pupils[n % 3]?.token ?? "", lesson.id, `Comment ${n}`));
  }
  // Votes in no order of time, several alike.
  const votes = new Map<string, number>();
  for (const [n, { id, authorId }] of made.entries()) {
    const voters = [teacher, school, ...pupils.filter(({ user }) => user.id !== authorId)].slice(
      0,
      (n * 7) % 5,
    );
    for (const { token } of voters) await upvote(token, id);
    votes.set(id, voters.length);
  }
  // Gone: one without replies, one with; and one that only staff and its author see.
  const [gone, emptied, hidden] = [made[3], made[5], made[8]];
  await written(pupil.token, lesson.id, "Below", emptied?.id);
  for (const one of [gone, emptied]) await remove(teacher.token, one?.id ?? "");
  await act(teacher.token, hidden?.id ?? "", "reject");
  const visible = made.filter(({ id }) => id !== gone?.id && id !== hidden?.id).map(({ id }) => id);
  const list = (order: string, more = "") => `/v1/contents/${lesson.id}/comments?order=${order}${more}&`;
  const mostUpvoted = (ids: readonly string[]) =>
    ids.toSorted((a, b) => (votes.get(b) ?? 0) - (votes.get(a) ?? 0) || (a < b ? 1 : -1));

  test.each([1, 4, 20, 100])(
    "of %d hold each comment once, in each order [row 56] [row 64]",
    async (limit) => {
      const outsider = await it.member(school, "parent");
      const listed = async (order: string, token = outsider.token) =>
        (await all(token, list(order), limit)).map(({ id }) => id);
      expect(await listed("oldest")).toEqual(visible);
      expect(await listed("newest")).toEqual(visible.toReversed());
      expect(await listed("mostUpvoted")).toEqual(mostUpvoted(visible));
      const staffs = made.filter(({ id }) => id !== gone?.id).map(({ id }) => id);
      expect(await listed("oldest", teacher.token)).toEqual(staffs);
      expect(await listed("mostUpvoted", teacher.token)).toEqual(mostUpvoted(staffs));
    },
  );

  test("of replies, of one's own and of each queue are as whole [row 56]", async () => {
    const top = await written(pupil.token, lesson.id, "Asked");
    const answers: Comment[] = [];
    for (let n = 0; n < 7; n++) answers.push(await written(reader.token, lesson.id, `Answer ${n}`, top.id));
    const ids = answers.map(({ id }) => id);
    const paged = async (order: string) =>
      (await all(pupil.token, `/v1/comments/${top.id}/replies?order=${order}&`, 3)).map(({ id }) => id);
    expect(await paged("oldest")).toEqual(ids);
    expect(await paged("newest")).toEqual(ids.toReversed());
    expect(await paged("mostUpvoted")).toEqual(ids.toReversed());
    const own = (await all(reader.token, "/v1/me/comments?", 3)).map(({ id }) => id);
    const [{ n } = { n: 0 }] = await admin<{ n: number }>(
      "select count(*)::int as n from app.comment where author_id = $1 and deleted_at is null",
      [reader.user.id],
    );
    expect(new Set(own).size).toBe(n);
    expect(own).toEqual(own.toSorted().toReversed());
    expect(own.slice(0, 7)).toEqual(ids.toReversed());
    expect(own).toContain(hidden?.authorId === reader.user.id ? hidden.id : (ids[0] ?? ""));
    await Promise.all(ids.map((id) => flag(pupil.token, id)));
    expect((await all(school.token, "/v1/comments?state=flagged&", 2)).map(({ id }) => id)).toEqual(ids);
  });

  test("are not shifted by what is written meanwhile [row 56]", async () => {
    const first = await of(pupil.token, lesson.id, "?limit=5");
    const before = (await all(pupil.token, list("newest"), 100)).map(({ id }) => id);
    await written(pupil.token, lesson.id, "Meanwhile");
    const next = await of(pupil.token, lesson.id, `?limit=5&cursor=${first.body.nextCursor}`);
    expect(next.body.items.map(({ id }) => id)).toEqual(before.slice(5, 10));
    expect(next.headers.get("link")).toContain('rel="next"');
  });

  test("take no cursor of another list, and no name or value that is not known [row 64]", async () => {
    const { body } = await of(pupil.token, lesson.id, "?limit=2");
    for (const query of [
      `?limit=2&order=oldest&cursor=${body.nextCursor}`,
      "?order=best",
      "?include=votes",
      "?include=author,author",
      "?fields=path",
      "?page=2",
      "?limit=101",
    ]) {
      expect([query, (await of(pupil.token, lesson.id, query)).status]).toEqual([query, 422]);
    }
    expect((await replies(pupil.token, lesson.id)).status).toBe(404);
    expect(outcome(await of(pupil.token, Bun.randomUUIDv7()))).toEqual([404, "not_found"]);
  });

  test("hold the fields that were named, and what was to come along [row 108]", async () => {
    const { body } = await of(pupil.token, lesson.id, "?limit=1&fields=body,upvoteCount&include=author");
    expect(Object.keys(body.items[0] ?? {}).sort()).toEqual([
      "author",
      "body",
      "id",
      "upvoteCount",
      "version",
    ]);
  });
});

describe("queries [row 67]", async () => {
  const lesson = await it.published(teacher.token);
  for (let n = 0; n < 12; n++) {
    const top = await written(pupils[n % 3]?.token ?? "", lesson.id, `Comment ${n}`);
    for (let m = 0; m < n % 6; m++) await written(pupils[m % 3]?.token ?? "", lesson.id, "Reply", top.id);
  }
  const sent = async (path: string, token = pupil.token) => {
    statements.length = 0;
    const { status } = await request("GET", path, { token });
    expect(status).toBe(200);
    return statements.filter((name) => /^(comments|comment-moderation|users|contents)\//.test(name)).sort();
  };
  const [thread] = (await of(pupil.token, lesson.id, "?order=newest")).body.items;

  test.each([
    ["", 3],
    ["include=author", 4],
    ["include=replies", 4],
    ["include=author,replies", 5],
    ["include=author,replies&order=mostUpvoted", 5],
    ["include=author,replies&render=html", 5],
  ])("of a lesson's comments with %p are %d, however many rows there are", async (query, expected) => {
    for (const path of [`/v1/contents/${lesson.id}/comments`, `/v1/comments/${thread?.id}/replies`]) {
      const [one, many] = [await sent(`${path}?limit=1&${query}`), await sent(`${path}?limit=100&${query}`)];
      expect(many).toEqual(one);
      // What is answered is looked for with its own lesson.
      expect(one).toHaveLength(expected + (path.endsWith("replies") ? 2 : 0));
    }
  });

  test("of one's own and of the moderators' are as constant", async () => {
    for (const path of ["/v1/me/comments?include=author", "/v1/comments?state=rejected&include=author"]) {
      const [one, many] = [
        await sent(`${path}&limit=1`, teacher.token),
        await sent(`${path}&limit=100`, teacher.token),
      ];
      expect(many.filter((name) => !name.startsWith("users/"))).toEqual(
        one.filter((name) => !name.startsWith("users/")),
      );
      expect(many.length).toBeLessThanOrEqual(3);
    }
  });

  test("bring the first three replies of each, oldest first, as the list of replies has them", async () => {
    const { body } = await of(pupil.token, lesson.id, "?limit=100&include=author,replies");
    expect(body.items.map((item) => item.replies?.length)).toEqual([3, 3, 3, 2, 1, 0, 3, 3, 3, 2, 1, 0]);
    for (const item of body.items) {
      const { body: below } = await replies(pupil.token, item.id, "?limit=3&include=author");
      expect(item.replies ?? []).toEqual([...below.items]);
    }
  });
});

describe("with 20,000 comments under one lesson and as many under others", () => {
  let crowded = { id: "" };
  let lesson = { id: "" };
  const people = { teacher: "", pupil: "", reader: "" };
  beforeAll(async () => {
    const school = await it.organization();
    crowded = school;
    const [teacher, pupil, reader] = [
      await it.member(school, "teacher"),
      await it.user(school),
      await it.user(school),
    ];
    Object.assign(people, { teacher: teacher.user.id, pupil: pupil.id, reader: reader.id });
    lesson = await it.published(teacher.token);
    const elsewhere = await it.published(teacher.token);
    await owner.begin(async (tx) => {
      // Past the triggers, which would take a minute: so paths and scores are made here.
      await tx.unsafe("set local session_replication_role = replica");
      await tx.unsafe(`
        create temporary table made on commit drop as
        select app.uuidv7() as id, case when i % 2 = 0 then '${lesson.id}'::uuid else '${elsewhere.id}'::uuid end as content_id, i,
          case when i % 500 = 1 then 'waiting' when i % 500 = 3 then 'rejected' else 'approved' end as state, i % 700 = 4 as gone
        from generate_series(1, 40000) i`);
      await tx.unsafe(`
        insert into app.comment
          (organization_id, comment_id, content_id, path, author_id, body, state, deleted_at, deletion_id, created_by_id)
        select '${school.id}', id, content_id, uuid_send(id),
          case when i % 3 = 0 then '${pupil.id}'::uuid else '${reader.id}' end,
          'Comment ' || i, state, case when gone then now() end, case when gone then app.uuidv7() end, null
        from made`);
      // Under every tenth two replies.
      await tx.unsafe(`
        insert into app.comment (organization_id, comment_id, content_id, parent_id, path, author_id, body, state)
        select '${school.id}', r.id, content_id, m.id, uuid_send(m.id) || uuid_send(r.id), '${reader.id}', 'Reply', 'approved'
        from made m cross join lateral (select app.uuidv7() as id, m.i from generate_series(1, 2)) r where m.i % 10 = 0`);
      await tx.unsafe(`
        insert into app.comment_score (organization_id, comment_id, under_id, upvotes)
        select organization_id, comment_id, under_id, get_byte(uuid_send(comment_id), 15) % 50 from app.comment
        where organization_id = '${school.id}'`);
      await tx.unsafe(`
        insert into app.comment_flag (organization_id, comment_id, user_id, reason)
        select '${school.id}', id, '${teacher.user.id}', 'spam' from made where i % 5 = 1`);
    });
    await owner.unsafe("vacuum analyze app.comment, app.comment_score, app.comment_flag, app.content");
  });

  interface Done {
    readonly plan: string;
    /** Pages of 8 KiB that were looked at. */
    readonly pages: number;
  }

  /** What one read of the repository does as the request role, by a plan that was made without knowing the values. */
  async function watched<T>(read: (tx: TenantTx) => Promise<T>): Promise<Done & { readonly result: T }> {
    let done: Done = { plan: "", pages: 0 };
    const result = await owner.begin(async (tx) => {
      await tx.unsafe("set local role satchel_request; set local plan_cache_mode = force_generic_plan");
      await tx.unsafe(`select app.enter('${crowded.id}', null)`);
      const send = async (statement: Statement, values: readonly unknown[]) => {
        const call = `execute it(${values.map(literal).join(", ")})`;
        await tx.unsafe(`prepare it as ${statement.text}`);
        // Once before: what is read of the catalog is not what is asked here.
        await tx.unsafe(call);
        const lines = await tx.unsafe(`explain (analyze, buffers, timing off) ${call}`);
        const found = await tx.unsafe<Record<string, unknown>[]>(call);
        await tx.unsafe("deallocate it");
        const plan = lines.map((line) => Object.values(line)[0]).join("\n");
        done = { plan, pages: Number(/Buffers: shared hit=(\d+)/.exec(plan)?.[1]) };
        const named = found.map((row) =>
          Object.fromEntries(Object.entries(row).map(([name, value]) => [toCamel(name), value])),
        );
        return { rows: named, count: named.length };
      };
      return read({ send } as unknown as TenantTx);
    });
    return { ...done, result: result as T };
  }
  const literal = (value: unknown): string =>
    value === null
      ? "null"
      : Array.isArray(value)
        ? `'{${value.join(",")}}'`
        : `'${String(value).replaceAll("'", "''")}'`;

  const outsider = () => ({ readerId: people.teacher, unapproved: false });
  const under = (order: rows.CommentOrder, after: rows.CommentPosition | null, limit = 21) =>
    watched((tx) => rows.listUnder(tx, crowded.id, lesson.id, outsider(), order, after, limit));

  test.each([
    ["newest", "comment_under"],
    ["oldest", "comment_under"],
    ["mostUpvoted", "comment_score_order"],
  ] as const)(
    "by %s a page is read from %s, the thousandth like the first [row 56]",
    async (order, index) => {
      const first = await under(order, null);
      expect(first.result).toHaveLength(21);
      expect(first.plan).toMatch(new RegExp(`Index (Only )?Scan (Backward )?using ${index} `));
      expect(first.plan).not.toMatch(/Sort|Seq Scan/);
      const { result } = await under(order, null, 19_000);
      const deep = await under(order, result.at(-30) ?? null);
      expect(deep.result).toEqual(result.slice(-29, -8));
      expect(deep.pages).toBeLessThanOrEqual(first.pages * 1.5 + 10);
      expect(deep.pages).toBeLessThan(400);
    },
  );

  test("the whole of a page is read by its ids and the range below each [row 67]", async () => {
    const { result } = await under("newest", null, 100);
    const ids = result.map(({ id }) => id);
    const whole = await watched((tx) => rows.listWhole(tx, crowded.id, ids, people.pupil));
    expect(whole.result.size).toBe(100);
    expect(whole.plan).not.toContain("Seq Scan on comment");
    expect(whole.pages).toBeLessThan(3000);
    const first = await watched((tx) => rows.listFirstReplies(tx, crowded.id, ids, outsider(), 3));
    expect(first.result.size).toBeGreaterThan(5);
    expect(first.plan).toMatch(/Index (Only )?Scan using comment_under/);
    expect(first.plan).not.toContain("Seq Scan on comment");
  });

  test("what one has written, what waits, was flagged, rejected or deleted is read from an index [row 64]", async () => {
    const reads: readonly [string, (tx: TenantTx) => Promise<unknown>][] = [
      ["comment_author", (tx) => rows.listOwn(tx, crowded.id, people.pupil, null, 21)],
      ["comment_unapproved", (tx) => moderation.list(tx, crowded.id, "waiting", null, null, 21)],
      ["comment_unapproved", (tx) => moderation.list(tx, crowded.id, "rejected", people.teacher, null, 21)],
      ["comment_flag_open", (tx) => moderation.list(tx, crowded.id, "flagged", null, null, 21)],
      ["comment_deleted", (tx) => moderation.list(tx, crowded.id, "deleted", null, null, 21)],
    ];
    for (const [index, read] of reads) {
      const { plan, pages, result } = await watched(read);
      expect(result).toHaveLength(21);
      expect(plan).toMatch(new RegExp(`Index (Only )?Scan (Backward )?using ${index} `));
      expect(plan).not.toMatch(/Sort|Seq Scan on comment/);
      expect(pages).toBeLessThan(400);
    }
  });

  test("what everybody sees is counted from one index alone, and right", async () => {
    const { plan, result } = await watched((tx) => rows.count(tx, crowded.id, [lesson.id]));
    const [row] = await admin<{ n: number }>(
      "select count(*)::int as n from app.comment where content_id = $1 and deleted_at is null and state = 'approved'",
      [lesson.id],
    );
    expect(result.get(lesson.id)).toBe(row?.n ?? -1);
    expect(plan).toMatch(/Index Only Scan using comment_visible/);
  });
});

/** Removing a deleted lesson for good: of it nothing is left but that it was there, and of everything else all. */
import { afterAll, describe, expect, test } from "bun:test";
import { collectFilesJob } from "../../jobs/collect-files.ts";
import { attaching, slugOf, text } from "../attachments/support.ts";
import type { GivenOrganization } from "../support/given.ts";

const statements: string[] = [];
const app = await attaching({ db: { onStatement: (name) => statements.push(name) } });
const { it, request, attach } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const purge = (id: string, token = school.token, headers: Record<string, string> = {}) =>
  request<{ type?: string } | null>("POST", `/v1/contents/${id}/purge`, { token, headers });
const outcome = (answer: Awaited<ReturnType<typeof purge>>) => [answer.status, slugOf(answer)];

/** Every table of lessons, and every one whose rows hang on those: which of its rows are a lesson's. */
const WORD = "kingfisher";
const referring = await admin<{ table: string; column: string; above: string }>(`
  select t.relname as table, a.attname as column, f.relname as above
  from pg_constraint k
  join pg_class t on t.oid = k.conrelid and t.relnamespace = 'app'::regnamespace
  join pg_class f on f.oid = k.confrelid
  join pg_attribute a on a.attrelid = t.oid and a.attnum = k.conkey[cardinality(k.conkey)]
  where k.contype = 'f'`);
const withContent = (
  await admin<{ table: string }>(`
    select c.relname as table from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'content_id' and not a.attisdropped
    where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') order by 1`)
).map(({ table }) => table);
const parts = new Map(withContent.map((table) => [table, "t.content_id = $1"]));
for (const { table, column, above } of referring) {
  const key = `${above}_id`;
  if (!withContent.includes(above) || parts.has(table)) continue;
  parts.set(table, `t.${column} in (select a.${key} from app.${above} a where a.content_id = $1)`);
}

/** The rows of a lesson in each of them. */
async function rowsOf(lessonId: string): Promise<ReadonlyMap<string, string>> {
  const rows = await admin<{ table: string; rows: string }>(
    [...parts]
      .map(
        ([table, theirs]) =>
          `select '${table}' as table, coalesce(string_agg(t::text, e'\\n' order by t::text), '') as rows
           from app.${table} t where ${theirs}`,
      )
      .join(" union all "),
    [lessonId],
  );
  return new Map(rows.map(({ table, rows }) => [table, rows]));
}
const emptyOf = (rows: ReadonlyMap<string, string>) =>
  [...rows].filter(([, text]) => text === "").map(([table]) => table);

interface Made {
  readonly id: string;
  readonly writer: Awaited<ReturnType<typeof it.member>>;
  /** Of what hangs on it, and has a history of its own. */
  readonly ids: readonly string[];
}

/** A deleted lesson with at least one row in every table, and its text in all that may hold some. */
async function everything(organization: GivenOrganization, bytes: string): Promise<Made> {
  const [writer, pupil, another] = [
    await it.member(organization, "teacher"),
    await it.member(organization),
    await it.member(organization),
  ];
  const { id } = await it.published(writer.token, { title: `A ${WORD}`, tags: [WORD], description: WORD });
  const ask = async <Body = { id: string }>(method: string, path: string, token: string, body?: unknown) => {
    const headers = { "if-match": "*" };
    const answer = await request<Body>(method, path, {
      token,
      ...(["PATCH"].includes(method) ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
    });
    expect([path, answer.status < 300]).toEqual([path, true]);
    return answer.body;
  };
  const { body: file } = await attach(writer.token, id, `${WORD}.txt`, text(bytes));
  await ask("PATCH", `/v1/contents/${id}`, writer.token, { body: `Of the ${WORD}` });
  await ask("POST", `/v1/contents/${id}/submit`, writer.token, { note: WORD });
  const comment = await ask("POST", `/v1/contents/${id}/comments`, pupil.token, { body: `${WORD}?` });
  const reply = await ask("POST", `/v1/contents/${id}/comments`, another.token, {
    body: `${WORD}!`,
    parentId: comment.id,
  });
  await ask("PUT", `/v1/comments/${comment.id}/upvote`, another.token);
  await ask("POST", `/v1/comments/${reply.id}/flags`, pupil.token, { reason: "off_topic" });
  await ask("PUT", `/v1/contents/${id}/rating`, pupil.token, { stars: 4, review: WORD });
  const [rating] = await admin<{ id: string }>(
    "select rating_id as id from app.rating where content_id = $1",
    [id],
  );
  await ask("PUT", `/v1/ratings/${rating?.id}/helpful`, another.token);
  await ask("POST", `/v1/contents/${id}/views`, pupil.token);
  await ask("POST", `/v1/contents/${id}/completion`, pupil.token);
  expect((await request("DELETE", `/v1/contents/${id}`, { token: writer.token })).status).toBe(204);
  // What is there only sometimes: of views by people who are gone, and until a deletion is seen by the search.
  await admin(
    "insert into app.content_tally (organization_id, content_id, views, viewers) values ($1, $2, 2, 1)",
    [organization.id, id],
  );
  await admin(
    `insert into app.content_search (organization_id, content_id, version, language, document)
     values ($1, $2, 1, 'en', to_tsvector('simple', $3))`,
    [organization.id, id, WORD],
  );
  const reviews = await admin<{ id: string }>(
    "select review_id as id from app.review where content_id = $1",
    [id],
  );
  const ids = [comment, reply, file, ...reviews].map((each) => each.id);
  return { id, writer, ids: [...ids, rating?.id ?? ""] };
}

const collect = () =>
  collectFilesJob(app.deps, {
    id: Bun.randomUUIDv7(),
    payload: {},
    attempt: 1,
    lastAttempt: false,
    signal: new AbortController().signal,
  });
async function filesKept(organizationId: string): Promise<number> {
  let count = 0;
  for await (const batch of app.deps.storage.list(organizationId)) count += batch.length;
  return count;
}

describe("a purged lesson", () => {
  test("leaves no row in any table, nor its text in the history, and all of every other lesson [row 61] [row 8]", async () => {
    const [lesson, neighbour, stranger] = [
      await everything(school, "bytes of the one"),
      await everything(school, "bytes of its neighbour"),
      await everything(other, "bytes of the one"),
    ];
    expect(parts.size).toBeGreaterThanOrEqual(17);
    for (const { id } of [lesson, neighbour, stranger]) expect(emptyOf(await rowsOf(id))).toEqual([]);
    const others = async () => [
      await rowsOf(neighbour.id),
      await rowsOf(stranger.id),
      await admin(
        "select md5(string_agg(h::text, '' order by history_id)) from app.history h where row_id = any($1)",
        [[neighbour, stranger].flatMap(({ id, ids }) => [id, ...ids])],
      ),
    ];
    const [before, usage] = [await others(), await app.used(school.token)];

    expect(await purge(lesson.id)).toMatchObject({ status: 204, body: null });

    expect([...(await rowsOf(lesson.id)).values()].join("")).toBe("");
    expect(await others()).toEqual(before);
    expect(await app.used(school.token)).toBe(usage);
    expect(await admin("select * from app.history where row_id = any($1)", [lesson.ids])).toEqual([]);
    const told = await admin<{ action: string; actor: string; text: string | null }>(
      `select action, actor_id as actor, coalesce(before, after)::text as text from app.history
       where row_id = $1 order by history_id`,
      [lesson.id],
    );
    expect(told.filter((change) => change.text !== null)).toEqual([]);
    expect(told[0]).toMatchObject({ action: "insert", actor: lesson.writer.user.id });
    expect(told.at(-1)).toMatchObject({ action: "delete", actor: school.admin.id });

    for (const token of [school.token, lesson.writer.token]) {
      for (const path of ["?includeDeleted=true", "/history", "/versions"]) {
        expect((await request("GET", `/v1/contents/${lesson.id}${path}`, { token })).status).toBe(404);
      }
      expect(outcome(await purge(lesson.id))).toEqual([404, "not_found"]);
    }
  });

  test("leaves none of its bytes once files were collected, but those that another lesson names [row 61]", async () => {
    const house = await it.organization();
    const lesson = await everything(house, "only here");
    const shared = await it.content(house.token);
    const twice = await it.content(house.token);
    for (const id of [shared.id, twice.id]) await attach(house.token, id, "b.txt", text("in both"));
    await request("DELETE", `/v1/contents/${twice.id}`, { token: house.token });
    await collect();
    expect(await filesKept(house.id)).toBe(2);
    for (const id of [lesson.id, twice.id]) expect((await purge(id, house.token)).status).toBe(204);
    await collect();
    expect(await filesKept(house.id)).toBe(1);
    const rows = await admin("select uses from app.file where organization_id = $1", [house.id]);
    expect(rows).toEqual([{ uses: 1 }]);
  });

  test("leaves its words in no table of the organization [row 61]", async () => {
    const house = await it.organization();
    const { id } = await everything(house, "words");
    const tables = await admin<{ table: string }>(`
      select c.oid::regclass::text as table from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id'
      where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')`);
    const telling = async () =>
      (
        await admin<{ table: string }>(
          tables
            .map(
              ({ table }) =>
                `select '${table}' as table where exists (
                   select from ${table} t where organization_id = $1 and t::text ilike $2)`,
            )
            .join(" union all "),
          [house.id, `%${WORD}%`],
        )
      ).map(({ table }) => table);
    expect(await telling()).toContain("app.history");
    expect((await purge(id, house.token)).status).toBe(204);
    expect(await telling()).toEqual([]);
  });

  test("is told by the audit, with who wrote it and who removed it [row 61] [row 113]", async () => {
    const lesson = await everything(school, "audited");
    await purge(lesson.id);
    const { body } = await request<{ items: readonly Record<string, unknown>[] }>(
      "GET",
      "/v1/audit-events?action=content.purged&limit=1",
      { token: school.token },
    );
    expect(body.items[0]).toMatchObject({
      outcome: "success",
      actorId: school.admin.id,
      subjectIds: [lesson.writer.user.id],
      targetType: "content",
      targetId: lesson.id,
    });
  });

  test("takes many statements where much hangs on it, each of them short", async () => {
    const pupil = await it.member(school);
    const { id } = await it.published(school.token);
    await admin(
      `insert into app.comment (organization_id, content_id, author_id, body, state)
       select $1, $2, $3, 'Why?', 'approved' from generate_series(1, 1500)`,
      [school.id, id, pupil.user.id],
    );
    await admin(
      `insert into app.comment (organization_id, content_id, author_id, body, state, parent_id)
       select organization_id, content_id, author_id, 'Because.', 'approved', comment_id from app.comment
       where content_id = $1`,
      [id],
    );
    await request("DELETE", `/v1/contents/${id}`, { token: school.token });
    // As PostgreSQL does by itself before long: until then it may look for answers in the wrong index.
    await admin("analyze app.comment");
    statements.length = 0;
    expect((await purge(id)).status).toBe(204);
    expect(emptyOf(await rowsOf(id)).length).toBe(parts.size);
    const sent = statements.filter((name) => name === "contents/delete_content").length;
    expect([sent > 3, sent < 20]).toEqual([true, true]);
  });
});

describe("who may", () => {
  test("an admin with a fresh proof, of their own organization, and nobody else [row 61]", async () => {
    const writer = await it.member(school, "teacher");
    const { id } = await it.content(writer.token);
    await request("DELETE", `/v1/contents/${id}`, { token: writer.token });
    const before = await rowsOf(id);
    for (const role of ["student", "parent"] as const) {
      expect(outcome(await purge(id, (await it.member(school, role)).token))).toEqual([403, "forbidden"]);
    }
    expect(outcome(await purge(id, writer.token))).toEqual([403, "forbidden"]);
    expect(outcome(await purge(id, other.token))).toEqual([404, "not_found"]);
    expect(outcome(await purge(Bun.randomUUIDv7()))).toEqual([404, "not_found"]);
    expect(outcome(await purge(id, school.token, { "if-match": '"1"' }))).toEqual([412, "stale"]);
    const colleague = await it.member(school, "admin");
    await admin(
      "update app.session set authenticated_at = now() - interval '301 seconds' where user_id = $1",
      [colleague.user.id],
    );
    expect(outcome(await purge(id, colleague.token))).toEqual([403, "reauthentication_required"]);
    expect(await rowsOf(id)).toEqual(before);
    expect((await purge(id, school.token, { "if-match": '"2"' })).status).toBe(204);
  });

  test("not of a lesson that is not deleted, neither through the door nor in the database [row 61]", async () => {
    const { id } = await it.published(school.token);
    const before = await rowsOf(id);
    expect(outcome(await purge(id))).toEqual([409, "content_not_deleted"]);
    const call = "select app.purge_content($1, $2) as removed";
    await expect(app.as(school.id, call, [id, 10])).rejects.toThrow("only a deleted lesson");
    await request("DELETE", `/v1/contents/${id}`, { token: school.token });
    expect(await app.as(other.id, call, [id, 10])).toEqual([{ removed: 0 }]);
    await expect(app.as(school.id, call, [id, 0])).rejects.toThrow("at least one row");
    await request("POST", `/v1/contents/${id}/restore`, { token: school.token });
    expect([...(await rowsOf(id)).keys()]).toEqual([...before.keys()]);
    expect((await request("GET", `/v1/contents/${id}`, { token: school.token })).status).toBe(200);
  });
});

/** Many lessons in one request: as many as are stored, each as one alone, and the others told why not. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { setQuota } from "../../src/quotas/quotas.ts";
import { domain } from "../support/domain.ts";

// A thousand rows are a long statement on a busy machine, and others wait for them.
const statements: string[] = [];
const app = await domain({
  db: { onStatement: (name) => statements.push(name), lockTimeoutMs: 10_000, statementTimeoutMs: 30_000 },
});
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague] = [await it.member(school, "teacher"), await it.member(school, "teacher")];

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string; readonly type?: string }[];
}
interface Batch {
  readonly stored: number;
  readonly refused: number;
  readonly items: readonly {
    readonly index: number;
    readonly status: number;
    readonly id: string | null;
    readonly version: number | null;
    readonly problem: Problem | null;
  }[];
}
type Action = "create" | "update" | "publish" | "delete";
type Mode = "all" | "each";
const ACTIONS: readonly Action[] = ["create", "update", "publish", "delete"];
const MODES: readonly Mode[] = ["all", "each"];
const MADE: Readonly<Record<Action, number>> = { create: 201, update: 200, publish: 200, delete: 204 };

const send = <Body = Batch>(
  token: string,
  action: Action,
  mode: Mode,
  items: readonly unknown[],
  headers: Readonly<Record<string, string>> = {},
) => request<Body>("POST", `/v1/contents/batches/${action}`, { token, headers, body: { mode, items } });

const slugs = (answer: { readonly body: Batch }) =>
  answer.body.items.map(({ status, problem }) =>
    problem === null ? status : [status, problem.type.replace("urn:satchel:problem:", "")],
  );
const times = <T>(count: number, make: (n: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, n) => make(n));

let made = 0;
const fresh = () => `batch-${process.pid}-${++made}`;
const lessons = (count: number) =>
  times(count, (n) => ({ title: `Lesson ${n}`, slug: fresh(), body: `What is to be learnt in ${n}.` }));
const drafts = async (token: string, count: number) => {
  const answer = await send(token, "create", "all", lessons(count));
  return answer.body.items.map(({ id, version }) => ({ id: id ?? "", version: version ?? 0 }));
};
/** What an action is asked of, with so many that are there for it. */
const itemsFor: Readonly<Record<Action, (token: string, count: number) => Promise<readonly unknown[]>>> = {
  create: async (_, count) => lessons(count),
  update: async (token, count) =>
    (await drafts(token, count)).map((item, n) => ({ ...item, title: `Another ${n}`, slug: fresh() })),
  publish: drafts,
  delete: drafts,
};

/** Everything of an organization that a batch could touch. */
const everything = (organizationId: string) =>
  admin(
    `select 'content' as kind, md5(string_agg(t::text, '' order by content_id)) as rows from app.content t where organization_id = $1
     union all select 'search', md5(string_agg(t::text, '' order by content_id)) from app.content_search t where organization_id = $1
     union all select 'usage', md5(string_agg(t::text, '')) from app.usage t where organization_id = $1
     union all select 'history', count(*)::text from app.history where organization_id = $1
     union all select 'generation', md5(string_agg(t::text, '')) from app.generation t where organization_id = $1
     union all select 'key', count(*)::text from app.idempotency where organization_id = $1
     union all select 'jobs', count(*)::text from pgboss.job where data->>'organizationId' = $1::text`,
    [organizationId],
  );

beforeEach(() => {
  statements.length = 0;
});

describe.each(ACTIONS)("%s", (action) => {
  test.each(MODES)(
    "takes for a thousand the statements it takes for one, in mode %s [row 59]",
    async (mode) => {
      const counted: (readonly string[])[] = [];
      for (const count of [1, 1000]) {
        const items = await itemsFor[action](teacher.token, count);
        statements.length = 0;
        const answer = await send(teacher.token, action, mode, items);
        expect(answer.status).toBe(200);
        expect([answer.body.stored, answer.body.refused]).toEqual([count, 0]);
        expect(answer.body.items.map(({ index }) => index)).toEqual([...times(count, (n) => n)]);
        expect(new Set(answer.body.items.map(({ status }) => status))).toEqual(new Set([MADE[action]]));
        // The commit of a read is not waited for: it may be counted a moment later.
        counted.push(statements.filter((name) => !name.startsWith("tx/")));
      }
      expect(counted[1]).toEqual(counted[0] ?? []);
      expect(counted[0]?.length).toBeLessThan(20);
    },
  );

  test("is done once for a key, however often it is asked [row 59] [row 108]", async () => {
    const items = await itemsFor[action](teacher.token, 3);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const answers = await Promise.all(times(5, () => send(teacher.token, action, "each", items, headers)));
    const after = await everything(school.id);
    answers.push(await send(teacher.token, action, "each", items, headers));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    for (const { body } of answers) expect(body).toEqual(answers[0]?.body as Batch);
    expect(answers[0]?.body.stored).toBe(3);
    expect(answers.filter(({ headers: sent }) => sent.get("idempotency-replayed") === "true")).toHaveLength(
      5,
    );
    expect(await everything(school.id)).toEqual(after);
    const reused = await send(teacher.token, action, "all", items, headers);
    expect(reused.status).toBe(422);
    expect(await everything(school.id)).toEqual(after);
  });

  test("takes no item, more than a thousand, a wrong mode or an unknown field as no batch at all [row 59]", async () => {
    const items = await itemsFor[action](teacher.token, 2);
    const before = await everything(school.id);
    const [first, second] = items as readonly Readonly<Record<string, unknown>>[];
    for (const [mode, sent, pointer] of [
      ["all", [], "#/items"],
      ["all", times(1001, () => first), "#/items"],
      ["some", items, "#/mode"],
      ["each", [first, { ...second, organizationId: other.id }], "#/items/1/organizationId"],
      ["each", [first, { ...second, status: "published" }], "#/items/1/status"],
      ["each", [first, "lesson"], "#/items/1"],
    ] as const) {
      const answer = await send<Problem>(teacher.token, action, mode as Mode, sent);
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer]);
    }
    expect(await everything(school.id)).toEqual(before);
  });

  test("is nobody's but staff's", async () => {
    const items = await itemsFor[action](teacher.token, 1);
    for (const role of ["student", "parent"] as const) {
      const { token } = await it.member(school, role);
      expect((await send(token, action, "each", items)).status).toBe(403);
    }
    expect(
      (await request("POST", `/v1/contents/batches/${action}`, { body: { mode: "each", items } })).status,
    ).toBe(401);
  });
});

describe("creating", () => {
  test("stores each lesson as it would be stored alone, with what was not said of it [row 58] [row 59]", async () => {
    const whole = {
      title: "While loops",
      description: "Repeating",
      body: "# While",
      contentType: "tutorial",
      difficultyLevel: "expert",
      language: "spanish",
      tags: ["python", "loops", "python"],
      prerequisites: ["variables"],
      learningObjectives: ["Repeat a step"],
      metadata: { camelCase: 1, snake_case: [null, { "": "é\u2028" }], z: 1, a: 2 },
      settings: { theme: "dark" },
      estimatedDurationMinutes: 25,
    };
    const given = [
      whole,
      { title: "Only a title" },
      { title: "Null", sourceId: null, estimatedDurationMinutes: null },
    ];
    const { body } = await send(teacher.token, "create", "all", given);
    for (const [index, item] of given.entries()) {
      const alone = await request<Record<string, unknown>>("POST", "/v1/contents", {
        token: teacher.token,
        body: item,
      });
      const { id } = body.items[index] ?? {};
      const stored = await request<Record<string, unknown>>("GET", `/v1/contents/${id}`, {
        token: teacher.token,
      });
      const { id: _, slug, createdAt, updatedAt, ...rest } = stored.body;
      const { id: __, slug: alonesSlug, createdAt: ___, updatedAt: ____, ...expected } = alone.body;
      expect(rest).toEqual(expected);
      expect(JSON.stringify(rest.metadata)).toBe(JSON.stringify(expected.metadata));
      expect(String(slug).slice(0, -8)).toBe(String(alonesSlug).slice(0, -8));
      expect([createdAt, rest.createdById, body.items[index]?.version]).toEqual([
        updatedAt,
        teacher.user.id,
        1,
      ]);
    }
    const [counted] = await admin<{ used: number }>(
      `select storage_bytes - (select sum(app.lesson_bytes(title, description, body, metadata, settings)) from app.content
         where organization_id = $1 and deleted_at is null) as used from app.usage where organization_id = $1`,
      [school.id],
    );
    expect(Number(counted?.used)).toBe(0);
  });

  test("tells who has a slug or a source id item by item, and stores the others [row 24] [row 59] [row 66]", async () => {
    const taken = await it.content(colleague.token, { sourceId: fresh() });
    const { body: there } = await request<{ sourceId: string }>("GET", `/v1/contents/${taken.id}`, {
      token: school.token,
    });
    const gone = await it.content(teacher.token, { sourceId: fresh() });
    const { body: deleted } = await request<{ sourceId: string }>("GET", `/v1/contents/${gone.id}`, {
      token: school.token,
    });
    await request("DELETE", `/v1/contents/${gone.id}`, { token: school.token });
    const theirs = await it.content(other.token, { sourceId: fresh() });
    const [slug, sourceId] = [fresh(), fresh()];
    const answer = await send(teacher.token, "create", "each", [
      { title: "A slug that is taken", slug: taken.slug },
      { title: "A source id that is taken", sourceId: there.sourceId },
      { title: "New", slug, sourceId },
      { title: "The slug of an item before", slug },
      { title: "The source id of an item before", sourceId },
      { title: "A deleted lesson's", slug: gone.slug, sourceId: deleted.sourceId },
      { title: "Another organization's", slug: theirs.slug },
    ]);
    expect(slugs(answer)).toEqual([
      [409, "content_slug_taken"],
      [409, "content_source_id_taken"],
      201,
      [409, "content_slug_taken"],
      [409, "content_source_id_taken"],
      201,
      201,
    ]);
    expect([answer.body.stored, answer.body.refused]).toEqual([3, 4]);
    expect(
      answer.body.items.map(({ problem }) => problem?.errors?.map(({ pointer }) => pointer) ?? null),
    ).toEqual([
      ["#/items/0/slug"],
      ["#/items/1/sourceId"],
      null,
      ["#/items/3/slug"],
      ["#/items/4/sourceId"],
      null,
      null,
    ]);
    for (const { id, problem } of answer.body.items) expect(id === null).toBe(problem !== null);
  });

  test("doubles nothing that has a source id when it is sent again without a key [row 59] [row 108]", async () => {
    const items = lessons(50).map((item) => ({ ...item, sourceId: fresh() }));
    const first = await send(teacher.token, "create", "each", items);
    const before = await everything(school.id);
    const again = await send(teacher.token, "create", "each", items);
    expect([first.body.stored, again.body.stored]).toEqual([50, 0]);
    const refused = await send<Problem>(teacher.token, "create", "all", items);
    expect([refused.status, refused.body.type]).toEqual([409, "urn:satchel:problem:batch_refused"]);
    expect(await everything(school.id)).toEqual(before);
  });

  test("stores nothing at all in mode all when one item is refused, and tells every such item [row 59]", async () => {
    const taken = await it.content(teacher.token);
    const before = await everything(school.id);
    const items = [
      ...lessons(997),
      { title: "x", slug: taken.slug },
      { title: "y" },
      { title: "z", slug: taken.slug },
    ];
    const answer = await send<Problem>(teacher.token, "create", "all", items, {
      "idempotency-key": crypto.randomUUID(),
    });
    expect([answer.status, answer.body.type]).toEqual([409, "urn:satchel:problem:batch_refused"]);
    expect(answer.body.errors).toEqual(
      [997, 999].map((index) => ({
        pointer: `#/items/${index}/slug`,
        detail: "is already in use",
        type: "urn:satchel:problem:content_slug_taken",
      })),
    );
    expect(await everything(school.id)).toEqual(before);
  });

  test("fills the storage to the last byte that fits, and tells who came after [row 59]", async () => {
    const small = await it.organization();
    const item = (n: number, length: number) => ({
      title: `T${n}`,
      body: "é".repeat(length / 2),
      metadata: { a: "b" },
    });
    const bytes = (length: number) => 2 + length + '{"a":"b"}'.length + 2;
    const allowed = bytes(1000) + bytes(500) + bytes(100);
    await setQuota(app.deps, small.id, { storageBytes: allowed });
    const items = [item(1, 1000), item(2, 800), item(3, 500), item(4, 100), item(5, 2)];
    const refused = await send<Problem>(small.token, "create", "all", items);
    expect([refused.status, refused.body.errors?.map(({ pointer }) => pointer)]).toEqual([
      409,
      ["#/items/1", "#/items/4"],
    ]);
    const answer = await send(small.token, "create", "each", items);
    const full = [409, "quota_storage_reached"];
    expect(slugs(answer)).toEqual([201, full, 201, 201, full]);
    const usage = await admin("select storage_bytes from app.usage where organization_id = $1", [small.id]);
    expect(usage.map(({ storage_bytes }) => Number(storage_bytes))).toEqual([allowed]);
    // A quota that counts no storage holds nobody up.
    await setQuota(app.deps, small.id, { storageBytes: null });
    expect((await send(small.token, "create", "all", items)).body.stored).toBe(5);
  });

  test("takes a body of megabytes, and none beyond its limits", async () => {
    const long = lessons(100).map((item) => ({ ...item, body: "x".repeat(80_000) }));
    expect((await send(teacher.token, "create", "all", long)).body.stored).toBe(100);
    const longer = long.map((item) => ({ ...item, slug: fresh(), body: "x".repeat(90_000) }));
    expect((await send(teacher.token, "create", "all", longer)).status).toBe(413);
    const names = (count: number) => Object.fromEntries(times(count, (n) => [`k${n}`, n]));
    const wide = (count: number) => lessons(100).map((item) => ({ ...item, metadata: names(count) }));
    expect((await send(teacher.token, "create", "all", wide(300))).body.stored).toBe(100);
    expect((await send(teacher.token, "create", "all", wide(320))).status).toBe(400);
  });
});

describe("whose lessons", () => {
  const foreign = async (action: Exclude<Action, "create">) => {
    const [own, others, theirs] = await Promise.all([
      drafts(teacher.token, 2),
      drafts(colleague.token, 1),
      drafts(other.token, 1),
    ]);
    const gone = await it.content(teacher.token);
    await request("DELETE", `/v1/contents/${gone.id}`, { token: teacher.token });
    const [first, second] = own;
    const items = [
      { id: first?.id.toUpperCase(), version: first?.version },
      { ...others[0] },
      { ...theirs[0] },
      { id: gone.id, version: "*" },
      { id: Bun.randomUUIDv7(), version: 1 },
      { id: second?.id, version: 99 },
      { id: first?.id, version: "*" },
      { ...second },
    ];
    return { items, action };
  };
  const none = [404, "not_found"];
  const expected = [[403, "forbidden"], none, none, none, [412, "stale"], [409, "batch_item_repeated"]];

  test.each(ACTIONS.filter((action) => action !== "create"))(
    "%s: another organization's, a colleague's, deleted, unknown, stale and repeated ones are told, the rest is done [row 45] [row 59] [row 61]",
    async (action) => {
      const { items } = await foreign(action);
      const before = await everything(other.id);
      const mine = await everything(school.id);
      const refused = await send<Problem>(teacher.token, action, "all", items);
      expect([refused.status, refused.body.type]).toEqual([409, "urn:satchel:problem:batch_refused"]);
      expect(
        refused.body.errors?.map(({ pointer, type }) => [pointer, type?.replace("urn:satchel:problem:", "")]),
      ).toEqual([
        ...expected.map(([, slug], n): [string, string] => [`#/items/${n + 1}`, String(slug)]),
        // The second one was asked for before, in a version that it has not.
        ["#/items/7", "batch_item_repeated"],
      ]);
      expect(await everything(school.id)).toEqual(mine);
      const answer = await send(teacher.token, action, "each", items);
      expect(slugs(answer)).toEqual([MADE[action], ...expected, [409, "batch_item_repeated"]]);
      expect(await everything(other.id)).toEqual(before);
      const another = await send(school.token, action, "each", items);
      expect(slugs(another).slice(1, 3)).toEqual([MADE[action], none]);
      expect(await everything(other.id)).toEqual(before);
      const refusals = await admin(
        `select details from app.audit_event where organization_id = $1 and action = 'access.refused' and target_id = $2`,
        [school.id, `POST /v1/contents/batches/${action}`],
      );
      expect(refusals.length).toBeGreaterThanOrEqual(2);
    },
  );
});

describe("changing", () => {
  const whole = {
    description: "Repeating",
    body: "# While",
    tags: ["python", "loops"],
    prerequisites: ["variables"],
    learningObjectives: ["Repeat a step"],
    metadata: { z: 1, a: [2] },
    settings: { theme: "dark" },
    estimatedDurationMinutes: 25,
  };
  const read = async (id: string | undefined, token = school.token) =>
    (await request<Record<string, unknown>>("GET", `/v1/contents/${id}`, { token })).body;

  test("changes what is given and leaves the rest, as changing one alone does [row 59] [row 60]", async () => {
    const patches: readonly Readonly<Record<string, unknown>>[] = [
      { title: "Another" },
      { sourceId: null, estimatedDurationMinutes: null },
      { tags: [], prerequisites: [], learningObjectives: ["x", "x"], metadata: {}, language: "german" },
      {
        metadata: { a: "é", b: { c: null } },
        settings: { d: 1 },
        body: "",
        description: "",
        contentType: "quiz",
      },
      { slug: fresh(), sourceId: fresh(), difficultyLevel: "expert", estimatedDurationMinutes: 1 },
      {},
    ];
    const make = () => it.content(teacher.token, { ...whole, sourceId: fresh() });
    const [together, alone] = [await Promise.all(patches.map(make)), await Promise.all(patches.map(make))];
    const items = patches.map((patch, n) => ({
      id: together[n]?.id,
      version: together[n]?.version,
      ...patch,
    }));
    const answer = await send(colleague.token, "update", "each", items);
    expect(slugs(answer).every((one) => Array.isArray(one) && one[1] === "forbidden")).toBe(true);
    const { body } = await send(teacher.token, "update", "all", items);
    for (const [n, patch] of patches.entries()) {
      const unlike = Object.hasOwn(patch, "slug") ? { slug: fresh(), sourceId: fresh() } : {};
      const single = await request<Record<string, unknown>>("PATCH", `/v1/contents/${alone[n]?.id}`, {
        token: teacher.token,
        headers: { "if-match": "*" },
        body: { ...patch, ...unlike },
      });
      const after = await read(together[n]?.id);
      const own = { id: 0, title: 0, slug: 0, sourceId: 0, createdAt: 0, updatedAt: 0 };
      expect({ ...after, ...own }).toEqual({ ...single.body, ...own });
      expect(JSON.stringify(after.metadata)).toBe(JSON.stringify(single.body.metadata));
      expect(body.items[n]?.version).toBe(after.version as number);
      for (const [field, value] of Object.entries(patch)) {
        if (field !== "language") expect(after[field]).toEqual(value as never);
      }
    }
    const [counted] = await admin<{ used: string }>(
      `select storage_bytes - (select sum(app.lesson_bytes(title, description, body, metadata, settings)) from app.content
         where organization_id = $1 and deleted_at is null) as used from app.usage where organization_id = $1`,
      [school.id],
    );
    expect(Number(counted?.used)).toBe(0);
  });

  test("takes a lesson back to a draft beside what readers see, but none that waits for its review [row 31] [row 59]", async () => {
    const pupil = await it.member(school);
    const published = await it.published(teacher.token, { title: "What is live" });
    const same = await it.published(teacher.token, { title: "The same" });
    const pending = await it.content(teacher.token);
    const submitted = await request("POST", `/v1/contents/${pending.id}/submit`, {
      token: teacher.token,
      body: {},
    });
    expect(submitted.status).toBeLessThan(300);
    const answer = await send(teacher.token, "update", "each", [
      { id: published.id, version: "*", title: "What is written" },
      { id: same.id, version: "*", title: "The same" },
      { id: pending.id, version: "*", title: "Too late" },
    ]);
    expect(slugs(answer)).toEqual([200, 200, [409, "illegal_status_transition"]]);
    expect(answer.body.items[2]?.problem?.detail).toContain("pending_review");
    expect(await read(published.id)).toMatchObject({ status: "draft", title: "What is written" });
    expect(await read(published.id, pupil.token)).toMatchObject({ title: "What is live" });
    expect(await read(same.id)).toMatchObject({ status: "published" });
  });

  test("gives no slug to two lessons, not even where one gives it up [row 24] [row 59]", async () => {
    const [a, b, c, d] = await Promise.all(times(4, () => it.content(teacher.token, { sourceId: fresh() })));
    const wanted = fresh();
    const answer = await send(teacher.token, "update", "each", [
      { id: a?.id, version: "*", slug: b?.slug },
      { id: b?.id, version: "*", slug: wanted },
      { id: c?.id, version: "*", slug: wanted },
      { id: d?.id, version: "*", slug: d?.slug },
    ]);
    expect(slugs(answer)).toEqual(
      [200, 200, 200, 200].map((ok, n) => (n % 2 === 0 ? [409, "content_slug_taken"] : ok)),
    );
    expect(answer.body.items[2]?.problem?.errors).toEqual([
      { pointer: "#/items/2/slug", detail: "is already in use" },
    ]);
    expect((await read(b?.id)).slug).toBe(wanted);
  });

  test("needs the version that was read, of every item", async () => {
    const [one] = await drafts(teacher.token, 1);
    const answer = await send<Problem>(teacher.token, "update", "each", [{ id: one?.id, title: "Unread" }]);
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, "#/items/0/version"]);
  });
});

describe("publishing", () => {
  test("shows a thousand to readers, whom the search is told of by one job; who sees one sees all [row 59]", async () => {
    const pupil = await it.member(school);
    const items = await drafts(teacher.token, 1000);
    const ids = items.map(({ id }) => id);
    const ends = [ids[0], ids[999]];
    let done = false;
    const seen = (async () => {
      const looks: string[] = [];
      while (!done) {
        // The last one is looked for first: what is seen then must have been there before.
        const [last, first] = [
          await request("GET", `/v1/contents/${ends[1]}`, { token: pupil.token }),
          await request("GET", `/v1/contents/${ends[0]}`, { token: pupil.token }),
        ];
        looks.push(`${last.status} ${first.status}`);
      }
      return new Set(looks);
    })();
    const answer = await send(teacher.token, "publish", "all", items);
    done = true;
    expect(answer.body.stored).toBe(1000);
    expect(await seen).not.toContain("200 404");
    const jobs = await admin<{ lessons: number }>(
      `select json_array_length((data->'contentIds')::json) as lessons from pgboss.job
       where name = 'reindex-search' and data->'contentIds' ? $1`,
      [ids[0] ?? ""],
    );
    expect(jobs).toEqual([{ lessons: 1000 }]);
    const [rows] = await admin<{ published: number; moments: number; reviewers: number }>(
      `select count(*)::int as published, count(distinct published_at)::int as moments,
         count(distinct reviewed_by_id)::int as reviewers
       from app.content where content_id = any($1::uuid[]) and status = 'published'`,
      [ids],
    );
    expect(rows).toEqual({ published: 1000, moments: 1, reviewers: 1 });
  });

  test("is refused where the status does not allow it, and of one's own work where the organization says so [row 30] [row 31]", async () => {
    const strict = await it.organization();
    const author = await it.member(strict, "teacher");
    const own = await drafts(author.token, 2);
    const theirs = await drafts(strict.token, 1);
    await request("PATCH", "/v1/organization", {
      token: strict.token,
      headers: { "if-match": "*" },
      body: { settings: { authorsMayApprove: false } },
    });
    const answer = await send(author.token, "publish", "each", own);
    expect(slugs(answer)).toEqual([
      [403, "own_work"],
      [403, "own_work"],
    ]);
    const mixed = await send(strict.token, "publish", "each", [...own, ...theirs]);
    expect(slugs(mixed)).toEqual([200, 200, [403, "own_work"]]);
    const again = await send(
      strict.token,
      "publish",
      "all",
      own.map(({ id }) => ({ id })),
    );
    expect(again.status).toBe(409);
    expect(
      slugs(
        await send(
          strict.token,
          "publish",
          "each",
          own.map(({ id }) => ({ id })),
        ),
      ),
    ).toEqual([
      [409, "illegal_status_transition"],
      [409, "illegal_status_transition"],
    ]);
  });

  test("shows no two lessons under one slug: what readers know one by is not another's [row 24]", async () => {
    const live = await it.published(teacher.token);
    const moved = await send(teacher.token, "update", "all", [{ id: live.id, version: "*", slug: fresh() }]);
    expect(moved.status).toBe(200);
    const heir = await it.content(teacher.token, { slug: live.slug });
    const heirAlone = await send(teacher.token, "publish", "each", [{ id: heir.id }]);
    expect(slugs(heirAlone)).toEqual([[409, "content_slug_taken"]]);
    const stale = await send(teacher.token, "publish", "each", [
      { id: heir.id },
      { id: live.id, version: 1 },
    ]);
    expect(slugs(stale)).toEqual([
      [409, "content_slug_taken"],
      [412, "stale"],
    ]);
    // Its holder is shown under another one at the same moment.
    const both = await send(teacher.token, "publish", "each", [{ id: heir.id }, { id: live.id }]);
    expect(slugs(both)).toEqual([200, 200]);
  });
});

describe("deleting", () => {
  test("takes a thousand out of sight, each of which comes back by itself [row 59] [row 61] [row 62]", async () => {
    const items = await drafts(teacher.token, 1000);
    const answer = await send(teacher.token, "delete", "all", items);
    expect(answer.body.stored).toBe(1000);
    const [first, second] = items;
    expect((await request("GET", `/v1/contents/${first?.id}`, { token: school.token })).status).toBe(404);
    const restored = await request<{ version: number }>("POST", `/v1/contents/${first?.id}/restore`, {
      token: teacher.token,
      headers: { "if-match": `"${answer.body.items[0]?.version}"` },
    });
    expect(restored.status).toBe(200);
    const left = await admin<{ count: number }>(
      "select count(*)::int as count from app.content where content_id = any($1::uuid[]) and deleted_at is not null",
      [items.map(({ id }) => id)],
    );
    expect(left.map(({ count }) => count)).toEqual([999]);
    const history = await request<{ items: readonly { action: string }[] }>(
      "GET",
      `/v1/contents/${second?.id}/history`,
      { token: school.token },
    );
    expect(history.body.items.map(({ action }) => action)).toEqual(["update", "insert"]);
  });
});

describe("at once", () => {
  test("two batches over the same lessons, in opposite orders: each is deleted by one of them [row 61]", async () => {
    for (let round = 0; round < 3; round++) {
      const items = await drafts(teacher.token, 200);
      const backwards = [...items].reverse();
      const [one, two] = await Promise.all([
        send(teacher.token, "delete", "each", items),
        send(school.token, "delete", "each", backwards),
      ]);
      expect([one.status, two.status]).toEqual([200, 200]);
      expect(one.body.stored + two.body.stored).toBe(200);
      for (const { problem } of [...one.body.items, ...two.body.items]) {
        if (problem !== null) expect(problem.status).toBe(404);
      }
    }
  });

  test("a batch of changes and single ones of the same versions: each lesson is changed by one of them [row 29] [row 59] [row 108]", async () => {
    const items = await drafts(teacher.token, 30);
    const [batch, ...singles] = await Promise.all([
      send(
        teacher.token,
        "update",
        "each",
        items.map((item) => ({ ...item, title: "By the batch" })),
      ),
      ...items.map(({ id, version }) =>
        request("PATCH", `/v1/contents/${id}`, {
          token: teacher.token,
          headers: { "if-match": `"${version}"` },
          body: { title: "By itself" },
        }),
      ),
    ]);
    expect(batch.status).toBe(200);
    for (const [n, { status, problem }] of batch.body.items.entries()) {
      expect([status, singles[n]?.status]).toContainEqual(412);
      expect([status, singles[n]?.status]).toContainEqual(200);
      if (problem !== null) expect(problem.type).toBe("urn:satchel:problem:stale");
    }
    const versions = await admin<{ versions: number }>(
      "select count(*)::int as versions from app.content_version where content_id = any($1::uuid[])",
      [items.map(({ id }) => id)],
    );
    expect(versions).toEqual([{ versions: 60 }]);
  });

  test("batches of changes over the same lessons in opposite orders are all answered, and lose nothing [row 59]", async () => {
    const items = await drafts(teacher.token, 100);
    const change = (title: string, order: typeof items) =>
      send(
        teacher.token,
        "update",
        "each",
        order.map(({ id }) => ({ id, version: "*", title, slug: fresh() })),
      );
    const answers = await Promise.all([
      change("A", items),
      change("B", [...items].reverse()),
      change("C", items),
    ]);
    expect(answers.map(({ status, body }) => [status, body.stored])).toEqual(Array(3).fill([200, 100]));
    const rows = await admin<{ number: number; lessons: number }>(
      `select latest_number as number, count(*)::int as lessons from app.content
       where content_id = any($1::uuid[]) group by 1`,
      [items.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ number: 4, lessons: 100 }]);
  });

  test("batches that want the same slugs and source ids, in different orders: each goes to one [row 24] [row 59] [row 66]", async () => {
    const names = times(100, () => [fresh(), fresh()] as const);
    const orders = [
      names,
      [...names].reverse(),
      names.map(([a], n) => [a, names[99 - n]?.[1] ?? ""] as const),
    ];
    const answers = await Promise.all(
      orders.map((order) =>
        send(
          teacher.token,
          "create",
          "each",
          order.map(([slug, sourceId]) => ({ title: "Wanted", slug, sourceId })),
        ),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const answer of answers) {
      for (const { problem } of answer.body.items) if (problem !== null) expect(problem.status).toBe(409);
    }
    const rows = await admin<{ lessons: number; slugs: number }>(
      `select count(*)::int as lessons, count(distinct slug)::int as slugs from app.content
       where organization_id = $1 and slug = any($2)`,
      [school.id, names.map(([slug]) => slug)],
    );
    const stored = answers.reduce((sum, { body }) => sum + body.stored, 0);
    expect(rows).toEqual([{ lessons: stored, slugs: stored }]);
    expect(stored).toBeGreaterThanOrEqual(50);
  });

  test("batches and single ones that fill the same storage use no more than there is", async () => {
    const small = await it.organization();
    const item = { title: "T", body: "x".repeat(999 - 4) };
    await setQuota(app.deps, small.id, { storageBytes: 50_500 });
    const answers = await Promise.all([
      ...times(4, () => send(small.token, "create", "each", Array(20).fill(item))),
      ...times(10, () => request("POST", "/v1/contents", { token: small.token, body: item })),
    ]);
    for (const { status } of answers) expect([200, 201, 409]).toContain(status);
    const usage = await admin("select storage_bytes from app.usage where organization_id = $1", [small.id]);
    expect(usage.map(({ storage_bytes }) => Number(storage_bytes))).toEqual([50_000]);
  });
});

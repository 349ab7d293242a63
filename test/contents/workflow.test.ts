/** Every action in every status, what readers see meanwhile, sets, and times that come. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { publishContentsJob, sweepPublicationsJob } from "../../jobs/publish-contents.ts";
import {
  allowedActions,
  CONTENT_ACTIONS,
  CONTENT_STATUSES,
  type ContentAction,
  type ContentStatus,
  leadsTo,
  transitionsMarkdown,
} from "../../src/workflow.ts";
import { runReindexing } from "../search/support.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { deps, it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [writer, colleague, pupil] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school),
];

type Body = Record<string, unknown>;
/** What is done to a lesson itself. What hangs on it has its own tests (test/attachments/attachments.test.ts). */
type Act = Exclude<ContentAction, "attach">;
const ACTS = CONTENT_ACTIONS.filter((action) => action !== "attach");
const SOON = "2999-01-01T00:00:00Z";
const SENT: Readonly<Record<Act, (id: string) => readonly [string, string, Body?]>> = {
  edit: (id) => ["PATCH", `/v1/contents/${id}`, { title: `Edited ${Bun.randomUUIDv7()}` }],
  submit: (id) => ["POST", `/v1/contents/${id}/submit`, {}],
  withdraw: (id) => ["POST", `/v1/contents/${id}/withdraw`],
  approve: (id) => ["POST", `/v1/contents/${id}/approve`, {}],
  reject: (id) => ["POST", `/v1/contents/${id}/reject`, { reason: "No." }],
  publish: (id) => ["POST", `/v1/contents/${id}/publish`],
  unpublish: (id) => ["POST", `/v1/contents/${id}/unpublish`],
  schedule: (id) => ["PUT", `/v1/contents/${id}/schedule`, { publishAt: SOON, unpublishAt: null }],
  unschedule: (id) => ["DELETE", `/v1/contents/${id}/schedule`],
  archive: (id) => ["POST", `/v1/contents/${id}/archive`],
  unarchive: (id) => ["POST", `/v1/contents/${id}/unarchive`],
};
const act = (action: Act, id: string, token = writer.token, etag = "*") => {
  const [method, path, body] = SENT[action](id);
  return request<Body>(method, path, {
    token,
    headers: { "if-match": etag },
    ...(body === undefined ? {} : { body }),
  });
};
const read = async (id: string, token = writer.token, query = "") =>
  (await request<Body>("GET", `/v1/contents/${id}${query}`, { token })).body;
const slug = (answer: { body: Body }) => String(answer.body.type).replace("urn:satchel:problem:", "");
const row = async (id: string) =>
  (await admin<{ row: string }>("select c::text as row from app.content c where content_id = $1", [id]))[0]
    ?.row;
const drain = () => admin("delete from pgboss.job");

/** How a lesson comes to a status, with or without something live, through the API alone. */
const WAYS: Readonly<Record<ContentStatus, readonly Act[]>> = {
  draft: [],
  pending_review: ["submit"],
  approved: ["submit", "approve"],
  rejected: ["submit", "reject"],
  published: ["publish"],
  archived: ["archive"],
};
async function lessonIn(status: ContentStatus, live: boolean): Promise<string> {
  const lesson = live ? await it.published(writer.token) : await it.content(writer.token);
  const beside = live && status !== "published" && status !== "archived" ? (["edit"] as const) : [];
  for (const action of [...beside, ...(live && status === "published" ? [] : WAYS[status])]) {
    expect((await act(action, lesson.id)).status).toBe(200);
  }
  expect(await read(lesson.id)).toMatchObject({ status });
  return lesson.id;
}

describe.each([false, true])("every action in every status, with something live: %s", (live) => {
  test.each(CONTENT_STATUSES.flatMap((status) => ACTS.map((action) => [action, status] as const)))(
    "%s in %s does what the table says, or nothing [row 31]",
    async (action, status) => {
      const id = await lessonIn(status, live);
      const before = await read(id);
      const stored = await row(id);
      const standing = {
        status,
        liveNumber: before.liveNumber as number | null,
        publishAt: null,
        unpublishAt: null,
      };
      const to = leadsTo(action, standing);
      const answer = await act(action, id);
      if (to === null) {
        expect([answer.status, slug(answer)]).toEqual([409, "illegal_status_transition"]);
        expect(answer.body.detail).toStartWith(`It is ${status}`);
        for (const allowed of allowedActions(standing)) expect(answer.body.detail).toContain(allowed);
        expect(await row(id)).toBe(stored);
      } else {
        expect([answer.status, answer.body.status]).toEqual([200, to]);
        expect(answer.body.version).toBe(Number(before.version) + 1);
      }
    },
  );
});

test("the guide shows the table that the doors go by", async () => {
  expect(await Bun.file("docs/workflow.md").text()).toContain(transitionsMarkdown());
});

describe("what readers see", () => {
  const PUBLIC = ["id", "title", "body", "liveNumber", "latestNumber", "status"] as const;
  const seen = async (id: string) => {
    const body = await read(id, pupil.token);
    return Object.fromEntries(PUBLIC.map((field) => [field, body[field]]));
  };

  test("is what was published, by every route there is, while a draft is written beside it [row 31] [row 55]", async () => {
    await drain();
    const lesson = await it.published(writer.token, {
      title: "Basalt",
      body: "basalt",
      slug: "basalt",
      tags: ["igneous"],
    });
    await runReindexing(app);
    const before = await seen(lesson.id);
    const draft = { title: "Obsidian", body: "obsidian", slug: "obsidian", tags: ["volcanic"] };
    await request("PATCH", `/v1/contents/${lesson.id}`, {
      token: writer.token,
      headers: { "if-match": "*" },
      body: draft,
    });
    await runReindexing(app);
    expect(await seen(lesson.id)).toEqual(before);
    for (const path of [
      `/v1/contents/${lesson.id}`,
      `/v1/contents/${lesson.id}?view=working`,
      `/v1/contents/${lesson.id}?render=html`,
      "/v1/contents?limit=100",
      "/v1/contents?slug=obsidian",
      "/v1/contents?slug=basalt",
      "/v1/search?q=obsidian",
      "/v1/search?q=basalt",
      "/v1/search?q=volcanic",
      `/v1/contents/${lesson.id}/history`,
      `/v1/contents/${lesson.id}/versions`,
      `/v1/contents/${lesson.id}/versions/2`,
      `/v1/contents/${lesson.id}/reviews`,
      "/v1/reviews",
    ]) {
      const answer = await request("GET", path, { token: pupil.token });
      expect([path, JSON.stringify(answer.body).toLowerCase().includes("obsidian")]).toEqual([path, false]);
    }
    expect(await read(lesson.id)).toMatchObject({
      ...draft,
      status: "draft",
      liveNumber: 1,
      latestNumber: 2,
    });
    expect(await read(lesson.id, writer.token, "?view=live")).toMatchObject({
      title: "Basalt",
      liveNumber: 1,
    });
    await act("publish", lesson.id);
    expect(await seen(lesson.id)).toMatchObject({ title: "Obsidian", liveNumber: 2, status: "published" });
  });

  test("of who reviewed a lesson, and of when it will change, is nothing", async () => {
    const lesson = await it.published(writer.token);
    const at = { publishAt: null, unpublishAt: SOON };
    const headers = { "if-match": "*" };
    await request("PUT", `/v1/contents/${lesson.id}/schedule`, { token: writer.token, headers, body: at });
    expect(await read(lesson.id)).toMatchObject({
      unpublishAt: "2999-01-01T00:00:00.000Z",
      reviewedById: writer.user.id,
    });
    expect(await read(lesson.id, pupil.token)).toMatchObject({
      ...{ unpublishAt: null, publishAt: null, reviewedAt: null, reviewedById: null, updatedById: null },
    });
  });

  test("comes back with a restored lesson, and no other: a draft as a draft, what was live as it was [row 61] [row 62]", async () => {
    const [shown, draft, apart] = [
      await it.published(writer.token, { title: "Shown" }),
      await it.content(writer.token, { title: "Draft" }),
      await it.published(writer.token, { title: "Apart" }),
    ];
    await act("edit", shown.id);
    const remove = (id: string) => request("DELETE", `/v1/contents/${id}`, { token: writer.token });
    const restore = (id: string) => request("POST", `/v1/contents/${id}/restore`, { token: writer.token });
    await remove(apart.id);
    const all = [shown, draft];
    const before = await Promise.all(all.map(({ id }) => read(id)));
    for (const { id } of all) expect((await remove(id)).status).toBe(204);
    for (const { id } of all)
      expect((await request("GET", `/v1/contents/${id}`, { token: pupil.token })).status).toBe(404);
    for (const { id } of all) expect((await restore(id)).status).toBe(200);
    const after = await Promise.all(all.map(({ id }) => read(id)));
    for (const [n, body] of after.entries()) {
      const { version, updatedAt, updatedById } = body;
      expect(body).toEqual({ ...before[n], version, updatedAt, updatedById });
    }
    expect(await read(shown.id, pupil.token)).toMatchObject({ title: "Shown" });
    for (const { id } of [draft, apart])
      expect((await request("GET", `/v1/contents/${id}`, { token: pupil.token })).status).toBe(404);
  });
});

describe("who may", () => {
  const MINE = ACTS.filter((action) => !["approve", "reject"].includes(action));

  test.each(MINE)(
    "%s another teacher's lesson: nobody but its author and the admins [row 30]",
    async (action) => {
      const lesson = await it.published(writer.token);
      const before = await row(lesson.id);
      const answer = await act(action, lesson.id, colleague.token);
      expect([answer.status, slug(answer)]).toEqual([403, "forbidden"]);
      expect(await row(lesson.id)).toBe(before);
    },
  );

  test.each(ACTS)("%s: not a pupil, and another organization finds nothing", async (action) => {
    const lesson = await it.published(writer.token);
    const before = await row(lesson.id);
    expect((await act(action, lesson.id, pupil.token)).status).toBe(403);
    const foreign = await act(action, lesson.id, other.token);
    const unknown = await act(action, Bun.randomUUIDv7(), other.token);
    expect([foreign.status, slug(foreign)]).toEqual([404, "not_found"]);
    expect({ ...foreign.body, instance: "" }).toEqual({ ...unknown.body, instance: "" });
    expect(await row(lesson.id)).toBe(before);
  });

  test.each(ACTS)("%s under a version that was not read is refused, and nothing is done", async (action) => {
    const lesson = await it.content(writer.token);
    const before = await row(lesson.id);
    expect((await act(action, lesson.id, writer.token, '"7"')).status).toBe(412);
    expect(await row(lesson.id)).toBe(before);
  });
});

describe("a set", () => {
  interface Answer {
    readonly items: readonly { readonly id: string; readonly version: number }[];
    readonly errors: readonly { readonly pointer: string; readonly type: string }[];
  }
  const publish = (items: readonly { id: string; version: number }[], token = writer.token) =>
    request<Answer & Body>("POST", "/v1/contents/batches/publish", { token, body: { mode: "all", items } });
  const drafts = (count: number, more: Body = {}) =>
    Promise.all(Array.from({ length: count }, () => it.content(writer.token, more)));

  test("is published whole, in the order of the request [row 30]", async () => {
    const lessons = await drafts(5);
    const answer = await publish(lessons.map(({ id, version }) => ({ id, version })));
    expect(answer.status).toBe(200);
    expect(answer.body.items.map(({ id, version }) => ({ id, version }))).toEqual(
      lessons.map(({ id }) => ({ id, version: 2 })),
    );
    for (const { id } of lessons) expect(await read(id, pupil.token)).toMatchObject({ status: "published" });
  });

  test("is refused whole with what is wrong of each, and none of it is published", async () => {
    const [good, stale, archived, theirs, deleted] = [
      await it.content(writer.token),
      await it.content(writer.token),
      await it.content(writer.token),
      await it.content(colleague.token),
      await it.content(writer.token),
    ];
    await act("archive", archived.id);
    await request("DELETE", `/v1/contents/${deleted.id}`, { token: writer.token });
    const foreign = await it.content(other.token);
    const items = [
      { id: good.id, version: 1 },
      { id: stale.id, version: 2 },
      { id: archived.id, version: 2 },
      { id: theirs.id, version: 1 },
      { id: deleted.id, version: 2 },
      { id: foreign.id, version: 1 },
      { id: Bun.randomUUIDv7(), version: 1 },
      { id: good.id.toUpperCase(), version: 1 },
    ];
    const answer = await publish(items);
    expect([answer.status, slug(answer)]).toEqual([409, "batch_refused"]);
    expect(answer.body.errors.map(({ pointer, type }) => [pointer, slug({ body: { type } })])).toEqual([
      ["#/items/1", "stale"],
      ["#/items/2", "illegal_status_transition"],
      ["#/items/3", "forbidden"],
      ["#/items/4", "not_found"],
      ["#/items/5", "not_found"],
      ["#/items/6", "not_found"],
      ["#/items/7", "batch_item_repeated"],
    ]);
    expect(await read(good.id)).toMatchObject({ status: "draft", version: 1 });
    expect(await read(theirs.id)).toMatchObject({ status: "draft", version: 1 });
  });

  test("two that exchange their slugs may be published together, and not one alone", async () => {
    const [a, b] = [await it.published(writer.token), await it.published(writer.token)];
    const headers = { "if-match": "*" };
    const rename = (id: string, to: string) =>
      request<Body>("PATCH", `/v1/contents/${id}`, { token: writer.token, headers, body: { slug: to } });
    await rename(a.id, `${a.slug}-aside`);
    await rename(b.id, a.slug);
    await rename(a.id, b.slug);
    expect(slug(await act("publish", a.id))).toBe("content_slug_taken");
    const versions = await Promise.all(
      [a, b].map(async ({ id }) => ({ id, version: Number((await read(id)).version) })),
    );
    const half = await request<{ items: readonly { status: number }[] }>(
      "POST",
      "/v1/contents/batches/publish",
      { token: writer.token, body: { mode: "each", items: [versions[0], { ...versions[1], version: 1 }] } },
    );
    expect(half.body.items.map(({ status }) => status)).toEqual([409, 412]);
    expect((await publish(versions)).status).toBe(200);
    expect((await read(a.id, pupil.token)).slug).toBe(b.slug);
    expect((await read(b.id, pupil.token)).slug).toBe(a.slug);
  });

  test("of a thousand no reader ever sees half", async () => {
    const marked = `set-${Bun.randomUUIDv7()}`;
    await admin(
      `insert into app.content (organization_id, created_by_id, title, slug, source_id)
       select $1, $2, 'L', $3 || '-' || i, $3 || '-' || i from generate_series(1, 1000) i`,
      [school.id, writer.user.id, marked],
    );
    const items = await admin<{ id: string; version: number }>(
      "select content_id as id, version from app.content where source_id like $1 || '-%'",
      [marked],
    );
    let reading = true;
    const counts = new Set<number>();
    const reader = (async () => {
      while (reading) {
        const [found] = await app.as<{ n: number }>(
          school.id,
          "select count(*)::int as n from app.publication where source_id like $1 || '-%'",
          [marked],
        );
        counts.add(found?.n ?? -1);
      }
    })();
    const answer = await publish(items);
    reading = false;
    await reader;
    expect(answer.status).toBe(200);
    expect(answer.body.items).toHaveLength(1000);
    for (const count of counts) expect([0, 1000]).toContain(count);
  });
});

describe("times", () => {
  beforeEach(drain);
  const schedule = (id: string, publishAt: string | null, unpublishAt: string | null, token = writer.token) =>
    request<Body>("PUT", `/v1/contents/${id}/schedule`, {
      token,
      headers: { "if-match": "*" },
      body: { publishAt, unpublishAt },
    });
  const come = (id: string) =>
    admin(
      `update app.content set publish_at = publish_at - interval '2000 years', unpublish_at = unpublish_at - interval '2000 years'
       where content_id = $1`,
      [id],
    );
  const jobs = () =>
    admin<{ data: Body; wait: number }>(
      `select data, extract(epoch from start_after - now())::float8 as wait from pgboss.job
       where name = 'publish-contents' order by start_after`,
    );
  const run = () =>
    publishContentsJob(deps, {
      ...{ id: crypto.randomUUID(), payload: { organizationId: school.id }, attempt: 1, lastAttempt: false },
      signal: new AbortController().signal,
    });
  const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

  test("enqueue a job each, in the transaction that names them, and what is approved is published when its time comes [row 107]", async () => {
    const lesson = await it.content(writer.token);
    const answer = await schedule(lesson.id, inHours(1), inHours(2));
    expect(answer.body).toMatchObject({ status: "approved", liveNumber: null, reviewedById: writer.user.id });
    const [first, second, ...more] = await jobs();
    expect(more).toEqual([]);
    expect(first?.data).toEqual({ organizationId: school.id });
    for (const [job, hours] of [
      [first, 1],
      [second, 2],
    ] as const) {
      expect(Math.abs((job?.wait ?? 0) - hours * 3600)).toBeLessThan(30);
    }
    await run();
    expect(await read(lesson.id)).toMatchObject({ status: "approved", liveNumber: null });
    await admin("update app.content set publish_at = now() where content_id = $1", [lesson.id]);
    await run();
    expect(await read(lesson.id)).toMatchObject({ status: "published", liveNumber: 1, publishAt: null });
    await admin("update app.content set unpublish_at = now() where content_id = $1", [lesson.id]);
    await run();
    expect(await read(lesson.id)).toMatchObject({ status: "draft", liveNumber: null, unpublishAt: null });
  });

  test("an edit calls the publication off, and the job that comes finds nothing to do", async () => {
    const lesson = await it.published(writer.token, { title: "Old" });
    await act("edit", lesson.id);
    await schedule(lesson.id, SOON, null);
    await act("edit", lesson.id);
    expect(await read(lesson.id)).toMatchObject({ status: "draft", publishAt: null, liveNumber: 1 });
    await run();
    expect(await read(lesson.id, pupil.token)).toMatchObject({ title: "Old" });
  });

  test("of two workers at once one publishes each, and what was deleted waits for its return", async () => {
    const lessons = await Promise.all(Array.from({ length: 4 }, () => it.content(writer.token)));
    for (const { id } of lessons) await schedule(id, SOON, null);
    const [gone, ...kept] = lessons;
    await request("DELETE", `/v1/contents/${gone?.id}`, { token: writer.token });
    for (const { id } of lessons)
      await admin("update app.content set publish_at = now() where content_id = $1", [id]);
    const versions = async () => Promise.all(kept.map(async ({ id }) => Number((await read(id)).version)));
    const before = await versions();
    await Promise.all([run(), run(), run()]);
    expect(await versions()).toEqual(before.map((version) => version + 1));
    const [left] = await admin("select live_number from app.content where content_id = $1", [gone?.id]);
    expect(left).toEqual({ live_number: null });
    await request("POST", `/v1/contents/${gone?.id}/restore`, { token: writer.token });
    await run();
    expect(await read(String(gone?.id))).toMatchObject({ status: "published" });
  });

  test("the sweep finds what a lost job has left, in every organization, and nothing twice", async () => {
    const [mine, theirs] = [await it.content(writer.token), await it.content(other.token)];
    await schedule(mine.id, SOON, null);
    await schedule(theirs.id, SOON, null, other.token);
    for (const { id } of [mine, theirs])
      await admin("update app.content set publish_at = now() where content_id = $1", [id]);
    const sweep = () =>
      sweepPublicationsJob(deps, {
        ...{ id: crypto.randomUUID(), payload: {}, attempt: 1, lastAttempt: false },
        signal: new AbortController().signal,
      });
    await sweep();
    const [a, b] = [await read(mine.id), await read(theirs.id, other.token)];
    expect([a.status, b.status]).toEqual(["published", "published"]);
    await sweep();
    expect([await read(mine.id), await read(theirs.id, other.token)]).toEqual([a, b]);
  });

  test("one whose slug readers have for another lesson by now is called off, and holds nobody up", async () => {
    const [first, second] = [await it.published(writer.token), await it.content(writer.token)];
    const headers = { "if-match": "*" };
    await request("PATCH", `/v1/contents/${first.id}`, {
      token: writer.token,
      headers,
      body: { slug: `${first.slug}-new` },
    });
    await request("PATCH", `/v1/contents/${second.id}`, {
      token: writer.token,
      headers,
      body: { slug: first.slug },
    });
    await schedule(second.id, SOON, null);
    await admin("update app.content set publish_at = now() where content_id = $1", [second.id]);
    await run();
    expect(await read(second.id)).toMatchObject({ status: "approved", publishAt: null, liveNumber: null });
    app.lines.splice(0);
  });

  test("in the wrong order, or to take away what is not there, are refused; both null call them off", async () => {
    const lesson = await it.content(writer.token);
    expect(slug(await schedule(lesson.id, inHours(2), inHours(1)))).toBe("schedule_unordered");
    expect(slug(await schedule(lesson.id, null, inHours(1)))).toBe("illegal_status_transition");
    expect(slug(await schedule(lesson.id, null, null))).toBe("illegal_status_transition");
    await schedule(lesson.id, inHours(1), inHours(2));
    expect((await act("unschedule", lesson.id)).body).toMatchObject({
      status: "approved",
      publishAt: null,
      unpublishAt: null,
    });
    await come(lesson.id);
    await run();
    expect(await read(lesson.id)).toMatchObject({ status: "approved", liveNumber: null });
  });
});

/** Tags: which there are, and another name for one or for several, throughout an organization. */
import { afterAll, describe, expect, test } from "bun:test";
import { renameWords } from "../../jobs/rename-words.ts";
import { pruneRenames, workOffRename } from "../../src/renames/renames.ts";
import { renameSkillsIn } from "../../src/skills/skills.ts";
import { renameTagsIn } from "../../src/tags/tags.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

interface Tag {
  readonly name: string;
  readonly lessons: number;
  readonly published: number;
}
interface Rename {
  readonly id: string;
  readonly state: string;
  readonly failure: string | null;
  readonly from: readonly string[];
  readonly to: string;
  readonly changed: number;
  readonly requestedById: string | null;
  readonly finishedAt: string | null;
  readonly type?: string;
}
interface Lesson {
  readonly id: string;
  readonly tags: readonly string[];
  readonly status: string;
  readonly version: number;
}

const anyVersion = { "if-match": "*" };
const rename = (token: string, from: readonly string[], to: string) =>
  request<Rename>("POST", "/v1/tags/rename", { token, body: { from, to } });
const job = (
  organizationId: string,
  renameId: string,
  lastAttempt = false,
  signal = new AbortController().signal,
) => ({
  id: Bun.randomUUIDv7(),
  payload: { organizationId, renameId },
  attempt: 1,
  lastAttempt,
  signal,
});
const work = (...asked: Parameters<typeof job>) => renameWords(deps, job(...asked));
/** Has words renamed, and gives how that ended. */
async function renamed(school: GivenOrganization, from: readonly string[], to: string): Promise<Rename> {
  const asked = await rename(school.token, from, to);
  expect({ status: asked.status, state: asked.body.state }).toEqual({ status: 202, state: "waiting" });
  expect(asked.headers.get("location")).toBe(`/v1/tags/renames/${asked.body.id}`);
  await work(school.id, asked.body.id);
  return (await request<Rename>("GET", `/v1/tags/renames/${asked.body.id}`, { token: school.token })).body;
}
const lesson = async (token: string, id: string) =>
  (await request<Lesson>("GET", `/v1/contents/${id}`, { token })).body;
const change = (token: string, id: string, body: unknown, headers: Record<string, string> = anyVersion) =>
  request<Lesson>("PATCH", `/v1/contents/${id}`, { token, headers, body });
const tags = async (token: string, query = "") =>
  (
    await request<{ items: readonly Tag[]; nextCursor: string | null }>("GET", `/v1/tags?limit=100${query}`, {
      token,
    })
  ).body;
/** As a colleague would on another node, while this one is in the middle of something. */
const written = (id: string, words: readonly string[]) =>
  admin("update app.content set tags = $2 where content_id = $1", [id, words]);
const live = async (id: string) =>
  (
    await admin<{ tags: readonly string[]; version: number }>(
      "select tags, version from app.publication where content_id = $1",
      [id],
    )
  )[0];

describe("the list", () => {
  test("counts live lessons for staff, and for readers what they see [row 28]", async () => {
    const school = await it.organization();
    const pupil = await it.member(school, "student");
    await it.content(school.token, { tags: ["draft", "both", "both"] });
    const { id } = await it.published(school.token, { tags: ["both", "live"] });
    const gone = await it.published(school.token, { tags: ["gone", "both"] });
    await request("DELETE", `/v1/contents/${gone.id}`, { token: school.token, headers: anyVersion });
    const other = await it.organization();
    await it.published(other.token, { tags: ["foreign", "both"] });
    expect((await tags(school.token)).items).toEqual([
      { name: "both", lessons: 2, published: 1 },
      { name: "draft", lessons: 1, published: 0 },
      { name: "live", lessons: 1, published: 1 },
    ]);
    expect((await tags(pupil.token)).items).toEqual([
      { name: "both", lessons: 0, published: 1 },
      { name: "live", lessons: 0, published: 1 },
    ]);
    // A draft beside what is live: both count.
    await change(school.token, id, { tags: ["next"] });
    expect((await tags(school.token)).items).toEqual([
      { name: "both", lessons: 1, published: 1 },
      { name: "draft", lessons: 1, published: 0 },
      { name: "live", lessons: 0, published: 1 },
      { name: "next", lessons: 1, published: 0 },
    ]);
  });

  test("is found by how a name begins, and turned page by page without a gap [row 56]", async () => {
    const school = await it.organization();
    const names = ["Äpfel", "apple", "applied", "b", "Ω", "漢", "🧪", " blank", "%", "_", "\\"];
    await it.content(school.token, { tags: names });
    expect((await tags(school.token, "&prefix=app")).items.map(({ name }) => name)).toEqual([
      "apple",
      "applied",
    ]);
    expect(
      (await tags(school.token, `&prefix=${encodeURIComponent("AP")}`)).items.map(({ name }) => name).sort(),
    ).toEqual(["apple", "applied", "Äpfel"].sort());
    expect((await tags(school.token, "&prefix=%25")).items.map(({ name }) => name)).toEqual(["%"]);
    const all = (await tags(school.token)).items.map(({ name }) => name);
    expect(all).toHaveLength(names.length);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { body: { items: readonly Tag[]; nextCursor: string | null } } = await request(
        "GET",
        `/v1/tags?limit=3${query}`,
        { token: school.token },
      );
      seen.push(...page.body.items.map(({ name }) => name));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(all);
  });
});

describe("renaming", () => {
  test("calls a tag by another name everywhere, and leaves everything else alone", async () => {
    const school = await it.organization();
    const other = await it.organization();
    const draft = await it.content(school.token, { tags: ["a", "loop", "b"], metadata: { loop: ["loop"] } });
    const published = await it.published(school.token, { tags: ["loop"] });
    const without = await it.published(school.token, { tags: ["loops", "looping", "Loop"] });
    const foreign = await it.published(other.token, { tags: ["loop"] });
    const deleted = await it.content(school.token, { tags: ["loop"] });
    await request("DELETE", `/v1/contents/${deleted.id}`, { token: school.token, headers: anyVersion });
    const before = await lesson(school.token, without.id);

    const done = await renamed(school, ["loop"], "repeat");
    expect(done).toMatchObject({
      state: "finished",
      failure: null,
      from: ["loop"],
      to: "repeat",
      changed: 2,
    });
    expect(done.requestedById).toBe(school.admin.id);
    expect(done.finishedAt).not.toBeNull();
    expect(await lesson(school.token, draft.id)).toMatchObject({
      tags: ["a", "repeat", "b"],
      status: "draft",
      metadata: { loop: ["loop"] },
    });
    expect(await lesson(school.token, published.id)).toMatchObject({ tags: ["repeat"], status: "published" });
    expect(await lesson(school.token, without.id)).toEqual(before);
    expect((await lesson(other.token, foreign.id)).tags).toEqual(["loop"]);
    const [kept] = await admin<{ tags: readonly string[] }>(
      "select tags from app.content where content_id = $1",
      [deleted.id],
    );
    expect(kept?.tags).toEqual(["loop"]);
  });

  test("merges several into one, which is in a lesson once, where the first of them was", async () => {
    const school = await it.organization();
    const cases: readonly (readonly [before: readonly string[], after: readonly string[]])[] = [
      [
        ["x", "Loops", "y", "loop", "loops", "z"],
        ["x", "loops", "y", "z"],
      ],
      [["loops", "Loops"], ["loops"]],
      [["loop "], ["loops"]],
      [
        ["x", "x", "loop"],
        ["x", "x", "loops"],
      ],
      [
        ["loops", "loops"],
        ["loops", "loops"],
      ],
    ];
    const made = await Promise.all(cases.map(([before]) => it.published(school.token, { tags: before })));
    const done = await renamed(school, ["loop", "Loops", "loop ", "loops", "loop"], "loops");
    expect(done).toMatchObject({ state: "finished", from: ["loop", "Loops", "loop "], changed: 4 });
    for (const [at, { id }] of made.entries()) {
      expect((await lesson(school.token, id)).tags).toEqual([...(cases[at]?.[1] ?? [])]);
      expect((await live(id))?.tags).toEqual([...(cases[at]?.[1] ?? [])]);
    }
    // Whoever had it twice before, and nothing to be merged, wrote it so.
    expect((await tags(school.token)).items.map(({ name }) => name)).toEqual(["loops", "x", "y", "z"]);
  });

  test("readers see the new name at once, also beside a draft, and under another ETag", async () => {
    const school = await it.organization();
    const pupil = await it.member(school, "student");
    const beside = await it.published(school.token, { tags: ["loop", "old"] });
    await change(school.token, beside.id, { title: "A draft", tags: ["loop", "new"] });
    const only = await it.published(school.token, { tags: ["loop"] });
    await change(school.token, only.id, { title: "Another draft", tags: [] });
    const [besideBefore, onlyBefore] = [await live(beside.id), await live(only.id)];

    expect((await renamed(school, ["loop"], "repeat")).changed).toBe(2);
    expect((await lesson(school.token, beside.id)).tags).toEqual(["repeat", "new"]);
    expect(await live(beside.id)).toMatchObject({ tags: ["repeat", "old"] });
    expect(await live(only.id)).toMatchObject({ tags: ["repeat"] });
    expect((await live(beside.id))?.version).toBeGreaterThan(besideBefore?.version ?? 0);
    expect((await live(only.id))?.version).toBeGreaterThan(onlyBefore?.version ?? 0);
    expect((await tags(pupil.token)).items.map(({ name }) => name)).toEqual(["old", "repeat"]);
    // Where a lesson comes from is no text: naming it brings nothing of the live version back.
    await change(school.token, beside.id, { sourceId: "renamed-1" });
    expect(await live(beside.id)).toMatchObject({ tags: ["repeat", "old"] });
  });

  test("each lesson has a version of the new name, and a history in nobody's name", async () => {
    const school = await it.organization();
    const { id } = await it.published(school.token, { tags: ["loop"] });
    await renamed(school, ["loop"], "repeat");
    const versions = await admin<{ number: number; tags: readonly string[]; created_by_id: string | null }>(
      "select number, tags, created_by_id from app.content_version where content_id = $1 order by number",
      [id],
    );
    expect(versions.map(({ tags: words }) => words)).toEqual([["loop"], ["repeat"]]);
    // Whoever renames a tag has not written the lesson, and may still approve it.
    expect(versions.at(-1)?.created_by_id).toBeNull();
    const history = await request<{
      items: readonly { before: unknown; after: unknown; actorId: string | null }[];
    }>("GET", `/v1/contents/${id}/history`, { token: school.token });
    expect(history.body.items[0]).toMatchObject({
      actorId: null,
      before: { tags: ["loop"] },
      after: { tags: ["repeat"] },
    });
  });

  test("what is published is indexed anew, and whoever asked is in the audit", async () => {
    const school = await it.organization();
    const { id } = await it.published(school.token, { tags: ["loop"] });
    await it.content(school.token, { tags: ["loop"] });
    await admin("delete from pgboss.job where name = 'reindex-search'");
    const done = await renamed(school, ["loop"], "repeat");
    const jobs = await admin<{ ids: readonly string[] }>(
      "select data -> 'contentIds' as ids from pgboss.job where name = 'reindex-search' and data ->> 'organizationId' = $1",
      [school.id],
    );
    expect(jobs.flatMap(({ ids }) => ids)).toEqual([id]);
    const events = await admin<{
      action: string;
      actor_id: string | null;
      target_id: string;
      details: unknown;
    }>(
      "select action, actor_id, target_id, details from app.audit_event where organization_id = $1 and action like 'tag.%' order by sequence",
      [school.id],
    );
    expect(events).toEqual([
      {
        action: "tag.rename_requested",
        actor_id: school.admin.id,
        target_id: done.id,
        details: { words: 1 },
      },
      { action: "tag.rename_ended", actor_id: null, target_id: done.id, details: { changed: 2 } },
    ]);
  });

  test("a lesson that waits for a review goes on waiting, and whoever had its tag renamed may approve it", async () => {
    const school = await it.organization();
    await request("PATCH", "/v1/organization", {
      token: school.token,
      headers: anyVersion,
      body: { settings: { authorsMayApprove: false } },
    });
    const { token } = await it.member(school, "teacher");
    const { id } = await it.content(token, { tags: ["loop"] });
    const submitted = await request("POST", `/v1/contents/${id}/submit`, {
      token,
      headers: anyVersion,
      body: {},
    });
    expect(submitted.status).toBe(200);
    await renamed(school, ["loop"], "repeat");
    expect(await lesson(token, id)).toMatchObject({ status: "pending_review", tags: ["repeat"] });
    const approved = await request<Lesson>("POST", `/v1/contents/${id}/approve`, {
      token: school.token,
      headers: anyVersion,
      body: {},
    });
    expect({ status: approved.status, is: approved.body.status }).toEqual({ status: 200, is: "approved" });
  });

  test("the name is kept in NFC and without white space around it", async () => {
    const school = await it.organization();
    const { id } = await it.content(school.token, { tags: ["o"] });
    expect((await renamed(school, ["o"], "  an\u0303o ")).to).toBe("a\u00f1o");
    expect((await lesson(school.token, id)).tags).toEqual(["a\u00f1o"]);
  });

  test("an interrupted job goes on where it was, and nothing is renamed twice", async () => {
    const school = await it.organization();
    await admin(
      `insert into app.content (organization_id, title, slug, tags)
       select $1, 'Lesson', 'many-' || n, '{loop}' from generate_series(1, 450) n`,
      [school.id],
    );
    const { id } = (await rename(school.token, ["loop"], "repeat")).body;
    let batches = 0;
    await expect(
      workOffRename(deps, job(school.id, id), {
        tags: (...batch) => {
          batches += 1;
          if (batches === 2) throw new Error("the power fails");
          return renameTagsIn(...batch);
        },
        skills: renameSkillsIn,
      }),
    ).rejects.toThrow("the power fails");
    const read = async () =>
      (await request<Rename>("GET", `/v1/tags/renames/${id}`, { token: school.token })).body;
    expect(await read()).toMatchObject({ state: "running", changed: 200, finishedAt: null });
    // Two workers at once, as after a pause of the first.
    await Promise.all([work(school.id, id), work(school.id, id)]);
    expect(await read()).toMatchObject({ state: "finished", changed: 450 });
    const versions = await admin<{ latest: number; count: number }>(
      "select latest_number as latest, count(*)::int as count from app.content where organization_id = $1 group by 1",
      [school.id],
    );
    expect(versions).toEqual([{ latest: 2, count: 450 }]);
    await work(school.id, id);
    expect(await read()).toMatchObject({ state: "finished", changed: 450 });
  });

  test("what is written with an old name meanwhile is renamed as well, and no change is lost", async () => {
    const school = await it.organization();
    const lessons = await Promise.all(
      Array.from({ length: 30 }, (_, at) => it.content(school.token, { tags: ["loop", `n${at}`] })),
    );
    const { id } = (await rename(school.token, ["loop"], "repeat")).body;
    const writing = Promise.all(
      lessons.map(async ({ id: lessonId }, at) => {
        // With the version they have read, or again with the one they then read.
        for (;;) {
          const { version } = await lesson(school.token, lessonId);
          const answer = await change(
            school.token,
            lessonId,
            { title: `Title ${at}`, tags: ["loop", `n${at}`, "more"] },
            { "if-match": `"${version}"` },
          );
          if (answer.status === 200) return;
          expect(answer.status).toBe(412);
        }
      }),
    );
    await Promise.all([writing, work(school.id, id)]);
    // Whatever came after the last look is a word like any other; a second time takes it along.
    await renamed(school, ["loop"], "repeat");
    for (const [at, { id: lessonId }] of lessons.entries()) {
      expect(await lesson(school.token, lessonId)).toMatchObject({
        title: `Title ${at}`,
        tags: ["repeat", `n${at}`, "more"],
      });
    }
  });

  test("one lesson written after its batch is found in the next pass", async () => {
    const school = await it.organization();
    const first = await it.content(school.token, { tags: ["loop"] });
    const { id } = (await rename(school.token, ["loop"], "repeat")).body;
    let passes = 0;
    await workOffRename(deps, job(school.id, id), {
      tags: async (...batch) => {
        const [, , , , afterId] = batch;
        if (afterId === null) passes += 1;
        else if (passes === 1) await written(first.id, ["loop", "late"]);
        return renameTagsIn(...batch);
      },
      skills: renameSkillsIn,
    });
    expect((await lesson(school.token, first.id)).tags).toEqual(["repeat", "late"]);
    // The third found nothing left to do.
    expect(passes).toBe(3);
  });

  test("somebody who goes on writing the old name keeps no job going for ever", async () => {
    const school = await it.organization();
    const first = await it.content(school.token, { tags: ["loop"] });
    const { id } = (await rename(school.token, ["loop"], "repeat")).body;
    let passes = 0;
    await workOffRename(deps, job(school.id, id), {
      tags: async (...batch) => {
        if (batch[4] === null) passes += 1;
        else await written(first.id, ["loop"]);
        return renameTagsIn(...batch);
      },
      skills: renameSkillsIn,
    });
    expect(passes).toBe(10);
    const { body } = await request<Rename>("GET", `/v1/tags/renames/${id}`, { token: school.token });
    expect(body).toMatchObject({ state: "finished", changed: 10 });
  });

  test("only one is under way, and of another organization another", async () => {
    const [school, other] = [await it.organization(), await it.organization()];
    const first = await rename(school.token, ["a"], "b");
    const second = await rename(school.token, ["b"], "a");
    expect({ status: second.status, type: second.body.type }).toEqual({
      status: 409,
      type: "urn:satchel:problem:rename_under_way",
    });
    expect((await rename(other.token, ["a"], "b")).status).toBe(202);
    await work(school.id, first.body.id);
    expect((await rename(school.token, ["b"], "a")).status).toBe(202);
  });

  test("nothing to rename, blank names and too many of them are refused", async () => {
    const { token } = await it.organization();
    for (const [from, to] of [
      [["a"], "a"],
      [["a"], " a "],
      [[], "a"],
      [["a"], "  "],
      [["a"], ""],
      [[""], "a"],
      [["a"], "x".repeat(101)],
      [Array.from({ length: 101 }, (_, at) => `t${at}`), "a"],
    ] as const) {
      expect((await rename(token, from, to)).status).toBe(422);
    }
  });

  test("teachers and pupils may not, and nobody sees another organization's", async () => {
    const [school, other] = [await it.organization(), await it.organization()];
    const { body } = await rename(school.token, ["a"], "b");
    for (const role of ["teacher", "student", "parent"] as const) {
      const { token } = await it.member(school, role);
      expect((await rename(token, ["a"], "b")).status).toBe(403);
      expect((await request("GET", `/v1/tags/renames/${body.id}`, { token })).status).toBe(403);
    }
    expect((await request("GET", `/v1/tags/renames/${body.id}`, { token: other.token })).status).toBe(404);
    expect((await request("GET", `/v1/skills/renames/${body.id}`, { token: school.token })).status).toBe(404);
  });

  test("it ends when whoever asked may no longer ask, and when its job is given up", async () => {
    const school = await it.organization();
    const deputy = await it.member(school, "admin");
    await it.content(school.token, { tags: ["a"] });
    const ask = async (token: string) => (await rename(token, ["a"], "abc".repeat(30))).body.id;
    const end = async (id: string) =>
      (await request<Rename>("GET", `/v1/tags/renames/${id}`, { token: school.token })).body.failure;

    let id = await ask(deputy.token);
    await admin("update app.user set role = 'teacher' where user_id = $1", [deputy.user.id]);
    await work(school.id, id);
    expect(await end(id)).toBe("requester_not_allowed");

    id = await ask(school.token);
    const stopped = AbortSignal.abort(new Error("stopped"));
    await expect(work(school.id, id, true, stopped)).rejects.toThrow("stopped");
    expect(await end(id)).toBe("not_worked_off");
    expect((await tags(school.token)).items.map(({ name }) => name)).toEqual(["a"]);
  });

  test("a week after it has ended nothing is left of it, and one that nobody works on is given up", async () => {
    const school = await it.organization();
    const done = await renamed(school, ["a"], "b");
    await pruneRenames(deps, school.id, 100);
    expect((await request("GET", `/v1/tags/renames/${done.id}`, { token: school.token })).status).toBe(200);
    await admin("update app.rename set finished_at = now() - interval '8 days' where rename_id = $1", [
      done.id,
    ]);
    expect(await pruneRenames(deps, school.id, 100)).toBe(1);
    expect((await request("GET", `/v1/tags/renames/${done.id}`, { token: school.token })).status).toBe(404);
    const { body } = await rename(school.token, ["a"], "b");
    await admin("alter table app.rename disable trigger touch");
    await admin("update app.rename set updated_at = now() - interval '2 days' where rename_id = $1", [
      body.id,
    ]);
    await admin("alter table app.rename enable trigger touch");
    expect((await rename(school.token, ["a"], "c")).status).toBe(202);
    const { body: given } = await request<Rename>("GET", `/v1/tags/renames/${body.id}`, {
      token: school.token,
    });
    expect(given).toMatchObject({ state: "failed", failure: "not_worked_off" });
  });
});

/** Bringing a version of a lesson back, as a new one. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [writer, colleague, pupil] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
];
const any = { "if-match": "*" };

interface Content {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly version: number;
  readonly latestNumber: number;
  readonly liveNumber: number | null;
  readonly type?: string;
  readonly [field: string]: unknown;
}
const restore = (id: string, number: number, token = writer.token, headers: Record<string, string> = any) =>
  request<Content>("POST", `/v1/contents/${id}/versions/${number}/restore`, { token, headers });
const change = (id: string, body: unknown, token = writer.token) =>
  request<Content>("PATCH", `/v1/contents/${id}`, { token, headers: any, body });
const act = (id: string, action: string, token = writer.token, body?: unknown) =>
  request<Content>("POST", `/v1/contents/${id}/${action}`, { token, headers: { "if-match": "*" }, body });
const read = (id: string, token = writer.token) => request<Content>("GET", `/v1/contents/${id}`, { token });
const versions = async (id: string) =>
  (
    await request<{
      items: { number: number; title: string; restoredFromNumber: number | null; createdById: string }[];
    }>("GET", `/v1/contents/${id}/versions`, { token: writer.token })
  ).body.items;
const outcome = ({ status, body }: { status: number; body: Content }) => [
  status,
  body.type?.replace("urn:satchel:problem:", ""),
];
/** The latest first: number, title, restored from. */
const story = async (id: string) =>
  (await versions(id)).map(({ number, title, restoredFromNumber }) => [number, title, restoredFromNumber]);

describe("bringing a version back [row 107]", () => {
  const first = {
    title: "One",
    description: "D",
    body: "# One\n",
    contentType: "tutorial",
    difficultyLevel: "expert",
    language: "es",
    tags: ["b", "a", "a"],
    prerequisites: ["p"],
    learningObjectives: ["o"],
    metadata: { z: 1, a: { "10": [null, "x"] } },
    settings: { show: false },
    estimatedDurationMinutes: 45,
  };
  const second = {
    title: "Two",
    description: "",
    body: "",
    contentType: "quiz",
    difficultyLevel: "beginner",
    language: "en",
    tags: [],
    prerequisites: [],
    learningObjectives: [],
    metadata: {},
    settings: {},
    estimatedDurationMinutes: null,
  };

  test("makes a new one with all of its text, and says from where [row 27] [row 29]", async () => {
    const lesson = await it.content(writer.token, first);
    await change(lesson.id, second);
    const before = await read(lesson.id);
    const { status, body, headers } = await restore(lesson.id, 1, school.token, {
      "if-match": `"${before.body.version}"`,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      ...first,
      slug: lesson.slug,
      status: "draft",
      latestNumber: 3,
      version: before.body.version + 1,
      createdById: writer.user.id,
      updatedById: school.admin.id,
    });
    expect(JSON.stringify(body.metadata)).toBe(JSON.stringify(first.metadata));
    expect(headers.get("etag")).toBe(`"${body.version}"`);
    expect((await read(lesson.id)).body).toEqual(body);
    expect(await story(lesson.id)).toEqual([
      [3, "One", 1],
      [2, "Two", null],
      [1, "One", null],
    ]);
    expect((await versions(lesson.id))[0]?.createdById).toBe(school.admin.id);
    // What is written after it was brought back from nowhere.
    await change(lesson.id, { title: "Four" });
    await restore(lesson.id, 1);
    expect((await story(lesson.id)).slice(0, 2)).toEqual([
      [5, "One", 1],
      [4, "Four", null],
    ]);
  });

  test("makes none where the latest has that text already, and leaves the status", async () => {
    const lesson = await it.content(writer.token, { title: "One" });
    await change(lesson.id, { title: "Two" });
    await change(lesson.id, { title: "One" });
    await act(lesson.id, "publish", school.token);
    for (const number of [1, 3]) {
      const { status, body } = await restore(lesson.id, number);
      expect([status, body.status, body.latestNumber, body.liveNumber]).toEqual([200, "published", 3, 3]);
    }
    expect(await story(lesson.id)).toHaveLength(3);
  });

  test("of a published lesson makes a draft beside what readers see, until it is published", async () => {
    const lesson = await it.published(writer.token, { title: "One" });
    await change(lesson.id, { title: "Two" });
    await act(lesson.id, "publish");
    expect((await restore(lesson.id, 1)).body).toMatchObject({
      title: "One",
      status: "draft",
      latestNumber: 3,
      liveNumber: 2,
    });
    expect((await read(lesson.id, pupil.token)).body.title).toBe("Two");
    await act(lesson.id, "publish");
    expect((await read(lesson.id, pupil.token)).body).toMatchObject({ title: "One", liveNumber: 3 });
  });

  test("is refused while the lesson waits for a review, and in the archive", async () => {
    const lesson = await it.content(writer.token);
    await change(lesson.id, { title: "Two" });
    await act(lesson.id, "submit", writer.token, {});
    expect(outcome(await restore(lesson.id, 1))).toEqual([409, "illegal_status_transition"]);
    await act(lesson.id, "withdraw");
    await act(lesson.id, "archive");
    expect(outcome(await restore(lesson.id, 1))).toEqual([409, "illegal_status_transition"]);
    expect(await story(lesson.id)).toHaveLength(2);
  });

  test("takes the version that its writer has read, and a precondition", async () => {
    const lesson = await it.content(writer.token);
    await change(lesson.id, { title: "Two" });
    expect(outcome(await restore(lesson.id, 1, writer.token, { "if-match": '"1"' }))).toEqual([412, "stale"]);
    expect((await restore(lesson.id, 1, writer.token, {})).status).toBe(428);
    expect(await story(lesson.id)).toHaveLength(2);
    expect((await restore(lesson.id, 1, writer.token, { "if-match": '"2"' })).status).toBe(200);
  });

  test("is refused while another lesson has the slug that it had [row 24]", async () => {
    const lesson = await it.content(writer.token);
    await change(lesson.id, { slug: `${lesson.slug}-new` });
    const taker = await it.content(writer.token, { slug: lesson.slug });
    expect(outcome(await restore(lesson.id, 1))).toEqual([409, "content_slug_taken"]);
    await request("DELETE", `/v1/contents/${taker.id}`, { token: writer.token });
    expect((await restore(lesson.id, 1)).body.slug).toBe(lesson.slug);
  });

  test("with one Idempotency-Key makes one version, however often it is sent", async () => {
    const lesson = await it.content(writer.token, { title: "One" });
    await change(lesson.id, { title: "Two" });
    const headers = { ...any, "idempotency-key": Bun.randomUUIDv7() };
    const answers = await Promise.all(
      [1, 1, 1].map((number) => restore(lesson.id, number, writer.token, headers)),
    );
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect((await story(lesson.id))[0]).toEqual([3, "One", 1]);
  });

  test("by many at once makes versions without a gap, each from the one before [row 29]", async () => {
    const lesson = await it.content(writer.token, { title: "T1" });
    await change(lesson.id, { title: "T2" });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) =>
        at % 2 === 0 ? restore(lesson.id, 1 + (at % 4) / 2) : change(lesson.id, { title: `W${at}` }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const rows = await admin<{ number: number; title: string; from: number | null }>(
      `select number, title, restored_from_number as "from" from app.content_version where content_id = $1 order by 1`,
      [lesson.id],
    );
    expect(rows.map(({ number }) => number)).toEqual(rows.map((_, at) => at + 1));
    for (const { title, from } of rows.slice(2)) {
      if (title.startsWith("T")) expect(from).toBe(Number(title.slice(1)));
      else expect(from).toBeNull();
    }
  });

  test("is for its author and admins, and for nobody who does not see it [row 45]", async () => {
    const lesson = await it.published(writer.token, { title: "One" });
    await change(lesson.id, { title: "Two" });
    const outcomes = await Promise.all(
      [colleague.token, pupil.token, other.token].map(async (token) =>
        outcome(await restore(lesson.id, 1, token)),
      ),
    );
    expect(outcomes).toEqual([
      [403, "forbidden"],
      [403, "forbidden"],
      [404, "not_found"],
    ]);
    expect(outcome(await restore(lesson.id, 9))).toEqual([404, "not_found"]);
    // A version of another lesson is none of this one.
    const long = await it.content(writer.token);
    for (let n = 0; n < 4; n++) await change(long.id, { title: `N${n}` });
    expect(outcome(await restore(lesson.id, 4))).toEqual([404, "not_found"]);
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: writer.token });
    expect(outcome(await restore(lesson.id, 1))).toEqual([404, "not_found"]);
    expect(await admin("select 1 from app.content_version where content_id = $1", [lesson.id])).toHaveLength(
      2,
    );
  });
});

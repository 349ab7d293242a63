/** Lessons out of one organization and into another, by the doors that the commands use. */
import { afterAll, expect, test } from "bun:test";
import {
  exportLessons,
  importAttachments,
  importLessons,
  type Lesson,
  readFile,
} from "../../src/content-transfers/content-transfers.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

const [from, to, neighbour] = [await it.organization(), await it.organization(), await it.organization()];
const OPTIONS = { publish: false, dryRun: false };

const exported = async (organizationId: string) =>
  (await Array.fromAsync(exportLessons(deps, organizationId))).flat();
const lessonsOf = async (organizationId: string) =>
  (await exported(organizationId)).map(({ lesson }) => lesson);
const imported = (lessons: readonly Lesson[], options = OPTIONS, organizationId = to.id) =>
  importLessons(deps, { organizationId, userId: null }, lessons, options);
const outcomes = async (...asked: Parameters<typeof imported>) =>
  (await imported(...asked)).map(({ outcome }) => outcome);

const beside = await it.published(from.token, { sourceId: "beside", metadata: { b: 1, a: 2 } });
await request("PATCH", `/v1/contents/${beside.id}`, {
  token: from.token,
  headers: { "if-match": "*" },
  body: { title: "A draft beside" },
});
await it.content(from.token, { sourceId: "draft", tags: ["x"] });
const bySlug = await it.published(from.token);
const deleted = await it.published(from.token, { sourceId: "deleted" });
await request("DELETE", `/v1/contents/${deleted.id}`, { token: from.token });
const kept = await it.published(neighbour.token, { sourceId: "beside", title: "The neighbour's" });

test("what is exported, imported and exported again is the same; what is deleted stays behind [row 59]", async () => {
  const lessons = await lessonsOf(from.id);
  expect(lessons.map(({ sourceId }) => sourceId).toSorted()).toEqual(["beside", "draft", null]);
  expect(await outcomes(lessons, { publish: false, dryRun: true })).toEqual(["added", "added", "added"]);
  expect(await lessonsOf(to.id)).toEqual([]);

  expect(await outcomes(lessons)).toEqual(["added", "added", "added"]);
  expect(await lessonsOf(to.id)).toEqual(lessons);
  expect(await outcomes(lessons)).toEqual(["unchanged", "unchanged", "unchanged"]);

  const changed = lessons.map((lesson) =>
    lesson.sourceId === "draft" ? { ...lesson, text: { ...lesson.text, title: "Another" } } : lesson,
  );
  expect((await outcomes(changed)).toSorted()).toEqual(["changed", "unchanged", "unchanged"]);
  expect(await lessonsOf(to.id)).toEqual(changed);
  expect(await lessonsOf(from.id)).toEqual(lessons);

  const [others] = await admin<{ title: string; version: number }>(
    "select title, version from app.content where content_id = $1",
    [kept.id],
  );
  expect(others).toEqual({ title: "The neighbour's", version: kept.version });
});

test("readers see at once what is imported to be published [row 30]", async () => {
  const house = await it.organization();
  await imported(await lessonsOf(from.id), { publish: true, dryRun: false }, house.id);
  const pupil = await it.member(house, "student");
  const { body } = await request<{ items: readonly { title: string }[] }>("GET", "/v1/contents", {
    token: pupil.token,
  });
  expect(body.items).toHaveLength(3);
  expect(body.items.map(({ title }) => title)).toContain("A draft beside");
});

test("files travel with their lesson, byte for byte, and those that are there stay [row 33]", async () => {
  const bytes = new TextEncoder().encode("a file");
  await request("POST", `/v1/contents/${bySlug.id}/attachments?name=a.txt`, {
    token: from.token,
    headers: { "content-type": "text/plain" },
    body: "a file",
  });
  const source = (await exported(from.id)).find(({ attachments }) => attachments.length === 1);
  const [attachment] = source?.attachments ?? [];
  if (source === undefined || attachment === undefined) throw new Error("the file is not exported");
  const read = await new Response(await readFile(deps, from.id, attachment)).bytes();
  expect(read).toEqual(bytes);

  const [made] = await imported([source.lesson]);
  const files = {
    has: async (sha256: string) => sha256 === attachment.sha256,
    open: async function* () {
      yield bytes;
    },
  };
  const hang = () =>
    importAttachments(
      deps,
      { organizationId: to.id, userId: null },
      made?.id ?? "",
      [attachment],
      files,
      OPTIONS,
    );
  expect(await hang()).toBe(true);
  expect(await hang()).toBe(false);
  const [there] = (await exported(to.id)).flatMap(({ attachments }) => attachments);
  expect(there).toMatchObject({ name: "a.txt", sha256: attachment.sha256, size: bytes.byteLength });
  const nothing = { ...files, has: async () => false };
  await expect(
    importAttachments(
      deps,
      { organizationId: to.id, userId: null },
      made?.id ?? "",
      [{ ...attachment, sha256: "0".repeat(64) }],
      nothing,
      OPTIONS,
    ),
  ).rejects.toMatchObject({ slug: "import_file_missing" });
});

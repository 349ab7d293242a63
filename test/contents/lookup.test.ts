/** One lesson by what names it: its slug, or its name where it comes from. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil, parent, stranger, pupilElsewhere] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
  await it.member(other, "teacher"),
  await it.member(other, "student"),
];
const staff = [teacher.token, colleague.token, school.token];
const readers = [pupil.token, parent.token];
const elsewhere = [stranger.token, pupilElsewhere.token, other.token];

const lookUp = (query: string, token: string, headers: Record<string, string> = {}) =>
  request<Record<string, unknown>>("GET", `/v1/contents/lookup?${query}`, { token, headers });
const read = (id: string, token: string) =>
  request<Record<string, unknown>>("GET", `/v1/contents/${id}`, { token });
const statuses = (query: string, tokens: readonly string[]) =>
  Promise.all(tokens.map(async (token) => (await lookUp(query, token)).status));

describe("a lesson by one of its names", () => {
  test("is the whole lesson as it is read by its id, with the same ETag, to staff and to readers [row 57]", async () => {
    const sourceId = "SIS/2026:42 ñ";
    const { id } = await it.published(teacher.token, { slug: "leaves", sourceId, body: "# Leaves" });
    await it.published(stranger.token, { slug: "leaves", sourceId });
    for (const key of ["slug=leaves", `sourceId=${encodeURIComponent(sourceId)}`]) {
      for (const token of [...staff, ...readers]) {
        const [found, expected] = [await lookUp(key, token), await read(id, token)];
        expect([found.status, found.body]).toEqual([200, expected.body]);
        expect(found.body).toMatchObject({ id, body: "# Leaves" });
        const etag = expected.headers.get("etag") ?? "";
        expect(found.headers.get("etag")).toBe(etag);
        expect((await lookUp(key, token, { "if-none-match": etag })).status).toBe(304);
      }
      for (const token of elsewhere) expect((await lookUp(key, token)).body.id).not.toBe(id);
    }
  });

  test("is there for readers under the slug it is live under, while staff write it under another [row 57] [row 31]", async () => {
    const { id } = await it.published(teacher.token, { title: "Old", slug: "old-name", sourceId: "m1" });
    await request("PATCH", `/v1/contents/${id}`, {
      token: teacher.token,
      headers: { "if-match": "*" },
      body: { title: "New", slug: "new-name" },
    });
    expect(await statuses("slug=old-name", [...staff, ...readers])).toEqual([404, 404, 404, 200, 200]);
    expect(await statuses("slug=new-name", [...staff, ...readers])).toEqual([200, 200, 200, 404, 404]);
    expect((await lookUp("slug=old-name", pupil.token)).body).toMatchObject({ id, title: "Old" });
    expect((await lookUp("sourceId=m1", pupil.token)).body).toMatchObject({ id, title: "Old" });
    expect((await lookUp("sourceId=m1", colleague.token)).body).toMatchObject({ id, title: "New" });
  });

  test("is nothing to readers while it is a draft, to nobody once it is deleted, and to no other organization [row 57] [row 53]", async () => {
    const draft = await it.content(teacher.token, { slug: "draft", sourceId: "d1" });
    const gone = await it.published(teacher.token, { slug: "gone", sourceId: "g1" });
    for (const key of ["slug=draft", "sourceId=d1"]) {
      expect(await statuses(key, [...staff, ...readers])).toEqual([200, 200, 200, 404, 404]);
      expect(await statuses(key, elsewhere)).toEqual([404, 404, 404]);
    }
    expect(await statuses("slug=gone", elsewhere)).toEqual([404, 404, 404]);
    await request("DELETE", `/v1/contents/${gone.id}`, {
      token: teacher.token,
      headers: { "if-match": "*" },
    });
    for (const key of ["slug=gone", "sourceId=g1"]) {
      expect(await statuses(key, [...staff, ...readers])).toEqual([404, 404, 404, 404, 404]);
    }
    // The name is free again: whoever has it now is found.
    const next = await it.published(colleague.token, { slug: "gone" });
    for (const token of [...staff, ...readers]) {
      expect((await lookUp("slug=gone", token)).body.id).toBe(next.id);
    }
    expect((await lookUp("slug=draft", teacher.token)).body.id).toBe(draft.id);
  });

  test("is asked for by exactly one of the two, written as it is [row 57]", async () => {
    await it.content(teacher.token, { slug: "exact", sourceId: "Exact" });
    for (const query of ["", "slug=exact&sourceId=Exact"]) {
      const refused = await lookUp(query, teacher.token);
      expect([refused.status, refused.body.type]).toEqual([422, "urn:satchel:problem:one_key_needed"]);
    }
    expect(await statuses("sourceId=exact", [teacher.token])).toEqual([404]);
    expect(await statuses("sourceId=Exact", [teacher.token])).toEqual([200]);
    expect(await statuses("id=exact", [teacher.token])).toEqual([422]);
    expect((await request("GET", "/v1/contents/lookup?slug=exact")).status).toBe(401);
  });
});

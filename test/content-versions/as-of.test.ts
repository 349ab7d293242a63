/** A lesson as it was at a moment: what staff wrote, and what readers saw. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [writer, colleague, pupil, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
];

interface Then {
  readonly number: number;
  readonly title: string;
  readonly since: string;
  readonly until: string | null;
  readonly type?: string;
  readonly [field: string]: unknown;
}
const change = (id: string, title: string) =>
  request("PATCH", `/v1/contents/${id}`, {
    token: writer.token,
    headers: { "if-match": "*" },
    body: { title },
  });
const act = (id: string, action: string, token = writer.token) =>
  request("POST", `/v1/contents/${id}/${action}`, { token, headers: { "if-match": "*" } });
const asOf = (id: string, at: string, token = writer.token, more = "") =>
  request<Then>("GET", `/v1/contents/${id}?asOf=${encodeURIComponent(at)}${more}`, { token });

/**
 * A lesson with a past, an hour for each event: 1 "One" is written, 2 published, 3 "Two" is written, 4 published, 5
 * unpublished, 6 "Three" is written, 7 published. The clock is the database's, so its times are moved afterwards.
 */
async function withPast(): Promise<string> {
  const { id } = await it.content(writer.token, { title: "One" });
  await act(id, "publish");
  await change(id, "Two");
  await act(id, "publish");
  await act(id, "unpublish");
  await change(id, "Three");
  await act(id, "publish");
  const hour = (n: number) => `timestamptz '2026-01-01 0${n}:00:00.123456Z'`;
  await admin(
    `with moved as (
       update app.content_version set created_at = case number when 1 then ${hour(1)} when 2 then ${hour(3)} else ${hour(6)} end
       where content_id = $1
     ), numbered as (
       select published_at, row_number() over (order by published_at) as nth from app.publication_period where content_id = $1
     )
     update app.publication_period p
     set published_at = case nth when 1 then ${hour(2)} when 2 then ${hour(4)} else ${hour(7)} end,
       ended_at = case nth when 1 then ${hour(4)} when 2 then ${hour(5)} end
     from numbered n where n.published_at = p.published_at and p.content_id = $1`,
    [id],
  );
  return id;
}
const at = (time: string) => `2026-01-01T0${time}Z`;

describe("a lesson as of a moment [row 107]", () => {
  test("is to staff the latest version then, and to readers the one that was live", async () => {
    const id = await withPast();
    const seen = async (time: string) => {
      const titles = async (token: string, more = "") => {
        const { status, body } = await asOf(id, at(time), token, more);
        return status === 200 ? body.title : status;
      };
      return [
        await titles(writer.token),
        await titles(writer.token, "&view=live"),
        await titles(pupil.token),
      ];
    };
    expect(await seen("0:59:59")).toEqual([404, 404, 404]);
    expect(await seen("1:30:00")).toEqual(["One", 404, 404]);
    expect(await seen("2:30:00")).toEqual(["One", "One", "One"]);
    expect(await seen("3:30:00")).toEqual(["Two", "One", "One"]);
    expect(await seen("4:30:00")).toEqual(["Two", "Two", "Two"]);
    expect(await seen("5:30:00")).toEqual(["Two", 404, 404]);
    expect(await seen("6:30:00")).toEqual(["Three", 404, 404]);
    expect(await seen("7:30:00")).toEqual(["Three", "Three", "Three"]);
    // Whatever the offset it is told in, and in years to come what is so today.
    expect((await asOf(id, "2026-01-01T04:30:00+02:00")).body.title).toBe("One");
    expect((await asOf(id, "2999-01-01T00:00:00Z", pupil.token)).body.title).toBe("Three");
  });

  test("says from when until when it was so, and the moment it began is in it", async () => {
    const id = await withPast();
    const [first, live, last] = [
      await asOf(id, at("1:30:00")),
      await asOf(id, at("3:30:00"), pupil.token),
      await asOf(id, at("9:00:00")),
    ];
    expect([first.body.number, first.body.since, first.body.until]).toEqual([
      1,
      at("1:00:00.123"),
      at("3:00:00.123"),
    ]);
    expect([live.body.number, live.body.since, live.body.until]).toEqual([
      1,
      at("2:00:00.123"),
      at("4:00:00.123"),
    ]);
    expect([last.body.number, last.body.until]).toEqual([3, null]);
    expect((await asOf(id, String(first.body.until))).body.number).toBe(2);
    expect((await asOf(id, at("3:00:00.122"))).body.number).toBe(1);
    expect((await asOf(id, String(live.body.until), pupil.token)).body.number).toBe(2);
    expect((await asOf(id, String(live.body.since), pupil.token)).body.number).toBe(1);
  });

  test("is whole, is no version to change the lesson by, and tells readers nothing of drafts [row 27]", async () => {
    const metadata = { z: 1, a: { "10": null } };
    const { id } = await it.published(writer.token, { title: "One", tags: ["b", "a"], metadata });
    await change(id, "A draft");
    const { body, headers } = await asOf(id, "2999-01-01T00:00:00Z", pupil.token);
    expect(body).toMatchObject({ contentId: id, number: 1, title: "One", tags: ["b", "a"], until: null });
    expect(JSON.stringify(body.metadata)).toBe(JSON.stringify(metadata));
    expect(headers.get("etag")).toBeNull();
    expect(JSON.stringify(body)).not.toContain("draft");
  });

  test("follows each change from the moment that the lesson itself tells", async () => {
    const { id } = await it.content(writer.token, { title: "T1" });
    for (const n of [2, 3, 4]) await change(id, `T${n}`);
    const { items } = (
      await request<{ items: { number: number; createdAt: string }[] }>(
        "GET",
        `/v1/contents/${id}/versions`,
        {
          token: writer.token,
        },
      )
    ).body;
    for (const { createdAt } of items) {
      // Several in one millisecond: the last of them.
      const newest = items.find((version) => version.createdAt === createdAt);
      expect((await asOf(id, createdAt)).body.number).toBe(newest?.number ?? 0);
    }
  });

  test("is for who sees the lesson today [row 45]", async () => {
    const id = await withPast();
    const statuses = async (...tokens: string[]) =>
      Promise.all(tokens.map(async (token) => (await asOf(id, at("2:30:00"), token)).status));
    expect(await statuses(writer.token, colleague.token, school.token, pupil.token, parent.token)).toEqual([
      200, 200, 200, 200, 200,
    ]);
    expect(await statuses(other.token)).toEqual([404]);
    await act(id, "unpublish");
    expect(await statuses(writer.token, pupil.token, parent.token)).toEqual([200, 404, 404]);
    expect((await asOf(id, at("2:30:00"), writer.token, "&view=live")).body.title).toBe("One");
    await act(id, "publish");
    await request("DELETE", `/v1/contents/${id}`, { token: writer.token });
    expect(await statuses(writer.token, school.token, pupil.token)).toEqual([404, 404, 404]);
    await act(id, "restore");
    expect(await statuses(writer.token, pupil.token)).toEqual([200, 200]);
  });

  test("goes with nothing that was not kept, and needs a moment", async () => {
    const { id } = await it.content(writer.token);
    for (const more of ["&include=author", "&render=html", "&fields=title", "&include=ratings&render=html"]) {
      expect((await asOf(id, "2999-01-01T00:00:00Z", writer.token, more)).status).toBe(422);
    }
    for (const wrong of ["2026-01-01", "yesterday", "", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"]) {
      expect((await asOf(id, wrong)).status).toBe(422);
    }
  });
});

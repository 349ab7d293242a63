/** Asking for a review, deciding, and that nobody decides about their own work. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [writer, colleague, third, pupil] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school),
];

type Body = Record<string, unknown>;
interface Review extends Body {
  readonly id: string;
  readonly contentId: string;
}
const act = (
  action: string,
  id: string,
  token: string,
  body: Body | undefined = {},
  etag: string | null = "*",
) =>
  request<Body>("POST", `/v1/contents/${id}/${action}`, {
    token,
    ...(etag === null ? {} : { headers: { "if-match": etag } }),
    ...(["publish", "withdraw", "archive", "unpublish"].includes(action) ? {} : { body }),
  });
const outcome = ({ status, body }: { status: number; body: Body }) => [
  status,
  String(body.type).replace("urn:satchel:problem:", ""),
];
const edit = (id: string, token: string) =>
  request<Body>("PATCH", `/v1/contents/${id}`, {
    token,
    headers: { "if-match": "*" },
    body: { title: `Edited ${Bun.randomUUIDv7()}` },
  });
const reviews = async (id: string, token = writer.token) =>
  (await request<{ items: readonly Review[] }>("GET", `/v1/contents/${id}/reviews`, { token })).body.items;
const queue = async (token: string, query = "") =>
  (await request<{ items: readonly Review[] }>("GET", `/v1/reviews?limit=100${query}`, { token })).body.items;

async function allow(organization: GivenOrganization, authorsMayApprove: boolean): Promise<void> {
  const { status } = await request("PATCH", "/v1/organization", {
    token: organization.token,
    headers: { "if-match": "*" },
    body: { settings: { authorsMayApprove } },
  });
  expect(status).toBe(200);
}
await allow(school, false);

async function submitted(body: Body = {}): Promise<string> {
  const { id } = await it.content(writer.token);
  expect((await act("submit", id, writer.token, body)).status).toBe(200);
  return id;
}

describe("a request", () => {
  test("is asked, seen by whom it is for, answered with a reason, and then published by its author [row 30] [row 31]", async () => {
    const id = await submitted({ reviewerId: colleague.user.id, note: "The examples?" });
    const [open] = await reviews(id);
    expect(open).toMatchObject({
      ...{ contentId: id, number: 1, state: "pending", note: "The examples?", reason: null, decidedAt: null },
      ...{ reviewerId: colleague.user.id, createdById: writer.user.id, decidedById: null },
    });
    expect((await queue(colleague.token, "&mine=true")).map(({ contentId }) => contentId)).toContain(id);
    expect((await queue(third.token, "&mine=true")).map(({ contentId }) => contentId)).not.toContain(id);
    expect(
      (await queue(third.token, `&reviewerId=${colleague.user.id}`)).map(({ contentId }) => contentId),
    ).toContain(id);
    const approved = await act("approve", id, colleague.token, { reason: "Good." });
    expect(approved.body).toMatchObject({ status: "approved", reviewedById: colleague.user.id });
    expect(await queue(colleague.token, "&mine=true")).toEqual([]);
    expect((await reviews(id))[0]).toMatchObject({
      state: "approved",
      reason: "Good.",
      decidedById: colleague.user.id,
    });
    expect((await act("publish", id, writer.token)).body).toMatchObject({
      ...{ status: "published", reviewedById: colleague.user.id, liveNumber: 1 },
    });
  });

  test("that is rejected says why, and is asked again after the text was changed", async () => {
    const id = await submitted();
    expect(outcome(await act("reject", id, colleague.token, {}))).toEqual([422, "invalid_request"]);
    expect((await act("reject", id, colleague.token, { reason: "Too long." })).body.status).toBe("rejected");
    await edit(id, writer.token);
    await act("submit", id, writer.token);
    expect((await reviews(id)).map(({ state, number, reason }) => [state, number, reason])).toEqual([
      ["pending", 2, null],
      ["rejected", 1, "Too long."],
    ]);
  });

  test("that nobody in particular was asked is for all but who asked, and withdrawn by its author alone", async () => {
    const id = await submitted();
    const asked = async (token: string) =>
      (await queue(token, "&mine=true")).map(({ contentId }) => contentId).includes(id);
    expect([await asked(writer.token), await asked(colleague.token), await asked(school.token)]).toEqual([
      false,
      true,
      true,
    ]);
    expect(outcome(await act("withdraw", id, colleague.token))).toEqual([403, "forbidden"]);
    expect((await act("withdraw", id, writer.token)).body.status).toBe("draft");
    expect((await reviews(id))[0]).toMatchObject({ state: "withdrawn", decidedById: writer.user.id });
  });

  test("is the reviewer's to answer, or an admin's", async () => {
    const id = await submitted({ reviewerId: colleague.user.id });
    expect(outcome(await act("approve", id, third.token))).toEqual([403, "forbidden"]);
    expect(outcome(await act("reject", id, third.token, { reason: "x" }))).toEqual([403, "forbidden"]);
    expect((await act("approve", id, school.token)).status).toBe(200);
  });

  test("is not answered by publishing in the reviewer's place, whoever wrote what is shown", async () => {
    const id = await submitted();
    await act("approve", id, colleague.token);
    await act("publish", id, writer.token);
    await edit(id, school.token);
    await act("submit", id, writer.token, { reviewerId: colleague.user.id });
    expect(outcome(await act("approve", id, writer.token))).toEqual([403, "forbidden"]);
    expect(outcome(await act("publish", id, writer.token))).toEqual([403, "forbidden"]);
    const later = await request<Body>("PUT", `/v1/contents/${id}/schedule`, {
      token: writer.token,
      headers: { "if-match": "*" },
      body: { publishAt: "2999-01-01T00:00:00Z", unpublishAt: null },
    });
    expect(outcome(later)).toEqual([403, "forbidden"]);
    const batch = await request<{ items: readonly { status: number }[] }>(
      "POST",
      "/v1/contents/batches/publish",
      { token: writer.token, body: { mode: "each", items: [{ id, version: "*" }] } },
    );
    expect(batch.body.items.map(({ status }) => status)).toEqual([403]);
    expect((await reviews(id))[0]).toMatchObject({ state: "pending" });
    // Nobody in particular was asked of this one.
    await act("withdraw", id, writer.token);
    await act("submit", id, writer.token);
    expect((await act("publish", id, writer.token)).status).toBe(200);
  });

  test("is not asked of a pupil, of nobody, of a stranger or of who wrote it: one answer for all of them", async () => {
    const { id } = await it.content(writer.token);
    const stranger = await it.member(other, "teacher");
    const gone = await it.user(school, "teacher");
    await request("DELETE", `/v1/users/${gone.id}`, { token: school.token });
    const answers = await Promise.all(
      [pupil.user.id, Bun.randomUUIDv7(), stranger.user.id, gone.id, writer.user.id].map(
        async (reviewerId) => {
          const answer = await act("submit", id, writer.token, { reviewerId });
          return { ...answer.body, instance: "" };
        },
      ),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 422, type: "urn:satchel:problem:reviewer_unsuitable" });
    expect(await reviews(id)).toEqual([]);
  });

  test("is closed when the lesson goes on without it, and goes and comes back with the lesson [row 62]", async () => {
    const [taken, deleted] = [await submitted(), await submitted()];
    expect((await act("publish", taken, school.token)).status).toBe(200);
    expect((await reviews(taken))[0]).toMatchObject({ state: "approved", decidedById: school.admin.id });
    await request("DELETE", `/v1/contents/${deleted}`, { token: writer.token });
    const waits = async () => (await queue(colleague.token)).some(({ contentId }) => contentId === deleted);
    expect(await waits()).toBe(false);
    await request("POST", `/v1/contents/${deleted}/restore`, { token: writer.token });
    expect(await waits()).toBe(true);
    expect((await act("approve", deleted, colleague.token)).status).toBe(200);
  });

  test("is seen by staff of the organization alone, page by page, the longest waiting first", async () => {
    const ids = [await submitted(), await submitted(), await submitted()];
    expect((await request("GET", "/v1/reviews", { token: pupil.token })).status).toBe(403);
    expect((await request("GET", `/v1/contents/${ids[0]}/reviews`, { token: pupil.token })).status).toBe(403);
    expect(await queue(other.token)).toEqual([]);
    expect((await request("GET", `/v1/contents/${ids[0]}/reviews`, { token: other.token })).status).toBe(404);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await request<{ items: readonly Review[]; nextCursor: string | null }>(
        ...(["GET", `/v1/reviews?limit=2${more}`, { token: third.token }] as const),
      );
      seen.push(...page.body.items.map(({ contentId }) => contentId));
      cursor = page.body.nextCursor;
    } while (cursor !== null);
    expect(seen.slice(-3)).toEqual(ids);
  });
});

describe("nobody decides about their own work", () => {
  test("not the author, not who changed it later, and not by publishing or scheduling what nobody approved [row 30]", async () => {
    const { id } = await it.content(writer.token);
    expect(outcome(await act("publish", id, writer.token))).toEqual([403, "own_work"]);
    const schedule = await request<Body>("PUT", `/v1/contents/${id}/schedule`, {
      ...{ token: writer.token, headers: { "if-match": "*" } },
      body: { publishAt: "2999-01-01T00:00:00Z", unpublishAt: null },
    });
    expect(outcome(schedule)).toEqual([403, "own_work"]);
    await edit(id, school.token);
    await act("submit", id, writer.token);
    expect(outcome(await act("approve", id, writer.token))).toEqual([403, "own_work"]);
    expect(outcome(await act("reject", id, writer.token, { reason: "x" }))).toEqual([403, "own_work"]);
    expect(outcome(await act("approve", id, school.token))).toEqual([403, "own_work"]);
    expect((await act("approve", id, colleague.token)).status).toBe(200);
    // What they wrote is live now: of the next text they have written nothing.
    expect((await act("publish", id, writer.token)).status).toBe(200);
    await edit(id, writer.token);
    await act("submit", id, writer.token);
    expect((await act("approve", id, school.token)).status).toBe(200);
  });

  test("not in a set either: none of it is published", async () => {
    const [own, fine] = [await it.content(writer.token), await submitted()];
    await act("approve", fine, colleague.token);
    const items = [
      { id: fine, version: 3 },
      { id: own.id, version: 1 },
    ];
    const answer = await request<Body>("POST", "/v1/contents/batches/publish", {
      token: writer.token,
      body: { mode: "all", items },
    });
    expect(outcome(answer)).toEqual([409, "batch_refused"]);
    expect(answer.body.errors).toMatchObject([
      { pointer: "#/items/1", type: "urn:satchel:problem:own_work" },
    ]);
    expect((await reviews(fine))[0]).toMatchObject({ state: "approved" });
    const [row] = await admin("select live_number from app.content where content_id = $1", [fine]);
    expect(row).toEqual({ live_number: null });
  });

  test("unless the organization allows it", async () => {
    const { id } = await it.content(other.token);
    expect((await act("submit", id, other.token, { reviewerId: other.admin.id })).status).toBe(200);
    expect((await act("approve", id, other.token)).status).toBe(200);
  });

  test("also when a change and an approval come at once: what is approved is what was read, or nothing [row 30]", async () => {
    for (let round = 0; round < 10; round++) {
      const id = await submitted();
      const approvals = [colleague, third].map(({ token }) => act("approve", id, token));
      const withdrawn = act("withdraw", id, writer.token).then(() => edit(id, writer.token));
      const published = act("publish", id, writer.token);
      const [answers] = await Promise.all([Promise.all(approvals), withdrawn, published]);
      expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
      const [row] = await admin<{ status: string; latest: number; live: number | null }>(
        "select status, latest_number as latest, live_number as live from app.content where content_id = $1",
        [id],
      );
      const decided = (await reviews(id)).filter(({ state }) => state === "approved");
      // Whatever came first: nothing is approved or live that somebody else has not approved.
      for (const number of [row?.status === "approved" ? row.latest : null, row?.live ?? null]) {
        if (number !== null) expect(decided.map((review) => review.number)).toContain(number);
      }
    }
  });

  const versionOf = async (id: string, token: string) =>
    (await request<{ version: number }>("GET", `/v1/contents/${id}`, { token })).body.version;

  test("nor about what they have not read: a text that was withdrawn, changed and submitted again is stale [row 30]", async () => {
    const id = await submitted();
    const read = `"${await versionOf(id, colleague.token)}"`;
    await act("withdraw", id, writer.token);
    await edit(id, writer.token);
    await act("submit", id, writer.token);
    for (const [action, body] of [
      ["approve", {}],
      ["reject", { reason: "x" }],
    ] as const) {
      expect(outcome(await act(action, id, colleague.token, body, null))).toEqual([
        428,
        "precondition_required",
      ]);
      expect(outcome(await act(action, id, colleague.token, body, read))).toEqual([412, "stale"]);
    }
    // Publishing it would be approving it.
    expect(outcome(await act("publish", id, school.token, {}, null))).toEqual([428, "precondition_required"]);
    expect(outcome(await act("publish", id, school.token, {}, read))).toEqual([412, "stale"]);
    expect((await reviews(id))[0]).toMatchObject({ state: "pending", number: 2 });
    const now = `"${await versionOf(id, colleague.token)}"`;
    expect((await act("approve", id, colleague.token, {}, now)).status).toBe(200);
    // What is approved cannot have become another text.
    expect((await act("publish", id, writer.token, {}, null)).status).toBe(200);
  });

  test("by publishing what somebody else wrote last only in the version that was read, alone and in a set", async () => {
    await allow(school, true);
    const { id } = await it.content(writer.token);
    const own = await it.content(school.token);
    const set = (items: readonly Body[]) =>
      request<{ items: readonly { status: number; problem: Body | null }[] } & Body>(
        "POST",
        "/v1/contents/batches/publish",
        { token: school.token, body: { mode: "each", items } },
      );
    expect(outcome(await act("publish", id, school.token, {}, null))).toEqual([428, "precondition_required"]);
    const unread = await set([{ id }, { id: own.id }]);
    expect(unread.body.items.map(({ status }) => status)).toEqual([428, 200]);
    expect(JSON.stringify(unread.body.items[0])).toContain("precondition_required");
    const stale = await set([{ id, version: 2 }]);
    expect(stale.body.items.map(({ status }) => status)).toEqual([412]);
    expect((await set([{ id, version: 1 }])).body.items.map(({ status }) => status)).toEqual([200]);
    await edit(id, school.token);
    expect((await act("publish", id, school.token, {}, null)).status).toBe(200);
    await edit(id, writer.token);
    expect(outcome(await act("publish", id, school.token, {}, null))).toEqual([428, "precondition_required"]);
    expect((await act("publish", id, school.token)).status).toBe(200);
    await allow(school, false);
  });

  test("two who approve at once from one version: one does", async () => {
    const id = await submitted();
    const answers = await Promise.all(
      [colleague, third, colleague, third].map(({ token }) => act("approve", id, token, {}, '"2"')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
  });
});

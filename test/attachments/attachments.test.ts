/** Files that hang on lessons, through the API: what is kept of them, who may do what, and what goes and comes back. */
import { afterAll, describe, expect, test } from "bun:test";
import { setQuota } from "../../src/quotas/quotas.ts";
import { CONTENT_STATUSES, type ContentStatus } from "../../src/workflow.ts";
import { attaching, ELF, EXE, noise, PNG, sha256, slugOf, text, type Wire } from "./support.ts";

const app = await attaching();
const { it, request, attach, raw, used } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const other = await it.organization();
const teacher = await it.member(school, "teacher");
const colleague = await it.member(school, "teacher");
const pupil = await it.member(school, "student");
const stranger = await it.member(other, "admin");

const list = async (token: string, contentId: string, query = "") =>
  request<{ items: readonly Wire[] }>("GET", `/v1/contents/${contentId}/attachments${query}`, { token });
const REFUSING = { pending_review: true, archived: true };
const bytesOf = async (token: string, id: string) => {
  const response = await raw("GET", `/v1/attachments/${id}/bytes`, token);
  return { status: response.status, headers: response.headers, bytes: await response.bytes() };
};

describe("a file that is attached", () => {
  test("comes back as it was sent, with its facts, for whoever sees the lesson [row 33] [row 62]", async () => {
    const { id } = await it.published(teacher.token);
    const made = await attach(teacher.token, id, "Blatt – leaf.png", PNG, { "content-type": "image/png" });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      contentId: id,
      name: "Blatt – leaf.png",
      description: "",
      mediaType: "image/png",
      size: PNG.byteLength,
      sha256: sha256(PNG),
      position: 1,
      version: 1,
      createdById: teacher.user.id,
    });
    for (const token of [teacher.token, colleague.token, pupil.token, school.token]) {
      const { status, headers, bytes } = await bytesOf(token, made.body.id);
      expect(status).toBe(200);
      expect(Buffer.from(bytes).equals(PNG)).toBe(true);
      expect(headers.get("etag")).toBe(`"${sha256(PNG)}"`);
      expect((await list(token, id)).body.items).toEqual([made.body]);
      expect((await request<Wire>("GET", `/v1/attachments/${made.body.id}`, { token })).body).toEqual(
        made.body,
      );
    }
  });

  test("of another organization, of a draft or of nothing at all is not there, for a reader to the last byte", async () => {
    const draft = await it.content(teacher.token);
    const { body } = await attach(teacher.token, draft.id, "plan.txt", text("later"));
    const random = Bun.randomUUIDv7();
    for (const [token, ids] of [
      [pupil.token, [body.id, random]],
      [stranger.token, [body.id, random]],
    ] as const) {
      for (const id of ids) {
        expect((await request("GET", `/v1/attachments/${id}`, { token })).status).toBe(404);
        expect((await raw("GET", `/v1/attachments/${id}/bytes`, token)).status).toBe(404);
        expect((await request("POST", `/v1/attachments/${id}/urls`, { token, body: {} })).status).toBe(404);
      }
      expect((await list(token, draft.id)).status).toBe(404);
      expect((await attach(token, draft.id, "x.txt", text("x"))).status).toBe(
        token === pupil.token ? 403 : 404,
      );
    }
    expect((await list(teacher.token, draft.id)).body.items).toEqual([body]);
  });

  test("is written by the lesson's author and admins, and by nobody else", async () => {
    const { id } = await it.published(teacher.token);
    const made = (await attach(teacher.token, id, "a.txt", text("a"))).body;
    const writes = (token: string): Promise<{ status: number }>[] => [
      attach(token, id, "b.txt", text("b")),
      request("PATCH", `/v1/attachments/${made.id}`, {
        token,
        body: { name: "c.txt" },
        headers: { "if-match": "*" },
      }),
      request("DELETE", `/v1/attachments/${made.id}`, { token }),
      request("PUT", `/v1/contents/${id}/attachments/order`, { token, body: { ids: [made.id] } }),
    ];
    for (const token of [pupil.token, colleague.token]) {
      expect((await Promise.all(writes(token))).map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    }
    expect((await list(teacher.token, id)).body.items).toEqual([made]);
    expect((await attach(school.token, id, "b.txt", text("b"))).status).toBe(201);
  });

  test("changes with a lesson that may be written: not while it waits for a review, nor once it is archived [row 31]", async () => {
    const headers = { "if-match": "*" };
    const act = (id: string, action: string, body?: unknown) =>
      request("POST", `/v1/contents/${id}/${action}`, { token: school.token, headers, body });
    const WAYS: Readonly<Record<ContentStatus, (id: string) => Promise<unknown>>> = {
      draft: async () => undefined,
      pending_review: (id) => act(id, "submit", {}),
      approved: (id) => act(id, "submit", {}).then(() => act(id, "approve", {})),
      rejected: (id) => act(id, "submit", {}).then(() => act(id, "reject", { reason: "No." })),
      published: (id) => act(id, "publish"),
      archived: (id) => act(id, "archive"),
    };
    const stored = (id: string) =>
      admin<{ row: string }>(
        "select a::text as row from app.attachment a where content_id = $1 order by attachment_id",
        [id],
      );
    for (const status of CONTENT_STATUSES) {
      const { id } = await it.content(teacher.token);
      const [one, two, gone] = await Promise.all(
        ["1.txt", "2.txt", "3.txt"].map(
          async (name) => (await attach(teacher.token, id, name, text(name))).body,
        ),
      );
      await request("DELETE", `/v1/attachments/${gone?.id}`, { token: teacher.token });
      await WAYS[status](id);
      const token = teacher.token;
      const lesson = () =>
        request<{ status: string; version: number }>("GET", `/v1/contents/${id}`, { token });
      const [standing, before] = [(await lesson()).body, await stored(id)];
      expect(standing.status).toBe(status);
      const writes = [
        () => request("POST", `/v1/attachments/${gone?.id}/restore`, { token }),
        () =>
          request("PUT", `/v1/contents/${id}/attachments/order`, {
            ...{ token, body: { ids: [two?.id, one?.id, ...(status in REFUSING ? [] : [gone?.id])] } },
          }),
        () => request("PATCH", `/v1/attachments/${one?.id}`, { token, headers, body: { name: "new.txt" } }),
        () => request("DELETE", `/v1/attachments/${two?.id}`, { token }),
        () => attach(token, id, "4.txt", text("4")),
      ];
      for (const [n, write] of writes.entries()) {
        const answer = await write();
        if (!(status in REFUSING)) expect([status, n, answer.status < 300]).toEqual([status, n, true]);
        else {
          expect([status, n, slugOf(answer)]).toEqual([status, n, "illegal_status_transition"]);
          expect(await stored(id)).toEqual(before);
        }
      }
      // The lesson itself is as it was: its attachments are no part of its text.
      expect((await lesson()).body).toEqual(standing);
    }
  });

  test("may be empty, and may be sent without a length", async () => {
    const { id } = await it.content(teacher.token);
    const empty = await attach(teacher.token, id, "empty.bin", new Uint8Array(0));
    expect([empty.status, empty.body.size]).toEqual([201, 0]);
    expect((await bytesOf(teacher.token, empty.body.id)).bytes.byteLength).toBe(0);
    const bytes = noise(300_000);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.byteLength; at += 50_000)
          controller.enqueue(bytes.subarray(at, at + 50_000));
        controller.close();
      },
    });
    const sent = await attach(teacher.token, id, "noise.bin", stream);
    expect([sent.status, sent.body.size, sent.body.sha256]).toEqual([201, 300_000, sha256(bytes)]);
    expect(sha256((await bytesOf(teacher.token, sent.body.id)).bytes)).toBe(sha256(bytes));
  });

  test("has a name that a disk and a page can show: anything else is refused", async () => {
    const { id } = await it.content(teacher.token);
    for (const name of ["", " ", "a/b", "a\\b", "a\u0000b", "a\nb", "gpj.\u202eexe", "x".repeat(256)]) {
      expect([name, (await attach(teacher.token, id, name, text("x"))).status]).toEqual([name, 422]);
    }
    expect((await attach(teacher.token, id, "ünïcode 学校 👩🏽‍🏫.txt", text("x"))).status).toBe(201);
  });
});

const { id: contentId } = await it.published(teacher.token);

describe("what a file is", () => {
  const send = async (name: string, bytes: Uint8Array, type?: string) =>
    attach(teacher.token, contentId, name, bytes, type === undefined ? {} : { "content-type": type });

  test("is told by its bytes: a renamed executable is refused as an image [row 62]", async () => {
    for (const bytes of [ELF, EXE]) {
      for (const [name, type] of [
        ["leaf.png", "image/png"],
        ["leaf.png", undefined],
        ["leaf", "image/jpeg"],
        ["film.mp4", undefined],
        ["paper.pdf", "application/octet-stream"],
      ] as const) {
        const refused = await send(name, bytes, type);
        expect([name, refused.status, slugOf(refused)]).toEqual([name, 422, "attachment_type_mismatch"]);
      }
    }
    const [left] = await admin<{ n: number }>(
      "select count(*)::int as n from app.file where organization_id = $1 and sha256 = any(array[sha256($2), sha256($3)])",
      [school.id, ELF, EXE],
    );
    expect(left?.n).toBe(0);
  });

  test("under its own name is taken, and is only ever saved", async () => {
    const made = await send("tool.exe", EXE);
    expect([made.status, made.body.mediaType]).toEqual([201, "application/x-msdownload"]);
    const { headers } = await bytesOf(teacher.token, made.body.id);
    expect(headers.get("content-disposition")).toStartWith("attachment;");
  });

  test("that a browser would run is saved, not shown, and can do nothing wherever it is opened", async () => {
    const page = text("<!doctype html><script>alert(1)</script>");
    for (const [name, bytes, mediaType] of [
      ["page.html", page, "text/html"],
      [
        "drawing.svg",
        text('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>'),
        "image/svg+xml",
      ],
      ["page", page, "text/plain"],
    ] as const) {
      const { body } = await send(name, bytes);
      expect([name, body.mediaType]).toEqual([name, mediaType]);
      const { headers } = await bytesOf(teacher.token, body.id);
      expect(headers.get("content-disposition")).toStartWith(
        mediaType === "text/plain" ? "inline;" : "attachment;",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("sandbox");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  test("is text where it says so and is it, whatever its first letters look like", async () => {
    for (const [name, words, type, mediaType] of [
      ["bmi.txt", "BMI is a measure", undefined, "text/plain"],
      ["mz.txt", "MZ begins a program, and this sentence", undefined, "text/plain"],
      ["table.csv", "a;b\n1;2\n", undefined, "text/csv"],
      ["notes", "just words", "text/markdown", "text/markdown"],
      ["notes", "just words", undefined, "text/plain"],
    ] as const) {
      const made = await send(name, text(words), type);
      expect([name, made.status, made.body.mediaType]).toEqual([name, 201, mediaType]);
    }
    expect(slugOf(await send("words.txt", ELF))).toBe("attachment_type_mismatch");
    expect(slugOf(await send("drawing.svg", text("no drawing")))).toBe("attachment_type_mismatch");
    expect((await send("thing.bin", noise(5000))).body.mediaType).toBe("application/octet-stream");
  });
});

const part10k = noise(10_000, 3);
const { body: file } = await attach(teacher.token, contentId, "noise.bin", part10k);

describe("a part of a file", () => {
  const path = `/v1/attachments/${file.id}/bytes`;
  const part = async (headers: Record<string, string>, method = "GET") => {
    const response = await raw(method, path, pupil.token, headers);
    return { status: response.status, headers: response.headers, bytes: await response.bytes() };
  };

  test("is sent when one range is asked for, and says which [row 62]", async () => {
    for (const [range, from, to] of [
      ["bytes=0-0", 0, 1],
      ["bytes=0-99", 0, 100],
      ["bytes=9990-", 9990, 10_000],
      ["bytes=-10", 9990, 10_000],
      ["bytes=-20000", 0, 10_000],
      ["bytes=5000-999999", 5000, 10_000],
      [`bytes=9999-${"9".repeat(15)}`, 9999, 10_000],
    ] as const) {
      const got = await part({ range });
      expect([range, got.status, got.headers.get("content-range")]).toEqual([
        range,
        206,
        `bytes ${from}-${to - 1}/10000`,
      ]);
      expect(got.headers.get("content-length")).toBe(String(to - from));
      expect(Buffer.from(got.bytes).equals(part10k.subarray(from, to))).toBe(true);
    }
  });

  test("that does not exist is refused, and what is no single range gets all of it", async () => {
    for (const range of ["bytes=10000-", "bytes=20000-20001", "bytes=-0"]) {
      const got = await part({ range });
      expect([range, got.status, got.headers.get("content-range")]).toEqual([range, 416, "bytes */10000"]);
      expect(slugOf({ body: JSON.parse(new TextDecoder().decode(got.bytes)) })).toBe("range_not_satisfiable");
    }
    for (const range of [
      "bytes=0-1,5-6",
      "lines=1-2",
      "bytes=5-1",
      "bytes=",
      "bytes=-",
      "nonsense",
      `bytes=${"1".repeat(40)}-`,
    ]) {
      const got = await part({ range });
      expect([range, got.status, got.bytes.byteLength]).toEqual([range, 200, 10_000]);
    }
  });

  test("is of the same file only, when that is asked for", async () => {
    expect((await part({ range: "bytes=0-9", "if-range": `"${file.sha256}"` })).status).toBe(206);
    expect((await part({ range: "bytes=0-9", "if-range": '"another"' })).status).toBe(200);
    expect((await part({ range: "bytes=0-9", "if-range": "Tue, 24 Nov 2026 08:00:00 GMT" })).status).toBe(
      200,
    );
    const unchanged = await part({ "if-none-match": `"${file.sha256}"` });
    expect([unchanged.status, unchanged.bytes.byteLength]).toEqual([304, 0]);
  });

  test("HEAD tells the facts and sends nothing", async () => {
    const got = await part({ range: "bytes=0-9" }, "HEAD");
    expect([got.status, got.headers.get("content-length"), got.bytes.byteLength]).toEqual([200, "10000", 0]);
    expect(got.headers.get("accept-ranges")).toBe("bytes");
  });

  test("comes under a name that every browser reads, whatever is in it [row 62]", async () => {
    const { body } = await attach(teacher.token, contentId, `Übung "1" 学校 100%.txt`, text("x"));
    const { headers } = await bytesOf(pupil.token, body.id);
    expect(headers.get("content-disposition")).toBe(
      `inline; filename="Ubung _1_ __ 100_.txt"; filename*=UTF-8''%C3%9Cbung%20%221%22%20%E5%AD%A6%E6%A0%A1%20100%25.txt`,
    );
    const saved = await raw("GET", `/v1/attachments/${body.id}/bytes?save=true`, pupil.token);
    expect(saved.headers.get("content-disposition")).toStartWith("attachment;");
  });
});

describe("the attachments of a lesson", () => {
  test("have an order, which is written whole [row 33]", async () => {
    const { id } = await it.published(teacher.token);
    const made: string[] = [];
    for (const name of ["a.txt", "b.txt", "c.txt"])
      made.push((await attach(teacher.token, id, name, text(name))).body.id);
    const [a, b, c] = made as [string, string, string];
    const order = (ids: readonly string[]) =>
      request<{ items: readonly Wire[]; type?: string }>("PUT", `/v1/contents/${id}/attachments/order`, {
        token: teacher.token,
        body: { ids },
      });
    expect((await order([c, a, b])).body.items.map(({ name, position }) => [name, position])).toEqual([
      ["c.txt", 1],
      ["a.txt", 2],
      ["b.txt", 3],
    ]);
    expect((await list(pupil.token, id)).body.items.map(({ id }) => id)).toEqual([c, a, b]);
    for (const ids of [[a, b], [a, b, c, Bun.randomUUIDv7()], [a, a, b], [], [a, b, b, c]]) {
      const refused = await order(ids);
      expect([refused.status, slugOf(refused)]).toEqual([409, "attachment_order_incomplete"]);
    }
    const { body } = await attach(teacher.token, id, "d.txt", text("d"));
    expect(body.position).toBe(4);
  });

  test("uploads of what a lesson has already, and its deletion, do not wait for each other [row 62]", async () => {
    for (let round = 0; round < 5; round++) {
      const { id } = await it.published(teacher.token);
      const bytes = text(`the same in round ${round}`);
      await attach(teacher.token, id, "first.txt", bytes);
      const [removed, ...sent] = await Promise.all([
        request("DELETE", `/v1/contents/${id}`, { token: teacher.token }),
        ...["a.txt", "b.txt", "c.txt"].map((name) => attach(teacher.token, id, name, bytes)),
      ]);
      expect(removed.status).toBe(204);
      for (const { status } of sent) expect([201, 404]).toContain(status);
    }
  });

  test("are renamed and described by who has read them last", async () => {
    const { id } = await it.content(teacher.token);
    const { body } = await attach(teacher.token, id, "a.txt", text("a"));
    const patch = (version: number | null, fields: object) =>
      request<Wire>("PATCH", `/v1/attachments/${body.id}`, {
        token: teacher.token,
        body: fields,
        ...(version === null ? {} : { headers: { "if-match": `"${version}"` } }),
      });
    expect((await patch(null, { name: "b.txt" })).status).toBe(428);
    expect((await patch(7, { name: "b.txt" })).status).toBe(412);
    const renamed = await patch(1, { name: "b.txt", description: "The letter a" });
    expect([renamed.status, renamed.body.name, renamed.body.description, renamed.body.version]).toEqual([
      200,
      "b.txt",
      "The letter a",
      2,
    ]);
    expect(await patch(2, { name: "b.png" })).toMatchObject({
      status: 422,
      body: { type: "urn:satchel:problem:attachment_type_mismatch" },
    });
    expect((await patch(2, { mediaType: "text/html" })).status).toBe(422);
    expect((await patch(2, { sha256: "0".repeat(64) })).status).toBe(422);
  });

  test("that is deleted is gone for everybody, and comes back for who may write the lesson", async () => {
    const { id } = await it.published(teacher.token);
    const { body } = await attach(teacher.token, id, "a.txt", text("deleted and restored"));
    const stays = (await attach(teacher.token, id, "b.txt", text("stays"))).body;
    const remove = (headers = {}) =>
      request("DELETE", `/v1/attachments/${body.id}`, { token: teacher.token, headers });
    expect((await remove({ "if-match": '"9"' })).status).toBe(412);
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
    expect((await bytesOf(teacher.token, body.id)).status).toBe(404);
    expect((await list(pupil.token, id)).body.items).toEqual([stays]);
    expect((await list(pupil.token, id, "?includeDeleted=true")).status).toBe(403);
    expect((await list(teacher.token, id, "?includeDeleted=true")).body.items.map(({ id }) => id)).toEqual([
      body.id,
      stays.id,
    ]);
    const restore = (token: string) => request<Wire>("POST", `/v1/attachments/${body.id}/restore`, { token });
    expect((await restore(colleague.token)).status).toBe(404);
    expect((await restore(teacher.token)).body).toMatchObject({ id: body.id, deletedAt: null });
    expect(slugOf(await restore(teacher.token))).toBe("attachment_not_deleted");
    expect((await bytesOf(pupil.token, body.id)).status).toBe(200);
  });

  test("go with their lesson and come back with it, those deleted before excepted", async () => {
    const { id } = await it.published(teacher.token);
    const before = await used(school.token);
    const [gone, there] = [
      (await attach(teacher.token, id, "gone.txt", text("gone before"))).body,
      (await attach(teacher.token, id, "there.txt", text("there until the end"))).body,
    ];
    await request("DELETE", `/v1/attachments/${gone.id}`, { token: teacher.token });
    await request("DELETE", `/v1/contents/${id}`, { token: teacher.token });
    for (const each of [gone, there]) {
      expect((await bytesOf(teacher.token, each.id)).status).toBe(404);
      expect(
        (await request("POST", `/v1/attachments/${each.id}/restore`, { token: teacher.token })).status,
      ).toBe(404);
    }
    expect(await used(school.token)).toBeLessThan(before);
    expect((await request("POST", `/v1/contents/${id}/restore`, { token: teacher.token })).status).toBe(200);
    expect((await list(teacher.token, id)).body.items.map(({ id }) => id)).toEqual([there.id]);
    expect(await used(school.token)).toBe(before + there.size);
  });

  test("are told of lesson by lesson in one query, for whoever lists lessons", async () => {
    const { listAttachmentsOfIn } = await import("../../src/attachments/attachments.ts");
    const { readTenant } = await import("../../src/db.ts");
    const [one, two] = [await it.content(teacher.token), await it.content(teacher.token)];
    await attach(teacher.token, one.id, "a.txt", text("a"));
    await attach(teacher.token, one.id, "b.txt", text("b"));
    await attach(teacher.token, two.id, "c.txt", text("c"));
    const of = (organizationId: string, ids: readonly string[]) =>
      readTenant(app.database.db, { organizationId, userId: null }, (tx) =>
        listAttachmentsOfIn(tx, organizationId, ids),
      );
    const found = await of(school.id, [one.id, two.id]);
    expect(found.get(one.id)?.map(({ name }) => name)).toEqual(["a.txt", "b.txt"]);
    expect(found.get(two.id)?.map(({ name }) => name)).toEqual(["c.txt"]);
    expect(await of(other.id, [one.id, two.id])).toEqual(new Map());
  });
});

describe("the same bytes", () => {
  const bytes = noise(50_000, 11);
  const rowsOf = (organizationId: string) =>
    admin<{ id: string; uses: number }>(
      "select file_id as id, uses from app.file where organization_id = $1 and sha256 = decode($2, 'hex')",
      [organizationId, sha256(bytes)],
    );

  test("are kept and counted once in an organization, and apart in each [row 62]", async () => {
    const [one, two] = [await it.content(teacher.token), await it.content(colleague.token)];
    const before = await used(school.token);
    const first = (await attach(teacher.token, one.id, "a.bin", bytes)).body;
    expect(await used(school.token)).toBe(before + bytes.byteLength);
    const second = (await attach(colleague.token, two.id, "b.bin", bytes)).body;
    expect(await used(school.token)).toBe(before + bytes.byteLength);
    expect((await rowsOf(school.id)).map(({ uses }) => uses)).toEqual([2]);
    const theirs = await it.content(stranger.token);
    await attach(stranger.token, theirs.id, "c.bin", bytes);
    const [mine] = await rowsOf(school.id);
    const [foreign] = await rowsOf(other.id);
    expect(foreign?.uses).toBe(1);
    expect(foreign?.id).not.toBe(mine?.id);
    // The last one that goes takes the bytes out of the count.
    await request("DELETE", `/v1/attachments/${first.id}`, { token: teacher.token });
    expect(await used(school.token)).toBe(before + bytes.byteLength);
    await request("DELETE", `/v1/attachments/${second.id}`, { token: colleague.token });
    expect(await used(school.token)).toBe(before);
    await request("POST", `/v1/attachments/${first.id}/restore`, { token: teacher.token });
    expect(await used(school.token)).toBe(before + bytes.byteLength);
  });

  test("sent by twenty at once are one file, and twenty attachments", async () => {
    const same = noise(40_000, 12);
    const { id } = await it.content(teacher.token);
    const before = await used(school.token);
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, n) => attach(teacher.token, id, `${n}.bin`, same)),
    );
    const again = await Promise.all(
      made.map(async (each, n) => (each.status === 201 ? each : attach(teacher.token, id, `${n}.bin`, same))),
    );
    expect(again.map(({ status }) => status)).toEqual(Array(20).fill(201));
    expect(await used(school.token)).toBe(before + same.byteLength);
    const [file] = await admin<{ n: number; uses: number }>(
      "select count(*)::int as n, sum(uses)::int as uses from app.file where organization_id = $1 and sha256 = decode($2, 'hex') and stored_at is not null",
      [school.id, sha256(same)],
    );
    expect(file).toEqual({ n: 1, uses: 20 });
    for (const { body } of again) expect((await bytesOf(teacher.token, body.id)).status).toBe(200);
  });
});

describe("what is too much", () => {
  test("for the quota is refused, with nothing left of it; what is there already takes no more [row 108]", async () => {
    const small = await it.organization();
    const author = await it.member(small, "teacher");
    const { id } = await it.content(author.token);
    const bytes = noise(60_000, 21);
    const first = (await attach(author.token, id, "a.bin", bytes)).body;
    const full = await used(small.token);
    await setQuota(app.deps, small.id, { storageBytes: full });
    const refused = await attach(author.token, id, "b.bin", noise(10, 22));
    expect([refused.status, slugOf(refused)]).toEqual([409, "quota_storage_reached"]);
    expect((await attach(author.token, id, "again.bin", bytes)).status).toBe(201);
    const files = await admin("select file_id from app.file where organization_id = $1", [small.id]);
    expect(files.length).toBe(1);
    // What was deleted comes back only where there is room.
    for (const { id: each } of (await list(author.token, id)).body.items)
      await request("DELETE", `/v1/attachments/${each}`, { token: author.token });
    expect((await attach(author.token, id, "c.bin", noise(60_000, 23))).status).toBe(201);
    expect(
      slugOf(await request("POST", `/v1/attachments/${first.id}/restore`, { token: author.token })),
    ).toBe("quota_storage_reached");
    expect(await used(small.token)).toBe(full);
  });

  test("for twenty at once with room for ten, ten get in", async () => {
    const small = await it.organization();
    const author = await it.member(small, "teacher");
    const { id } = await it.content(author.token);
    await setQuota(app.deps, small.id, { storageBytes: (await used(small.token)) + 10 * 5000 });
    const sent = await Promise.all(
      Array.from({ length: 20 }, (_, n) => attach(author.token, id, `${n}.bin`, noise(5000, 100 + n))),
    );
    expect(sent.filter(({ status }) => status === 201).length).toBe(10);
    expect(sent.filter((each) => slugOf(each) === "quota_storage_reached").length).toBe(10);
  });

  test("sizes are 64 bits wide, and come back exactly [row 33]", async () => {
    const { id } = await it.content(teacher.token);
    const { body } = await attach(teacher.token, id, "huge.bin", text("not really"));
    const size = 2 ** 53 - 1;
    await admin("alter table app.attachment disable trigger user; alter table app.file disable trigger user");
    await admin(
      "update app.file set size = $2 where file_id = (select file_id from app.attachment where attachment_id = $1)",
      [body.id, size],
    );
    expect(
      (await request<Wire>("GET", `/v1/attachments/${body.id}`, { token: teacher.token })).body.size,
    ).toBe(size);
    await admin("delete from app.attachment where attachment_id = $1", [body.id]);
    await admin("alter table app.attachment enable trigger user; alter table app.file enable trigger user");
    expect(
      await admin(
        "select 1 from pg_attribute where attrelid = 'app.file'::regclass and attname = 'size' and atttypid = 'bigint'::regtype",
      ),
    ).toHaveLength(1);
  });
});

describe("an Idempotency-Key", () => {
  test("makes a repeated upload one attachment, and a different one a mistake", async () => {
    const { id } = await it.content(teacher.token);
    const key = { "idempotency-key": "upload-1" };
    const first = await attach(teacher.token, id, "a.txt", text("once"), key);
    const second = await attach(teacher.token, id, "a.txt", text("once"), key);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    const third = await attach(teacher.token, id, "a.txt", text("other"), key);
    expect([third.status, slugOf(third)]).toEqual([422, "idempotency_key_reused"]);
    expect((await list(teacher.token, id)).body.items.length).toBe(1);
    const many = await Promise.all(
      Array.from({ length: 8 }, () =>
        attach(teacher.token, id, "b.txt", text("b"), { "idempotency-key": "upload-2" }),
      ),
    );
    expect(many.filter(({ status }) => status === 201).length).toBeGreaterThan(0);
    expect(many.every(({ status }) => [201, 409, 503].includes(status))).toBe(true);
    expect((await list(teacher.token, id)).body.items.length).toBe(2);
  });
});

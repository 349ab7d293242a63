/** Lessons as they travel: what comes back byte for byte, what is too much, what is asked twice, pages while others write. */
import { afterAll, describe, expect, test } from "bun:test";
import { CONTENT_BODY_LIMIT } from "../../src/http/contents.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, colleague, pupil, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
];
const any = { "if-match": "*" };

interface Content {
  readonly id: string;
  readonly slug: string;
  readonly version: number;
  readonly type?: string;
  readonly [key: string]: unknown;
}
const write = (body: unknown, headers: Record<string, string> = {}) =>
  request<Content>("POST", "/v1/contents", { token: teacher.token, headers, body });
const read = (id: string, token = teacher.token, headers: Record<string, string> = {}) =>
  request<Content>("GET", `/v1/contents/${id}`, { token, headers });
const change = (id: string, body: unknown, headers: Record<string, string> = any) =>
  request<Content>("PATCH", `/v1/contents/${id}`, { token: teacher.token, headers, body });
const rows = async (organizationId = school.id) =>
  admin("select c::text as row from app.content c where organization_id = $1 order by content_id", [
    organizationId,
  ]);

describe("what comes back", () => {
  const cruel = [
    "twice",
    "twice",
    "",
    " ",
    "NULL",
    "null",
    "{}",
    "{",
    '"',
    '""',
    "a,b",
    "\\",
    "\\\\",
    '\\"',
    "\n\t",
    "'",
    "ñ 漢 🧪",
    "\u00a0",
    "a\u0301",
    "$1",
    "--",
    "\u0001",
    "\ufffd",
  ];

  test("lists of words: repeated, quoted, escaped, named like nothing [row 28]", async () => {
    const words = cruel.filter((word) => word !== "");
    const lists = {
      tags: words,
      prerequisites: [...words].reverse(),
      learningObjectives: ["twice", "twice"],
    };
    const made = await write({ title: "Lists", ...lists });
    expect(made.status).toBe(201);
    expect((await read(made.body.id)).body).toMatchObject(lists);
    await change(made.body.id, { tags: [], prerequisites: ["one"] });
    expect((await read(made.body.id)).body).toMatchObject({
      tags: [],
      prerequisites: ["one"],
      learningObjectives: ["twice", "twice"],
    });
    for (const word of words) {
      const list = await request<{ items: readonly { readonly id: string }[] }>(
        "GET",
        `/v1/contents?${new URLSearchParams({ tag: word })}`,
        { token: school.token },
      );
      expect([word, list.body.items]).toEqual([word, []]);
    }
  });

  test("documents: names of every sort untouched, deep inside too, and numbers as they are [row 27]", async () => {
    const metadata = {
      b: 1,
      a: 2,
      snake_case: { inner_name: { "kebab-name": [{ deep_name: true }] } },
      camelCase: null,
      UPPER: "x",
      "": 0,
      " ": [],
      "a.b": {},
      'q"\\/': "\\",
      "ключ 漢 🧪": "значение",
      constructor: 1,
      toString: 2,
      toJSON: 3,
      hasOwnProperty: 4,
      contentId: 5,
      organization_id: 6,
      $ref: "#",
      float: [0.1, -0.5, 1e-7, 1.7976931348623157, 123456789.125, 0],
      integer: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      words: cruel,
    };
    const made = await write({ title: "Documents", metadata, settings: { metadata } });
    expect(made.status).toBe(201);
    await change(made.body.id, { title: "Documents again" });
    const { body } = await read(made.body.id);
    expect(JSON.stringify(body.metadata)).toBe(JSON.stringify(metadata));
    expect(JSON.stringify(body.settings)).toBe(JSON.stringify({ metadata }));
    const [stored] = await admin<{ metadata: string }>(
      "select metadata::text from app.content where content_id = $1",
      [made.body.id],
    );
    expect(stored?.metadata).toBe(JSON.stringify(metadata));
  });

  test("names that are numbers keep their values; they come first, in their order, as in every JavaScript [row 27]", async () => {
    const text = '{"b":1,"a":2,"10":3,"2":4,"-1":5,"01":6}';
    const made = await write(`{"title":"Numbers","metadata":${text}}`);
    const { body } = await read(made.body.id);
    expect(body.metadata).toEqual(JSON.parse(text));
    expect(JSON.stringify(body.metadata)).toBe('{"2":4,"10":3,"b":1,"a":2,"-1":5,"01":6}');
  });

  test("a body of 200 KB in every alphabet, and none that is more than may be sent [row 23]", async () => {
    const text = "Zeile – строка – 行 – سطر – 🧪\r\n\t\\\"'<&>\u0001\n".repeat(3300);
    expect(Buffer.byteLength(text)).toBeGreaterThan(200_000);
    const made = await write({ title: "Long", body: text });
    expect(made.status).toBe(201);
    expect((await read(made.body.id)).body.body).toBe(text);
    await change(made.body.id, { title: "Longer" });
    expect((await read(made.body.id)).body.body).toBe(text);
    const before = await rows();
    const most = `{"title":"T","body":"${"x".repeat(CONTENT_BODY_LIMIT)}"}`;
    for (const answer of [await write(most), await change(made.body.id, most)]) {
      expect([answer.status, answer.body.type]).toEqual([413, "urn:satchel:problem:body_too_large"]);
    }
    expect(await rows()).toEqual(before);
  });

  test("a body of 4 MiB, which an import may bring, is written and changed; one more byte is refused with its place [row 23]", async () => {
    const longest = "zwölf Wörter ".repeat(400_000).slice(0, 3_600_000);
    const body = longest + "x".repeat(4 * 1024 * 1024 - Buffer.byteLength(longest));
    const made = await write({ title: "Longest", body }, { "idempotency-key": "longest" });
    expect(made.status).toBe(201);
    expect((await write({ title: "Longest", body }, { "idempotency-key": "longest" })).body.id).toBe(
      made.body.id,
    );
    expect((await change(made.body.id, { title: "Longer", body: `y${body.slice(1)}` })).status).toBe(200);
    expect((await read(made.body.id)).body.body).toBe(`y${body.slice(1)}`);
    const before = await rows();
    const over = { title: "T", body: `${body}x` };
    const batch = (operation: string, item: unknown) =>
      request("POST", `/v1/contents/batches/${operation}`, {
        token: teacher.token,
        body: { mode: "all", items: [item] },
      });
    for (const answer of [await write(over), await change(made.body.id, over)]) {
      expect([answer.status, answer.body.type]).toEqual([422, "urn:satchel:problem:invalid_request"]);
      expect(answer.body.errors).toEqual([{ pointer: "#/body", detail: "must have at most 4194304 bytes" }]);
    }
    for (const answer of [
      await batch("create", over),
      await batch("update", { id: made.body.id, version: "*", ...over }),
    ]) {
      expect([answer.status, answer.body]).toMatchObject([
        409,
        { errors: [{ pointer: "#/items/0/body", detail: "must have at most 4194304 bytes" }] },
      ]);
    }
    expect(await rows()).toEqual(before);
  });

  test("text that cannot be stored is refused with its place, and nothing is [row 23]", async () => {
    const lesson = await it.content(teacher.token);
    const before = await rows();
    for (const [field, value] of [
      ["title", '"a\\u0000b"'],
      ["body", '"\\ud800"'],
      ["tags", '["a\\u0000"]'],
      ["metadata", '{"a":"\\u0000"}'],
      ["metadata", '{"\\u0000":1}'],
      ["metadata", '{"a":9007199254740993}'],
      ["settings", '{"a":1e400}'],
    ]) {
      const body = `{"title":"T","${field}":${value}}`.replace(/^\{"title":"T","title"/, '{"title"');
      for (const answer of [await write(body), await change(lesson.id, body)]) {
        expect([field, answer.status]).toEqual([field, 422]);
        expect(JSON.stringify(answer.body)).toContain(`"#/${field}`);
      }
    }
    expect(await rows()).toEqual(before);
  });
});

describe("who may not", () => {
  test("pupils and parents write, change, publish, delete, restore and look into the past of nothing", async () => {
    const lesson = await it.published(teacher.token);
    const before = await rows();
    for (const { token } of [pupil, parent]) {
      for (const [method, path, body] of [
        ["POST", "/v1/contents", { title: "T" }],
        ["PATCH", `/v1/contents/${lesson.id}`, { title: "T" }],
        ["DELETE", `/v1/contents/${lesson.id}`, undefined],
        ["POST", `/v1/contents/${lesson.id}/publish`, undefined],
        ["POST", `/v1/contents/${lesson.id}/unpublish`, undefined],
        ["POST", `/v1/contents/${lesson.id}/restore`, undefined],
        ["GET", `/v1/contents/${lesson.id}/history`, undefined],
      ] as const) {
        expect((await request(method, path, { token, headers: any, body })).status).toBe(403);
      }
    }
    expect(await rows()).toEqual(before);
  });

  test("a deleted lesson of a colleague is gone before it is forbidden, and only restoring says which", async () => {
    const lesson = await it.content(teacher.token);
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
    const { token } = colleague;
    const path = `/v1/contents/${lesson.id}`;
    expect((await request("PATCH", path, { token, headers: any, body: { title: "T" } })).status).toBe(404);
    expect((await request("DELETE", path, { token })).status).toBe(404);
    expect((await request("POST", `${path}/publish`, { token })).status).toBe(404);
    expect((await request("POST", `${path}/restore`, { token })).status).toBe(403);
    expect((await request("POST", `${path}/restore`, { token: other.token })).status).toBe(404);
    expect((await request("POST", `${path}/restore`, { token: teacher.token })).status).toBe(200);
  });
});

describe("asked again [row 108]", () => {
  test("a lesson that is written twice under one key is written once, and another key writes another", async () => {
    const body = { title: "Once", metadata: { b: 1, a: [] } };
    const headers = { "idempotency-key": crypto.randomUUID() };
    const before = (await rows()).length;
    const answers = await Promise.all(Array.from({ length: 5 }, () => write(body, headers)));
    const later = await write(body, headers);
    for (const answer of [...answers, later]) {
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual(later.body);
    }
    expect(later.headers.get("idempotency-replayed")).toBe("true");
    expect((await rows()).length).toBe(before + 1);
    expect((await write({ ...body, title: "Other" }, headers)).status).toBe(422);
    const another = await write(body, { "idempotency-key": crypto.randomUUID() });
    expect(another.body.id).not.toBe(later.body.id);
    expect((await rows()).length).toBe(before + 2);
  });

  test("a publishing that is repeated under its key is answered again, and publishes once", async () => {
    const lesson = await it.content(teacher.token);
    const headers = { "idempotency-key": crypto.randomUUID() };
    const publish = () =>
      request<Content>("POST", `/v1/contents/${lesson.id}/publish`, { token: teacher.token, headers });
    const [first, second] = [await publish(), await publish()];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body).toEqual(first.body);
    expect((await read(lesson.id)).body.version).toBe(2);
  });

  test("of two changes from one version exactly one is made, and a star overwrites knowingly", async () => {
    const [lesson, beside] = [await it.content(teacher.token), await it.content(teacher.token)];
    const answers = await Promise.all(
      ["A", "B"].map((title) => change(lesson.id, { title }, { "if-match": '"1"' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const winner = answers.find(({ status }) => status === 200);
    expect((await read(lesson.id)).body).toEqual(winner?.body ?? { id: "", slug: "", version: 0 });
    expect((await change(lesson.id, { title: "C" })).body).toMatchObject({ title: "C", version: 3 });
    for (const [header, status] of [
      ["2", 400],
      ['"2", "3"', 400],
      ['W/"3"', 412],
      ['"03"', 412],
      ['"99999999999999999999"', 412],
    ] as const) {
      expect((await change(lesson.id, { title: "D" }, { "if-match": header })).status).toBe(status);
    }
    expect((await change(lesson.id, { title: "D" }, {})).status).toBe(428);
    expect((await read(lesson.id)).body.title).toBe("C");
    expect((await read(beside.id)).body.version).toBe(1);
  });

  test("a lesson that is known by its version is not sent again, to nobody else's eyes either", async () => {
    const lesson = await it.content(teacher.token);
    const made = await read(lesson.id);
    const etag = made.headers.get("etag") ?? "";
    expect(etag).toBe('"1"');
    const unchanged = await read(lesson.id, teacher.token, { "if-none-match": `"7", ${etag}` });
    expect([unchanged.status, unchanged.body, unchanged.headers.get("etag")]).toEqual([304, null, '"1"']);
    expect((await read(lesson.id, pupil.token, { "if-none-match": "*" })).status).toBe(404);
    expect((await read(lesson.id, other.token, { "if-none-match": etag })).status).toBe(404);
  });
});

describe("pages [row 56]", () => {
  interface Page {
    readonly items: readonly { readonly id: string }[];
    readonly nextCursor: string | null;
  }
  const page = (query: string, token: string) => request<Page>("GET", `/v1/contents?${query}`, { token });

  test("give every lesson that stays once, while others are written, deleted and published between them", async () => {
    const house = await it.organization();
    await admin(
      `insert into app.content (organization_id, title, slug)
       select $1, 'L', 'l-' || i from generate_series(1, 60) i`,
      [house.id],
    );
    const all = (
      await admin<{ id: string }>(
        "select content_id as id from app.content where organization_id = $1 order by content_id desc",
        [house.id],
      )
    ).map(({ id }) => id);
    const seen: string[] = [];
    const gone = new Set<string>();
    let cursor: string | null = null;
    for (let round = 0; ; round++) {
      const more: string = cursor === null ? "" : `&cursor=${cursor}`;
      const { body } = await page(`limit=7${more}`, house.token);
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
      if (cursor === null) break;
      await it.content(house.token);
      const [last, ahead] = [seen.at(-1) ?? "", all[seen.length + 2]];
      // The one that the cursor stands on, and one that is still to come.
      for (const id of round % 2 === 0 && ahead !== undefined ? [last, ahead] : [last]) {
        await request("DELETE", `/v1/contents/${id}`, { token: house.token });
        gone.add(id);
      }
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(all.filter((id) => !gone.has(id) && !seen.includes(id))).toEqual([]);
    expect(seen).toEqual(all.filter((id) => seen.includes(id)));
  });

  test("of another list, organization or filter are not gone on with, nor more or fewer than may be asked for", async () => {
    for (let n = 0; n < 3; n++) {
      await it.published(teacher.token, { language: "fr" });
      await it.content(other.token, { language: "fr" });
    }
    const { body } = await page("limit=1&language=fr", teacher.token);
    const cursor = encodeURIComponent(body.nextCursor ?? "");
    expect((await page(`limit=2&language=fr&cursor=${cursor}`, teacher.token)).status).toBe(200);
    for (const [query, token] of [
      [`cursor=${cursor}`, teacher.token],
      [`language=de&cursor=${cursor}`, teacher.token],
      [`language=fr&status=published&cursor=${cursor}`, teacher.token],
      [`language=fr&cursor=${cursor}`, other.token],
      [`language=fr&cursor=${cursor.slice(0, -2)}`, teacher.token],
      ["language=fr&cursor=", teacher.token],
      ["limit=0", teacher.token],
      ["limit=101", teacher.token],
      ["limit=-1", teacher.token],
      ["limit=2.0", teacher.token],
      ["limit=", teacher.token],
    ] as const) {
      expect([query, (await page(query, token)).status]).toEqual([query, 422]);
    }
    const users = await request("GET", `/v1/users?cursor=${cursor}`, { token: school.token });
    expect(users.status).toBe(422);
  });
});

test("languages are one, however they are written [row 26]", async () => {
  for (const [written, code] of [
    ["pt-br", "pt-BR"],
    ["PORTUGUESE-br", "pt-BR"],
    ["ZH-hans-cn", "zh-Hans-CN"],
    ["en-us", "en-US"],
  ] as const) {
    const made = await write({ title: "L", language: written });
    expect(made.body.language).toBe(code);
    const found = await request<{ items: readonly { readonly id: string }[] }>(
      "GET",
      `/v1/contents?language=${written.toUpperCase()}&limit=100`,
      { token: teacher.token },
    );
    expect(found.body.items.map(({ id }) => id)).toContain(made.body.id);
  }
});

/** Finding lessons: by their words in their languages, only what is published, only one's own, in pages. */
import { afterAll, describe, expect, test } from "bun:test";
import { safeSnippet } from "../../src/search/search.ts";
import { domain } from "../support/domain.ts";
import { ask, findAll, reindex, runReindexing } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [teacher, pupil, parent] = [
  await it.member(school, "teacher"),
  await it.member(school, "student"),
  await it.member(school, "parent"),
];

const titles = async (q: string, more: Record<string, string> = {}, token = pupil.token) =>
  (await findAll(app, token, { q, ...more })).map(({ title }) => title);
const ids = async (q: string, token = pupil.token) => (await findAll(app, token, { q })).map(({ id }) => id);
const act = (id: string, action: string, token = teacher.token) =>
  request("POST", `/v1/contents/${id}/${action}`, { token });
const change = (id: string, body: unknown) =>
  request("PATCH", `/v1/contents/${id}`, { token: teacher.token, headers: { "if-match": "*" }, body });
const publish = async (fields: Record<string, unknown>, token = teacher.token) => {
  const lesson = await it.published(token, { body: "", ...fields });
  await runReindexing(app);
  return lesson;
};

describe("words [row 25]", () => {
  test("are found in any of their forms, and lessons without them are not", async () => {
    await publish({ title: "Accelerating trains", body: "They were running." });
    await publish({ title: "Aceleraciones constantes", language: "es", body: "Corriendo deprisa." });
    await publish({ title: "Resting stones", body: "Nothing moves." });
    for (const q of ["accelerate", "acceleration", "ACCELERATED", "runs", "accelerated trains running"]) {
      expect(await titles(q)).toEqual(["Accelerating trains"]);
    }
    for (const q of ["aceleración", "aceleraciones", "correr", "ACELERACIÓN constante"]) {
      expect(await titles(q)).toEqual(["Aceleraciones constantes"]);
    }
    // All words must occur.
    expect(await titles("accelerate stones")).toEqual([]);
  });

  test("each lesson is searched in its own language: Spanish words in an English lesson are no Spanish words", async () => {
    await publish({ title: "Quebrantos", body: "quebrantaciones" });
    await publish({ title: "Quebrantos de verdad", body: "quebrantaciones", language: "spanish" });
    expect(await titles("quebrantación")).toEqual(["Quebrantos de verdad"]);
    expect((await titles("quebrantaciones")).sort()).toEqual(["Quebrantos", "Quebrantos de verdad"]);
  });

  test("of one language alone, named by its code or its name; a language nobody writes in finds nothing", async () => {
    await publish({ title: "Vulkan", language: "de" });
    await publish({ title: "Vulkan in english", language: "en" });
    await publish({ title: "Vulkan brasileiro", language: "portuguese-br" });
    for (const language of ["de", "German", "DE"]) {
      expect(await titles("vulkan", { language })).toEqual(["Vulkan"]);
    }
    for (const language of ["pt-BR", "pt-br", "Portuguese-BR"]) {
      expect(await titles("vulkan", { language })).toEqual(["Vulkan brasileiro"]);
    }
    expect(await titles("vulkan", { language: "fr" })).toEqual([]);
    expect(await titles("vulkan", { language: "xx" })).toEqual([]);
    expect(await titles("vulkan")).toHaveLength(3);
    expect((await ask(app, pupil.token, { q: "vulkan", language: "_" })).status).toBe(422);
  });

  test("in the title count more than in the tags, these more than in the description, the body last", async () => {
    const rest = { title: "Filler", tags: ["filler"], description: "filler", body: "filler" };
    await publish({ ...rest, body: "obsidian" });
    await publish({ ...rest, tags: ["obsidian"] });
    await publish({ ...rest, title: "Obsidian" });
    await publish({ ...rest, description: "obsidian" });
    const found = await findAll(app, pupil.token, { q: "obsidian" });
    const where = await Promise.all(
      found.map(async ({ id }) => {
        const { body } = await request(`GET`, `/v1/contents/${id}`, { token: pupil.token });
        return Object.keys(rest).find((field) => /obsidian/i.test(String(body[field])));
      }),
    );
    expect(where).toEqual(["title", "tags", "description", "body"]);
    const scores = found.map(({ score }) => score);
    expect(new Set(scores).size).toBe(4);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
  });

  test("close to each other count more than far apart", async () => {
    const far = `quartz ${"filler ".repeat(60)} feldspar`;
    await publish({ title: "Far", body: far });
    await publish({ title: "Near", body: `quartz feldspar ${"filler ".repeat(60)}` });
    expect(await titles("quartz feldspar")).toEqual(["Near", "Far"]);
  });

  test("are words whatever stands around them: typographic quotes, dashes, signs, hyphens nobody sees", async () => {
    const around = [
      ["“", "”"],
      ["‘", "’s"],
      ["«", "»"],
      ["¿", "?"],
      ["¡", "!"],
      ["a—", "—b"],
      ["–", "…"],
      ["→", "≤"],
      ["•\u00a0", "\u2009"],
      ["(", ")"],
      ["，", "。"],
      ["\u200f", "\u200e"],
      ["\u0001", "\u001f"],
    ] as const;
    for (const [at, [before, after]] of around.entries()) {
      const word = `zeolit${"abcdefghijklmnop"[at]}`;
      const lesson = await it.published(teacher.token, { title: "Z", body: `${before}${word}${after}` });
      const hidden = await it.published(teacher.token, { title: "Z", body: `zeo\u00adlit${word.slice(6)}` });
      await runReindexing(app);
      for (const q of [word, `${before}${word}${after}`.replace(/[ab]?[—–…]b?/g, " ")]) {
        expect([q, (await ids(q)).sort()]).toEqual([q, [lesson.id, hidden.id].sort()]);
      }
    }
    // On a phone a phrase is quoted like this.
    await publish({ title: "Pumice stone" });
    await publish({ title: "Stone of pumice" });
    expect(await titles("“pumice stone”")).toEqual(["Pumice stone"]);
  });

  test("phrases, alternatives and exclusions work, and stop words alone find nothing", async () => {
    await publish({ title: "Basalt column" });
    await publish({ title: "Column of basalt" });
    await publish({ title: "Gneiss" });
    expect(await titles('"basalt column"')).toEqual(["Basalt column"]);
    expect((await titles("basalt or gneiss")).sort()).toEqual([
      "Basalt column",
      "Column of basalt",
      "Gneiss",
    ]);
    expect((await titles("basalt -gneiss")).sort()).toEqual(["Basalt column", "Column of basalt"]);
    expect(await titles('column -"basalt column" basalt')).toEqual(["Column of basalt"]);
    const without = await titles("-basalt");
    expect(without).toContain("Gneiss");
    expect(without.filter((title) => /basalt/i.test(title))).toEqual([]);
    for (const q of ["the", "the of and", '"the"', " ", "-", "or", "!!!", "…"]) {
      expect(await titles(q, { language: "en" })).toEqual([]);
    }
  });
});

describe("snippets [row 25]", () => {
  const snippets = async (q: string) =>
    (await findAll(app, pupil.token, { q })).map(({ snippet }) => snippet);

  test("show the text around what matched, marked, and never a tag or a mark of the lesson's own", async () => {
    await publish({
      title: "<b>Travertine</b>",
      body: `A & B "quoted" it's 1 < 2 <script>alert(1)</script> travertine \ue000fake\ue001 <img src=x onerror=alert(1)>`,
    });
    const [snippet = ""] = await snippets("travertine");
    expect(snippet).toContain("<mark>travertine</mark>");
    for (const text of ["quoted&quot; it&#39;s 1 &lt; 2", "</mark> fake", "&lt;img src=x"]) {
      expect(snippet).toContain(text);
    }
    // Nothing but the marks is left of markup, however it was written.
    expect(snippet.replaceAll("<mark>", "").replaceAll("</mark>", "")).not.toMatch(/[<>"'\ue000\ue001]/);
    expect(snippet.match(/<mark>/g)).toHaveLength(1);
    expect(snippet).not.toContain("<mark>fake");
  });

  test("show typographic marks as they were written", async () => {
    const body =
      "Dicen: ¿qué es “scoria”? — F → m × a ≤ b, «sí»… una roca volcánica que es más ligera que otras rocas";
    await publish({ title: "S", body, language: "es" });
    const [snippet] = await snippets("scoria");
    expect(snippet).toContain("¿qué es “<mark>scoria</mark>”? — F → m × a ≤ b, «sí»… una");
  });

  test("of any text are safe: every mark is closed, and no other character makes a tag", () => {
    const cruel = ["<", ">", "&", '"', "'", "\ue000", "\ue001", "x", "<mark>", "</mark>", "&amp;"];
    for (const a of cruel) {
      for (const b of cruel) {
        const html = safeSnippet(`${a}${b}`);
        expect(html.replaceAll(/<\/?mark>/g, "")).not.toMatch(/[<>"']/);
        expect(html.match(/<mark>/g)?.length ?? 0).toBe(`${a}${b}`.split("\ue000").length - 1);
      }
    }
  });

  test("come from the description where there is no body, and mark each form in its own language", async () => {
    await publish({ title: "Gabbro", description: "Gabbro is a rock." });
    await publish({ title: "Roca", language: "es", body: "Las rocas gabbro y una gabbro más." });
    const found = await findAll(app, pupil.token, { q: "gabbro" });
    expect(found.find(({ title }) => title === "Gabbro")?.snippet).toContain("<mark>Gabbro</mark> is");
    const spanish = found.find(({ title }) => title === "Roca")?.snippet ?? "";
    expect(spanish.match(/<mark>gabbro<\/mark>/g)).toHaveLength(2);
    expect((await findAll(app, pupil.token, { q: "roca gabbro", language: "es" }))[0]?.snippet).toContain(
      "<mark>rocas</mark>",
    );
  });

  test("of a long lesson are short, and no longer than two fragments", async () => {
    await publish({ title: "Long", body: `${"filler ".repeat(4000)}dolomite ${"filler ".repeat(3000)}` });
    const [snippet = ""] = await snippets("dolomite");
    expect(snippet).toContain("<mark>dolomite</mark>");
    expect(snippet.length).toBeLessThan(1000);
  });
});

describe("only what is published [row 25] [row 55]", () => {
  const tokens = [teacher.token, pupil.token, parent.token, school.token];
  const everybody = async (q: string) => {
    const found = await Promise.all(tokens.map((token) => ids(q, token)));
    // Staff and pupils search alike.
    for (const one of found) expect(one).toEqual(found[0] ?? []);
    return found[0];
  };

  test("a draft is never found, a published one once it is indexed, a withdrawn one at once not, by nobody", async () => {
    const lesson = await it.content(teacher.token, { title: "Andesite" });
    const beside = await publish({ title: "Andesite beside" });
    await reindex(app, { organizationId: school.id, contentIds: [lesson.id] });
    expect(await everybody("andesite")).toEqual([beside.id]);
    await act(lesson.id, "publish");
    expect(await everybody("andesite")).toEqual([beside.id]);
    expect(await runReindexing(app)).toBe(1);
    expect((await everybody("andesite"))?.toSorted()).toEqual([lesson.id, beside.id].sort());
    await act(lesson.id, "unpublish");
    expect(await everybody("andesite")).toEqual([beside.id]);
    expect(await runReindexing(app)).toBe(0);
    await act(lesson.id, "publish");
    await runReindexing(app);
    await request("DELETE", `/v1/contents/${lesson.id}`, { token: teacher.token });
    expect(await everybody("andesite")).toEqual([beside.id]);
    await act(lesson.id, "restore");
    expect(await everybody("andesite")).toEqual([beside.id]);
    await runReindexing(app);
    expect((await everybody("andesite"))?.toSorted()).toEqual([lesson.id, beside.id].sort());
  });

  test("one that is withdrawn or deleted between the enqueuing and the job stays out, its neighbour goes in", async () => {
    const [withdrawn, deleted, stays] = [
      await it.published(teacher.token, { title: "Rhyolite" }),
      await it.published(teacher.token, { title: "Rhyolite" }),
      await it.published(teacher.token, { title: "Rhyolite" }),
    ];
    await act(withdrawn.id, "unpublish");
    await request("DELETE", `/v1/contents/${deleted.id}`, { token: teacher.token });
    expect(await runReindexing(app)).toBe(3);
    expect(await everybody("rhyolite")).toEqual([stays.id]);
  });

  test("a word of the index whose lesson was withdrawn behind its back is not found: the lesson has the last word", async () => {
    const [lesson, beside] = [await publish({ title: "Komatiite" }), await publish({ title: "Komatiite" })];
    await admin("update app.content set status = 'archived', published_at = null where content_id = $1", [
      lesson.id,
    ]);
    expect(await everybody("komatiite")).toEqual([beside.id]);
  });

  test("a changed lesson is found by its new words and its new language, and no longer by the old", async () => {
    const lesson = await publish({ title: "Peridotite", tags: ["mantle"], body: "olivine" });
    await change(lesson.id, { title: "Eclogitas", tags: [], body: "granates", language: "es" });
    await runReindexing(app);
    // The draft is nothing to be found, and what readers see still is.
    expect(await ids("eclogita")).toEqual([]);
    expect(await titles("olivine")).toEqual(["Peridotite"]);
    await it.publish(teacher.token, lesson.id);
    await runReindexing(app);
    for (const q of ["peridotite", "mantle", "olivine"]) expect(await ids(q)).toEqual([]);
    for (const q of ["eclogita", "granate"]) expect(await ids(q)).toEqual([lesson.id]);
    expect(await titles("eclogita", { language: "en" })).toEqual([]);
  });

  test("a whole organization is indexed anew, and the others are left as they are [row 99]", async () => {
    const house = await it.organization();
    const lessons = await Promise.all(
      Array.from({ length: 23 }, (_, n) => it.published(house.token, { title: `Migmatite ${n}` })),
    );
    await admin("delete from pgboss.job");
    await admin("delete from app.content_search where organization_id = $1", [house.id]);
    const theirs = await it.published(other.token, { title: "Migmatite" });
    await admin("delete from pgboss.job");
    await reindex(app, { organizationId: house.id, all: true });
    expect((await ids("migmatite", house.token)).sort()).toEqual(lessons.map(({ id }) => id).sort());
    expect(await ids("migmatite", other.token)).toEqual([]);
    await reindex(app, { organizationId: other.id, contentIds: [theirs.id] });
    expect(await ids("migmatite", other.token)).toEqual([theirs.id]);
  });
});

test("another organization's lessons are never found, though the words are the same [row 42] [row 45]", async () => {
  const mine = await publish({ title: "Amphibolite", tags: ["amphibolite"], body: "amphibolite" });
  const theirs = await publish({ title: "Amphibolite", body: "amphibolite amphibolite" }, other.token);
  expect(await ids("amphibolite")).toEqual([mine.id]);
  expect(await ids("amphibolite", other.token)).toEqual([theirs.id]);
  expect(await ids("-nothing", other.token)).not.toContain(mine.id);
  // A job of one organization that names another's lesson does nothing to it.
  await admin("delete from app.content_search where content_id = $1", [theirs.id]);
  await reindex(app, { organizationId: school.id, contentIds: [theirs.id] });
  expect(await ids("amphibolite", other.token)).toEqual([]);
});

describe("pages [row 56]", () => {
  const word = "serpentinite";
  let all: readonly string[] = [];

  test("of any size give every match once, best first, across languages and equal scores", async () => {
    const house = await it.organization();
    // Equal texts in threes: their scores are equal, and only the id tells them apart.
    await admin(
      `insert into app.content (organization_id, title, slug, body, language, status, published_at)
       select $1, case when i % 7 = 0 then $2 else 'L' end, 'l-' || i, repeat($2 || ' ', 1 + i / 3 % 5) || repeat('filler ', i / 9),
         (array['en', 'es', 'de', 'simple'])[1 + i % 4], 'published', now()
       from generate_series(1, 90) i`,
      [house.id, word],
    );
    await admin(
      "insert into app.content (organization_id, title, slug, body, status, published_at) values ($1, 'N', 'n', 'none', 'published', now())",
      [house.id],
    );
    await reindex(app, { organizationId: house.id, all: true });
    const whole = await findAll(app, house.token, { q: word, limit: "100" });
    all = whole.map(({ id }) => id);
    expect(new Set(all).size).toBe(90);
    const scores = whole.map(({ score }) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(new Set(scores).size).toBeLessThan(60);
    for (const limit of ["1", "7", "30", "90"]) {
      expect((await findAll(app, house.token, { q: word, limit })).map(({ id }) => id)).toEqual([...all]);
    }
    // All alike: without a word that counts, the id alone makes the order.
    const none = await findAll(app, house.token, { q: "-nothingatall", limit: "8" });
    expect(new Set(none.map(({ id }) => id)).size).toBe(91);
    expect(new Set(none.map(({ score }) => score)).size).toBe(1);
  });

  test("go on where they were when lessons come and go meanwhile", async () => {
    const house = await it.organization();
    const lessons = await Promise.all(
      Array.from({ length: 12 }, () => it.published(house.token, { title: word, body: "" })),
    );
    await runReindexing(app);
    const first = await ask(app, house.token, { q: word, limit: "4" });
    const seen = first.body.items.map(({ id }) => id);
    const gone = lessons.find(({ id }) => !seen.includes(id));
    await request("DELETE", `/v1/contents/${gone?.id}`, { token: house.token });
    await request("DELETE", `/v1/contents/${seen[0]}`, { token: house.token });
    const cursor = first.body.nextCursor ?? "";
    const rest = await findAll(app, house.token, { q: word, limit: "4", cursor });
    const expected = lessons.map(({ id }) => id).filter((id) => !seen.includes(id) && id !== gone?.id);
    expect(rest.map(({ id }) => id).sort()).toEqual(expected.sort());
  });

  test("of another search, another organization or another list are not gone on with", async () => {
    const [one, two] = [await publish({ title: word }), await publish({ title: word })];
    expect(one.id).not.toBe(two.id);
    await publish({ title: word }, other.token);
    const { body } = await ask(app, pupil.token, { q: word, limit: "1" });
    const cursor = body.nextCursor ?? "";
    expect((await ask(app, pupil.token, { q: word, limit: "1", cursor })).status).toBe(200);
    for (const [token, query] of [
      [pupil.token, { q: `${word} x`, cursor }],
      [pupil.token, { q: word, language: "en", cursor }],
      [other.token, { q: word, limit: "1", cursor }],
      [pupil.token, { q: word, cursor: `${cursor}x` }],
      [pupil.token, { q: word, cursor: "" }],
    ] as const) {
      expect((await ask(app, token, query)).status).toBe(422);
    }
    const list = `/v1/contents?limit=1&cursor=${encodeURIComponent(cursor)}`;
    expect((await request("GET", list, { token: pupil.token })).status).toBe(422);
    for (const limit of ["0", "101", "-1", "1.5", "x"]) {
      expect((await ask(app, pupil.token, { q: word, limit })).status).toBe(422);
    }
  });
});

describe("what is typed", () => {
  test.each([
    ['"unbalanced'],
    ['a "b" "'],
    ["'"],
    ["it's"],
    ["\\"],
    ["\\' or 1=1 --"],
    [":*"],
    ["word:*A"],
    ["a <-> b"],
    ["a & | ! ()"],
    ["(((("],
    ["--------"],
    ["or or or"],
    ["- - -x"],
    ["🧪"],
    ["🧪 gneiss"],
    ["שלום עולם"],
    ["مرحبا"],
    ["漢字"],
    ["\u200f\u202e\ufeff"],
    ["\ue000gneiss\ue001"],
    ["<script>alert(1)</script>"],
    ["http://example.org/a?b=c&d=e"],
    ["a@b.example"],
    ["%"],
    ["1e999"],
    ["\n\t\r"],
    ["$1 $2"],
    ["x".repeat(500)],
    ["漢".repeat(400)],
    ["🧪".repeat(250)],
    ["-".repeat(500)],
    ['"'.repeat(500)],
    ["a ".repeat(250)],
    ["-a ".repeat(166)],
    ["a or ".repeat(100)],
    [Array.from({ length: 125 }, (_, n) => `w${n % 10}`).join(" ")],
  ])("%j is answered, with 200", async (q) => {
    for (const query of [{ q }, { q, language: "en" }, { q, language: "simple" }, { q, language: "es" }]) {
      const { status, body } = await ask(app, pupil.token, query);
      expect([status, Array.isArray(body.items)]).toEqual([200, true]);
    }
  });

  test.each([
    ["nothing", "q="],
    ["no question", ""],
    ["too much", `q=${"x".repeat(501)}`],
    ["NUL", "q=a%00b"],
    ["half a character", "q=%ED%A0%80"],
    ["a broken escape", "q=%E0%A4%A"],
    ["two questions", "q=a&q=b"],
    ["another organization", `q=a&organizationId=${other.id}`],
  ])("%s is refused", async (_what, query) => {
    const { status } = await request("GET", `/v1/search?${query}`, { token: pupil.token });
    expect([400, 422]).toContain(status);
  });
});

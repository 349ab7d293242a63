/** The main job from end to end: two schools, two books, two languages, through the executable alone. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { type RunningSatchel, satchel as run, startSatchel } from "../support/binary.ts";
import { ask, type Founded, found, until } from "../support/http.ts";

setDefaultTimeout(60_000);

interface Found {
  readonly items: readonly {
    readonly sourceId: string;
    readonly title: string;
    readonly snippet: string;
    readonly score: number;
  }[];
  readonly nextCursor: string | null;
}

const FIXTURES = join(import.meta.dir, "../fixtures");
let satchel: RunningSatchel;
let python: Founded;
let physics: Founded;

beforeAll(async () => {
  satchel = await startSatchel();
  python = await found(satchel.url, "python", satchel.setupCode);
  const code = await run(["setup-code"], { folder: satchel.folder });
  physics = await found(satchel.url, "fisica", code.out.trim());
}, 60_000);

afterAll(async () => {
  expect(await satchel.stop()).toBe(0);
}, 60_000);

const importBook = (book: string, slug: string) =>
  run(["import", join(FIXTURES, book), "--organization", slug, "--publish"], { folder: satchel.folder });

const search = (token: string, query: string) =>
  ask<Found>(satchel.url, "GET", `/v1/search?${query}`, { token }).then(({ body }) => body);

test("a book is imported while the server runs, and importing it again changes nothing [row 93]", async () => {
  const first = await importBook("lessons.en.ndjson", "python");
  expect(first).toMatchObject({ code: 0 });
  expect(first.out).toContain("Imported 5 lessons: 5 added, 0 changed, 0 unchanged, 0 refused");
  expect((await importBook("lessons.es.ndjson", "fisica")).out).toContain("4 added");
  const again = await importBook("lessons.en.ndjson", "python");
  expect(again.out).toContain("0 added, 0 changed, 5 unchanged, 0 refused");
  expect(again.out).toMatch(/\d+ lessons\/s/);
});

test("lessons are found by their words, English ones in one school, Spanish ones stemmed in the other [row 25]", async () => {
  const loops = await until(
    "finding loops",
    () => search(python.token, "q=while+loop"),
    ({ items }) => items.length > 0,
  );
  expect(loops.items.map(({ sourceId }) => sourceId).sort()).toEqual(["py-01", "py-02"]);
  expect(loops.items[0]?.snippet).toContain("<mark>");

  const accelerations = await until(
    "finding accelerations",
    () => search(physics.token, "q=aceleraciones"),
    ({ items }) => items.length > 0,
  );
  expect(accelerations.items.map(({ sourceId }) => sourceId).sort()).toEqual(["fi-01", "fi-02"]);
  expect(accelerations.items[0]?.sourceId).toBe("fi-01");
  for (const language of ["es", "spanish", "Spanish"]) {
    expect((await search(physics.token, `q=aceleraciones&language=${language}`)).items).toHaveLength(2);
  }
  expect((await search(physics.token, "q=aceleraciones&language=en")).items).toEqual([]);
});

test("neither school finds anything of the other [row 42]", async () => {
  expect((await search(python.token, "q=aceleraciones")).items).toEqual([]);
  expect((await search(physics.token, "q=while+loop")).items).toEqual([]);
  const { body } = await ask<{ items: readonly { language: string }[] }>(
    satchel.url,
    "GET",
    "/v1/contents?limit=100",
    { token: physics.token },
  );
  expect(body.items.map(({ language }) => language)).toEqual(["es", "es", "es", "es"]);
});

test("what is imported and found survives a restart [row 93]", async () => {
  const { folder } = satchel;
  expect(await satchel.stop()).toBe(0);
  satchel = await startSatchel({ folder });
  expect(satchel.setupCode).toBeNull();
  expect((await search(python.token, "q=while+loop")).items).toHaveLength(2);
});

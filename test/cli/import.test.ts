/** `satchel import`, beside a running server and alone. SATCHEL_TEST_LONG=1 imports 1 GB where otherwise 30 MB do. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importSlug } from "../../src/contents/contents.ts";
import {
  binary,
  type Ended,
  type RunningCommand,
  type RunningSatchel,
  satchel,
  startCommand,
  startSatchel,
} from "../support/binary.ts";
import { type Client, client } from "../support/client.ts";
import { type GivenOrganization, given } from "../support/given.ts";
import { tempFolder } from "../support/run.ts";

setDefaultTimeout(60_000);

const LONG = process.env.SATCHEL_TEST_LONG === "1";
const MEGABYTES = LONG ? 1000 : 30;

interface Lesson {
  readonly source_id: string;
  readonly title: string;
  readonly [field: string]: unknown;
}

const lesson = (number: number, more: Readonly<Record<string, unknown>> = {}): Lesson => ({
  source_id: `lesson-${number}`,
  title: `Lesson ${number}`,
  summary: `What lesson ${number} is about.`,
  body: `The text of lesson ${number}.`,
  language: "en",
  tags: ["counting"],
  chapter: "One",
  position: number,
  ...more,
});
const lines = (records: readonly unknown[]) =>
  records.map((record) => `${JSON.stringify(record)}\n`).join("");
const lessons = (count: number, more: Readonly<Record<string, unknown>> = {}) =>
  lines(Array.from({ length: count }, (_, at) => lesson(at + 1, more)));

interface Summary {
  readonly total: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
}

/** The last line of an import, whose numbers must add up. */
function summaryOf({ out }: Pick<Ended, "out">): Summary & { readonly verb: string } {
  const [, verb = "", ...numbers] =
    /^(Imported|Would import) (\d+) lessons: (\d+) added, (\d+) changed, (\d+) unchanged, (\d+) refused \([\d.]+ s, \d+ lessons\/s\)\n$/.exec(
      out,
    ) ?? [];
  const [total = -1, added = -1, changed = -1, unchanged = -1, refused = -1] = numbers.map(Number);
  expect(added + changed + unchanged).toBe(total);
  return { verb, total, added, changed, unchanged, refused };
}

let folder: string;
let node: RunningSatchel;
let api: Client;

beforeAll(async () => {
  folder = tempFolder("school");
  node = await startSatchel({ folder, env: { SATCHEL_SIGN_UP: "open" } });
  api = client(node.url);
});

afterAll(() => node.stop());

/** Imports text into the organization, on standard input. */
const feed = (organization: GivenOrganization, input: string | Uint8Array, ...flags: string[]) =>
  satchel(["import", "-", "--organization", organization.slug, ...flags], { folder, input });

interface Content {
  readonly id: string;
  readonly sourceId: string;
  readonly title: string;
  readonly description: string;
  readonly body: string;
  readonly language: string;
  readonly tags: readonly string[];
  readonly metadata: unknown;
  readonly status: string;
  readonly version: number;
}

/** Every lesson of the organization as the API shows it, by source id. */
async function contents({ token }: GivenOrganization): Promise<ReadonlyMap<string, Content>> {
  const found = new Map<string, Content>();
  let cursor = "";
  do {
    const { body } = await api.request<{ items: Content[]; nextCursor: string | null }>(
      "GET",
      `/v1/contents?limit=100${cursor}`,
      { token },
    );
    for (const content of body.items) found.set(content.sourceId, content);
    cursor = body.nextCursor === null ? "" : `&cursor=${encodeURIComponent(body.nextCursor)}`;
  } while (cursor !== "");
  return found;
}

async function whole({ token }: GivenOrganization, content: Content | undefined): Promise<Content> {
  return (await api.request<Content>("GET", `/v1/contents/${content?.id}`, { token })).body;
}

describe("import beside a running server", () => {
  test("stores every field of a record, and the rest as metadata in its own order", async () => {
    const organization = await given(api).organization();
    const record = lesson(1, { language: "spa", zeta: 1, alpha: { b: [1, 2.5, null], a: "ñ" } });
    const done = await feed(organization, lines([record]));
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(summaryOf(done)).toMatchObject({ verb: "Imported", total: 1, added: 1 });
    const content = await whole(organization, (await contents(organization)).get("lesson-1"));
    expect(content).toMatchObject({
      title: "Lesson 1",
      description: "What lesson 1 is about.",
      body: "The text of lesson 1.",
      tags: ["counting"],
      status: "draft",
      version: 1,
    });
    expect(JSON.stringify(content.metadata)).toBe(
      '{"chapter":"One","position":1,"zeta":1,"alpha":{"b":[1,2.5,null],"a":"ñ"}}',
    );
  });

  test("again the same file changes nothing, a changed record makes the next version, and --publish publishes", async () => {
    const organization = await given(api).organization();
    const file = join(tempFolder(), "book.ndjson");
    writeFileSync(file, lessons(250));
    const run = (...flags: string[]) =>
      satchel(["import", file, "--organization", organization.slug, ...flags], { folder });
    expect(summaryOf(await run())).toMatchObject({ total: 250, added: 250 });
    expect(summaryOf(await run())).toMatchObject({ total: 250, unchanged: 250 });

    writeFileSync(file, `${lessons(249)}${lines([lesson(250, { title: "Another title" })])}`);
    expect(summaryOf(await run())).toMatchObject({ changed: 1, unchanged: 249 });
    const changed = (await contents(organization)).get("lesson-250");
    expect(changed).toMatchObject({ title: "Another title", version: 2, status: "draft" });

    expect(summaryOf(await run("--publish"))).toMatchObject({ changed: 250 });
    expect(summaryOf(await run("--publish"))).toMatchObject({ unchanged: 250 });
    // Without --publish what is published stays so.
    expect(summaryOf(await run())).toMatchObject({ unchanged: 250 });
    expect(new Set([...(await contents(organization)).values()].map(({ status }) => status))).toEqual(
      new Set(["published"]),
    );
  });

  test("tells each bad line with its number and reason, imports the rest, and ends with 1", async () => {
    const organization = await given(api).organization();
    const deep = `{"source_id":"deep","title":"Deep","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const bad: readonly (readonly [string, string])[] = [
      ["this is no JSON", "is not JSON"],
      ['{"source_id":"cut","title":"cu', "is not JSON"],
      ["[1,2]", "is not a JSON object"],
      ["null", "is not a JSON object"],
      ['{"title":"No id"}', "source_id is missing or not as it must be"],
      ['{"source_id":"a"}', "title is missing or not as it must be"],
      ['{"source_id":"a","title":"   "}', "title is missing or not as it must be"],
      ['{"source_id":1,"title":"A number"}', "source_id is missing or not as it must be"],
      ['{"source_id":"a","title":"T","tags":"one"}', "tags is missing or not as it must be"],
      ['{"source_id":"a","title":"T","tags":["x",2]}', "tags/1 is missing or not as it must be"],
      ['{"source_id":"a","title":"T","language":"no language"}', "language is missing or not as it must be"],
      [`{"source_id":"${"a".repeat(201)}","title":"T"}`, "source_id is missing or not as it must be"],
      ['{"source_id":"a","title":"T","body":"a\\u0000b"}', "body must not contain the character U+0000"],
      ['{"source_id":"a","title":"T","x":{"y":"\\ud800"}}', "x/y must be well-formed Unicode"],
      [
        '{"source_id":"a","title":"T","x":12345678901234567890}',
        "x must be a number that can be kept exactly",
      ],
      ['{"source_id":"a","title":"T","title":"U"}', "A name occurs twice in one object."],
      [deep, "At most 32 levels are taken."],
    ];
    const good = [lesson(1), lesson(2), lesson(3)];
    const text = [
      JSON.stringify(good[0]),
      ...bad.map(([line]) => line),
      "",
      JSON.stringify(good[1]),
      "   ",
      JSON.stringify(good[2]),
    ].join("\n");
    const done = await feed(organization, text);
    expect(done.code).toBe(1);
    const told = done.err.trimEnd().split("\n");
    expect(told).toHaveLength(bad.length);
    bad.forEach(([, reason], at) => {
      expect(told[at]).toStartWith(`line ${at + 2}: `);
      expect(told[at]).toContain(reason);
    });
    expect(summaryOf(done)).toMatchObject({ total: 3, added: 3, refused: bad.length });
    expect([...(await contents(organization)).keys()].sort()).toEqual(["lesson-1", "lesson-2", "lesson-3"]);
  });

  test("reads CRLF, a byte order mark and a last line without its end", async () => {
    const organization = await given(api).organization();
    const text = `\ufeff${lessons(3).replaceAll("\n", "\r\n")}${JSON.stringify(lesson(4))}`;
    const done = await feed(organization, text);
    expect([done.code, done.err]).toEqual([0, ""]);
    expect(summaryOf(done)).toMatchObject({ added: 4 });
    expect([...(await contents(organization)).keys()].sort()).toEqual(
      [1, 2, 3, 4].map((number) => `lesson-${number}`),
    );
    expect(summaryOf(await feed(organization, lessons(4)))).toMatchObject({ unchanged: 4 });
  });

  test("refuses what is no UTF-8 or far too long, each as one line, and goes on after it", async () => {
    const organization = await given(api).organization();
    const long = JSON.stringify(lesson(2, { body: "x".repeat(34_000_000) }));
    const body = JSON.stringify(lesson(3, { body: "y".repeat(4_500_000) }));
    const done = await feed(
      organization,
      Buffer.concat([
        Buffer.from(lines([lesson(1)])),
        Buffer.from([0x7b, 0xff, 0xfe, 0x0a]),
        Buffer.from(`${long}\n${body}\n${lines([lesson(4)])}`),
      ]),
    );
    expect(done.code).toBe(1);
    expect(done.err.trimEnd().split("\n")).toEqual([
      "line 2: is not UTF-8",
      "line 3: is longer than 33554432 bytes",
      "line 4: body is longer than 4194304 bytes",
    ]);
    expect(summaryOf(done)).toMatchObject({ added: 2, refused: 3 });
  });

  test("a lesson that comes twice in a file ends up as its last line says, also in a rehearsal", async () => {
    const organization = await given(api).organization();
    const text = lines([
      lesson(1),
      lesson(2),
      lesson(1, { title: "Second thoughts" }),
      lesson(2),
      // Far enough away to be in another batch.
      ...Array.from({ length: 120 }, (_, at) => lesson(at + 100)),
      lesson(1, { title: "Third thoughts" }),
    ]);
    const expected = { total: 125, added: 122, changed: 2, unchanged: 1, refused: 0 };
    const rehearsal = await feed(organization, text, "--dry-run");
    expect(summaryOf(rehearsal)).toEqual({ verb: "Would import", ...expected });
    expect((await contents(organization)).size).toBe(0);
    expect(summaryOf(await feed(organization, text))).toEqual({ verb: "Imported", ...expected });
    expect((await contents(organization)).get("lesson-1")).toMatchObject({
      title: "Third thoughts",
      version: 3,
    });
  });

  test("--dry-run tells bad lines and stores nothing", async () => {
    const organization = await given(api).organization();
    const done = await feed(organization, `${lessons(2)}nonsense\n`, "--dry-run", "--publish");
    expect(done.code).toBe(1);
    expect(done.err).toBe("line 3: is not JSON\n");
    expect(summaryOf(done)).toMatchObject({ verb: "Would import", added: 2, refused: 1 });
    expect((await contents(organization)).size).toBe(0);
    expect(summaryOf(await feed(organization, lessons(2)))).toMatchObject({ added: 2 });
  });

  test("a slug that somebody took refuses that one record", async () => {
    const organization = await given(api).organization();
    await given(api).content(organization.token, { slug: importSlug("Lesson 2", "lesson-2") });
    const done = await feed(organization, lessons(3));
    expect(done.code).toBe(1);
    expect(done.err).toMatch(/^line 2: .*\n$/);
    expect(summaryOf(done)).toMatchObject({ added: 2, refused: 1 });
  });

  test("an empty file is no mistake", async () => {
    const organization = await given(api).organization();
    for (const text of ["", "\n", "\r\n\r\n"]) {
      const done = await feed(organization, text);
      expect([done.code, done.err]).toEqual([0, ""]);
      expect(summaryOf(done)).toMatchObject({ total: 0, refused: 0 });
    }
  });

  test("an organization or a file that does not exist is said, and nothing is read", async () => {
    const organization = await given(api).organization();
    const unknown = await satchel(["import", "-", "--organization", "no-such-school"], {
      folder,
      input: lessons(1),
    });
    expect(unknown.code).toBe(1);
    expect(unknown.err).toContain('there is no organization "no-such-school"');
    const missing = await satchel(["import", "nowhere.ndjson", "--organization", organization.slug], {
      folder,
    });
    expect(missing.code).toBe(1);
    expect(missing.err).toContain("there is no file nowhere.ndjson");
    const directory = await satchel(["import", ".", "--organization", organization.slug], { folder });
    expect(directory.code).toBe(1);
    expect(directory.err).toContain(". holds no lessons.ndjson and no Markdown");
  });

  test("what is published is found within moments, and never by another organization [row 99]", async () => {
    const [ours, theirs] = [await given(api).organization(), await given(api).organization()];
    const done = await feed(ours, lines([lesson(1, { body: "A heron crosses the weir." })]), "--publish");
    expect(done.code).toBe(0);
    const search = async ({ token }: GivenOrganization) =>
      (await api.request<{ items: { sourceId: string }[] }>("GET", "/v1/search?q=herons", { token })).body
        .items;
    while ((await search(ours)).length === 0) await Bun.sleep(20);
    expect((await search(ours)).map(({ sourceId }) => sourceId)).toEqual(["lesson-1"]);
    expect(await search(theirs)).toEqual([]);
  });
});

describe("a large file", () => {
  /** Writes lessons of about 10 KB each. Gives their number. */
  async function writeBook(path: string, megabytes: number): Promise<number> {
    const file = createWriteStream(path);
    const paragraph = "The quick heron crosses the weir and counts its steps. ".repeat(180);
    let bytes = 0;
    let count = 0;
    while (bytes < megabytes * 1e6) {
      const line = lines([lesson(++count, { body: `${count} ${paragraph}` })]);
      bytes += line.length;
      if (!file.write(line)) await new Promise((resolve) => file.once("drain", resolve));
    }
    await new Promise((resolve) => file.end(resolve));
    return count;
  }

  /** The most memory that the process has had, in MB. */
  function peakOf(command: RunningCommand): number {
    try {
      const status = readFileSync(`/proc/${command.pid}/status`, "utf8");
      return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
    } catch {
      return 0;
    }
  }

  async function measured(command: RunningCommand): Promise<{ ended: Ended; peak: number }> {
    let peak = 0;
    const timer = setInterval(() => {
      peak = Math.max(peak, peakOf(command));
    }, 20);
    const ended = await command.ended;
    clearInterval(timer);
    return { ended, peak };
  }

  test("takes no more memory than a small one, and is imported alone, without a server", async () => {
    const own = tempFolder("alone");
    const first = await startSatchel({ folder: own, env: { SATCHEL_SIGN_UP: "open" } });
    const organization = await given(client(first.url)).organization();
    expect(await first.stop()).toBe(0);

    const run = (file: string) =>
      startCommand(["import", file, "--organization", organization.slug], { folder: own });
    const small = join(own, "small.ndjson");
    const large = join(own, "large.ndjson");
    await writeBook(small, 3);
    const count = await writeBook(large, MEGABYTES);
    const little = await measured(await run(small));
    expect(little.ended.code).toBe(0);
    const much = await measured(await run(large));
    expect(much.ended).toMatchObject({ code: 0, err: expect.not.stringContaining("line ") });
    expect(summaryOf(much.ended).total).toBe(count);
    console.info(
      `${MEGABYTES} MB, ${count} lessons: ${much.ended.out.trim()}; ` +
        `at most ${much.peak.toFixed(0)} MB of memory, ${little.peak.toFixed(0)} MB for 3 MB`,
    );
    expect(much.peak).toBeLessThan(little.peak + 150);
    expect(much.peak).toBeLessThan(450);
  }, 600_000);

  test("is completed by importing it again after kill -9 in the middle: nothing twice, nothing half", async () => {
    const organization = await given(api).organization();
    const large = join(folder, "large.ndjson");
    const count = await writeBook(large, 20);
    const command = await startCommand(["import", large, "--organization", organization.slug], { folder });
    const stored = async () =>
      (await api.request<{ items: unknown[] }>("GET", "/v1/contents?limit=1", organization)).body.items
        .length;
    while ((await stored()) === 0) await Bun.sleep(5);
    command.kill("SIGKILL");
    expect((await command.ended).code).toBeNull();
    const again = await satchel(["import", large, "--organization", organization.slug], { folder });
    expect([again.code, again.err]).toEqual([0, ""]);
    const summary = summaryOf(again);
    expect(summary).toMatchObject({ total: count, changed: 0, refused: 0 });
    expect(summary.unchanged).toBeGreaterThan(0);
    expect(summary.added).toBeGreaterThan(0);
    const all = await contents(organization);
    expect(all.size).toBe(count);
    expect(new Set([...all.values()].map(({ version }) => version))).toEqual(new Set([1]));
  });

  test("waits for a database that is killed in the middle, and loses nothing", async () => {
    const organization = await given(api).organization();
    const large = join(folder, "large.ndjson");
    const count = await writeBook(large, 20);
    const command = await startCommand(["import", large, "--organization", organization.slug], { folder });
    const stored = async () =>
      (await api.request<{ items: unknown[] }>("GET", "/v1/contents?limit=1", organization)).body.items
        .length;
    while ((await stored()) === 0) await Bun.sleep(5);
    const pid = Number(readFileSync(join(node.dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);
    process.kill(pid, "SIGKILL");
    const ended = await command.ended;
    expect(ended).toMatchObject({ code: 0 });
    expect(summaryOf(ended)).toMatchObject({ total: count, refused: 0 });
    expect((await contents(organization)).size).toBe(count);
  });
});

describe("the progress bar", () => {
  /** Runs in a terminal of util-linux's `script`. */
  async function inTerminal(command: string): Promise<string> {
    const child = Bun.spawn(["script", "-qec", command, "/dev/null"], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    return new Response(child.stdout).text();
  }

  test("is shown on a terminal only, and never mixed into what is told of bad lines", async () => {
    const organization = await given(api).organization();
    writeFileSync(join(folder, "book.ndjson"), `${lessons(2000)}nonsense\n${lessons(2500)}`);
    const args = `import book.ndjson --organization ${organization.slug}`;
    const shown = await inTerminal(`${await binary()} ${args}`);
    const visible = shown.replaceAll("\x1b[K", "<clear>").split("\r");
    expect(visible).toContainEqual(expect.stringMatching(/^<clear>\[#* *\] +\d+% \d+ lessons/));
    expect(visible).toContainEqual(expect.stringMatching(/^<clear>line 2001: is not JSON$/));
    const plain = await satchel(args.split(" "), { folder });
    expect(plain.err).toBe("line 2001: is not JSON\n");
    expect(plain.out).not.toContain("\x1b");
  });
});

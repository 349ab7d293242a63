/** A class, a school, a town at once on one lesson, over two nodes on one database: nothing is lost, nothing counted twice. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { openKeys } from "../../src/keys.ts";
import { atOnce } from "../support/at-once.ts";
import { type RunningSatchel, startSatchel } from "../support/binary.ts";
import { cast } from "../support/cast.ts";
import { client } from "../support/client.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { type Given, type GivenOrganization, given } from "../support/given.ts";

setDefaultTimeout(120_000);

const PEOPLE = 1000;
const WRITERS = 100;
const SECRET = "the-same-on-every-node-and-long-enough-0123456789";

let database: TestDatabase;
let nodes: readonly RunningSatchel[];
let it: Given;
let school: GivenOrganization;
let teacher: string;
/** Of a thousand pupils. */
let tokens: readonly string[];

const times = <T>(count: number, make: (n: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, n) => make(n));
/** By turns. */
const nodeOf = (n: number): string => nodes[n % nodes.length]?.url ?? "";

beforeAll(async () => {
  database = await testDatabase();
  const env = {
    DATABASE_URL: database.requestUrl,
    SATCHEL_SECRET: SECRET,
    SATCHEL_SIGN_UP: "open",
    SATCHEL_JOBS: "off",
  };
  nodes = await Promise.all([startSatchel({ env }), startSatchel({ env })]);
  it = given(client(nodeOf(0)));
  school = await it.organization();
  teacher = (await it.member(school, "teacher")).token;
  const { person, session } = cast({ database, deps: { keys: openKeys([SECRET]) } });
  tokens = await Promise.all(
    times(PEOPLE, async () => (await session(await person(school.id, "student"))).token),
  );
});

afterAll(async () => {
  expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0]);
  await database.close();
});

interface Statistics {
  readonly views: number;
  readonly viewers: number;
  readonly completions: number;
  readonly ratings: {
    readonly average: number | null;
    readonly count: number;
    readonly distribution: readonly number[];
  };
}

/** What both nodes say, which must be the same. */
async function statistics(id: string): Promise<Statistics> {
  const [one, two] = await Promise.all(
    nodes.map(({ url }) =>
      client(url).request<Statistics>("GET", `/v1/contents/${id}/statistics`, { token: teacher }),
    ),
  );
  expect(one?.status).toBe(200);
  expect(one?.body).toEqual(two?.body as Statistics);
  return one?.body as Statistics;
}

/** Everybody, or those that `who` picks, at once. */
const everybody = <Body = unknown>(
  id: string,
  ask: (n: number) => { readonly method: string; readonly path: string; readonly body?: unknown } | null,
) =>
  atOnce<Body>(
    tokens.flatMap((token, n) => {
      const asked = ask(n);
      return asked === null
        ? []
        : [{ ...asked, url: nodeOf(n), token, path: `/v1/contents/${id}${asked.path}` }];
    }),
  );

const statuses = (answers: readonly { readonly status: number }[]) =>
  Object.fromEntries(
    [...new Set(answers.map(({ status }) => status))].map((status) => [
      status,
      answers.filter((answer) => answer.status === status).length,
    ]),
  );

/** What the stars come to, counted one by one. */
function sums(stars: readonly number[]): Statistics["ratings"] {
  const total = stars.reduce((sum, each) => sum + each, 0);
  return {
    average: stars.length === 0 ? null : Math.round((total / stars.length) * 100) / 100,
    count: stars.length,
    distribution: [1, 2, 3, 4, 5].map((value) => stars.filter((each) => each === value).length),
  };
}

test("a thousand people rate one lesson at once, then change their minds at once: average, count and distribution are exact [row 36] [row 37]", async () => {
  const { id, version } = await it.published(teacher);
  const rate = (stars: number) => ({ method: "PUT", path: "/rating", body: { stars } });
  const first = times(PEOPLE, (n) => ((n * 7) % 5) + 1);
  expect(statuses(await everybody(id, (n) => rate(first[n] ?? 0)))).toEqual({ 200: PEOPLE });
  expect((await statistics(id)).ratings).toEqual(sums(first));

  // A half rates anew, a quarter withdraws, the others say the same again.
  const second = first.map((stars, n) =>
    n < PEOPLE / 2 ? (stars % 5) + 1 : n < (PEOPLE * 3) / 4 ? null : stars,
  );
  const answers = await everybody(id, (n) => {
    const stars = second[n] ?? null;
    return stars === null ? { method: "DELETE", path: "/rating" } : rate(stars);
  });
  expect(statuses(answers)).toEqual({ 200: (PEOPLE * 3) / 4, 204: PEOPLE / 4 });
  expect((await statistics(id)).ratings).toEqual(sums(second.flatMap((stars) => stars ?? [])));

  // One person on both nodes, with both hands: one rating is left, and it is one of those that were given.
  const [token = ""] = tokens;
  await atOnce(
    times(50, (n) => ({ ...rate((n % 5) + 1), url: nodeOf(n), token, path: `/v1/contents/${id}/rating` })),
  );
  const { ratings } = await statistics(id);
  expect(ratings.count).toBe(second.filter((stars) => stars !== null).length);
  expect(ratings.distribution.reduce((sum, each) => sum + each, 0)).toBe(ratings.count);
  const lesson = await client(nodeOf(1)).request<{ version: number }>("GET", `/v1/contents/${id}`, {
    token: teacher,
  });
  expect(lesson.body.version).toBe(version);
});

test("a thousand people open one lesson at once, each twice, and complete it: every one counts once [row 32]", async () => {
  const { id } = await it.published(teacher);
  const view = () => ({ method: "POST", path: "/views" });
  const [one, two] = [
    await everybody<{ counted: boolean }>(id, view),
    await everybody<{ counted: boolean }>(id, view),
  ];
  expect(statuses([...one, ...two])).toEqual({ 200: 2 * PEOPLE });
  expect(one.filter(({ body }) => body.counted)).toHaveLength(PEOPLE);
  // Where the hour has ended in between, the second time counts as well.
  const again = two.filter(({ body }) => body.counted).length;
  expect(await statistics(id)).toMatchObject({ views: PEOPLE + again, viewers: PEOPLE, completions: 0 });

  const complete = () => ({ method: "POST", path: "/completion" });
  expect(statuses(await everybody(id, complete))).toEqual({ 200: PEOPLE });
  const mixed = await everybody(id, (n) =>
    n % 2 === 0 ? complete() : { method: "DELETE", path: "/completion" },
  );
  expect(statuses(mixed)).toEqual({ 200: PEOPLE / 2, 204: PEOPLE / 2 });
  expect(await statistics(id)).toMatchObject({ views: PEOPLE + again, completions: PEOPLE / 2 });
});

/** Every version of a lesson, newest first, page by page. */
async function versionsOf(id: string) {
  interface Version {
    readonly number: number;
    readonly parentNumber: number | null;
    readonly title: string;
    readonly isLatest: boolean;
  }
  const found: Version[] = [];
  let query = "?limit=100";
  for (;;) {
    const { body } = await client(nodeOf(1)).request<{
      items: readonly Version[];
      nextCursor: string | null;
    }>("GET", `/v1/contents/${id}/versions${query}`, { token: teacher });
    found.push(...body.items);
    if (body.nextCursor === null) return found;
    query = `?limit=100&cursor=${body.nextCursor}`;
  }
}

const patches = (id: string, etag: string) =>
  atOnce<{ version: number }>(
    times(WRITERS, (n) => ({
      url: nodeOf(n),
      method: "PATCH",
      path: `/v1/contents/${id}`,
      token: teacher,
      headers: { "if-match": etag },
      body: { title: `Title ${n}`, body: `Text ${n}` },
    })),
  );

test("a hundred people write versions of one lesson at once: each is kept, numbered without a gap, and one is the latest [row 29]", async () => {
  const { id } = await it.content(teacher, { title: "The first" });
  const answers = await patches(id, "*");
  expect(statuses(answers)).toEqual({ 200: WRITERS });
  expect(new Set(answers.map(({ body }) => body.version)).size).toBe(WRITERS);
  const versions = await versionsOf(id);
  expect(versions.map(({ number }) => number)).toEqual([...times(WRITERS + 1, (n) => WRITERS + 1 - n)]);
  expect(versions.map(({ parentNumber }) => parentNumber)).toEqual([
    ...times(WRITERS, (n): number | null => WRITERS - n),
    null,
  ]);
  expect(new Set(versions.map(({ title }) => title)).size).toBe(WRITERS + 1);
  expect(versions.filter(({ isLatest }) => isLatest).map(({ number }) => number)).toEqual([WRITERS + 1]);
  const lesson = await client(nodeOf(0)).request<{ title: string }>("GET", `/v1/contents/${id}`, {
    token: teacher,
  });
  expect(lesson.body.title).toBe(versions[0]?.title ?? "");
});

test("a hundred people change the version they have all read: one succeeds, the others are told, and nothing of theirs is kept [row 29] [row 108]", async () => {
  const { id, version } = await it.content(teacher, { title: "The first" });
  const answers = await patches(id, `"${version}"`);
  expect(statuses(answers)).toEqual({ 200: 1, 412: WRITERS - 1 });
  const winner = answers.findIndex(({ status }) => status === 200);
  const versions = await versionsOf(id);
  expect(versions.map(({ number, title }) => [number, title])).toEqual([
    [2, `Title ${winner}`],
    [1, "The first"],
  ]);
});

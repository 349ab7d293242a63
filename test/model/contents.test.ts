/**
 * Random sequences of what several people do to lessons, against the model: after every step the answer, and what each of
 * them sees, must be what the model says. SATCHEL_TEST_LONG=1 takes 10,000 steps; SATCHEL_TEST_SEED repeats a run.
 */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { publishDue } from "../../src/publications/publications.ts";
import { domain } from "../support/domain.ts";
import { seed } from "../support/seed.ts";
import {
  type Action,
  commentAt,
  type Lesson,
  newLesson,
  outcomeOf,
  PEOPLE,
  type Person,
  passHours,
  type School,
  seenBy,
  shownComments,
} from "./model.ts";

const LONG = process.env.SATCHEL_TEST_LONG === "1";
const STEPS = LONG ? 10_000 : 200;
const LESSONS = 2;

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

interface Place {
  readonly organizationId: string;
  readonly tokens: Readonly<Record<Person, string>>;
  readonly ids: Readonly<Record<Person, string>>;
}

/** An organization with its people; the stranger is the admin of another. */
async function place(authorsMayApprove: boolean): Promise<Place> {
  const [house, elsewhere] = [await it.organization(), await it.organization()];
  const answer = await request("PATCH", "/v1/organization", {
    token: house.token,
    headers: { "if-match": "*" },
    body: { settings: { authorsMayApprove } },
  });
  expect(answer.status).toBe(200);
  const [ann, bob, sue, sid] = [
    await it.member(house, "teacher"),
    await it.member(house, "teacher"),
    await it.member(house),
    await it.member(house),
  ];
  return {
    organizationId: house.id,
    tokens: {
      ann: ann.token,
      bob: bob.token,
      admin: house.token,
      sue: sue.token,
      sid: sid.token,
      stranger: elsewhere.token,
    },
    ids: {
      ann: ann.user.id,
      bob: bob.user.id,
      admin: house.admin.id,
      sue: sue.user.id,
      sid: sid.user.id,
      stranger: elsewhere.admin.id,
    },
  };
}
const places = { strict: await place(false), easy: await place(true) };

/** What the model does not know of: names that the product gave. */
interface RealLesson {
  readonly id: string;
  readonly commentIds: string[];
  readonly ratingIds: Map<Person, string>;
}
interface Real {
  readonly place: Place;
  readonly lessons: RealLesson[];
}

interface Sending {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const ANY_VERSION = { "if-match": "*" };
const nowhere = Bun.randomUUIDv7();
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();

function sendingOf({ id, commentIds, ratingIds }: RealLesson, lesson: Lesson, action: Action): Sending {
  const path = `/v1/contents/${id}`;
  const on = (yes: boolean) => (yes ? "PUT" : "DELETE");
  const comment = (back: number) => `/v1/comments/${commentIds[commentAt(lesson, back)] ?? nowhere}`;
  switch (action.kind) {
    case "edit":
      return {
        method: "PATCH",
        path,
        body: { title: action.title },
        headers: { "if-match": action.stale ? '"999999"' : "*" },
      };
    case "restoreVersion": {
      const number = Math.max(1, lesson.versions.length - action.back);
      return { method: "POST", path: `${path}/versions/${number}/restore`, headers: { "if-match": "*" } };
    }
    case "delete":
      return { method: "DELETE", path };
    case "submit":
    case "approve":
      return { method: "POST", path: `${path}/${action.kind}`, body: {}, headers: ANY_VERSION };
    case "reject":
      return {
        method: "POST",
        path: `${path}/reject`,
        body: { reason: "Not yet." },
        headers: ANY_VERSION,
      };
    case "publish":
      return { method: "POST", path: `${path}/publish`, headers: ANY_VERSION };
    case "schedule":
      return {
        method: "PUT",
        path: `${path}/schedule`,
        headers: { "if-match": "*" },
        body: { publishAt: inHours(1), unpublishAt: action.ends ? inHours(2) : null },
      };
    case "scheduleEnd":
      return {
        method: "PUT",
        path: `${path}/schedule`,
        headers: { "if-match": "*" },
        body: { publishAt: null, unpublishAt: inHours(2) },
      };
    case "unschedule":
      return { method: "DELETE", path: `${path}/schedule` };
    case "rate":
      return {
        method: "PUT",
        path: `${path}/rating`,
        body: { stars: action.stars, review: action.review ? "Words." : null },
      };
    case "unrate":
      return { method: "DELETE", path: `${path}/rating` };
    case "helpful":
      return {
        method: on(action.yes),
        path: `/v1/ratings/${ratingIds.get(action.whose) ?? nowhere}/helpful`,
      };
    case "comment": {
      const under = action.under === null ? undefined : commentIds[commentAt(lesson, action.under)];
      return { method: "POST", path: `${path}/comments`, body: { body: "Words.", parentId: under ?? null } };
    }
    case "deleteComment":
      return { method: "DELETE", path: comment(action.back) };
    case "restoreComment":
      return { method: "POST", path: `${comment(action.back)}/restore` };
    case "upvote":
      return { method: on(action.yes), path: `${comment(action.back)}/upvote` };
    default:
      return { method: "POST", path: `${path}/${action.kind}` };
  }
}

const sent = (place: Place, person: Person, { method, path, ...more }: Sending) =>
  request<{ type?: string; id?: string } | null>(method, path, { token: place.tokens[person], ...more });

/** Names that the product gave to what was made. */
function remember(real: RealLesson, person: Person, action: Action, id: string | undefined): void {
  if (id === undefined) return;
  if (action.kind === "comment") real.commentIds.push(id);
  if (action.kind === "rate") real.ratingIds.set(person, id);
}

// What is looked at after every step

interface Seen {
  readonly title: string;
  readonly status: string;
  readonly latestNumber: number;
  readonly liveNumber: number | null;
  readonly publishAt: string | null;
  readonly unpublishAt: string | null;
}

/** What somebody is shown of a lesson, in the words of the model; `whole`: with what hangs on it. */
async function shownTo(place: Place, person: Person, id: string, whole: boolean) {
  const get = async <Body>(path: string) =>
    request<Body>("GET", `/v1/contents/${id}${path}`, { token: place.tokens[person] });
  const lesson = await get<Seen>("");
  if (lesson.status !== 200) return lesson.status;
  const { title, status, latestNumber, liveNumber, publishAt, unpublishAt } = lesson.body;
  const text = {
    title,
    status,
    latestNumber,
    liveNumber,
    scheduled: [publishAt !== null, unpublishAt !== null],
  };
  if (!whole) return text;
  const statistics = await get<{ ratings: { average: number | null; count: number; distribution: unknown } }>(
    "/statistics",
  );
  const comments = await get<{
    items: { id: string; state: string; replyCount: number; upvoteCount: number }[];
  }>("/comments?limit=100&order=oldest");
  return {
    ...text,
    ratings: statistics.body.ratings,
    comments: comments.body.items.map((comment) => [
      comment.id,
      comment.state,
      comment.replyCount,
      comment.upvoteCount,
    ]),
  };
}

function expectedFor(lesson: Lesson, real: RealLesson, person: Person, whole: boolean): unknown {
  const title = seenBy(lesson, person);
  if (title === null) return 404;
  const staff = person !== "sue" && person !== "sid";
  const text = {
    title,
    status: staff ? lesson.status : "published",
    latestNumber: staff ? lesson.versions.length : lesson.live,
    liveNumber: lesson.live,
    scheduled: staff ? [lesson.publishIn !== null, lesson.unpublishIn !== null] : [false, false],
  };
  if (!whole) return text;
  const stars = [...lesson.ratings.values()].map((rating) => rating.stars);
  const top = lesson.comments.flatMap((comment, at) => (comment.parent === null ? [{ comment, at }] : []));
  return {
    ...text,
    ratings: {
      average: stars.length === 0 ? null : stars.reduce((sum, n) => sum + n, 0) / stars.length,
      count: stars.length,
      distribution: [1, 2, 3, 4, 5].map((n) => stars.filter((given) => given === n).length),
    },
    comments: top
      .map(({ comment, at }) => {
        const replies = shownComments(lesson).filter((reply) => isBelow(lesson, reply.parent, at)).length;
        const gone = comment.deletedBy !== null;
        return [real.commentIds[at], gone ? "deleted" : "approved", replies, gone ? 0 : comment.votes.size];
      })
      // Of what is deleted the place is left, while something stands below.
      .filter(([, state, replies]) => state === "approved" || replies !== 0),
  };
}

const isBelow = (lesson: Lesson, parent: number | null, above: number): boolean =>
  parent !== null && (parent === above || isBelow(lesson, lesson.comments[parent]?.parent ?? null, above));

/** All versions as they are stored, and how many found each rating helpful. */
async function stored(real: RealLesson) {
  const versions = await admin<{ title: string; by: string; from: number | null }>(
    `select title, created_by_id as by, restored_from_number as "from" from app.content_version
     where content_id = $1 order by number`,
    [real.id],
  );
  const ratings = await admin<{ id: string; helpful: number }>(
    `select user_id as id, helpful_count as helpful from app.rating
     where content_id = $1 and (deleted_at is null or deletion_id = (select deletion_id from app.content where content_id = $1))
     order by user_id`,
    [real.id],
  );
  return { versions, ratings };
}

const expectedStored = (lesson: Lesson, { ids }: Place) => ({
  versions: lesson.versions.map(({ title, by, restoredFrom }) => ({
    title,
    by: ids[by],
    from: restoredFrom,
  })),
  ratings: [...lesson.ratings]
    .map(([person, { helpful }]) => ({ id: ids[person], helpful: helpful.size }))
    .sort((a, b) => (a.id < b.id ? -1 : 1)),
});

/** The lesson that somebody did something to as all see it, and of the other that nothing has become of it. */
async function compare(school: School, real: Real, touched: number): Promise<void> {
  for (const [at, lesson] of school.lessons.entries()) {
    const theirs = real.lessons[at];
    if (theirs === undefined) throw new Error("the model has a lesson that was never made");
    for (const person of at === touched ? (["bob", "sue", "stranger"] as const) : (["sue"] as const)) {
      // What hangs on it is the same for all who see the lesson: staff look where readers cannot.
      const whole = at === touched && (person === "bob") === (lesson.live === null);
      expect(await shownTo(real.place, person, theirs.id, whole)).toEqual(
        expectedFor(lesson, theirs, person, whole) as never,
      );
    }
    expect(await stored(theirs)).toEqual(expectedStored(lesson, real.place));
  }
}

// One step

let steps = 0;
/** What was done, and by what it was refused. */
const told: [kind: string, refused: string | null][] = [];

/** `author`: whose lesson it is. */
const command = (who: Person | "author", at: number, action: Action): fc.AsyncCommand<School, Real> => ({
  check: () => true,
  run: async (school, real) => {
    const [lesson, theirs] = [school.lessons[at], real.lessons[at]];
    if (lesson === undefined || theirs === undefined) throw new Error("there is no such lesson");
    const person = who === "author" ? lesson.author : who;
    const outcome = outcomeOf(school, lesson, person, action);
    const { status, body } = await sent(real.place, person, sendingOf(theirs, lesson, action));
    const answered =
      status < 300 ? null : (body?.type?.replace("urn:satchel:problem:", "") ?? String(status));
    expect(answered).toBe(outcome.refused);
    if (outcome.refused === null) {
      outcome.apply();
      remember(theirs, person, action, body?.id);
    }
    steps++;
    told.push([action.kind, outcome.refused]);
    await compare(school, real, at);
  },
  toString: () => `${who} ${JSON.stringify(action)} on ${at}`,
});

/** Time passes, which is to say that what was to happen is moved nearer, and the job does what is due. */
const passing = (hours: number): fc.AsyncCommand<School, Real> => ({
  check: () => true,
  run: async (school, real) => {
    const ids = real.lessons.map(({ id }) => id);
    await admin(
      `update app.content set publish_at = publish_at - $2::interval, unpublish_at = unpublish_at - $2::interval
       where content_id = any($1::uuid[]) and (publish_at is not null or unpublish_at is not null)`,
      [ids, `${hours} hours`],
    );
    await publishDue(app.deps, real.place.organizationId, 100);
    for (const lesson of school.lessons) passHours(lesson, hours);
    steps++;
    for (const at of ids.keys()) await compare(school, real, at);
  },
  toString: () => `${hours} hours pass`,
});

const flag = fc.boolean();
const back = fc.nat(3);
const simple = (...kinds: Extract<Action, Record<"kind", string>>["kind"][]) =>
  fc.constantFrom(...kinds).map((kind) => ({ kind }) as Action);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("edit"),
      title: fc.constantFrom("A", "B", "C"),
      stale: fc.nat(9).map((n) => n === 0),
    }),
  },
  {
    weight: 8,
    arbitrary: simple(
      "submit",
      "withdraw",
      "approve",
      "reject",
      "publish",
      "publish",
      "unpublish",
      "archive",
      "unarchive",
      "unarchive",
      "scheduleEnd",
      "unschedule",
    ),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("schedule"), ends: flag }) },
  { weight: 3, arbitrary: simple("delete", "restore", "restore", "restore") },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restoreVersion"), back }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("rate"), stars: fc.integer({ min: 1, max: 5 }), review: flag }),
  },
  { weight: 1, arbitrary: simple("unrate") },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("helpful"), whose: fc.constantFrom(...PEOPLE), yes: flag }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("comment"), under: fc.option(back) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("deleteComment", "restoreComment"), back }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("upvote"), back, yes: flag }) },
) as fc.Arbitrary<Action>;

/** Most of what strangers and pupils do to a lesson is refused: those who may do something are asked more often. */
const person = fc.oneof(
  { weight: 5, arbitrary: fc.constant("author" as const) },
  { weight: 3, arbitrary: fc.constant<Person>("admin") },
  { weight: 4, arbitrary: fc.constantFrom(...PEOPLE) },
);
const doing = fc.tuple(person, fc.nat(LESSONS - 1), action).map(([who, at, what]) => command(who, at, what));
const commands = fc.commands(
  // Each is chosen as often as another.
  [fc.constantFrom(0.7, 1.5).map(passing), ...Array.from({ length: 9 }, () => doing)],
  { maxCommands: 60, size: "max" },
);

async function begin(authorsMayApprove: boolean): Promise<{ model: School; real: Real }> {
  const house = authorsMayApprove ? places.easy : places.strict;
  const lessons = await Promise.all(
    (["ann", "bob"] as const).map((author) => it.content(house.tokens[author], { title: "A" })),
  );
  return {
    model: { authorsMayApprove, lessons: [newLesson("ann", "A"), newLesson("bob", "A")] },
    real: {
      place: house,
      lessons: lessons.map(({ id }) => ({ id, commentIds: [], ratingIds: new Map() })),
    },
  };
}

test(`whatever ${PEOPLE.length} people do, in ${STEPS} steps, everybody sees what the model says [row 107]`, async () => {
  // Told before: a run that is cut off must be one that can be repeated.
  console.info(`${STEPS} steps from SATCHEL_TEST_SEED=${seed}`);
  for (let round = 0; steps < STEPS; round++) {
    await fc.assert(
      fc.asyncProperty(commands, flag, async (sequence, authorsMayApprove) => {
        const state = await begin(authorsMayApprove);
        await fc.asyncModelRun(() => state, sequence);
      }),
      { seed: seed + round, numRuns: 5, endOnFailure: false },
    );
  }
  const kinds = [...new Set(told.map(([kind]) => kind))];
  const done = kinds.filter((kind) => told.some(([name, refused]) => name === kind && refused === null));
  // In so many steps nothing is only ever refused.
  if (LONG) expect(done).toEqual(kinds);
}, 3_600_000);

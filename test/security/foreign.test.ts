/**
 * Another organization's row does not exist: not by its id in any place where one can stand, not in a list, not in a search,
 * for no role. What is hidden or gone in one's own does not exist either. The places come from the OpenAPI document and the
 * ids from the catalog: a new endpoint and a new table are in here by being there.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { withTenant } from "../../src/db.ts";
import { indexDocumentsIn } from "../../src/search/search.ts";
import { cast, type Person } from "../support/cast.ts";
import { domain } from "../support/domain.ts";
import { described } from "../support/operations.ts";
import { namePlaces, type Place, places } from "../support/places.ts";
import { rowOfEach } from "../support/rows.ts";

// A few people ask as often as a thousand would.
const app = await domain({
  config: { userRequestsPerMinute: 10_000_000, organizationRequestsPerMinute: 10_000_000 },
});
const { it, request } = app;
const { admin, db } = app.database;
afterAll(app.close);

const [mine, theirs] = [await it.organization(), await it.organization()];
const { person, session, thingOf } = cast(app);

await rowOfEach(app, theirs);

const victim = await it.member(theirs, "teacher");
const pupil = await it.user(theirs);
const goneUser = await it.user(theirs);
await request("DELETE", `/v1/users/${goneUser.id}`, { token: theirs.token });
const WORD = "xylophone";
const draft = await it.content(victim.token, { body: WORD, sourceId: "their-draft", tags: [WORD] });
const published = await it.published(victim.token, {
  body: WORD,
  title: WORD,
  sourceId: "their-published",
  tags: [WORD],
});
const goneContent = await it.published(victim.token);
await request("DELETE", `/v1/contents/${goneContent.id}`, { token: victim.token });
await withTenant(db, { organizationId: theirs.id, userId: null }, (tx) =>
  indexDocumentsIn(tx, theirs.id, [published.id]),
);
/** What makes each kind of thing that the id of a path stands for. */
const makers = [...new Set(places.flatMap(({ described: { path } }) => thingOf(path) ?? []))];
for (const make of makers) await make({ id: victim.user.id, organizationId: theirs.id });

/** Every column of the organization's tables that holds an id. */
const columns = await admin<{ table: string; column: string; key: boolean; ofLesson: boolean }>(
  `select c.oid::regclass::text as table, a.attname as column,
     exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)) as key,
     exists (select from pg_attribute l where l.attrelid = c.oid and l.attname = 'content_id') as "ofLesson"
   from pg_class c join pg_attribute a on a.attrelid = c.oid
   join pg_attribute o on o.attrelid = c.oid and o.attname = 'organization_id'
   where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
     and a.atttypid = 'uuid'::regtype and a.attname <> 'organization_id'
   order by 1, 2`,
);
type Column = (typeof columns)[number];

/** So many of the ids in each of these columns, each once. */
async function idsIn(
  organizationId: string,
  wanted: (column: Column) => boolean,
  most = 1,
): Promise<readonly string[]> {
  const found = await Promise.all(
    columns
      .filter(wanted)
      .map(({ table, column }) =>
        admin<{ id: string }>(
          `select distinct ${column} as id from ${table} where organization_id = $1 and ${column} is not null order by 1 limit $2`,
          [organizationId, most],
        ),
      ),
  );
  return [...new Set(found.flat().map(({ id }) => id))];
}

const named = [
  theirs.id,
  theirs.admin.id,
  victim.user.id,
  pupil.id,
  goneUser.id,
  draft.id,
  published.id,
  goneContent.id,
];
const everyId = [...new Set([...named, ...(await idsIn(theirs.id, () => true))])];

const tables = [...new Set(columns.map(({ table }) => table)), "app.organization"];
/** Every row of an organization, to see that none was touched. */
const everything = (organizationId: string) =>
  admin(
    tables
      .map(
        (table) =>
          `select '${table}' as "table", md5(string_agg(t::text, '' order by t::text)) as rows from ${table} t where organization_id = $1`,
      )
      .join(" union all "),
    [organizationId],
  );

interface Asker {
  readonly token: string;
  /** Makes what the path's id stands for, where the place is another. */
  own(place: Place): Promise<string>;
}

async function askerIn(organizationId: string, role: Role): Promise<Asker> {
  const somebody: Person = await person(organizationId, role);
  const { token } = await session(somebody);
  return {
    token,
    own: async ({ name, described: { path } }) =>
      name.startsWith("path") && !/:id.*:/.test(path) ? "" : ((await thingOf(path)?.(somebody)) ?? ""),
  };
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const MOMENT = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
const MADE = /-[0-9a-f]{8}"/g;

/** All that tells one answer from another: ids and moments of what was made for it do not. */
async function answerTo(place: Place, asker: Asker, id: string) {
  const { method, headers } = place.described;
  const { path, body } = place.request(id, await asker.own(place));
  const answer = await request<unknown>(method, path, {
    token: asker.token,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = JSON.stringify(answer.body ?? null);
  return {
    status: answer.status,
    body: text.replaceAll(id, "asked").replace(UUID, "id").replace(MOMENT, "moment").replace(MADE, '-made"'),
    headers: [...answer.headers]
      .filter(([name]) => !/^(x-request-id|ratelimit-)/.test(name))
      .map(([name, value]) => [name, value.replace(UUID, "id")]),
  };
}

/** Fails where the answer to an id is not, to the last byte, that to one which somebody made up. */
async function expectUnknown(place: Place, asker: Asker, ids: readonly string[]): Promise<number> {
  // The first one may make something that the second finds there.
  await answerTo(place, asker, Bun.randomUUIDv7());
  const random = await answerTo(place, asker, Bun.randomUUIDv7());
  expect(random.status).toBeLessThan(500);
  for (const id of ids) expect(await answerTo(place, asker, id)).toEqual(random);
  return random.status;
}

const mayAsk = ({ described: { access } }: Place, role: Role) =>
  access !== "public" && access.rights[role] !== "no";

test("there is an id of every kind [row 45]", async () => {
  const keys = columns.filter(({ key }) => key);
  const empty: string[] = [];
  for (const one of keys) {
    const [id] = await idsIn(theirs.id, ({ table, column }) => table === one.table && column === one.column);
    if (id === undefined) empty.push(`${one.table}.${one.column}`);
    else expect(everyId).toContain(id);
  }
  expect(empty).toEqual([]);
  for (const { ids } of [drafts, gone]) expect(ids.length).toBeGreaterThanOrEqual(1);
  expect(places.length).toBeGreaterThan(30);
});

const byPlace = places.map((place) => [`${place.described.operation}, ${place.name}`, place] as const);

describe.each(byPlace)("%s", (_, place) => {
  test.each([...ROLES])(
    "answers a %s who has another organization's id like one who made it up [row 45]",
    async (role) => {
      const before = await everything(theirs.id);
      const asker = await askerIn(mine.id, role);
      // Who may not ask at all is refused before anything is looked up.
      const ids = mayAsk(place, role) ? everyId : everyId.slice(0, 3);
      const status = await expectUnknown(place, asker, ids);
      // In other letters it is the same id, and something that is no id is not there either.
      await expectUnknown(
        place,
        asker,
        ids.slice(0, 1).map((id) => id.toUpperCase()),
      );
      if (place.name.startsWith("path")) {
        expect([403, 404]).toContain(status);
        if (status === 404) expect((await answerTo(place, asker, "not-an-id")).status).toBe(404);
      }
      expect(await everything(theirs.id)).toEqual(before);
    },
  );
});

/** An organization with a lesson, and whatever can hang on one. */
async function lessonsOnly() {
  const school = await it.organization();
  const writer = await person(school.id, "teacher");
  for (const make of makers) await make(writer);
  const lessons = (
    await admin<{ id: string }>("select content_id as id from app.content where organization_id = $1", [
      school.id,
    ])
  ).map(({ id }) => id);
  const ofLesson = [...new Set(columns.filter((column) => column.ofLesson).map(({ table }) => table))];
  return {
    school,
    lessons,
    ids: await idsIn(school.id, (column) => column.ofLesson && column.key, 3),
    rows: () =>
      admin(
        ofLesson
          .map((table) => `select '${table}', t::text from ${table} t where content_id = any($1)`)
          .join(" union all "),
        [lessons],
      ),
  };
}

const drafts = await lessonsOnly();
await admin("update app.content set status = 'draft', published_at = null where organization_id = $1", [
  drafts.school.id,
]);
const gone = await lessonsOnly();
for (const id of gone.lessons) await request("DELETE", `/v1/contents/${id}`, { token: gone.school.token });

describe.each(byPlace)("%s", (_, place) => {
  test("tells a pupil or a parent of a draft, and of what hangs on it, as of an id that somebody made up [row 45]", async () => {
    const before = await drafts.rows();
    for (const role of ["student", "parent"] as const) {
      if (mayAsk(place, role)) await expectUnknown(place, await askerIn(drafts.school.id, role), drafts.ids);
    }
    expect(await drafts.rows()).toEqual(before);
  });
});

/** What is there for deleted ones as well. */
const ABOUT_DELETED: ReadonlySet<string> = new Set([
  "POST /v1/contents/:id/restore",
  "POST /v1/contents/:id/purge",
  "GET /v1/contents/:id/history",
]);

describe.each(byPlace.filter(([, { described }]) => !ABOUT_DELETED.has(described.operation)))(
  "%s",
  (_, place) => {
    test("tells everybody of a deleted lesson, and of what hung on it, as of an id that somebody made up [row 45] [row 55]", async () => {
      const before = await gone.rows();
      for (const role of ROLES) {
        if (mayAsk(place, role)) await expectUnknown(place, await askerIn(gone.school.id, role), gone.ids);
      }
      expect(await gone.rows()).toEqual(before);
    });
  },
);

const tokens = new Map<Role, string>();
for (const role of ROLES) tokens.set(role, (await session(await person(mine.id, role))).token);

/** What lists are asked with besides what the document says they must be. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  "/v1/users": ["includeDeleted=true", "role=teacher&status=active"],
  "/v1/contents": ["includeDeleted=true", "status=published"],
  "/v1/search": ["q=-nothing", `q=${WORD}`],
};
const lists = described
  .filter(({ method, path }) => method === "GET" && !path.includes("/:"))
  .flatMap(({ path }) => {
    const [plain = ""] = path.split("?");
    return [path, ...(MORE[plain] ?? []).map((query) => `${plain}?${query}`)];
  });

describe.each([...ROLES])("what a %s is shown [row 42] [row 45]", (role) => {
  test.each(lists)("by %s is nothing of another organization", async (path) => {
    const answer = await request("GET", path, { token: tokens.get(role) ?? "" });
    expect([200, 403, 404]).toContain(answer.status);
    const text = JSON.stringify(answer.body);
    for (const id of everyId) expect(text).not.toContain(id);
    expect(text).not.toContain(WORD);
    expect(text).not.toContain(pupil.username);
  });
});

test("the control: their own people are shown it", async () => {
  const found = await request<{ items: readonly { id: string }[] }>("GET", `/v1/search?q=${WORD}`, {
    token: theirs.token,
  });
  expect(found.body.items.map(({ id }) => id)).toEqual([published.id]);
});

/** Of the same form, and nobody's. */
const unlike = (name: string) =>
  name.replace(/[a-z]/g, (letter) => (letter === "z" ? "a" : String.fromCharCode(letter.charCodeAt(0) + 1)));

test.each(namePlaces.map((place) => [`${place.described.operation}, ${place.name}`, place] as const))(
  "%s: a name that another organization knows is one that nobody has [row 45]",
  async (_, place) => {
    const names = [
      theirs.slug,
      victim.user.email,
      pupil.username,
      draft.slug,
      published.slug,
      "their-published",
      WORD,
    ];
    for (const role of ROLES) {
      if (!mayAsk(place, role)) continue;
      const asker = await askerIn(mine.id, role);
      for (const name of names) {
        expect(await answerTo(place, asker, name)).toEqual(await answerTo(place, asker, unlike(name)));
      }
    }
  },
);

test("a cursor from one organization opens no page of another, in no list [row 45] [row 56]", async () => {
  let opened = 0;
  for (const place of namePlaces.filter(({ name }) => name === "query cursor")) {
    const [plain = "", query = ""] = place.described.path.split("?");
    if (plain.includes("/:")) continue;
    const first = await request<{ nextCursor?: string | null }>("GET", `${plain}?${query}&limit=1`, {
      token: theirs.token,
    });
    if (typeof first.body.nextCursor !== "string") continue;
    opened++;
    const page = (token: string) =>
      request<{ type?: string }>("GET", `${plain}?${query}&limit=1&cursor=${first.body.nextCursor}`, {
        token,
      });
    expect((await page(theirs.token)).status).toBe(200);
    const refused = await page(mine.token);
    expect([refused.status, refused.body.type]).toEqual([422, "urn:satchel:problem:invalid_cursor"]);
  }
  expect(opened).toBeGreaterThanOrEqual(3);
});

test("a signed address that names another organization's file, in ours or in theirs, leads nowhere [row 45]", async () => {
  const upload = `/v1/contents/${published.id}/attachments?name=plan.txt`;
  const headers = { "content-type": "text/plain" };
  const file = await request<{ id: string; sha256: string }>("POST", upload, {
    token: victim.token,
    headers,
    body: WORD,
  });
  const expires = String(Math.floor(Date.now() / 1000) + 600);
  const read = async (organizationId: string, attachmentId: string) => {
    const payload = ["staff", organizationId, attachmentId, file.body.sha256, expires].join(".");
    const answer = await request<unknown>("GET", `/v1/files/${app.deps.keys.sign("file", payload)}`);
    return [answer.status, JSON.stringify(answer.body).replace(UUID, "id")];
  };
  expect(await read(theirs.id, file.body.id)).toEqual([200, JSON.stringify(WORD)]);
  const random = await read(mine.id, Bun.randomUUIDv7());
  expect(random[0]).toBe(404);
  for (const organizationId of [mine.id, Bun.randomUUIDv7()]) {
    expect(await read(organizationId, file.body.id)).toEqual(random);
  }
  for (const id of everyId.slice(0, 20)) expect(await read(mine.id, id)).toEqual(random);
  const asked = await request("POST", `/v1/attachments/${file.body.id}/urls`, {
    token: mine.token,
    body: {},
  });
  expect(asked.status).toBe(404);
});

test("an Idempotency-Key of another organization's request gives nothing away, and stays theirs [row 45]", async () => {
  const headers = { "idempotency-key": crypto.randomUUID() };
  const body = { title: "Their secret plan" };
  const made = await request<{ id: string }>("POST", "/v1/contents", { token: theirs.token, headers, body });
  const own = await request<{ id: string }>("POST", "/v1/contents", { token: mine.token, headers, body });
  expect([made.status, own.status]).toEqual([201, 201]);
  expect(own.body.id).not.toBe(made.body.id);
  expect((await request("GET", `/v1/contents/${made.body.id}`, { token: mine.token })).status).toBe(404);
});

test("the same username, address, slug and source id live in both, each found by its own [row 13] [row 14] [row 24]", async () => {
  const twin = { username: pupil.username, email: pupil.email };
  const user = await it.user(mine, "student", twin);
  const lesson = await it.content(mine.token, { slug: published.slug, sourceId: "their-published" });
  const seen = await request<{ items: readonly { id: string }[] }>(
    "GET",
    "/v1/contents?sourceId=their-published",
    { token: mine.token },
  );
  expect(seen.body.items.map(({ id }) => id)).toEqual([lesson.id]);
  expect(user.id).not.toBe(pupil.id);
});

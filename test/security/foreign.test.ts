/** Another organization's row does not exist: not by its id, not in a list, not in a search, for no role. */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES, type Role } from "../../src/actor.ts";
import { withTenant } from "../../src/db.ts";
import { indexDocumentsIn } from "../../src/search/search.ts";
import { domain } from "../support/domain.ts";
import { described } from "../support/operations.ts";

const app = await domain();
const { it, request } = app;
const { admin, db } = app.database;
afterAll(app.close);

const [mine, theirs] = [await it.organization(), await it.organization()];
const tokens = new Map<Role, string>();
for (const role of ROLES)
  tokens.set(role, role === "admin" ? mine.token : (await it.member(mine, role)).token);

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
const [session] = await admin<{ id: string }>("select session_id as id from app.session where user_id = $1", [
  victim.user.id,
]);

const { body: key } = await request<{ apiKey: { id: string } }>("POST", "/v1/api-keys", {
  token: theirs.token,
  body: { name: "Theirs", scopes: ["users:read"], expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
});

const users = [theirs.admin.id, victim.user.id, pupil.id, goneUser.id];
const contents = [draft.id, published.id, goneContent.id];
const everyId = [...users, ...contents, session?.id ?? "", key.apiKey.id, theirs.id];

const withId = described.filter(({ path }) => path.includes("/:"));

/** Every row of the other organization, to see that none was touched. */
const untouched = async () =>
  admin(
    `select 'user' as kind, md5(string_agg(t::text, '' order by user_id)) as rows from app.user t where organization_id = $1
     union all select 'content', md5(string_agg(t::text, '' order by content_id)) from app.content t where organization_id = $1
     union all select 'session', md5(string_agg(t::text, '' order by session_id)) from app.session t where organization_id = $1
     union all select 'api_key', md5(string_agg(t::text, '' order by api_key_id)) from app.api_key t where organization_id = $1
     union all select 'history', count(*)::text from app.history where organization_id = $1
     union all select 'organization', t::text from app.organization t where organization_id = $1`,
    [theirs.id],
  );

describe.each(withId.map((given) => [given.operation, given] as const))("%s", (_, given) => {
  const { method, path, body, headers } = given;

  test.each([...ROLES])(
    "answers a %s who has another organization's id like one who made it up [row 45]",
    async (role) => {
      const before = await untouched();
      const ask = async (id: string) => {
        const answer = await request<Record<string, unknown> | null>(method, path.replace(":id", id), {
          token: tokens.get(role) ?? "",
          headers,
          body,
        });
        return {
          status: answer.status,
          body: answer.body === null ? null : { ...answer.body, instance: null },
          headers: [...answer.headers].filter(([name]) => !/^(x-request-id|ratelimit-)/.test(name)),
        };
      };
      const random = await ask(Bun.randomUUIDv7());
      expect([403, 404]).toContain(random.status);
      for (const id of everyId) expect(await ask(id)).toEqual(random);
      // In other letters it is the same id, and something that is no id is not there either.
      expect(await ask((everyId[0] ?? "").toUpperCase())).toEqual(random);
      if (random.status === 404) expect((await ask("not-an-id")).status).toBe(404);
      expect(await untouched()).toEqual(before);
    },
  );
});

describe.each([...ROLES])("what a %s is shown [row 42] [row 45]", (role) => {
  const lists = [
    "/v1/users?limit=100",
    "/v1/users?limit=100&includeDeleted=true",
    "/v1/users?role=teacher&status=active",
    "/v1/contents?limit=100",
    "/v1/contents?limit=100&includeDeleted=true",
    `/v1/contents?slug=${published.slug}`,
    "/v1/contents?sourceId=their-published",
    `/v1/contents?tag=${WORD}`,
    "/v1/contents?status=published",
    "/v1/sessions?limit=100",
    "/v1/security/events",
    "/v1/security/attacks",
    `/v1/search?q=${WORD}`,
    `/v1/search?q=${WORD}&language=en`,
    `/v1/search?q=-nothing`,
  ];
  test.each(lists)("by %s is nothing of another organization", async (path) => {
    const answer = await request("GET", path, { token: tokens.get(role) ?? "" });
    expect([200, 403]).toContain(answer.status);
    const text = JSON.stringify(answer.body);
    for (const id of everyId) expect(text).not.toContain(id);
    expect(text).not.toContain(WORD);
    expect(text).not.toContain(pupil.username);
  });

  test("the control: their own people are shown it", async () => {
    const found = await request<{ items: readonly { id: string }[] }>("GET", `/v1/search?q=${WORD}`, {
      token: theirs.token,
    });
    expect(found.body.items.map(({ id }) => id)).toEqual([published.id]);
  });
});

test("a cursor from one organization opens no page of another [row 45] [row 56]", async () => {
  const first = await request<{ nextCursor: string }>("GET", "/v1/users?limit=1", { token: theirs.token });
  const answer = await request("GET", `/v1/users?limit=1&cursor=${first.body.nextCursor}`, {
    token: mine.token,
  });
  expect(answer.status).toBe(422);
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

/**
 * Nobody sets by a request body what the body is not about. Every operation of the OpenAPI document that takes JSON is in
 * here by being there: each forbidden field is put into each object of its body, at every depth.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { ROLES } from "../../src/actor.ts";
import { cast } from "../support/cast.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { type Described, described } from "../support/operations.ts";

// The requests are many, and so would be the people who may make them.
const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, session, thingOf } = cast(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const now = new Date().toISOString();

/** What rows are made of that no body is about; and what would be handy to slip in. */
const FORBIDDEN: Readonly<Record<string, unknown>> = {
  id: Bun.randomUUIDv7(),
  userId: school.admin.id,
  user_id: school.admin.id,
  contentId: Bun.randomUUIDv7(),
  sessionId: Bun.randomUUIDv7(),
  organizationId: other.id,
  organization_id: other.id,
  tenantId: other.id,
  version: 99,
  createdAt: now,
  created_at: now,
  updatedAt: now,
  createdById: other.admin.id,
  created_by_id: other.admin.id,
  updatedById: other.admin.id,
  deletedAt: now,
  deleted_at: null,
  deletedById: null,
  deletionId: Bun.randomUUIDv7(),
  role: "admin",
  roles: ["admin"],
  isAdmin: true,
  admin: true,
  status: "active",
  scopes: ["users:write"],
  permissions: ["*"],
  email: "mallory@evil.example",
  emailVerifiedAt: now,
  email_verified_at: now,
  username: "root",
  externalId: "0",
  password: PASSWORD,
  passwordHash: "$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
  password_hash: "$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
  pepperKeyId: "0123456789ab",
  passwordSetById: null,
  tokenHash: "AAAAAAAAAAAA",
  token: "satchel_AAAAAAAAAAAA",
  secret: "AAAAAAAAAAAA",
  lastLoginAt: now,
  lastLoginIp: "10.0.0.1",
  failedLoginCount: 0,
  lockedUntil: null,
  locked: false,
  authenticatedAt: "2999-01-01T00:00:00Z",
  expiresAt: "2999-01-01T00:00:00Z",
  expires_at: "2999-01-01T00:00:00Z",
  lifetimeMinutes: 1e6,
  revokedAt: null,
  publishedAt: now,
  published_at: now,
  reviewedAt: now,
  reviewedById: other.admin.id,
  content_type: "quiz",
  quota: 1e9,
  constructor: {},
  toString: "x",
  "": 1,
};

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Documents of the organization's own making: what is in them is nobody's but theirs. */
const FREE = /^(\/items\/0)?\/(metadata|settings)$/;

/** Every object in a body, with the fields it knows: `""` is the body itself, `/profile` the object in it. */
function objectsOf(schema: Node, at = ""): readonly { readonly at: string; readonly schema: Node }[] {
  const properties = isNode(schema.properties) ? Object.entries(schema.properties) : [];
  const inner = properties.flatMap(([name, value]) =>
    isNode(value) ? objectsOf(value, `${at}/${name}`) : [],
  );
  const items = isNode(schema.items) ? objectsOf(schema.items, `${at}/0`) : [];
  const isObject = schema.type === "object" || (Array.isArray(schema.type) && schema.type.includes("object"));
  return [...(isObject ? [{ at, schema }] : []), ...inner, ...items];
}

/** The body with a field more in the object at `at`. */
function slippedInto(body: unknown, at: string, field: string, value: unknown): unknown {
  const [, name, ...rest] = at.split("/");
  if (name === undefined || at === "") {
    // Not by assignment: `constructor` and `toString` are to be fields like any other.
    return Object.fromEntries([...Object.entries(body as Node), [field, value]]);
  }
  if (Array.isArray(body)) {
    return [
      slippedInto(body[Number(name)] ?? {}, rest.length === 0 ? "" : `/${rest.join("/")}`, field, value),
    ];
  }
  const inner = (body as Node)[name] ?? {};
  return {
    ...(body as Node),
    [name]: slippedInto(inner, rest.length === 0 ? "" : `/${rest.join("/")}`, field, value),
  };
}

const everything = () =>
  admin(
    `select 'user' as kind, md5(string_agg(t::text, '' order by user_id)) as rows from app.user t
     union all select 'credential', md5(string_agg(t::text, '' order by user_id)) from app.credential t
     union all select 'profile', md5(string_agg(t::text, '' order by user_id)) from app.profile t
     union all select 'content', md5(string_agg(t::text, '' order by content_id)) from app.content t
     union all select 'organization', md5(string_agg(t::text, '' order by organization_id)) from app.organization t
     union all select 'api_key', md5(string_agg(t::text, '' order by api_key_id)) from app.api_key t
     union all select 'session', md5(string_agg((session_id, user_id, expires_at, ended_at)::text, '' order by session_id)) from app.session t
     union all select 'history', count(*)::text from app.history`,
  );

const writable = described.filter(
  (given): given is Described & { readonly schema: Node } => given.schema !== null,
);

test("every operation that takes JSON takes it as an object that is closed at every depth [row 60]", () => {
  expect(writable.length).toBeGreaterThan(8);
  for (const { operation, schema } of writable) {
    for (const { at, schema: object } of objectsOf(schema)) {
      if (FREE.test(at) && operation.includes("/contents")) continue;
      expect([operation, at, object.additionalProperties]).toEqual([operation, at, false]);
    }
  }
});

describe.each(writable.map((given) => [given.operation, given] as const))("%s", (operation, given) => {
  const { method, path, body, schema, access, headers } = given;
  const role = access === "public" ? null : (ROLES.find((one) => access.rights[one] !== "no") ?? null);

  test("refuses every field that it is not about, wherever it stands, and no row has changed [row 60]", async () => {
    const actor = role === null ? null : await person(school.id, role);
    const token = actor === null ? null : (await session(actor)).token;
    const thing = actor === null ? undefined : await thingOf(path)?.(actor);
    const target = path.replace(":id", thing ?? "");
    const send = (sent: unknown) => request<{ type: string }>(method, target, { token, headers, body: sent });
    const before = await everything();
    let tried = 0;
    for (const { at, schema: object } of objectsOf(schema)) {
      if (object.additionalProperties !== false) continue;
      const known = isNode(object.properties) ? object.properties : {};
      for (const [field, value] of Object.entries(FORBIDDEN)) {
        if (Object.hasOwn(known, field)) continue;
        tried++;
        const answer = await send(slippedInto(body, at, field, value));
        expect([operation, at, field, answer.status, answer.body.type]).toEqual([
          ...[operation, at, field],
          ...[422, "urn:satchel:problem:invalid_request"],
        ]);
        // What was sent is not sent back.
        if (typeof value === "string" && value.length > 12)
          expect(JSON.stringify(answer.body)).not.toContain(value);
      }
    }
    expect(tried).toBeGreaterThan(30);
    const text = JSON.stringify(body);
    expect(
      (await send(`${text.slice(0, -1)}${text === "{}" ? "" : ","}"__proto__":{"role":"admin"}}`)).status,
    ).toBe(400);
    const [first] = Object.keys(body as Node);
    if (first !== undefined) {
      expect((await send(`${text.slice(0, -1)},"${first}":"twice"}`)).status).toBe(400);
    }
    expect(await everything()).toEqual(before);
    // The control: without more the body has the right shape.
    const control = await send(body);
    expect([operation, control.body?.type]).not.toEqual([operation, "urn:satchel:problem:invalid_request"]);
  });
});

test("an action that takes no body does not do more for one [row 60]", async () => {
  const teacher = await it.member(school, "teacher");
  const draft = await it.content(teacher.token);
  const answer = await request<{ status: string; title?: string }>(
    "POST",
    `/v1/contents/${draft.id}/publish`,
    {
      token: teacher.token,
      body: { title: "Slipped in", reviewedById: school.admin.id },
    },
  );
  const [row] = await admin<{ title: string; reviewed_by_id: string | null }>(
    "select title, reviewed_by_id from app.content where content_id = $1",
    [draft.id],
  );
  expect(row?.title).not.toBe("Slipped in");
  expect([null, teacher.user.id]).toContain(row?.reviewed_by_id ?? null);
  expect(answer.status).toBeLessThan(500);
});

/** Nobody sets by a request body what the body is not about. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const pupil = await it.member(school);
const teacher = await it.member(school, "teacher");
const lesson = await it.content(teacher.token);

const now = new Date().toISOString();
const SYSTEM = {
  id: Bun.randomUUIDv7(),
  organizationId: other.id,
  organization_id: other.id,
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
  constructor: {},
  toString: "x",
  "": 1,
};
const OF_USERS = {
  userId: Bun.randomUUIDv7(),
  passwordHash: "$argon2id$v=19$m=1,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
  password_hash: "x",
  pepperKeyId: "x",
  emailVerifiedAt: now,
  email_verified_at: now,
  lastLoginAt: now,
  lastLoginIp: "10.0.0.1",
  failedLoginCount: 0,
  lockedUntil: null,
  locked: false,
  isAdmin: true,
};
const OF_CONTENTS = {
  contentId: Bun.randomUUIDv7(),
  status: "published",
  publishedAt: now,
  published_at: now,
  reviewedAt: now,
  reviewedById: other.admin.id,
  content_type: "quiz",
};

interface Door {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, unknown>>;
}
const any = { "if-match": "*" };
const doors: Readonly<Record<string, Door>> = {
  "adding a person": {
    method: "POST",
    path: "/v1/users",
    token: school.token,
    body: { fullName: "P", username: "assigned" },
    fields: { ...SYSTEM, ...OF_USERS },
  },
  "changing a person": {
    method: "PATCH",
    path: `/v1/users/${pupil.user.id}`,
    token: school.token,
    body: { fullName: "P" },
    fields: { ...SYSTEM, ...OF_USERS, role: "admin", password: PASSWORD },
  },
  "changing oneself": {
    method: "PATCH",
    path: "/v1/me",
    token: pupil.token,
    body: { fullName: "P" },
    fields: {
      ...SYSTEM,
      ...OF_USERS,
      role: "admin",
      status: "active",
      email: "x@y.example",
      username: "root",
      password: PASSWORD,
    },
  },
  "giving a role": {
    method: "PUT",
    path: `/v1/users/${pupil.user.id}/role`,
    token: school.token,
    body: { role: "parent" },
    fields: { ...SYSTEM, ...OF_USERS, status: "active" },
  },
  "changing a password": {
    method: "PUT",
    path: "/v1/me/password",
    token: pupil.token,
    body: { currentPassword: PASSWORD, newPassword: `${PASSWORD} anew` },
    fields: { ...SYSTEM, userId: school.admin.id, role: "admin" },
  },
  "signing in": {
    method: "POST",
    path: "/v1/sessions",
    token: "",
    body: { organization: school.slug, login: pupil.user.username, password: PASSWORD },
    fields: {
      ...SYSTEM,
      userId: school.admin.id,
      role: "admin",
      expiresAt: "2999-01-01T00:00:00Z",
      lifetimeMinutes: 1e6,
    },
  },
  "writing a lesson": {
    method: "POST",
    path: "/v1/contents",
    token: teacher.token,
    body: { title: "Assigned" },
    fields: { ...SYSTEM, ...OF_CONTENTS },
  },
  "changing a lesson": {
    method: "PATCH",
    path: `/v1/contents/${lesson.id}`,
    token: teacher.token,
    body: { title: "Assigned" },
    fields: { ...SYSTEM, ...OF_CONTENTS },
  },
  "changing the organization": {
    method: "PATCH",
    path: "/v1/organization",
    token: school.token,
    body: { name: "Assigned" },
    fields: { ...SYSTEM, status: "closed" },
  },
};

const everything = () =>
  admin(
    `select 'user' as kind, string_agg(md5(t::text), '' order by user_id) as rows from app.user t
     union all select 'credential', string_agg(md5(t::text), '' order by user_id) from app.credential t
     union all select 'profile', string_agg(md5(t::text), '' order by user_id) from app.profile t
     union all select 'content', string_agg(md5(t::text), '' order by content_id) from app.content t
     union all select 'organization', string_agg(md5(t::text), '' order by organization_id) from app.organization t
     union all select 'session', string_agg(md5((session_id, user_id, expires_at, ended_at)::text), '' order by session_id) from app.session t`,
  );

describe.each(Object.entries(doors))("%s", (_, { method, path, token, body, fields }) => {
  const send = (sent: unknown) =>
    request<{ type: string }>(method, path, { ...(token === "" ? {} : { token }), headers: any, body: sent });

  test.each(Object.keys(fields))("refuses %j whole, and no row has changed [row 60]", async (field) => {
    const before = await everything();
    const answer = await send({ ...body, [field]: fields[field] });
    expect([answer.status, answer.body.type]).toEqual([422, "urn:satchel:problem:invalid_request"]);
    // What was sent is not sent back.
    const value = fields[field];
    if (typeof value === "string" && value.length > 8)
      expect(JSON.stringify(answer.body)).not.toContain(value);
    expect(await everything()).toEqual(before);
  });

  test("refuses __proto__, and a field that is there twice [row 60]", async () => {
    const before = await everything();
    const text = JSON.stringify(body);
    expect((await send(`${text.slice(0, -1)},"__proto__":{"role":"admin"}}`)).status).toBe(400);
    const [first] = Object.keys(body);
    expect((await send(`${text.slice(0, -1)},"${first}":"twice"}`)).status).toBe(400);
    expect(await everything()).toEqual(before);
  });
});

test("the control: each of these bodies, without more, is taken [row 60]", async () => {
  for (const [name, { method, path, token, body }] of Object.entries(doors)) {
    const answer = await request(method, path, { ...(token === "" ? {} : { token }), headers: any, body });
    // The role that was given signs the pupil out: what comes after it is not theirs any more.
    const expected = ["changing a password", "signing in"].includes(name) ? [201, 204, 401] : [200, 201];
    expect(expected).toContain(answer.status);
  }
});

test("the settings of a person's profile are a list of their own: nothing else gets in beside them [row 60]", async () => {
  for (const profile of [{ userId: school.admin.id }, { organizationId: other.id }, { role: "admin" }]) {
    const answer = await request("PATCH", `/v1/users/${teacher.user.id}`, {
      token: school.token,
      headers: any,
      body: { profile },
    });
    expect(answer.status).toBe(422);
  }
});

test("an action that takes no body does not do more for one [row 60]", async () => {
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

/** Every event says by which session or API key it was done, and from where, whoever wrote the code that records it. */
import { afterAll, expect, test } from "bun:test";
import { workOffImport } from "../../src/imports/imports.ts";
import { domain } from "../support/domain.ts";
import { brokenAt } from "./support.ts";

const app = await domain();
const { it, request, deps } = app;
afterAll(app.close);

interface Event {
  readonly action: string;
  readonly actorId: string | null;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly origin: { readonly address: string; readonly userAgent: string | null } | null;
}
const eventsOf = async (token: string, query = "") =>
  (await request<{ items: readonly Event[] }>("GET", `/v1/audit-events?limit=100${query}`, { token })).body
    .items;
const sessionOf = async (token: string) =>
  (await request<{ id: string }>("GET", "/v1/sessions/current", { token })).body.id;

const any = { "if-match": "*", "user-agent": "Browser/7.0" };

test("whatever an admin does names the session and where it came from [row 113]", async () => {
  const school = await it.organization();
  const { token } = school;
  const pupil = await it.user(school);
  const sent = { token, headers: any };
  const done: readonly (readonly [string, string, unknown])[] = [
    ["PATCH", `/v1/users/${pupil.id}`, { fullName: "Another Name" }],
    ["PATCH", `/v1/users/${pupil.id}`, { status: "suspended" }],
    ["PATCH", `/v1/users/${pupil.id}`, { status: "active" }],
    ["PUT", `/v1/users/${pupil.id}/role`, { role: "teacher" }],
    ["PUT", `/v1/users/${pupil.id}/role`, { role: "student" }],
    ["PUT", `/v1/users/${pupil.id}/password`, { password: "a long sentence for a pupil" }],
    ["DELETE", `/v1/users/${pupil.id}/sessions`, undefined],
    ["DELETE", `/v1/users/${pupil.id}`, undefined],
    ["POST", `/v1/users/${pupil.id}/restore`, undefined],
    ["POST", `/v1/users/${pupil.id}/unlock`, undefined],
    ["PATCH", "/v1/organization", { name: "Another Name" }],
    ["POST", "/v1/organization/sign-up-codes", { role: "student", uses: 3 }],
    ["GET", `/v1/users/${pupil.id}`, undefined],
    ["GET", "/v1/users", undefined],
    ["PATCH", "/v1/me", { fullName: "The Head" }],
  ];
  for (const [method, path, body] of done) {
    const { status } = await request(method, path, { ...sent, ...(body === undefined ? {} : { body }) });
    expect([method, path, Math.floor(status / 100)]).toEqual([method, path, 2]);
  }
  const sessionId = await sessionOf(token);
  const events = await eventsOf(token, `&actor=${school.admin.id}`);
  const actions = new Set(events.map(({ action }) => action));
  for (const action of [
    "user.created",
    "user.changed",
    "user.status_changed",
    "user.role_changed",
    "password.set",
    "user.deleted",
    "user.restored",
    "organization.changed",
    "sign_up_code.created",
    "user.read",
    "user.listed",
  ]) {
    expect(actions).toContain(action);
  }
  for (const { action, sessionId: by, apiKeyId, origin } of events) {
    expect({ action, by, apiKeyId, address: origin?.address }).toEqual({
      action,
      by: sessionId,
      apiKeyId: null,
      address: expect.any(String),
    });
  }
  expect(events.filter(({ origin }) => origin?.userAgent === "Browser/7.0").length).toBeGreaterThan(10);
  // Nor is anything that a person did left without either, in their own name or unknown before they were let in.
  for (const { action, origin } of await eventsOf(token)) {
    expect([action, origin?.address]).toEqual([action, expect.any(String)]);
  }
  expect(await brokenAt(deps, school.id)).toBeNull();
});

test("what a program does names its key, and is found by it; the events of two keys are told apart [row 113]", async () => {
  const school = await it.organization();
  const newKey = async (name: string) =>
    (
      await request<{ token: string; apiKey: { id: string } }>("POST", "/v1/api-keys", {
        token: school.token,
        body: {
          name,
          scopes: ["users:read", "users:write"],
          expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
        },
      })
    ).body;
  const [one, other] = [await newKey("One"), await newKey("Other")];
  for (const { token } of [one, other]) {
    const pupil = await it.user({ ...school, token });
    await request("GET", `/v1/users/${pupil.id}`, { token });
    expect((await request("GET", "/v1/api-keys", { token })).status).toBe(403);
  }
  for (const [mine, theirs] of [
    [one, other],
    [other, one],
  ] as const) {
    const events = await eventsOf(school.token, `&apiKey=${mine.apiKey.id}`);
    expect(events.map(({ action, actorId, sessionId }) => [action, actorId, sessionId])).toEqual(
      ["access.refused", "user.read", "user.created"].map((action) => [action, school.admin.id, null]),
    );
    expect(new Set(events.map(({ apiKeyId }) => apiKeyId))).toEqual(new Set([mine.apiKey.id]));
    expect(events.every(({ origin }) => origin !== null)).toBe(true);
    expect(JSON.stringify(events)).not.toContain(theirs.apiKey.id);
  }
  expect(await brokenAt(deps, school.id)).toBeNull();
});

test("an import that a program asked for names its key although a job works it off [row 113]", async () => {
  const school = await it.organization();
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const { token, apiKey } = (
    await request<{ token: string; apiKey: { id: string } }>("POST", "/v1/api-keys", {
      token: school.token,
      body: { name: "Roll", scopes: ["users:write"], expiresAt },
    })
  ).body;
  const asked = await request<{ id: string }>("POST", "/v1/users/import", {
    token,
    body: "external_id,full_name\n0042,Ada Lovelace\n",
    headers: { "content-type": "text/csv" },
  });
  expect(asked.status).toBe(202);
  const payload = { organizationId: school.id, importId: asked.body.id };
  const { signal } = new AbortController();
  await workOffImport(deps, payload, { id: Bun.randomUUIDv7(), lastAttempt: false, signal });
  expect(await eventsOf(school.token, "&action=user.imported")).toMatchObject([
    { actorId: school.admin.id, apiKeyId: apiKey.id, sessionId: null },
  ]);
});

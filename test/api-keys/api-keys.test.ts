/** Keys for programs: what they may do, for how long, and that nobody reads one again. */
import { afterAll, describe, expect, test } from "bun:test";
import { pruneApiKeys } from "../../src/api-keys/api-keys.ts";
import { findMail, listMail } from "../../src/mail/mail.ts";
import { SCOPES, type Scope } from "../../src/permissions.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, type GivenUser, PASSWORD } from "../support/given.ts";

const app = await domain({ config: { apiKeyRequestsPerMinute: 40 } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const NEW = "a field of seventeen sunflowers";
const HOUR = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR).toISOString();

interface ApiKeyBody {
  readonly id: string;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly lastUsedAt: string | null;
  readonly lastUsedIp: string | null;
  readonly revokedAt: string | null;
  readonly revokeReason: string | null;
}
interface Made {
  readonly apiKey: ApiKeyBody;
  readonly token: string;
}

async function make(token: string, scopes: readonly Scope[] = ["users:read"]): Promise<Made> {
  const answer = await request<Made>("POST", "/v1/api-keys", {
    token,
    body: { name: "Timetable", scopes, expiresAt: inHours(1) },
  });
  expect(answer.status).toBe(201);
  return answer.body;
}

const list = async (token: string) =>
  (await request<{ items: ApiKeyBody[] }>("GET", "/v1/api-keys", { token })).body.items;

const get = (path: string, token: string) => request<{ type?: string }>("GET", path, { token });
const slugOf = ({ body }: { readonly body: { readonly type?: string } | null }) =>
  body?.type?.replace("urn:satchel:problem:", "");

/** An organization with a second admin, whose rights can be taken away. */
async function secondAdmin(): Promise<{ school: GivenOrganization; id: string; token: string }> {
  const school = await it.organization();
  const { user, token } = await it.member(school, "admin");
  return { school, id: user.id, token };
}

describe("a key", () => {
  test("does what its scopes say, and nothing else", async () => {
    const school = await it.organization();
    const { token } = await make(school.token, ["users:read"]);
    expect((await get("/v1/users", token)).status).toBe(200);
    expect((await get("/v1/me", token)).body).toMatchObject({ id: school.admin.id });
    for (const [method, path] of [
      ["GET", "/v1/contents"],
      ["POST", "/v1/users"],
      ["POST", "/v1/contents"],
    ] as const) {
      const answer = await request<{ type: string; detail: string }>(method, path, { token });
      expect([answer.status, slugOf(answer)]).toEqual([403, "api_key_not_allowed"]);
      expect(answer.body.detail).toMatch(/^It needs (users|contents):(read|write)\.$/);
    }
  });

  test("is named in the audit where it was refused", async () => {
    const school = await it.organization();
    const { token, apiKey } = await make(school.token);
    expect((await get("/v1/contents", token)).status).toBe(403);
    const events = await admin<{ target_id: string; actor_id: string; api_key_id: string; details: string }>(
      `select target_id, actor_id, api_key_id, details::text from app.audit_event
       where organization_id = $1 and action = 'access.refused'`,
      [school.id],
    );
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      target_id: "GET /v1/contents",
      actor_id: school.admin.id,
      api_key_id: apiKey.id,
    });
    expect(JSON.parse(events[0]?.details ?? "")).toMatchObject({
      credential: "api_key",
      refusal: "api_key_not_allowed",
    });
  });

  test("may nothing that has no scope, or that needs a fresh proof of who is asking", async () => {
    const school = await it.organization();
    const pupil = await it.user(school);
    const { token } = await make(school.token, SCOPES);
    for (const [method, path, body] of [
      ["GET", "/v1/sessions"],
      ["DELETE", "/v1/sessions"],
      ["GET", "/v1/api-keys"],
      ["POST", "/v1/api-keys", { name: "Child", scopes: ["users:read"], expiresAt: inHours(1) }],
      ["PUT", `/v1/users/${pupil.id}/role`, { role: "admin" }],
      ["PUT", "/v1/me/password", { currentPassword: school.admin.password, newPassword: "x".repeat(20) }],
      ["PATCH", `/v1/users/${pupil.id}`, { email: "taken-over@evil.example" }],
      ["POST", "/v1/users", { fullName: "Mallory", username: "mallory", role: "admin" }],
      ["POST", "/v1/users", { fullName: "Mallory", username: "mallory", role: "teacher" }],
      ["POST", `/v1/users/${pupil.id}/unlock`],
      ["PATCH", "/v1/organization", { settings: { adminSecondFactorRequired: false } }],
    ] as const) {
      const answer = await request<{ type: string }>(method, path, {
        token,
        headers: { "if-match": "*" },
        ...(body === undefined ? {} : { body }),
      });
      expect([method, path, answer.status, slugOf(answer)]).toEqual([
        method,
        path,
        403,
        "api_key_not_allowed",
      ]);
    }
    // The control: the same key adds and changes people otherwise.
    const added = await request("POST", "/v1/users", {
      token,
      body: { fullName: "P", username: "provisioned" },
    });
    expect(added.status).toBe(201);
  });

  test("has at most the role of whoever made it, and is told what it may do", async () => {
    const school = await it.organization();
    const { token } = await make(school.token, ["users:read", "contents:read"]);
    const { body } = await request<{
      credential: string;
      scopes: string[];
      freshUntil: null;
      operations: { method: string; path: string; fresh: boolean }[];
    }>("GET", "/v1/me/permissions", { token });
    expect(body).toMatchObject({
      role: "admin",
      credential: "api_key",
      scopes: ["users:read", "contents:read"],
      freshUntil: null,
    });
    const operations = body.operations.map(({ method, path }) => `${method} ${path}`);
    expect(operations).toContain("GET /v1/users/{id}");
    expect(operations).not.toContain("PATCH /v1/users/{id}");
    expect(body.operations.some(({ fresh }) => fresh)).toBe(false);
  });

  test("is shown once: neither the list, nor the database, nor the audit holds it [row 80]", async () => {
    const school = await it.organization();
    const { token, apiKey } = await make(school.token);
    expect(token).toMatch(/^satchel_key_[A-Za-z0-9_-]{64}$/);
    expect(token.endsWith(apiKey.hint)).toBe(true);
    const listed = JSON.stringify(await list(school.token));
    expect(listed).toContain(apiKey.id);
    const secret = token.slice("satchel_key_".length);
    expect(listed).not.toContain(secret.slice(22, 60));
    const tables = await admin<{ rows: string }>(
      `select (select string_agg(t::text, '') from app.api_key t) || (select string_agg(t::text, '') from app.audit_event t) as rows`,
    );
    expect(tables[0]?.rows).toContain(apiKey.id);
    expect(tables[0]?.rows).not.toContain(secret.slice(22, 60));
  });

  test("tells when and from where it was last used, written at most once a minute", async () => {
    const school = await it.organization();
    const { token, apiKey } = await make(school.token);
    const read = async () => (await list(school.token)).find(({ id }) => id === apiKey.id);
    expect(await read()).toMatchObject({ lastUsedAt: null, lastUsedIp: null });
    await get("/v1/users", token);
    const first = await read();
    expect(first?.lastUsedIp).toBe("127.0.0.1");
    await get("/v1/users", token);
    expect((await read())?.lastUsedAt).toBe(first?.lastUsedAt ?? "");
    await admin(
      "update app.api_key set last_used_at = last_used_at - interval '61 seconds' where api_key_id = $1",
      [apiKey.id],
    );
    await Promise.all([get("/v1/users", token), get("/v1/users", token), get("/v1/users", token)]);
    expect((await read())?.lastUsedAt).not.toBe(first?.lastUsedAt ?? "");
  });

  test("expires between now and 366 days from now, and then is nobody", async () => {
    const school = await it.organization();
    for (const expiresAt of [
      inHours(-1),
      inHours(24 * 367),
      "2026-02-30T00:00:00Z",
      "9999-12-31T00:00:00Z",
    ]) {
      const answer = await request<{ type: string }>("POST", "/v1/api-keys", {
        token: school.token,
        body: { name: "Odd", scopes: ["users:read"], expiresAt },
      });
      expect(answer.status).toBe(422);
    }
    expect(await list(school.token)).toEqual([]);
    const { token, apiKey } = await make(school.token);
    await admin(
      "update app.api_key set expires_at = created_at + interval '1 microsecond' where api_key_id = $1",
      [apiKey.id],
    );
    expect((await get("/v1/users", token)).status).toBe(401);
  });

  test("is ended for good by revoking it, by the next request on [row 77]", async () => {
    const { school, token: second } = await secondAdmin();
    const { token, apiKey } = await make(second);
    expect((await get("/v1/users", token)).status).toBe(200);
    // Any admin may: whoever made it may be on holiday.
    const revoked = await request("DELETE", `/v1/api-keys/${apiKey.id}`, { token: school.token });
    expect(revoked.status).toBe(204);
    expect((await get("/v1/users", token)).status).toBe(401);
    expect(await request("DELETE", `/v1/api-keys/${apiKey.id}`, { token: school.token })).toMatchObject({
      status: 404,
    });
    const [row] = await list(school.token);
    expect(row).toMatchObject({ revokeReason: "revoked" });
    const events = await admin<{ action: string; actor_id: string }>(
      "select action, actor_id from app.audit_event where target_id = $1 order by sequence",
      [apiKey.id],
    );
    expect(events.map(({ action }) => action)).toEqual(["api_key.created", "api_key.revoked"]);
    expect(events[1]?.actor_id).toBe(school.admin.id);
  });

  test.each([
    ["suspended", "status_changed", "PATCH", "", { status: "suspended" }],
    ["given another role", "role_changed", "PUT", "/role", { role: "teacher" }],
    ["deleted", "user_deleted", "DELETE", "", undefined],
  ] as const)("dies with its person's rights: %s", async (_, reason, method, path, body) => {
    const { school, id, token: second } = await secondAdmin();
    const { token } = await make(second);
    const other = await make(school.token);
    expect((await get("/v1/users", token)).status).toBe(200);
    const changed = await request(method, `/v1/users/${id}${path}`, {
      token: school.token,
      headers: { "if-match": "*" },
      ...(body === undefined ? {} : { body }),
    });
    expect([200, 204]).toContain(changed.status);
    expect((await get("/v1/users", token)).status).toBe(401);
    const keys = await list(school.token);
    expect(keys.map(({ revokeReason }) => revokeReason).sort()).toEqual([null, reason].sort());
    // Whoever comes back finds it dead, and others keep theirs.
    await admin(
      "update app.user set status = 'active', role = 'admin', deleted_at = null, deletion_id = null where user_id = $1",
      [id],
    );
    expect((await get("/v1/users", token)).status).toBe(401);
    expect((await get("/v1/users", other.token)).status).toBe(200);
  });

  test.each([
    [
      "by a link",
      async (school: GivenOrganization, { username }: GivenUser) => {
        const named = { organization: school.slug, login: username };
        expect((await request("POST", "/v1/password-resets", { body: named })).status).toBe(202);
        const [mail] = await listMail(app.deps, school.id, null, 1);
        const { text = "" } = (await findMail(app.deps, school.id, mail?.id ?? "", "http://x")) ?? {};
        const token = /#(satchel_link_\S+)/.exec(text)?.[1];
        return request("POST", "/v1/password-resets/consume", { body: { token, newPassword: NEW } });
      },
    ],
    [
      "by another admin",
      (school: GivenOrganization, { id }: GivenUser) =>
        request("PUT", `/v1/users/${id}/password`, { token: school.token, body: { password: NEW } }),
    ],
    [
      "by themselves",
      (_: GivenOrganization, { password }: GivenUser, token: string) =>
        request("PUT", "/v1/me/password", { token, body: { currentPassword: password, newPassword: NEW } }),
    ],
  ] as const)("dies with its person's password, changed %s, and nobody else's", async (_, change) => {
    const school = await it.organization();
    const { user, token: own } = await it.member(school, "admin");
    const [made, other] = [await make(own), await make(school.token)];
    expect((await change(school, user, own)).status).toBe(204);
    expect((await get("/v1/users", made.token)).status).toBe(401);
    expect((await get("/v1/users", other.token)).status).toBe(200);
    const keys = await list(school.token);
    expect(keys.map(({ id, revokeReason }) => [id, revokeReason])).toEqual([
      [other.apiKey.id, null],
      [made.apiKey.id, "password_changed"],
    ]);
  });

  test("outlives the same password under another hash, and so does the note of who knows the password", async () => {
    const { school, id, token: second } = await secondAdmin();
    const { token } = await make(second);
    const { keys } = app.deps;
    const peppered = Buffer.from(keys.mac("pepper", PASSWORD)).toString("base64");
    const weak = await Bun.password.hash(peppered, { algorithm: "argon2id", memoryCost: 8192, timeCost: 1 });
    await admin("update app.credential set password_hash = $2 where user_id = $1", [id, weak]);
    const read = () =>
      admin(
        `select password_hash = $2 as weak, password_changed_at, password_set_by_id, u.username
         from app.credential join app.user u using (organization_id, user_id) where user_id = $1`,
        [id, weak],
      );
    const [before] = await read();
    expect(before).toMatchObject({ weak: true, password_set_by_id: school.admin.id });
    const body = { organization: school.slug, login: before?.username, password: PASSWORD };
    expect((await request("POST", "/v1/sessions", { body })).status).toBe(201);
    expect(await read()).toEqual([{ ...before, weak: false }]);
    expect((await get("/v1/users", token)).status).toBe(200);
  });

  test("is told to its owner by mail, with its name and end, and to nobody else", async () => {
    const { school, id, token } = await secondAdmin();
    await request("PATCH", "/v1/me", { token, headers: { "if-match": "*" }, body: { language: "es" } });
    const { apiKey, token: secret } = await make(token);
    const mails = await admin<{ id: string; user_id: string }>(
      "select mail_id as id, user_id from app.mail where organization_id = $1 and template = 'api_key_created'",
      [school.id],
    );
    expect(mails.map(({ user_id }) => user_id)).toEqual([id]);
    const mail = await findMail(app.deps, school.id, mails[0]?.id ?? "", "http://x");
    expect(mail?.subject).toContain("Nueva clave de API");
    expect(mail?.text).toContain("Timetable");
    expect(mail?.text).not.toContain(secret.slice(-20));
    expect(apiKey.hint).toBe(secret.slice(-4));
  });

  test("is refused as long as its organization is suspended", async () => {
    const school = await it.organization();
    const { token } = await make(school.token);
    await admin("update app.organization set status = 'suspended' where organization_id = $1", [school.id]);
    expect((await get("/v1/users", token)).status).toBe(401);
  });

  test("waits, like its person, for the second factor that the role needs", async () => {
    const school = await it.organization();
    const { token } = await make(school.token);
    await admin(
      "update app.organization set settings = json_build_object('adminSecondFactorRequired', true) where organization_id = $1",
      [school.id],
    );
    const answer = await get("/v1/users", token);
    expect([answer.status, slugOf(answer)]).toEqual([403, "second_factor_enrolment_required"]);
  });

  test("works in its own organization alone, and is nobody's to see in another [row 45]", async () => {
    const [mine, theirs] = [await it.organization(), await it.organization()];
    const { token, apiKey } = await make(theirs.token);
    const theirPupil = await it.user(theirs);
    const myKey = await make(mine.token, SCOPES);
    expect((await get(`/v1/users/${theirPupil.id}`, myKey.token)).status).toBe(404);
    expect(JSON.stringify(await list(mine.token))).not.toContain(apiKey.id);
    for (const id of [apiKey.id, Bun.randomUUIDv7()]) {
      const answer = await request<{ type: string }>("DELETE", `/v1/api-keys/${id}`, { token: mine.token });
      expect([answer.status, slugOf(answer)]).toEqual([404, "not_found"]);
    }
    expect((await get("/v1/users", token)).status).toBe(200);
    // The organization that stands in a key proves nothing: with another one put in, it is nowhere to be found.
    const bytes = Buffer.from(token.slice("satchel_key_".length), "base64url");
    Buffer.from(mine.id.replaceAll("-", ""), "hex").copy(bytes);
    expect((await get("/v1/users", `satchel_key_${bytes.toString("base64url")}`)).status).toBe(401);
  });

  test("is one kind of token: its letters are no session, a session's no key", async () => {
    const school = await it.organization();
    const { token } = await make(school.token);
    expect((await get("/v1/users", token.replace("satchel_key_", "satchel_"))).status).toBe(401);
    expect((await get("/v1/users", school.token.replace("satchel_", "satchel_key_"))).status).toBe(401);
  });

  test("is counted apart from people: one that runs wild slows neither them nor another key", async () => {
    const school = await it.organization();
    const [wild, calm] = [await make(school.token), await make(school.token)];
    const statuses = [];
    for (let at = 0; at < 60; at++) statuses.push((await get("/v1/me", wild.token)).status);
    expect(statuses).toContain(429);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(40);
    expect((await get("/v1/me", calm.token)).status).toBe(200);
    expect((await get("/v1/me", school.token)).status).toBe(200);
  });
});

test("keys are forgotten ninety days after they ended, and no other is [row 78]", async () => {
  const [school, other] = [await it.organization(), await it.organization()];
  const [revoked, expired, recent, live, theirs] = [
    await make(school.token),
    await make(school.token),
    await make(school.token),
    await make(school.token),
    await make(other.token),
  ];
  const days = (number: number) => `now() - interval '${number} days'`;
  const revoke = (id: string, when: string) =>
    admin(`update app.api_key set revoked_at = ${when}, revoke_reason = 'revoked' where api_key_id = $1`, [
      id,
    ]);
  await revoke(revoked.apiKey.id, days(91));
  await revoke(recent.apiKey.id, days(89));
  await revoke(theirs.apiKey.id, days(91));
  // When a row was made is not to be changed, not even by a superuser: the trigger is out of the way for this.
  await admin("alter table app.api_key disable trigger user");
  await admin(
    `update app.api_key set created_at = ${days(100)}, expires_at = ${days(91)} where api_key_id = $1`,
    [expired.apiKey.id],
  );
  await admin("alter table app.api_key enable trigger user");
  expect(await pruneApiKeys(app.deps, school.id, 1)).toBe(1);
  expect(await pruneApiKeys(app.deps, school.id, 10)).toBe(1);
  expect(await pruneApiKeys(app.deps, school.id, 10)).toBe(0);
  expect((await list(school.token)).map(({ id }) => id).sort()).toEqual(
    [recent.apiKey.id, live.apiKey.id].sort(),
  );
  expect(await list(other.token)).toHaveLength(1);
});

describe("making one", () => {
  test("is for admins who have just shown who they are", async () => {
    const school = await it.organization();
    const body = { name: "Timetable", scopes: ["users:read"], expiresAt: inHours(1) };
    for (const role of ["student", "teacher", "parent"] as const) {
      const { token } = await it.member(school, role);
      expect((await request("POST", "/v1/api-keys", { token, body })).status).toBe(403);
      expect((await request("GET", "/v1/api-keys", { token })).status).toBe(403);
    }
    await admin(
      "update app.session set authenticated_at = now() - interval '301 seconds' where user_id = $1",
      [school.admin.id],
    );
    const late = await request<{ type: string }>("POST", "/v1/api-keys", { token: school.token, body });
    expect([late.status, slugOf(late)]).toEqual([403, "reauthentication_required"]);
    // What needs no proof goes on.
    expect((await request("GET", "/v1/api-keys", { token: school.token })).status).toBe(200);
  });

  test("takes known scopes alone, and every one of them", async () => {
    const school = await it.organization();
    for (const scopes of [[], ["users:admin"], ["*"], "users:read"]) {
      const answer = await request("POST", "/v1/api-keys", {
        token: school.token,
        body: { name: "Odd", scopes, expiresAt: inHours(1) },
      });
      expect(answer.status).toBe(422);
    }
    expect((await make(school.token, SCOPES)).apiKey.scopes).toEqual([...SCOPES].sort());
  });

  test("repeated with its Idempotency-Key makes one, and tells the same one", async () => {
    const school = await it.organization();
    const sent = {
      token: school.token,
      headers: { "idempotency-key": "once" },
      body: { name: "Timetable", scopes: ["users:read"], expiresAt: inHours(1) },
    };
    const [first, again] = [
      await request<Made>("POST", "/v1/api-keys", sent),
      await request<Made>("POST", "/v1/api-keys", sent),
    ];
    expect(again.body).toEqual(first.body);
    expect(await list(school.token)).toHaveLength(1);
  });
});

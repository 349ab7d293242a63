/** What the audit must not hold: anything that somebody typed, and anything that opens a door. */
import { afterAll, expect, test } from "bun:test";
import { codeOf } from "../second-factors/support.ts";
import type { Sent, TestApp } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { given, PASSWORD } from "../support/given.ts";

const app = await domain();
afterAll(app.close);

/** Every text that was sent, and every secret that was given out. */
const seen = new Set<string>();

function collect(value: unknown, key: string, all: boolean): void {
  if (typeof value === "string" && (all || /token|code|secret|key|challenge|uri/i.test(key))) seen.add(value);
  else if (Array.isArray(value)) for (const each of value) collect(each, key, all);
  else if (typeof value === "object" && value !== null) {
    for (const [name, each] of Object.entries(value)) collect(each, name, all);
  }
}

const request = (async (method: string, path: string, sent: Sent = {}) => {
  collect(sent.body, "", true);
  if (typeof sent.token === "string") seen.add(sent.token);
  const answer = await app.request(method, path, sent);
  collect(answer.body, "", false);
  for (const cookie of answer.headers.getSetCookie()) seen.add(cookie.split(";")[0]?.split("=")[1] ?? "");
  return answer;
}) as TestApp["request"];

/** What is no secret though it is sent: words of closed lists, ids, times. */
const WORDS = /^(student|teacher|admin|parent|users:read|[0-9a-f-]{36}|\d{4}-\d\d-\d\dT.*Z)$/;

test("no password, token, code, address, name or login that was typed or given out is in any row of it [row 113]", async () => {
  const it = given({ request });
  const school = await it.organization();
  const { user, token } = await it.member(school, "teacher");
  const asTeacher = { token };
  const any = { "if-match": "*" };
  const login = (password: string, who = user.username) =>
    request<{ token: string }>("POST", "/v1/sessions", {
      body: { organization: school.slug, login: who, password },
      headers: { "user-agent": "Browser/1.0" },
    });
  await login("a wrong password that was typed");
  await login(PASSWORD, "nobody.at.all@school.example");
  await request("POST", "/v1/sessions/current/reauthentication", {
    ...asTeacher,
    body: { password: "also wrong, and typed" },
  });
  await request("PUT", "/v1/me/password", {
    ...asTeacher,
    body: { currentPassword: PASSWORD, newPassword: "another long sentence of theirs" },
  });
  const { body: again } = await login("another long sentence of theirs");
  const signedIn = { token: again.token };
  const { body: begun } = await request<{ secret: string }>("POST", "/v1/me/second-factor", signedIn);
  await request("POST", "/v1/me/second-factor/confirmation", {
    ...signedIn,
    body: { code: codeOf(begun.secret) },
  });
  await request("PATCH", "/v1/me", {
    ...signedIn,
    headers: any,
    body: { fullName: "Grace Brewster Hopper", profile: { bio: "What nobody else should read." } },
  });
  const asAdmin = { token: school.token };
  await request("PATCH", `/v1/users/${user.id}`, {
    ...asAdmin,
    headers: any,
    body: { username: "grace.hopper", email: "grace.hopper@navy.example" },
  });
  await request("PUT", `/v1/users/${user.id}/role`, { ...asAdmin, headers: any, body: { role: "parent" } });
  await request("POST", "/v1/api-keys", {
    ...asAdmin,
    body: {
      name: "Timetable of the gymnasium",
      scopes: ["users:read"],
      expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    },
  });
  await request("POST", "/v1/password-resets", {
    body: { organization: school.slug, login: "grace.hopper" },
  });
  await request("POST", "/v1/password-resets/consume", {
    body: { token: "t".repeat(43), newPassword: "one more long sentence, typed" },
  });
  await request("PATCH", "/v1/organization", {
    ...asAdmin,
    headers: any,
    body: { name: "The Renamed Gymnasium", slug: `${school.slug}-renamed` },
  });
  await request("POST", "/v1/organization/sign-up-codes", { ...asAdmin, body: { role: "student" } });
  await request("DELETE", `/v1/users/${user.id}`, { ...asAdmin, headers: any });

  const rows = await app.database.admin<{ row: string }>(
    ["audit_event", "audit_subject", "audit_origin", "audit_head", "audit_anchor", "audit_seal"]
      .map((table) => `select t::text as row from app.${table} t`)
      .join(" union all "),
  );
  // Without hashes, ids and times: a code of six digits may stand in one by chance.
  const text = rows
    .map(({ row }) => row)
    .join("\n")
    .replace(/\\x[0-9a-f]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d [\d:.+]+/g, "");
  const actions = new Set(
    (await app.database.admin<{ action: string }>("select distinct action from app.audit_event")).map(
      ({ action }) => action,
    ),
  );
  // It saw all of that.
  for (const action of [
    "session.opened",
    "session.refused",
    "password.changed",
    "second_factor.enrolled",
    "api_key.created",
    "user.role_changed",
    "user.deleted",
    "organization.changed",
  ] as const) {
    expect(actions).toContain(action);
  }
  const planted = [...seen].filter((value) => value.length >= 6 && !WORDS.test(value));
  expect(planted.length).toBeGreaterThan(30);
  expect(planted.filter((value) => text.includes(value))).toEqual([]);
});

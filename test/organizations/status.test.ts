/** An organization that is suspended or closed: nobody gets in, at once, on every node. */
import { afterAll, describe, expect, test } from "bun:test";
import { openDb, withTenant } from "../../src/db.ts";
import { closeDeps, openDeps } from "../../src/deps.ts";
import { endpoints } from "../../src/endpoints.ts";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { deliverMail, listMail, sendMailIn } from "../../src/mail/mail.ts";
import { allOrganizations, setOrganizationStatus } from "../../src/organizations/organizations.ts";
import { requestOf } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { mailTo, tokenFor } from "../support/mailbox.ts";

const here = await domain();
const { it, request, deps } = here;
const { admin } = here.database;
const { config, keys, log } = deps;
const db = await openDb({ url: here.database.requestUrl, log });
const there = await openDeps({ config, db, keys, log, release: "test" });
const app = buildApp({ deps: there, endpoints, authenticate, probes: { ready: () => db.check(200) } });
afterAll(async () => {
  app.close();
  await closeDeps(there);
  await db.close();
  await here.close();
});

const onOtherNode = async (token: string, path = "/v1/organization") =>
  (await app.handle(new Request(`http://localhost${path}`, requestOf("GET", { token })))).status;
const signIn = ({ slug }: { slug: string }, login: string, password: string) =>
  request<{ type?: string }>("POST", "/v1/sessions", { body: { organization: slug, login, password } });

describe.each(["suspended", "closed"] as const)("an organization that is %s", (status) => {
  test("lets nobody in, on another node neither, from the moment it is so; another one is not touched [row 12]", async () => {
    const [house, other] = [await it.founded(), await it.founded()];
    const members = await Promise.all(
      (["student", "teacher", "parent", "admin"] as const).map((role) => it.member(house, role)),
    );
    const everybody = [house.token, ...members.map(({ token }) => token)];
    for (const token of everybody) expect(await onOtherNode(token)).toBe(200);
    expect(await setOrganizationStatus(deps, house.id, status)).toBe(true);
    // Each of them, many times, on both nodes.
    for (let round = 0; round < 20; round++) {
      for (const token of everybody) {
        expect(await onOtherNode(token)).toBe(401);
        expect((await request("GET", "/v1/me", { token })).status).toBe(401);
      }
    }
    expect(await onOtherNode(other.token)).toBe(200);
  });

  test("answers who signs in like any wrong sign-in, byte for byte", async () => {
    const house = await it.founded();
    const wrong = await signIn(house, house.admin.username, `${house.admin.password}!`);
    await setOrganizationStatus(deps, house.id, status);
    const right = await signIn(house, house.admin.username, house.admin.password);
    const nowhere = await signIn({ slug: "no-such-school" }, house.admin.username, house.admin.password);
    const told = ({ status: code, body }: typeof wrong) => [code, { ...body, instance: null }];
    expect(told(right)).toEqual(told(wrong));
    expect(told(nowhere)).toEqual(told(wrong));
    expect(wrong.status).toBe(401);
  });

  test("is as it was once it is reactivated, and who was signed in is so again", async () => {
    const house = await it.founded();
    const pupil = await it.member(house);
    await setOrganizationStatus(deps, house.id, status);
    expect(await onOtherNode(pupil.token)).toBe(401);
    await setOrganizationStatus(deps, house.id, "active");
    expect(await onOtherNode(pupil.token)).toBe(200);
    expect((await signIn(house, pupil.user.username, pupil.user.password)).status).toBe(201);
  });
});

test("no other way leads in: not an API key, a refresh token nor a link", async () => {
  const house = await it.founded();
  const pupil = await it.user(house);
  const key = await request<{ token: string }>("POST", "/v1/api-keys", {
    token: house.token,
    body: {
      name: "Timetable",
      scopes: ["organization:read"],
      expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    },
  });
  expect(await onOtherNode(key.body.token)).toBe(200);
  const login = { organization: house.slug, login: pupil.username, password: pupil.password };
  const app = await request<{ refreshToken: string; token: string }>("POST", "/v1/sessions", {
    body: { ...login, longLived: true },
  });
  expect(app.status).toBe(201);
  await request("POST", "/v1/password-resets", { body: { organization: house.slug, login: pupil.username } });
  const token = await tokenFor(deps, house.id, pupil.id, "reset_password");
  const before = await admin("select * from app.session where organization_id = $1 order by session_id", [
    house.id,
  ]);

  await setOrganizationStatus(deps, house.id, "suspended");
  expect(await onOtherNode(key.body.token)).toBe(401);
  const renew = () =>
    request<{ token: string }>("POST", "/v1/sessions/refresh", {
      body: { refreshToken: app.body.refreshToken },
    });
  expect((await renew()).status).toBe(401);
  const consume = { token, newPassword: "nine loud geese cross the bridge" };
  expect((await request("POST", "/v1/password-resets/consume", { body: consume })).status).toBe(403);
  await request("POST", "/v1/password-resets", { body: { organization: house.slug, login: pupil.username } });
  expect(await mailTo(deps, house.id, pupil.id)).toHaveLength(1);
  expect(
    await admin("select * from app.session where organization_id = $1 order by session_id", [house.id]),
  ).toEqual(before);

  // Trying it meanwhile has used nothing up.
  await setOrganizationStatus(deps, house.id, "active");
  expect(await onOtherNode(key.body.token)).toBe(200);
  const renewed = await renew();
  expect(renewed.status).toBe(200);
  expect(await onOtherNode(renewed.body.token)).toBe(200);
  expect((await request("POST", "/v1/password-resets/consume", { body: consume })).status).toBe(204);
});

test("mail that was waiting is not sent in its name, and what only tidies up at home is done", async () => {
  // Nobody listens there: a mail that was tried would have failed otherwise.
  const smtp = { smtpUrl: "smtp://127.0.0.1:9", mailFrom: "school@example.org" };
  const own = { ...deps, config: { ...config, ...smtp } };
  const house = await it.founded();
  await withTenant(deps.db, { organizationId: house.id, userId: null }, (tx) =>
    sendMailIn(own, tx, house.id, { userId: house.admin.id, template: "password_changed" }),
  );
  const [mail] = await listMail(deps, house.id, null, 1);
  await setOrganizationStatus(deps, house.id, "suspended");
  await deliverMail(own, {
    jobId: crypto.randomUUID(),
    organizationId: house.id,
    mailId: mail?.id ?? "",
    lastAttempt: false,
    signal: AbortSignal.timeout(5000),
  });
  expect(await listMail(deps, house.id, null, 9)).toMatchObject([
    { state: "failed", lastError: "SUSPENDED", sentAt: null },
  ]);
  const ids: string[] = [];
  for await (const id of allOrganizations(deps)) ids.push(id);
  expect(ids).toContain(house.id);
});

test("what is so already is told so, changes nothing and is not audited again", async () => {
  const house = await it.founded();
  expect(await setOrganizationStatus(deps, house.id, "active")).toBe(false);
  expect(await setOrganizationStatus(deps, house.id, "suspended")).toBe(true);
  expect(await setOrganizationStatus(deps, house.id, "suspended")).toBe(false);
  expect(await setOrganizationStatus(deps, house.id, "closed")).toBe(true);
  expect(await setOrganizationStatus(deps, house.id, "active")).toBe(true);
  expect(
    await admin(
      `select action, details::jsonb as details, actor_id, target_id from app.audit_event
       where organization_id = $1 and action ~ '^organization.(suspended|closed|reactivated)$' order by sequence`,
      [house.id],
    ),
  ).toEqual([
    {
      action: "organization.suspended",
      details: { statusBefore: "active" },
      actor_id: null,
      target_id: house.id,
    },
    {
      action: "organization.closed",
      details: { statusBefore: "suspended" },
      actor_id: null,
      target_id: house.id,
    },
    {
      action: "organization.reactivated",
      details: { statusBefore: "closed" },
      actor_id: null,
      target_id: house.id,
    },
  ]);
});

test("an organization that is not there is refused", async () => {
  await expect(setOrganizationStatus(deps, crypto.randomUUID(), "suspended")).rejects.toThrow("not_found");
});

test("a change of the organization is audited: settings with old and new, names by the fact alone", async () => {
  const house = await it.founded();
  const patch = (body: unknown) =>
    request("PATCH", "/v1/organization", { token: house.token, headers: { "if-match": "*" }, body });
  await patch({
    name: "A secret name",
    type: "university",
    settings: { signUp: "open", studentIdleMinutes: 60 },
  });
  const events = await admin<Record<string, unknown>>(
    `select outcome, actor_id, details::jsonb as details from app.audit_event
     where organization_id = $1 and action = 'organization.changed'`,
    [house.id],
  );
  expect(events).toEqual([
    {
      outcome: "success",
      actor_id: house.admin.id,
      details: {
        name: "changed",
        typeBefore: "school",
        typeAfter: "university",
        signUpBefore: "invitation",
        signUpAfter: "open",
        studentIdleMinutesBefore: null,
        studentIdleMinutesAfter: 60,
      },
    },
  ]);
});

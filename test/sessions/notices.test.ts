/** What a person and the organization learn of sign-ins. */
import { afterAll, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { trySignIn } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
afterAll(app.close);

const school = await it.organization();
const WRONG = "not what it was at all";
const mails = async (userId: string) =>
  (
    await admin<{ template: string }>("select template from app.mail where user_id = $1 order by mail_id", [
      userId,
    ])
  ).map(({ template }) => template);
const audited = async (userId: string) =>
  (
    await admin<{ said: string }>(
      `select concat_ws(' ', action, outcome, details::jsonb ->> 'reason') as said
       from app.audit_event e where $1 = any(e.subject_ids) and action ~ '^(session|password)' order by sequence`,
      [userId],
    )
  ).map(({ said }) => said);

test("the first sign-in ever is no news, one on a known device neither, one on a new device is told [row 73]", async () => {
  const user = await it.user(school);
  const first = await signIn(school, user);
  expect(await mails(user.id)).toEqual([]);
  const { deviceToken } = first.body;
  expect((await signIn(school, user, { deviceToken })).status).toBe(201);
  expect(await mails(user.id)).toEqual([]);
  expect((await signIn(school, user)).status).toBe(201);
  expect(await mails(user.id)).toEqual(["new_device"]);
  // Known to somebody else is not known to this one.
  const { body } = await signIn(school, await it.user(school));
  await signIn(school, user, { deviceToken: body.deviceToken });
  expect(await mails(user.id)).toEqual(["new_device", "new_device"]);
});

test("who was refused gets no mail of it, and who has no address none at all", async () => {
  const [user, pupil] = [await it.user(school), await it.user(school, "student", { email: null })];
  await signIn(school, user);
  await signIn(school, user, { password: WRONG });
  expect(await mails(user.id)).toEqual([]);
  await signIn(school, pupil);
  expect((await signIn(school, pupil)).status).toBe(201);
  expect(await mails(pupil.id)).toEqual([]);
});

test("a changed password is told, a refused change is not", async () => {
  const { user, token } = await it.member(school);
  const change = (currentPassword: string) =>
    request("PUT", "/v1/me/password", { token, body: { currentPassword, newPassword: `${PASSWORD} again` } });
  expect((await change(WRONG)).status).toBe(403);
  expect(await mails(user.id)).toEqual([]);
  expect((await change(PASSWORD)).status).toBe(204);
  expect(await mails(user.id)).toEqual(["password_changed"]);
  expect(await audited(user.id)).toEqual([
    "session.opened success",
    "password.changed refused",
    "password.changed success",
  ]);
});

test("coming and going is in the audit: opened, refused, ended, and why", async () => {
  const user = await it.user(school);
  await signIn(school, user, { password: WRONG });
  const { body } = await signIn(school, user);
  await signIn(school, user);
  await request("DELETE", "/v1/sessions?others=true", { token: body.token });
  await request("DELETE", "/v1/sessions/current", { token: body.token });
  await admin("update app.user set status = 'inactive' where user_id = $1", [user.id]);
  await signIn(school, user);
  expect(await audited(user.id)).toEqual([
    "session.refused refused password",
    "session.opened success",
    "session.opened success",
    "session.ended success ended_by_user",
    "session.ended success signed_out",
    "session.refused refused status",
  ]);
});

test("a login that is nobody's is in the audit without its name", async () => {
  const house = await it.organization();
  const nobody = { username: `nobody-${crypto.randomUUID()}`, password: WRONG };
  await signIn(house, nobody);
  const events = await admin<{ subjects: unknown[]; text: string }>(
    `select subject_ids as subjects, e::text as text from app.audit_event e
     where organization_id = $1 and action = 'session.refused'`,
    [house.id],
  );
  expect(events.map(({ subjects }) => subjects)).toEqual([[]]);
  expect(events[0]?.text).not.toContain(nobody.username);
});

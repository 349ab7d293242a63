/** A school invited at once: what that costs everybody else. */
import { afterAll, expect, test } from "bun:test";
import { importUsersJob } from "../../jobs/import-users.ts";
import { runJobs } from "../../jobs/runner.ts";
import { withTenant } from "../../src/db.ts";
import { sendInvitationsIn } from "../../src/links/links.ts";
import { idle, until } from "../jobs/support.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";
import { mailTo, tokenFor } from "../support/mailbox.ts";

const statements: string[] = [];
// Mail is queued, and nobody takes it.
const app = await domain({
  config: { smtpUrl: "smtp://127.0.0.1:1", mailFrom: "Satchel <no-reply@satchel.example>" },
  db: { onStatement: (name) => statements.push(name) },
});
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

const HEAD = "external_id,full_name,email";
const pupils = (count: number, at = "school.example") =>
  [HEAD, ...Array.from({ length: count }, (_, n) => `p${n},Pupil ${n},p${n}@${at}`)].join("\n");

/** Gives what works the import off. */
async function uploaded({ id, token }: GivenOrganization, body: string): Promise<() => Promise<void>> {
  const answer = await app.app.handle(
    new Request("http://localhost/v1/users/import?invite=true", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "text/csv" },
      body,
    }),
  );
  expect(answer.status).toBe(202);
  const { id: importId } = (await answer.json()) as { id: string };
  return () =>
    importUsersJob(deps, {
      id: Bun.randomUUIDv7(),
      payload: { organizationId: id, importId },
      attempt: 1,
      lastAttempt: false,
      signal: new AbortController().signal,
    });
}

const counted = async ({ id }: GivenOrganization) =>
  (
    await admin(
      `select (select count(*)::int from app.user where organization_id = $1 and status = 'pending') as pending,
         (select count(distinct user_id)::int from app.link where organization_id = $1 and kind = 'invitation'
            and consumed_at is null and ended_at is null) as open,
         (select count(*)::int from app.link where organization_id = $1) as links,
         (select count(distinct user_id)::int from app.mail where organization_id = $1 and template = 'invitation'
            and state = 'queued' and expires_at > now() + interval '6 days') as mails,
         (select count(*)::int from pgboss.job where name = 'send-mail' and data ->> 'organizationId' = $1::text) as jobs`,
      [id],
    )
  )[0];

test("a thousand people are invited, and told of another address, in as many statements as ten [row 59] [row 72]", async () => {
  const house = await it.organization();
  const counts: number[] = [];
  for (const file of [pupils(1000), pupils(1000, "moved.example")]) {
    const work = await uploaded(house, file);
    statements.length = 0;
    await work();
    counts.push(statements.length);
  }
  expect(await counted(house)).toEqual({ pending: 1000, open: 0, links: 1000, mails: 1000, jobs: 2000 });
  // Two batches, and what is before and after them.
  expect(Math.max(...counts)).toBeLessThan(80);
  const small = await it.organization();
  const work = await uploaded(small, pupils(600));
  statements.length = 0;
  await work();
  expect(Math.abs(statements.length - (counts[0] ?? 0))).toBeLessThan(5);
}, 60_000);

test("people are added while thousands are imported and invited: nobody is kept out [row 72]", async () => {
  const house = await it.organization();
  const work = await uploaded(house, pupils(2000));
  let under = true;
  const working = work().finally(() => {
    under = false;
  });
  const answers: number[] = [];
  while (under) {
    const body = { fullName: "New", username: `new-${answers.length}` };
    answers.push((await request("POST", "/v1/users", { token: house.token, body })).status);
  }
  await working;
  expect(await counted(house)).toMatchObject({ pending: 2000, open: 2000, mails: 2000, jobs: 2000 });
  expect(answers.filter((status) => status !== 201 && status !== 503)).toEqual([]);
  // On a machine that is busy with something else one may be sent away; those who ask again are let in.
  expect(answers.filter((status) => status === 201).length).toBeGreaterThan(answers.length * 0.9);
  expect(answers.length).toBeGreaterThan(10);
}, 60_000);

test("each of many gets a link of their own, which lets in nobody else [row 72]", async () => {
  const house = await it.organization();
  await (await uploaded(house, pupils(3)))();
  const rows = await admin<{ user_id: string; external_id: string }>(
    "select user_id, external_id from app.user where organization_id = $1 and status = 'pending' order by external_id",
    [house.id],
  );
  for (const [at, { user_id: userId, external_id: name }] of rows.entries()) {
    const [mail] = await mailTo(deps, house.id, userId, "invitation");
    expect(mail?.to).toBe(`${name}@school.example`);
    const token = await tokenFor(deps, house.id, userId, "invitation");
    const body = { token, password: "seven quiet herons cross the weir" };
    expect((await request("POST", "/v1/invitations/consume", { body })).status).toBe(204);
    const let_in = await admin(
      "select external_id from app.user where organization_id = $1 and status = 'active' and external_id is not null order by 1",
      [house.id],
    );
    expect(let_in).toHaveLength(at + 1);
  }
  const [event] = await admin(
    `select e.details::jsonb as details, e.actor_id,
       (select count(*)::int from app.audit_subject s where s.organization_id = e.organization_id and s.sequence = e.sequence) as people
     from app.audit_event e where e.organization_id = $1 and e.action = 'link.sent'`,
    [house.id],
  );
  expect(event).toEqual({ details: { kind: "invitation" }, actor_id: house.admin.id, people: 3 });
});

test("of many, those are left out who cannot be invited or were three times; who is invited again has one open link", async () => {
  const house = await it.organization();
  const other = await it.organization();
  const guest = await it.user(house);
  const often = await it.user(house);
  const { user: member } = await it.member(house);
  const away = await it.user(house, "student", { status: "suspended" });
  const theirs = await it.user(other);
  await admin("delete from app.credential where user_id = any($1)", [
    [guest.id, often.id, away.id, theirs.id],
  ]);
  const nobody = await it.user(house);
  await admin("update app.user set email = null where user_id = $1", [nobody.id]);
  const all = [guest, often, member, away, theirs, nobody].map(({ id }) => id);
  const send = (ids: readonly string[]) =>
    withTenant(deps.db, { organizationId: house.id, userId: null }, (tx) =>
      sendInvitationsIn(deps, tx, house.id, ids),
    );
  for (let count = 0; count < 3; count++) expect(await send([often.id])).toEqual([often.id]);
  expect(await send(all)).toEqual([guest.id]);
  expect(await send(all)).toEqual([guest.id]);
  expect(await counted(house)).toMatchObject({ open: 2, links: 5, jobs: 5 });
  expect(await counted(other)).toMatchObject({ links: 0, mails: 0, jobs: 0 });
  await admin(`update app.organization set settings = '{"signUp": "closed"}' where organization_id = $1`, [
    house.id,
  ]);
  expect(await send([guest.id])).toEqual([]);
  expect(await send([])).toEqual([]);
});

test("who asks for a link to choose a password gets it before the hundreds who were invited [row 99]", async () => {
  const house = await it.organization();
  const { user } = await it.member(house);
  await admin("delete from pgboss.job where name = 'send-mail'");
  await (await uploaded(house, pupils(300)))();
  const body = { organization: house.slug, login: user.username };
  expect((await request("POST", "/v1/password-resets", { body })).status).toBe(202);
  const [reset] = await mailTo(deps, house.id, user.id, "reset_password");
  const taken: string[] = [];
  const jobs = await runJobs(
    deps,
    { ...idle, "send-mail": async (_, { payload }) => void taken.push(payload.mailId) },
    [],
  );
  await until(() => taken.length === 301);
  await jobs.stop();
  // As many at once as a node sends.
  expect(taken.slice(0, 4)).toContain(reset?.id ?? "");
}, 60_000);

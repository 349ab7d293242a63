/** People who make an account for themselves, with a code or where it is open to anybody. */
import { afterAll, describe, expect, test } from "bun:test";
import { findMail, listMail } from "../../src/mail/mail.ts";
import { setOrganizationStatus } from "../../src/organizations/organizations.ts";
import { setQuota } from "../../src/quotas/quotas.ts";
import type { SignUpMode } from "../../src/settings.ts";
import { ATTEMPTS_PER_HOUR, ATTEMPTS_PER_ORGANIZATION, pruneSignUps } from "../../src/sign-ups/sign-ups.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, PASSWORD } from "../support/given.ts";

// The app trusts a proxy here, so that each test comes from a network of its own.
const statements: string[] = [];
const app = await domain({
  config: { trustedProxies: 1, userRequestsPerMinute: 10_000 },
  db: { onStatement: (statement) => statements.push(statement) },
});
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

interface Problem {
  readonly type?: string;
  readonly errors?: readonly { readonly pointer: string }[];
}

async function school(mode: SignUpMode): Promise<GivenOrganization> {
  const house = await it.organization();
  const { status } = await request("PATCH", "/v1/organization", {
    token: house.token,
    headers: { "if-match": "*" },
    body: { settings: { signUp: mode } },
  });
  expect(status).toBe(200);
  return house;
}

let n = 0;
const somebody = () => {
  const username = `self-${++n}`;
  return { username, fullName: "Somebody New", email: `${username}@home.example`, password: PASSWORD };
};
let networks = 0;
const fromNetwork = (network = ++networks): Readonly<Record<string, string>> => ({
  "x-forwarded-for": `10.${network >> 8}.${network & 255}.1`,
});
const signUp = (
  { slug }: { readonly slug: string },
  body: Readonly<Record<string, unknown>>,
  headers = fromNetwork(),
) => request<Problem | null>("POST", "/v1/sign-ups", { body: { organization: slug, ...body }, headers });
const outcome = (answer: { status: number; body: Problem | null }) =>
  answer.status === 202 ? 202 : [answer.status, answer.body?.type?.replace("urn:satchel:problem:", "")];

interface Code {
  readonly id: string;
  readonly code: string;
}
const makeCode = async ({ token }: GivenOrganization, more: object = {}): Promise<Code> => {
  const body = { role: "student", uses: 3, ...more };
  const answer = await request<Code>("POST", "/v1/organization/sign-up-codes", { token, body });
  expect(answer.status).toBe(201);
  return answer.body;
};

const person = async ({ id }: GivenOrganization, username: string) => {
  const [row] = await admin<{
    user_id: string;
    role: string;
    status: string;
    email: string | null;
    verified: boolean;
  }>(
    `select user_id, role, status, email, email_verified_at is not null as verified from app.user
     where organization_id = $1 and username = $2 and deleted_at is null`,
    [id, username],
  );
  return row ?? null;
};
const peopleOf = async ({ id }: GivenOrganization) =>
  admin("select * from app.user where organization_id = $1 order by user_id", [id]);

/** What was mailed in an organization, newest first. */
const mailsOf = async ({ id }: GivenOrganization) => listMail(deps, id, null, 100);
const tokenIn = async ({ id }: GivenOrganization, mailId: string): Promise<string> => {
  const mail = await findMail(deps, id, mailId);
  const token = /#(satchel_link_[A-Za-z0-9_-]+)/.exec(mail?.text ?? "")?.[1];
  if (token === undefined) throw new Error("there is no link in the mail");
  return token;
};
const verify = (token: string, password: string | null = PASSWORD) =>
  request<Problem | null>("POST", "/v1/email-verifications/consume", {
    body: { token, ...(password === null ? {} : { password }) },
    headers: fromNetwork(),
  });
const signIn = ({ slug }: GivenOrganization, login: string) =>
  request("POST", "/v1/sessions", {
    body: { organization: slug, login, password: PASSWORD },
    headers: fromNetwork(),
  });

/** Why people were refused, as the organization's audit has it. */
const refusalsOf = async ({ id }: GivenOrganization) =>
  (
    await admin<{ reason: string }>(
      `select details::jsonb ->> 'reason' as reason from app.audit_event
       where organization_id = $1 and action = 'sign_up.refused' and outcome = 'refused' order by sequence`,
      [id],
    )
  ).map(({ reason }) => reason);

describe("who may sign up", () => {
  test("nobody where it is closed or by invitation only, with a code or without; the refusal is that of an organization that is not there", async () => {
    for (const mode of ["closed", "invitation"] as const) {
      const house = await school("code");
      const { code } = await makeCode(house);
      await request("PATCH", "/v1/organization", {
        token: house.token,
        headers: { "if-match": "*" },
        body: { settings: { signUp: mode } },
      });
      const before = await peopleOf(house);
      const strip = (answer: { status: number; body: Problem | null }) => ({
        status: answer.status,
        body: { ...answer.body, instance: null },
      });
      const nowhere = strip(await signUp({ slug: "no-such-school" }, somebody()));
      expect(nowhere).toMatchObject({ status: 403, body: { type: "urn:satchel:problem:sign_up_refused" } });
      expect(strip(await signUp(house, somebody()))).toEqual(nowhere);
      expect(strip(await signUp(house, { ...somebody(), code }))).toEqual(nowhere);
      expect(await peopleOf(house)).toEqual(before);
      expect(await refusalsOf(house)).toEqual(["sign_up_refused", "sign_up_refused"]);
    }
  });

  test("nobody in an organization that is suspended", async () => {
    const house = await school("open");
    const { code } = await makeCode(house);
    await setOrganizationStatus(deps, house.id, "suspended");
    expect(outcome(await signUp(house, somebody()))).toEqual([403, "sign_up_refused"]);
    expect(outcome(await signUp(house, { ...somebody(), code }))).toEqual([403, "sign_up_refused"]);
  });

  test("with a code only, where it is by code", async () => {
    const house = await school("code");
    expect(outcome(await signUp(house, somebody()))).toEqual([403, "sign_up_refused"]);
  });
});

describe("by invitation", () => {
  const invited = async (house: GivenOrganization) => {
    const username = `invited-${++n}`;
    const body = { username, fullName: "Invited", email: `${username}@home.example`, role: "teacher" };
    return (await request<{ id: string }>("POST", "/v1/users", { token: house.token, body })).body.id;
  };
  const invite = ({ token }: GivenOrganization, id: string) =>
    request<Problem | null>("POST", `/v1/users/${id}/invitation`, { token });
  const accept = (token: string) =>
    request("POST", "/v1/invitations/consume", {
      body: { token, password: PASSWORD },
      headers: fromNetwork(),
    });

  test("people get in in every mode but closed, which also ends what was mailed before", async () => {
    for (const mode of ["invitation", "code", "open"] as const) {
      const house = await school(mode);
      expect((await invite(house, await invited(house))).status).toBe(202);
      const [mail] = await mailsOf(house);
      expect((await accept(await tokenIn(house, mail?.id ?? ""))).status).toBe(204);
    }
    const house = await school("invitation");
    await invite(house, await invited(house));
    const [mail] = await mailsOf(house);
    const close = { settings: { signUp: "closed" } };
    const headers = { "if-match": "*" };
    await request("PATCH", "/v1/organization", { token: house.token, headers, body: close });
    expect(outcome(await invite(house, await invited(house)))).toEqual([409, "invitations_closed"]);
    expect((await accept(await tokenIn(house, mail?.id ?? ""))).status).toBe(403);
  });
});

describe("with a code", () => {
  test("somebody gets its role and signs in at once; an address is theirs when its mailbox says so", async () => {
    const house = await school("code");
    for (const role of ["student", "teacher", "parent"]) {
      const { code } = await makeCode(house, { role });
      const body = somebody();
      const typed = ` ${code.toLowerCase().replaceAll("-", " ").replaceAll("0", "o")} `;
      const answer = await signUp(house, { ...body, code: typed });
      expect([answer.status, answer.body]).toEqual([202, null]);
      expect(await person(house, body.username)).toMatchObject({ role, status: "active", email: null });
      expect((await signIn(house, body.username)).status).toBe(201);
      const [mail] = await mailsOf(house);
      expect(mail).toMatchObject({ template: "confirm_sign_up", to: body.email });
      expect((await verify(await tokenIn(house, mail?.id ?? ""))).status).toBe(204);
      expect(await person(house, body.username)).toMatchObject({
        role,
        status: "active",
        email: body.email,
        verified: true,
      });
      expect((await signIn(house, body.email)).status).toBe(201);
    }
  });

  test("nobody needs an address, and nobody is mailed then", async () => {
    const house = await school("code");
    const { code } = await makeCode(house);
    const { email: _, ...body } = somebody();
    expect(outcome(await signUp(house, { ...body, code }))).toBe(202);
    expect(await mailsOf(house)).toEqual([]);
  });

  test("it is good for as many as it says, also when forty come at once", async () => {
    const house = await school("code");
    const { code } = await makeCode(house, { uses: 7 });
    const headers = fromNetwork();
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => signUp(house, { ...somebody(), code }, headers)),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(7);
    for (const answer of answers.filter(({ status }) => status !== 202)) {
      const refusals: readonly unknown[] = [
        [403, "sign_up_code_refused"],
        [429, "too_many_sign_ups"],
        [503, "passwords_busy"],
      ];
      expect(refusals).toContainEqual(outcome(answer));
    }
    expect(await peopleOf(house)).toHaveLength(8);
  });

  test("wrong, expired, revoked, used up and another organization's are one answer, and use nothing up", async () => {
    const [house, other] = [await school("code"), await school("code")];
    const [expired, revoked, used, foreign] = [
      await makeCode(house),
      await makeCode(house),
      await makeCode(house, { uses: 1 }),
      await makeCode(other),
    ];
    await admin("update app.sign_up_code set expires_at = now() where sign_up_code_id = $1", [expired.id]);
    const path = `/v1/organization/sign-up-codes/${revoked.id}`;
    expect((await request("DELETE", path, { token: house.token })).status).toBe(204);
    expect((await request("DELETE", path, { token: house.token })).status).toBe(204);
    expect(outcome(await signUp(house, { ...somebody(), code: used.code }))).toBe(202);
    const before = [await peopleOf(house), await peopleOf(other)];
    const headers = fromNetwork();
    for (const code of [expired.code, revoked.code, used.code, foreign.code, "", "?", "0".repeat(20)]) {
      expect(outcome(await signUp(house, { ...somebody(), code }, headers))).toEqual([
        403,
        "sign_up_code_refused",
      ]);
    }
    expect([await peopleOf(house), await peopleOf(other)]).toEqual(before);
    expect(outcome(await signUp(other, { ...somebody(), code: foreign.code }))).toBe(202);
    expect(await refusalsOf(house)).toEqual(Array.from({ length: 7 }, () => "sign_up_code_refused"));
  });

  test("a username that is taken, a password that is refused and a quota that is reached leave the code as it was", async () => {
    const house = await school("code");
    const { code, id } = await makeCode(house, { uses: 1 });
    const taken = { ...somebody(), username: house.admin.username.toUpperCase(), code };
    expect(outcome(await signUp(house, taken))).toEqual([409, "username_taken"]);
    expect(outcome(await signUp(house, { ...somebody(), code, password: "too short" }))).toEqual([
      422,
      "password_refused",
    ]);
    await setQuota(deps, house.id, { people: 1 });
    expect(outcome(await signUp(house, { ...somebody(), code }))).toEqual([409, "quota_people_reached"]);
    await setQuota(deps, house.id, { people: null });
    expect(await admin("select uses from app.sign_up_code where sign_up_code_id = $1", [id])).toEqual([
      { uses: 0 },
    ]);
    expect(outcome(await signUp(house, { ...somebody(), code }))).toBe(202);
  });

  test("the password is as long as its role's must be, and not made of anybody's names", async () => {
    const house = await school("code");
    await request("PATCH", "/v1/organization", {
      token: house.token,
      headers: { "if-match": "*" },
      body: { settings: { studentPasswordMinimum: 8 } },
    });
    const [pupils, teachers] = [await makeCode(house), await makeCode(house, { role: "teacher" })];
    const password = "heron27wx";
    expect(outcome(await signUp(house, { ...somebody(), code: teachers.code, password }))).toEqual([
      422,
      "password_refused",
    ]);
    expect(outcome(await signUp(house, { ...somebody(), code: pupils.code, password }))).toBe(202);
    const named = { ...somebody(), email: "longmailboxname@home.example", password: "longmailboxname" };
    expect(outcome(await signUp(house, { ...named, code: pupils.code }))).toEqual([422, "password_refused"]);
  });
});

describe("where it is open", () => {
  test("somebody is a student who waits, and is let in by the link in the mail", async () => {
    const house = await school("open");
    const body = somebody();
    const answer = await signUp(house, { ...body, timeZone: "Europe/Madrid", language: "es" });
    expect([answer.status, answer.body]).toEqual([202, null]);
    expect(await person(house, body.username)).toMatchObject({
      role: "student",
      status: "pending",
      email: null,
    });
    for (const login of [body.username, body.email]) expect((await signIn(house, login)).status).toBe(401);
    const [mail, ...others] = await mailsOf(house);
    expect(others).toEqual([]);
    expect(mail).toMatchObject({ template: "confirm_sign_up", to: body.email, language: "es" });
    const token = await tokenIn(house, mail?.id ?? "");
    expect((await verify(token)).status).toBe(204);
    expect(await person(house, body.username)).toMatchObject({
      status: "active",
      email: body.email,
      verified: true,
    });
    for (const login of [body.username, body.email]) expect((await signIn(house, login)).status).toBe(201);
    expect((await verify(token)).status).toBe(403);
    const [event] = await admin(
      `select outcome, actor_id, subject_ids, details::jsonb as details from app.audit_event
       where organization_id = $1 and action = 'user.signed_up'`,
      [house.id],
    );
    expect(event).toEqual({
      outcome: "success",
      actor_id: null,
      subject_ids: [(await person(house, body.username))?.user_id],
      details: { role: "student" },
    });
  });

  test("an address is needed", async () => {
    const house = await school("open");
    const { email: _, ...body } = somebody();
    const answer = await signUp(house, body);
    expect(outcome(answer)).toEqual([422, "sign_up_email_needed"]);
    expect(answer.body?.errors?.map(({ pointer }) => pointer)).toEqual(["#/email"]);
  });

  test("an address that somebody has makes no difference from outside: same answer, work and account, and its owner is told [row 105]", async () => {
    const house = await school("open");
    const owner = await it.user(house);
    const [free, taken] = [somebody(), { ...somebody(), email: owner.email.toUpperCase() }];
    const answers: Awaited<ReturnType<typeof signUp>>[] = [];
    const asked: string[][] = [];
    for (const body of [free, taken]) {
      statements.length = 0;
      answers.push(await signUp(house, body));
      asked.push(statements.toSorted());
    }
    // The same work: which mail is written is all that differs.
    const [whenFree = [], whenTaken] = asked;
    expect(whenTaken).toEqual(whenFree);
    expect(whenFree.length).toBeGreaterThan(10);
    const [seenFree, seenTaken] = answers.map(({ status, body, headers }) => ({
      status,
      body,
      headers: [...headers.keys()].sort(),
    }));
    if (seenFree === undefined) throw new Error("nobody was answered");
    expect(seenTaken).toEqual(seenFree);
    // Neither signing in nor signing up again tells the two apart.
    for (const { username } of [free, taken]) {
      expect(await person(house, username)).toMatchObject({ status: "pending", email: null });
      expect((await signIn(house, username)).status).toBe(401);
      expect(outcome(await signUp(house, { ...somebody(), username }))).toEqual([409, "username_taken"]);
    }
    const mails = await mailsOf(house);
    expect(mails.map(({ template, to }) => [template, to])).toEqual([
      ["already_registered", owner.email],
      ["confirm_sign_up", free.email],
    ]);
    const [row] = await admin<{ email: string }>("select email from app.user where user_id = $1", [owner.id]);
    expect(row?.email).toBe(owner.email);
  });

  test("two who give the same address: whose mailbox it is has it, and the other link is good no more", async () => {
    const house = await school("open");
    const [first, second] = [somebody(), somebody()];
    await signUp(house, first);
    await signUp(house, { ...second, email: first.email });
    const mails = await mailsOf(house);
    expect(mails.map(({ to }) => to)).toEqual([first.email, first.email]);
    const [later, earlier] = await Promise.all(mails.map(({ id }) => tokenIn(house, id)));
    expect((await verify(later ?? "")).status).toBe(204);
    expect((await verify(earlier ?? "")).status).toBe(403);
    expect(await person(house, second.username)).toMatchObject({ status: "active", email: first.email });
    expect(await person(house, first.username)).toMatchObject({ status: "pending", email: null });
  });

  test("no mailbox is flooded: an address is mailed three times an hour, whoever gives it and under whatever names", async () => {
    const house = await school("open");
    const owner = await it.user(house);
    for (let round = 0; round < 6; round++) {
      await signUp(house, { ...somebody(), email: "target@home.example" });
      await signUp(house, { ...somebody(), email: owner.email });
    }
    const to = (await mailsOf(house)).map((mail) => mail.to);
    expect(to.filter((address) => address === "target@home.example")).toHaveLength(3);
    expect(to.filter((address) => address === owner.email)).toHaveLength(3);
  });

  test("a mail that was lost is asked for again by the username", async () => {
    const house = await school("open");
    const body = somebody();
    await signUp(house, body);
    const asked = await request("POST", "/v1/email-verifications", {
      body: { organization: house.slug, login: body.username },
      headers: fromNetwork(),
    });
    expect(asked.status).toBe(202);
    const [latest, first] = await mailsOf(house);
    expect([latest?.to, first?.to]).toEqual([body.email, body.email]);
    expect((await verify(await tokenIn(house, first?.id ?? ""))).status).toBe(403);
    expect((await verify(await tokenIn(house, latest?.id ?? ""))).status).toBe(204);
    expect(await person(house, body.username)).toMatchObject({ status: "active", email: body.email });
  });

  test("one network tries so often in an hour, exactly; another one, another organization and who has a good code are not held up", async () => {
    const [house, other] = [await school("open"), await school("open")];
    const { code } = await makeCode(house);
    const headers = fromNetwork();
    // No password is hashed for them: what is counted comes first, and these are refused after it.
    const hopeless = () => signUp(house, { ...somebody(), password: "short" }, headers);
    const answers = await Promise.all(Array.from({ length: ATTEMPTS_PER_HOUR + 20 }, hopeless));
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(ATTEMPTS_PER_HOUR);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
    const late = await hopeless();
    expect(outcome(late)).toEqual([429, "too_many_sign_ups"]);
    expect((await refusalsOf(house)).length).toBe(21);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(3500);
    expect(outcome(await signUp(house, { ...somebody(), code }, headers))).toBe(202);
    expect(outcome(await signUp(other, somebody(), headers))).toBe(202);
    expect(outcome(await signUp(house, somebody()))).toBe(202);
    await admin(
      "update app.sign_up_attempt set since = since - interval '61 minutes' where organization_id = $1",
      [house.id],
    );
    expect(outcome(await signUp(house, somebody(), headers))).toBe(202);
  });

  test("who never confirms an address is gone after three days, with username and place; nobody else is", async () => {
    const [house, other] = [await school("open"), await school("open")];
    const [lost, confirmed, fresh, welcomed, elsewhere] = [
      somebody(),
      somebody(),
      somebody(),
      somebody(),
      somebody(),
    ];
    await signUp(house, confirmed);
    const [mail] = await mailsOf(house);
    await verify(await tokenIn(house, mail?.id ?? ""));
    for (const body of [lost, welcomed, fresh]) await signUp(house, body);
    await signUp(other, elsewhere);
    const welcome = await person(house, welcomed.username);
    await admin("update app.user set status = 'active' where user_id = $1", [welcome?.user_id]);
    const waiting = await it.user(house, "student", { status: "pending" });
    const stays = (await person(house, fresh.username))?.user_id;
    await admin(
      "update app.sign_up set created_at = now() - interval '73 hours' where user_id is distinct from $1",
      [stays],
    );
    await admin(
      "update app.sign_up_attempt set since = now() - interval '2 hours' where organization_id = $1",
      [house.id],
    );
    const stranger = (await person(house, lost.username))?.user_id ?? "";
    expect(await pruneSignUps(deps, house.id, 100)).toBeGreaterThan(3);
    expect(await person(house, lost.username)).toBeNull();
    // Whole: no row that says they were here, no history, no line of any ledger.
    expect(await admin("select from app.user where user_id = $1", [stranger])).toEqual([]);
    expect(await admin("select from app.history where row_id = $1", [stranger])).toEqual([]);
    for (const table of ["credential", "profile", "link", "mail", "sign_up"]) {
      expect(await admin(`select from app.${table} where user_id = $1`, [stranger])).toEqual([]);
    }
    const kept = await admin(`select from app.erasure where organization_id = any($1)`, [
      [house.id, other.id],
    ]);
    expect(kept).toEqual([]);
    const [told] = await admin(
      `select subject_ids from app.audit_event where organization_id = $1 and action = 'user.discarded'`,
      [house.id],
    );
    expect(told).toEqual({ subject_ids: [stranger] });
    for (const username of [confirmed.username, fresh.username, welcomed.username, waiting.username]) {
      expect(await person(house, username)).not.toBeNull();
    }
    expect(await person(other, elsewhere.username)).not.toBeNull();
    expect(await pruneSignUps(deps, house.id, 100)).toBe(0);
    expect(outcome(await signUp(house, { ...somebody(), username: lost.username }))).toBe(202);
  });

  test("of those who never confirm many go, in small batches, and no admin's row is locked for it", async () => {
    const house = await school("open");
    await admin(
      `with made as (
         insert into app.user (organization_id, username, full_name, status)
         select $1, 'many-' || n, 'Many', 'pending' from generate_series(1, 130) n returning organization_id, user_id
       ), credentials as (
         insert into app.credential (organization_id, user_id) select * from made
       )
       insert into app.sign_up (organization_id, user_id, created_at)
       select organization_id, user_id, now() - interval '4 days' from made`,
      [house.id],
    );
    const people = async () =>
      (
        await admin<{ people: string }>("select people from app.usage where organization_id = $1", [house.id])
      )[0]?.people;
    expect(Number(await people())).toBe(131);
    statements.length = 0;
    expect(await pruneSignUps(deps, house.id, 120)).toBe(120);
    expect(await pruneSignUps(deps, house.id, 120)).toBe(10);
    expect(statements.filter((statement) => statement.includes("admins"))).toEqual([]);
    expect(Number(await people())).toBe(1);
    const events = await admin<{ people: number }>(
      `select cardinality(subject_ids) as people from app.audit_event
       where organization_id = $1 and action = 'user.discarded' order by sequence`,
      [house.id],
    );
    expect(events.map((event) => event.people)).toEqual([50, 50, 20, 10]);
  });

  test("one that somebody came in with meanwhile is erased like anybody, and so the ledger has it", async () => {
    const house = await school("open");
    const body = somebody();
    await signUp(house, body);
    const { user_id: id = "" } = (await person(house, body.username)) ?? {};
    await admin("update app.user set status = 'active' where user_id = $1", [id]);
    expect((await signIn(house, body.username)).status).toBe(201);
    await admin("update app.user set status = 'pending' where user_id = $1", [id]);
    await admin("update app.sign_up set created_at = now() - interval '73 hours' where user_id = $1", [id]);
    expect(await pruneSignUps(deps, house.id, 100)).toBe(1);
    expect(await admin("select user_id from app.erasure where organization_id = $1", [house.id])).toEqual([
      { user_id: id },
    ]);
    const [row] = await admin<{ deleted: boolean }>(
      "select deleted_at is not null as deleted from app.user where user_id = $1",
      [id],
    );
    expect(row).toEqual({ deleted: true });
  });

  test("nobody but who holds the password binds an address to an account: a stranger's is not its owner's to confirm", async () => {
    const house = await school("open");
    const stranger = { ...somebody(), email: "victim@home.example" };
    await signUp(house, stranger);
    const [mail] = await mailsOf(house);
    const token = await tokenIn(house, mail?.id ?? "");
    // The owner of the mailbox presses the button, with no password, or with one of their own.
    for (const password of [null, "a password of the victim's own", ""]) {
      const answer = await verify(token, password);
      expect(outcome(answer)).toEqual([422, "sign_up_password_refused"]);
      expect(answer.body?.errors?.map(({ pointer }) => pointer)).toEqual(["#/password"]);
    }
    expect(await person(house, stranger.username)).toMatchObject({ status: "pending", email: null });
    expect((await signIn(house, stranger.username)).status).toBe(401);
    expect((await signIn(house, stranger.email)).status).toBe(401);
    // Nor is their address taken: they make an account of their own with it.
    const own = { ...somebody(), email: stranger.email };
    await signUp(house, own);
    const [mine] = await mailsOf(house);
    expect((await verify(await tokenIn(house, mine?.id ?? ""))).status).toBe(204);
    expect(await person(house, own.username)).toMatchObject({ email: stranger.email, verified: true });
    // And who made the first one cannot have it any more.
    expect((await verify(token)).status).toBe(403);
    const events = await admin<{ reason: string }>(
      `select details::jsonb ->> 'reason' as reason from app.audit_event
       where organization_id = $1 and action = 'link.refused' order by sequence`,
      [house.id],
    );
    expect(events.map(({ reason }) => reason)).toEqual(["password", "password", "ended"]);
  });

  test("with a code as well: the password is asked for, guessed at five times at most, and nobody locks it from outside", async () => {
    const house = await school("code");
    const { code } = await makeCode(house);
    const [one, two] = [somebody(), somebody()];
    for (const body of [one, two]) await signUp(house, { ...body, code });
    const [second, first] = await Promise.all((await mailsOf(house)).map(({ id }) => tokenIn(house, id)));
    for (let n = 0; n < 6; n++) {
      expect(outcome(await verify(first ?? "", "a guess at this password"))).toEqual([
        422,
        "sign_up_password_refused",
      ]);
    }
    expect(outcome(await verify(first ?? ""))).toEqual([422, "sign_up_password_refused"]);
    expect(await person(house, one.username)).toMatchObject({ status: "active", email: null });
    for (let n = 0; n < 6; n++) {
      await request("POST", "/v1/sessions", {
        body: { organization: house.slug, login: two.username, password: "a stranger's wrong guess" },
        headers: fromNetwork(),
      });
    }
    expect((await signIn(house, two.username)).status).toBe(401);
    expect((await verify(second ?? "")).status).toBe(204);
    expect(await person(house, two.username)).toMatchObject({ email: two.email, verified: true });
  });

  test("a repeated confirmation is answered as the first time", async () => {
    const house = await school("open");
    const body = somebody();
    await signUp(house, body);
    const [mail] = await mailsOf(house);
    const token = await tokenIn(house, mail?.id ?? "");
    const again = { body: { token, password: PASSWORD }, headers: { "idempotency-key": Bun.randomUUIDv7() } };
    for (let n = 0; n < 2; n++) {
      expect((await request("POST", "/v1/email-verifications/consume", again)).status).toBe(204);
    }
    expect((await verify(token)).status).toBe(403);
  });

  test("the mail names the account, and holds no word that a stranger has written", async () => {
    const house = await school("open");
    const body = {
      ...somebody(),
      fullName: "Victim, your account is blocked: log in at https://evil.example/x now",
    };
    await signUp(house, body);
    const [listed] = await mailsOf(house);
    const mail = await findMail(deps, house.id, listed?.id ?? "");
    expect(mail?.text).toContain(`Username: ${body.username}`);
    expect(mail?.text).toContain("/links/confirm-sign-up#");
    for (const part of [mail?.subject, mail?.text, mail?.html]) expect(part).not.toMatch(/evil|blocked/);
  });

  test("an organization bears so many attempts an hour from all networks together; a network beyond its own bound adds none", async () => {
    const [house, other] = [await school("open"), await school("open")];
    const hopeless = (at: GivenOrganization, network: number) =>
      signUp(at, { ...somebody(), password: "short" }, fromNetwork(network));
    const loud = ++networks;
    for (let n = 0; n < ATTEMPTS_PER_HOUR + 20; n++) await hopeless(house, loud);
    const count = async () =>
      (
        await admin<{ attempts: number }>(
          "select max(attempts) as attempts from app.sign_up_attempt where organization_id = $1 and attempts <> $2",
          [house.id, ATTEMPTS_PER_HOUR + 20],
        )
      )[0]?.attempts;
    expect(await count()).toBe(ATTEMPTS_PER_HOUR);
    await admin("update app.sign_up_attempt set attempts = $2 where organization_id = $1 and attempts = $3", [
      house.id,
      ATTEMPTS_PER_ORGANIZATION - 1,
      ATTEMPTS_PER_HOUR,
    ]);
    expect((await hopeless(house, ++networks)).status).toBe(422);
    const late = await hopeless(house, ++networks);
    expect(outcome(late)).toEqual([429, "too_many_sign_ups"]);
    expect(Number(late.headers.get("retry-after"))).toBeGreaterThan(3000);
    expect((await hopeless(other, networks)).status).toBe(422);
  });
});

describe("nobody", () => {
  test.each([
    ["role", "admin"],
    ["status", "active"],
    ["organizationId", crypto.randomUUID()],
    ["emailVerifiedAt", "2026-01-01T00:00:00Z"],
    ["id", crypto.randomUUID()],
    ["externalId", "x"],
    ["profile", {}],
    ["avatarUrl", "https://example.org/a.png"],
    ["setupCode", "x"],
  ])("sets %s by signing up", async (field, value) => {
    const house = await school("open");
    const before = await peopleOf(house);
    const answer = await signUp(house, { ...somebody(), [field]: value });
    expect([answer.status, answer.body?.errors?.[0]?.pointer]).toEqual([422, `#/${field}`]);
    expect(await peopleOf(house)).toEqual(before);
  });

  test("signs up twice by repeating a request with its Idempotency-Key [row 108]", async () => {
    const house = await school("code");
    const { code } = await makeCode(house, { uses: 5 });
    const headers = { ...fromNetwork(), "idempotency-key": crypto.randomUUID() };
    const body = { ...somebody(), code };
    const answers = [await signUp(house, body, headers), await signUp(house, body, headers)];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(await peopleOf(house)).toHaveLength(2);
    expect(await admin("select uses from app.sign_up_code where organization_id = $1", [house.id])).toEqual([
      { uses: 1 },
    ]);
  });

  test("but an admin makes, sees or revokes a code, and another organization's is not there", async () => {
    const [house, other] = [await school("code"), await school("code")];
    const { id } = await makeCode(house);
    const path = "/v1/organization/sign-up-codes";
    for (const role of ["student", "teacher", "parent"] as const) {
      const { token } = await it.member(house, role);
      expect((await request("GET", path, { token })).status).toBe(403);
      expect((await request("POST", path, { token, body: { role: "student", uses: 1 } })).status).toBe(403);
      expect((await request("DELETE", `${path}/${id}`, { token })).status).toBe(403);
    }
    for (const missing of [id, crypto.randomUUID()]) {
      expect((await request("DELETE", `${path}/${missing}`, { token: other.token })).status).toBe(404);
    }
    const listed = await request<{ items: { id: string; revokedAt: string | null }[] }>("GET", path, {
      token: house.token,
    });
    expect(listed.body.items).toMatchObject([{ id, revokedAt: null }]);
    expect((await request<{ items: unknown[] }>("GET", path, { token: other.token })).body.items).toEqual([]);
  });

  test("makes a code for admins, for no one or for ever", async () => {
    const house = await school("code");
    for (const more of [
      { role: "admin" },
      { uses: 0 },
      { uses: 10_001 },
      { expiresInDays: 0 },
      { expiresInDays: 366 },
      { code: "x" },
      { codeHash: "x" },
    ]) {
      const body = { role: "student", uses: 1, ...more };
      const answer = await request("POST", "/v1/organization/sign-up-codes", { token: house.token, body });
      expect(answer.status).toBe(422);
    }
  });
});

test("who made, used and revoked a code is in its history [row 7] [row 9]", async () => {
  const house = await school("code");
  const { id, code } = await makeCode(house);
  await signUp(house, { ...somebody(), code });
  await request("DELETE", `/v1/organization/sign-up-codes/${id}`, { token: house.token });
  const history = await admin(
    `select action, actor_id, after ->> 'uses' as uses, after -> 'revoked_at' is not null as revoked
     from app.history where organization_id = $1 and row_id = $2 order by history_id`,
    [house.id, id],
  );
  expect(history).toEqual([
    { action: "insert", actor_id: house.admin.id, uses: "0", revoked: true },
    { action: "update", actor_id: null, uses: "1", revoked: false },
    { action: "update", actor_id: house.admin.id, uses: null, revoked: true },
  ]);
  const [row] = await admin(
    "select version, created_by_id, updated_by_id from app.sign_up_code where sign_up_code_id = $1",
    [id],
  );
  expect(row).toEqual({ version: 3, created_by_id: house.admin.id, updated_by_id: house.admin.id });
});

test("codes are listed newest first, page by page, and never tell themselves; the database has a keyed hash", async () => {
  const house = await school("code");
  const made: Code[] = [];
  for (let count = 0; count < 5; count++) made.push(await makeCode(house, { uses: count + 1 }));
  await signUp(house, { ...somebody(), code: made[4]?.code });
  const seen: Record<string, unknown>[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await request<{ items: Record<string, unknown>[]; nextCursor: string | null }>(
      "GET",
      `/v1/organization/sign-up-codes?limit=2${query}`,
      { token: house.token },
    );
    seen.push(...page.body.items);
    cursor = page.body.nextCursor;
  } while (cursor !== null);
  expect(seen.map(({ id }) => id)).toEqual(made.map(({ id }) => id).reverse());
  expect(seen.map(({ uses }) => uses)).toEqual([1, 0, 0, 0, 0]);
  const text = JSON.stringify([
    seen,
    await admin("select c::text from app.sign_up_code c where organization_id = $1", [house.id]),
  ]);
  for (const { code } of made) {
    expect(text).not.toContain(code);
    expect(text).not.toContain(new Bun.CryptoHasher("sha256").update(code.replaceAll("-", "")).digest("hex"));
  }
  const events = await admin<{ action: string; details: unknown }>(
    `select action, details::jsonb as details from app.audit_event
     where organization_id = $1 and action = 'sign_up_code.created' order by sequence limit 1`,
    [house.id],
  );
  expect(events).toEqual([{ action: "sign_up_code.created", details: { role: "student", usesAllowed: 1 } }]);
});

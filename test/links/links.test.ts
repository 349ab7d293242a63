/** Links that are mailed: what each does, once, and what it does not do. */
import { afterAll, describe, expect, test } from "bun:test";
import { pruneSessionsJob } from "../../jobs/prune-sessions.ts";
import { verifyEmailJob } from "../../jobs/verify-email.ts";
import { makeResetLink, pruneLinks, requestPasswordReset } from "../../src/links/links.ts";
import { newToken } from "../../src/tokens.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, type GivenUser, PASSWORD } from "../support/given.ts";
import { mailTo, tokenFor } from "../support/mailbox.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const NEXT = "nine patient otters paint the harbour";

type Problem = { readonly type: string; readonly detail?: string };
const slugOf = ({ status, body }: { status: number; body: Problem | null }) =>
  status < 300 ? status : `${status} ${(body?.type ?? "").replace("urn:satchel:problem:", "")}`;

const post = async (path: string, body: unknown, token?: string, headers = {}) =>
  slugOf(await request<Problem>("POST", path, { body, headers, ...(token === undefined ? {} : { token }) }));

const ask = (login: string, organization: Pick<GivenOrganization, "slug"> = school) =>
  post("/v1/password-resets", { organization: organization.slug, login });
const reset = (token: string, newPassword = NEXT) =>
  post("/v1/password-resets/consume", { token, newPassword });

const userRow = async (id: string) => {
  const [row] = await admin<{
    status: string;
    email: string | null;
    verified: boolean;
    password_hash: string | null;
    version: number;
  }>(
    `select u.status, u.email, u.email_verified_at is not null as verified, c.password_hash, u.version
     from app.user u left join app.credential c using (organization_id, user_id) where u.user_id = $1`,
    [id],
  );
  return row;
};

const auditOf = async (userId: string) =>
  (
    await admin<{ what: string }>(
      `select action || ' ' || outcome as what from app.audit_event where $1 = any(subject_ids::text[]) order by sequence`,
      [userId],
    )
  ).map(({ what }) => what);

/** Lets time go by for a person's links. */
const age = async (userId: string, minutes: number) => {
  await admin("alter table app.link disable trigger touch");
  await admin(
    `update app.link
     set created_at = created_at - make_interval(mins => $2), expires_at = expires_at - make_interval(mins => $2)
     where user_id = $1`,
    [userId, minutes],
  );
  await admin("alter table app.link enable trigger touch");
};

const signIn = (user: GivenUser, password: string, organization = school) =>
  post("/v1/sessions", { organization: organization.slug, login: user.username, password });

/** Somebody without a password, as an admin makes them. */
const withoutPassword = async (more: Readonly<Record<string, unknown>> = {}, organization = school) => {
  const name = `p${Bun.randomUUIDv7()}`;
  const body = { fullName: "A Newcomer", username: name, email: `${name}@school.example`, ...more };
  const made = await request<{ id: string }>("POST", "/v1/users", { token: organization.token, body });
  expect(made.status).toBe(201);
  return { ...body, id: made.body.id, password: NEXT, role: "student" } as GivenUser;
};

const suspend = (id: string, status = "suspended") =>
  admin("update app.user set status = $2 where user_id = $1", [id, status]);

describe("a forgotten password", () => {
  test("is replaced by the link: sessions end, the lock is lifted, the person is told", async () => {
    const user = await it.user(school, "teacher");
    const [one, two] = [await it.session(school, user), await it.session(school, user)];
    for (let i = 0; i < 5; i++) await signIn(user, "wrong wrong wrong wrong");
    expect(await signIn(user, PASSWORD)).toBe("401 sign_in_refused");
    expect(await ask(user.email.toUpperCase())).toBe(202);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    expect(await reset(token)).toBe(204);
    for (const session of [one, two]) {
      expect((await request("GET", "/v1/me", { token: session })).status).toBe(401);
    }
    expect(await signIn(user, PASSWORD)).toBe("401 sign_in_refused");
    expect(await signIn(user, NEXT)).toBe(201);
    expect(await mailTo(deps, school.id, user.id, "password_changed")).toHaveLength(1);
    const audited = await auditOf(user.id);
    expect(audited).toContain("link.sent success");
    expect(audited).toContain("password.reset success");
  });

  test("confirms the address when the link was mailed there, and not when the operator handed it over [row 72]", async () => {
    const [mailed, handed, before] = [await it.user(school), await it.user(school), await it.user(school)];
    expect((await userRow(mailed.id))?.verified).toBe(false);
    await ask(mailed.username);
    expect(await reset(await tokenFor(deps, school.id, mailed.id, "reset_password"))).toBe(204);
    expect((await userRow(mailed.id))?.verified).toBe(true);
    expect(await auditOf(mailed.id)).toContain("email.verified success");
    const link = await makeResetLink(deps, school.id, handed.email);
    expect(await reset(new URL(link?.url ?? "").hash.slice(1))).toBe(204);
    expect((await userRow(handed.id))?.verified).toBe(false);
    expect(await auditOf(handed.id)).not.toContain("email.verified success");
    // Confirmed already: nothing of the person changes.
    await admin("update app.user set email_verified_at = '2026-01-01' where user_id = $1", [before.id]);
    const version = (await userRow(before.id))?.version;
    await ask(before.username);
    expect(await reset(await tokenFor(deps, school.id, before.id, "reset_password"))).toBe(204);
    expect(await userRow(before.id)).toMatchObject({ verified: true, version });
    expect(await auditOf(before.id)).not.toContain("email.verified success");
  });

  test("opens again what only recovery can open", async () => {
    const user = await it.user(school);
    await signIn(user, "wrong wrong wrong wrong");
    await admin("update app.login_guard set locked_until = '9999-12-31' where user_id = $1", [user.id]);
    expect(await signIn(user, PASSWORD)).toBe("401 sign_in_refused");
    await ask(user.username);
    expect(await reset(await tokenFor(deps, school.id, user.id, "reset_password"))).toBe(204);
    expect(await signIn(user, NEXT)).toBe(201);
  });

  test("a link works once, and a second one ends the first", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const first = await tokenFor(deps, school.id, user.id, "reset_password");
    await ask(user.username);
    const second = await tokenFor(deps, school.id, user.id, "reset_password");
    expect(second).not.toBe(first);
    const before = await userRow(user.id);
    expect(await reset(first)).toBe("403 link_refused");
    expect(await userRow(user.id)).toEqual(before);
    expect(await reset(second)).toBe(204);
    const after = await userRow(user.id);
    expect(await reset(second, `${NEXT} again`)).toBe("403 link_refused");
    expect(await userRow(user.id)).toEqual(after);
  });

  test("used twenty times at once it has one effect", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    const passwords = Array.from({ length: 20 }, (_, at) => `${NEXT} number ${at}`);
    const answers = await Promise.all(passwords.map((password) => reset(token, password)));
    expect(answers.filter((answer) => answer === 204)).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set([204, "403 link_refused"]));
    expect(await signIn(user, passwords[answers.indexOf(204)] ?? "")).toBe(201);
    expect(await mailTo(deps, school.id, user.id, "password_changed")).toHaveLength(1);
  });

  test("a password that breaks the rules leaves the link good, and says why", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    expect(await reset(token, "short")).toBe("422 password_refused");
    expect(await reset(token, `${user.username} ${school.slug}`)).toBe("422 password_refused");
    expect(await reset(token)).toBe(204);
  });

  test("a repeated request is answered as the first time, and changes nothing again", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const body = { token: await tokenFor(deps, school.id, user.id, "reset_password"), newPassword: NEXT };
    const headers = { "idempotency-key": Bun.randomUUIDv7() };
    expect(await post("/v1/password-resets/consume", body, undefined, headers)).toBe(204);
    const after = await userRow(user.id);
    const session = await it.session(school, { ...user, password: NEXT });
    expect(await post("/v1/password-resets/consume", body, undefined, headers)).toBe(204);
    expect(await userRow(user.id)).toEqual(after);
    expect((await request("GET", "/v1/me", { token: session })).status).toBe(200);
    const another = { "idempotency-key": Bun.randomUUIDv7() };
    expect(await post("/v1/password-resets/consume", body, undefined, another)).toBe("403 link_refused");
  });

  test("is good for half an hour", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    const [link] = await admin<{ minutes: number }>(
      "select extract(epoch from expires_at - created_at)::int / 60 as minutes from app.link where user_id = $1",
      [user.id],
    );
    expect(link?.minutes).toBe(30);
    await age(user.id, 31);
    expect(await reset(token)).toBe("403 link_refused");
  });

  test.each([
    ["suspended", "update app.user set status = 'suspended' where user_id = $1"],
    ["deleted", "update app.user set deleted_at = now(), deletion_id = app.uuidv7() where user_id = $1"],
    ["given another address", "update app.user set email = 'x' || email where user_id = $1"],
  ])("nobody who was %s meanwhile comes in by it", async (_what, change) => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    await admin(change, [user.id]);
    const before = await userRow(user.id);
    expect(await reset(token)).toBe("403 link_refused");
    expect(await userRow(user.id)).toEqual(before);
    // Nor later, when it is undone.
    await admin(
      "update app.user set status = 'active', deleted_at = null, deleted_by_id = null, deletion_id = null, email = $2 where user_id = $1",
      [user.id, user.email],
    );
    expect(await reset(token)).toBe("403 link_refused");
  });

  test("a link of a suspended organization does nothing", async () => {
    const closed = await it.organization();
    const user = await it.user(closed);
    await ask(user.username, closed);
    const token = await tokenFor(deps, closed.id, user.id, "reset_password");
    await admin("update app.organization set status = 'suspended' where organization_id = $1", [closed.id]);
    expect(await reset(token)).toBe("403 link_refused");
  });
});

describe("a token that is none", () => {
  test("all are refused alike: unknown, of another kind, of another organization, malformed, used [row 45]", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    // The same secret under another organization's name, as somebody might try who holds a link.
    const bytes = Buffer.from(token.replace("satchel_link_", ""), "base64url");
    bytes.set(Buffer.from(other.id.replaceAll("-", ""), "hex"));
    const foreign = `satchel_link_${bytes.toString("base64url")}`;
    const before = await userRow(user.id);
    const answers = new Set<string>();
    const tokens = [
      newToken("link", school.id),
      newToken("link", Bun.randomUUIDv7()),
      foreign,
      "satchel_link_",
      "",
    ];
    for (const wrong of tokens) {
      const answer = await request<Record<string, unknown>>("POST", "/v1/password-resets/consume", {
        body: { token: wrong, newPassword: NEXT },
      });
      const { instance: _, ...body } = answer.body;
      answers.add(JSON.stringify([answer.status, body]));
    }
    expect(answers.size).toBe(1);
    expect([...answers][0]).toContain("link_refused");
    for (const path of ["/v1/email-verifications/consume", "/v1/email-changes/consume"]) {
      expect(await post(path, { token })).toBe("403 link_refused");
    }
    expect(await post("/v1/invitations/consume", { token, password: NEXT })).toBe("403 link_refused");
    expect(await userRow(user.id)).toEqual(before);
    expect(await reset(token)).toBe(204);
  });

  test("guessing locks out who guesses, and nobody who holds a real one", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    const guesses = Array.from({ length: 40 }, () => reset(newToken("link", school.id)));
    expect(new Set(await Promise.all(guesses))).toEqual(new Set(["403 link_refused"]));
    const [guard] = await admin<{ tried: number }>(
      `select max(sequence)::int as tried from app.login_guard where organization_id = $1 and user_id is null`,
      [school.id],
    );
    // Past the fifth not even the row is written: what comes then is refused by a look.
    expect(guard?.tried).toBe(5);
    expect(await reset(token)).toBe(204);
  });

  test("GET uses nothing up: programs open every link of a mail", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    for (const path of ["/v1/password-resets/consume", "/links/reset-password"]) {
      await request("GET", path);
      await request("HEAD", path);
    }
    expect(await reset(token)).toBe(204);
  });
});

test("an old link counts against nobody who holds a newer, nor against the person it is of", async () => {
  const user = await withoutPassword();
  const { user: member, token: session } = await it.member(school);
  const kinds = [
    [() => post(`/v1/users/${user.id}/invitation`, {}, school.token), "invitation", user],
    [() => ask(member.username), "reset_password", member],
    [
      () => post("/v1/email-verifications", { organization: school.slug, login: member.username }),
      "verify_email",
      member,
    ],
    [
      () => request("PUT", "/v1/me/email", { token: session, body: { email: `new-${member.email}` } }),
      "confirm_email",
      member,
    ],
  ] as const;
  const use = (template: (typeof kinds)[number][1], token: string) => {
    if (template === "invitation") return post("/v1/invitations/consume", { token, password: NEXT });
    if (template === "reset_password") return reset(token);
    const path = template === "verify_email" ? "email-verifications" : "email-changes";
    return post(`/v1/${path}/consume`, { token });
  };
  // The reset comes last: it ends the session and the other links.
  for (const [send, template, { id }] of [kinds[0], kinds[2], kinds[3], kinds[1]]) {
    await send();
    const old = await tokenFor(deps, school.id, id, template);
    await send();
    const fresh = await tokenFor(deps, school.id, id, template);
    for (let n = 0; n < 7; n++)
      expect([template, await use(template, old)]).toEqual([template, "403 link_refused"]);
    expect([template, await use(template, fresh)]).toEqual([template, 204]);
  }
  const counted = await admin("select from app.login_guard where user_id = any($1)", [[user.id, member.id]]);
  expect(counted).toEqual([]);
});

test("links that are asked for for nobody fill no disk: beyond a bound they are told only by number", async () => {
  const own = await it.organization();
  const origin = { address: "203.0.113.9", userAgent: null, deviceToken: null };
  for (let round = 0; round < 10; round++) {
    const asked = Array.from({ length: 80 }, (_, n) =>
      requestPasswordReset(deps, { organization: own.slug, login: `nobody-${round}-${n}` }, origin),
    );
    await Promise.all(asked);
  }
  const [events] = await admin<{ n: number }>(
    `select count(*)::int as n from app.audit_event where organization_id = $1 and action = 'link.refused'`,
    [own.id],
  );
  expect(events?.n).toBeGreaterThan(500);
  expect(events?.n).toBeLessThan(700);
}, 60_000);

test("what refuses a link is in the audit, with why", async () => {
  const own = await it.organization();
  const user = await it.user(own);
  await ask(user.username, own);
  const token = await tokenFor(deps, own.id, user.id, "reset_password");
  await ask("nobody", own);
  await reset(newToken("link", own.id));
  await reset(newToken("link", Bun.randomUUIDv7()));
  expect(await reset(token)).toBe(204);
  await reset(token);
  const guest = await withoutPassword({}, own);
  await post(`/v1/users/${guest.id}/invitation`, {}, own.token);
  const invitation = await tokenFor(deps, own.id, guest.id, "invitation");
  const accept = () => post("/v1/invitations/consume", { token: invitation, password: NEXT });
  await admin(`update app.organization set settings = '{"signUp": "closed"}' where organization_id = $1`, [
    own.id,
  ]);
  expect(await accept()).toBe("403 link_refused");
  await admin("update app.organization set status = 'suspended' where organization_id = $1", [own.id]);
  expect(await accept()).toBe("403 link_refused");
  const events = await admin<{ reason: string; address: string }>(
    `select e.details::jsonb ->> 'reason' as reason, o.address
     from app.audit_event e join app.audit_origin o using (organization_id, sequence)
     where e.organization_id = $1 and e.action = 'link.refused' order by sequence`,
    [own.id],
  );
  expect(events.map(({ reason }) => reason)).toEqual(["not_sent", "unknown", "ended", "closed", "suspended"]);
});

describe("at rest", () => {
  test("no token stands in any table, only its keyed hash", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    const secret = token.replace("satchel_link_", "");
    const tables = await admin<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('app', 'pgboss')",
    );
    for (const { name } of tables) {
      const found = await admin(`select 1 from ${name} t where position($1 in t::text) > 0`, [secret]);
      expect([name, found.length]).toEqual([name, 0]);
      const hex = Buffer.from(token).toString("hex");
      expect(await admin(`select 1 from ${name} t where position($1 in t::text) > 0`, [hex])).toEqual([]);
    }
    expect(JSON.stringify(app.lines)).not.toContain(secret);
  });

  test("links that expired a week ago are removed, of this organization alone; open ones stay", async () => {
    const users = [await it.user(school), await it.user(school), await it.user(other)];
    for (const [at, user] of users.entries()) await ask(user.username, at === 2 ? other : school);
    for (const user of [users[0], users[2]]) await age(user?.id ?? "", 8 * 1440);
    expect(await pruneLinks(deps, school.id, 100)).toBe(1);
    const left = await admin<{ user_id: string }>(
      "select user_id from app.link where user_id = any($1::text[]::uuid[]) order by 1",
      [`{${users.map(({ id }) => id).join(",")}}`],
    );
    expect(left.map(({ user_id }) => user_id)).toEqual([users[1]?.id ?? "", users[2]?.id ?? ""].sort());
  });
});

test("the job that tidies up removes old links and old mail", async () => {
  const own = await it.organization();
  const [old, young] = [await it.user(own), await it.user(own)];
  for (const user of [old, young]) await ask(user.username, own);
  await age(old.id, 8 * 1440);
  await admin("alter table app.mail disable trigger touch");
  await admin("update app.mail set created_at = created_at - interval '31 days' where user_id = $1", [
    old.id,
  ]);
  await admin("alter table app.mail enable trigger touch");
  const job = { id: Bun.randomUUIDv7(), payload: {}, attempt: 1, lastAttempt: false };
  await pruneSessionsJob(deps, { ...job, signal: new AbortController().signal });
  for (const table of ["link", "mail"]) {
    const left = await admin<{ user_id: string }>(
      `select user_id from app.${table} where organization_id = $1`,
      [own.id],
    );
    expect(left.map(({ user_id }) => user_id)).toEqual([young.id]);
  }
});

describe("asking for a link", () => {
  test("answers the same bytes whoever is named, and mails only who may have one [row 75] [row 105]", async () => {
    const known = await it.user(school);
    const suspended = await it.user(school);
    await suspend(suspended.id);
    const inactive = await it.user(school);
    await suspend(inactive.id, "inactive");
    const pending = await it.user(school);
    await suspend(pending.id, "pending");
    const deleted = await it.user(school);
    await request("DELETE", `/v1/users/${deleted.id}`, { token: school.token });
    const pupil = await it.user(school, "student", { email: null });
    const logins = [known, suspended, inactive, pending, deleted, pupil].map(({ username }) => username);
    const organizations = [school.slug, "no-such-school", other.slug];
    const answers = new Set<string>();
    for (const organization of organizations) {
      for (const login of [...logins, "nobody", "nobody@school.example", known.email]) {
        for (const path of ["/v1/password-resets", "/v1/email-verifications"]) {
          const answer = await request("POST", path, { body: { organization, login } });
          const headers = [...answer.headers].filter(
            ([name]) => !["x-request-id", "ratelimit-remaining"].includes(name),
          );
          answers.add(JSON.stringify([answer.status, answer.body, headers]));
        }
      }
    }
    expect(answers.size).toBe(1);
    expect(JSON.parse([...answers][0] ?? "[]")[0]).toBe(202);
    for (const user of [suspended, inactive, deleted, pupil]) {
      expect(await mailTo(deps, school.id, user.id)).toEqual([]);
    }
    expect(await mailTo(deps, school.id, pending.id, "reset_password")).toEqual([]);
    expect(await mailTo(deps, school.id, known.id, "reset_password")).toHaveLength(2);
  }, 60_000);

  test("takes the same time whoever is named [row 75] [row 105]", async () => {
    const user = await it.user(school);
    const timed = async (login: string) => {
      const began = performance.now();
      await ask(login);
      return performance.now() - began;
    };
    for (const login of [user.username, "nobody", user.username, "nobody"]) {
      // The answer waits for a multiple of a quarter of a second, whatever the work has taken, and a little longer.
      const took = await timed(login);
      expect(took).toBeGreaterThanOrEqual(249);
      expect((took - 249) % 250).toBeLessThan(150);
    }
  });

  test("floods nobody: three mails of a kind within an hour, and asking on does not end the last link", async () => {
    const user = await it.user(school);
    for (let i = 0; i < 8; i++) expect(await ask(user.username)).toBe(202);
    expect(await mailTo(deps, school.id, user.id, "reset_password")).toHaveLength(3);
    const token = await tokenFor(deps, school.id, user.id, "reset_password");
    expect(await reset(token)).toBe(204);
    await age(user.id, 61);
    await ask(user.username);
    expect(await mailTo(deps, school.id, user.id, "reset_password")).toHaveLength(4);
  });

  test("thirty requests at once mail no more than three", async () => {
    const user = await it.user(school);
    await Promise.all(Array.from({ length: 30 }, () => ask(user.username)));
    expect((await mailTo(deps, school.id, user.id, "reset_password")).length).toBe(3);
  });

  test("from one network no more than three hundred are mailed within an hour in an organization", async () => {
    const own = await it.organization();
    const [user, late, elsewhere] = [await it.user(own), await it.user(own), await it.user(own)];
    const from = (address: string, { username }: GivenUser) =>
      requestPasswordReset(
        deps,
        { organization: own.slug, login: username },
        { address, userAgent: null, deviceToken: null },
      );
    await from("2001:db8:1:2::5", user);
    await admin(
      `insert into app.link (organization_id, kind, user_id, token_hash, email, network, expires_at, ended_at)
       select organization_id, kind, user_id, sha256(i::text::bytea), email, network, expires_at, now()
       from app.link, generate_series(1, 299) i where user_id = $1`,
      [user.id],
    );
    // Another address of the same customer.
    await from("2001:db8:1:2:ffff::6", late);
    expect(await mailTo(deps, own.id, late.id)).toEqual([]);
    await from("2001:db8:1:3::5", elsewhere);
    expect(await mailTo(deps, own.id, elsewhere.id)).toHaveLength(1);
    // A person who is asked for by somebody signed in is not held back by that.
    const newcomer = await withoutPassword({}, own);
    expect(await post(`/v1/users/${newcomer.id}/invitation`, {}, own.token)).toBe(202);
  });
});

describe("confirming an address", () => {
  test("sets the flag and its time, and lets in who was only waiting for that [row 72]", async () => {
    const user = await it.user(school);
    await suspend(user.id, "pending");
    expect(await post("/v1/email-verifications", { organization: school.slug, login: user.email })).toBe(202);
    const token = await tokenFor(deps, school.id, user.id, "verify_email");
    expect(await signIn(user, PASSWORD)).toBe("401 sign_in_refused");
    expect(await post("/v1/email-verifications/consume", { token })).toBe(204);
    expect(await userRow(user.id)).toMatchObject({ status: "active", verified: true });
    expect(await signIn(user, PASSWORD)).toBe(201);
    expect(await post("/v1/email-verifications/consume", { token })).toBe("403 link_refused");
    expect(await auditOf(user.id)).toContain("email.verified success");
  });

  test.each(["suspended", "inactive"])("never lets in who is %s [row 72]", async (status) => {
    const user = await it.user(school);
    expect(await post("/v1/email-verifications", { organization: school.slug, login: user.email })).toBe(202);
    const token = await tokenFor(deps, school.id, user.id, "verify_email");
    await suspend(user.id, status);
    expect(await post("/v1/email-verifications/consume", { token })).toBe("403 link_refused");
    expect(await userRow(user.id)).toMatchObject({ status, verified: false });
  });

  test("can be asked for again by who is signed in, until it is done [row 72]", async () => {
    const { user, token } = await it.member(school);
    expect(await post("/v1/me/email-verification", {}, token)).toBe(202);
    const link = await tokenFor(deps, school.id, user.id, "verify_email");
    expect(await post("/v1/me/email-verification", {}, token)).toBe(202);
    expect(await post("/v1/email-verifications/consume", { token: link })).toBe("403 link_refused");
    expect(await post("/v1/me/email-verification", {}, token)).toBe(202);
    expect(await post("/v1/me/email-verification", {}, token)).toBe("429 too_many_mails");
    const last = await tokenFor(deps, school.id, user.id, "verify_email");
    expect(await post("/v1/email-verifications/consume", { token: last })).toBe(204);
    expect((await request("GET", "/v1/me", { token })).body.emailVerifiedAt).toMatch(/^20/);
    expect(await post("/v1/me/email-verification", {}, token)).toBe("409 nothing_to_verify");
  });
});

describe("an invitation", () => {
  test("lets somebody choose their first password, who is then active and confirmed [row 72]", async () => {
    const user = await withoutPassword({ status: "pending" });
    expect(await post(`/v1/users/${user.id}/invitation`, {}, school.token)).toBe(202);
    const token = await tokenFor(deps, school.id, user.id, "invitation");
    expect(await post("/v1/invitations/consume", { token, password: "short" })).toBe("422 password_refused");
    expect(await post("/v1/invitations/consume", { token, password: NEXT })).toBe(204);
    expect(await userRow(user.id)).toMatchObject({ status: "active", verified: true });
    expect(await signIn(user, NEXT)).toBe(201);
    expect(await post("/v1/invitations/consume", { token, password: `${NEXT} 2` })).toBe("403 link_refused");
    expect(await auditOf(user.id)).toContain("password.set success");
  });

  test("is good for seven days, and not for who has got a password meanwhile", async () => {
    const user = await withoutPassword();
    await post(`/v1/users/${user.id}/invitation`, {}, school.token);
    const [link] = await admin<{ days: number }>(
      "select extract(epoch from expires_at - created_at)::int / 86400 as days from app.link where user_id = $1",
      [user.id],
    );
    expect(link?.days).toBe(7);
    const token = await tokenFor(deps, school.id, user.id, "invitation");
    await ask(user.username);
    expect(await reset(await tokenFor(deps, school.id, user.id, "reset_password"))).toBe(204);
    const before = await userRow(user.id);
    expect(await post("/v1/invitations/consume", { token, password: `${NEXT} 2` })).toBe("403 link_refused");
    expect(await userRow(user.id)).toEqual(before);
  });

  test("goes to nobody who has a password, no address, or is shut out, and beyond the organization to nobody [row 45]", async () => {
    const invited = (id: string, by = school.token) => post(`/v1/users/${id}/invitation`, {}, by);
    expect(await invited((await it.user(school)).id)).toBe("409 user_not_invitable");
    expect(await invited((await withoutPassword({ email: null })).id)).toBe("409 user_not_invitable");
    const suspended = await withoutPassword({ status: "suspended" });
    expect(await invited(suspended.id)).toBe("409 user_not_invitable");
    const user = await withoutPassword();
    expect(await invited(user.id, other.token)).toBe("404 not_found");
    expect(await invited(Bun.randomUUIDv7())).toBe("404 not_found");
    expect(await invited(user.id, (await it.member(school, "teacher")).token)).toBe("403 forbidden");
    expect(await mailTo(deps, school.id, user.id)).toEqual([]);
    for (let i = 0; i < 3; i++) expect(await invited(user.id)).toBe(202);
    expect(await invited(user.id)).toBe("429 too_many_mails");
  });
});

describe("another address", () => {
  const change = async (token: string, email: string) =>
    slugOf(await request<Problem>("PUT", "/v1/me/email", { token, body: { email } }));

  test("counts once it is confirmed at the new one, and the old one is told [row 11]", async () => {
    const { user, token } = await it.member(school);
    const email = `new-${user.email}`;
    expect(await change(token, email)).toBe(202);
    expect(await userRow(user.id)).toMatchObject({ email: user.email });
    const [mail] = await mailTo(deps, school.id, user.id, "confirm_email");
    expect(mail?.to).toBe(email);
    const link = await tokenFor(deps, school.id, user.id, "confirm_email");
    expect(await post("/v1/email-changes/consume", { token: link })).toBe(204);
    expect(await userRow(user.id)).toMatchObject({ email, verified: true });
    const [notice] = await mailTo(deps, school.id, user.id, "email_changed");
    expect(notice?.to).toBe(user.email);
    expect(notice?.text).not.toContain(email);
    expect(await post("/v1/email-changes/consume", { token: link })).toBe("403 link_refused");
    expect(await auditOf(user.id)).toContain("email.changed success");
  });

  test("what was mailed to the old one is worth nothing any more", async () => {
    const { user, token } = await it.member(school);
    await ask(user.username);
    const old = await tokenFor(deps, school.id, user.id, "reset_password");
    await change(token, `new-${user.email}`);
    const link = await tokenFor(deps, school.id, user.id, "confirm_email");
    expect(await post("/v1/email-changes/consume", { token: link })).toBe(204);
    expect(await reset(old)).toBe("403 link_refused");
  });

  test("that somebody has is answered alike and mailed nothing, also when they got it meanwhile", async () => {
    const { user, token } = await it.member(school);
    const holder = await it.user(school);
    for (let i = 0; i < 3; i++) expect(await change(token, holder.email)).toBe(202);
    expect(await change(token, holder.email)).toBe("429 too_many_mails");
    expect(await mailTo(deps, school.id, user.id)).toEqual([]);
    expect(await mailTo(deps, school.id, holder.id)).toEqual([]);
    const late = await it.member(school);
    const email = `late-${user.email}`;
    expect(await change(late.token, email)).toBe(202);
    await it.user(school, "student", { email });
    const link = await tokenFor(deps, school.id, late.user.id, "confirm_email");
    expect(await post("/v1/email-changes/consume", { token: link })).toBe("403 link_refused");
    expect(await userRow(late.user.id)).toMatchObject({ email: late.user.email });
  });

  test("asked for by a thief is worth nothing once the owner has another password", async () => {
    const user = await it.user(school);
    const thief = await it.session(school, user);
    expect(await change(thief, `thief-${user.email}`)).toBe(202);
    const first = await tokenFor(deps, school.id, user.id, "confirm_email");
    await ask(user.username);
    expect(await reset(await tokenFor(deps, school.id, user.id, "reset_password"))).toBe(204);
    expect(await post("/v1/email-changes/consume", { token: first })).toBe("403 link_refused");
    const [mine, theirs] = [
      await it.session(school, { ...user, password: NEXT }),
      await it.session(school, { ...user, password: NEXT }),
    ];
    expect(await change(theirs, `thief-${user.email}`)).toBe(202);
    const link = await tokenFor(deps, school.id, user.id, "confirm_email");
    const body = { currentPassword: NEXT, newPassword: `${NEXT} again` };
    expect((await request("PUT", "/v1/me/password", { token: mine, body })).status).toBe(204);
    expect(await post("/v1/email-changes/consume", { token: link })).toBe("403 link_refused");
    expect(await userRow(user.id)).toMatchObject({ email: user.email });
  });

  test("needs a password given within five minutes", async () => {
    const { user, token } = await it.member(school);
    await admin("update app.session set authenticated_at = now() - interval '6 minutes' where user_id = $1", [
      user.id,
    ]);
    expect(await change(token, `new-${user.email}`)).toBe("403 reauthentication_required");
    expect(await mailTo(deps, school.id, user.id)).toEqual([]);
  });

  test("set by an admin counts at once, the old one is told, and what was mailed to it ends", async () => {
    const user = await it.user(school);
    await ask(user.username);
    const old = await tokenFor(deps, school.id, user.id, "reset_password");
    const answer = await request("PATCH", `/v1/users/${user.id}`, {
      token: school.token,
      headers: { "if-match": "*" },
      body: { email: `moved-${user.email}` },
    });
    expect(answer.status).toBe(200);
    const [notice] = await mailTo(deps, school.id, user.id, "email_changed");
    expect(notice?.to).toBe(user.email);
    expect(await reset(old)).toBe("403 link_refused");
  });

  test("set by an admin is mailed a link to confirm it, once, by a job; the same one in other letters is not", async () => {
    const user = await it.user(school);
    const patch = (body: object) =>
      request("PATCH", `/v1/users/${user.id}`, {
        token: school.token,
        headers: { "if-match": "*" },
        body,
      });
    const jobs = () =>
      admin<{ id: string; data: { organizationId: string; userId: string } }>(
        "select id, data from pgboss.job where name = 'verify-email' and data ->> 'userId' = $1",
        [user.id],
      );
    for (const body of [{ fullName: "Ada" }, { email: user.email.toUpperCase() }]) await patch(body);
    expect(await jobs()).toEqual([]);
    const email = `set-${user.email}`;
    expect((await patch({ email })).status).toBe(200);
    const [job, ...others] = await jobs();
    expect(others).toEqual([]);
    expect(job?.data).toEqual({ organizationId: school.id, userId: user.id });
    for (let n = 0; n < 2; n++) {
      const delivery = {
        id: job?.id ?? "",
        attempt: n + 1,
        lastAttempt: false,
        signal: new AbortController().signal,
      };
      await verifyEmailJob(deps, { ...delivery, payload: { organizationId: school.id, userId: user.id } });
    }
    const mails = await mailTo(deps, school.id, user.id, "verify_email");
    expect(mails.map(({ to }) => to)).toEqual([email]);
    const link = await tokenFor(deps, school.id, user.id, "verify_email");
    expect(await post("/v1/email-verifications/consume", { token: link })).toBe(204);
    expect(await userRow(user.id)).toMatchObject({ email, verified: true });
    // Taken away, there is nothing to confirm.
    expect((await patch({ email: null })).status).toBe(200);
    expect(await jobs()).toHaveLength(1);
  });
});

/** Signing in with a second factor: the challenge, the code, the recovery code, and the guard before them. */
import { afterAll, describe, expect, test } from "bun:test";
import { openLog } from "../../src/log.ts";
import { testApp } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { given } from "../support/given.ts";
import { codeOf, factors, type SignedIn, wrongCodeOf } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, prove, challenge, forgetCode } = factors(app);
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];

const sessionsOf = (id: string) =>
  admin("select session_id from app.session where user_id = $1 and ended_at is null", [id]);
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const refused = ({ status, body }: Awaited<ReturnType<typeof prove>>) =>
  `${status} ${body.type?.replace("urn:satchel:problem:", "")}`;
const REFUSED = "401 second_factor_refused";
const actions = async (userId: string) =>
  (
    await admin<{ said: string }>(
      "select concat_ws(' ', action, outcome, details->>'reason') as said from app.audit_event e where $1 = any(e.subject_ids) order by sequence",
      [userId],
    )
  ).map(({ said }) => said);

describe("the password", () => {
  test("gives a challenge and no session, no cookie and no record of a sign-in", async () => {
    const { user } = await person(school);
    const before = await sessionsOf(user.id);
    const answer = await request<SignedIn>("POST", "/v1/sessions", {
      body: { organization: school.slug, login: user.username, password: user.password },
    });
    expect(answer.status).toBe(202);
    expect(Object.keys(answer.body).sort()).toEqual(["challenge", "expiresAt"]);
    expect(answer.headers.has("set-cookie")).toBe(false);
    expect(await sessionsOf(user.id)).toEqual(before);
    const minutes = (Date.parse(answer.body.expiresAt) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(4.9);
    expect(minutes).toBeLessThan(5.1);
    for (const token of [answer.body.challenge, answer.body.challenge.replace("challenge_", "")]) {
      expect(await isIn(token)).toBe(false);
    }
  });

  test("when it is wrong is refused as for everybody else", async () => {
    const [{ user }, plain] = [await person(school), await it.user(school)];
    const attempts = await Promise.all(
      [user, plain].map(({ username }) =>
        request<SignedIn>("POST", "/v1/sessions", {
          body: { organization: school.slug, login: username, password: "not what it was at all" },
        }),
      ),
    );
    const seen = attempts.map(({ status, headers, body }) => ({
      status,
      headers: [...headers].filter(([name]) => !/^(x-request-id|ratelimit-)/.test(name)),
      body: { ...body, instance: null },
    }));
    expect(seen[0]?.status).toBe(401);
    expect(seen[0]).toEqual(seen[1]);
  });
});

describe("the code", () => {
  test("opens the session; time and address of the sign-in are recorded [row 73]", async () => {
    const { user, secret } = await person(school);
    const answer = await prove(await challenge(school, user), { code: codeOf(secret) });
    expect(answer.status).toBe(201);
    expect(answer.body.user).toMatchObject({ id: user.id });
    expect(answer.headers.getSetCookie().join()).toContain(answer.body.token);
    expect(await isIn(answer.body.token)).toBe(true);
    expect((await actions(user.id)).at(-1)).toBe("session.opened success");
  });

  test("is taken once: not again with another challenge, and not an older one after it", async () => {
    const { user, secret } = await person(school);
    const code = codeOf(secret);
    expect((await prove(await challenge(school, user), { code })).status).toBe(201);
    const next = await challenge(school, user);
    expect(refused(await prove(next, { code }))).toBe(REFUSED);
    expect(refused(await prove(next, { code: codeOf(secret, -1) }))).toBe(REFUSED);
    expect((await prove(next, { code: codeOf(secret, 1) })).status).toBe(201);
  });

  test("used by many at once opens one session", async () => {
    const { user, secret } = await person(school);
    const before = (await sessionsOf(user.id)).length;
    const challenges = await Promise.all(Array.from({ length: 8 }, () => challenge(school, user)));
    const code = codeOf(secret);
    const answers = await Promise.all(challenges.map((each) => prove(each, { code })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter((each) => refused(each) === REFUSED)).toHaveLength(7);
    expect(await sessionsOf(user.id)).toHaveLength(before + 1);
  });

  test("with one challenge many times at once opens one session", async () => {
    const { user, recoveryCodes } = await person(school);
    const before = (await sessionsOf(user.id)).length;
    const only = await challenge(school, user);
    const answers = await Promise.all(
      recoveryCodes.slice(0, 6).map((code) => prove(only, { recoveryCode: code })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await sessionsOf(user.id)).toHaveLength(before + 1);
    // What was for nothing was not used up.
    const left = await admin("select from app.recovery_code where user_id = $1 and used_at is null", [
      user.id,
    ]);
    expect(left).toHaveLength(9);
  });

  test("of one person opens nothing for another", async () => {
    const [mine, theirs] = [await person(school), await person(school)];
    expect(refused(await prove(await challenge(school, mine.user), { code: codeOf(theirs.secret) }))).toBe(
      REFUSED,
    );
    const [recoveryCode = ""] = theirs.recoveryCodes;
    expect(refused(await prove(await challenge(school, mine.user), { recoveryCode }))).toBe(REFUSED);
    expect((await prove(await challenge(school, theirs.user), { recoveryCode })).status).toBe(201);
  });

  test("whose answer was lost gives it again to who repeats the request with its Idempotency-Key", async () => {
    const { user, secret } = await person(school);
    const token = await challenge(school, user);
    const proof = { code: codeOf(secret) };
    const headers = { "idempotency-key": crypto.randomUUID() };
    const first = await prove(token, proof, headers);
    const again = await prove(token, proof, headers);
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(again.body.token).toBe(first.body.token);
    expect(refused(await prove(token, proof))).toBe(REFUSED);
    // What was refused is looked at again.
    const next = { "idempotency-key": crypto.randomUUID() };
    const other = await challenge(school, user);
    expect(refused(await prove(other, { code: wrongCodeOf(secret) }, next))).toBe(REFUSED);
    await forgetCode(user);
    expect(
      (await prove(other, { code: codeOf(secret) }, { "idempotency-key": crypto.randomUUID() })).status,
    ).toBe(201);
  });

  test("must be one of the two, and no other", async () => {
    const { user, secret, recoveryCodes } = await person(school);
    const token = await challenge(school, user);
    for (const proof of [{}, { code: codeOf(secret), recoveryCode: recoveryCodes[0] }]) {
      expect(refused(await prove(token, proof))).toBe("422 proof_missing");
    }
  });
});

describe("a recovery code", () => {
  test("stands in for the app, however it is typed, once", async () => {
    const { user, recoveryCodes } = await person(school);
    const recoveryCode = ` ${recoveryCodes[3]?.toLowerCase().replaceAll("-", " ")} `;
    expect((await prove(await challenge(school, user), { recoveryCode })).status).toBe(201);
    expect(refused(await prove(await challenge(school, user), { recoveryCode }))).toBe(REFUSED);
    expect(await actions(user.id)).toContain("second_factor.recovery_code_used success");
  });

  test("used twice at once has one effect", async () => {
    const { user, recoveryCodes } = await person(school);
    const before = (await sessionsOf(user.id)).length;
    const [recoveryCode = ""] = recoveryCodes;
    const challenges = await Promise.all([1, 2, 3, 4].map(() => challenge(school, user)));
    const answers = await Promise.all(challenges.map((each) => prove(each, { recoveryCode })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(await sessionsOf(user.id)).toHaveLength(before + 1);
  });
});

describe("the challenge", () => {
  const stale = async (change: string, values: readonly unknown[] = []) => {
    const { user, secret } = await person(school);
    const token = await challenge(school, user);
    await admin(change, [user.id, ...values]);
    return { user, answer: await prove(token, { code: codeOf(secret) }) };
  };

  test.each([
    ["expired", "update app.sign_in_challenge set expires_at = now() where user_id = $1"],
    ["used", "update app.sign_in_challenge set consumed_at = now() where user_id = $1"],
    ["of an old password", "update app.credential set password_changed_at = now() where user_id = $1"],
    ["of somebody suspended", "update app.user set status = 'suspended' where user_id = $1"],
    [
      "of somebody deleted",
      "update app.user set deleted_at = now(), deletion_id = app.uuidv7() where user_id = $1",
    ],
    ["of somebody whose second factor was reset", "delete from app.second_factor where user_id = $1"],
  ])("that is %s opens nothing [row 75]", async (_, change) => {
    const { user, answer } = await stale(change);
    expect(refused(answer)).toBe(REFUSED);
    expect(answer.headers.has("set-cookie")).toBe(false);
    expect(
      await admin(
        "select from app.session where user_id = $1 and created_at > now() - interval '1 second' and false",
        [user.id],
      ),
    ).toEqual([]);
  });

  test("is good for one session", async () => {
    const { user, secret } = await person(school);
    const token = await challenge(school, user);
    expect((await prove(token, { code: codeOf(secret) })).status).toBe(201);
    await forgetCode(user);
    expect(refused(await prove(token, { code: codeOf(secret) }))).toBe(REFUSED);
  });

  test("that was made up, changed, or carried to another organization opens nothing [row 45]", async () => {
    const { user, secret } = await person(school);
    const token = await challenge(school, user);
    const bytes = Buffer.from(token.replace("satchel_challenge_", ""), "base64url");
    const foreign = Buffer.concat([Buffer.from(other.id.replaceAll("-", ""), "hex"), bytes.subarray(16)]);
    for (const forged of [
      "",
      "nonsense",
      token.slice(0, -1),
      `satchel_challenge_${foreign.toString("base64url")}`,
      token.replace("challenge_", "refresh_"),
    ]) {
      expect(refused(await prove(forged, { code: codeOf(secret) }))).toBe(REFUSED);
    }
    expect((await prove(token, { code: codeOf(secret) })).status).toBe(201);
  });

  test("is kept as a keyed hash", async () => {
    const { user } = await person(school);
    const token = await challenge(school, user);
    const [row] = await admin<{ text: string }>(
      "select c::text as text from app.sign_in_challenge c where user_id = $1",
      [user.id],
    );
    const body = token.replace("satchel_challenge_", "");
    for (const trace of [token, body, Buffer.from(body, "base64url").toString("hex")]) {
      expect(row?.text).not.toContain(trace);
    }
  });

  test("is removed once it has expired, and no other is [row 78]", async () => {
    const { pruneChallenges } = await import("../../src/sessions/sessions.ts");
    const house = await it.organization();
    const { user, secret } = await person(house);
    await challenge(house, user);
    const live = await challenge(house, user);
    await admin(
      `update app.sign_in_challenge set expires_at = now() - interval '1 second' where token_hash in
         (select token_hash from app.sign_in_challenge where user_id = $1 order by created_at limit 1)`,
      [user.id],
    );
    expect(await pruneChallenges(app.deps, house.id, 10)).toBe(1);
    expect(await pruneChallenges(app.deps, house.id, 10)).toBe(0);
    expect((await prove(live, { code: codeOf(secret) })).status).toBe(201);
  });
});

describe("the guard", () => {
  const fail = async (token: string, secret: string, times: number) => {
    const code = wrongCodeOf(secret);
    for (let n = 0; n < times; n++) expect(refused(await prove(token, { code }))).toBe(REFUSED);
  };

  test("closes the code after five wrong ones: the right one is not looked at any more, nor with a new challenge [row 74]", async () => {
    const { user, secret } = await person(school);
    const neighbour = await person(school);
    await fail(await challenge(school, user), secret, 5);
    expect(refused(await prove(await challenge(school, user), { code: codeOf(secret) }))).toBe(REFUSED);
    expect(
      (await prove(await challenge(school, neighbour.user), { code: codeOf(neighbour.secret) })).status,
    ).toBe(201);
    expect(
      (await actions(user.id)).filter((said) => said === "second_factor.refused refused code"),
    ).toHaveLength(5);
    // An admin opens it again.
    expect((await request("POST", `/v1/users/${user.id}/unlock`, { token: school.token })).status).toBe(204);
    expect((await prove(await challenge(school, user), { code: codeOf(secret) })).status).toBe(201);
  });

  test("closes recovery codes apart, and neither closes the password [row 74]", async () => {
    const { user, secret, recoveryCodes } = await person(school);
    const token = await challenge(school, user);
    for (let n = 0; n < 5; n++) {
      expect(refused(await prove(token, { recoveryCode: `0000-0000-0000-000${n}` }))).toBe(REFUSED);
    }
    expect(refused(await prove(token, { recoveryCode: recoveryCodes[0] }))).toBe(REFUSED);
    expect((await prove(await challenge(school, user), { code: codeOf(secret) })).status).toBe(201);
  });

  test("lets a device in that the person has used before, while strangers are locked out [row 106]", async () => {
    const { user, secret } = await person(school);
    const known = await prove(await challenge(school, user), { code: codeOf(secret) });
    const { deviceToken } = known.body;
    await fail(await challenge(school, user), secret, 6);
    await forgetCode(user);
    const token = await challenge(school, user, { deviceToken });
    expect((await prove(token, { code: codeOf(secret), deviceToken })).status).toBe(201);
  });

  test("of a storm of wrong codes lets five be looked at [row 74]", async () => {
    const { user, secret } = await person(school);
    const token = await challenge(school, user);
    const code = wrongCodeOf(secret);
    const answers = await Promise.all(Array.from({ length: 60 }, () => prove(token, { code })));
    expect(answers.map(refused).filter((said) => said !== REFUSED)).toEqual([]);
    expect(
      (await actions(user.id)).filter((said) => said === "second_factor.refused refused code"),
    ).toHaveLength(5);
  });
});

test("nothing of it is written to the log, however it goes", async () => {
  const lines: string[] = [];
  const loud = await testApp({ log: openLog({ level: "debug", write: (line) => lines.push(line) }) });
  const people = given(loud);
  const mine = factors({ ...loud, it: people });
  const house = await people.organization();
  const { user, token, secret, recoveryCodes } = await mine.person(house);
  const token1 = await mine.challenge(house, user);
  const wrong = wrongCodeOf(secret);
  await mine.prove(token1, { code: wrong });
  await mine.prove(token1, { recoveryCode: recoveryCodes[0] });
  const code = codeOf(secret);
  const token2 = await mine.challenge(house, user, { longLived: true });
  const opened = await mine.prove(token2, { code });
  await loud.request("POST", "/v1/sessions/refresh", { body: { refreshToken: opened.body.refreshToken } });
  await loud.request("POST", "/v1/sessions/refresh", { body: { refreshToken: opened.body.refreshToken } });
  const log = lines.join("\n");
  expect(lines.length).toBeGreaterThan(5);
  const planted = [
    token,
    token1,
    token2,
    secret,
    user.password,
    opened.body.token,
    opened.body.refreshToken ?? "",
  ];
  for (const trace of [...planted, ...recoveryCodes, `"${code}"`, `"${wrong}"`]) {
    expect(trace.length).toBeGreaterThan(7);
    expect(log).not.toContain(trace);
  }
  const [{ text = "" } = {}] = await loud.database.admin<{ text: string }>(
    `select concat((select string_agg(e::text, '') from app.audit_event e),
       (select string_agg(j.data::text, '') from pgboss.job j)) as text`,
  );
  for (const trace of [...planted, ...recoveryCodes]) expect(text).not.toContain(trace);
  await loud.close();
});

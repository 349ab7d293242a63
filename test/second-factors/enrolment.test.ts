/** Setting a second factor up, living with it, and taking it away. */
import { afterAll, describe, expect, test } from "bun:test";
import { openKeys } from "../../src/keys.ts";
import { domain } from "../support/domain.ts";
import { codeOf, factors, type Problem, wrongCodeOf } from "./support.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { enrol, person, prove, challenge, require } = factors(app);
afterAll(app.close);

const school = await it.organization();
const CODE = /^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/;

const state = async (token: string) => (await request("GET", "/v1/me/second-factor", { token })).body;
const post = (token: string, path = "", body?: unknown) =>
  request<Problem & { secret: string; recoveryCodes: readonly string[] }>(
    "POST",
    `/v1/me/second-factor${path}`,
    body === undefined ? { token } : { token, body },
  );
const slug = ({ status, body }: { status: number; body: Problem }) =>
  `${status} ${body.type.replace("urn:satchel:problem:", "")}`;
const audited = async (userId: string) =>
  (
    await admin<{ action: string }>(
      `select action from app.audit_event e where $1 = any(e.subject_ids) and action like 'second_factor.%'
       order by sequence`,
      [userId],
    )
  ).map(({ action }) => action);
const mails = async (userId: string) =>
  (await admin<{ template: string }>("select template from app.mail where user_id = $1", [userId])).map(
    ({ template }) => template,
  );

describe("setting it up", () => {
  test("gives a secret, counts for nothing until a code has confirmed it, and then gives ten codes once", async () => {
    const { user, token } = await it.member(school, "teacher");
    expect(await state(token)).toEqual({
      enabled: false,
      confirmedAt: null,
      recoveryCodes: 0,
      required: false,
    });
    const { secret } = (await post(token)).body;
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(await state(token)).toMatchObject({ enabled: false });
    expect(await it.session(school, user)).toStartWith("satchel_");
    const confirmed = await post(token, "/confirmation", { code: codeOf(secret) });
    expect(confirmed.status).toBe(200);
    expect(confirmed.body.recoveryCodes).toHaveLength(10);
    expect(new Set(confirmed.body.recoveryCodes).size).toBe(10);
    for (const code of confirmed.body.recoveryCodes) expect(code).toMatch(CODE);
    expect(await state(token)).toMatchObject({ enabled: true, recoveryCodes: 10 });
    expect(await audited(user.id)).toEqual(["second_factor.enrolled"]);
    expect(await mails(user.id)).toContain("second_factor_changed");
  });

  test("names the school and the person in what the app reads", async () => {
    const { user, token } = await it.member(school);
    const { uri, secret } = await enrol(token);
    const read = new URL(uri);
    expect(decodeURIComponent(read.pathname)).toEndWith(`:${user.username}`);
    expect(Object.fromEntries(read.searchParams)).toEqual({
      secret,
      issuer: `School ${school.slug}`,
      algorithm: "SHA1",
      digits: "6",
      period: "30",
    });
  });

  test("takes no wrong code, none of a secret that was replaced, and none when nothing waits", async () => {
    const { user, token } = await it.member(school);
    expect(slug(await post(token, "/confirmation", { code: "123456" }))).toBe(
      "409 second_factor_not_pending",
    );
    const first = (await post(token)).body.secret;
    const second = (await post(token)).body.secret;
    const refused = await post(token, "/confirmation", { code: wrongCodeOf(second) });
    expect(slug(refused)).toBe("422 second_factor_code_refused");
    expect(slug(await post(token, "/confirmation", { code: codeOf(first) }))).toBe(
      "422 second_factor_code_refused",
    );
    await admin(
      `alter table app.second_factor disable trigger touch;
       update app.second_factor set updated_at = now() - interval '31 minutes' where user_id = '${user.id}';
       alter table app.second_factor enable trigger touch`,
    );
    expect(slug(await post(token, "/confirmation", { code: codeOf(second) }))).toBe(
      "409 second_factor_not_pending",
    );
    expect(await state(token)).toMatchObject({ enabled: false });
  });

  test("is refused where there is one already; two that confirm at once get one set of codes", async () => {
    const { user, token } = await it.member(school);
    const { secret } = (await post(token)).body;
    const code = codeOf(secret);
    const answers = await Promise.all([1, 2, 3].map(() => post(token, "/confirmation", { code })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect(slug(await post(token))).toBe("409 second_factor_exists");
    const stored = await admin("select from app.recovery_code where user_id = $1", [user.id]);
    expect(stored).toHaveLength(10);
  });

  test("needs a proof of who one is that is five minutes old at most", async () => {
    const { user, token } = await it.member(school);
    await admin(
      "update app.session set authenticated_at = now() - interval '301 seconds' where user_id = $1",
      [user.id],
    );
    expect(slug(await post(token))).toBe("403 reauthentication_required");
    expect(await state(token)).toMatchObject({ enabled: false });
  });
});

describe("at rest", () => {
  test("the secret is sealed for its row under a key of its own, and codes are keyed hashes", async () => {
    const { user, secret, recoveryCodes } = await person(school);
    const [row] = await admin<{ text: string; secret: Uint8Array }>(
      "select f::text as text, secret from app.second_factor f where user_id = $1",
      [user.id],
    );
    const codes = await admin<{ text: string }>(
      "select c::text as text from app.recovery_code c where user_id = $1",
      [user.id],
    );
    const stored = [row?.text ?? "", ...codes.map(({ text }) => text)].join("\n");
    for (const trace of [
      secret,
      ...recoveryCodes,
      ...recoveryCodes.map((code) => code.replaceAll("-", "")),
    ]) {
      expect(stored).not.toContain(trace);
      expect(stored).not.toContain(Buffer.from(trace).toString("hex"));
      expect(stored).not.toContain(new Bun.CryptoHasher("sha256").update(trace).digest("hex"));
    }
    const sealed = row?.secret ?? new Uint8Array();
    const keys = openKeys(app.deps.config.secrets);
    expect(keys.unseal("second-factor", `${school.id} ${user.id}`, sealed)?.byteLength).toBe(20);
    expect(keys.unseal("second-factor", `${school.id} ${school.admin.id}`, sealed)).toBeNull();
    expect(keys.unseal("mail", `${school.id} ${user.id}`, sealed)).toBeNull();
  });

  test("one person's secret in another's row opens nothing", async () => {
    const [thief, victim] = [await person(school), await person(school)];
    await admin(
      `update app.second_factor set secret = (select secret from app.second_factor where user_id = $1)
       where user_id = $2`,
      [thief.user.id, victim.user.id],
    );
    const token = await challenge(school, victim.user);
    expect((await prove(token, { code: codeOf(thief.secret) })).status).toBe(401);
  });
});

describe("recovery codes", () => {
  test("are replaced by ten others, and the old ones open nothing", async () => {
    const { user, token, recoveryCodes } = await person(school);
    const answer = await post(token, "/recovery-codes");
    expect(answer.status).toBe(200);
    const [old = "", fresh = ""] = [recoveryCodes[0], answer.body.recoveryCodes[0]];
    expect(answer.body.recoveryCodes.filter((code) => recoveryCodes.includes(code))).toEqual([]);
    const first = await challenge(school, user);
    expect((await prove(first, { recoveryCode: old })).status).toBe(401);
    expect((await prove(first, { recoveryCode: fresh })).status).toBe(201);
    expect(await state(token)).toMatchObject({ recoveryCodes: 9 });
  });

  test("are not for who has no second factor", async () => {
    const { token } = await it.member(school);
    expect((await post(token, "/recovery-codes")).status).toBe(404);
    await post(token);
    expect((await post(token, "/recovery-codes")).status).toBe(404);
  });
});

describe("taking it away", () => {
  test("lets the password alone open again, and leaves everybody else's", async () => {
    const [mine, neighbour] = [await person(school), await person(school)];
    const { user, token } = mine;
    expect((await request("DELETE", "/v1/me/second-factor", { token })).status).toBe(204);
    expect(await state(token)).toMatchObject({ enabled: false, recoveryCodes: 0 });
    expect(await it.session(school, user)).toStartWith("satchel_");
    expect(await challenge(school, neighbour.user)).toStartWith("satchel_challenge_");
    expect((await request("DELETE", "/v1/me/second-factor", { token })).status).toBe(404);
    expect(await audited(user.id)).toEqual(["second_factor.enrolled", "second_factor.removed"]);
    expect(await mails(user.id)).toContain("second_factor_changed");
  });

  test("needs a fresh proof, and is refused where the role needs one", async () => {
    const house = await it.organization();
    const { user, token } = await person(house);
    const age = "update app.session set authenticated_at = now() - interval '1 hour' where user_id = $1";
    await admin(age, [user.id]);
    const stale = await request<Problem>("DELETE", "/v1/me/second-factor", { token });
    expect(slug(stale)).toBe("403 reauthentication_required");
    await admin("update app.session set authenticated_at = now() where user_id = $1", [user.id]);
    await require(house, "teacher");
    const needed = await request<Problem>("DELETE", "/v1/me/second-factor", { token });
    expect(slug(needed)).toBe("409 second_factor_needed");
    expect(await state(token)).toMatchObject({ enabled: true, required: true, recoveryCodes: 10 });
    await require(house, "teacher", false);
    expect((await request("DELETE", "/v1/me/second-factor", { token })).status).toBe(204);
  });

  test("from another person is for admins, with a fresh proof; the person is told", async () => {
    const { user, token } = await person(school, "student");
    const { token: teacher } = await it.member(school, "teacher");
    const reset = (by: string, id = user.id) =>
      request<Problem>("DELETE", `/v1/users/${id}/second-factor`, { token: by });
    expect((await reset(teacher)).status).toBe(403);
    expect((await reset(token)).status).toBe(403);
    const stranger = await it.organization();
    expect((await reset(stranger.token)).status).toBe(404);
    expect(await state(token)).toMatchObject({ enabled: true });
    expect((await reset(school.token)).status).toBe(204);
    expect((await reset(school.token)).status).toBe(404);
    expect(await state(token)).toMatchObject({ enabled: false, recoveryCodes: 0 });
    expect(await audited(user.id)).toEqual(["second_factor.enrolled", "second_factor.reset"]);
    expect((await mails(user.id)).filter((template) => template === "second_factor_changed")).toHaveLength(2);
    const other = await it.member(school);
    expect((await reset(school.token, other.user.id)).status).toBe(404);
    await admin("update app.session set authenticated_at = now() - interval '1 hour' where user_id = $1", [
      school.admin.id,
    ]);
    expect(slug(await reset(school.token))).toBe("403 reauthentication_required");
    await admin("update app.session set authenticated_at = now() where user_id = $1", [school.admin.id]);
  });
});

describe("where a role needs one", () => {
  test("who has none can set one up and nothing else, from the next request on, and then everything", async () => {
    const house = await it.organization();
    const { user, token } = await it.member(house, "teacher");
    const { token: pupil } = await it.member(house);
    await require(house, "teacher");
    const again = await it.session(house, user);
    for (const each of [token, again]) {
      const refused = await request<Problem>("GET", "/v1/users", { token: each });
      expect(slug(refused)).toBe("403 second_factor_enrolment_required");
      expect(
        slug(await request<Problem>("POST", "/v1/contents", { token: each, body: { title: "No" } })),
      ).toBe("403 second_factor_enrolment_required");
      expect((await request("GET", "/v1/me", { token: each })).status).toBe(200);
    }
    expect((await request("GET", "/v1/contents", { token: pupil })).status).toBe(200);
    await enrol(again);
    for (const each of [token, again]) {
      expect((await request("GET", "/v1/users", { token: each })).status).toBe(200);
    }
    // And when it is taken from them, they are where they were.
    await request("DELETE", `/v1/users/${user.id}/second-factor`, { token: house.token });
    expect(slug(await request<Problem>("GET", "/v1/users", { token: again }))).toBe(
      "403 second_factor_enrolment_required",
    );
    expect((await request("DELETE", "/v1/sessions/current", { token: again })).status).toBe(204);
  });

  test("one that was not confirmed is none", async () => {
    const house = await it.organization();
    const { token } = await it.member(house, "teacher");
    await require(house, "teacher");
    await post(token);
    expect((await request("GET", "/v1/users", { token })).status).toBe(403);
  });
});

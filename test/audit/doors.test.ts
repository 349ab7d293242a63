/** Every door of identity that refuses, tried as its endpoint declares it: each refusal is in the audit. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { SYSTEM_CHAIN } from "../../src/chain.ts";
import { endpoints } from "../../src/endpoints.ts";
import { newToken } from "../../src/tokens.ts";
import { codeOf, factors, wrongCodeOf } from "../second-factors/support.ts";
import type { Received } from "../support/app.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, given, PASSWORD } from "../support/given.ts";
import { tokenFor } from "../support/mailbox.ts";
import { type Described, described } from "../support/operations.ts";

setDefaultTimeout(60_000);
const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
const { challenge, person, prove } = factors(app);
afterAll(app.close);

type Answered = Received<{ readonly type?: unknown } | null>;
const WRONG = "not what it was at all";

const settle = async ({ token }: GivenOrganization, settings: object) => {
  const headers = { "if-match": "*" };
  const answer = await request("PATCH", "/v1/organization", { token, headers, body: { settings } });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
};
const signIn = ({ slug }: GivenOrganization, login: string, password: string, more: object = {}) =>
  request("POST", "/v1/sessions", { body: { organization: slug, login, password, ...more } });
let signUps = 0;
const signUp = ({ slug }: GivenOrganization, more: object = {}) => {
  const username = `stranger-${++signUps}`;
  const body = { organization: slug, username, fullName: "A stranger", password: PASSWORD, ...more };
  return request("POST", "/v1/sign-ups", { body });
};
const last = async (count: number, ask: () => Promise<Answered>) => {
  let answer = await ask();
  for (let n = 1; n < count; n++) answer = await ask();
  return answer;
};
const unknownLink = (house: GivenOrganization, more: object = {}) => ({
  body: { token: newToken("link", house.id), ...more },
});

/** How each refusal comes about, and the action of its event. */
const doors: Readonly<
  Record<string, readonly [action: string, (house: GivenOrganization) => Promise<Answered>]>
> = {
  "POST /v1/sign-ups sign_up_refused": ["sign_up.refused", (house) => signUp(house)],
  "POST /v1/sign-ups sign_up_code_refused": [
    "sign_up.refused",
    async (house) => {
      await settle(house, { signUp: "code" });
      return signUp(house, { code: "7K2QD-9XJ4M-VR0TA-38HNE" });
    },
  ],
  "POST /v1/sign-ups too_many_sign_ups": [
    "sign_up.refused",
    async (house) => {
      await settle(house, { signUp: "code" });
      return last(61, () => signUp(house, { code: "7K2QD-9XJ4M-VR0TA-38HNE" }));
    },
  ],
  "POST /v1/sessions sign_in_refused": [
    "session.refused",
    (house) => signIn(house, house.admin.username, WRONG),
  ],
  "POST /v1/sessions long_lived_refused": [
    "session.refused",
    async (house) => {
      await settle(house, { longLivedSessionDays: 0 });
      return signIn(house, house.admin.username, house.admin.password, { longLived: true });
    },
  ],
  "POST /v1/sessions/second-factor second_factor_refused": [
    "second_factor.refused",
    async (house) => {
      const { user, secret } = await person(house);
      return prove(await challenge(house, user), { code: wrongCodeOf(secret) });
    },
  ],
  "POST /v1/sessions/second-factor long_lived_refused": [
    "session.refused",
    async (house) => {
      const { user, secret } = await person(house);
      const token = await challenge(house, user, { longLived: true });
      await settle(house, { longLivedSessionDays: 0 });
      return prove(token, { code: codeOf(secret) });
    },
  ],
  "POST /v1/sessions/refresh refresh_refused": [
    "session.refreshed",
    (house) =>
      request("POST", "/v1/sessions/refresh", { body: { refreshToken: newToken("refresh", house.id) } }),
  ],
  "POST /v1/sessions/current/reauthentication reauthentication_refused": [
    "session.reauthenticated",
    ({ token }) =>
      request("POST", "/v1/sessions/current/reauthentication", { token, body: { password: WRONG } }),
  ],
  "PUT /v1/me/password current_password_refused": [
    "password.changed",
    ({ token }) =>
      request("PUT", "/v1/me/password", {
        token,
        body: { currentPassword: WRONG, newPassword: "another long sentence of theirs" },
      }),
  ],
  "POST /v1/me/second-factor/confirmation second_factor_code_refused": [
    "second_factor.enrolled",
    async ({ token }) => {
      const { body } = await request<{ secret: string }>("POST", "/v1/me/second-factor", { token });
      const code = wrongCodeOf(body.secret);
      return request("POST", "/v1/me/second-factor/confirmation", { token, body: { code } });
    },
  ],
  "POST /v1/password-resets/consume link_refused": [
    "link.refused",
    (house) => request("POST", "/v1/password-resets/consume", unknownLink(house, { newPassword: PASSWORD })),
  ],
  "POST /v1/email-verifications/consume link_refused": [
    "link.refused",
    (house) => request("POST", "/v1/email-verifications/consume", unknownLink(house)),
  ],
  "POST /v1/email-verifications/consume sign_up_password_refused": [
    "link.refused",
    async (house) => {
      await settle(house, { signUp: "open" });
      await signUp(house, { email: "stranger@home.example" });
      const [found] = await admin<{ id: string }>(
        "select user_id::text as id from app.user where organization_id = $1 and status = 'pending'",
        [house.id],
      );
      const token = await tokenFor(deps, house.id, found?.id ?? "", "confirm_sign_up");
      return request("POST", "/v1/email-verifications/consume", { body: { token, password: WRONG } });
    },
  ],
  "POST /v1/invitations/consume link_refused": [
    "link.refused",
    (house) => request("POST", "/v1/invitations/consume", unknownLink(house, { password: PASSWORD })),
  ],
  "POST /v1/email-changes/consume link_refused": [
    "link.refused",
    (house) => request("POST", "/v1/email-changes/consume", unknownLink(house)),
  ],
  "POST /v1/me/email-verification too_many_mails": [
    "link.refused",
    async (house) => {
      const { token } = await it.member(house, "teacher");
      return last(4, () => request("POST", "/v1/me/email-verification", { token }));
    },
  ],
  "POST /v1/users/:id/invitation too_many_mails": [
    "link.refused",
    async (house) => {
      const { token } = house;
      const body = { fullName: "A pupil", username: "pupil", email: "pupil@school.example" };
      const { body: made } = await request<{ id: string }>("POST", "/v1/users", { token, body });
      return last(4, () => request("POST", `/v1/users/${made.id}/invitation`, { token }));
    },
  ],
  "PUT /v1/me/email too_many_mails": [
    "link.refused",
    ({ token }) =>
      last(4, () => request("PUT", "/v1/me/email", { token, body: { email: "another@home.example" } })),
  ],
};

/** What turns nobody away for who they are or what they know. */
const EXCEPT: ReadonlySet<string> = new Set([
  // The machine has no room; whose login it was is not looked at.
  "sign_in_line_full",
  // There is no such door on this server.
  "sign_up_closed",
  // What somebody has made themselves is not for them to judge; nobody else's things are reached for.
  ...["own_comment", "own_content", "own_rating", "own_work"],
  // Of every endpoint, below.
  "forbidden",
  "reauthentication_required",
  "setup_code_refused",
]);
const TELLING = ["second_factor_code_refused", "sign_up_password_refused"];
const declared = endpoints.flatMap(({ method, path, refusals }) =>
  refusals
    .filter(({ kind, slug }) => /^(unauthenticated|forbidden|too_many)$/.test(kind) || TELLING.includes(slug))
    .filter(({ slug }) => !EXCEPT.has(slug))
    .map(({ slug }) => `${method} ${path} ${slug}`),
);

interface Refused {
  readonly action: string;
  readonly actor: string | null;
  readonly session: string | null;
  readonly key: string | null;
  readonly target: string | null;
  readonly refusal: string | null;
  readonly whence: string | null;
}
const refusedIn = (organizationId: string) =>
  admin<Refused>(
    `select e.action, e.actor_id::text as actor, e.session_id::text as session, e.api_key_id::text as key,
       e.target_id as target, e.details ->> 'refusal' as refusal, o.address as whence
     from app.audit_event e left join app.audit_origin o using (organization_id, sequence)
     where e.organization_id = $1 and e.outcome = 'refused' order by e.sequence`,
    [organizationId],
  );

test("each refusal that a door of identity declares is tried here [row 113]", () => {
  expect(declared.toSorted()).toEqual(Object.keys(doors).sort());
});

test.each(Object.entries(doors))(
  "%s is in the audit, with where it came from [row 113]",
  async (name, [action, ask]) => {
    const house = await it.organization();
    const { body } = await ask(house);
    expect(`${name} ${body?.type}`).toBe(`${name} urn:satchel:problem:${name.split(" ")[2]}`);
    const events = await refusedIn(house.id);
    const event = events.at(-1);
    expect(event).toMatchObject({ action, whence: expect.any(String) });
    // In the name of whoever is signed in, by their session; and else in nobody's.
    expect([event?.actor === null, event?.session]).toEqual(
      event?.actor === null ? [true, null] : [false, expect.any(String)],
    );
  },
);

test("a set-up code that is wrong is in the audit of the system [row 113]", async () => {
  const closed = await domain({ config: { signUp: "code" } });
  try {
    const founding = given({
      request: async (method, path, sent) =>
        closed.request(method, path, {
          ...sent,
          body: { ...(sent?.body as object), setupCode: "7K2QD-9XJ4M-VR0TA-38HNE" },
        }),
    });
    await expect(founding.organization()).rejects.toThrow("setup_code_refused");
    const events = await closed.database.admin<{ action: string }>(
      "select action from app.audit_event where organization_id = $1 and outcome = 'refused'",
      [SYSTEM_CHAIN],
    );
    expect(events).toEqual([{ action: "setup_code.refused" }]);
  } finally {
    await closed.close();
  }
});

/** Asks each in turn, in houses of their own: of one person not more than sixty refusals at once are recorded. */
async function askAll(
  operations: readonly Described[],
  slug: string,
  letIn: (house: GivenOrganization) => Promise<string>,
): Promise<void> {
  expect(operations.length).toBeGreaterThan(5);
  for (let at = 0; at < operations.length; at += 40) {
    const house = await it.organization();
    const token = await letIn(house);
    const some = operations.slice(at, at + 40);
    for (const { method, path, headers, body } of some) {
      const sent = { token, headers, ...(method === "GET" || body === undefined ? {} : { body }) };
      const answer = await request(method, path.replace(":id", Bun.randomUUIDv7()), sent);
      expect([path, answer.body?.type]).toEqual([path, `urn:satchel:problem:${slug}`]);
    }
    const events = await refusedIn(house.id);
    expect(events.map(({ target }) => target)).toEqual(some.map(({ operation }) => operation));
    for (const { action, actor, session, key, refusal, whence } of events) {
      expect([action, refusal, actor, whence]).toEqual([
        "access.refused",
        slug,
        expect.any(String),
        expect.any(String),
      ]);
      expect((session === null) !== (key === null)).toBe(true);
    }
  }
}
const members = described.filter(({ access }) => access !== "public");

test("whatever a student may not do is refused and in the audit, by its operation [row 113]", async () => {
  const closed = members.filter(({ access }) => access !== "public" && access.rights.student === "no");
  await askAll(closed, "forbidden", async (house) => (await it.member(house)).token);
});

test("whatever needs a fresh proof is refused without one and in the audit [row 113]", async () => {
  const fresh = members.filter(({ access }) => access !== "public" && access.fresh);
  await askAll(fresh, "reauthentication_required", async ({ id, token }) => {
    await admin(
      "update app.session set authenticated_at = now() - interval '10 minutes' where organization_id = $1",
      [id],
    );
    return token;
  });
});

test("whatever an API key was not made for is refused and in the audit, with the key [row 113]", async () => {
  const others = members.filter(({ access }) => access !== "public" && access.scope !== "organization:read");
  await askAll(others, "api_key_not_allowed", async ({ token }) => {
    const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
    const body = { name: "Key", scopes: ["organization:read"], expiresAt };
    return (await request<{ token: string }>("POST", "/v1/api-keys", { token, body })).body.token;
  });
});

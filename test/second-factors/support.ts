/** What the tests of second factors share: an authenticator app, and people who have one. */
import { hotp, stepAt } from "../../src/totp.ts";
import type { Received } from "../support/app.ts";
import type { Domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** What an app makes of a secret that was typed. */
function decoded(secret: string): Uint8Array {
  const bits = Array.from(secret, (letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

/** What the app shows, now or so many steps later. */
export const codeOf = (secret: string, later = 0): string =>
  hotp(decoded(secret), stepAt(Date.now()) + later);

/** A code of six digits that the app shows neither now nor in the neighbouring steps. */
export function wrongCodeOf(secret: string): string {
  const near = [-2, -1, 0, 1, 2].map((later) => codeOf(secret, later));
  for (let n = 0; ; n++) {
    const code = String(n).padStart(6, "0");
    if (!near.includes(code)) return code;
  }
}

export interface Enrolled {
  readonly user: GivenUser;
  readonly token: string;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
}

export interface Problem {
  readonly type: string;
}

export interface SignedIn extends Problem {
  readonly token: string;
  readonly expiresAt: string;
  readonly deviceToken: string;
  readonly refreshToken?: string;
  readonly challenge: string;
  readonly user: Readonly<Record<string, unknown>>;
}

export function factors({ request, it, database }: Pick<Domain, "request" | "it" | "database">) {
  const support = {
    /** Sets a second factor up for whoever has this token. */
    enrol: async (token: string) => {
      const begun = await request<{ secret: string; uri: string }>("POST", "/v1/me/second-factor", { token });
      if (begun.status !== 201) throw new Error(JSON.stringify(begun.body));
      const { secret } = begun.body;
      const confirmed = await request<{ recoveryCodes: readonly string[] }>(
        "POST",
        "/v1/me/second-factor/confirmation",
        { token, body: { code: codeOf(secret) } },
      );
      if (confirmed.status !== 200) throw new Error(JSON.stringify(confirmed.body));
      return { secret, uri: begun.body.uri, recoveryCodes: confirmed.body.recoveryCodes };
    },
    /** A person with a second factor, whose app shows a code that was not used. */
    person: async (
      organization: GivenOrganization,
      role: GivenUser["role"] = "teacher",
    ): Promise<Enrolled> => {
      const { user, token } = await it.member(organization, role);
      const { secret, recoveryCodes } = await support.enrol(token);
      await support.forgetCode(user);
      return { user, token, secret, recoveryCodes };
    },
    /** As if the last code had been used long ago: a test does not wait for the next one. */
    forgetCode: (user: Pick<GivenUser, "id">) =>
      database.admin("update app.second_factor set last_step = 0 where user_id = $1", [user.id]),
    /** The first step: the password. Gives the challenge. */
    challenge: async (
      { slug }: Pick<GivenOrganization, "slug">,
      { username, password }: GivenUser,
      more: Readonly<Record<string, unknown>> = {},
    ): Promise<string> => {
      const { status, body } = await request<SignedIn>("POST", "/v1/sessions", {
        body: { organization: slug, login: username, password, ...more },
      });
      if (status !== 202) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body.challenge;
    },
    /** The second step. */
    prove: (
      challenge: string,
      proof: Readonly<Record<string, unknown>>,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Received<SignedIn>> =>
      request("POST", "/v1/sessions/second-factor", { body: { challenge, ...proof }, headers }),
    /** Makes people of a role have one. */
    require: async ({ token }: GivenOrganization, role: GivenUser["role"], required = true) => {
      const answer = await request("PATCH", "/v1/organization", {
        token,
        headers: { "if-match": "*" },
        body: { settings: { [`${role}SecondFactorRequired`]: required } },
      });
      if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    },
  };
  return support;
}

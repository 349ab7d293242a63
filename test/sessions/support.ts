/** What the tests of signing in share. */
import type { Passwords } from "../../src/passwords.ts";
import type { Received } from "../support/app.ts";
import type { Domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

export interface SignedInBody {
  readonly token: string;
  readonly deviceToken: string;
  readonly expiresAt: string;
  readonly idleExpiresAt: string | null;
  readonly user: Readonly<Record<string, unknown>>;
  readonly type?: string;
}

export interface SignIn {
  readonly login?: string;
  readonly password?: string;
  readonly organization?: string;
  readonly deviceToken?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Tries to sign a person in, with something other than the truth where it is given. */
export const trySignIn =
  ({ request }: Pick<Domain, "request">) =>
  (
    { slug }: Pick<GivenOrganization, "slug">,
    user: Pick<GivenUser, "username" | "password">,
    { headers = {}, ...other }: SignIn = {},
  ): Promise<Received<SignedInBody>> =>
    request<SignedInBody>("POST", "/v1/sessions", {
      headers,
      body: { organization: slug, login: user.username, password: user.password, ...other },
    });

export interface Watched {
  /** How often a password was really looked at. */
  count: number;
  /** Waits after each verification, so that something can happen in between. */
  after: (() => Promise<void>) | null;
}

/** Counts verifications, and can hold one up. */
export function watchVerifications({ deps }: Pick<Domain, "deps">): Watched {
  const watched: Watched = { count: 0, after: null };
  const { verify } = deps.passwords;
  Object.assign(deps.passwords, {
    verify: async (...call: Parameters<Passwords["verify"]>) => {
      watched.count += 1;
      const hold = watched.after;
      const verdict = await verify(...call);
      await hold?.();
      return verdict;
    },
  });
  return watched;
}

/** Something to wait for, and its end. */
export function signal(): { readonly wait: Promise<void>; readonly give: () => void } {
  let give = () => {};
  const wait = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { wait, give };
}

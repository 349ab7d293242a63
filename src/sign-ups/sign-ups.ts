/**
 * People who make an account for themselves, where their organization lets them: with a code from an admin, or, where it
 * is open to anybody, as a student who waits until an address is confirmed.
 *
 * An address belongs to nobody until its mailbox has said so: it is written to the account by the link that was mailed to
 * it. So nobody can take another's address, and an address that somebody has already makes no difference that could be
 * seen from outside: the account is made all the same, and the mail goes to whoever has the address.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Around } from "../actor.ts";
import { audit, auditIn } from "../audit/audit.ts";
import { newCode, normalizeCode } from "../codes.ts";
import { changed, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { requestErasureIn } from "../erasures/erasures.ts";
import { notFound, Refusal, refusal } from "../errors.ts";
import { LINK_MINUTES, sendSignUpLinkIn } from "../links/links.ts";
import { networkOf } from "../network.ts";
import { requirePeopleQuotaIn } from "../quotas/quotas.ts";
import { findOrganization } from "../sessions/sessions.ts";
import { passwordMinimum, signUpAllows } from "../settings.ts";
import { insertUserIn, passwordRulesIn, prepareUser, usernameTaken } from "../users/users.ts";
import type { CodeRole, SignUpCode } from "./repository.ts";
import * as rows from "./repository.ts";

export { invalidTimeZone, quotaPeopleReached, usernameTaken } from "../users/users.ts";
export { CODE_ROLES, type CodeRole, type SignUpCode } from "./repository.ts";

/** One answer for an organization that is not there, not active, or closed to this way of signing up. */
export const signUpRefused = refusal(
  "forbidden",
  "sign_up_refused",
  "There is no such organization, or it lets nobody sign up in this way",
);
/** One answer for a code that is unknown, used up, expired, revoked or another organization's. */
export const signUpCodeRefused = refusal(
  "forbidden",
  "sign_up_code_refused",
  "The code is wrong, used up or has expired",
);
export const emailNeeded = refusal(
  "invalid",
  "sign_up_email_needed",
  "Without a code an e-mail address is needed, to be confirmed",
);
export const tooManySignUps = refusal(
  "too_many",
  "too_many_sign_ups",
  "Too many people have tried to sign up within the hour",
);

export interface SignUpInput {
  /** The organization's slug. */
  readonly organization: string;
  readonly username: string;
  readonly fullName: string;
  readonly email?: string;
  readonly password: string;
  readonly code?: string;
  readonly timeZone?: string;
  readonly language?: string;
}

/**
 * Attempts without a good code from one network in an hour. Enough for a school's one address when a class mistypes; a
 * code has a hundred bits, so that guessing at it needs no lock, and who has a good one is not counted.
 */
export const ATTEMPTS_PER_HOUR = 60;
/**
 * From all networks together: an attacker has many. Each attempt costs a hash and, until it is confirmed or three days
 * are over, a place. What a network tries beyond its own bound does not count here, so that nobody uses it up alone.
 */
export const ATTEMPTS_PER_ORGANIZATION = 600;

/** What strangers bring about, and an organization's admins should see. */
const TELLING: ReadonlySet<string> = new Set(
  [signUpRefused, signUpCodeRefused, tooManySignUps, usernameTaken].map(({ slug }) => slug),
);

/**
 * Makes an account. With a good code it has the code's role and may sign in at once; without one, where the organization
 * is open, it is a student's, and waits. An address is mailed a link that takes it into use. Refuses with
 * `sign_up_refused`, `sign_up_email_needed`, `sign_up_code_refused`, `too_many_sign_ups`, `username_taken`,
 * `quota_people_reached`, `password_refused`, `passwords_busy`, `invalid_time_zone`; never for an address somebody has.
 */
export async function signUp(deps: Deps, input: SignUpInput, origin: Origin, around?: Around): Promise<void> {
  const organization = await findOrganization(deps, input.organization);
  if (organization === null) throw signUpRefused();
  const { organizationId, status } = organization;
  try {
    if (status !== "active") throw signUpRefused();
    await signUpTo(deps, organizationId, input, origin, around);
  } catch (error) {
    if (error instanceof Refusal && TELLING.has(error.slug)) {
      await audit(
        deps,
        { organizationId, userId: null },
        { action: "sign_up.refused", outcome: "refused", details: { reason: error.slug }, origin },
      );
    }
    throw error;
  }
}

async function signUpTo(
  deps: Deps,
  organizationId: string,
  { organization: _, code, email, ...person }: SignUpInput,
  origin: Origin,
  around: Around | undefined,
): Promise<void> {
  const nobody = { organizationId, userId: null };
  const hashes = code === undefined ? null : deps.keys.macs("sign-up-code", normalizeCode(code));
  const [rules, good] = await readTenant(deps.db, nobody, (tx) =>
    Promise.all([
      passwordRulesIn(tx, organizationId),
      hashes === null ? null : rows.findGoodCode(tx, organizationId, hashes),
    ]),
  );
  if (!signUpAllows(rules, hashes === null ? "open" : "code")) throw signUpRefused();
  if (hashes === null && email === undefined) {
    throw emailNeeded({ errors: [{ pointer: "#/email", detail: "is required without a code" }] });
  }
  if (good === null) await countAttempt(deps, organizationId, origin);
  if (hashes !== null && good === null) throw signUpCodeRefused();
  // Before a password is hashed for somebody for whom there is no place.
  await readTenant(deps.db, nobody, (tx) => requirePeopleQuotaIn(tx, organizationId, 1));
  const role = good?.role ?? "student";
  const prepared = await prepareUser(
    deps,
    { ...person, role, status: good === null ? "pending" : "active" },
    {
      pointer: "#",
      minimum: passwordMinimum(rules, role),
      names: [...rules.names, ...(email === undefined ? [] : [email])],
    },
  );
  const tenant = { ...nobody, ...(around === undefined ? {} : { around }) };
  await withTenant(deps.db, tenant, async (tx) => {
    const used = hashes === null ? null : await rows.claimCode(tx, organizationId, hashes);
    // Used up since it was looked at.
    if (hashes !== null && used?.role !== role) throw signUpCodeRefused();
    const { id: userId } = await insertUserIn(tx, organizationId, prepared);
    if (used === null) await rows.insertSignUp(tx, organizationId, userId);
    if (email !== undefined) await sendSignUpLinkIn(deps, tx, organizationId, userId, email, origin);
    await auditIn(tx, organizationId, {
      action: "user.signed_up",
      outcome: "success",
      subjectId: userId,
      ...(used === null ? {} : { targetType: "sign_up_code", targetId: used.signUpCodeId }),
      details: { role },
      origin,
    });
  });
}

/** Counts before anything else is done, so that the limit holds however many come at once. */
async function countAttempt(deps: Deps, organizationId: string, { address }: Origin): Promise<void> {
  const bounds = [
    [networkOf(address), ATTEMPTS_PER_HOUR],
    ["", ATTEMPTS_PER_ORGANIZATION],
  ] as const;
  for (const [network, allowed] of bounds) {
    const key = deps.keys.mac("sign-up-network", organizationId, network);
    const { attempts, secondsLeft } = await withTenant(deps.db, { organizationId, userId: null }, (tx) =>
      rows.countAttempt(tx, organizationId, key),
    );
    if (attempts > allowed) throw tooManySignUps({ retryAfter: secondsLeft });
  }
}

/** Makes a code of 100 random bits, which is told this once: only its keyed hash is kept. For admins. */
export async function createSignUpCode(
  deps: Deps,
  actor: Actor,
  input: { readonly role: CodeRole; readonly uses: number; readonly expiresInDays?: number },
): Promise<SignUpCode & { readonly code: string }> {
  const { organizationId } = actor;
  const code = newCode(20, 5);
  const created = await withTenant(deps.db, actor, async (tx) => {
    const stored = await rows.insertCode(tx, organizationId, {
      codeHash: deps.keys.mac("sign-up-code", normalizeCode(code)),
      role: input.role,
      usesAllowed: input.uses,
      days: input.expiresInDays ?? 7,
    });
    await auditIn(tx, organizationId, {
      action: "sign_up_code.created",
      outcome: "success",
      targetType: "sign_up_code",
      targetId: stored.id,
      details: { role: stored.role, usesAllowed: stored.usesAllowed },
    });
    return { ...stored, code };
  });
  return created;
}

/** The organization's codes, newest first, one more than `limit` when there are more. For admins. */
export async function listSignUpCodes(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly SignUpCode[]> {
  return readTenant(deps.db, actor, (tx) => rows.listCodes(tx, actor.organizationId, beforeId, limit + 1));
}

/** Ends a code; who has used it keeps their account. Refuses with `not_found`. For admins. */
export async function revokeSignUpCode(deps: Deps, actor: Actor, codeId: string): Promise<void> {
  const { organizationId } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    if (!(await rows.revokeCode(tx, organizationId, codeId))) throw notFound();
    await auditIn(tx, organizationId, {
      action: "sign_up_code.revoked",
      outcome: "success",
      targetType: "sign_up_code",
      targetId: codeId,
    });
  });
}

/** Accounts of one transaction: it holds the organization's count of people, and nobody is to wait for that. */
const TOGETHER = 50;

/**
 * Removes accounts, at most `limit`, that were made without a code and whose link has run out unused: they hold neither a
 * username nor a place any more, and nothing is kept of strangers. If somebody did come in with one, since an admin had
 * let them, something may have come of it: that one is erased like anybody. Removes counts of attempts that count no
 * more. Gives how many rows it was.
 */
export async function pruneSignUps(
  deps: Pick<Deps, "db" | "queue">,
  organizationId: string,
  limit: number,
): Promise<number> {
  const nobody = { organizationId, userId: null };
  const minutes = LINK_MINUTES.verification;
  const inBatches = async (batch: (tx: TenantTx, most: number) => Promise<number>, most: number) => {
    let count = 0;
    let last: number;
    do {
      last = await withTenant(deps.db, nobody, (tx) => batch(tx, Math.min(TOGETHER, most - count)));
      count += last;
    } while (last === TOGETHER && count < most);
    return count;
  };
  const discarded = await inBatches(async (tx, most) => {
    const subjectIds = await rows.discardUnconfirmed(tx, minutes, most);
    if (subjectIds.length === 0) return 0;
    changed(tx, "users");
    await auditIn(tx, organizationId, { action: "user.discarded", outcome: "success", subjectIds });
    return subjectIds.length;
  }, limit);
  const others = await inBatches(async (tx, most) => {
    const outdated = await rows.claimOutdated(tx, organizationId, minutes, most);
    for (const { userId, unconfirmed } of outdated) {
      if (unconfirmed) await requestErasureIn(deps, tx, organizationId, userId, "unconfirmed");
    }
    return outdated.length;
  }, limit - discarded);
  const left = limit - discarded - others;
  const attempts = await withTenant(deps.db, nobody, (tx) => rows.pruneAttempts(tx, organizationId, left));
  return discarded + others + attempts;
}

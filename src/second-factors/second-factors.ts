/**
 * The second factor: a one-time password of an app that shares a secret with us (RFC 6238; NIST SP 800-63B-4 §3.1.4),
 * and ten codes for the day the app is lost (§3.1.2). Each is good for one use, also when two use it at once.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { audit, auditIn, auditRefused } from "../audit/audit.ts";
import { newCode, normalizeCode } from "../codes.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { forbidden, notFound, refusal } from "../errors.ts";
import { type Attempt, guarded } from "../guard/guard.ts";
import { sendMailIn } from "../mail/mail.ts";
import { secondFactorRequired } from "../settings.ts";
import { base32, matchingStep, newTotpSecret, otpauthUri } from "../totp.ts";
import { findUserByLogin, getUserIn, type PasswordRules, passwordRulesIn } from "../users/users.ts";
import * as rows from "./repository.ts";

export const secondFactorExists = refusal(
  "conflict",
  "second_factor_exists",
  "There is a second factor already: remove it first",
);
export const secondFactorNotPending = refusal(
  "conflict",
  "second_factor_not_pending",
  "There is no second factor that waits to be confirmed: it waits for half an hour",
);
export const secondFactorCodeRefused = refusal(
  "invalid",
  "second_factor_code_refused",
  "The code is not one that the app shows for this secret now",
);
export const secondFactorNeeded = refusal(
  "conflict",
  "second_factor_needed",
  "People of this role need a second factor: it cannot be removed",
);

const RECOVERY_CODES = 10;

export interface SecondFactor {
  readonly enabled: boolean;
  readonly confirmedAt: Date | null;
  /** How many are left. */
  readonly recoveryCodes: number;
  /** Whether people of the actor's role need one. */
  readonly required: boolean;
}

/** What the actor has. */
export async function getSecondFactor(deps: Deps, actor: Actor): Promise<SecondFactor> {
  const { organizationId, userId } = actor;
  const [factor, settings] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([rows.find(tx, organizationId, userId), passwordRulesIn(tx, organizationId)]),
  );
  return {
    enabled: factor !== null && factor.confirmedAt !== null,
    confirmedAt: factor?.confirmedAt ?? null,
    recoveryCodes: factor?.recoveryCodes ?? 0,
    required: secondFactorRequired(settings, actor.role),
  };
}

export interface Enrolment {
  /** Base 32, to be typed. */
  readonly secret: string;
  /** The same for a QR code. */
  readonly uri: string;
}

/**
 * Gives the actor a secret for their app, in place of one that was not confirmed. It counts for nothing until
 * `confirmSecondFactor`. Refuses with `second_factor_exists`.
 */
export async function enrolSecondFactor(deps: Deps, actor: Actor): Promise<Enrolment> {
  const { organizationId, userId } = actor;
  const secret = newTotpSecret();
  const sealed = deps.keys.seal("second-factor", contextOf(organizationId, userId), secret);
  return withTenant(deps.db, actor, async (tx) => {
    const { names } = await passwordRulesIn(tx, organizationId);
    const { username } = await getUserIn(tx, organizationId, userId);
    if (!(await rows.upsertPending(tx, organizationId, userId, sealed))) throw secondFactorExists();
    const [issuer = "Satchel"] = names;
    return { secret: base32(secret), uri: otpauthUri(secret, { issuer, account: username }) };
  });
}

/**
 * Puts the actor's second factor into force: the code shows that the app has the secret. Gives the recovery codes, which
 * nobody can read again. From then on a proof that was given without it counts for nothing. Refuses with
 * `second_factor_not_pending`, `second_factor_code_refused`.
 */
export async function confirmSecondFactor(
  deps: Deps,
  actor: Actor,
  code: string,
  origin: Origin,
): Promise<readonly string[]> {
  const { organizationId, userId, sessionId } = actor;
  if (sessionId === null) throw forbidden();
  const refused = {
    action: "second_factor.enrolled",
    subjectId: userId,
    details: { reason: "code" },
    origin,
  } as const;
  const confirm = () =>
    withTenant(deps.db, actor, async (tx) => {
      const factor = await rows.find(tx, organizationId, userId);
      if (factor === null || factor.confirmedAt !== null || factor.stale) throw secondFactorNotPending();
      const secret = open(deps, organizationId, userId, factor);
      const step = secret === null ? null : matchingStep(secret, code, factor.readAt.getTime());
      if (step === null) throw secondFactorCodeRefused();
      const proved = { secret: factor.secret, step, sessionId };
      if (!(await rows.confirm(tx, organizationId, userId, proved))) throw secondFactorNotPending();
      const codes = await newRecoveryCodesIn(deps, tx, organizationId, userId);
      await tellIn(deps, tx, organizationId, userId, "on");
      await auditIn(tx, organizationId, {
        action: "second_factor.enrolled",
        outcome: "success",
        subjectId: userId,
      });
      return codes;
    });
  return auditRefused(deps, actor, [secondFactorCodeRefused], () => refused, confirm);
}

/** Gives the actor new recovery codes; the old ones are void. Refuses with `not_found` who has no second factor. */
export async function renewRecoveryCodes(deps: Deps, actor: Actor): Promise<readonly string[]> {
  const { organizationId, userId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const factor = await rows.find(tx, organizationId, userId);
    if (factor === null || factor.confirmedAt === null) throw notFound();
    const codes = await newRecoveryCodesIn(deps, tx, organizationId, userId);
    await tellIn(deps, tx, organizationId, userId, "recovery_codes");
    await auditIn(tx, organizationId, {
      action: "second_factor.recovery_codes_renewed",
      outcome: "success",
      subjectId: userId,
    });
    return codes;
  });
}

/** Takes the actor's own away. Refuses with `not_found`, and with `second_factor_needed` where the role needs one. */
export async function removeSecondFactor(deps: Deps, actor: Actor): Promise<void> {
  const { organizationId, userId, role } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    const settings = await passwordRulesIn(tx, organizationId);
    const removed = await rows.remove(tx, organizationId, userId);
    if (removed === null) throw notFound();
    // One that was never confirmed may go: it stood for nothing.
    if (removed.confirmedAt === null) return;
    if (secondFactorRequired(settings, role)) throw secondFactorNeeded();
    await tellIn(deps, tx, organizationId, userId, "off");
    await auditIn(tx, organizationId, {
      action: "second_factor.removed",
      outcome: "success",
      subjectId: userId,
    });
  });
}

/**
 * Takes another person's away who has lost app and codes, and tells them. For admins. Where their role needs one they
 * can do nothing but set up another. Refuses with `not_found`.
 */
export async function resetSecondFactor(deps: Deps, actor: Actor, userId: string): Promise<void> {
  const { organizationId } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    if (!(await resetIn(deps, tx, organizationId, userId))) throw notFound();
  });
}

/**
 * The same for the operator, who is asked when nobody else is an admin. `login`: e-mail address or username. Whether there
 * was one.
 */
export async function resetSecondFactorOf(
  deps: Deps,
  organizationId: string,
  login: string,
): Promise<boolean> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const user = await findUserByLogin(tx, organizationId, login);
    return user !== null && (await resetIn(deps, tx, organizationId, user.id));
  });
}

async function resetIn(deps: Deps, tx: TenantTx, organizationId: string, userId: string): Promise<boolean> {
  if ((await rows.remove(tx, organizationId, userId)) === null) return false;
  await tellIn(deps, tx, organizationId, userId, "off");
  await auditIn(tx, organizationId, {
    action: "second_factor.reset",
    outcome: "success",
    subjectId: userId,
  });
  return true;
}

/** What somebody shows of their second factor. */
export interface Proof {
  readonly code?: string;
  readonly recoveryCode?: string;
}

/** A proof that was right, to be used up in the transaction of what it allows. */
export type Proven = { readonly step: number } | { readonly codeHashes: readonly Uint8Array[] };

/** Whether a person has a second factor that is in force. Inside a transaction. */
export async function hasSecondFactorIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
): Promise<boolean> {
  const factor = await rows.find(tx, organizationId, userId);
  return factor !== null && factor.confirmedAt !== null;
}

/**
 * Whether the proof is right, asked through the guard. Null when it is wrong, used, or tried too often. It is used up by
 * `useProofIn` only, so that nothing is lost when what it was for does not come about.
 */
export async function proveSecondFactor(
  deps: Deps,
  attempt: Omit<Attempt, "door" | "userId" | "login"> & { readonly userId: string },
  settings: PasswordRules,
  { code, recoveryCode }: Proof,
): Promise<Proven | null> {
  const { organizationId, userId } = attempt;
  const nobody = { organizationId, userId: null };
  const looked = await guarded<{ readonly matches: boolean; readonly proven: Proven | null }>(
    deps,
    { ...attempt, door: code === undefined ? "recovery_code" : "second_factor", login: "" },
    settings,
    () =>
      readTenant(deps.db, nobody, async (tx) => {
        const proven =
          code === undefined
            ? await findRecoveryCodeIn(deps, tx, organizationId, userId, recoveryCode ?? "")
            : await findStepIn(deps, tx, organizationId, userId, code);
        return { matches: proven !== null, proven };
      }),
  );
  const proven = looked?.proven ?? null;
  if (proven === null) {
    const { origin } = attempt;
    const details = { reason: looked === null ? "locked" : "code" };
    const event = { action: "second_factor.refused", subjectId: userId, details, origin } as const;
    await audit(deps, nobody, { ...event, outcome: "refused" });
  }
  return proven;
}

/** Uses a proof up. Whether it was still to be had: of two that come at once one is. Inside a transaction. */
export async function useProofIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  proven: Proven,
  origin: Origin,
): Promise<boolean> {
  if ("step" in proven) return rows.useStep(tx, organizationId, userId, proven.step);
  if (!(await rows.useRecoveryCode(tx, organizationId, userId, proven.codeHashes))) return false;
  const action = "second_factor.recovery_code_used";
  await auditIn(tx, organizationId, { action, outcome: "success", subjectId: userId, origin });
  return true;
}

async function findStepIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  code: string,
): Promise<Proven | null> {
  const factor = await rows.find(tx, organizationId, userId);
  if (factor === null || factor.confirmedAt === null) return null;
  const secret = open(deps, organizationId, userId, factor);
  const step = secret === null ? null : matchingStep(secret, code, factor.readAt.getTime());
  return step === null || step <= factor.lastStep ? null : { step };
}

async function findRecoveryCodeIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  recoveryCode: string,
): Promise<Proven | null> {
  const code = normalizeCode(recoveryCode);
  const codeHashes = deps.keys.macs("recovery-code", organizationId, userId, code);
  return (await rows.hasRecoveryCode(tx, organizationId, userId, codeHashes)) ? { codeHashes } : null;
}

async function newRecoveryCodesIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
): Promise<readonly string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => newCode(16, 4));
  const hashes = codes.map((code) =>
    deps.keys.mac("recovery-code", organizationId, userId, normalizeCode(code)),
  );
  await rows.replaceRecoveryCodes(tx, organizationId, userId, hashes);
  return codes;
}

const tellIn = (
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  change: "on" | "off" | "recovery_codes",
) => sendMailIn(deps, tx, organizationId, { userId, template: "second_factor_changed", values: { change } });

/** What a secret is sealed for: moved to another person's row it opens no more. */
const contextOf = (organizationId: string, userId: string) => `${organizationId} ${userId}`;

/** Null when it was sealed under a secret that is no longer configured. */
const open = (
  deps: Pick<Deps, "keys">,
  organizationId: string,
  userId: string,
  { secret }: rows.StoredFactor,
): Uint8Array | null => deps.keys.unseal("second-factor", contextOf(organizationId, userId), secret);

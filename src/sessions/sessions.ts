/**
 * Signing in, staying signed in, signing out. How often somebody may try is the guard's to say (src/guard), what the
 * second factor is that of src/second-factors.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Around, Role } from "../actor.ts";
import { audit, auditIn, auditRefused, recordDisclosure } from "../audit/audit.ts";
import { readTenant, type Tenant, withSystem, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import {
  addressOf,
  type Device,
  deviceType,
  type Origin,
  readDevice,
  rememberOn,
  softwareOf,
} from "../devices.ts";
import { forbidden, notFound, Refusal, type RefusalType, refusal } from "../errors.ts";
import { type Attempt, guarded, onKnownDevice } from "../guard/guard.ts";
import { type MailTemplate, sendMailIn } from "../mail/mail.ts";
import { networkOf } from "../network.ts";
import { checkPassword } from "../passwords.ts";
import { FRESH_SECONDS } from "../permissions.ts";
import {
  hasSecondFactorIn,
  type Proof,
  type Proven,
  proveSecondFactor,
  useProofIn,
} from "../second-factors/second-factors.ts";
import {
  longLivedSession,
  passwordMinimum,
  readSettings,
  secondFactorRequired,
  sessionLifetime,
} from "../settings.ts";
import { newToken, organizationOf } from "../tokens.ts";
import {
  getUserIn,
  lockActiveUserIn,
  type PasswordRules,
  passwordRulesIn,
  rehashPasswordIn,
  replacePasswordIn,
  type User,
} from "../users/users.ts";
import type { Session } from "./repository.ts";
import * as rows from "./repository.ts";

export type { Session } from "./repository.ts";

/** One answer for unknown, wrong, locked, suspended and deleted: nobody outside can tell which (OWASP ASVS 5.0 V6.3.8). */
export const signInRefused = refusal(
  "unauthenticated",
  "sign_in_refused",
  "The organization, the login or the password is wrong, or the login is closed for now",
);
export const currentPasswordRefused = refusal(
  "forbidden",
  "current_password_refused",
  "The current password is wrong, or was tried too often",
);

/** One answer for a challenge that is wrong, used or expired, and for a code that is wrong, used or tried too often. */
export const secondFactorRefused = refusal(
  "unauthenticated",
  "second_factor_refused",
  "The challenge or the code is wrong, was used, has expired, or was tried too often",
);
export const proofMissing = refusal("invalid", "proof_missing", "Give one proof of who you are");
export const reauthenticationRefused = refusal(
  "forbidden",
  "reauthentication_refused",
  "The password or the code is wrong, or was tried too often",
);
export const longLivedRefused = refusal(
  "forbidden",
  "long_lived_refused",
  "The organization has no sessions with refresh tokens",
);
/** One answer for a refresh token that is wrong or used, and for one whose session has ended or expired. */
export const refreshRefused = refusal(
  "unauthenticated",
  "refresh_refused",
  "The refresh token is wrong, was used, or its session is over: sign in again",
);
export const refreshedAlready = refusal(
  "conflict",
  "refreshed_already",
  "Another request has used this refresh token a moment ago: use the tokens that one was given",
);

export interface OpenedSession {
  readonly token: string;
  /** Until when the token is good. */
  readonly expiresAt: Date;
  /** Known again by this token, the device has a guard bucket of its own. */
  readonly deviceToken: string;
}

/** A session goes on by this token. */
export interface Renewed {
  readonly token: string;
  /** Until when the token is good. */
  readonly expiresAt: Date;
  /** Unused, the session ends then; null: it may rest. */
  readonly idleExpiresAt: Date | null;
}

export interface SignedIn extends OpenedSession, Renewed {
  /** Of a long-lived session: renews it, once. */
  readonly refreshToken: string | null;
  readonly user: User;
}

/** The password was right, and a second factor is to be proved. The same for everybody who has one. */
export interface Challenge {
  readonly challenge: string;
  readonly expiresAt: Date;
}

export interface SignInInput {
  /** The organization's slug. */
  readonly organization: string;
  /** E-mail address or username, in any case. */
  readonly login: string;
  readonly password: string;
  /** For a client that keeps its tokens safe and stays signed in, such as an app: with a refresh token. */
  readonly longLived?: boolean;
}

/** How long after the password the second factor may be proved. */
const CHALLENGE_MINUTES = 5;
/** How long the token of a long-lived session is good; what is stolen with it is not good for longer. */
const TOKEN_MINUTES = 15;
/** Refreshes further apart than this cannot have been under way together: no request takes longer. */
const REFRESH_GRACE_SECONDS = 10;

/** The organization of a slug, or null. */
export async function findOrganization(deps: Pick<Deps, "db">, slug: string) {
  return withSystem(deps.db, (tx) => rows.findOrganization(tx, slug), { readOnly: true });
}

/**
 * Signs a person in, or gives a challenge where they have a second factor. Refuses with `sign_in_refused` whatever the
 * reason, `passwords_busy` and `sign_in_line_full` when more people try than the machine can serve, and
 * `long_lived_refused`.
 */
export async function signIn(
  deps: Deps,
  input: SignInInput,
  origin: Origin,
  around?: Around,
): Promise<SignedIn | Challenge> {
  const began = performance.now();
  const login = input.login.normalize("NFKC").trim().toLowerCase();
  const device = readDevice(deps.keys, origin.deviceToken);
  // Known devices have a line of their own, but whether one knows the person is not known yet.
  if (device === null) deps.passwords.requireRoom(networkOf(origin.address));
  // One line per login, so that a storm on one person leaves the connections to the others; and a line of its own for
  // each device that has been here before, so that it leaves the person a way in.
  const line = JSON.stringify([input.organization, login, device?.id ?? null]);
  const person = await deps.gate.run(line, () => verifyPassword(deps, input, login, device, origin));
  if (person === null) {
    // Not inside the line: pretending to work must not keep others waiting.
    await deps.passwords.settle(performance.now() - began, false);
    throw signInRefused();
  }
  if (person.kind === "refused") {
    const { organizationId, userId: subjectId, reason } = person;
    const nobody = { organizationId, userId: null };
    const details = { reason };
    await audit(deps, nobody, { action: "session.refused", outcome: "refused", subjectId, details, origin });
    await deps.passwords.settle(performance.now() - began, person.looked);
    throw signInRefused();
  }
  const { organizationId, userId, verifiedHash, rehashed, signedInBefore } = person;
  const longLived = input.longLived ?? false;
  const tenant = { organizationId, userId, ...(around === undefined ? {} : { around }) };
  return opening(deps, tenant, origin, signInRefused, async (tx): Promise<SignedIn | Challenge | null> => {
    // Between the verification and now the person may have been shown the door, or the password replaced. Both rows are
    // held from here on: whoever does so next also ends the session that is about to be opened.
    if (!(await lockActiveUserIn(tx, organizationId, userId))) throw signInRefused();
    let passwordHash = verifiedHash;
    if (rehashed !== null) {
      if (!(await rehashPasswordIn(tx, organizationId, userId, verifiedHash, rehashed)))
        throw signInRefused();
      passwordHash = rehashed.hash;
    }
    if (await hasSecondFactorIn(tx, organizationId, userId)) {
      return challengeIn(deps, tx, organizationId, { userId, verifiedHash: passwordHash, longLived });
    }
    if (!(await rows.recordLogin(tx, organizationId, userId, passwordHash, addressOf(origin)))) {
      throw signInRefused();
    }
    return admitIn(deps, tx, organizationId, userId, origin, { longLived, signedInBefore });
  });
}

/**
 * Runs the transaction that opens a session, and records when it refuses after all: something has changed since the secret
 * was looked at. `refused` says so, and that the organization lets nobody in any more (null).
 */
async function opening<T>(
  deps: Deps,
  tenant: Tenant & { readonly userId: string },
  origin: Origin,
  refused: RefusalType,
  run: (tx: TenantTx) => Promise<T | null>,
): Promise<T> {
  const { organizationId, userId: subjectId } = tenant;
  const event = (slug: string) => {
    const reason = slug === longLivedRefused.slug ? "long_lived" : "overtaken";
    return { action: "session.refused", subjectId, details: { reason }, origin } as const;
  };
  const nobody = { organizationId, userId: null };
  return auditRefused(deps, nobody, [refused, longLivedRefused], event, () =>
    withTenant(deps.db, tenant, async (tx) => {
      const opened = await run(tx);
      if (opened === null) throw refused();
      return opened;
    }),
  );
}

/** What a person of a second factor gets for the right password. */
async function challengeIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  person: { readonly userId: string; readonly verifiedHash: string; readonly longLived: boolean },
): Promise<Challenge> {
  const challenge = newToken("challenge", organizationId);
  const tokenHash = deps.keys.mac("challenge", challenge);
  const minutes = CHALLENGE_MINUTES;
  const expiresAt = await rows.insertChallenge(tx, organizationId, { ...person, tokenHash, minutes });
  if (expiresAt === null) throw signInRefused();
  return { challenge, expiresAt };
}

export interface SecondStepInput extends Proof {
  readonly challenge: string;
}

/**
 * Signs a person in who has proved their password, with their second factor. Refuses with `second_factor_refused`
 * whatever the reason, `proof_missing`, `long_lived_refused`, `sign_in_line_full`.
 */
export async function signInWithSecondFactor(
  deps: Deps,
  input: SecondStepInput,
  origin: Origin,
  around?: Around,
): Promise<SignedIn> {
  if ((input.code === undefined) === (input.recoveryCode === undefined)) {
    throw proofMissing({ detail: "Either a code or a recovery code." });
  }
  const organizationId = organizationOf("challenge", input.challenge);
  if (organizationId === null) throw secondFactorRefused();
  if (around !== undefined) await replayed(deps, organizationId, around);
  const hashes = deps.keys.macs("challenge", input.challenge);
  const nobody = { organizationId, userId: null };
  const [challenged, settings] = await readTenant(deps.db, nobody, (tx) =>
    Promise.all([rows.findChallenged(tx, organizationId, hashes), passwordRulesIn(tx, organizationId)]),
  );
  if (challenged === null) throw secondFactorRefused();
  const { userId } = challenged;
  if (userId === null) {
    const details = { reason: "challenge" };
    await audit(deps, nobody, { action: "second_factor.refused", outcome: "refused", details, origin });
    throw secondFactorRefused();
  }
  const device = readDevice(deps.keys, origin.deviceToken);
  const line = JSON.stringify([organizationId, userId, "second factor", device?.id ?? null]);
  const proven = await deps.gate.run(line, () =>
    proveSecondFactor(deps, { organizationId, userId, device, origin }, settings, input),
  );
  if (proven === null) throw secondFactorRefused();
  const tenant = { organizationId, userId, ...(around === undefined ? {} : { around }) };
  return opening(deps, tenant, origin, secondFactorRefused, async (tx) => {
    const active = await lockActiveUserIn(tx, organizationId, userId);
    const challenge = await rows.consumeChallenge(tx, organizationId, hashes);
    const passwordHash = challenge?.passwordHash ?? null;
    if (!active || challenge === null || passwordHash === null) throw secondFactorRefused();
    if (!(await useProofIn(tx, organizationId, userId, proven, origin))) throw secondFactorRefused();
    if (!(await rows.recordLogin(tx, organizationId, userId, passwordHash, addressOf(origin)))) {
      throw secondFactorRefused();
    }
    const { longLived, lastLoginAt } = challenge;
    const signedInBefore = lastLoginAt !== null;
    return admitIn(deps, tx, organizationId, userId, origin, { longLived, signedInBefore });
  });
}

const UNSEEN = Symbol("unseen");

/** Gives a repeated request its answer before its challenge is looked at, which the first one has used up. */
async function replayed(deps: Deps, organizationId: string, around: Around): Promise<void> {
  try {
    await withTenant(deps.db, { organizationId, userId: null, around }, () => Promise.reject(UNSEEN));
  } catch (thrown) {
    if (thrown !== UNSEEN) throw thrown;
  }
}

/**
 * Opens the session of somebody who has proved enough, and tells them when it is on a device they have not used before.
 * Null when the organization lets nobody in.
 */
async function admitIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  origin: Origin,
  { longLived, signedInBefore }: { readonly longLived: boolean; readonly signedInBefore: boolean },
): Promise<SignedIn | null> {
  const user = await getUserIn(tx, organizationId, userId);
  const session = await openIn(deps, tx, organizationId, user, origin, longLived);
  if (session === null) return null;
  const device = readDevice(deps.keys, origin.deviceToken);
  if (signedInBefore && !onKnownDevice({ device, userId })) {
    await tellIn(deps, tx, organizationId, userId, "new_device", origin);
  }
  return { ...session, user };
}

/** Writes a person about something that happened on a device. */
async function tellIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  template: MailTemplate,
  origin: Origin,
): Promise<void> {
  const { browser, operatingSystem } = softwareOf(origin.userAgent);
  const address = addressOf(origin);
  const values = {
    time: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    ...(operatingSystem === null ? {} : { device: operatingSystem }),
    ...(browser === null ? {} : { browser }),
    ...(address === null ? {} : { address }),
  };
  await sendMailIn(deps, tx, organizationId, { userId, template, values });
}

/** Who signs in, or why they may not and whether the password was looked at; null when there is no such organization. */
async function verifyPassword(
  deps: Deps,
  input: SignInInput,
  login: string,
  device: Device | null,
  origin: Origin,
) {
  const organization = await findOrganization(deps, input.organization);
  if (organization === null) return null;
  const { organizationId } = organization;
  const refused = (userId: string | null, reason: string, looked: boolean) =>
    ({ kind: "refused", organizationId, userId, reason, looked }) as const;
  if (organization.status !== "active") return refused(null, "organization", false);
  const [person, settings] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    Promise.all([rows.findCredential(tx, organizationId, login), passwordRulesIn(tx, organizationId)]),
  );
  const userId = person?.userId ?? null;
  const attempt: Attempt = { organizationId, door: "password", userId, login, device, origin };
  const verified = await guarded(deps, attempt, settings, async () => {
    const verdict = await deps.passwords.verify(
      input.password,
      person?.passwordHash ?? null,
      person?.pepperKeyId ?? null,
      onKnownDevice(attempt),
      networkOf(origin.address),
    );
    // Of somebody who may not come in the right password fails like any other: to give it back would show in the time.
    return { ...verdict, matches: verdict.matches && person?.status === "active", right: verdict.matches };
  });
  if (verified === null) return refused(userId, "locked", false);
  const verifiedHash = person?.passwordHash ?? null;
  if (!verified.matches || verifiedHash === null || person === null) {
    return refused(userId, verified.right ? "status" : "password", true);
  }
  return {
    kind: "verified",
    organizationId,
    userId: person.userId,
    verifiedHash,
    rehashed: verified.outdated ? await deps.passwords.hash(input.password) : null,
    signedInBefore: person.lastLoginAt !== null,
  } as const;
}

/**
 * Opens a session for a person whose right to it was established, and ends their oldest when they have too many. Inside a
 * transaction that holds the person's row. Throws when the organization is not active: whoever made it knows that it is.
 */
export async function openSessionIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  user: Pick<User, "id" | "role">,
  origin: Origin,
): Promise<OpenedSession> {
  const opened = await openIn(deps, tx, organizationId, user, origin, false);
  if (opened === null) throw new Error("the organization lets nobody in");
  const { token, expiresAt, deviceToken } = opened;
  return { token, expiresAt, deviceToken };
}

async function openIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  user: Pick<User, "id" | "role">,
  origin: Origin,
  longLived: boolean,
): Promise<Omit<SignedIn, "user"> | null> {
  const settings = await passwordRulesIn(tx, organizationId);
  const token = newToken("session", organizationId);
  const device = rememberOn(deps.keys, readDevice(deps.keys, origin.deviceToken), user.id, today());
  const inserted = await rows.insertSession(tx, organizationId, {
    userId: user.id,
    tokenHash: deps.keys.mac("token", token),
    ip: addressOf(origin),
    userAgent: origin.userAgent?.slice(0, 512) ?? null,
    deviceType: deviceType(origin.userAgent),
    deviceId: device.id,
    ...(longLived
      ? lifetimeOfLongLived(settings, user.role)
      : { ...sessionLifetime(settings, user.role), tokenMinutes: null }),
  });
  if (inserted === null) return null;
  const { sessionId, expiresAt, tokenExpiresAt, idleExpiresAt } = inserted;
  const refreshToken = longLived ? await newRefreshTokenIn(deps, tx, organizationId, sessionId) : null;
  const ended = await rows.endExcess(tx, organizationId, user.id, sessionId, settings.sessionsPerUser);
  const about = { outcome: "success", subjectId: user.id, targetType: "session" } as const;
  for (const targetId of ended) {
    const details = { reason: "too_many" };
    await auditIn(tx, organizationId, { ...about, action: "session.ended", targetId, details });
  }
  const details = { longLived };
  await auditIn(tx, organizationId, {
    ...about,
    action: "session.opened",
    targetId: sessionId,
    details,
    origin,
  });
  return {
    token,
    expiresAt: tokenExpiresAt ?? expiresAt,
    idleExpiresAt,
    refreshToken,
    deviceToken: device.token,
  };
}

function lifetimeOfLongLived(settings: PasswordRules, role: Role) {
  const lifetime = longLivedSession(settings, role);
  if (lifetime === null) throw longLivedRefused();
  return { ...lifetime, tokenMinutes: TOKEN_MINUTES };
}

async function newRefreshTokenIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  sessionId: string,
): Promise<string> {
  const refreshToken = newToken("refresh", organizationId);
  await rows.insertRefreshToken(tx, organizationId, sessionId, deps.keys.mac("refresh", refreshToken));
  return refreshToken;
}

export interface Refreshed extends Renewed {
  readonly refreshToken: string;
}

/**
 * Renews a long-lived session: both its tokens are replaced (OAuth 2.0 Security, RFC 9700 §4.14.2). However many come
 * with one refresh token at once, one is given successors; the others are refused with `refreshed_already` for ten
 * seconds. One that comes later than that with a used token shows that the token, or its successor, was stolen: the
 * session ends for whoever holds it, and the person is told. A client that lost the answer repeats the request with the
 * same Idempotency-Key and gets it again. Refuses with `refresh_refused`, `refreshed_already`.
 */
export async function refreshSession(
  deps: Deps,
  refreshToken: string,
  origin: Origin,
  around?: Around,
): Promise<Refreshed> {
  const organizationId = organizationOf("refresh", refreshToken);
  if (organizationId === null) throw refreshRefused();
  const hashes = deps.keys.macs("refresh", refreshToken);
  const line = Buffer.from(hashes[0] ?? []).toString("base64");
  return deps.gate.run(`refresh ${line}`, async () => {
    const nobody = { organizationId, userId: null };
    const found = await readTenant(deps.db, nobody, (tx) => rows.findRefresher(tx, organizationId, hashes));
    if (found === null) throw refreshRefused();
    const { userId } = found;
    const record = async (reason: "unknown" | "ended") => {
      const event = { action: "session.refreshed", outcome: "refused", subjectId: userId } as const;
      await audit(deps, nobody, { ...event, details: { reason }, origin });
    };
    if (userId === null) {
      await record("unknown");
      throw refreshRefused();
    }
    const tenant = { organizationId, userId, ...(around === undefined ? {} : { around }) };
    try {
      return await withTenant(deps.db, tenant, async (tx) => {
        const session = await rows.useRefreshToken(tx, organizationId, hashes);
        if (session === null) throw refreshRefused();
        return renewIn(deps, tx, organizationId, session, origin);
      });
    } catch (error) {
      if (error instanceof Refusal && error.slug === refreshRefused.slug) {
        // What follows must outlast the refusal, so it has a transaction of its own.
        if (!(await endReused(deps, organizationId, hashes, origin))) await record("ended");
      }
      throw error;
    }
  });
}

async function renewIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
  origin: Origin,
): Promise<Refreshed> {
  const token = newToken("session", organizationId);
  const until = await rows.replaceToken(tx, organizationId, {
    userId,
    sessionId,
    tokenHash: deps.keys.mac("token", token),
    tokenMinutes: TOKEN_MINUTES,
    proved: false,
    ip: addressOf(origin),
  });
  if (until === null) throw refreshRefused();
  const refreshToken = await newRefreshTokenIn(deps, tx, organizationId, sessionId);
  await auditIn(tx, organizationId, {
    action: "session.refreshed",
    outcome: "success",
    subjectId: userId,
    targetType: "session",
    targetId: sessionId,
    origin,
  });
  return { token, ...until, refreshToken };
}

/**
 * Ends the session of a refresh token that comes a second time. Whether it did. Refuses with `refreshed_already` where it
 * may be honest.
 */
async function endReused(
  deps: Deps,
  organizationId: string,
  hashes: readonly Uint8Array[],
  origin: Origin,
): Promise<boolean> {
  const reused = await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const used = await rows.lockUsedRefreshToken(tx, organizationId, hashes, REFRESH_GRACE_SECONDS);
    if (used === null || !used.again) return used;
    const { userId, sessionId } = used;
    const ended = (await rows.end(tx, organizationId, userId, sessionId, "token_reused")) > 0;
    if (ended) {
      await tellIn(deps, tx, organizationId, userId, "session_reused", origin);
      await auditIn(tx, organizationId, {
        action: "session.reused",
        outcome: "refused",
        subjectId: userId,
        targetType: "session",
        targetId: sessionId,
        origin,
      });
    }
    return { ...used, ended };
  });
  if (reused !== null && !reused.again) throw refreshedAlready({ retryAfter: 1 });
  return reused !== null && "ended" in reused && reused.ended;
}

/** Who a token stands for, asked of PostgreSQL each time, or null. `address`: where it was used. */
export async function authenticate(deps: Deps, token: string, address = ""): Promise<Actor | null> {
  const organizationId = organizationOf("session", token);
  if (organizationId === null) return null;
  const hashes = deps.keys.macs("token", token);
  const session = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.findByToken(tx, organizationId, hashes, FRESH_SECONDS),
  );
  if (session === null) return null;
  if (session.needsTouch) {
    await withTenant(deps.db, { organizationId, userId: session.userId }, (tx) =>
      rows.touch(tx, organizationId, session.sessionId, addressOf({ address })),
    ).catch((error: unknown) => {
      // Who is signed in stays so when the time of their last use could not be written.
      deps.log.warn("session_not_touched", { organizationId, sessionId: session.sessionId, error });
    });
  }
  return {
    organizationId,
    userId: session.userId,
    role: session.role,
    credential: "session",
    sessionId: session.sessionId,
    scopes: null,
    fresh: session.fresh,
    freshUntil: session.freshUntil,
    mustEnrol: !session.hasSecondFactor && secondFactorRequired(readSettings(session.settings), session.role),
    requestsPerMinute: session.requestsPerMinute,
    generations: {
      organization: session.organizationGeneration,
      users: session.usersGeneration,
      contents: session.contentsGeneration,
    },
  };
}

/** The session of somebody who is signed in. Refuses with `forbidden` an API key, which has none. */
function sessionOf({ sessionId }: Actor): string {
  if (sessionId === null) throw forbidden();
  return sessionId;
}

/** The session of the request. Refuses with `not_found` when it ended a moment ago. */
export async function currentSession(deps: Deps, actor: Actor): Promise<Session> {
  const session = await readTenant(deps.db, actor, (tx) =>
    rows.find(tx, actor.organizationId, actor.userId, sessionOf(actor)),
  );
  if (session === null) throw notFound();
  return session;
}

/** The actor's live sessions, newest first, one more than `limit` when there are more. */
export async function listSessions(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly Session[]> {
  return readTenant(deps.db, actor, (tx) =>
    rows.listLive(tx, actor.organizationId, actor.userId, beforeId, limit + 1),
  );
}

/** A person's live sessions, as `listSessions`. For admins. Refuses with `not_found`. */
export async function listUserSessions(
  deps: Deps,
  actor: Actor,
  userId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly Session[]> {
  const { organizationId } = actor;
  const [, sessions] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([
      getUserIn(tx, organizationId, userId),
      rows.listLive(tx, organizationId, userId, beforeId, limit + 1),
    ]),
  );
  await recordDisclosure(deps, actor, "user.read", [userId], "sessions");
  return sessions;
}

/** Ends one of the actor's sessions, at once and on every node. Refuses with `not_found`. */
export async function endSession(
  deps: Deps,
  actor: Actor,
  sessionId: string | null,
  origin: Origin,
): Promise<void> {
  if (sessionId === null) throw forbidden();
  const { organizationId, userId } = actor;
  const reason = sessionId === actor.sessionId ? "signed_out" : "ended_by_user";
  await withTenant(deps.db, actor, async (tx) => {
    if ((await rows.end(tx, organizationId, userId, sessionId, reason)) === 0) throw notFound();
    await auditIn(tx, organizationId, {
      action: "session.ended",
      outcome: "success",
      subjectId: userId,
      targetType: "session",
      targetId: sessionId,
      details: { reason },
      origin,
    });
  });
}

/** Ends all of the actor's sessions, with or without the one that asks. Gives their number. */
export async function endSessions(
  deps: Deps,
  actor: Actor,
  { others }: { readonly others: boolean },
  origin: Origin,
): Promise<number> {
  const exceptId = others ? sessionOf(actor) : null;
  return withTenant(deps.db, actor, (tx) =>
    endSessionsIn(tx, actor.organizationId, actor.userId, "ended_by_user", { exceptId, origin }),
  );
}

/** Ends all of a person's sessions. For admins. Gives their number. Refuses with `not_found`. */
export async function endUserSessions(
  deps: Deps,
  actor: Actor,
  userId: string,
  origin: Origin,
): Promise<number> {
  const { organizationId } = actor;
  const reason = userId === actor.userId ? "ended_by_user" : "ended_by_admin";
  return withTenant(deps.db, actor, async (tx) => {
    await getUserIn(tx, organizationId, userId);
    return endSessionsIn(tx, organizationId, userId, reason, { origin });
  });
}

/** Ends a person's sessions, but for one if it is named, at once and on every node. Gives their number. */
export async function endSessionsIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  reason: "ended_by_user" | "ended_by_admin" | "password_changed" | "email_changed",
  {
    exceptId = null,
    origin = null,
  }: { readonly exceptId?: string | null; readonly origin?: Origin | null } = {},
): Promise<number> {
  const count = await rows.endAll(tx, organizationId, userId, exceptId, reason);
  if (count > 0) {
    await auditIn(tx, organizationId, {
      action: "session.ended",
      outcome: "success",
      subjectId: userId,
      details: { reason, count },
      origin,
    });
  }
  return count;
}

/** What somebody who is signed in gives to show that it is still them. */
export interface ReauthenticationInput extends Proof {
  readonly password?: string;
}

/**
 * Proves again who the actor is: with the password, or with a code where they have a second factor, which the password
 * does not stand in for: else whoever has session and password could take it away. Whatever is given must be right (NIST
 * SP 800-63B-4 §2.2.3 asks for one factor beside the session). Gives the session another token; the old one is void at
 * once. Refuses with `reauthentication_refused`, `proof_missing`, `passwords_busy`, `sign_in_line_full`.
 */
export async function reauthenticate(
  deps: Deps,
  actor: Actor,
  { password, ...proof }: ReauthenticationInput,
  origin: Origin,
): Promise<Renewed> {
  const { organizationId, userId } = actor;
  const sessionId = sessionOf(actor);
  const asksFactor = proof.code !== undefined || proof.recoveryCode !== undefined;
  if (password === undefined && !asksFactor) {
    throw proofMissing({ detail: "A password, a code or a recovery code." });
  }
  if (proof.code !== undefined && proof.recoveryCode !== undefined) {
    throw proofMissing({ detail: "Either a code or a recovery code." });
  }
  return deps.gate.run(JSON.stringify([organizationId, userId]), async () => {
    const [settings, hasFactor] = await readTenant(deps.db, actor, (tx) =>
      Promise.all([passwordRulesIn(tx, organizationId), hasSecondFactorIn(tx, organizationId, userId)]),
    );
    if (hasFactor && !asksFactor) {
      throw proofMissing({ detail: "You have a second factor: a code or a recovery code." });
    }
    const event = {
      action: "session.reauthenticated",
      subjectId: userId,
      targetType: "session",
      targetId: sessionId,
      origin,
    } as const;
    return auditRefused(
      deps,
      actor,
      [reauthenticationRefused],
      () => event,
      async () => {
        if (password !== undefined) {
          const verified = await verifyOwnPassword(deps, actor, password, settings, origin);
          if (verified === null) throw reauthenticationRefused();
        }
        let proven: Proven | null = null;
        if (asksFactor) {
          const attempt = { organizationId, userId, device: null, origin, sessionId };
          proven = await proveSecondFactor(deps, attempt, settings, proof);
          if (proven === null) throw reauthenticationRefused();
        }
        const token = newToken("session", organizationId);
        return withTenant(deps.db, actor, async (tx) => {
          if (proven !== null && !(await useProofIn(tx, organizationId, userId, proven, origin))) {
            throw reauthenticationRefused();
          }
          const until = await rows.replaceToken(tx, organizationId, {
            userId,
            sessionId,
            tokenHash: deps.keys.mac("token", token),
            tokenMinutes: TOKEN_MINUTES,
            proved: true,
            ip: addressOf(origin),
          });
          // It ended a moment ago, perhaps because the password was replaced.
          if (until === null) throw reauthenticationRefused();
          await auditIn(tx, organizationId, { ...event, outcome: "success" });
          return { token, ...until };
        });
      },
    );
  });
}

/**
 * The actor's password and what belongs to it when this is it, asked through the guard in a bucket of the session, so that
 * a stolen session cannot guess; null when it is not, or was tried too often.
 */
async function verifyOwnPassword(
  deps: Deps,
  actor: Actor,
  password: string,
  settings: PasswordRules,
  origin: Origin,
) {
  const { organizationId, userId } = actor;
  const person = await readTenant(deps.db, actor, (tx) => rows.findPassword(tx, organizationId, userId));
  const sessionId = sessionOf(actor);
  const door = "reauthentication";
  const attempt: Attempt = { organizationId, door, userId, login: userId, device: null, origin, sessionId };
  const verified = await guarded(deps, attempt, settings, () =>
    deps.passwords.verify(password, person?.passwordHash ?? null, person?.pepperKeyId ?? null, true),
  );
  const verifiedHash = person?.passwordHash ?? null;
  return verified?.matches === true && person !== null && verifiedHash !== null
    ? { ...person, verifiedHash }
    : null;
}

/**
 * Replaces the actor's password, ends all their other sessions and tells them. Refuses with `current_password_refused`,
 * `password_refused`, `passwords_busy`, `sign_in_line_full`.
 */
export async function changePassword(
  deps: Deps,
  actor: Actor,
  input: { readonly currentPassword: string; readonly newPassword: string },
  origin: Origin,
): Promise<void> {
  const { organizationId, userId } = actor;
  await deps.gate.run(JSON.stringify([organizationId, userId]), async () => {
    const settings = await readTenant(deps.db, actor, (tx) => passwordRulesIn(tx, organizationId));
    const event = { action: "password.changed", subjectId: userId, origin } as const;
    await auditRefused(
      deps,
      actor,
      [currentPasswordRefused],
      () => event,
      async () => {
        const person = await verifyOwnPassword(deps, actor, input.currentPassword, settings, origin);
        if (person === null) throw currentPasswordRefused();
        checkPassword(input.newPassword, {
          minimum: passwordMinimum(settings, person.role),
          names: [person.username, person.fullName, person.email, ...settings.names],
          pointer: "#/newPassword",
        });
        const credential = await deps.passwords.hash(input.newPassword);
        await withTenant(deps.db, actor, async (tx) => {
          // Somebody else with the same password may have replaced it first.
          if (!(await replacePasswordIn(tx, organizationId, userId, person.verifiedHash, credential))) {
            throw currentPasswordRefused();
          }
          const exceptId = sessionOf(actor);
          await endSessionsIn(tx, organizationId, userId, "password_changed", { exceptId, origin });
          await tellIn(deps, tx, organizationId, userId, "password_changed", origin);
          await auditIn(tx, organizationId, { ...event, outcome: "success" });
        });
      },
    );
  });
}

/** Removes at most `limit` sessions that ended or expired a week ago. Gives their number. */
export async function pruneSessions(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.prune(tx, organizationId, limit));
}

/** Removes at most `limit` challenges that nobody can meet any more. Gives their number. */
export async function pruneChallenges(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.pruneChallenges(tx, organizationId, limit),
  );
}

const today = (): number => Math.floor(Date.now() / 86_400_000);

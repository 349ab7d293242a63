/** Signing in, staying signed in, signing out. How often somebody may try is the guard's to say (src/guard). */
import { randomBytes } from "node:crypto";
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Around, Role } from "../actor.ts";
import { readTenant, withSystem, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { addressOf, type Device, deviceType, type Origin, readDevice, rememberOn } from "../devices.ts";
import { forbidden, notFound, refusal } from "../errors.ts";
import { type Attempt, guarded, onKnownDevice } from "../guard/guard.ts";
import { checkPassword } from "../passwords.ts";
import { passwordMinimum } from "../settings.ts";
import {
  getUserIn,
  lockActiveUserIn,
  passwordRulesIn,
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

export interface OpenedSession {
  readonly token: string;
  readonly expiresAt: Date;
  /** Known again by this token, the device has a guard bucket of its own. */
  readonly deviceToken: string;
}

export interface SignedIn extends OpenedSession {
  readonly user: User;
}

export interface SignInInput {
  /** The organization's slug. */
  readonly organization: string;
  /** E-mail address or username, in any case. */
  readonly login: string;
  readonly password: string;
}

const STAFF: ReadonlySet<Role> = new Set(["teacher", "admin"]);
const MINUTES_PER_DAY = 24 * 60;

/** How long a session lives (NIST SP 800-63B-4 §2.2.3 for staff; a pupil's tablet stays signed in for a month). */
const lifetimeOf = (role: Role) =>
  STAFF.has(role)
    ? { lifetimeMinutes: 12 * 60, idleMinutes: 60 }
    : { lifetimeMinutes: 30 * MINUTES_PER_DAY, idleMinutes: null };

/** The organization of a slug, or null. */
export async function findOrganization(deps: Pick<Deps, "db">, slug: string) {
  return withSystem(deps.db, (tx) => rows.findOrganization(tx, slug), { readOnly: true });
}

/**
 * Signs a person in. Refuses with `sign_in_refused` whatever the reason, `passwords_busy` and `sign_in_line_full` when
 * more people try than the machine can serve.
 */
export async function signIn(
  deps: Deps,
  input: SignInInput,
  origin: Origin,
  around?: Around,
): Promise<SignedIn> {
  const login = input.login.normalize("NFKC").trim().toLowerCase();
  const device = readDevice(deps.keys, origin.deviceToken);
  // One line per login, so that a storm on one person leaves the connections to the others; and a line of its own for
  // each device that has been here before, so that it leaves the person a way in.
  const line = JSON.stringify([input.organization, login, device?.id ?? null]);
  const person = await deps.gate.run(line, () => verifyPassword(deps, input, login, device, origin));
  if (person === null) {
    // Not inside the line: pretending to work must not keep others waiting.
    await deps.passwords.pretend();
    throw signInRefused();
  }
  if (person === "wrong") throw signInRefused();
  const { organizationId, userId, verifiedHash, rehashed } = person;
  const tenant = { organizationId, userId, ...(around === undefined ? {} : { around }) };
  return withTenant(deps.db, tenant, async (tx) => {
    // Between the verification and now the person may have been shown the door, or the password replaced. Both rows are
    // held from here on: whoever does so next also ends the session that is about to be opened.
    const active = await lockActiveUserIn(tx, organizationId, userId);
    const current = await rows.recordLogin(tx, organizationId, userId, verifiedHash, addressOf(origin));
    if (!active || !current) throw signInRefused();
    if (rehashed !== null) await replacePasswordIn(tx, organizationId, userId, verifiedHash, rehashed);
    const user = await getUserIn(tx, organizationId, userId);
    const session = await openSessionIn(deps, tx, organizationId, user, origin);
    return { ...session, user };
  });
}

/** Who signs in; `wrong` when the password was looked at and refused, null when it was not even looked at. */
async function verifyPassword(
  deps: Deps,
  input: SignInInput,
  login: string,
  device: Device | null,
  origin: Origin,
) {
  const organization = await findOrganization(deps, input.organization);
  if (organization === null || organization.status !== "active") return null;
  const { organizationId } = organization;
  const [person, settings] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    Promise.all([rows.findCredential(tx, organizationId, login), passwordRulesIn(tx, organizationId)]),
  );
  const userId = person?.userId ?? null;
  const attempt: Attempt = { organizationId, door: "password", userId, login, device, origin };
  const verified = await guarded(deps, attempt, settings, () =>
    deps.passwords.verify(
      input.password,
      person?.passwordHash ?? null,
      person?.pepperKeyId ?? null,
      onKnownDevice(attempt),
    ),
  );
  if (verified === null) return null;
  const verifiedHash = person?.passwordHash ?? null;
  if (!verified.matches || verifiedHash === null || person?.status !== "active") return "wrong";
  const rehashed = verified.outdated ? await deps.passwords.hash(input.password) : null;
  return { organizationId, userId: person.userId, verifiedHash, rehashed };
}

/** Opens a session for a person whose right to it was established. Inside a transaction. */
export async function openSessionIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  user: Pick<User, "id" | "role">,
  origin: Origin,
): Promise<OpenedSession> {
  const token = newToken(organizationId);
  const device = rememberOn(deps.keys, readDevice(deps.keys, origin.deviceToken), user.id, today());
  const { expiresAt } = await rows.insertSession(tx, organizationId, {
    userId: user.id,
    tokenHash: deps.keys.mac("token", token),
    ip: addressOf(origin),
    userAgent: origin.userAgent?.slice(0, 512) ?? null,
    deviceType: deviceType(origin.userAgent),
    deviceId: device.id,
    ...lifetimeOf(user.role),
  });
  return { token, expiresAt, deviceToken: device.token };
}

const TOKEN = /^satchel_([A-Za-z0-9_-]{64})$/;

/** 16 bytes of organization, so that the look-up runs under its policy, and 256 random bits. */
function newToken(organizationId: string): string {
  return `satchel_${Buffer.concat([uuidBytes(organizationId), randomBytes(32)]).toString("base64url")}`;
}

/** Who a token stands for, asked of PostgreSQL each time, or null. */
export async function authenticate(deps: Deps, token: string): Promise<Actor | null> {
  const encoded = TOKEN.exec(token)?.[1];
  if (encoded === undefined) return null;
  const organizationId = uuidText(Buffer.from(encoded, "base64url").subarray(0, 16));
  const hashes = deps.keys.macs("token", token);
  const session = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.findByToken(tx, organizationId, hashes),
  );
  if (session === null) return null;
  if (session.needsTouch) {
    await withTenant(deps.db, { organizationId, userId: session.userId }, (tx) =>
      rows.touch(tx, organizationId, session.sessionId),
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
    authenticatedAt: session.authenticatedAt,
    mustEnrol: false,
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

/** Ends one of the actor's sessions, at once and on every node. Refuses with `not_found`. */
export async function endSession(deps: Deps, actor: Actor, sessionId: string | null): Promise<void> {
  if (sessionId === null) throw forbidden();
  const reason = sessionId === actor.sessionId ? "signed_out" : "ended_by_user";
  const ended = await withTenant(deps.db, actor, (tx) =>
    rows.end(tx, actor.organizationId, actor.userId, sessionId, reason),
  );
  if (ended === 0) throw notFound();
}

/** Ends all of the actor's sessions but the one that asks. Gives their number. */
export async function endOtherSessions(deps: Deps, actor: Actor): Promise<number> {
  return withTenant(deps.db, actor, (tx) =>
    rows.endAll(tx, actor.organizationId, actor.userId, sessionOf(actor), "ended_by_user"),
  );
}

/**
 * Replaces the actor's password and ends all their other sessions. Attempts pass the guard, in a bucket of the session,
 * so that a stolen session cannot guess the password. Refuses with `current_password_refused`, `password_refused`,
 * `passwords_busy`.
 */
export async function changePassword(
  deps: Deps,
  actor: Actor,
  input: { readonly currentPassword: string; readonly newPassword: string },
  origin: Origin,
): Promise<void> {
  const { organizationId, userId } = actor;
  await deps.gate.run(JSON.stringify([organizationId, userId]), async () => {
    const [person, settings] = await readTenant(deps.db, actor, (tx) =>
      Promise.all([rows.findPassword(tx, organizationId, userId), passwordRulesIn(tx, organizationId)]),
    );
    const sessionId = sessionOf(actor);
    const door = "reauthentication";
    const attempt: Attempt = { organizationId, door, userId, login: userId, device: null, origin, sessionId };
    const verified = await guarded(deps, attempt, settings, () =>
      deps.passwords.verify(
        input.currentPassword,
        person?.passwordHash ?? null,
        person?.pepperKeyId ?? null,
        true,
      ),
    );
    if (verified === null) await deps.passwords.pretend();
    const verifiedHash = person?.passwordHash ?? null;
    if (!verified?.matches || person === null || verifiedHash === null) throw currentPasswordRefused();
    checkPassword(input.newPassword, {
      minimum: passwordMinimum(settings, person.role),
      names: [person.username, person.fullName, person.email, ...settings.names],
      pointer: "#/newPassword",
    });
    const credential = await deps.passwords.hash(input.newPassword);
    await withTenant(deps.db, actor, async (tx) => {
      // Somebody else with the same password may have replaced it first.
      if (!(await replacePasswordIn(tx, organizationId, userId, verifiedHash, credential))) {
        throw currentPasswordRefused();
      }
      await rows.endAll(tx, organizationId, userId, sessionOf(actor), "password_changed");
    });
  });
}

/** Removes at most `limit` sessions that ended or expired a week ago. Gives their number. */
export async function pruneSessions(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.prune(tx, organizationId, limit));
}

const today = (): number => Math.floor(Date.now() / 86_400_000);

const uuidBytes = (uuid: string): Uint8Array => Buffer.from(uuid.replaceAll("-", ""), "hex");

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

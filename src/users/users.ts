/** The people of an organization: who may see them, add them, change them and send them away. */

import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Role } from "../actor.ts";
import { auditIn, type Disclosure, listDisclosuresIn, recordDisclosure } from "../audit/audit.ts";
import { changed, onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { forbidden, inUse, notFound, oneKeyNeeded, refusal } from "../errors.ts";
import { sendMailIn } from "../mail/mail.ts";
import { checkPassword } from "../passwords.ts";
import { mayAct, requireFresh, requireFreshForStaff, requireRight } from "../permissions.ts";
import { enqueue } from "../queue.ts";
import { PEOPLE_QUOTA } from "../quotas/quotas.ts";
import { type OrganizationSettings, passwordMinimum, readSettings } from "../settings.ts";
import { type ExpectedVersion, requireVersion } from "../versions.ts";
import type {
  Author,
  ListedUser,
  NewUser,
  Profile,
  SignIn,
  User,
  UserChange,
  UserFilter,
  UserOrder,
  UserPosition,
  UserStatus,
} from "./repository.ts";
import * as rows from "./repository.ts";

export { ABOUT_A_PERSON, type AuditAction, type Disclosure } from "../audit/audit.ts";
export { quotaPeopleReached } from "../quotas/quotas.ts";
export {
  type Author,
  type NewUser,
  type Profile,
  type SignIn,
  USER_ORDERS,
  USER_STATUSES,
  type User,
  type UserChange,
  type UserFilter,
  type UserOrder,
  type UserPosition,
  type UserSummary,
} from "./repository.ts";

export interface UserInput {
  readonly externalId?: string | null;
  readonly email?: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly password?: string;
  readonly avatarUrl?: string | null;
  readonly role?: Role;
  readonly status?: UserStatus;
  readonly timeZone?: string;
  readonly language?: string;
  readonly profile?: Partial<Profile>;
}

export type UserPatch = Partial<UserChange> & { readonly profile?: Partial<Profile> };

export const emailTaken = refusal("conflict", "email_taken", "The e-mail address is already in use");
export const usernameTaken = refusal("conflict", "username_taken", "The username is already in use");
export const externalIdTaken = refusal("conflict", "external_id_taken", "The external id is already in use");
export const statusNotReachable = refusal(
  "conflict",
  "status_not_reachable",
  "Nobody becomes pending who was not",
);
export const lastAdmin = refusal(
  "conflict",
  "last_admin",
  "An organization must keep one active admin who can sign in",
);
export const erasureRequested = refusal(
  "conflict",
  "erasure_requested",
  "The erasure of this person was asked for, and cannot be taken back",
);
export const userNotDeleted = refusal("conflict", "user_not_deleted", "The person is not deleted");
export const invalidTimeZone = refusal("invalid", "invalid_time_zone", "There is no such time zone");

const EMPTY_PROFILE: Profile = {
  bio: null,
  dateOfBirth: null,
  phone: null,
  website: null,
  codeUrl: null,
  professionalUrl: null,
  skills: [],
  interests: [],
};

/** The constraints on people that become a refusal, for `onConstraint`. */
export const USER_CONSTRAINTS = {
  user_email_unique: () => emailTaken(inUse("email")),
  user_username_unique: () => usernameTaken(inUse("username")),
  user_external_id_unique: () => externalIdTaken(inUse("externalId")),
  ...PEOPLE_QUOTA,
};
/** Where no body was sent that a refusal could point into. */
const RESTORE_CONSTRAINTS = {
  user_email_unique: () => emailTaken(),
  user_username_unique: () => usernameTaken(),
  user_external_id_unique: () => externalIdTaken(),
  ...PEOPLE_QUOTA,
};

/**
 * A person, a deleted one only when asked for. Refuses with `not_found` one that is not there, deleted, or not for the
 * actor to see, and with `forbidden`.
 */
export async function getUser(
  deps: Deps,
  actor: Actor,
  userId: string,
  { includeDeleted = false }: { readonly includeDeleted?: boolean } = {},
): Promise<User> {
  requireMaySee(actor, { includeDeleted });
  if (!mayAct(actor, "GET /v1/users/:id", userId)) throw notFound();
  const user = await readTenant(deps.db, actor, (tx) => rows.find(tx, actor, userId, includeDeleted));
  if (user === null) throw notFound();
  await recordDisclosure(deps, actor, "user.read", [userId]);
  return user;
}

/** How a person signs in: for themselves and for admins. Refuses with `not_found`. */
export async function getSignIn(deps: Deps, actor: Actor, userId: string): Promise<SignIn> {
  requireRight(actor, "GET /v1/users/:id/sign-in", userId, "GET /v1/users/:id");
  const found = await readTenant(deps.db, actor, (tx) => rows.findSignIn(tx, actor, userId));
  if (found === null) throw notFound();
  await recordDisclosure(deps, actor, "user.read", [userId], "sign_in");
  return found;
}

/** What names one person. */
export interface UserKey {
  readonly email?: string;
  readonly username?: string;
  readonly externalId?: string;
}

/**
 * The one person with this e-mail address or username, in any case, or with this external id; when there is none and
 * deleted people are asked for, who of them was deleted last. Refuses with `one_key_needed` none of them and more than
 * one, and with `not_found`, `forbidden`.
 */
export async function lookUpUser(
  deps: Deps,
  actor: Actor,
  key: UserKey,
  { includeDeleted = false }: { readonly includeDeleted?: boolean } = {},
): Promise<User> {
  requireMaySee(actor, { includeDeleted });
  const { email, username, externalId } = key;
  if ([email, username, externalId].filter((given) => given !== undefined).length !== 1) throw oneKeyNeeded();
  const find = async (tx: TenantTx): Promise<User | null> => {
    if (email !== undefined) return rows.findByEmail(tx, actor, email);
    if (username !== undefined) return rows.findByUsername(tx, actor, username);
    return externalId === undefined ? null : rows.findByExternalId(tx, actor, externalId);
  };
  // Not readTenant: the second statement follows from the first.
  const user = await withTenant(
    deps.db,
    actor,
    async (tx) => (await find(tx)) ?? (includeDeleted ? rows.findDeleted(tx, actor, key) : null),
    { readOnly: true },
  );
  if (user === null) throw notFound();
  await recordDisclosure(deps, actor, "user.read", [user.id]);
  return user;
}

/** As `getUser`, inside a transaction and without asking who may see it. */
export async function getUserIn(tx: TenantTx, organizationId: string, userId: string): Promise<User> {
  return rows.get(tx, { organizationId }, userId);
}

/**
 * Who wrote things, by id, in one query: what everybody may know of somebody whose words they see. Of who is deleted
 * or erased there is nothing. Inside a transaction.
 */
export async function listAuthorsIn(
  tx: TenantTx,
  organizationId: string,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, Author>> {
  return rows.listAuthors(tx, { organizationId }, userIds);
}

/** What the organization has settled, with the defaults. Inside a transaction. */
export async function settingsIn(tx: TenantTx, organizationId: string): Promise<OrganizationSettings> {
  return readSettings((await rows.findSettings(tx, organizationId))?.settings);
}

/** What holds for passwords in an organization. */
export interface PasswordRules extends OrganizationSettings {
  /** Of the organization: everybody there knows them. */
  readonly names: readonly string[];
}

/** What the organization has settled, with the defaults, and its names. Inside a transaction. */
export async function passwordRulesIn(tx: TenantTx, organizationId: string): Promise<PasswordRules> {
  const found = await rows.findSettings(tx, organizationId);
  return { ...readSettings(found?.settings), names: found === null ? [] : [found.name, found.slug] };
}

/** A person who is not deleted, and stays as they are until the transaction ends. Refuses with `not_found`. */
export async function lockUserIn(tx: TenantTx, organizationId: string, userId: string) {
  const user = await rows.lock(tx, { organizationId }, userId);
  if (user === null || user.deletedAt !== null) throw notFound();
  return user;
}

/** Whether a person is active, who then stays so until the transaction ends. */
export async function lockActiveUserIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
): Promise<boolean> {
  const user = await rows.lock(tx, { organizationId }, userId);
  return user !== null && user.deletedAt === null && user.status === "active";
}

/** A person by e-mail address, in any case, or null. Inside a transaction. */
export async function findUserByEmail(
  tx: TenantTx,
  organizationId: string,
  email: string,
): Promise<User | null> {
  return rows.findByEmail(tx, { organizationId }, email);
}

/** A person by e-mail address or username, neither of which can be read as the other. Inside a transaction. */
export async function findUserByLogin(
  tx: TenantTx,
  organizationId: string,
  login: string,
): Promise<User | null> {
  const find = login.includes("@") ? rows.findByEmail : rows.findByUsername;
  return find(tx, { organizationId }, login);
}

/** People in an order, one more than `limit` when there are more. Refuses with `forbidden`. */
export async function listUsers(
  deps: Deps,
  actor: Actor,
  filter: UserFilter,
  order: UserOrder,
  after: UserPosition | null,
  limit: number,
): Promise<readonly ListedUser[]> {
  requireMaySee(actor, filter);
  const found = await readTenant(deps.db, actor, (tx) =>
    rows.list(tx, actor, filter, order, after, limit + 1),
  );
  // One more than the page was read to know whether there is another: nobody is shown it.
  await recordDisclosure(
    deps,
    actor,
    "user.listed",
    found.slice(0, limit).map(({ id }) => id),
  );
  return found;
}

/**
 * Which others looked at a person, took their data along or changed something of theirs, newest first, one more than
 * `limit` when there are more: for themselves and for admins (34 CFR 99.32), also when the person is gone. Refuses with
 * `not_found`, `forbidden`.
 */
export async function listDisclosures(
  deps: Deps,
  actor: Actor,
  userId: string,
  before: number | null,
  limit: number,
): Promise<readonly Disclosure[]> {
  requireRight(actor, "GET /v1/users/:id/disclosures", userId, "GET /v1/users/:id");
  const [user, found] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([
      rows.find(tx, actor, userId),
      listDisclosuresIn(tx, actor.organizationId, userId, before, limit),
    ]),
  );
  // Whoever is gone, erased even, was sent away by somebody, and that is in the list.
  if (user === null && found.length === 0) throw notFound();
  await recordDisclosure(deps, actor, "user.read", [userId], "disclosures");
  return found;
}

/** How many people `listUsers` would give. Refuses with `forbidden`. */
export async function countUsers(deps: Deps, actor: Actor, filter: UserFilter): Promise<number> {
  requireMaySee(actor, filter);
  return readTenant(deps.db, actor, (tx) => rows.count(tx, actor, filter));
}

/** The deleted are for those who may bring them back. */
function requireMaySee(actor: Actor, { includeDeleted }: Pick<UserFilter, "includeDeleted">): void {
  if (includeDeleted && !mayAct(actor, "POST /v1/users/:id/restore", null)) throw forbidden();
}

/** How many people there are, by status and role, and how many are new. */
export async function userStatistics(deps: Deps, actor: Actor) {
  return readTenant(deps.db, actor, (tx) => rows.statistics(tx, actor));
}

/**
 * Adds a person with profile and, when one is given, password. Refuses with `email_taken`, `username_taken`,
 * `external_id_taken`, `password_refused` and `invalid_time_zone`; staff with `reauthentication_required`, `api_key_not_allowed`.
 */
export async function createUser(deps: Deps, actor: Actor, input: UserInput): Promise<User> {
  requireFreshForStaff(actor, input.role ?? "student");
  const rules = await readTenant(deps.db, actor, (tx) => passwordRulesIn(tx, actor.organizationId));
  const prepared = await prepareUser(deps, input, {
    pointer: "#",
    minimum: passwordMinimum(rules, input.role ?? "student"),
    names: rules.names,
  });
  return withTenant(deps.db, actor, (tx) => insertUserIn(tx, actor.organizationId, prepared));
}

export interface PreparedUser {
  readonly user: NewUser;
  readonly profile: Profile;
  readonly credential: { readonly hash: string; readonly pepperKeyId: string } | null;
}

/**
 * Checks a new person and hashes the password: slow work that must not happen inside a transaction. `pointer` is where
 * in the request the person stands, `names` are the organization's.
 */
export async function prepareUser(
  deps: Deps,
  input: UserInput,
  {
    pointer,
    minimum,
    names,
  }: { readonly pointer: string; readonly minimum: number; readonly names: readonly string[] },
): Promise<PreparedUser> {
  const user: NewUser = {
    externalId: input.externalId ?? null,
    email: input.email ?? null,
    username: input.username,
    fullName: input.fullName,
    avatarUrl: input.avatarUrl ?? null,
    role: input.role ?? "student",
    status: input.status ?? "active",
    timeZone: input.timeZone ?? "UTC",
    language: input.language ?? "en",
  };
  requireTimeZone(user.timeZone, pointer);
  if (input.password !== undefined) {
    checkPassword(input.password, {
      minimum,
      names: [user.username, user.fullName, user.email, ...names],
      pointer: `${pointer}/password`,
    });
  }
  const credential = input.password === undefined ? null : await deps.passwords.hash(input.password);
  return { user, profile: { ...EMPTY_PROFILE, ...input.profile }, credential };
}

/**
 * Stores a prepared person with profile and password, all or nothing. Refuses with `email_taken`, `username_taken`,
 * `external_id_taken`.
 */
export async function insertUserIn(
  tx: TenantTx,
  organizationId: string,
  { user, profile, credential }: PreparedUser,
): Promise<User> {
  const scope = { organizationId };
  const userId = Bun.randomUUIDv7();
  await onConstraint(tx, USER_CONSTRAINTS, (inner) => rows.insert(inner, scope, userId, user));
  await Promise.all([
    rows.upsertProfile(tx, scope, userId, profile),
    ...(credential === null ? [] : [rows.insertCredential(tx, scope, userId, credential)]),
  ]);
  changed(tx, "users");
  const details = { role: user.role, status: user.status };
  await auditIn(tx, organizationId, {
    action: "user.created",
    outcome: "success",
    subjectId: userId,
    details,
  });
  return rows.get(tx, scope, userId);
}

/**
 * Stores another password for a person. Inside a transaction; the caller has verified the password behind `verifiedHash`
 * and learns whether that was still the one.
 */
export async function replacePasswordIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  verifiedHash: string,
  credential: { readonly hash: string; readonly pepperKeyId: string },
): Promise<boolean> {
  return rows.updatePassword(tx, { organizationId }, userId, { verifiedHash, ...credential });
}

/** As `replacePasswordIn`, for the same password under another hash: whoever knows it, it was not changed. */
export async function rehashPasswordIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  verifiedHash: string,
  credential: { readonly hash: string; readonly pepperKeyId: string },
): Promise<boolean> {
  return rows.updateRehashed(tx, { organizationId }, userId, { verifiedHash, ...credential });
}

/**
 * Stores a password for a person, whatever they had. Inside a transaction; the caller ends their sessions. It is noted who
 * knows it, if the actor of the transaction is somebody else.
 */
export async function setPasswordIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  credential: { readonly hash: string; readonly pepperKeyId: string },
): Promise<void> {
  await rows.setPassword(tx, { organizationId }, userId, credential);
}

/** What names a person where they sign in or are imported, and whether they may. */
const ACCESS_FIELDS = ["username", "externalId", "status"] as const;
const OWN_FIELDS: ReadonlySet<string> = new Set(["fullName", "avatarUrl", "timeZone", "language", "profile"]);

/**
 * Changes the fields that are given; where all are as they were, nothing, the version neither. An admin may change everybody, others only what describes themselves. Refuses
 * with `not_found`, `forbidden`, `stale`, `email_taken`, `username_taken`, `external_id_taken`, `last_admin`,
 * `status_not_reachable`, `invalid_time_zone`. Another e-mail address, which is a way into the account, the end of a
 * suspension, and another status, username or external id of staff need a fresh proof: else `reauthentication_required`,
 * `api_key_not_allowed`. The address that was left is told, and the new one is mailed a link to confirm it.
 */
export async function updateUser(
  deps: Deps,
  actor: Actor,
  userId: string,
  expected: ExpectedVersion,
  patch: UserPatch,
): Promise<User> {
  if (!mayAct(actor, "GET /v1/users/:id", userId)) throw notFound();
  if (patch.timeZone !== undefined) requireTimeZone(patch.timeZone, "#");
  return withTenant(deps.db, actor, async (tx) => {
    const retires = patch.status !== undefined && patch.status !== "active";
    const admins = retires ? await rows.lockAdmins(tx, actor) : null;
    const before = await lockUserIn(tx, actor.organizationId, userId);
    const describesOnly = Object.keys(patch).every((key) => OWN_FIELDS.has(key));
    const allowed =
      mayAct(actor, "PATCH /v1/users/:id", userId) ||
      (describesOnly && mayAct(actor, "PATCH /v1/me", userId));
    if (!allowed) throw forbidden();
    const { profile, ...given } = patch;
    const change: UserChange = { ...before, ...given };
    const released = before.status === "suspended" && change.status !== "suspended";
    if (change.email !== before.email || released) requireFresh(actor);
    if (ACCESS_FIELDS.some((field) => change[field] !== before[field])) {
      requireFreshForStaff(actor, before.role);
    }
    requireVersion(expected, before.version);
    if (change.status === "pending" && before.status !== "pending") throw statusNotReachable();
    if (admins !== null) requireAnotherAdmin(admins, userId);
    const current = await rows.get(tx, actor, userId);
    const nextProfile = { ...current.profile, ...profile };
    const next = { ...change, profile: nextProfile };
    const were = { ...before, profile: current.profile };
    const fields = (Object.keys(patch) as (keyof UserPatch)[]).filter(
      (field) => !Bun.deepEquals(next[field], were[field]),
    );
    if (fields.length === 0) return current;
    await onConstraint(tx, USER_CONSTRAINTS, (inner) => rows.update(inner, actor, userId, change));
    await auditChangeIn(tx, actor.organizationId, userId, before, change, fields);
    if (before.email !== null && change.email?.toLowerCase() !== before.email.toLowerCase()) {
      const to = before.email;
      await sendMailIn(deps, tx, actor.organizationId, { userId, template: "email_changed", to });
    }
    if (change.email !== null && change.email.toLowerCase() !== before.email?.toLowerCase()) {
      await enqueue(deps.queue, tx, "verify-email", { organizationId: actor.organizationId, userId });
    }
    if (fields.includes("profile")) await rows.upsertProfile(tx, actor, userId, nextProfile);
    changed(tx, "users");
    return rows.get(tx, actor, userId);
  });
}

/**
 * Gives a person another role, which signs them out everywhere. Inside a transaction. Gives the role they had. Refuses with
 * `not_found`, `stale`, `last_admin`.
 */
export async function changeRoleIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  expected: ExpectedVersion,
  role: Role,
): Promise<Role> {
  const scope = { organizationId };
  const admins = role === "admin" ? null : await rows.lockAdmins(tx, scope);
  const before = await lockUserIn(tx, organizationId, userId);
  requireVersion(expected, before.version);
  if (admins !== null) requireAnotherAdmin(admins, userId);
  if (before.role === role) return role;
  await rows.updateRole(tx, scope, userId, role);
  changed(tx, "users");
  await auditIn(tx, organizationId, {
    action: "user.role_changed",
    outcome: "success",
    subjectId: userId,
    details: { from: before.role, to: role },
  });
  return before.role;
}

/**
 * Deletes a person softly and signs them out. Refuses with `not_found`, `stale`, `last_admin`; staff with
 * `reauthentication_required`, `api_key_not_allowed`.
 */
export async function deleteUser(
  deps: Deps,
  actor: Actor,
  userId: string,
  expected: ExpectedVersion,
): Promise<void> {
  await withTenant(deps.db, actor, async (tx) => {
    const admins = await rows.lockAdmins(tx, actor);
    const before = await lockUserIn(tx, actor.organizationId, userId);
    requireFreshForStaff(actor, before.role);
    requireVersion(expected, before.version);
    requireAnotherAdmin(admins, userId);
    await softDeleteIn(tx, actor.organizationId, userId);
  });
}

/**
 * Deletes a person softly, unless they are deleted already, in the transaction of what is to follow. `lastToo`: also the
 * last admin. Refuses with `not_found`, `stale`, `last_admin`.
 */
export async function deleteUserIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  expected: ExpectedVersion,
  { lastToo = false }: { readonly lastToo?: boolean } = {},
): Promise<void> {
  const scope = { organizationId };
  const admins = await rows.lockAdmins(tx, scope);
  const before = await rows.lock(tx, scope, userId);
  if (before === null) throw notFound();
  requireVersion(expected, before.version);
  if (before.deletedAt !== null) return;
  if (!lastToo) requireAnotherAdmin(admins, userId);
  await softDeleteIn(tx, organizationId, userId);
}

async function softDeleteIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  await rows.softDelete(tx, { organizationId }, userId);
  changed(tx, "users");
  await auditIn(tx, organizationId, { action: "user.deleted", outcome: "success", subjectId: userId });
}

/**
 * Brings a deleted person back; their sessions stay ended. Refuses with `not_found`, `user_not_deleted`, `stale`, with
 * `email_taken` or `username_taken` when somebody else has taken it since, and with `erasure_requested`; staff with
 * `reauthentication_required`, `api_key_not_allowed`.
 */
export async function restoreUser(
  deps: Deps,
  actor: Actor,
  userId: string,
  expected: ExpectedVersion,
): Promise<User> {
  return withTenant(deps.db, actor, async (tx) => {
    const before = await rows.lock(tx, actor, userId);
    if (before === null) throw notFound();
    requireFreshForStaff(actor, before.role);
    if (before.deletedAt === null) throw userNotDeleted();
    requireVersion(expected, before.version);
    const restored = await onConstraint(tx, RESTORE_CONSTRAINTS, (inner) =>
      rows.restore(inner, actor, userId),
    );
    if (restored === 0) throw erasureRequested();
    changed(tx, "users");
    await auditIn(tx, actor.organizationId, {
      action: "user.restored",
      outcome: "success",
      subjectId: userId,
    });
    return rows.get(tx, actor, userId);
  });
}

/** Says which fields were changed, never to what; a status, which is one of a few words, is said. */
async function auditChangeIn(
  tx: TenantTx,
  organizationId: string,
  userId: string,
  before: { readonly status: string },
  { status }: UserChange,
  fields: readonly string[],
): Promise<void> {
  const outcome = "success";
  const event = { action: "user.changed", outcome, subjectId: userId } as const;
  const others = fields.filter((field) => field !== "status");
  if (others.length > 0)
    await auditIn(tx, organizationId, { ...event, details: { fields: others.join(",") } });
  if (status === before.status) return;
  const details = { from: before.status, to: status };
  await auditIn(tx, organizationId, { ...event, action: "user.status_changed", details });
}

/** Refuses with `last_admin` when this person is the only one of the active admins who can sign in. */
function requireAnotherAdmin(admins: readonly string[], userId: string): void {
  if (admins.length === 1 && admins[0] === userId) throw lastAdmin();
}

/** Refuses with `invalid_time_zone` what is not in the IANA time zone database. */
function requireTimeZone(timeZone: string, pointer: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch {
    throw invalidTimeZone({
      errors: [{ pointer: `${pointer}/timeZone`, detail: "must be a name like Europe/Madrid" }],
    });
  }
}

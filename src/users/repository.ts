/** Rows of people, in and out. */
import * as sql from "#sql/users";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";
import { notFound } from "../errors.ts";

export const USER_STATUSES = ["active", "inactive", "suspended", "pending"] as const;
export type UserStatus = (typeof USER_STATUSES)[number];

export interface Profile {
  readonly bio: string | null;
  /** A date without a time: `2012-03-04`. */
  readonly dateOfBirth: string | null;
  readonly phone: string | null;
  readonly website: string | null;
  readonly codeUrl: string | null;
  readonly professionalUrl: string | null;
  readonly skills: readonly string[];
  readonly interests: readonly string[];
}

/** A person as lists show them. */
export interface UserSummary {
  readonly id: string;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: Role;
  readonly status: UserStatus;
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
}

/** A person whole. */
export interface User extends UserSummary {
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedById: string | null;
  readonly lastLoginAt: Date | null;
  readonly lastLoginIp: string | null;
  /** Attempts to sign in since the last success, over all devices. */
  readonly failedLoginCount: number;
  readonly locked: boolean;
  readonly lockedUntil: Date | null;
  readonly profile: Profile;
}

/** What a new person is stored with. */
export interface NewUser {
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: Role;
  readonly status: UserStatus;
  readonly timeZone: string;
  readonly language: string;
}

/** What may be changed of a person. Role, organization, id, hash and locks are not among it. */
export type UserChange = Omit<NewUser, "role">;

export interface UserFilter {
  readonly role: Role | null;
  readonly status: UserStatus | null;
  readonly includeDeleted: boolean;
}

interface Scope {
  readonly organizationId: string;
}

export async function find(
  tx: TenantTx,
  { organizationId }: Scope,
  userId: string,
  includeDeleted = false,
): Promise<User | null> {
  const row = await sql.findUser(tx, { organizationId, userId, includeDeleted });
  if (row === null) return null;
  const { bio, dateOfBirth, phone, website, codeUrl, professionalUrl, skills, interests, ...user } = row;
  const { userId: id, lockedUntil, locked, ...rest } = user;
  return {
    id,
    ...rest,
    // A lock that has run out is none.
    lockedUntil: locked ? lockedUntil : null,
    locked,
    profile: {
      bio,
      dateOfBirth,
      phone,
      website,
      codeUrl,
      professionalUrl,
      skills: skills ?? [],
      interests: interests ?? [],
    },
  };
}

/** The organization's settings as stored, and its names; null when there is no such organization. */
export const findSettings = (tx: TenantTx, organizationId: string) =>
  sql.findSettings(tx, { organizationId });

/** As `find`, but a person who is not there is a refusal. */
export async function get(tx: TenantTx, scope: Scope, userId: string): Promise<User> {
  const user = await find(tx, scope, userId);
  if (user === null) throw notFound();
  return user;
}

export async function findByEmail(tx: TenantTx, scope: Scope, email: string): Promise<User | null> {
  const row = await sql.findIdByEmail(tx, { ...ids(scope), email });
  return row === null ? null : find(tx, scope, row.userId);
}

export async function findByUsername(tx: TenantTx, scope: Scope, username: string): Promise<User | null> {
  const row = await sql.findIdByUsername(tx, { ...ids(scope), username });
  return row === null ? null : find(tx, scope, row.userId);
}

export async function list(
  tx: TenantTx,
  scope: Scope,
  filter: UserFilter,
  afterId: string | null,
  limit: number,
): Promise<readonly UserSummary[]> {
  const { role, status, includeDeleted } = filter;
  // The list most asked for has an index of its own, which the general statement cannot use.
  const rows =
    role !== null && status === "active" && !includeDeleted
      ? await sql.listActiveByRole(tx, { ...ids(scope), role, afterId, limit })
      : await sql.listUsers(tx, { ...ids(scope), role, status, includeDeleted, afterId, limit });
  return rows.map(({ userId, ...row }) => ({ id: userId, ...row }));
}

export async function lock(tx: TenantTx, scope: Scope, userId: string) {
  return sql.lockUser(tx, { ...ids(scope), userId });
}

/** The ids of the active admins, all held until the transaction ends. */
export async function lockAdmins(tx: TenantTx, scope: Scope): Promise<readonly string[]> {
  return (await sql.lockAdmins(tx, ids(scope))).map(({ userId }) => userId);
}

export async function insert(tx: TenantTx, scope: Scope, userId: string, user: NewUser): Promise<void> {
  const { email, username, fullName, avatarUrl, role, status, timeZone, language } = user;
  await sql.insertUser(tx, {
    ...ids(scope),
    userId,
    email,
    username,
    fullName,
    avatarUrl,
    role,
    status,
    timeZone,
    language,
  });
}

export async function insertCredential(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  credential: { readonly hash: string; readonly pepperKeyId: string },
): Promise<void> {
  await sql.insertCredential(tx, {
    ...ids(scope),
    userId,
    passwordHash: credential.hash,
    pepperKeyId: credential.pepperKeyId,
  });
}

/** Whether the password was still the one that was verified. */
export async function updatePassword(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  verifiedHash: string,
  credential: { readonly hash: string; readonly pepperKeyId: string },
): Promise<boolean> {
  const replaced = await sql.updatePassword(tx, {
    ...ids(scope),
    userId,
    verifiedHash,
    passwordHash: credential.hash,
    pepperKeyId: credential.pepperKeyId,
  });
  return replaced > 0;
}

export async function update(tx: TenantTx, scope: Scope, userId: string, change: UserChange): Promise<void> {
  const { email, username, fullName, avatarUrl, status, timeZone, language } = change;
  await sql.updateUser(tx, {
    ...ids(scope),
    userId,
    email,
    username,
    fullName,
    avatarUrl,
    status,
    timeZone,
    language,
  });
}

export async function updateRole(tx: TenantTx, scope: Scope, userId: string, role: string): Promise<void> {
  await sql.updateRole(tx, { ...ids(scope), userId, role });
}

export async function upsertProfile(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  profile: Profile,
): Promise<void> {
  await sql.upsertProfile(tx, { ...ids(scope), userId, ...profile });
}

export async function softDelete(tx: TenantTx, scope: Scope, userId: string): Promise<number> {
  return sql.updateDeleted(tx, { ...ids(scope), userId, deletionId: Bun.randomUUIDv7() });
}

export async function restore(tx: TenantTx, scope: Scope, userId: string): Promise<number> {
  return sql.updateRestored(tx, { ...ids(scope), userId });
}

export async function statistics(tx: TenantTx, scope: Scope) {
  const { total, active, students, teachers, admins, parents, createdLast30Days } = await sql.getStatistics(
    tx,
    ids(scope),
  );
  return {
    total,
    active,
    byRole: { student: students, teacher: teachers, admin: admins, parent: parents },
    createdLast30Days,
  };
}

/** An actor holds more than the organization; a query takes nothing it does not name. */
function ids({ organizationId }: Scope): Scope {
  return { organizationId };
}

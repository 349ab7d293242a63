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
  /** What the school's other systems know the person by. */
  readonly externalId: string | null;
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

/** A person whole: all of it moves the version when it changes. */
export interface User extends UserSummary {
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedById: string | null;
  readonly profile: Profile;
}

/** How a person signs in. It changes with every attempt, which is no change of the person: it has no version. */
export interface SignIn {
  readonly hasPassword: boolean;
  readonly passwordChangedAt: Date | null;
  /** Who gave it to them, and so knows it. Null: they chose it themselves. */
  readonly passwordSetById: string | null;
  readonly lastLoginAt: Date | null;
  readonly lastLoginIp: string | null;
  /** Attempts to sign in since the last success, over all devices. */
  readonly failedLoginCount: number;
  readonly locked: boolean;
  readonly lockedUntil: Date | null;
}

/** What a new person is stored with. */
export interface NewUser {
  readonly externalId: string | null;
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

/** Null: whatever it is. */
export interface UserFilter {
  /** Any of these. */
  readonly roles: readonly Role[] | null;
  readonly statuses: readonly UserStatus[] | null;
  /** Every one of these words is the beginning of a word of the name, the username or the e-mail address. */
  readonly text: string | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly includeDeleted: boolean;
}

export const USER_ORDERS = ["oldest", "newest", "name"] as const;
export type UserOrder = (typeof USER_ORDERS)[number];

/** Where a page ends. `name`: as people are put in order by it, and only then. */
export interface UserPosition {
  readonly id: string;
  readonly name: string | null;
}

export interface ListedUser extends UserSummary {
  readonly position: UserPosition;
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
  const { userId: id, ...rest } = user;
  return {
    id,
    ...rest,
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

/** A person as others see them beside what they wrote. */
export interface Author {
  readonly id: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
}

/** By id. Who is deleted is not among them. */
export async function listAuthors(
  tx: TenantTx,
  scope: Scope,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, Author>> {
  if (userIds.length === 0) return new Map();
  const rows = await sql.listAuthors(tx, { ...ids(scope), userIds });
  return new Map(rows.map(({ userId: id, ...row }) => [id, { id, ...row }]));
}

export async function findSignIn(tx: TenantTx, scope: Scope, userId: string): Promise<SignIn | null> {
  const row = await sql.findSignIn(tx, { ...ids(scope), userId });
  if (row === null) return null;
  // A lock that has run out is none.
  return { ...row, lockedUntil: row.locked ? row.lockedUntil : null };
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

export async function findByExternalId(tx: TenantTx, scope: Scope, externalId: string): Promise<User | null> {
  const row = await sql.findIdByExternalId(tx, { ...ids(scope), externalId });
  return row === null ? null : find(tx, scope, row.userId);
}

/** Who of the deleted had what names one person; of several who was deleted last. */
export async function findDeleted(
  tx: TenantTx,
  scope: Scope,
  { email = null, username = null, externalId = null }: DeletedKey,
): Promise<User | null> {
  const row = await sql.findDeletedId(tx, { ...ids(scope), email, username, externalId });
  return row === null ? null : find(tx, scope, row.userId, true);
}

interface DeletedKey {
  readonly email?: string | null;
  readonly username?: string | null;
  readonly externalId?: string | null;
}

export async function list(
  tx: TenantTx,
  scope: Scope,
  { text, ...filter }: UserFilter,
  order: UserOrder,
  after: UserPosition | null,
  limit: number,
): Promise<readonly ListedUser[]> {
  const asked = { ...ids(scope), ...filter, afterId: after?.id ?? null, limit };
  if (text !== null) {
    const afterName = after?.name ?? null;
    const rows = await sql.listMatchingUsers(tx, { ...asked, words: text, sortOrder: order, afterName });
    return rows.map((row) => listed(row, order === "name" ? row.nameKey : null));
  }
  if (order === "name") {
    const rows = await sql.listUsersByName(tx, { ...asked, afterName: after?.name ?? null });
    return rows.map((row) => listed(row, row.nameKey));
  }
  if (order === "newest") return (await sql.listNewestUsers(tx, asked)).map((row) => listed(row, null));
  // The list most asked for has an index of its own, which the general statement cannot use.
  const role = activeOf(filter);
  const { organizationId, afterId } = asked;
  const rows =
    role === null
      ? await sql.listUsers(tx, asked)
      : await sql.listActiveByRole(tx, { organizationId, role, afterId, limit });
  return rows.map((row) => listed(row, null));
}

/** The one role of which the active are asked for and nothing else. */
function activeOf(filter: Omit<UserFilter, "text">): Role | null {
  const { roles, statuses, createdFrom, createdBefore, includeDeleted } = filter;
  const [role, another] = roles ?? [];
  const active = statuses?.length === 1 && statuses[0] === "active";
  const nothingElse = createdFrom === null && createdBefore === null && !includeDeleted;
  return role !== undefined && another === undefined && active && nothingElse ? role : null;
}

function listed<Row extends { readonly userId: string }>({ userId: id, ...row }: Row, name: string | null) {
  return { id, ...row, position: { id, name } };
}

export async function count(tx: TenantTx, scope: Scope, { text, ...filter }: UserFilter): Promise<number> {
  return sql.countUsers(tx, { ...ids(scope), ...filter, words: text });
}

export async function lock(tx: TenantTx, scope: Scope, userId: string) {
  return sql.lockUser(tx, { ...ids(scope), userId });
}

/** The ids of the active admins who can sign in, all held until the transaction ends. */
export async function lockAdmins(tx: TenantTx, scope: Scope): Promise<readonly string[]> {
  return (await sql.lockAdmins(tx, ids(scope))).map(({ userId }) => userId);
}

export async function insert(tx: TenantTx, scope: Scope, userId: string, user: NewUser): Promise<void> {
  const { externalId, email, username, fullName, avatarUrl, role, status, timeZone, language } = user;
  await sql.insertUser(tx, {
    ...ids(scope),
    userId,
    externalId,
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

interface Replacement {
  readonly verifiedHash: string;
  readonly hash: string;
  readonly pepperKeyId: string;
}

/** Whether the password was still the one that was verified. */
export async function updatePassword(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  { verifiedHash, hash: passwordHash, pepperKeyId }: Replacement,
): Promise<boolean> {
  const given = { ...ids(scope), userId, verifiedHash, passwordHash, pepperKeyId };
  return (await sql.updatePassword(tx, given)) > 0;
}

/** As `updatePassword`, for the same password under another hash. */
export async function updateRehashed(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  { verifiedHash, hash: passwordHash, pepperKeyId }: Replacement,
): Promise<boolean> {
  const given = { ...ids(scope), userId, verifiedHash, passwordHash, pepperKeyId };
  return (await sql.updateRehashed(tx, given)) > 0;
}

/** Stores a password for a person, whatever they had. */
export async function setPassword(
  tx: TenantTx,
  scope: Scope,
  userId: string,
  { hash: passwordHash, pepperKeyId }: { readonly hash: string; readonly pepperKeyId: string },
): Promise<void> {
  await sql.upsertPassword(tx, { ...ids(scope), userId, passwordHash, pepperKeyId });
}

export async function update(tx: TenantTx, scope: Scope, userId: string, change: UserChange): Promise<void> {
  const { externalId, email, username, fullName, avatarUrl, status, timeZone, language } = change;
  await sql.updateUser(tx, {
    ...ids(scope),
    userId,
    externalId,
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
  const row = await sql.getStatistics(tx, ids(scope));
  const { total, active, inactive, suspended, pending, createdLast30Days } = row;
  return {
    total,
    active,
    byRole: { student: row.students, teacher: row.teachers, admin: row.admins, parent: row.parents },
    byStatus: { active, inactive, suspended, pending },
    createdLast30Days,
    createdLast30DaysByRole: {
      student: row.newStudents,
      teacher: row.newTeachers,
      admin: row.newAdmins,
      parent: row.newParents,
    },
  };
}

/** An actor holds more than the organization; a query takes nothing it does not name. */
function ids({ organizationId }: Scope): Scope {
  return { organizationId };
}

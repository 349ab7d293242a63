// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface CountUsersParams {
  readonly organizationId: string;
  readonly includeDeleted: boolean;
  readonly roles: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly words: string | null;
}

const countUsersStatement: Statement = {
  name: "users/count_users",
  text: `select /* users/count_users */ count(*)::int as count
from app.user
where organization_id = $1
  and ($2::boolean or deleted_at is null)
  and ($3::text[] is null or role = any($3::text[]))
  and ($4::text[] is null or status = any($4::text[]))
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::text is null or user_id in (select f.user_id from app.search_users($7) f))`,
};

/** How many people there are to a list with these filters. */
export function countUsers(tx: TenantTx, params: CountUsersParams): Promise<number> {
  return one<{ readonly count: number }>(tx, countUsersStatement, [
    params.organizationId,
    params.includeDeleted,
    params.roles,
    params.statuses,
    params.createdFrom,
    params.createdBefore,
    params.words,
  ]).then((row) => row.count);
}

export interface FindDeletedIdParams {
  readonly organizationId: string;
  readonly email: string | null;
  readonly username: string | null;
  readonly externalId: string | null;
}

export interface FindDeletedIdRow {
  readonly userId: string;
}

const findDeletedIdStatement: Statement = {
  name: "users/find_deleted_id",
  text: `select /* users/find_deleted_id */ user_id from app.user
where organization_id = $1 and deleted_at is not null
  and (email_key = lower($2) or username_key = lower($3) or external_id = $4)
order by deleted_at desc, user_id desc
limit 1`,
};

/** Who of the deleted had this e-mail address or username, in whatever case, or this external id; of several who was deleted last. */
export function findDeletedId(tx: TenantTx, params: FindDeletedIdParams): Promise<FindDeletedIdRow | null> {
  return maybe<FindDeletedIdRow>(tx, findDeletedIdStatement, [
    params.organizationId,
    params.email,
    params.username,
    params.externalId,
  ]);
}

export interface FindIdByEmailParams {
  readonly organizationId: string;
  readonly email: string;
}

export interface FindIdByEmailRow {
  readonly userId: string;
}

const findIdByEmailStatement: Statement = {
  name: "users/find_id_by_email",
  text: `select /* users/find_id_by_email */ user_id from app.user
where organization_id = $1 and email_key = lower($2) and deleted_at is null`,
};

/** Who has this e-mail address, in whatever case it is written. */
export function findIdByEmail(tx: TenantTx, params: FindIdByEmailParams): Promise<FindIdByEmailRow | null> {
  return maybe<FindIdByEmailRow>(tx, findIdByEmailStatement, [params.organizationId, params.email]);
}

export interface FindIdByExternalIdParams {
  readonly organizationId: string;
  readonly externalId: string;
}

export interface FindIdByExternalIdRow {
  readonly userId: string;
}

const findIdByExternalIdStatement: Statement = {
  name: "users/find_id_by_external_id",
  text: `select /* users/find_id_by_external_id */ user_id from app.user
where organization_id = $1 and external_id = $2 and deleted_at is null`,
};

/** Who is known to the school's other systems by this id. */
export function findIdByExternalId(
  tx: TenantTx,
  params: FindIdByExternalIdParams,
): Promise<FindIdByExternalIdRow | null> {
  return maybe<FindIdByExternalIdRow>(tx, findIdByExternalIdStatement, [
    params.organizationId,
    params.externalId,
  ]);
}

export interface FindIdByUsernameParams {
  readonly organizationId: string;
  readonly username: string;
}

export interface FindIdByUsernameRow {
  readonly userId: string;
}

const findIdByUsernameStatement: Statement = {
  name: "users/find_id_by_username",
  text: `select /* users/find_id_by_username */ user_id from app.user
where organization_id = $1 and username_key = lower($2) and deleted_at is null`,
};

/** Who has this username, in whatever case it is written. */
export function findIdByUsername(
  tx: TenantTx,
  params: FindIdByUsernameParams,
): Promise<FindIdByUsernameRow | null> {
  return maybe<FindIdByUsernameRow>(tx, findIdByUsernameStatement, [params.organizationId, params.username]);
}

export interface FindSettingsParams {
  readonly organizationId: string;
}

export interface FindSettingsRow {
  readonly name: string;
  readonly slug: string;
  readonly settings: Json;
}

const findSettingsStatement: Statement = {
  name: "users/find_settings",
  text: `select /* users/find_settings */ name, slug, settings from app.organization where organization_id = $1`,
};

/** What the organization has settled about signing in, and its names, which no password may be made of. */
export function findSettings(tx: TenantTx, params: FindSettingsParams): Promise<FindSettingsRow | null> {
  return maybe<FindSettingsRow>(tx, findSettingsStatement, [params.organizationId]);
}

export interface FindSignInParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindSignInRow {
  readonly hasPassword: boolean;
  readonly passwordChangedAt: Date | null;
  readonly passwordSetById: string | null;
  readonly lastLoginAt: Date | null;
  readonly lastLoginIp: string | null;
  readonly lockedUntil: Date | null;
  readonly locked: boolean;
  readonly failedLoginCount: number;
}

const findSignInStatement: Statement = {
  name: "users/find_sign_in",
  text: `select /* users/find_sign_in */
  (c.password_hash is not null) as has_password, c.password_changed_at, c.password_set_by_id, c.last_login_at, c.last_login_ip,
  g.locked_until, coalesce(g.locked_until > now(), false) as locked,
  coalesce(g.failed, 0)::int as failed_login_count
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
left join lateral (
  select max(g.locked_until) as locked_until, sum(g.sequence - g.success_sequence) as failed
  from app.login_guard g
  where g.organization_id = u.organization_id and g.user_id = u.user_id
) g on true
where u.organization_id = $1 and u.user_id = $2 and u.deleted_at is null`,
};

/** How a person signs in, when and from where they last did, and whether they may try. */
export function findSignIn(tx: TenantTx, params: FindSignInParams): Promise<FindSignInRow | null> {
  return maybe<FindSignInRow>(tx, findSignInStatement, [params.organizationId, params.userId]);
}

export interface FindUserParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly includeDeleted: boolean;
}

export interface FindUserRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
  readonly deletedById: string | null;
  readonly bio: string | null;
  readonly dateOfBirth: string | null;
  readonly phone: string | null;
  readonly website: string | null;
  readonly codeUrl: string | null;
  readonly professionalUrl: string | null;
  readonly skills: readonly string[] | null;
  readonly interests: readonly string[] | null;
}

const findUserStatement: Statement = {
  name: "users/find_user",
  text: `select /* users/find_user */
  u.user_id, u.external_id, u.email, u.username, u.full_name, u.avatar_url, u.role, u.status, u.email_verified_at,
  u.time_zone, u.language, u.version, u.created_at, u.updated_at, u.created_by_id, u.updated_by_id, u.deleted_at,
  u.deleted_by_id,
  p.bio, p.date_of_birth, p.phone, p.website, p.code_url, p.professional_url, p.skills, p.interests
from app.user u
left join app.profile p on p.organization_id = u.organization_id and p.user_id = u.user_id
where u.organization_id = $1
  and u.user_id = $2
  and ($3::boolean or u.deleted_at is null)`,
};

/** A person with profile. Everything here moves the version when it changes. */
export function findUser(tx: TenantTx, params: FindUserParams): Promise<FindUserRow | null> {
  return maybe<FindUserRow>(tx, findUserStatement, [
    params.organizationId,
    params.userId,
    params.includeDeleted,
  ]);
}

export interface GetStatisticsParams {
  readonly organizationId: string;
}

export interface GetStatisticsRow {
  readonly total: number;
  readonly active: number;
  readonly inactive: number;
  readonly suspended: number;
  readonly pending: number;
  readonly students: number;
  readonly teachers: number;
  readonly admins: number;
  readonly parents: number;
  readonly createdLast30Days: number;
  readonly newStudents: number;
  readonly newTeachers: number;
  readonly newAdmins: number;
  readonly newParents: number;
}

const getStatisticsStatement: Statement = {
  name: "users/get_statistics",
  text: `select /* users/get_statistics */
  count(*)::int as total,
  (count(*) filter (where status = 'active'))::int as active,
  (count(*) filter (where status = 'inactive'))::int as inactive,
  (count(*) filter (where status = 'suspended'))::int as suspended,
  (count(*) filter (where status = 'pending'))::int as pending,
  (count(*) filter (where role = 'student'))::int as students,
  (count(*) filter (where role = 'teacher'))::int as teachers,
  (count(*) filter (where role = 'admin'))::int as admins,
  (count(*) filter (where role = 'parent'))::int as parents,
  (count(*) filter (where new))::int as created_last_30_days,
  (count(*) filter (where new and role = 'student'))::int as new_students,
  (count(*) filter (where new and role = 'teacher'))::int as new_teachers,
  (count(*) filter (where new and role = 'admin'))::int as new_admins,
  (count(*) filter (where new and role = 'parent'))::int as new_parents
from app.user
cross join lateral (select created_at > now() - interval '30 days' as new) n
where organization_id = $1 and deleted_at is null`,
};

/** How many people there are, by what. Deleted ones do not count. */
export function getStatistics(tx: TenantTx, params: GetStatisticsParams): Promise<GetStatisticsRow> {
  return one<GetStatisticsRow>(tx, getStatisticsStatement, [params.organizationId]);
}

export interface InsertCredentialParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly passwordHash: string;
  readonly pepperKeyId: string;
}

const insertCredentialStatement: Statement = {
  name: "users/insert_credential",
  text: `insert /* users/insert_credential */ into app.credential (organization_id, user_id, password_hash, pepper_key_id, password_changed_at, password_set_by_id)
values ($1, $2, $3, $4, now(), nullif(app.actor(), $2))`,
};

/** Gives a person a password, by its hash, and notes who knows it besides them. */
export function insertCredential(tx: TenantTx, params: InsertCredentialParams): Promise<number> {
  return count(tx, insertCredentialStatement, [
    params.organizationId,
    params.userId,
    params.passwordHash,
    params.pepperKeyId,
  ]);
}

export interface InsertUserParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: string;
  readonly status: string;
  readonly timeZone: string;
  readonly language: string;
}

export interface InsertUserRow {
  readonly userId: string;
}

const insertUserStatement: Statement = {
  name: "users/insert_user",
  text: `insert /* users/insert_user */ into app.user
  (organization_id, user_id, external_id, email, username, full_name, avatar_url, role, status, time_zone, language)
values (
  $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
)
returning user_id`,
};

/** Adds a person. */
export function insertUser(tx: TenantTx, params: InsertUserParams): Promise<InsertUserRow> {
  return one<InsertUserRow>(tx, insertUserStatement, [
    params.organizationId,
    params.userId,
    params.externalId,
    params.email,
    params.username,
    params.fullName,
    params.avatarUrl,
    params.role,
    params.status,
    params.timeZone,
    params.language,
  ]);
}

export interface ListActiveByRoleParams {
  readonly organizationId: string;
  readonly role: string;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListActiveByRoleRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
}

const listActiveByRoleStatement: Statement = {
  name: "users/list_active_by_role",
  text: `select /* users/list_active_by_role */ user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at
from app.user
where organization_id = $1
  and role = $2
  and status = 'active' and deleted_at is null
  and ($3::uuid is null or user_id > $3)
order by user_id
limit $4::int`,
};

/** Active people of one role, in the order in which they were created. Reads the partial index alone. */
export function listActiveByRole(
  tx: TenantTx,
  params: ListActiveByRoleParams,
): Promise<readonly ListActiveByRoleRow[]> {
  return many<ListActiveByRoleRow>(tx, listActiveByRoleStatement, [
    params.organizationId,
    params.role,
    params.afterId,
    params.limit,
  ]);
}

export interface ListAuthorsParams {
  readonly organizationId: string;
  readonly userIds: readonly string[];
}

export interface ListAuthorsRow {
  readonly userId: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
}

const listAuthorsStatement: Statement = {
  name: "users/list_authors",
  text: `select /* users/list_authors */ user_id, full_name, avatar_url
from app.user
where organization_id = $1 and user_id = any($2::uuid[]) and deleted_at is null
order by user_id`,
};

/** Who people are as others see them beside what they wrote; deleted ones are not among them. */
export function listAuthors(tx: TenantTx, params: ListAuthorsParams): Promise<readonly ListAuthorsRow[]> {
  return many<ListAuthorsRow>(tx, listAuthorsStatement, [params.organizationId, params.userIds]);
}

export interface ListMatchingUsersParams {
  readonly words: string;
  readonly organizationId: string;
  readonly includeDeleted: boolean;
  readonly roles: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly afterId: string | null;
  readonly sortOrder: string;
  readonly afterName: string | null;
  readonly limit: number;
}

export interface ListMatchingUsersRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly nameKey: string;
}

const listMatchingUsersStatement: Statement = {
  name: "users/list_matching_users",
  text: `select /* users/list_matching_users */ u.user_id, u.external_id, u.email, u.username, u.full_name, u.avatar_url, u.role, u.status, u.email_verified_at,
  u.time_zone, u.language, u.version, u.created_at, u.updated_at, u.deleted_at, u.name_key
from app.search_users($1) f
join app.user u on u.organization_id = $2 and u.user_id = f.user_id
where ($3::boolean or u.deleted_at is null)
  and ($4::text[] is null or u.role = any($4::text[]))
  and ($5::text[] is null or u.status = any($5::text[]))
  and ($6::timestamptz is null or u.created_at >= $6)
  and ($7::timestamptz is null or u.created_at < $7)
  and (
    $8::uuid is null
    or case $9::text
      when 'name' then (u.name_key, u.user_id) > ($10, $8)
      when 'newest' then u.user_id < $8
      else u.user_id > $8
    end
  )
order by
  case when $9::text = 'name' then u.name_key end,
  case when $9::text = 'newest' then u.user_id end desc,
  u.user_id
limit $11::int`,
};

/**
 * People with every given word at the beginning of one of theirs, in any of the orders. The narrow function finds
 * candidates by the index; app.user, under its policy, has the last word.
 */
export function listMatchingUsers(
  tx: TenantTx,
  params: ListMatchingUsersParams,
): Promise<readonly ListMatchingUsersRow[]> {
  return many<ListMatchingUsersRow>(tx, listMatchingUsersStatement, [
    params.words,
    params.organizationId,
    params.includeDeleted,
    params.roles,
    params.statuses,
    params.createdFrom,
    params.createdBefore,
    params.afterId,
    params.sortOrder,
    params.afterName,
    params.limit,
  ]);
}

export interface ListNewestUsersParams {
  readonly organizationId: string;
  readonly includeDeleted: boolean;
  readonly roles: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListNewestUsersRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
}

const listNewestUsersStatement: Statement = {
  name: "users/list_newest_users",
  text: `select /* users/list_newest_users */ user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at
from app.user
where organization_id = $1
  and ($2::boolean or deleted_at is null)
  and ($3::text[] is null or role = any($3::text[]))
  and ($4::text[] is null or status = any($4::text[]))
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::uuid is null or user_id < $7)
order by user_id desc
limit $8::int`,
};

/** People, who came last first. */
export function listNewestUsers(
  tx: TenantTx,
  params: ListNewestUsersParams,
): Promise<readonly ListNewestUsersRow[]> {
  return many<ListNewestUsersRow>(tx, listNewestUsersStatement, [
    params.organizationId,
    params.includeDeleted,
    params.roles,
    params.statuses,
    params.createdFrom,
    params.createdBefore,
    params.afterId,
    params.limit,
  ]);
}

export interface ListUsersParams {
  readonly organizationId: string;
  readonly includeDeleted: boolean;
  readonly roles: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListUsersRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
}

const listUsersStatement: Statement = {
  name: "users/list_users",
  text: `select /* users/list_users */ user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at
from app.user
where organization_id = $1
  and ($2::boolean or deleted_at is null)
  and ($3::text[] is null or role = any($3::text[]))
  and ($4::text[] is null or status = any($4::text[]))
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::uuid is null or user_id > $7)
order by user_id
limit $8::int`,
};

/** People in the order in which they were created. */
export function listUsers(tx: TenantTx, params: ListUsersParams): Promise<readonly ListUsersRow[]> {
  return many<ListUsersRow>(tx, listUsersStatement, [
    params.organizationId,
    params.includeDeleted,
    params.roles,
    params.statuses,
    params.createdFrom,
    params.createdBefore,
    params.afterId,
    params.limit,
  ]);
}

export interface ListUsersByNameParams {
  readonly organizationId: string;
  readonly includeDeleted: boolean;
  readonly roles: readonly string[] | null;
  readonly statuses: readonly string[] | null;
  readonly createdFrom: Date | null;
  readonly createdBefore: Date | null;
  readonly afterId: string | null;
  readonly afterName: string | null;
  readonly limit: number;
}

export interface ListUsersByNameRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly emailVerifiedAt: Date | null;
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly nameKey: string;
}

const listUsersByNameStatement: Statement = {
  name: "users/list_users_by_name",
  text: `select /* users/list_users_by_name */ user_id, external_id, email, username, full_name, avatar_url, role, status, email_verified_at, time_zone, language,
  version, created_at, updated_at, deleted_at, name_key
from app.user
where organization_id = $1
  and ($2::boolean or deleted_at is null)
  and ($3::text[] is null or role = any($3::text[]))
  and ($4::text[] is null or status = any($4::text[]))
  and ($5::timestamptz is null or created_at >= $5)
  and ($6::timestamptz is null or created_at < $6)
  and ($7::uuid is null or (name_key, user_id) > ($8, $7))
order by name_key, user_id
limit $9::int`,
};

/** People in the order of their names, whatever the case and the accents. */
export function listUsersByName(
  tx: TenantTx,
  params: ListUsersByNameParams,
): Promise<readonly ListUsersByNameRow[]> {
  return many<ListUsersByNameRow>(tx, listUsersByNameStatement, [
    params.organizationId,
    params.includeDeleted,
    params.roles,
    params.statuses,
    params.createdFrom,
    params.createdBefore,
    params.afterId,
    params.afterName,
    params.limit,
  ]);
}

export interface LockAdminsParams {
  readonly organizationId: string;
}

export interface LockAdminsRow {
  readonly userId: string;
}

const lockAdminsStatement: Statement = {
  name: "users/lock_admins",
  text: `select /* users/lock_admins */ u.user_id from app.user u
where u.organization_id = $1 and u.role = 'admin' and u.status = 'active' and u.deleted_at is null
  and (
    u.email is not null
    or exists (
      select from app.credential c
      where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
    )
  )
order by u.user_id
for no key update of u`,
};

/**
 * The active admins who can sign in, with a password or by a link to their address, held until the transaction ends, so
 * that two cannot both be the last to leave. All of them, always in one order, since two that locked each other's first
 * would wait for each other.
 */
export function lockAdmins(tx: TenantTx, params: LockAdminsParams): Promise<readonly LockAdminsRow[]> {
  return many<LockAdminsRow>(tx, lockAdminsStatement, [params.organizationId]);
}

export interface LockUserParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface LockUserRow {
  readonly userId: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly timeZone: string;
  readonly language: string;
  readonly version: number;
  readonly deletedAt: Date | null;
  readonly deletionId: string | null;
}

const lockUserStatement: Statement = {
  name: "users/lock_user",
  text: `select /* users/lock_user */ user_id, external_id, email, username, full_name, avatar_url, role, status, time_zone, language, version, deleted_at,
  deletion_id
from app.user
where organization_id = $1 and user_id = $2
for no key update`,
};

/** A person as they may be changed, held until the transaction ends. */
export function lockUser(tx: TenantTx, params: LockUserParams): Promise<LockUserRow | null> {
  return maybe<LockUserRow>(tx, lockUserStatement, [params.organizationId, params.userId]);
}

export interface UpdateDeletedParams {
  readonly deletionId: string;
  readonly organizationId: string;
  readonly userId: string;
}

const updateDeletedStatement: Statement = {
  name: "users/update_deleted",
  text: `update /* users/update_deleted */ app.user
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = $1
where organization_id = $2 and user_id = $3 and deleted_at is null`,
};

/** Deletes a person softly. */
export function updateDeleted(tx: TenantTx, params: UpdateDeletedParams): Promise<number> {
  return count(tx, updateDeletedStatement, [params.deletionId, params.organizationId, params.userId]);
}

export interface UpdatePasswordParams {
  readonly passwordHash: string;
  readonly pepperKeyId: string;
  readonly organizationId: string;
  readonly userId: string;
  readonly verifiedHash: string;
}

const updatePasswordStatement: Statement = {
  name: "users/update_password",
  text: `update /* users/update_password */ app.credential
set password_hash = $1, pepper_key_id = $2, password_changed_at = now(),
  password_set_by_id = null
where organization_id = $3 and user_id = $4 and password_hash = $5`,
};

/**
 * Replaces a person's password, which they choose themselves, by its hash, unless it is no longer the one that was
 * verified.
 */
export function updatePassword(tx: TenantTx, params: UpdatePasswordParams): Promise<number> {
  return count(tx, updatePasswordStatement, [
    params.passwordHash,
    params.pepperKeyId,
    params.organizationId,
    params.userId,
    params.verifiedHash,
  ]);
}

export interface UpdateRehashedParams {
  readonly passwordHash: string;
  readonly pepperKeyId: string;
  readonly organizationId: string;
  readonly userId: string;
  readonly verifiedHash: string;
}

const updateRehashedStatement: Statement = {
  name: "users/update_rehashed",
  text: `update /* users/update_rehashed */ app.credential
set password_hash = $1, pepper_key_id = $2
where organization_id = $3 and user_id = $4 and password_hash = $5`,
};

/** Stores the same password under another hash, unless it is no longer the one that was verified. */
export function updateRehashed(tx: TenantTx, params: UpdateRehashedParams): Promise<number> {
  return count(tx, updateRehashedStatement, [
    params.passwordHash,
    params.pepperKeyId,
    params.organizationId,
    params.userId,
    params.verifiedHash,
  ]);
}

export interface UpdateRestoredParams {
  readonly organizationId: string;
  readonly userId: string;
}

const updateRestoredStatement: Statement = {
  name: "users/update_restored",
  text: `update /* users/update_restored */ app.user
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = $1 and user_id = $2 and deleted_at is not null
  and not exists (select from app.erasure e where e.organization_id = $1 and e.user_id = $2)`,
};

/** Brings a deleted person back, but for one whose erasure was asked for. */
export function updateRestored(tx: TenantTx, params: UpdateRestoredParams): Promise<number> {
  return count(tx, updateRestoredStatement, [params.organizationId, params.userId]);
}

export interface UpdateRoleParams {
  readonly role: string;
  readonly organizationId: string;
  readonly userId: string;
}

const updateRoleStatement: Statement = {
  name: "users/update_role",
  text: `update /* users/update_role */ app.user set role = $1
where organization_id = $2 and user_id = $3 and deleted_at is null`,
};

/** Gives a person another role. */
export function updateRole(tx: TenantTx, params: UpdateRoleParams): Promise<number> {
  return count(tx, updateRoleStatement, [params.role, params.organizationId, params.userId]);
}

export interface UpdateUserParams {
  readonly externalId: string | null;
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly avatarUrl: string | null;
  readonly status: string;
  readonly timeZone: string;
  readonly language: string;
  readonly organizationId: string;
  readonly userId: string;
}

const updateUserStatement: Statement = {
  name: "users/update_user",
  text: `update /* users/update_user */ app.user
set external_id = $1, email = $2, username = $3, full_name = $4, avatar_url = $5,
  status = $6, time_zone = $7, language = $8,
  email_verified_at = case when email_key is distinct from lower($2) then null else email_verified_at end
where organization_id = $9 and user_id = $10 and deleted_at is null`,
};

/** Writes what may be changed of a person. Role, organization and password have statements of their own. */
export function updateUser(tx: TenantTx, params: UpdateUserParams): Promise<number> {
  return count(tx, updateUserStatement, [
    params.externalId,
    params.email,
    params.username,
    params.fullName,
    params.avatarUrl,
    params.status,
    params.timeZone,
    params.language,
    params.organizationId,
    params.userId,
  ]);
}

export interface UpsertPasswordParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly passwordHash: string;
  readonly pepperKeyId: string;
}

const upsertPasswordStatement: Statement = {
  name: "users/upsert_password",
  text: `insert /* users/upsert_password */ into app.credential (organization_id, user_id, password_hash, pepper_key_id, password_changed_at, password_set_by_id)
values ($1, $2, $3, $4, now(), nullif(app.actor(), $2))
on conflict (organization_id, user_id) do update
set password_hash = excluded.password_hash, pepper_key_id = excluded.pepper_key_id, password_changed_at = now(),
  password_set_by_id = excluded.password_set_by_id`,
};

/** Gives a person a password, by its hash, whether or not they had one, and notes who knows it besides them. */
export function upsertPassword(tx: TenantTx, params: UpsertPasswordParams): Promise<number> {
  return count(tx, upsertPasswordStatement, [
    params.organizationId,
    params.userId,
    params.passwordHash,
    params.pepperKeyId,
  ]);
}

export interface UpsertProfileParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly bio: string | null;
  readonly dateOfBirth: string | null;
  readonly phone: string | null;
  readonly website: string | null;
  readonly codeUrl: string | null;
  readonly professionalUrl: string | null;
  readonly skills: readonly string[];
  readonly interests: readonly string[];
}

const upsertProfileStatement: Statement = {
  name: "users/upsert_profile",
  text: `insert /* users/upsert_profile */ into app.profile (organization_id, user_id, bio, date_of_birth, phone, website, code_url, professional_url, skills, interests)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $10::text[])
on conflict (organization_id, user_id) do update
set bio = excluded.bio, date_of_birth = excluded.date_of_birth, phone = excluded.phone, website = excluded.website,
  code_url = excluded.code_url, professional_url = excluded.professional_url, skills = excluded.skills,
  interests = excluded.interests`,
};

/** Writes a person's profile whole. */
export function upsertProfile(tx: TenantTx, params: UpsertProfileParams): Promise<number> {
  return count(tx, upsertProfileStatement, [
    params.organizationId,
    params.userId,
    params.bio,
    params.dateOfBirth,
    params.phone,
    params.website,
    params.codeUrl,
    params.professionalUrl,
    params.skills,
    params.interests,
  ]);
}

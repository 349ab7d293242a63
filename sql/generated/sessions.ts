// Written by `bun run sql`. Do not edit.
import { type Statement, type SystemTx, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface FindByTokenParams {
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface FindByTokenRow {
  readonly sessionId: string;
  readonly userId: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly authenticatedAt: Date;
  readonly needsTouch: boolean;
  readonly organizationGeneration: number;
  readonly usersGeneration: number;
  readonly contentsGeneration: number;
}

const findByTokenStatement: Statement = {
  name: "sessions/find_by_token",
  text: `select /* sessions/find_by_token */
  s.session_id, s.user_id, u.role, s.authenticated_at,
  s.last_active_at < now() - interval '1 minute' as needs_touch,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'organization'), 0) as organization_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'users'), 0) as users_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'contents'), 0) as contents_generation
from app.session s
join app.user u on u.organization_id = s.organization_id and u.user_id = s.user_id
join app.organization o on o.organization_id = s.organization_id
where s.organization_id = $1
  and s.token_hash = any($2::bytea[])
  and s.ended_at is null
  and s.expires_at > now()
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'`,
};

/**
 * The live session of a token, with its person and the cache generations of the organization. What has ended, expired or idled out
 * is told by predicates here; pruning only tidies up.
 */
export function findByToken(tx: TenantTx, params: FindByTokenParams): Promise<FindByTokenRow | null> {
  return maybe<FindByTokenRow>(tx, findByTokenStatement, [params.organizationId, params.tokenHashes]);
}

export interface FindCredentialParams {
  readonly organizationId: string;
  readonly login: string;
}

export interface FindCredentialRow {
  readonly userId: string;
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly fullName: string;
  readonly username: string;
  readonly email: string | null;
  readonly passwordHash: string | null;
  readonly pepperKeyId: string | null;
}

const findCredentialStatement: Statement = {
  name: "sessions/find_credential",
  text: `select /* sessions/find_credential */ u.user_id, u.status, u.role, u.full_name, u.username, u.email, c.password_hash, c.pepper_key_id
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
where u.organization_id = $1
  and (lower(u.email) = lower($2) or lower(u.username) = lower($2))
  and u.deleted_at is null`,
};

/** Who would sign in with this login (an e-mail address or a username, in any case), and what must be verified. */
export function findCredential(
  tx: TenantTx,
  params: FindCredentialParams,
): Promise<FindCredentialRow | null> {
  return maybe<FindCredentialRow>(tx, findCredentialStatement, [params.organizationId, params.login]);
}

export interface FindOrganizationParams {
  readonly slug: string;
}

export interface FindOrganizationRow {
  readonly organizationId: string;
  readonly status: "active" | "suspended" | "closed";
}

const findOrganizationStatement: Statement = {
  name: "sessions/find_organization",
  text: `select /* sessions/find_organization */ organization_id, status from app.organization where slug = $1`,
};

/** Which organization a slug names: all that can be known before anybody has signed in. */
export function findOrganization(
  tx: SystemTx,
  params: FindOrganizationParams,
): Promise<FindOrganizationRow | null> {
  return maybe<FindOrganizationRow>(tx, findOrganizationStatement, [params.slug]);
}

export interface FindPasswordParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindPasswordRow {
  readonly fullName: string;
  readonly username: string;
  readonly email: string | null;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly passwordHash: string | null;
  readonly pepperKeyId: string | null;
}

const findPasswordStatement: Statement = {
  name: "sessions/find_password",
  text: `select /* sessions/find_password */ u.full_name, u.username, u.email, u.role, c.password_hash, c.pepper_key_id
from app.user u
join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
where u.organization_id = $1 and u.user_id = $2 and u.deleted_at is null`,
};

/** What must be verified before a signed-in person may change their password. */
export function findPassword(tx: TenantTx, params: FindPasswordParams): Promise<FindPasswordRow | null> {
  return maybe<FindPasswordRow>(tx, findPasswordStatement, [params.organizationId, params.userId]);
}

export interface FindSessionParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly sessionId: string;
}

export interface FindSessionRow {
  readonly sessionId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: "desktop" | "mobile" | "tablet" | "bot" | "unknown";
  readonly createdAt: Date;
  readonly lastActiveAt: Date;
  readonly expiresAt: Date;
}

const findSessionStatement: Statement = {
  name: "sessions/find_session",
  text: `select /* sessions/find_session */ session_id, ip, user_agent, device_type, created_at, last_active_at, expires_at
from app.session
where organization_id = $1 and user_id = $2 and session_id = $3
  and ended_at is null and expires_at > now()
  and (idle_timeout is null or last_active_at + idle_timeout > now())`,
};

/** One live session of a person. */
export function findSession(tx: TenantTx, params: FindSessionParams): Promise<FindSessionRow | null> {
  return maybe<FindSessionRow>(tx, findSessionStatement, [
    params.organizationId,
    params.userId,
    params.sessionId,
  ]);
}

export interface InsertSessionParams {
  readonly organizationId: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: string;
  readonly deviceId: string | null;
  readonly lifetimeMinutes: number;
  readonly idleMinutes: number | null;
}

export interface InsertSessionRow {
  readonly sessionId: string;
  readonly expiresAt: Date;
}

const insertSessionStatement: Statement = {
  name: "sessions/insert_session",
  text: `insert /* sessions/insert_session */ into app.session
  (organization_id, session_id, user_id, token_hash, ip, user_agent, device_type, device_id, expires_at, idle_timeout)
values (
  $1, $2, $3, $4, $5::inet, $6, $7, $8,
  now() + make_interval(mins => $9::int), make_interval(mins => $10::int)
)
returning session_id, expires_at`,
};

/** Opens a session. */
export function insertSession(tx: TenantTx, params: InsertSessionParams): Promise<InsertSessionRow> {
  return one<InsertSessionRow>(tx, insertSessionStatement, [
    params.organizationId,
    params.sessionId,
    params.userId,
    params.tokenHash,
    params.ip,
    params.userAgent,
    params.deviceType,
    params.deviceId,
    params.lifetimeMinutes,
    params.idleMinutes,
  ]);
}

export interface ListLiveParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListLiveRow {
  readonly sessionId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: "desktop" | "mobile" | "tablet" | "bot" | "unknown";
  readonly createdAt: Date;
  readonly lastActiveAt: Date;
  readonly expiresAt: Date;
}

const listLiveStatement: Statement = {
  name: "sessions/list_live",
  text: `select /* sessions/list_live */ session_id, ip, user_agent, device_type, created_at, last_active_at, expires_at
from app.session
where organization_id = $1 and user_id = $2
  and ended_at is null and expires_at > now()
  and (idle_timeout is null or last_active_at + idle_timeout > now())
  and ($3::uuid is null or session_id < $3)
order by session_id desc
limit $4::int`,
};

/** A person's live sessions, newest first. */
export function listLive(tx: TenantTx, params: ListLiveParams): Promise<readonly ListLiveRow[]> {
  return many<ListLiveRow>(tx, listLiveStatement, [
    params.organizationId,
    params.userId,
    params.beforeId,
    params.limit,
  ]);
}

export interface PruneSessionsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneSessionsStatement: Statement = {
  name: "sessions/prune_sessions",
  text: `delete /* sessions/prune_sessions */ from app.session s
using (
  select session_id from app.session
  where organization_id = $1
    and (expires_at < now() - interval '7 days' or ended_at < now() - interval '7 days')
  order by session_id
  limit $2::int
  for update skip locked
) old
where s.organization_id = $1 and s.session_id = old.session_id`,
};

/** Removes, at most so many at a time, sessions that expired or ended a week ago or earlier. */
export function pruneSessions(tx: TenantTx, params: PruneSessionsParams): Promise<number> {
  return count(tx, pruneSessionsStatement, [params.organizationId, params.limit]);
}

export interface UpdateAllEndedParams {
  readonly reason: string;
  readonly organizationId: string;
  readonly userId: string;
  readonly exceptId: string | null;
}

const updateAllEndedStatement: Statement = {
  name: "sessions/update_all_ended",
  text: `update /* sessions/update_all_ended */ app.session set ended_at = now(), end_reason = $1
where organization_id = $2 and user_id = $3
  and ended_at is null
  and ($4::uuid is null or session_id <> $4)`,
};

/** Ends every live session of a person, but for one if it is named. */
export function updateAllEnded(tx: TenantTx, params: UpdateAllEndedParams): Promise<number> {
  return count(tx, updateAllEndedStatement, [
    params.reason,
    params.organizationId,
    params.userId,
    params.exceptId,
  ]);
}

export interface UpdateEndedParams {
  readonly reason: string;
  readonly organizationId: string;
  readonly userId: string;
  readonly sessionId: string;
}

const updateEndedStatement: Statement = {
  name: "sessions/update_ended",
  text: `update /* sessions/update_ended */ app.session set ended_at = now(), end_reason = $1
where organization_id = $2 and user_id = $3 and session_id = $4
  and ended_at is null and expires_at > now()`,
};

/** Ends one live session of a person. */
export function updateEnded(tx: TenantTx, params: UpdateEndedParams): Promise<number> {
  return count(tx, updateEndedStatement, [
    params.reason,
    params.organizationId,
    params.userId,
    params.sessionId,
  ]);
}

export interface UpdateLastActiveParams {
  readonly organizationId: string;
  readonly sessionId: string;
}

const updateLastActiveStatement: Statement = {
  name: "sessions/update_last_active",
  text: `update /* sessions/update_last_active */ app.session set last_active_at = now()
where organization_id = $1 and session_id = $2 and ended_at is null`,
};

/** Records that a session is in use. */
export function updateLastActive(tx: TenantTx, params: UpdateLastActiveParams): Promise<number> {
  return count(tx, updateLastActiveStatement, [params.organizationId, params.sessionId]);
}

export interface UpdateLastLoginParams {
  readonly ip: string | null;
  readonly organizationId: string;
  readonly userId: string;
  readonly verifiedHash: string;
}

const updateLastLoginStatement: Statement = {
  name: "sessions/update_last_login",
  text: `update /* sessions/update_last_login */ app.credential
set last_login_at = now(), last_login_ip = $1::inet
where organization_id = $2 and user_id = $3 and password_hash = $4`,
};

/** Records when and from where a person signed in, unless their password is no longer the one that was verified. */
export function updateLastLogin(tx: TenantTx, params: UpdateLastLoginParams): Promise<number> {
  return count(tx, updateLastLoginStatement, [
    params.ip,
    params.organizationId,
    params.userId,
    params.verifiedHash,
  ]);
}

// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type SystemTx, type TenantTx, count, many, maybe } from "../tx.ts";

export interface FindByTokenParams {
  readonly organizationId: string;
  readonly freshSeconds: number;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface FindByTokenRow {
  readonly sessionId: string;
  readonly userId: string;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly settings: Json;
  readonly freshUntil: Date;
  readonly fresh: boolean;
  readonly hasSecondFactor: boolean;
  readonly needsTouch: boolean;
  readonly requestsPerMinute: number | null;
  readonly organizationGeneration: number;
  readonly usersGeneration: number;
  readonly contentsGeneration: number;
}

const findByTokenStatement: Statement = {
  name: "sessions/find_by_token",
  text: `select /* sessions/find_by_token */
  s.session_id, s.user_id, u.role, o.settings,
  proof.fresh_until, proof.fresh_until > now() as fresh,
  f.user_id is not null as has_second_factor,
  s.last_active_at < now() - interval '1 minute' as needs_touch,
  (select q.requests_per_minute from app.quota q where q.organization_id = $1) as requests_per_minute,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'organization'), 0) as organization_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'users'), 0) as users_generation,
  coalesce((select generation from app.generation g
    where g.organization_id = $1 and g.topic = 'contents'), 0) as contents_generation
from app.session s
join app.user u on u.organization_id = s.organization_id and u.user_id = s.user_id
join app.organization o on o.organization_id = s.organization_id
left join app.second_factor f on f.organization_id = s.organization_id and f.user_id = s.user_id
  and f.confirmed_at is not null
cross join lateral (
  select case
    when f.confirmed_at > s.authenticated_at then s.authenticated_at
    else s.authenticated_at + make_interval(secs => $2::int)
  end as fresh_until
) proof
where s.organization_id = $1
  and s.token_hash = any($3::bytea[])
  and s.ended_at is null
  and s.expires_at > now()
  and (s.token_expires_at is null or s.token_expires_at > now())
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'`,
};

/**
 * The live session of a token, with its person and the cache generations of the organization. What has ended, expired or idled out
 * is told by predicates here; pruning only tidies up. A proof of who somebody is counts for so many seconds, and no longer
 * than until they have a second factor: it was given without that.
 */
export function findByToken(tx: TenantTx, params: FindByTokenParams): Promise<FindByTokenRow | null> {
  return maybe<FindByTokenRow>(tx, findByTokenStatement, [
    params.organizationId,
    params.freshSeconds,
    params.tokenHashes,
  ]);
}

export interface FindChallengeParams {
  readonly tokenHashes: readonly Uint8Array[];
  readonly organizationId: string;
}

export interface FindChallengeRow {
  readonly userId: string | null;
}

const findChallengeStatement: Statement = {
  name: "sessions/find_challenge",
  text: `select /* sessions/find_challenge */ (
  select h.user_id from app.sign_in_challenge h
  where h.organization_id = o.organization_id and h.token_hash = any($1::bytea[])
    and h.consumed_at is null and h.expires_at > now()
    and o.status = 'active'
) as user_id
from app.organization o
where o.organization_id = $2`,
};

/**
 * Who has proved their password and may still prove a second factor; null when nobody has. No row when there is no such
 * organization, of which nothing can be recorded.
 */
export function findChallenge(tx: TenantTx, params: FindChallengeParams): Promise<FindChallengeRow | null> {
  return maybe<FindChallengeRow>(tx, findChallengeStatement, [params.tokenHashes, params.organizationId]);
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
  readonly lastLoginAt: Date | null;
}

const findCredentialStatement: Statement = {
  name: "sessions/find_credential",
  text: `select /* sessions/find_credential */ u.user_id, u.status, u.role, u.full_name, u.username, u.email, c.password_hash, c.pepper_key_id, c.last_login_at
from app.user u
left join app.credential c on c.organization_id = u.organization_id and c.user_id = u.user_id
where u.organization_id = $1
  and (u.email_key = lower($2) or u.username_key = lower($2))
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

export interface FindRefreshTokenParams {
  readonly tokenHashes: readonly Uint8Array[];
  readonly organizationId: string;
}

export interface FindRefreshTokenRow {
  readonly userId: string | null;
}

const findRefreshTokenStatement: Statement = {
  name: "sessions/find_refresh_token",
  text: `select /* sessions/find_refresh_token */ (
  select s.user_id
  from app.refresh_token r
  join app.session s on s.organization_id = r.organization_id and s.session_id = r.session_id
  where r.organization_id = o.organization_id and r.token_hash = any($1::bytea[])
) as user_id
from app.organization o
where o.organization_id = $2`,
};

/**
 * Whose session a refresh token is of, used or not, live or not; null when nobody has it. No row when there is no such
 * organization, of which nothing can be recorded.
 */
export function findRefreshToken(
  tx: TenantTx,
  params: FindRefreshTokenParams,
): Promise<FindRefreshTokenRow | null> {
  return maybe<FindRefreshTokenRow>(tx, findRefreshTokenStatement, [
    params.tokenHashes,
    params.organizationId,
  ]);
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
  readonly idleExpiresAt: Date | null;
  readonly longLived: boolean;
}

const findSessionStatement: Statement = {
  name: "sessions/find_session",
  text: `select /* sessions/find_session */ session_id, ip, user_agent, device_type, created_at, last_active_at, expires_at,
  last_active_at + idle_timeout as idle_expires_at, token_expires_at is not null as long_lived
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

export interface InsertChallengeParams {
  readonly tokenHash: Uint8Array;
  readonly longLived: boolean;
  readonly minutes: number;
  readonly organizationId: string;
  readonly userId: string;
  readonly verifiedHash: string;
}

export interface InsertChallengeRow {
  readonly expiresAt: Date;
}

const insertChallengeStatement: Statement = {
  name: "sessions/insert_challenge",
  text: `insert /* sessions/insert_challenge */ into app.sign_in_challenge
  (organization_id, token_hash, user_id, password_changed_at, long_lived, expires_at)
select c.organization_id, $1, c.user_id, c.password_changed_at, $2, now() + make_interval(mins => $3::int)
from app.credential c
where c.organization_id = $4 and c.user_id = $5 and c.password_hash = $6
returning expires_at`,
};

/**
 * Remembers that somebody has proved their password and is to prove a second factor within so many minutes. No row when
 * the password is no longer the one that was proved.
 */
export function insertChallenge(
  tx: TenantTx,
  params: InsertChallengeParams,
): Promise<InsertChallengeRow | null> {
  return maybe<InsertChallengeRow>(tx, insertChallengeStatement, [
    params.tokenHash,
    params.longLived,
    params.minutes,
    params.organizationId,
    params.userId,
    params.verifiedHash,
  ]);
}

export interface InsertRefreshTokenParams {
  readonly organizationId: string;
  readonly tokenHash: Uint8Array;
  readonly sessionId: string;
}

const insertRefreshTokenStatement: Statement = {
  name: "sessions/insert_refresh_token",
  text: `insert /* sessions/insert_refresh_token */ into app.refresh_token (organization_id, token_hash, session_id)
values ($1, $2, $3)`,
};

/** Gives a session a refresh token, by its hash. It has one at most that is unused. */
export function insertRefreshToken(tx: TenantTx, params: InsertRefreshTokenParams): Promise<number> {
  return count(tx, insertRefreshTokenStatement, [params.organizationId, params.tokenHash, params.sessionId]);
}

export interface InsertSessionParams {
  readonly sessionId: string;
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly deviceType: string;
  readonly deviceId: string | null;
  readonly lifetimeMinutes: number;
  readonly idleMinutes: number | null;
  readonly tokenMinutes: number | null;
  readonly organizationId: string;
}

export interface InsertSessionRow {
  readonly sessionId: string;
  readonly expiresAt: Date;
  readonly tokenExpiresAt: Date | null;
  readonly idleExpiresAt: Date | null;
}

const insertSessionStatement: Statement = {
  name: "sessions/insert_session",
  text: `insert /* sessions/insert_session */ into app.session
  (organization_id, session_id, user_id, token_hash, ip, user_agent, device_type, device_id, expires_at, idle_timeout,
    token_expires_at)
select
  o.organization_id, $1, $2, $3, $4::inet, $5, $6, $7,
  now() + make_interval(mins => $8::int), make_interval(mins => $9::int),
  now() + make_interval(mins => $10::int)
from app.organization o
where o.organization_id = $11 and o.status = 'active'
returning session_id, expires_at, token_expires_at, last_active_at + idle_timeout as idle_expires_at`,
};

/** Opens a session. No row when the organization lets nobody in: it would come to life once it does again. */
export function insertSession(tx: TenantTx, params: InsertSessionParams): Promise<InsertSessionRow | null> {
  return maybe<InsertSessionRow>(tx, insertSessionStatement, [
    params.sessionId,
    params.userId,
    params.tokenHash,
    params.ip,
    params.userAgent,
    params.deviceType,
    params.deviceId,
    params.lifetimeMinutes,
    params.idleMinutes,
    params.tokenMinutes,
    params.organizationId,
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
  readonly idleExpiresAt: Date | null;
  readonly longLived: boolean;
}

const listLiveStatement: Statement = {
  name: "sessions/list_live",
  text: `select /* sessions/list_live */ session_id, ip, user_agent, device_type, created_at, last_active_at, expires_at,
  last_active_at + idle_timeout as idle_expires_at, token_expires_at is not null as long_lived
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

export interface LockRefreshTokenParams {
  readonly seconds: number;
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface LockRefreshTokenRow {
  readonly sessionId: string;
  readonly userId: string;
  readonly again: boolean;
}

const lockRefreshTokenStatement: Statement = {
  name: "sessions/lock_refresh_token",
  text: `select /* sessions/lock_refresh_token */ r.session_id, s.user_id, r.used_at < now() - make_interval(secs => $1::int) as again
from app.refresh_token r
join app.session s on s.organization_id = r.organization_id and s.session_id = r.session_id
where r.organization_id = $2 and r.token_hash = any($3::bytea[])
  and r.used_at is not null
  and s.ended_at is null and s.expires_at > now()
for update of r`,
};

/**
 * A refresh token that was used, held until the transaction ends. `again`: longer ago than requests under way at the same
 * moment can be apart.
 */
export function lockRefreshToken(
  tx: TenantTx,
  params: LockRefreshTokenParams,
): Promise<LockRefreshTokenRow | null> {
  return maybe<LockRefreshTokenRow>(tx, lockRefreshTokenStatement, [
    params.seconds,
    params.organizationId,
    params.tokenHashes,
  ]);
}

export interface PruneChallengesParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneChallengesStatement: Statement = {
  name: "sessions/prune_challenges",
  text: `with /* sessions/prune_challenges */ old as materialized (
  select token_hash from app.sign_in_challenge
  where organization_id = $1 and expires_at < now()
  order by expires_at
  limit $2::int
  for update skip locked
)
delete from app.sign_in_challenge h
using old
where h.organization_id = $1 and h.token_hash = old.token_hash`,
};

/** Removes, at most so many at a time, challenges that have expired. */
export function pruneChallenges(tx: TenantTx, params: PruneChallengesParams): Promise<number> {
  return count(tx, pruneChallengesStatement, [params.organizationId, params.limit]);
}

export interface PruneSessionsParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneSessionsStatement: Statement = {
  name: "sessions/prune_sessions",
  text: `with /* sessions/prune_sessions */ old as materialized (
  select session_id from app.session
  where organization_id = $1
    and (expires_at < now() - interval '7 days' or ended_at < now() - interval '7 days')
  order by session_id
  limit $2::int
  for update skip locked
)
delete from app.session s
using old
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

export interface UpdateChallengeConsumedParams {
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface UpdateChallengeConsumedRow {
  readonly longLived: boolean;
  readonly passwordHash: string | null;
  readonly lastLoginAt: Date | null;
}

const updateChallengeConsumedStatement: Statement = {
  name: "sessions/update_challenge_consumed",
  text: `update /* sessions/update_challenge_consumed */ app.sign_in_challenge h set consumed_at = now()
from app.credential c
where h.organization_id = $1 and h.token_hash = any($2::bytea[])
  and h.consumed_at is null and h.expires_at > now()
  and c.organization_id = h.organization_id and c.user_id = h.user_id
  and c.password_changed_at is not distinct from h.password_changed_at
returning h.long_lived, c.password_hash, c.last_login_at`,
};

/**
 * Uses a challenge up. No row when it was used, has expired, or the password was replaced since. Of two that race one gets
 * the row.
 */
export function updateChallengeConsumed(
  tx: TenantTx,
  params: UpdateChallengeConsumedParams,
): Promise<UpdateChallengeConsumedRow | null> {
  return maybe<UpdateChallengeConsumedRow>(tx, updateChallengeConsumedStatement, [
    params.organizationId,
    params.tokenHashes,
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

export interface UpdateExcessEndedParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly keep: number;
}

export interface UpdateExcessEndedRow {
  readonly sessionId: string;
}

const updateExcessEndedStatement: Statement = {
  name: "sessions/update_excess_ended",
  text: `update /* sessions/update_excess_ended */ app.session s set ended_at = now(), end_reason = 'too_many'
from (
  select session_id from app.session
  where organization_id = $1 and user_id = $2
    and ended_at is null and expires_at > now()
    and (idle_timeout is null or last_active_at + idle_timeout > now())
  order by session_id = $3 desc, created_at desc, session_id desc
  offset $4::int
) excess
where s.organization_id = $1 and s.session_id = excess.session_id and s.ended_at is null
returning s.session_id`,
};

/** Ends a person's oldest live sessions until so many are left, the newest of them the one that is named. */
export function updateExcessEnded(
  tx: TenantTx,
  params: UpdateExcessEndedParams,
): Promise<readonly UpdateExcessEndedRow[]> {
  return many<UpdateExcessEndedRow>(tx, updateExcessEndedStatement, [
    params.organizationId,
    params.userId,
    params.sessionId,
    params.keep,
  ]);
}

export interface UpdateLastActiveParams {
  readonly ip: string | null;
  readonly organizationId: string;
  readonly sessionId: string;
}

const updateLastActiveStatement: Statement = {
  name: "sessions/update_last_active",
  text: `update /* sessions/update_last_active */ app.session set last_active_at = now(), ip = coalesce($1::inet, ip)
where organization_id = $2 and session_id = $3 and ended_at is null`,
};

/** Records that a session is in use, and from where. */
export function updateLastActive(tx: TenantTx, params: UpdateLastActiveParams): Promise<number> {
  return count(tx, updateLastActiveStatement, [params.ip, params.organizationId, params.sessionId]);
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

export interface UpdateRefreshTokenUsedParams {
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
}

export interface UpdateRefreshTokenUsedRow {
  readonly sessionId: string;
  readonly userId: string;
  readonly expiresAt: Date;
}

const updateRefreshTokenUsedStatement: Statement = {
  name: "sessions/update_refresh_token_used",
  text: `update /* sessions/update_refresh_token_used */ app.refresh_token r set used_at = now()
from app.session s
join app.user u on u.organization_id = s.organization_id and u.user_id = s.user_id
join app.organization o on o.organization_id = s.organization_id
where r.organization_id = $1 and r.token_hash = any($2::bytea[])
  and r.used_at is null
  and s.organization_id = r.organization_id and s.session_id = r.session_id
  and s.ended_at is null
  and s.expires_at > now()
  and (s.idle_timeout is null or s.last_active_at + s.idle_timeout > now())
  and u.status = 'active' and u.deleted_at is null
  and o.status = 'active'
returning s.session_id, s.user_id, s.expires_at`,
};

/**
 * Uses a refresh token up. No row when it was used before, or when its session would not be let in either: the predicates
 * are those of find_by_token. Of those that come at once one gets the row.
 */
export function updateRefreshTokenUsed(
  tx: TenantTx,
  params: UpdateRefreshTokenUsedParams,
): Promise<UpdateRefreshTokenUsedRow | null> {
  return maybe<UpdateRefreshTokenUsedRow>(tx, updateRefreshTokenUsedStatement, [
    params.organizationId,
    params.tokenHashes,
  ]);
}

export interface UpdateTokenParams {
  readonly tokenHash: Uint8Array;
  readonly tokenMinutes: number;
  readonly proved: boolean;
  readonly ip: string | null;
  readonly organizationId: string;
  readonly userId: string;
  readonly sessionId: string;
}

export interface UpdateTokenRow {
  readonly expiresAt: Date;
  readonly idleExpiresAt: Date | null;
}

const updateTokenStatement: Statement = {
  name: "sessions/update_token",
  text: `update /* sessions/update_token */ app.session
set
  token_hash = $1,
  token_expires_at = case
    when token_expires_at is not null then least(now() + make_interval(mins => $2::int), expires_at)
  end,
  authenticated_at = case when $3::boolean then now() else authenticated_at end,
  last_active_at = now(),
  ip = coalesce($4::inet, ip)
where organization_id = $5 and user_id = $6 and session_id = $7
  and ended_at is null and expires_at > now()
returning coalesce(token_expires_at, expires_at) as expires_at, last_active_at + idle_timeout as idle_expires_at`,
};

/**
 * Gives a live session another token: the old one is void at once. Of a long-lived client's session the token lives on for
 * so many minutes, but no longer than the session; any other for as long as that.
 */
export function updateToken(tx: TenantTx, params: UpdateTokenParams): Promise<UpdateTokenRow | null> {
  return maybe<UpdateTokenRow>(tx, updateTokenStatement, [
    params.tokenHash,
    params.tokenMinutes,
    params.proved,
    params.ip,
    params.organizationId,
    params.userId,
    params.sessionId,
  ]);
}

// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface ClaimLinkParams {
  readonly organizationId: string;
  readonly linkId: string;
}

export interface ClaimLinkRow {
  readonly email: string;
  readonly sessionId: string | null;
  readonly mailed: boolean;
}

const claimLinkStatement: Statement = {
  name: "links/claim_link",
  text: `update /* links/claim_link */ app.link set consumed_at = now()
where organization_id = $1 and link_id = $2
  and consumed_at is null and ended_at is null and expires_at > now()
returning email, session_id, mailed`,
};

/** Uses a link up; no row when it was, has ended or has expired. Of two at once one gets it. */
export function claimLink(tx: TenantTx, params: ClaimLinkParams): Promise<ClaimLinkRow | null> {
  return maybe<ClaimLinkRow>(tx, claimLinkStatement, [params.organizationId, params.linkId]);
}

export interface CountToAddressParams {
  readonly organizationId: string;
  readonly email: string;
}

const countToAddressStatement: Statement = {
  name: "links/count_to_address",
  text: `select /* links/count_to_address */ count(*)::int as count from app.link
where organization_id = $1 and lower(email) = lower($2) and kind = 'verification'
  and created_at > now() - interval '1 hour'`,
};

/** How many links to confirm an address were made for this one within the last hour, whoever gave it. */
export function countToAddress(tx: TenantTx, params: CountToAddressParams): Promise<number> {
  return one<{ readonly count: number }>(tx, countToAddressStatement, [
    params.organizationId,
    params.email,
  ]).then((row) => row.count);
}

export interface DeleteToPersonParams {
  readonly organizationId: string;
  readonly userId: string;
}

const deleteToPersonStatement: Statement = {
  name: "links/delete_to_person",
  text: `delete /* links/delete_to_person */ from app.link l
using app.user u
where l.organization_id = $1
  and u.organization_id = l.organization_id and u.user_id = $2 and u.email_key = lower(l.email)`,
};

/** Removes what was mailed to the address of a person on behalf of somebody else. */
export function deleteToPerson(tx: TenantTx, params: DeleteToPersonParams): Promise<number> {
  return count(tx, deleteToPersonStatement, [params.organizationId, params.userId]);
}

export interface FindAddressGivenParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindAddressGivenRow {
  readonly email: string;
}

const findAddressGivenStatement: Statement = {
  name: "links/find_address_given",
  text: `select /* links/find_address_given */ l.email
from app.link l
join app.user u on u.organization_id = l.organization_id and u.user_id = l.user_id and u.email is null
where l.organization_id = $1 and l.user_id = $2 and l.kind = 'verification' and l.consumed_at is null
order by l.link_id desc
limit 1`,
};

/** The address that somebody gave when they signed up and have not confirmed yet. */
export function findAddressGiven(
  tx: TenantTx,
  params: FindAddressGivenParams,
): Promise<FindAddressGivenRow | null> {
  return maybe<FindAddressGivenRow>(tx, findAddressGivenStatement, [params.organizationId, params.userId]);
}

export interface FindLinkParams {
  readonly organizationId: string;
  readonly tokenHashes: readonly Uint8Array[];
  readonly kind: string;
}

export interface FindLinkRow {
  readonly linkId: string;
  readonly userId: string;
  readonly open: boolean;
  readonly usedLately: boolean;
  readonly role: "student" | "teacher" | "admin" | "parent";
  readonly username: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly passwordHash: string | null;
  readonly pepperKeyId: string | null;
}

const findLinkStatement: Statement = {
  name: "links/find_link",
  text: `select /* links/find_link */ l.link_id, l.user_id,
  l.consumed_at is null and l.ended_at is null and l.expires_at > now() as open,
  coalesce(l.consumed_at > now() - interval '24 hours', false) as used_lately,
  u.role, u.username, u.full_name, u.email, c.password_hash, c.pepper_key_id
from app.link l
join app.user u on u.organization_id = l.organization_id and u.user_id = l.user_id
left join app.credential c on c.organization_id = l.organization_id and c.user_id = l.user_id
where l.organization_id = $1 and l.token_hash = any($2::bytea[]) and l.kind = $3
  and u.deleted_at is null`,
};

/** Whose link a token is, open or not, what their password is, and what another must not be made of. */
export function findLink(tx: TenantTx, params: FindLinkParams): Promise<FindLinkRow | null> {
  return maybe<FindLinkRow>(tx, findLinkStatement, [params.organizationId, params.tokenHashes, params.kind]);
}

export interface FindOrganizationParams {
  readonly organizationId: string;
}

export interface FindOrganizationRow {
  readonly status: "active" | "suspended" | "closed";
}

const findOrganizationStatement: Statement = {
  name: "links/find_organization",
  text: `select /* links/find_organization */ status from app.organization where organization_id = $1`,
};

/** Whether the organization that a token names is there and active. */
export function findOrganization(
  tx: TenantTx,
  params: FindOrganizationParams,
): Promise<FindOrganizationRow | null> {
  return maybe<FindOrganizationRow>(tx, findOrganizationStatement, [params.organizationId]);
}

export interface FindPersonParams {
  readonly organizationId: string;
  readonly login: string;
}

export interface FindPersonRow {
  readonly userId: string;
}

const findPersonStatement: Statement = {
  name: "links/find_person",
  text: `select /* links/find_person */ user_id from app.user
where organization_id = $1
  and (email_key = lower($2) or username_key = lower($2))
  and deleted_at is null`,
};

/** Whose login (an e-mail address or a username, in any case) it is. */
export function findPerson(tx: TenantTx, params: FindPersonParams): Promise<FindPersonRow | null> {
  return maybe<FindPersonRow>(tx, findPersonStatement, [params.organizationId, params.login]);
}

export interface GetRecentParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly kind: string;
  readonly ip: string | null;
}

export interface GetRecentRow {
  readonly person: number;
  readonly network: number;
}

const getRecentStatement: Statement = {
  name: "links/get_recent",
  text: `select /* links/get_recent */
  (select count(*)::int from app.link
    where organization_id = $1 and user_id = $2 and kind = $3
      and created_at > now() - interval '1 hour') as person,
  (select count(*)::int from app.link
    where organization_id = $1
      and network = network(set_masklen($4::inet, case family($4::inet) when 6 then 64 else 32 end))::inet
      and created_at > now() - interval '1 hour') as network`,
};

/** How many links of a kind a person was mailed in the last hour, and how many were asked for from a network. */
export function getRecent(tx: TenantTx, params: GetRecentParams): Promise<GetRecentRow> {
  return one<GetRecentRow>(tx, getRecentStatement, [
    params.organizationId,
    params.userId,
    params.kind,
    params.ip,
  ]);
}

export interface InsertLinkParams {
  readonly organizationId: string;
  readonly linkId: string;
  readonly kind: string;
  readonly userId: string;
  readonly tokenHash: Uint8Array;
  readonly email: string;
  readonly ip: string | null;
  readonly sessionId: string | null;
  readonly mailed: boolean;
  readonly lifetimeMinutes: number;
}

export interface InsertLinkRow {
  readonly expiresAt: Date;
}

const insertLinkStatement: Statement = {
  name: "links/insert_link",
  text: `insert /* links/insert_link */ into app.link (organization_id, link_id, kind, user_id, token_hash, email, network, session_id, mailed, expires_at)
values (
  $1, $2, $3, $4, $5, $6,
  network(set_masklen($7::inet, case family($7::inet) when 6 then 64 else 32 end))::inet, $8,
  $9, now() + make_interval(mins => $10::int)
)
returning expires_at`,
};

/** Stores a link by the hash of its token. */
export function insertLink(tx: TenantTx, params: InsertLinkParams): Promise<InsertLinkRow> {
  return one<InsertLinkRow>(tx, insertLinkStatement, [
    params.organizationId,
    params.linkId,
    params.kind,
    params.userId,
    params.tokenHash,
    params.email,
    params.ip,
    params.sessionId,
    params.mailed,
    params.lifetimeMinutes,
  ]);
}

export interface InsertLinksParams {
  readonly organizationId: string;
  readonly kind: string;
  readonly lifetimeMinutes: number;
  readonly links: Exclude<Json, null>;
}

export interface InsertLinksRow {
  readonly expiresAt: Date;
}

const insertLinksStatement: Statement = {
  name: "links/insert_links",
  text: `insert /* links/insert_links */ into app.link (organization_id, link_id, kind, user_id, token_hash, email, mailed, expires_at)
select
  $1, r.link_id, $2, r.user_id, decode(r.token_hash, 'hex'), r.email, true,
  now() + make_interval(mins => $3::int)
from json_to_recordset($4::json) as r (link_id uuid, user_id uuid, token_hash text, email text)
returning expires_at`,
};

/** Stores links of a kind to several people, each by the hash of its token. */
export function insertLinks(tx: TenantTx, params: InsertLinksParams): Promise<readonly InsertLinksRow[]> {
  return many<InsertLinksRow>(tx, insertLinksStatement, [
    params.organizationId,
    params.kind,
    params.lifetimeMinutes,
    params.links,
  ]);
}

export interface LockInvitableParams {
  readonly organizationId: string;
  readonly userIds: readonly string[];
  readonly most: number;
}

export interface LockInvitableRow {
  readonly userId: string;
  readonly email: string;
}

const lockInvitableStatement: Statement = {
  name: "links/lock_invitable",
  text: `select /* links/lock_invitable */ u.user_id, u.email
from app.user u
where u.organization_id = $1 and u.user_id = any($2::uuid[]) and u.deleted_at is null
  and u.email is not null and u.status in ('active', 'pending')
  and not exists (
    select from app.credential c
    where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
  )
  and (
    select count(*) from app.link l
    where l.organization_id = u.organization_id and l.user_id = u.user_id and l.kind = 'invitation'
      and l.created_at > now() - interval '1 hour'
  ) < $3::int
order by u.user_id
for no key update of u`,
};

/**
 * Those of these people who can be invited: they have an address and no password, are not shut out, and were mailed fewer
 * invitations than may be within the last hour. Held until the transaction ends, always in one order.
 */
export function lockInvitable(
  tx: TenantTx,
  params: LockInvitableParams,
): Promise<readonly LockInvitableRow[]> {
  return many<LockInvitableRow>(tx, lockInvitableStatement, [
    params.organizationId,
    params.userIds,
    params.most,
  ]);
}

export interface LockPersonParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface LockPersonRow {
  readonly userId: string;
  readonly username: string;
  readonly email: string | null;
  readonly emailVerifiedAt: Date | null;
  readonly status: "active" | "inactive" | "suspended" | "pending";
  readonly hasPassword: boolean;
}

const lockPersonStatement: Statement = {
  name: "links/lock_person",
  text: `select /* links/lock_person */ u.user_id, u.username, u.email, u.email_verified_at, u.status,
  exists (
    select from app.credential c
    where c.organization_id = u.organization_id and c.user_id = u.user_id and c.password_hash is not null
  ) as has_password
from app.user u
where u.organization_id = $1 and u.user_id = $2 and u.deleted_at is null
for no key update of u`,
};

/** A person as far as links go, held until the transaction ends: their links are made and used up one after another. */
export function lockPerson(tx: TenantTx, params: LockPersonParams): Promise<LockPersonRow | null> {
  return maybe<LockPersonRow>(tx, lockPersonStatement, [params.organizationId, params.userId]);
}

export interface PruneLinksParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneLinksStatement: Statement = {
  name: "links/prune_links",
  text: `with /* links/prune_links */ old as materialized (
  select link_id from app.link
  where organization_id = $1 and expires_at < now() - interval '7 days'
  order by expires_at
  limit $2::int
  for update skip locked
)
delete from app.link l
using old
where l.organization_id = $1 and l.link_id = old.link_id`,
};

/** Removes, at most so many at a time, links that expired a week ago or earlier. */
export function pruneLinks(tx: TenantTx, params: PruneLinksParams): Promise<number> {
  return count(tx, pruneLinksStatement, [params.organizationId, params.limit]);
}

export interface UpdateEmailParams {
  readonly email: string;
  readonly organizationId: string;
  readonly userId: string;
}

const updateEmailStatement: Statement = {
  name: "links/update_email",
  text: `update /* links/update_email */ app.user set email = $1, email_verified_at = now()
where organization_id = $2 and user_id = $3 and deleted_at is null`,
};

/** Gives a person another e-mail address, which they have just shown to be theirs. */
export function updateEmail(tx: TenantTx, params: UpdateEmailParams): Promise<number> {
  return count(tx, updateEmailStatement, [params.email, params.organizationId, params.userId]);
}

export interface UpdateEmailVerifiedParams {
  readonly organizationId: string;
  readonly userId: string;
}

const updateEmailVerifiedStatement: Statement = {
  name: "links/update_email_verified",
  text: `update /* links/update_email_verified */ app.user
set email_verified_at = coalesce(email_verified_at, now()),
  status = case status when 'pending' then 'active' else status end
where organization_id = $1 and user_id = $2 and deleted_at is null`,
};

/**
 * Records that a person reads the mailbox of their address, and lets in who was only waiting for that. Never somebody
 * who was shut out.
 */
export function updateEmailVerified(tx: TenantTx, params: UpdateEmailVerifiedParams): Promise<number> {
  return count(tx, updateEmailVerifiedStatement, [params.organizationId, params.userId]);
}

export interface UpdateEndedParams {
  readonly organizationId: string;
  readonly userIds: readonly string[];
  readonly kind: string;
}

const updateEndedStatement: Statement = {
  name: "links/update_ended",
  text: `update /* links/update_ended */ app.link set ended_at = now()
where organization_id = $1 and user_id = any($2::uuid[]) and kind = $3
  and consumed_at is null and ended_at is null`,
};

/** Ends the open links of this kind of these people. */
export function updateEnded(tx: TenantTx, params: UpdateEndedParams): Promise<number> {
  return count(tx, updateEndedStatement, [params.organizationId, params.userIds, params.kind]);
}

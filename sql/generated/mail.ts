// Written by `bun run sql`. Do not edit.
import { type Json, type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface ClaimMailParams {
  readonly seconds: number;
  readonly organizationId: string;
  readonly mailId: string;
}

export interface ClaimMailRow {
  readonly template: "verify_email" | "invitation" | "reset_password" | "confirm_email" | "email_changed" | "password_changed" | "new_device" | "login_locked" | "second_factor_changed" | "attack_suspected" | "session_reused" | "already_registered" | "confirm_sign_up" | "api_key_created";
  readonly language: "en" | "es";
  readonly content: Uint8Array;
  readonly link: Uint8Array | null;
  readonly fullName: string;
  readonly organization: string;
  readonly expired: boolean;
  readonly deleted: boolean;
  readonly shut: boolean | null;
}

const claimMailStatement: Statement = {
  name: "mail/claim_mail",
  text: `update /* mail/claim_mail */ app.mail m
set attempts = m.attempts + 1, state = 'queued', sending_until = now() + make_interval(secs => $1::int)
from app.user u
join app.organization o on o.organization_id = u.organization_id
where m.organization_id = $2 and m.mail_id = $3
  and m.state in ('queued', 'failed')
  and (m.sending_until is null or m.sending_until < now())
  and u.organization_id = m.organization_id and u.user_id = m.user_id
returning m.template, m.language, m.content, m.link, u.full_name, o.name as organization,
  coalesce(m.expires_at < now(), false) as expired, u.deleted_at is not null as deleted,
  o.status <> 'active' as shut`,
};

/**
 * Takes a mail for one attempt to send it, unless another worker is at it. One that failed is taken again when its job
 * is brought back.
 */
export function claimMail(tx: TenantTx, params: ClaimMailParams): Promise<ClaimMailRow | null> {
  return maybe<ClaimMailRow>(tx, claimMailStatement, [params.seconds, params.organizationId, params.mailId]);
}

export interface DeleteToAddressParams {
  readonly organizationId: string;
  readonly addressHashes: readonly Uint8Array[];
}

const deleteToAddressStatement: Statement = {
  name: "mail/delete_to_address",
  text: `delete /* mail/delete_to_address */ from app.mail where organization_id = $1 and address_hash = any($2::bytea[])`,
};

/** Removes what was mailed to an address, by its keyed hashes, whoever it was for. */
export function deleteToAddress(tx: TenantTx, params: DeleteToAddressParams): Promise<number> {
  return count(tx, deleteToAddressStatement, [params.organizationId, params.addressHashes]);
}

export interface ExistsClaimedParams {
  readonly organizationId: string;
  readonly mailId: string;
}

const existsClaimedStatement: Statement = {
  name: "mail/exists_claimed",
  text: `select /* mail/exists_claimed */ exists (
  select from app.mail
  where organization_id = $1 and mail_id = $2 and state = 'queued' and sending_until >= now()
) as exists`,
};

/** Whether another worker is at this mail. */
export function existsClaimed(tx: TenantTx, params: ExistsClaimedParams): Promise<boolean> {
  return one<{ readonly exists: boolean }>(tx, existsClaimedStatement, [
    params.organizationId,
    params.mailId,
  ]).then((row) => row.exists);
}

export interface FindMailParams {
  readonly organizationId: string;
  readonly mailId: string;
}

export interface FindMailRow {
  readonly mailId: string;
  readonly userId: string;
  readonly template: "verify_email" | "invitation" | "reset_password" | "confirm_email" | "email_changed" | "password_changed" | "new_device" | "login_locked" | "second_factor_changed" | "attack_suspected" | "session_reused" | "already_registered" | "confirm_sign_up" | "api_key_created";
  readonly language: "en" | "es";
  readonly content: Uint8Array;
  readonly link: Uint8Array | null;
  readonly state: "queued" | "kept" | "sent" | "failed";
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
  readonly fullName: string;
  readonly organization: string;
}

const findMailStatement: Statement = {
  name: "mail/find_mail",
  text: `select /* mail/find_mail */ m.mail_id, m.user_id, m.template, m.language, m.content, m.link, m.state, m.attempts, m.last_error, m.created_at,
  m.sent_at, u.full_name, o.name as organization
from app.mail m
join app.user u on u.organization_id = m.organization_id and u.user_id = m.user_id
join app.organization o on o.organization_id = m.organization_id
where m.organization_id = $1 and m.mail_id = $2`,
};

/** One mail, with whom and what it names. */
export function findMail(tx: TenantTx, params: FindMailParams): Promise<FindMailRow | null> {
  return maybe<FindMailRow>(tx, findMailStatement, [params.organizationId, params.mailId]);
}

export interface FindRecipientParams {
  readonly organizationId: string;
  readonly userId: string;
}

export interface FindRecipientRow {
  readonly email: string | null;
  readonly language: string;
}

const findRecipientStatement: Statement = {
  name: "mail/find_recipient",
  text: `select /* mail/find_recipient */ email, language from app.user where organization_id = $1 and user_id = $2`,
};

/** Whom a mail to this person goes to, and in which language. */
export function findRecipient(tx: TenantTx, params: FindRecipientParams): Promise<FindRecipientRow | null> {
  return maybe<FindRecipientRow>(tx, findRecipientStatement, [params.organizationId, params.userId]);
}

export interface InsertMailParams {
  readonly organizationId: string;
  readonly mailId: string;
  readonly userId: string;
  readonly template: string;
  readonly language: string;
  readonly content: Uint8Array;
  readonly addressHash: Uint8Array;
  readonly link: Uint8Array | null;
  readonly state: string;
  readonly expiresAt: Date | null;
}

const insertMailStatement: Statement = {
  name: "mail/insert_mail",
  text: `insert /* mail/insert_mail */ into app.mail (organization_id, mail_id, user_id, template, language, content, address_hash, link, state, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
};

/** Stores a mail that is to be sent or kept. */
export function insertMail(tx: TenantTx, params: InsertMailParams): Promise<number> {
  return count(tx, insertMailStatement, [
    params.organizationId,
    params.mailId,
    params.userId,
    params.template,
    params.language,
    params.content,
    params.addressHash,
    params.link,
    params.state,
    params.expiresAt,
  ]);
}

export interface InsertMailsParams {
  readonly organizationId: string;
  readonly mails: Exclude<Json, null>;
}

const insertMailsStatement: Statement = {
  name: "mail/insert_mails",
  text: `insert /* mail/insert_mails */ into app.mail (organization_id, mail_id, user_id, template, language, content, address_hash, link, state, expires_at)
select
  $1, r.mail_id, r.user_id, r.template, r.language, decode(r.content, 'hex'), decode(r.address_hash, 'hex'),
  decode(r.link, 'hex'), r.state, r.expires_at
from json_to_recordset($2::json) as r (
  mail_id uuid, user_id uuid, template text, language text, content text, address_hash text, link text, state text,
  expires_at timestamptz
)`,
};

/** Stores mail to several people that is to be sent or kept. */
export function insertMails(tx: TenantTx, params: InsertMailsParams): Promise<number> {
  return count(tx, insertMailsStatement, [params.organizationId, params.mails]);
}

export interface ListFailedParams {
  readonly organizationId: string;
  readonly afterId: string | null;
  readonly limit: number;
}

export interface ListFailedRow {
  readonly mailId: string;
}

const listFailedStatement: Statement = {
  name: "mail/list_failed",
  text: `select /* mail/list_failed */ mail_id from app.mail
where organization_id = $1 and state = 'failed' and (expires_at is null or expires_at > now())
  and ($2::uuid is null or mail_id > $2)
order by mail_id
limit $3::int`,
};

/** Mail that failed and could be sent again, oldest first. */
export function listFailed(tx: TenantTx, params: ListFailedParams): Promise<readonly ListFailedRow[]> {
  return many<ListFailedRow>(tx, listFailedStatement, [params.organizationId, params.afterId, params.limit]);
}

export interface ListMailParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListMailRow {
  readonly mailId: string;
  readonly userId: string;
  readonly template: "verify_email" | "invitation" | "reset_password" | "confirm_email" | "email_changed" | "password_changed" | "new_device" | "login_locked" | "second_factor_changed" | "attack_suspected" | "session_reused" | "already_registered" | "confirm_sign_up" | "api_key_created";
  readonly language: "en" | "es";
  readonly content: Uint8Array;
  readonly state: "queued" | "kept" | "sent" | "failed";
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
}

const listMailStatement: Statement = {
  name: "mail/list_mail",
  text: `select /* mail/list_mail */ m.mail_id, m.user_id, m.template, m.language, m.content, m.state, m.attempts, m.last_error, m.created_at, m.sent_at
from app.mail m
where m.organization_id = $1 and ($2::uuid is null or m.mail_id < $2)
order by m.mail_id desc
limit $3::int`,
};

/** Mail of an organization, newest first. */
export function listMail(tx: TenantTx, params: ListMailParams): Promise<readonly ListMailRow[]> {
  return many<ListMailRow>(tx, listMailStatement, [params.organizationId, params.beforeId, params.limit]);
}

export interface ListOfPersonParams {
  readonly organizationId: string;
  readonly userId: string;
  readonly limit: number;
}

export interface ListOfPersonRow {
  readonly mailId: string;
  readonly template: "verify_email" | "invitation" | "reset_password" | "confirm_email" | "email_changed" | "password_changed" | "new_device" | "login_locked" | "second_factor_changed" | "attack_suspected" | "session_reused" | "already_registered" | "confirm_sign_up" | "api_key_created";
  readonly language: "en" | "es";
  readonly content: Uint8Array;
  readonly fullName: string;
  readonly organization: string;
}

const listOfPersonStatement: Statement = {
  name: "mail/list_of_person",
  text: `select /* mail/list_of_person */ m.mail_id, m.template, m.language, m.content, u.full_name, o.name as organization
from app.mail m
join app.user u on u.organization_id = m.organization_id and u.user_id = m.user_id
join app.organization o on o.organization_id = m.organization_id
where m.organization_id = $1 and m.user_id = $2
order by m.created_at desc, m.mail_id desc
limit $3::int`,
};

/** Mail to one person, newest first. */
export function listOfPerson(tx: TenantTx, params: ListOfPersonParams): Promise<readonly ListOfPersonRow[]> {
  return many<ListOfPersonRow>(tx, listOfPersonStatement, [
    params.organizationId,
    params.userId,
    params.limit,
  ]);
}

export interface ListRecipientsParams {
  readonly organizationId: string;
  readonly userIds: readonly string[];
}

export interface ListRecipientsRow {
  readonly userId: string;
  readonly email: string | null;
  readonly language: string;
}

const listRecipientsStatement: Statement = {
  name: "mail/list_recipients",
  text: `select /* mail/list_recipients */ user_id, email, language from app.user
where organization_id = $1 and user_id = any($2::uuid[])
order by user_id`,
};

/** Whom mail to these people goes to, and in which language. */
export function listRecipients(
  tx: TenantTx,
  params: ListRecipientsParams,
): Promise<readonly ListRecipientsRow[]> {
  return many<ListRecipientsRow>(tx, listRecipientsStatement, [params.organizationId, params.userIds]);
}

export interface PruneMailParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneMailStatement: Statement = {
  name: "mail/prune_mail",
  text: `with /* mail/prune_mail */ old as materialized (
  select mail_id from app.mail
  where organization_id = $1 and created_at < now() - interval '30 days'
  order by created_at
  limit $2::int
  for update skip locked
)
delete from app.mail m
using old
where m.organization_id = $1 and m.mail_id = old.mail_id`,
};

/** Removes, at most so many at a time, mail that was written thirty days ago or earlier, whatever became of it. */
export function pruneMail(tx: TenantTx, params: PruneMailParams): Promise<number> {
  return count(tx, pruneMailStatement, [params.organizationId, params.limit]);
}

export interface UpdateNotSentParams {
  readonly givenUp: boolean;
  readonly lastError: string;
  readonly organizationId: string;
  readonly mailId: string;
}

const updateNotSentStatement: Statement = {
  name: "mail/update_not_sent",
  text: `update /* mail/update_not_sent */ app.mail
set state = case when $1::boolean then 'failed' else 'queued' end, sending_until = null, last_error = $2
where organization_id = $3 and mail_id = $4 and state = 'queued'`,
};

/** Records why a mail was not sent, and whether it is given up. */
export function updateNotSent(tx: TenantTx, params: UpdateNotSentParams): Promise<number> {
  return count(tx, updateNotSentStatement, [
    params.givenUp,
    params.lastError,
    params.organizationId,
    params.mailId,
  ]);
}

export interface UpdateQueuedParams {
  readonly organizationId: string;
  readonly mailId: string;
}

const updateQueuedStatement: Statement = {
  name: "mail/update_queued",
  text: `update /* mail/update_queued */ app.mail set state = 'queued', sending_until = null, last_error = null
where organization_id = $1 and mail_id = $2 and state in ('failed', 'kept')
  and (expires_at is null or expires_at > now())`,
};

/** Puts a mail that failed, or was kept, in line again, unless its link has ended meanwhile. */
export function updateQueued(tx: TenantTx, params: UpdateQueuedParams): Promise<number> {
  return count(tx, updateQueuedStatement, [params.organizationId, params.mailId]);
}

export interface UpdateSentParams {
  readonly organizationId: string;
  readonly mailId: string;
}

const updateSentStatement: Statement = {
  name: "mail/update_sent",
  text: `update /* mail/update_sent */ app.mail set state = 'sent', sent_at = now(), sending_until = null, last_error = null, link = null
where organization_id = $1 and mail_id = $2 and state = 'queued'`,
};

/** Records that a server has taken a mail, and forgets the secret of its link. */
export function updateSent(tx: TenantTx, params: UpdateSentParams): Promise<number> {
  return count(tx, updateSentStatement, [params.organizationId, params.mailId]);
}

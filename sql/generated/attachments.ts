// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many, maybe, one } from "../tx.ts";

export interface CountOfContentParams {
  readonly organizationId: string;
  readonly contentId: string;
}

const countOfContentStatement: Statement = {
  name: "attachments/count_of_content",
  text: `select /* attachments/count_of_content */ count(*)::integer as attachments from app.attachment
where organization_id = $1 and content_id = $2 and deleted_at is null`,
};

/** How many attachments of a lesson are not deleted. */
export function countOfContent(tx: TenantTx, params: CountOfContentParams): Promise<number> {
  return one<{ readonly attachments: number }>(tx, countOfContentStatement, [
    params.organizationId,
    params.contentId,
  ]).then((row) => row.attachments);
}

export interface DeleteUnstoredParams {
  readonly organizationId: string;
  readonly fileId: string;
}

const deleteUnstoredStatement: Statement = {
  name: "attachments/delete_unstored",
  text: `delete /* attachments/delete_unstored */ from app.file
where organization_id = $1 and file_id = $2 and stored_at is null`,
};

/** Gives up a file whose bytes nobody names. */
export function deleteUnstored(tx: TenantTx, params: DeleteUnstoredParams): Promise<number> {
  return count(tx, deleteUnstoredStatement, [params.organizationId, params.fileId]);
}

export interface FindAttachmentParams {
  readonly organizationId: string;
  readonly attachmentId: string;
}

export interface FindAttachmentRow {
  readonly attachmentId: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly position: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
  readonly size: number;
  readonly sha256: string;
}

const findAttachmentStatement: Statement = {
  name: "attachments/find_attachment",
  text: `select /* attachments/find_attachment */ a.attachment_id, a.content_id, a.file_id, a.name, a.description, a.media_type, a.position, a.version, a.created_at,
  a.updated_at, a.created_by_id, a.updated_by_id, a.deleted_at, f.size, encode(f.sha256, 'hex') as sha256
from app.attachment a
join app.file f on f.organization_id = a.organization_id and f.file_id = a.file_id
where a.organization_id = $1 and a.attachment_id = $2`,
};

/** An attachment with its file, live or deleted. */
export function findAttachment(
  tx: TenantTx,
  params: FindAttachmentParams,
): Promise<FindAttachmentRow | null> {
  return maybe<FindAttachmentRow>(tx, findAttachmentStatement, [params.organizationId, params.attachmentId]);
}

export interface FindOrganizationStatusParams {
  readonly organizationId: string;
}

export interface FindOrganizationStatusRow {
  readonly status: "active" | "suspended" | "closed";
}

const findOrganizationStatusStatement: Statement = {
  name: "attachments/find_organization_status",
  text: `select /* attachments/find_organization_status */ status from app.organization where organization_id = $1`,
};

/** Whether the organization is active. */
export function findOrganizationStatus(
  tx: TenantTx,
  params: FindOrganizationStatusParams,
): Promise<FindOrganizationStatusRow | null> {
  return maybe<FindOrganizationStatusRow>(tx, findOrganizationStatusStatement, [params.organizationId]);
}

export interface FindStoredFileParams {
  readonly organizationId: string;
  readonly sha256: string;
}

export interface FindStoredFileRow {
  readonly fileId: string;
}

const findStoredFileStatement: Statement = {
  name: "attachments/find_stored_file",
  text: `select /* attachments/find_stored_file */ file_id from app.file
where organization_id = $1 and sha256 = decode($2, 'hex') and stored_at is not null`,
};

/** The file of the organization that has these bytes. */
export function findStoredFile(
  tx: TenantTx,
  params: FindStoredFileParams,
): Promise<FindStoredFileRow | null> {
  return maybe<FindStoredFileRow>(tx, findStoredFileStatement, [params.organizationId, params.sha256]);
}

export interface InsertAttachmentParams {
  readonly organizationId: string;
  readonly attachmentId: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly position: number | null;
}

export interface InsertAttachmentRow {
  readonly attachmentId: string;
}

const insertAttachmentStatement: Statement = {
  name: "attachments/insert_attachment",
  text: `insert /* attachments/insert_attachment */ into app.attachment (organization_id, attachment_id, content_id, file_id, name, description, media_type, position)
values (
  $1, $2, $3, $4, $5, $6, $7,
  coalesce($8::integer, (
    select coalesce(max(o.position), 0) + 1 from app.attachment o
    where o.organization_id = $1 and o.content_id = $3 and o.deleted_at is null
  ))
)
returning attachment_id`,
};

/** Hangs a file on a lesson: at a place, or after what hangs there already. */
export function insertAttachment(tx: TenantTx, params: InsertAttachmentParams): Promise<InsertAttachmentRow> {
  return one<InsertAttachmentRow>(tx, insertAttachmentStatement, [
    params.organizationId,
    params.attachmentId,
    params.contentId,
    params.fileId,
    params.name,
    params.description,
    params.mediaType,
    params.position,
  ]);
}

export interface InsertFileParams {
  readonly organizationId: string;
  readonly fileId: string;
  readonly sha256: string;
  readonly size: number;
}

const insertFileStatement: Statement = {
  name: "attachments/insert_file",
  text: `insert /* attachments/insert_file */ into app.file (organization_id, file_id, sha256, size)
values ($1, $2, decode($3, 'hex'), $4)`,
};

/** Announces bytes that are about to be written. */
export function insertFile(tx: TenantTx, params: InsertFileParams): Promise<number> {
  return count(tx, insertFileStatement, [params.organizationId, params.fileId, params.sha256, params.size]);
}

export interface ListKnownFilesParams {
  readonly organizationId: string;
  readonly fileIds: readonly string[];
}

export interface ListKnownFilesRow {
  readonly fileId: string;
}

const listKnownFilesStatement: Statement = {
  name: "attachments/list_known_files",
  text: `select /* attachments/list_known_files */ file_id from app.file where organization_id = $1 and file_id = any($2::uuid[])`,
};

/** Which of these ids are those of files. */
export function listKnownFiles(
  tx: TenantTx,
  params: ListKnownFilesParams,
): Promise<readonly ListKnownFilesRow[]> {
  return many<ListKnownFilesRow>(tx, listKnownFilesStatement, [params.organizationId, params.fileIds]);
}

export interface ListOfContentsParams {
  readonly organizationId: string;
  readonly contentIds: readonly string[];
  readonly includeDeleted: boolean;
}

export interface ListOfContentsRow {
  readonly attachmentId: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly position: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
  readonly size: number;
  readonly sha256: string;
}

const listOfContentsStatement: Statement = {
  name: "attachments/list_of_contents",
  text: `select /* attachments/list_of_contents */ a.attachment_id, a.content_id, a.file_id, a.name, a.description, a.media_type, a.position, a.version, a.created_at,
  a.updated_at, a.created_by_id, a.updated_by_id, a.deleted_at, f.size, encode(f.sha256, 'hex') as sha256
from app.attachment a
join app.file f on f.organization_id = a.organization_id and f.file_id = a.file_id
where a.organization_id = $1 and a.content_id = any($2::uuid[])
  and ($3::boolean or a.deleted_at is null)
order by a.content_id, a.position, a.attachment_id`,
};

/** The attachments of lessons, in their order. */
export function listOfContents(
  tx: TenantTx,
  params: ListOfContentsParams,
): Promise<readonly ListOfContentsRow[]> {
  return many<ListOfContentsRow>(tx, listOfContentsStatement, [
    params.organizationId,
    params.contentIds,
    params.includeDeleted,
  ]);
}

export interface LockAttachmentParams {
  readonly organizationId: string;
  readonly attachmentId: string;
}

export interface LockAttachmentRow {
  readonly attachmentId: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly position: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
  readonly size: number;
  readonly sha256: string;
}

const lockAttachmentStatement: Statement = {
  name: "attachments/lock_attachment",
  text: `select /* attachments/lock_attachment */ a.attachment_id, a.content_id, a.file_id, a.name, a.description, a.media_type, a.position, a.version, a.created_at,
  a.updated_at, a.created_by_id, a.updated_by_id, a.deleted_at, f.size, encode(f.sha256, 'hex') as sha256
from app.attachment a
join app.file f on f.organization_id = a.organization_id and f.file_id = a.file_id
where a.organization_id = $1 and a.attachment_id = $2
for update of a`,
};

/** An attachment with its file, live or deleted, held until the transaction ends. */
export function lockAttachment(
  tx: TenantTx,
  params: LockAttachmentParams,
): Promise<LockAttachmentRow | null> {
  return maybe<LockAttachmentRow>(tx, lockAttachmentStatement, [params.organizationId, params.attachmentId]);
}

export interface PruneDeletedParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneDeletedStatement: Statement = {
  name: "attachments/prune_deleted",
  text: `with /* attachments/prune_deleted */ old as materialized (
  select a.attachment_id from app.attachment a
  where a.organization_id = $1 and a.deleted_at < now() - interval '30 days'
    and not exists (
      select from app.content c
      where c.organization_id = a.organization_id and c.content_id = a.content_id and c.deletion_id = a.deletion_id
    )
  order by a.attachment_id
  limit $2::int
  for update skip locked
)
delete from app.attachment a
using old
where a.organization_id = $1 and a.attachment_id = old.attachment_id`,
};

/**
 * Removes, at most so many at a time, attachments that were deleted a month ago or earlier. Those that went with their lesson
 * stay as long as it can come back.
 */
export function pruneDeleted(tx: TenantTx, params: PruneDeletedParams): Promise<number> {
  return count(tx, pruneDeletedStatement, [params.organizationId, params.limit]);
}

export interface PruneFilesParams {
  readonly organizationId: string;
  readonly limit: number;
}

const pruneFilesStatement: Statement = {
  name: "attachments/prune_files",
  text: `with /* attachments/prune_files */ old as materialized (
  select f.file_id from app.file f
  where f.organization_id = $1 and f.uses = 0
    and (f.stored_at is not null or f.created_at < now() - interval '1 hour')
    and not exists (
      select from app.attachment a where a.organization_id = f.organization_id and a.file_id = f.file_id
    )
  order by f.file_id
  limit $2::int
  for update skip locked
)
delete from app.file f
using old
where f.organization_id = $1 and f.file_id = old.file_id`,
};

/**
 * Removes, at most so many at a time, files that no attachment names: whose upload ended an hour ago or earlier without its
 * end, and whose last attachment is gone.
 */
export function pruneFiles(tx: TenantTx, params: PruneFilesParams): Promise<number> {
  return count(tx, pruneFilesStatement, [params.organizationId, params.limit]);
}

export interface UpdateAttachmentParams {
  readonly name: string;
  readonly description: string;
  readonly organizationId: string;
  readonly attachmentId: string;
}

const updateAttachmentStatement: Statement = {
  name: "attachments/update_attachment",
  text: `update /* attachments/update_attachment */ app.attachment set name = $1, description = $2
where organization_id = $3 and attachment_id = $4 and deleted_at is null`,
};

/** Writes what may be changed of a live attachment. */
export function updateAttachment(tx: TenantTx, params: UpdateAttachmentParams): Promise<number> {
  return count(tx, updateAttachmentStatement, [
    params.name,
    params.description,
    params.organizationId,
    params.attachmentId,
  ]);
}

export interface UpdateDeletedParams {
  readonly deletionId: string;
  readonly organizationId: string;
  readonly attachmentId: string;
}

const updateDeletedStatement: Statement = {
  name: "attachments/update_deleted",
  text: `update /* attachments/update_deleted */ app.attachment
set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = $1
where organization_id = $2 and attachment_id = $3 and deleted_at is null`,
};

/** Deletes a live attachment softly. */
export function updateDeleted(tx: TenantTx, params: UpdateDeletedParams): Promise<number> {
  return count(tx, updateDeletedStatement, [params.deletionId, params.organizationId, params.attachmentId]);
}

export interface UpdateFileStoredParams {
  readonly organizationId: string;
  readonly fileId: string;
}

const updateFileStoredStatement: Statement = {
  name: "attachments/update_file_stored",
  text: `update /* attachments/update_file_stored */ app.file set stored_at = coalesce(stored_at, now())
where organization_id = $1 and file_id = $2`,
};

/** Says that the bytes of a file are there, and holds it; none when it was given up meanwhile. */
export function updateFileStored(tx: TenantTx, params: UpdateFileStoredParams): Promise<number> {
  return count(tx, updateFileStoredStatement, [params.organizationId, params.fileId]);
}

export interface UpdateOrderParams {
  readonly attachmentIds: readonly string[];
  readonly organizationId: string;
  readonly contentId: string;
}

const updateOrderStatement: Statement = {
  name: "attachments/update_order",
  text: `update /* attachments/update_order */ app.attachment a set position = o.place
from unnest($1::uuid[]) with ordinality o (attachment_id, place)
where a.organization_id = $2 and a.content_id = $3 and a.attachment_id = o.attachment_id
  and a.deleted_at is null and a.position <> o.place`,
};

/** Puts the live attachments of a lesson into an order; those that stand right already are left alone. */
export function updateOrder(tx: TenantTx, params: UpdateOrderParams): Promise<number> {
  return count(tx, updateOrderStatement, [params.attachmentIds, params.organizationId, params.contentId]);
}

export interface UpdateRestoredParams {
  readonly organizationId: string;
  readonly attachmentId: string;
}

const updateRestoredStatement: Statement = {
  name: "attachments/update_restored",
  text: `update /* attachments/update_restored */ app.attachment
set deleted_at = null, deleted_by_id = null, deletion_id = null
where organization_id = $1 and attachment_id = $2 and deleted_at is not null`,
};

/** Brings a deleted attachment back. */
export function updateRestored(tx: TenantTx, params: UpdateRestoredParams): Promise<number> {
  return count(tx, updateRestoredStatement, [params.organizationId, params.attachmentId]);
}

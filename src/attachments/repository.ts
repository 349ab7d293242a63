/** Rows of attachments and of the files they name, in and out. */
import * as sql from "#sql/attachments";
import type { TenantTx } from "../../sql/tx.ts";

/** A file as it hangs on a lesson. */
export interface Attachment {
  readonly id: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  /** Found out from the bytes. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
  readonly position: number;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdById: string | null;
  readonly updatedById: string | null;
  readonly deletedAt: Date | null;
}

type Row = Omit<Attachment, "id"> & { readonly attachmentId: string };

const toAttachment = ({ attachmentId: id, ...row }: Row): Attachment => ({ id, ...row });
const orNull = (row: Row | null): Attachment | null => (row === null ? null : toAttachment(row));

export const find = async (
  tx: TenantTx,
  organizationId: string,
  attachmentId: string,
): Promise<Attachment | null> => orNull(await sql.findAttachment(tx, { organizationId, attachmentId }));

/** Live or deleted, held until the transaction ends. */
export const lock = async (
  tx: TenantTx,
  organizationId: string,
  attachmentId: string,
): Promise<Attachment | null> => orNull(await sql.lockAttachment(tx, { organizationId, attachmentId }));

/** Of each lesson in its order. */
export const list = async (
  tx: TenantTx,
  organizationId: string,
  contentIds: readonly string[],
  includeDeleted: boolean,
): Promise<readonly Attachment[]> =>
  (await sql.listOfContents(tx, { organizationId, contentIds, includeDeleted })).map(toAttachment);

export const count = (tx: TenantTx, organizationId: string, contentId: string): Promise<number> =>
  sql.countOfContent(tx, { organizationId, contentId });

/** `position` null: after those there are. */
export interface NewAttachment {
  readonly attachmentId: string;
  readonly contentId: string;
  readonly fileId: string;
  readonly name: string;
  readonly description: string;
  readonly mediaType: string;
  readonly position: number | null;
}

export const insert = async (tx: TenantTx, organizationId: string, row: NewAttachment): Promise<void> => {
  await sql.insertAttachment(tx, { organizationId, ...row });
};

export const update = (
  tx: TenantTx,
  organizationId: string,
  attachmentId: string,
  fields: Pick<Attachment, "name" | "description">,
): Promise<number> =>
  sql.updateAttachment(tx, {
    organizationId,
    attachmentId,
    name: fields.name,
    description: fields.description,
  });

export const order = (
  tx: TenantTx,
  organizationId: string,
  contentId: string,
  attachmentIds: readonly string[],
): Promise<number> => sql.updateOrder(tx, { organizationId, contentId, attachmentIds });

export const softDelete = (tx: TenantTx, organizationId: string, attachmentId: string): Promise<number> =>
  sql.updateDeleted(tx, { organizationId, attachmentId, deletionId: Bun.randomUUIDv7() });

export const restore = (tx: TenantTx, organizationId: string, attachmentId: string): Promise<number> =>
  sql.updateRestored(tx, { organizationId, attachmentId });

/** The file of the organization that has these bytes, or null. */
export const findStored = async (
  tx: TenantTx,
  organizationId: string,
  sha256: string,
): Promise<string | null> => (await sql.findStoredFile(tx, { organizationId, sha256 }))?.fileId ?? null;

export const announce = async (
  tx: TenantTx,
  organizationId: string,
  file: { readonly fileId: string; readonly sha256: string; readonly size: number },
): Promise<void> => {
  await sql.insertFile(tx, { organizationId, ...file });
};

/** False when the file was given up meanwhile. Else it is held until the transaction ends. */
export const markStored = async (tx: TenantTx, organizationId: string, fileId: string): Promise<boolean> =>
  (await sql.updateFileStored(tx, { organizationId, fileId })) === 1;

/** Whether there was one to give up. */
export const giveUp = async (tx: TenantTx, organizationId: string, fileId: string): Promise<boolean> =>
  (await sql.deleteUnstored(tx, { organizationId, fileId })) === 1;

export const pruneDeleted = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneDeleted(tx, { organizationId, limit });

export const pruneFiles = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneFiles(tx, { organizationId, limit });

/** Those of the ids that are files'. */
export const known = async (
  tx: TenantTx,
  organizationId: string,
  fileIds: readonly string[],
): Promise<ReadonlySet<string>> =>
  new Set((await sql.listKnownFiles(tx, { organizationId, fileIds })).map((row) => row.fileId));

export const organizationStatus = async (tx: TenantTx, organizationId: string): Promise<string | null> =>
  (await sql.findOrganizationStatus(tx, { organizationId }))?.status ?? null;

/** Rows of mail, in and out. */
import * as sql from "#sql/mail";
import type { TenantTx } from "../../sql/tx.ts";
import type { MailLanguage, MailTemplate } from "../mail-templates.ts";

/** How long a worker may be at one mail, in seconds; longer than sending may take. */
const CLAIM_SECONDS = 90;

export interface NewMail {
  readonly id: string;
  readonly userId: string;
  readonly template: MailTemplate;
  readonly language: MailLanguage;
  readonly content: Uint8Array;
  readonly addressHash: Uint8Array;
  readonly link: Uint8Array | null;
  readonly state: "queued" | "kept";
  readonly expiresAt: Date | null;
}

export const findRecipient = (tx: TenantTx, organizationId: string, userId: string) =>
  sql.findRecipient(tx, { organizationId, userId });

export async function insert(tx: TenantTx, organizationId: string, mail: NewMail): Promise<void> {
  const { id: mailId, ...rest } = mail;
  await sql.insertMail(tx, { organizationId, mailId, ...rest });
}

export const listRecipients = (tx: TenantTx, organizationId: string, userIds: readonly string[]) =>
  sql.listRecipients(tx, { organizationId, userIds });

export async function insertAll(
  tx: TenantTx,
  organizationId: string,
  mails: readonly NewMail[],
): Promise<void> {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  await sql.insertMails(tx, {
    organizationId,
    mails: mails.map(({ id, userId, template, language, content, addressHash, link, state, expiresAt }) => ({
      mail_id: id,
      user_id: userId,
      template,
      language,
      content: hex(content),
      address_hash: hex(addressHash),
      link: link === null ? null : hex(link),
      state,
      expires_at: expiresAt === null ? null : expiresAt.toISOString(),
    })),
  });
}

/** The mail for one attempt; null when it is gone, done with, or another worker is at it. */
export const claim = (tx: TenantTx, organizationId: string, mailId: string) =>
  sql.claimMail(tx, { organizationId, mailId, seconds: CLAIM_SECONDS });

export const isClaimed = (tx: TenantTx, organizationId: string, mailId: string): Promise<boolean> =>
  sql.existsClaimed(tx, { organizationId, mailId });

export const markSent = (tx: TenantTx, organizationId: string, mailId: string) =>
  sql.updateSent(tx, { organizationId, mailId });

export const markNotSent = (
  tx: TenantTx,
  organizationId: string,
  mailId: string,
  lastError: string,
  givenUp: boolean,
) => sql.updateNotSent(tx, { organizationId, mailId, lastError, givenUp });

export const list = (tx: TenantTx, organizationId: string, beforeId: string | null, limit: number) =>
  sql.listMail(tx, { organizationId, beforeId, limit });

export const find = (tx: TenantTx, organizationId: string, mailId: string) =>
  sql.findMail(tx, { organizationId, mailId });

export const listOf = (tx: TenantTx, organizationId: string, userId: string, limit: number) =>
  sql.listOfPerson(tx, { organizationId, userId, limit });

/** Whether it had failed or was kept, and its link has not ended. */
export const markQueued = (tx: TenantTx, organizationId: string, mailId: string): Promise<number> =>
  sql.updateQueued(tx, { organizationId, mailId });

export async function listFailed(
  tx: TenantTx,
  organizationId: string,
  afterId: string | null,
  limit: number,
): Promise<readonly string[]> {
  return (await sql.listFailed(tx, { organizationId, afterId, limit })).map(({ mailId }) => mailId);
}

export const deleteTo = (tx: TenantTx, organizationId: string, addressHashes: readonly Uint8Array[]) =>
  sql.deleteToAddress(tx, { organizationId, addressHashes });

export const prune = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneMail(tx, { organizationId, limit });

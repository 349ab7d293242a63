/**
 * Mail to people. It is written in the transaction of what it tells of, and handed to the SMTP server by a job. Without
 * such a server it stays in the mailbox, which the operator reads (`satchel mail`).
 *
 * A mail may arrive twice: when the server took it and its answer was lost, or the database was away just then. It then
 * has the same Message-ID both times.
 */
import type { TenantTx } from "../../sql/tx.ts";
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { once } from "../effects/effects.ts";
import {
  hasLink,
  type MailContext,
  type MailLanguage,
  type MailTemplate,
  type MailValues,
  mailLanguage,
  namesPerson,
  type RenderedMail,
  renderMail,
} from "../mail-templates.ts";
import { enqueue, enqueueBulk } from "../queue.ts";
import { SMTP_LIMITS, type SmtpLimits, sendOverSmtp } from "../smtp.ts";
import * as rows from "./repository.ts";

export {
  MAIL_TEMPLATES,
  type MailTemplate,
  type MailValue,
  type MailValues,
} from "../mail-templates.ts";

export interface MailInput {
  readonly userId: string;
  readonly template: MailTemplate;
  /** Another address than the person's own. */
  readonly to?: string | null;
  readonly values?: MailValues;
  /** The secret token of a link. Kept encrypted until the mail is sent, never in a job's payload or a log. */
  readonly link?: string;
  /** When the link ends: the mail is not sent later. */
  readonly expiresAt?: Date;
}

interface Content {
  readonly to: string;
  readonly values: MailValues;
}

type Part = "content" | "link";

/** What a part of a mail is sealed for: its row. */
const contextOf = (organizationId: string, mailId: string, part: Part) =>
  `${organizationId} ${mailId} ${part}`;

/**
 * Writes a mail to a person, in their language, to be sent once the transaction has committed. A person without an
 * address gets none. Throws when a template that has a link is given none, or the other way round.
 */
export async function sendMailIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  input: MailInput,
): Promise<void> {
  const recipient = await rows.findRecipient(tx, organizationId, input.userId);
  const mail = recipient === null ? null : written(deps, organizationId, recipient, input);
  if (mail === null) return;
  await rows.insert(tx, organizationId, mail);
  if (mail.state === "queued") {
    await enqueue(deps.queue, tx, "send-mail", { organizationId, mailId: mail.id });
  }
}

/** As `sendMailIn`, to many, in a few statements. They wait for all other mail, which somebody may be waiting for. */
export async function sendBulkMailIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  inputs: readonly MailInput[],
): Promise<void> {
  if (inputs.length === 0) return;
  const ids = inputs.map(({ userId }) => userId);
  const recipients = new Map(
    (await rows.listRecipients(tx, organizationId, ids)).map((recipient) => [recipient.userId, recipient]),
  );
  const mails = inputs.flatMap((input) => {
    const recipient = recipients.get(input.userId);
    return (recipient === undefined ? null : written(deps, organizationId, recipient, input)) ?? [];
  });
  await rows.insertAll(tx, organizationId, mails);
  const queued = mails.filter(({ state }) => state === "queued");
  await enqueueBulk(
    deps.queue,
    tx,
    "send-mail",
    queued.map(({ id }) => ({ organizationId, mailId: id })),
  );
}

/** A mail as it is stored; null to somebody who has no address. Throws as `sendMailIn` does. */
function written(
  deps: Pick<Deps, "keys" | "config">,
  organizationId: string,
  recipient: { readonly email: string | null; readonly language: string },
  { userId, template, to, values = {}, link, expiresAt }: MailInput,
): rows.NewMail | null {
  if (hasLink(template) !== (link !== undefined))
    throw new Error(`${template}: its link is missing or too much`);
  const address = to ?? recipient.email;
  if (address === null) return null;
  const id = Bun.randomUUIDv7();
  const seal = (part: Part, text: string) =>
    deps.keys.seal("mail", contextOf(organizationId, id, part), Buffer.from(text, "utf8"));
  const content: Content = { to: address, values };
  return {
    id,
    userId,
    template,
    language: mailLanguage(recipient.language),
    content: seal("content", JSON.stringify(content)),
    addressHash: deps.keys.mac("mail-address", organizationId, address.toLowerCase()),
    link: link === undefined ? null : seal("link", link),
    state: deps.config.smtpUrl === null ? "kept" : "queued",
    expiresAt: expiresAt ?? null,
  };
}

/** One attempt of a job to send one mail. */
export interface Delivery {
  readonly jobId: string;
  readonly organizationId: string;
  readonly mailId: string;
  readonly lastAttempt: boolean;
  readonly signal: AbortSignal;
}

/**
 * Hands a mail to the SMTP server; does nothing when it is gone, or was handed over before. A mail that the server
 * refuses for good, whose link has ended, whose person was deleted or whose organization is suspended has failed at
 * once; otherwise rejects, for the job to be tried again, and has failed after the last attempt. What is thrown names the
 * kind of failure and no person.
 */
export async function deliverMail(
  deps: Deps,
  { jobId, organizationId, mailId, lastAttempt, signal }: Delivery,
  limits: SmtpLimits = SMTP_LIMITS,
): Promise<void> {
  const { smtpUrl, mailFrom } = deps.config;
  if (smtpUrl === null || mailFrom === null)
    throw new Error("a mail is to be sent, and no server is configured");
  const tenant = { organizationId, userId: null };
  const mail = await withTenant(deps.db, tenant, (tx) => rows.claim(tx, organizationId, mailId));
  if (mail === null) {
    const claimed = await readTenant(deps.db, tenant, (tx) => rows.isClaimed(tx, organizationId, mailId));
    if (claimed) throw new Error("another worker is at this mail");
    return;
  }
  const fail = async (kind: string, givenUp: boolean) => {
    await withTenant(deps.db, tenant, (tx) => rows.markNotSent(tx, organizationId, mailId, kind, givenUp));
    if (givenUp) deps.log.warn("mail_failed", { organizationId, jobId, finding: kind });
  };
  if (mail.deleted) return fail("DELETED", true);
  // Suspended or closed: nothing goes out in its name.
  if (mail.shut) return fail("SUSPENDED", true);
  if (mail.expired) return fail("EXPIRED", true);
  const opened = open(deps, organizationId, mailId, mail);
  if (opened === null) return fail("UNREADABLE", true);
  const message = {
    id: jobId,
    to: { name: namesPerson(mail.template as MailTemplate) ? mail.fullName : "", address: opened.to },
    ...rendered(deps, mail, opened),
  };
  const sent = await sendOverSmtp({ url: smtpUrl, from: mailFrom }, message, limits, signal);
  if (sent.ok) {
    await withTenant(deps.db, tenant, async (tx) => {
      await once(tx, jobId, "sent", async () => {
        await rows.markSent(tx, organizationId, mailId);
      });
    });
    return;
  }
  await fail(sent.kind, sent.permanent || lastAttempt);
  if (!sent.permanent) throw new Error(`a mail was not sent: ${sent.kind}`);
}

interface Opened extends Content {
  /** Null: it was sent, there is none, or its secret is gone. */
  readonly token: string | null;
}

/** What is encrypted of a mail; null when the secret it was sealed under is no longer configured. */
function open(
  { keys }: Pick<Deps, "keys">,
  organizationId: string,
  mailId: string,
  { content, link }: { readonly content: Uint8Array; readonly link: Uint8Array | null },
): Opened | null {
  const unseal = (part: Part, sealed: Uint8Array) => {
    const plain = keys.unseal("mail", contextOf(organizationId, mailId, part), sealed);
    return plain === null ? null : Buffer.from(plain).toString("utf8");
  };
  const text = unseal("content", content);
  if (text === null) return null;
  return { ...(JSON.parse(text) as Content), token: link === null ? null : unseal("link", link) };
}

/** Where each link leads. The token is in the fragment, which a browser sends to no server and puts into no log. */
export const LINK_PAGES: Readonly<Partial<Record<MailTemplate, string>>> = {
  verify_email: "verify-email",
  invitation: "invitation",
  reset_password: "reset-password",
  confirm_email: "confirm-email",
  confirm_sign_up: "confirm-sign-up",
};

type Address = Pick<Deps["config"], "publicUrl" | "host" | "port">;

/**
 * Where links lead. `otherwise`: with no public address configured. A server that picks a free port at each start is
 * nowhere that another process could know.
 */
export const baseOf = ({ publicUrl, host, port }: Address, otherwise?: string): string =>
  (publicUrl ?? otherwise ?? `http://${port === 0 ? "SATCHEL_PUBLIC_URL" : `${host}:${port}`}`).replace(
    /\/+$/,
    "",
  );

/** Where a link with this token leads; null for a template without one. `otherwise`: with no public address configured. */
export function linkUrl(
  config: Address,
  template: MailTemplate,
  token: string,
  otherwise?: string,
): string | null {
  const page = LINK_PAGES[template];
  return page === undefined ? null : `${baseOf(config, otherwise)}/links/${page}#${token}`;
}

function rendered(
  { config }: Pick<Deps, "config">,
  mail: {
    readonly template: string;
    readonly language: string;
    readonly fullName: string;
    readonly organization: string;
  },
  { token, values }: Opened,
  otherwise?: string,
): RenderedMail {
  const template = mail.template as MailTemplate;
  const context: MailContext = {
    name: mail.fullName,
    organization: mail.organization,
    url: token === null ? null : linkUrl(config, template, token, otherwise),
    values,
  };
  return renderMail(template, mail.language as MailLanguage, context);
}

export type MailState = "queued" | "kept" | "sent" | "failed";

/** A mail as a list shows it. */
export interface MailSummary {
  readonly id: string;
  readonly userId: string;
  readonly template: MailTemplate;
  readonly language: MailLanguage;
  /** Null when the secret it was encrypted under is no longer configured. */
  readonly to: string | null;
  readonly state: MailState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly sentAt: Date | null;
}

export interface Mail extends MailSummary, RenderedMail {}

type StoredMail = Pick<MailSummary, "userId" | "attempts" | "lastError" | "createdAt" | "sentAt"> & {
  readonly mailId: string;
  readonly template: string;
  readonly language: string;
  readonly state: string;
};

const summaryOf = (row: StoredMail, to: string | null): MailSummary => ({
  id: row.mailId,
  userId: row.userId,
  template: row.template as MailTemplate,
  language: row.language as MailLanguage,
  to,
  state: row.state as MailState,
  attempts: row.attempts,
  lastError: row.lastError,
  createdAt: row.createdAt,
  sentAt: row.sentAt,
});

/** The mailbox of an organization, newest first, for its operator: no request of a person gets here. */
export async function listMail(
  deps: Pick<Deps, "db" | "keys">,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly MailSummary[]> {
  const found = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.list(tx, organizationId, beforeId, limit),
  );
  return found.map((row) =>
    summaryOf(row, open(deps, organizationId, row.mailId, { content: row.content, link: null })?.to ?? null),
  );
}

/**
 * One mail as it was or would be sent, link included while it is kept; for the operator. Null when there is none. `base`
 * is where the links lead when no public address is configured.
 */
export async function findMail(
  deps: Pick<Deps, "db" | "keys" | "config">,
  organizationId: string,
  mailId: string,
  base?: string,
): Promise<Mail | null> {
  const row = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.find(tx, organizationId, mailId),
  );
  if (row === null) return null;
  const opened = open(deps, organizationId, mailId, row);
  const content = opened ?? { to: "", values: {}, token: null };
  return { ...summaryOf(row, opened?.to ?? null), ...rendered(deps, row, content, base) };
}

/** What was written to a person, newest first, without the links; a mail that cannot be read any more is left out. */
export async function listMailToIn(
  deps: Pick<Deps, "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  limit: number,
): Promise<
  readonly { readonly id: string; readonly to: string; readonly subject: string; readonly text: string }[]
> {
  return (await rows.listOf(tx, organizationId, userId, limit)).flatMap((row) => {
    const opened = open(deps, organizationId, row.mailId, { content: row.content, link: null });
    if (opened === null) return [];
    const { subject, text } = rendered(deps, row, opened);
    return [{ id: row.mailId, to: opened.to, subject, text }];
  });
}

/** Removes what was mailed to a person's address, whoever it was for, as when they are erased. */
export async function forgetMailToIn(
  deps: Pick<Deps, "keys">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
): Promise<void> {
  const email = (await rows.findRecipient(tx, organizationId, userId))?.email ?? null;
  if (email === null) return;
  const hashes = deps.keys.macs("mail-address", organizationId, email.toLowerCase());
  await rows.deleteTo(tx, organizationId, hashes);
}

/**
 * Has a mail sent that has failed, or that was kept while there was no server; false when there is none such, or its link
 * has ended meanwhile. For the operator.
 */
export async function resendMail(
  deps: Pick<Deps, "db" | "queue">,
  organizationId: string,
  mailId: string,
): Promise<boolean> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    if ((await rows.markQueued(tx, organizationId, mailId)) === 0) return false;
    await enqueue(deps.queue, tx, "send-mail", { organizationId, mailId });
    return true;
  });
}

/** Mail of one transaction. */
const RESENT_TOGETHER = 100;

/** Has all mail of an organization sent that has failed and is still good for something. Gives how many. */
export async function resendFailedMail(
  deps: Pick<Deps, "db" | "queue">,
  organizationId: string,
): Promise<number> {
  let count = 0;
  let afterId: string | null = null;
  do {
    const after: string | null = afterId;
    const resent: readonly string[] = await withTenant(
      deps.db,
      { organizationId, userId: null },
      async (tx) => {
        const failed = await rows.listFailed(tx, organizationId, after, RESENT_TOGETHER);
        for (const mailId of failed) {
          await rows.markQueued(tx, organizationId, mailId);
          await enqueue(deps.queue, tx, "send-mail", { organizationId, mailId });
        }
        return failed;
      },
    );
    count += resent.length;
    afterId = resent.at(-1) ?? null;
  } while (afterId !== null);
  return count;
}

/** Removes mail that is thirty days old, at most `limit`. Gives how many. */
export async function pruneMail(
  deps: Pick<Deps, "db">,
  organizationId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.prune(tx, organizationId, limit));
}

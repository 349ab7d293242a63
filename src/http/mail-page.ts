/**
 * The mailbox as a page, for who tries Satchel on one machine and has no SMTP server: only there, only from this
 * machine, and only with the password that `serve` printed. The browser asks for it (RFC 7617), so it is in no address.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Deps } from "../deps.ts";
import { findMail, listMail, type Mail, type MailSummary } from "../mail/mail.ts";
import { escapeHtml } from "../mail-templates.ts";
import { allOrganizations } from "../organizations/organizations.ts";

export interface Mailbox {
  readonly user: "operator";
  /** At least 128 random bits. */
  readonly password: string;
}

/** Mails of one organization that are listed. */
const LISTED = 50;

const STYLE =
  "body{font:16px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}" +
  "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .8em .3em 0;border-bottom:1px solid #ddd}" +
  "pre{white-space:pre-wrap;background:#f6f6f6;padding:1em;overflow-wrap:anywhere}";
/** The one style is named by its hash; nothing else is loaded, run, framed or sent. */
export const MAIL_PAGE_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};
export const MAIL_PAGE_CHALLENGE = 'Basic realm="Satchel mailbox", charset="UTF-8"';

/** Whether the request carries the mailbox's password. */
export function opensMailbox({ user, password }: Mailbox, authorization: string | null): boolean {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(authorization ?? ""), digest(expected));
}

/** The list of the newest mail. */
export async function mailListPage(deps: Deps): Promise<string> {
  const rows: string[] = [];
  for await (const organizationId of allOrganizations(deps)) {
    for (const mail of await listMail(deps, organizationId, null, LISTED))
      rows.push(rowOf(organizationId, mail));
  }
  const table =
    rows.length === 0
      ? "<p>There is no mail.</p>"
      : `<table><tr><th>Written<th>To<th>Mail<th>State</tr>\n${rows.join("\n")}\n</table>`;
  return page("Mailbox", table);
}

/** One mail, or null when there is none. `base` is where its link leads when no public address is configured. */
export async function mailPage(
  deps: Deps,
  organizationId: string,
  mailId: string,
  base: string,
): Promise<string | null> {
  if (![organizationId, mailId].every((id) => UUID.test(id))) return null;
  const mail = await findMail(deps, organizationId, mailId, base);
  return mail === null ? null : page(mail.subject, bodyOf(mail));
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const rowOf = (
  organizationId: string,
  { id, createdAt, to, template, state, lastError }: MailSummary,
): string =>
  `<tr><td>${createdAt.toISOString().slice(0, 19)}<td>${escapeHtml(to ?? "(unreadable)")}` +
  `<td><a href="/mail/${organizationId}/${id}">${escapeHtml(template)}</a>` +
  `<td>${escapeHtml(state)}${lastError === null ? "" : ` (${escapeHtml(lastError)})`}</tr>`;

const bodyOf = ({ to, state, text }: Mail): string =>
  `<p>To ${escapeHtml(to ?? "(unreadable)")}, ${escapeHtml(state)}</p>\n<pre>${linked(text)}</pre>\n<p><a href="/mail">All mail</a></p>`;

/** Escaped, with its addresses to be followed. */
const linked = (text: string): string =>
  text
    .split(/(https?:\/\/\S+)/)
    .map((part, at) =>
      at % 2 === 0
        ? escapeHtml(part)
        : `<a href="${escapeHtml(part)}" rel="noreferrer">${escapeHtml(part)}</a>`,
    )
    .join("");

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
<h1>${escapeHtml(title)}</h1>
${body}
</html>
`;

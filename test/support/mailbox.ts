/** What an app without an SMTP server has kept: the mail that people would have got. */
import type { Deps } from "../../src/deps.ts";
import { findMail, listMail, type Mail, type MailTemplate } from "../../src/mail/mail.ts";

/** Mail to a person, newest first. */
export async function mailTo(
  deps: Deps,
  organizationId: string,
  userId: string,
  template?: MailTemplate,
): Promise<readonly Mail[]> {
  const listed = await listMail(deps, organizationId, null, 1000);
  const wanted = listed.filter(
    (mail) => mail.userId === userId && (template === undefined || mail.template === template),
  );
  const mails = await Promise.all(wanted.map(({ id }) => findMail(deps, organizationId, id)));
  return mails.filter((mail) => mail !== null);
}

/** The token in the newest mail of this template to a person. */
export async function tokenFor(
  deps: Deps,
  organizationId: string,
  userId: string,
  template: MailTemplate,
): Promise<string> {
  const [mail] = await mailTo(deps, organizationId, userId, template);
  const token = /#(satchel_link_\S+)/.exec(mail?.text ?? "")?.[1];
  if (token === undefined) throw new Error(`there is no ${template} with a link to ${userId}`);
  return token;
}

import type { Deps } from "../deps.ts";
import {
  baseOf,
  findMail,
  listMail,
  MAIL_TEMPLATES,
  type Mail,
  type MailSummary,
  resendFailedMail,
  resendMail,
} from "../mail/mail.ts";
import { allOrganizations } from "../organizations/organizations.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openAll, organizationNamed } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

/** Mails of one organization that are listed. */
const LISTED = 50;
/** Mails of one organization that are looked through: whom they are to is encrypted, so no index knows it. */
const LOOKED_THROUGH = 10_000;
const PAGE = 500;

export const mailCommand: Command = {
  name: "mail",
  summary: "read the mailbox: what was sent, is to be sent, or is kept because there is no SMTP server",
  usage:
    "[show ID | resend ID | resend --failed] [--organization SLUG] [--to ADDRESS] [--kind KIND] [--limit N]",
  details: [
    `Lists the newest mail of each organization, of its newest ${LOOKED_THROUGH} those that --to and --kind ask for, or`,
    " shows one with its text. Mail that is kept or has failed shows its",
    "link, so that you can hand it on; it is as good as a password until it has been used or has expired. `resend` has",
    "one sent again that has failed, or was kept while there was no server; `resend --failed` all that have failed. What",
    "holds a link that has ended meanwhile is not sent: ask for another.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    organization: { type: "string", value: "SLUG", meaning: "only mail of this organization" },
    failed: { type: "boolean", meaning: "with resend: all mail that has failed" },
    to: { type: "string", value: "ADDRESS", meaning: "list only mail to this address" },
    kind: { type: "string", value: "KIND", meaning: "list only mail of this kind, like reset_password" },
    limit: { type: "string", value: "N", meaning: `how many of each organization to list (${LISTED})` },
  },
  positionals: { min: 0, max: 2 },
  run: async (call) => {
    const [verb, id, wrong] = call.positionals;
    const failed = call.options.failed === true;
    const understood =
      wrong === undefined &&
      (verb === undefined
        ? !failed
        : verb === "show"
          ? id !== undefined && !failed
          : verb === "resend" && (id === undefined) === failed);
    if (!understood) {
      throw new Exit(
        EXIT.usage,
        "`satchel mail` lists, `mail show ID` shows one, `mail resend ID` or `mail resend --failed` sends again",
      );
    }
    const limit = readLimit(call.options.limit);
    const wanted = readWanted(call);
    if (verb !== undefined && (wanted.to ?? wanted.kind) !== null) {
      throw new Exit(EXIT.usage, "--to and --kind are for the list alone");
    }
    const config = readSettingsOf(call);
    if (verb === "resend" && config.smtpUrl === null) {
      throw new Exit(EXIT.configuration, "there is no SMTP server", "Name one with SATCHEL_SMTP_URL.");
    }
    const opened = await openAll(config, logOf(config), false);
    try {
      const organizations = await chosen(opened.deps, call.options.organization);
      if (verb === "resend") return await resend(call, opened.deps, organizations, id);
      return id === undefined
        ? await list(call, opened.deps, organizations, wanted, limit)
        : await show(call, opened.deps, organizations, id);
    } finally {
      await opened.close();
    }
  },
};

function readLimit(given: string | boolean | undefined): number {
  if (typeof given !== "string") return LISTED;
  const limit = /^\d{1,4}$/.test(given) ? Number(given) : 0;
  if (limit < 1 || limit > 1000) throw new Exit(EXIT.usage, "--limit must be a whole number from 1 to 1000");
  return limit;
}

/** Which mail to list; null: any. */
interface Wanted {
  readonly to: string | null;
  readonly kind: string | null;
}

function readWanted({ options: { to, kind } }: Call): Wanted {
  if (typeof kind === "string" && !MAIL_TEMPLATES.some((template) => template === kind)) {
    throw new Exit(EXIT.usage, `--kind must be one of ${MAIL_TEMPLATES.join(", ")}`);
  }
  return {
    to: typeof to === "string" ? to.toLowerCase() : null,
    kind: typeof kind === "string" ? kind : null,
  };
}

async function chosen(
  deps: Deps,
  slug: string | boolean | undefined,
): Promise<AsyncIterable<string> | readonly string[]> {
  if (typeof slug !== "string") return allOrganizations(deps);
  return [(await organizationNamed(deps, slug)).organizationId];
}

async function list(
  call: Call,
  deps: Deps,
  organizations: AsyncIterable<string> | readonly string[],
  wanted: Wanted,
  limit: number,
): Promise<number> {
  let count = 0;
  for await (const organizationId of organizations) {
    for await (const mail of mailOf(deps, organizationId, wanted, limit)) {
      call.out(lineOf(mail));
      count += 1;
    }
  }
  if (count === 0)
    call.say((wanted.to ?? wanted.kind) === null ? "There is no mail." : "There is no such mail.");
  return EXIT.ok;
}

/** The newest that is wanted, at most `limit`. */
async function* mailOf(
  deps: Deps,
  organizationId: string,
  { to, kind }: Wanted,
  limit: number,
): AsyncGenerator<MailSummary> {
  const page = to === null && kind === null ? limit : PAGE;
  let beforeId: string | null = null;
  let found = 0;
  for (let read = 0; read < LOOKED_THROUGH; read += page) {
    const mails: readonly MailSummary[] = await listMail(deps, organizationId, beforeId, page);
    for (const mail of mails) {
      if (to !== null && mail.to?.toLowerCase() !== to) continue;
      if (kind !== null && mail.template !== kind) continue;
      yield mail;
      found += 1;
      if (found === limit) return;
    }
    beforeId = mails.at(-1)?.id ?? null;
    if (mails.length < page) return;
  }
}

const lineOf = ({ id, createdAt, state, template, to, lastError }: MailSummary): string =>
  [
    id,
    createdAt.toISOString().slice(0, 19),
    state.padEnd(6),
    template.padEnd(21),
    `${to ?? "(unreadable)"}${lastError === null ? "" : `  ${lastError}`}`,
  ].join("  ");

const isId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

/** Without an id: all that has failed. */
async function resend(
  call: Call,
  deps: Deps,
  organizations: AsyncIterable<string> | readonly string[],
  id: string | undefined,
): Promise<number> {
  let count = 0;
  for await (const organizationId of id === undefined || isId(id) ? organizations : []) {
    if (id === undefined) count += await resendFailedMail(deps, organizationId);
    else if (await resendMail(deps, organizationId, id)) count = 1;
    if (id !== undefined && count > 0) break;
  }
  if (id !== undefined && count === 0) {
    throw new Exit(
      EXIT.failed,
      `there is no mail ${id} to be sent again`,
      "Only what has failed or was kept, and whose link is still good: `satchel mail` lists what there is.",
    );
  }
  call.say(`${count} ${count === 1 ? "mail is" : "mails are"} in line again; serve or work sends them.`);
  return EXIT.ok;
}

async function show(
  call: Call,
  deps: Deps,
  organizations: AsyncIterable<string> | readonly string[],
  id: string,
): Promise<number> {
  for await (const organizationId of isId(id) ? organizations : []) {
    const mail = await findMail(deps, organizationId, id);
    if (mail === null) continue;
    for (const line of headOf(mail)) call.out(line);
    call.out(`\n${mail.text}`);
    const base = baseOf(deps.config);
    if (deps.config.publicUrl === null && mail.text.includes(`${base}/links/`)) {
      call.say(
        `The link leads to ${base}: where the server is elsewhere put its address there, or set SATCHEL_PUBLIC_URL.`,
      );
    }
    return EXIT.ok;
  }
  throw new Exit(EXIT.failed, `there is no mail ${id}`, "`satchel mail` lists what there is.");
}

const headOf = (mail: Mail): readonly string[] => [
  `To:       ${mail.to ?? "(unreadable: its secret is no longer configured)"}`,
  `Subject:  ${mail.subject}`,
  `State:    ${mail.state}${mail.lastError === null ? "" : ` (${mail.lastError})`}, attempts: ${mail.attempts}`,
  `Written:  ${mail.createdAt.toISOString()}`,
  ...(mail.sentAt === null ? [] : [`Sent:     ${mail.sentAt.toISOString()}`]),
];

/**
 * Links mailed to people, each good once: to confirm an address, to accept an invitation, to choose another password, to
 * take another address into use.
 *
 * A token is 256 random bits, stored as a keyed hash, and used up by POST alone: programs that look through mail open
 * every link in it. Using it up, what it entitles to and what must end with it are one transaction.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor, Around } from "../actor.ts";
import { type AuditAction, type AuditEvent, audit, auditIn, auditRefused } from "../audit/audit.ts";
import { changed, onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { addressOf, type Origin } from "../devices.ts";
import { once } from "../effects/effects.ts";
import { notFound, Refusal, refusal } from "../errors.ts";
import { guarded, reopenLoginIn } from "../guard/guard.ts";
import { linkUrl, type MailTemplate, sendBulkMailIn, sendMailIn } from "../mail/mail.ts";
import { networkOf } from "../network.ts";
import { checkPassword } from "../passwords.ts";
import { endSessionsIn, findOrganization } from "../sessions/sessions.ts";
import { passwordMinimum, signUpAllows } from "../settings.ts";
import { newToken, organizationOf } from "../tokens.ts";
import { findUserByEmail, type PasswordRules, passwordRulesIn, setPasswordIn } from "../users/users.ts";
import type { FoundLink, LinkKind, Person } from "./repository.ts";
import * as rows from "./repository.ts";

/** One answer for unknown, wrong, expired, used, ended, and another organization's. */
export const linkRefused = refusal(
  "forbidden",
  "link_refused",
  "The link is not valid, has expired or was used; ask for another one",
);
export const tooManyMails = refusal(
  "too_many",
  "too_many_mails",
  "Three such mails were sent within the last hour",
);
export const invitationsClosed = refusal(
  "conflict",
  "invitations_closed",
  "The organization lets nobody in by invitation",
);
export const userNotInvitable = refusal(
  "conflict",
  "user_not_invitable",
  "Only somebody who has an e-mail address and no password yet, and is not shut out, can be invited",
);
export const signUpPasswordRefused = refusal(
  "invalid",
  "sign_up_password_refused",
  "It takes the password that was chosen for this account, which was not given, is another one, or was tried too often",
);
export const nothingToVerify = refusal(
  "conflict",
  "nothing_to_verify",
  "There is no e-mail address to confirm, or it is confirmed already",
);

const MINUTES_PER_DAY = 24 * 60;

/** How long each is good. Half an hour to reset: who has the mailbox has the account (OWASP ASVS 5.0 V6.4.3). */
export const LINK_MINUTES: Readonly<Record<LinkKind, number>> = {
  reset: 30,
  verification: 3 * MINUTES_PER_DAY,
  invitation: 7 * MINUTES_PER_DAY,
  email_change: MINUTES_PER_DAY,
};

const TEMPLATES: Readonly<Record<LinkKind, MailTemplate>> = {
  reset: "reset_password",
  verification: "verify_email",
  invitation: "invitation",
  email_change: "confirm_email",
};

/** Mails of a kind to one person within an hour: nobody's mailbox can be flooded through us. */
const MAILS_PER_HOUR = 3;
/** Mails asked for from one network (`networkOf`) within an hour, in one organization: a school has one address for all. */
const MAILS_PER_NETWORK = 300;

/** What is asked for without being signed in is answered after this long, or a multiple, whoever was named. */
const ANSWER_MS = 250;

export interface Named {
  /** The organization's slug. */
  readonly organization: string;
  /** E-mail address or username, in any case. */
  readonly login: string;
}

/**
 * Mails a link to choose another password, if there is somebody active with this login and an address. Whether there is
 * cannot be told from outside: it answers the same at the same time. Refuses with `sign_in_line_full`.
 */
export const requestPasswordReset = (deps: Deps, named: Named, origin: Origin): Promise<void> =>
  request(deps, "reset", named, origin, ({ status }) => status === "active");

/**
 * A link to choose another password, not mailed but given to the operator to hand over: for the one admin, say, who has
 * forgotten theirs and has no mailbox. It ends what was mailed, and opens a locked login when it is used. `login`: e-mail
 * address or username. Null when nobody active has it.
 */
export async function makeResetLink(
  deps: Deps,
  organizationId: string,
  login: string,
): Promise<{ readonly url: string; readonly expiresAt: Date } | null> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const userId = await rows.findUserId(tx, organizationId, login);
    const person = userId === null ? null : await rows.lockPerson(tx, organizationId, userId);
    if (person?.status !== "active") return null;
    await rows.end(tx, organizationId, [person.userId], "reset");
    const token = newToken("link", organizationId);
    const expiresAt = await rows.insert(tx, organizationId, {
      kind: "reset",
      userId: person.userId,
      tokenHash: deps.keys.mac("link", token),
      // It stands for no mailbox; still it ends when they get another.
      email: person.email ?? "",
      mailed: false,
      ip: null,
      lifetimeMinutes: LINK_MINUTES.reset,
    });
    await auditIn(tx, organizationId, {
      action: "link.sent",
      outcome: "success",
      subjectId: person.userId,
      details: { kind: "reset", mailed: false },
    });
    const url = linkUrl(deps.config, TEMPLATES.reset, token);
    return url === null ? null : { url, expiresAt };
  });
}

/** Mails a link to confirm an address again, to somebody who cannot sign in before. As `requestPasswordReset`. */
export const requestEmailVerification = (deps: Deps, named: Named, origin: Origin): Promise<void> =>
  request(deps, "verification", named, origin, mayVerify);

const mayVerify = ({ status, emailVerifiedAt }: Person): boolean =>
  (status === "active" || status === "pending") && emailVerifiedAt === null;

async function request(
  deps: Deps,
  kind: LinkKind,
  named: Named,
  origin: Origin,
  may: (person: Person) => boolean,
): Promise<void> {
  const began = performance.now();
  const login = named.login.normalize("NFKC").trim().toLowerCase();
  try {
    // In a line for each login, so that nobody waits for the row of a person for whom thousands ask.
    await deps.gate.run(JSON.stringify(["link", named.organization, login]), async () => {
      const organization = await findOrganization(deps, named.organization);
      if (organization === null || organization.status !== "active") return;
      const { organizationId } = organization;
      const { userId, mailed } = await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
        const userId = await rows.findUserId(tx, organizationId, login);
        const person = userId === null ? null : await rows.lockPerson(tx, organizationId, userId);
        const mailed =
          person !== null &&
          may(person) &&
          (person.email !== null
            ? await mailLinkIn(deps, tx, organizationId, {
                kind,
                person,
                email: person.email,
                origin,
                asked: true,
              })
            : kind === "verification" &&
              (await resendSignUpLinkIn(deps, tx, organizationId, person, origin)));
        return { userId, mailed };
      });
      if (!mailed) await auditLinkRefused(deps, organizationId, { kind, userId, reason: "not_sent", origin });
    });
  } finally {
    // The work differs by who was named; the time until the answer must not.
    const took = performance.now() - began;
    // A little at random drowns what timers and the collector of garbage still tell.
    await Bun.sleep(Math.ceil(took / ANSWER_MS) * ANSWER_MS - took + Math.random() * 50);
  }
}

interface LinkMail {
  readonly kind: LinkKind;
  /** Whose row the transaction holds. */
  readonly person: Person;
  readonly email: string;
  readonly origin: Origin | null;
  /** Asked for by nobody who is signed in: then those from one network are counted as well. */
  readonly asked?: true;
  /** Of the person who asked for themselves. */
  readonly sessionId?: string | null;
  /** Counted like any other, and not mailed. */
  readonly silent?: boolean;
}

/** Makes a link, which ends the open one of its kind, and mails it; false when too many were mailed. */
async function mailLinkIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  { kind, person, email, origin, asked, sessionId = null, silent = false }: LinkMail,
): Promise<boolean> {
  const { userId, username } = person;
  const ip = asked === true && origin !== null ? addressOf(origin) : null;
  const { person: toPerson, network } = await rows.recent(tx, organizationId, userId, kind, ip);
  if (toPerson >= MAILS_PER_HOUR || (ip !== null && network >= MAILS_PER_NETWORK)) return false;
  await rows.end(tx, organizationId, [userId], kind);
  const token = newToken("link", organizationId);
  const expiresAt = await rows.insert(tx, organizationId, {
    kind,
    userId,
    tokenHash: deps.keys.mac("link", token),
    email,
    mailed: !silent,
    ip,
    sessionId,
    lifetimeMinutes: LINK_MINUTES[kind],
  });
  if (!silent) {
    const template = kind === "verification" && person.email === null ? "confirm_sign_up" : TEMPLATES[kind];
    // Whoever reads that mailbox may be somebody else: the mail says for which account it is.
    const values = template === "confirm_sign_up" || template === "confirm_email" ? { username } : {};
    await sendMailIn(deps, tx, organizationId, {
      userId,
      template,
      to: email,
      values,
      link: token,
      expiresAt,
    });
  }
  await auditIn(tx, organizationId, {
    action: "link.sent",
    outcome: silent ? "refused" : "success",
    subjectId: userId,
    details: { kind },
    origin,
  });
  return true;
}

/**
 * Mails a link to confirm the person's address, if they have one that is not confirmed. For the `verify-email` job, after
 * somebody else has set it; delivered twice, the job mails once.
 */
export async function sendVerification(
  deps: Pick<Deps, "db" | "queue" | "keys" | "config">,
  { jobId, organizationId, userId }: { jobId: string; organizationId: string; userId: string },
): Promise<void> {
  await withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await once(tx, jobId, "sent", async () => {
      const person = await rows.lockPerson(tx, organizationId, userId);
      if (person === null || person.email === null || !mayVerify(person)) return;
      const { email } = person;
      await mailLinkIn(deps, tx, organizationId, { kind: "verification", person, email, origin: null });
    });
  });
}

/**
 * Mails the address that somebody gave when they signed up a link that takes it into use: until then it is nobody's.
 * Inside the transaction that made the account. Of an address that somebody has already the owner is told instead, and all
 * else is the same. No address is mailed more than three times an hour, whoever gives it.
 */
export async function sendSignUpLinkIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  email: string,
  origin: Origin,
): Promise<boolean> {
  const person = await rows.lockPerson(tx, organizationId, userId);
  if (person === null) return false;
  // One statement whether somebody is found or not; no username is read as an address.
  const holderId = await rows.findUserId(tx, organizationId, email);
  const enough = (await rows.countToAddress(tx, organizationId, email)) >= MAILS_PER_HOUR;
  const silent = holderId !== null || enough;
  const made = await mailLinkIn(deps, tx, organizationId, {
    kind: "verification",
    person,
    email,
    origin,
    silent,
  });
  if (made && holderId !== null && !enough) {
    await sendMailIn(deps, tx, organizationId, { userId: holderId, template: "already_registered" });
  }
  return made;
}

/** The same again for somebody who signed up and has not confirmed an address yet. */
async function resendSignUpLinkIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  { userId }: Person,
  origin: Origin,
): Promise<boolean> {
  const given = await rows.findAddressGiven(tx, organizationId, userId);
  return given !== null && (await sendSignUpLinkIn(deps, tx, organizationId, userId, given, origin));
}

/** Mails the actor another link to confirm their address. Refuses with `nothing_to_verify`, `too_many_mails`. */
export async function resendVerification(deps: Deps, actor: Actor, origin: Origin): Promise<void> {
  const { organizationId, userId } = actor;
  await mailing(deps, actor, "verification", userId, async (tx) => {
    const person = await rows.lockPerson(tx, organizationId, userId);
    if (person === null || person.email === null || !mayVerify(person)) throw nothingToVerify();
    const { email } = person;
    return mailLinkIn(deps, tx, organizationId, { kind: "verification", person, email, origin });
  });
}

/**
 * Mails somebody who has no password yet a link to choose one. Refuses with `not_found`, `invitations_closed`,
 * `user_not_invitable`, `too_many_mails`.
 */
export async function invite(deps: Deps, actor: Actor, userId: string, origin: Origin): Promise<void> {
  const { organizationId } = actor;
  await mailing(deps, actor, "invitation", userId, async (tx) => {
    const person = await rows.lockPerson(tx, organizationId, userId);
    if (person === null) throw notFound();
    if (!signUpAllows(await passwordRulesIn(tx, organizationId), "invitation")) throw invitationsClosed();
    const { email } = person;
    if (email === null || !mayBeInvited(person)) throw userNotInvitable();
    return mailLinkIn(deps, tx, organizationId, { kind: "invitation", person, email, origin });
  });
}

/** As `invite`, inside the transaction that made the person. False when they cannot be invited. */
export async function sendInvitationIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  userId: string,
  origin: Origin | null = null,
): Promise<boolean> {
  const person = await rows.lockPerson(tx, organizationId, userId);
  if (person === null || person.email === null || !mayBeInvited(person)) return false;
  if (!signUpAllows(await passwordRulesIn(tx, organizationId), "invitation")) return false;
  return mailLinkIn(deps, tx, organizationId, { kind: "invitation", person, email: person.email, origin });
}

/**
 * As `sendInvitationIn`, of many, in a few statements. Gives who was invited: nobody where the organization lets nobody in
 * so, and none of those who cannot be invited.
 */
export async function sendInvitationsIn(
  deps: Pick<Deps, "queue" | "keys" | "config">,
  tx: TenantTx,
  organizationId: string,
  userIds: readonly string[],
): Promise<readonly string[]> {
  if (userIds.length === 0) return [];
  if (!signUpAllows(await passwordRulesIn(tx, organizationId), "invitation")) return [];
  const people = await rows.lockInvitable(tx, organizationId, userIds, MAILS_PER_HOUR);
  if (people.length === 0) return [];
  const kind = "invitation";
  const invited = people.map(({ userId }) => userId);
  await rows.end(tx, organizationId, invited, kind);
  const links = people.map((person) => {
    const token = newToken("link", organizationId);
    return { ...person, token, tokenHash: deps.keys.mac("link", token) };
  });
  const expiresAt = await rows.insertAll(tx, organizationId, kind, LINK_MINUTES[kind], links);
  await sendBulkMailIn(
    deps,
    tx,
    organizationId,
    links.map(({ userId, email, token }) => ({
      ...{ userId, template: TEMPLATES[kind], to: email, link: token },
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })),
  );
  await auditIn(tx, organizationId, {
    action: "link.sent",
    outcome: "success",
    subjectIds: invited,
    details: { kind },
  });
  return invited;
}

const mayBeInvited = ({ hasPassword, status }: Person): boolean =>
  !hasPassword && (status === "active" || status === "pending");

/**
 * Mails a link that the actor asks for, in a transaction. Refuses with `too_many_mails` when `mail` gives false, and
 * records that.
 */
async function mailing(
  deps: Deps,
  actor: Actor,
  kind: LinkKind,
  userId: string,
  mail: (tx: TenantTx) => Promise<boolean>,
): Promise<void> {
  const event = { action: "link.refused", subjectId: userId, details: { kind, reason: "too_many" } } as const;
  await auditRefused(
    deps,
    actor,
    [tooManyMails],
    () => event,
    () =>
      withTenant(deps.db, actor, async (tx) => {
        if (!(await mail(tx))) throw tooManyMails({ retryAfter: 3600 });
      }),
  );
}

/**
 * Mails the new address a link that takes it into use; until then the old one stays. An address that somebody else has
 * is mailed nothing and answered alike: who has which address is not for everybody to find out. Refuses with
 * `too_many_mails`.
 */
export async function requestEmailChange(
  deps: Deps,
  actor: Actor,
  email: string,
  origin: Origin,
): Promise<void> {
  const { organizationId, userId, sessionId } = actor;
  await mailing(deps, actor, "email_change", userId, async (tx) => {
    const person = await rows.lockPerson(tx, organizationId, userId);
    if (person === null) throw notFound();
    const holder = await findUserByEmail(tx, organizationId, email);
    const silent = holder !== null && holder.id !== userId;
    return mailLinkIn(deps, tx, organizationId, {
      kind: "email_change",
      person,
      email,
      origin,
      sessionId,
      silent,
    });
  });
}

interface OpenedLink extends FoundLink {
  readonly kind: LinkKind;
  readonly organizationId: string;
  readonly rules: PasswordRules;
}

/**
 * The open link of a token. Refuses with `link_refused`. One that was used passes for a request that may be the repetition
 * of the one that used it: `useLink` refuses if it is not.
 *
 * Only what is nobody's is guarded, in a bucket of the address it comes from. A token that is found was not guessed, so
 * that it is never held up, and an old one counts against nobody who holds a newer.
 */
async function openLink(
  deps: Deps,
  kind: LinkKind,
  token: string,
  origin: Origin,
  around: Around | undefined,
): Promise<OpenedLink> {
  const organizationId = organizationOf("link", token);
  if (organizationId === null) throw linkRefused();
  const hashes = deps.keys.macs("link", token);
  const [organization, link, rules] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    Promise.all([
      rows.findOrganization(tx, organizationId),
      rows.find(tx, organizationId, kind, hashes),
      passwordRulesIn(tx, organizationId),
    ]),
  );
  // Of none that is there: then it has no audit either.
  if (organization === null) throw linkRefused();
  const userId = link?.userId ?? null;
  const refuse = async (reason: RefusedLink["reason"]) => {
    await auditLinkRefused(deps, organizationId, { kind, userId, reason, origin });
    return linkRefused();
  };
  if (organization.status !== "active") throw await refuse("suspended");
  if (link === null) {
    const door = kind === "reset" ? "reset" : "invitation";
    const attempt = { organizationId, door, userId, login: origin.address, device: null, origin } as const;
    const verified = await guarded(deps, attempt, rules, async () => ({ matches: false }));
    throw await refuse(verified === null ? "locked" : "unknown");
  }
  if (!link.open && (around === undefined || !link.usedLately)) throw await refuse("ended");
  // Closed since it was mailed.
  if (kind === "invitation" && !signUpAllows(rules, "invitation")) throw await refuse("closed");
  return { ...link, kind, organizationId, rules };
}

/**
 * Uses a link up and does what it entitles to, in one transaction that holds the person's row: of two uses at once one
 * counts. Refuses with `link_refused` when it has been used or has ended meanwhile, or the person is in no state for it.
 */
async function useLink(
  deps: Deps,
  link: OpenedLink,
  { statuses, origin, around }: Use,
  effect: (tx: TenantTx, person: Person, claimed: ClaimedLink) => Promise<void>,
): Promise<void> {
  const { organizationId, userId, linkId, kind } = link;
  const tenant = { organizationId, userId, ...(around === undefined ? {} : { around }) };
  try {
    await withTenant(deps.db, tenant, async (tx) => {
      const person = await rows.lockPerson(tx, organizationId, userId);
      const claimed = await rows.claim(tx, organizationId, linkId);
      if (person === null || claimed === null || !statuses.includes(person.status)) throw linkRefused();
      await effect(tx, person, claimed);
    });
  } catch (error) {
    if (error instanceof Refusal && error.slug === linkRefused.slug) {
      await auditLinkRefused(deps, organizationId, { kind, userId, reason: "ended", origin });
    }
    throw error;
  }
}

interface ClaimedLink {
  readonly email: string;
  readonly mailed: boolean;
  readonly sessionId: string | null;
}

interface Use {
  readonly statuses: readonly Person["status"][];
  readonly origin: Origin;
  readonly around: Around | undefined;
}

interface RefusedLink {
  readonly kind: LinkKind;
  readonly userId: string | null;
  readonly reason: "not_sent" | "unknown" | "locked" | "ended" | "suspended" | "closed" | "password";
  readonly origin: Origin;
}

/** Bounded, since anybody can bring it about: in a transaction of its own. */
const auditLinkRefused = (
  deps: Deps,
  organizationId: string,
  { kind, userId, reason, origin }: RefusedLink,
) =>
  audit(
    deps,
    { organizationId, userId: null },
    { action: "link.refused", outcome: "refused", subjectId: userId, details: { kind, reason }, origin },
  );

/** What a link proves of a mailbox counts only while that is still the person's. */
function requireSameMailbox(person: Person, email: string): void {
  if ((person.email ?? "").toLowerCase() !== email.toLowerCase()) throw linkRefused();
}

const doneBy = ({ userId }: OpenedLink, action: AuditAction, origin: Origin): AuditEvent => ({
  action,
  outcome: "success",
  subjectId: userId,
  origin,
});

async function hashFor(deps: Deps, link: OpenedLink, password: string, pointer: string) {
  const { rules, role, username, fullName, email } = link;
  checkPassword(password, {
    minimum: passwordMinimum(rules, role),
    names: [username, fullName, email, ...rules.names],
    pointer,
  });
  return deps.passwords.hash(password);
}

/**
 * Sets another password by a link: ends every session, opens logins that were locked, and tells the person. A link that
 * was mailed confirms the address as well; one that the operator handed over does not. Refuses with `link_refused`,
 * `password_refused` (the link stays good), `passwords_busy`.
 */
export async function resetPassword(
  deps: Deps,
  { token, newPassword }: { readonly token: string; readonly newPassword: string },
  origin: Origin,
  around?: Around,
): Promise<void> {
  const link = await openLink(deps, "reset", token, origin, around);
  const credential = await hashFor(deps, link, newPassword, "#/newPassword");
  const { organizationId, userId } = link;
  await useLink(
    deps,
    link,
    { statuses: ["active"], origin, around },
    async (tx, person, { email, mailed }) => {
      requireSameMailbox(person, email);
      await setPasswordIn(tx, organizationId, userId, credential);
      await endSessionsIn(tx, organizationId, userId, "password_changed", { origin });
      await reopenLoginIn(tx, organizationId, userId);
      const confirms = mailed && person.emailVerifiedAt === null;
      if (confirms) {
        await rows.verifyEmail(tx, organizationId, userId);
        changed(tx, "users");
      }
      await sendMailIn(deps, tx, organizationId, { userId, template: "password_changed" });
      await auditIn(tx, organizationId, doneBy(link, "password.reset", origin));
      if (confirms) await auditIn(tx, organizationId, doneBy(link, "email.verified", origin));
    },
  );
}

/**
 * Confirms an address by a link, and lets in who was waiting for that. An address that somebody gave when they made an
 * account for themselves takes the password of that account too: the mailbox shows whose the address is, the password
 * whose the account is, and a stranger who gave somebody else's address can bring the two together no more than its owner
 * would (pre-hijacking). Refuses with `link_refused`, `sign_up_password_refused` (the link stays good),
 * `passwords_busy`.
 */
export async function verifyEmail(
  deps: Deps,
  { token, password }: { readonly token: string; readonly password?: string },
  origin: Origin,
  around?: Around,
): Promise<void> {
  const link = await openLink(deps, "verification", token, origin, around);
  const { organizationId, userId } = link;
  if (link.email === null) await requireSignUpPassword(deps, link, password, origin);
  await useLink(
    deps,
    link,
    { statuses: ["active", "pending"], origin, around },
    async (tx, person, { email }) => {
      if (person.email === null) {
        // They signed up with it: now it is shown to be theirs.
        await onConstraint(tx, { user_email_unique: () => linkRefused() }, (inner) =>
          rows.setEmail(inner, organizationId, userId, email),
        );
      } else {
        requireSameMailbox(person, email);
      }
      await rows.verifyEmail(tx, organizationId, userId);
      changed(tx, "users");
      await auditIn(tx, organizationId, doneBy(link, "email.verified", origin));
    },
  );
}

async function requireSignUpPassword(
  deps: Deps,
  link: OpenedLink,
  password: string | undefined,
  origin: Origin,
): Promise<void> {
  const { organizationId, userId, linkId, rules, passwordHash, pepperKeyId } = link;
  const refuse = () =>
    signUpPasswordRefused({ errors: [{ pointer: "#/password", detail: "is not the one of this account" }] });
  if (password === undefined) throw refuse();
  const attempt = {
    organizationId,
    door: "reauthentication",
    userId,
    login: userId,
    device: null,
    origin,
    // A bucket of this link: who guesses at the front door cannot keep out who holds it.
    sessionId: linkId,
  } as const;
  const verified = await guarded(deps, attempt, rules, () =>
    deps.passwords.verify(password, passwordHash, pepperKeyId, false, networkOf(origin.address)),
  );
  if (verified?.matches === true) return;
  const { kind } = link;
  await auditLinkRefused(deps, organizationId, { kind, userId, reason: "password", origin });
  throw refuse();
}

/**
 * Accepts an invitation: sets the first password, confirms the address, lets the person in. They sign in next. Refuses
 * with `link_refused`, `password_refused` (the link stays good), `passwords_busy`.
 */
export async function acceptInvitation(
  deps: Deps,
  { token, password }: { readonly token: string; readonly password: string },
  origin: Origin,
  around?: Around,
): Promise<void> {
  const link = await openLink(deps, "invitation", token, origin, around);
  const credential = await hashFor(deps, link, password, "#/password");
  const { organizationId, userId } = link;
  await useLink(
    deps,
    link,
    { statuses: ["active", "pending"], origin, around },
    async (tx, person, { email }) => {
      requireSameMailbox(person, email);
      if (person.hasPassword) throw linkRefused();
      await setPasswordIn(tx, organizationId, userId, credential);
      await rows.verifyEmail(tx, organizationId, userId);
      changed(tx, "users");
      await auditIn(tx, organizationId, doneBy(link, "password.set", origin));
      await auditIn(tx, organizationId, doneBy(link, "email.verified", origin));
    },
  );
}

/**
 * Takes the address into use that the link was mailed to, ends every session but the one that asked for it, and tells the
 * old address. That one cannot take it back: who leaves a mailbox may have lost it to somebody. Refuses with
 * `link_refused`.
 */
export async function confirmEmailChange(
  deps: Deps,
  token: string,
  origin: Origin,
  around?: Around,
): Promise<void> {
  const link = await openLink(deps, "email_change", token, origin, around);
  const { organizationId } = link;
  await useLink(deps, link, { statuses: ["active"], origin, around }, async (tx, person, claimed) => {
    const { userId, email: old } = person;
    const { email, sessionId: exceptId } = claimed;
    await onConstraint(tx, { user_email_unique: () => linkRefused() }, (inner) =>
      rows.setEmail(inner, organizationId, userId, email),
    );
    if (old?.toLowerCase() !== email.toLowerCase()) {
      await endSessionsIn(tx, organizationId, userId, "email_changed", { exceptId, origin });
    }
    if (old !== null && old.toLowerCase() !== email.toLowerCase()) {
      await sendMailIn(deps, tx, organizationId, { userId, template: "email_changed", to: old });
    }
    changed(tx, "users");
    await auditIn(tx, organizationId, doneBy(link, "email.changed", origin));
  });
}

/** Removes links that were mailed to a person's address for somebody else, as when they are erased. */
export async function forgetAddressIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  await rows.forgetAddress(tx, organizationId, userId);
}

/** Removes at most `limit` links that expired a week ago. Gives their number. */
export async function pruneLinks(
  deps: Pick<Deps, "db">,
  organizationId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.prune(tx, organizationId, limit));
}

/**
 * What the audit knows of: a closed list, `noun.verb`. The kind of an action says how long its events are kept; a word
 * that is in the list once is never given another meaning, since old events keep it.
 */

/**
 * `session`: coming and going. `security`: credentials, rights, refusals, attacks. `record`: what was changed of people
 * and of the organization. `disclosure`: who looked at a person (34 CFR 99.32). `erasure`: kept for as long as there is a
 * chain, for it explains what is missing from it.
 */
export type AuditKind = "session" | "security" | "record" | "disclosure" | "erasure";

export const ACTIONS = {
  "session.opened": "session",
  "session.refused": "security",
  "session.ended": "session",
  "session.reused": "security",
  "session.refreshed": "session",
  "session.reauthenticated": "session",
  "second_factor.enrolled": "security",
  "second_factor.removed": "security",
  "second_factor.reset": "security",
  "second_factor.refused": "security",
  "second_factor.recovery_codes_renewed": "security",
  "second_factor.recovery_code_used": "security",

  "api_key.created": "security",
  "api_key.revoked": "security",

  "login.locked": "security",
  "login.unlocked": "security",
  "password.changed": "security",
  "password.reset": "security",
  "password.set": "security",
  "link.sent": "security",
  "link.refused": "security",
  "email.verified": "security",
  "email.changed": "security",
  "access.refused": "security",
  "refusals.passed_over": "security",
  "attack.suspected": "security",

  "setup_code.created": "security",
  "setup_code.refused": "security",
  "organization.created": "record",
  "organization.changed": "record",
  "organization.suspended": "record",
  "organization.reactivated": "record",
  "organization.closed": "record",
  "quota.set": "record",
  "sign_up_code.created": "security",
  "sign_up_code.revoked": "security",

  "user.created": "record",
  "user.signed_up": "record",
  "sign_up.refused": "security",
  "user.changed": "record",
  "user.role_changed": "security",
  "user.status_changed": "record",
  "user.deleted": "record",
  "user.discarded": "record",
  "user.restored": "record",
  "user.imported": "record",
  "user.import_ended": "record",

  "content.purged": "record",

  "rating.hidden": "record",
  "rating.shown": "record",

  "comment.approved": "record",
  "comment.rejected": "record",
  "comment.deleted": "record",
  "comment.restored": "record",

  "tag.rename_requested": "record",
  "tag.rename_ended": "record",
  "skill.rename_requested": "record",
  "skill.rename_ended": "record",

  "user.read": "disclosure",
  "user.listed": "disclosure",
  "user.exported": "disclosure",

  "erasure.requested": "erasure",
  "erasure.finished": "erasure",
} as const satisfies Readonly<Record<string, AuditKind>>;

export type AuditAction = keyof typeof ACTIONS;
export const AUDIT_ACTIONS = Object.keys(ACTIONS) as readonly AuditAction[];

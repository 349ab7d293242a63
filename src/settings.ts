/**
 * What an organization may settle for itself: one table of settings with defaults, ranges and meanings. The stored
 * document, what the wire accepts and what the documentation says are all read off it. Everybody else asks through the
 * helpers below, never by key.
 */
import type { Role } from "./actor.ts";
import type { AuditKind } from "./audit-actions.ts";
import { PASSWORD_MINIMUM, PASSWORD_MINIMUM_LOWERED } from "./passwords.ts";

interface Whole {
  readonly initial: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly meaning: string;
}
interface Limit extends Omit<Whole, "initial"> {
  readonly initial: number | null;
  readonly none: true;
}
interface Choice<C extends string> {
  readonly initial: C;
  readonly choices: readonly C[];
  readonly meaning: string;
}
interface Flag {
  readonly initial: boolean;
  readonly meaning: string;
}
export type Setting = Whole | Limit | Choice<string> | Flag;

const whole = (initial: number, minimum: number, maximum: number, meaning: string): Whole => ({
  initial,
  minimum,
  maximum,
  meaning,
});
const limit = (initial: number | null, minimum: number, maximum: number, meaning: string): Limit => ({
  initial,
  minimum,
  maximum,
  none: true,
  meaning,
});
const choice = <const C extends string>(initial: NoInfer<C>, choices: readonly C[], meaning: string) =>
  ({ initial, choices, meaning }) satisfies Choice<C>;
const flag = (initial: boolean, meaning: string): Flag => ({ initial, meaning });

const HOUR = 60;
const DAY = 24 * HOUR;

const shortest = (whose: string) =>
  whole(PASSWORD_MINIMUM, PASSWORD_MINIMUM_LOWERED, 64, `Shortest password of ${whose}, in characters.`);

/** From the narrowest door to the widest; each lets in whom those before it let in. */
export const SIGN_UP_MODES = ["closed", "invitation", "code", "open"] as const;
export type SignUpMode = (typeof SIGN_UP_MODES)[number];

/**
 * Every setting. Passwords: 15 characters (NIST SP 800-63B-4 §3.1.1.2, where a password is the only factor). Sessions
 * of staff: an hour idle and twelve in all (below the 24 of §2.2.3, so that a classroom's computer is signed out every
 * night). A pupil's tablet stays signed in for a month (§2.1.3). So does a parent's telephone, but not one that was left
 * in a drawer for a week: it shows another person's records.
 */
export const SETTINGS = {
  studentPasswordMinimum: shortest("students"),
  teacherPasswordMinimum: shortest("teachers"),
  adminPasswordMinimum: shortest("admins"),
  parentPasswordMinimum: shortest("parents"),

  studentSecondFactorRequired: flag(false, "Whether students must have a second factor."),
  teacherSecondFactorRequired: flag(false, "Whether teachers must have a second factor."),
  adminSecondFactorRequired: flag(false, "Whether admins must have a second factor."),
  parentSecondFactorRequired: flag(false, "Whether parents must have a second factor."),

  lockoutAttempts: whole(5, 3, 20, "Failures in a row that lock a login."),
  lockoutMinutes: whole(30, 1, DAY, "How long a lock lasts; a progressive one, how long the first."),
  // Fixed by default: a stranger can bring locks about, and must not be able to make them longer and longer.
  lockoutMode: choice(
    "fixed",
    ["fixed", "progressive"],
    "Whether each further lock lasts twice as long, up to a day.",
  ),

  studentSessionMinutes: whole(30 * DAY, 15, 90 * DAY, "How long a session of a student lives."),
  teacherSessionMinutes: whole(12 * HOUR, 15, DAY, "How long a session of a teacher lives."),
  adminSessionMinutes: whole(12 * HOUR, 15, DAY, "How long a session of an admin lives."),
  parentSessionMinutes: whole(30 * DAY, 15, 90 * DAY, "How long a session of a parent lives."),

  studentIdleMinutes: limit(null, 5, 90 * DAY, "Minutes unused that end a session of a student; null: none."),
  teacherIdleMinutes: whole(HOUR, 5, DAY, "Minutes unused that end a session of a teacher."),
  adminIdleMinutes: whole(HOUR, 5, DAY, "Minutes unused that end a session of an admin."),
  parentIdleMinutes: limit(
    7 * DAY,
    5,
    90 * DAY,
    "Minutes unused that end a session of a parent; null: none.",
  ),

  sessionsPerUser: whole(10, 1, 50, "Live sessions of a person; one more ends the oldest."),

  longLivedSessionDays: whole(
    30,
    0,
    90,
    "How long a client with a refresh token, such as an app, stays signed in, but no longer than a session of the role; 0: there are no such sessions.",
  ),

  signUp: choice(
    "invitation",
    SIGN_UP_MODES,
    "Who may make an account for themselves: nobody, who was invited, also who has a code, or anybody.",
  ),
  authorsMayApprove: flag(false, "Whether authors may approve their own work."),
  commentsNeedApproval: flag(
    false,
    "Whether what students write under lessons waits until a teacher or an admin has approved it.",
  ),

  auditSessionDays: whole(365, 30, 3650, "How many days it is kept who signed in and out."),
  auditSecurityDays: whole(730, 90, 3650, "How many days changes of credentials and refusals are kept."),
  auditRecordDays: whole(
    1825,
    365,
    3650,
    "How many days it is kept who changed people and the organization.",
  ),
  auditDisclosureDays: whole(730, 365, 3650, "How many days it is kept who looked at whom."),
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

type Value<S> =
  S extends Choice<infer C>
    ? C
    : S extends Limit
      ? number | null
      : S extends Whole
        ? number
        : S extends Flag
          ? boolean
          : never;

export type OrganizationSettings = {
  readonly [N in SettingName]: Value<(typeof SETTINGS)[N]>;
};

export const DEFAULT_SETTINGS = Object.fromEntries(
  Object.entries(SETTINGS).map(([name, { initial }]) => [name, initial]),
) as OrganizationSettings;

/**
 * The stored document with the defaults filled in. What it should not hold is passed over, and what contradicts itself
 * is read in its safer sense: nothing that was written to the row by other means weakens a guard.
 */
export function readSettings(stored: unknown): OrganizationSettings {
  const given = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const settings: Record<string, unknown> = { ...DEFAULT_SETTINGS };
  for (const name of SETTING_NAMES) if (fits(SETTINGS[name], given[name])) settings[name] = given[name];
  for (const { name, safer } of contradictions(settings as OrganizationSettings)) settings[name] = safer;
  return settings as OrganizationSettings;
}

function fits(setting: Setting, value: unknown): boolean {
  if ("choices" in setting) return typeof value === "string" && setting.choices.includes(value);
  if (!("minimum" in setting)) return typeof value === "boolean";
  if (value === null) return "none" in setting;
  return (
    typeof value === "number" &&
    Number.isInteger(value) &&
    value >= setting.minimum &&
    value <= setting.maximum
  );
}

export interface Contradiction {
  readonly name: SettingName;
  readonly detail: string;
  /** What the setting is read as instead. */
  readonly safer: number;
}

const EVERY_ROLE = ["student", "teacher", "admin", "parent"] as const satisfies readonly Role[];

/** Settings, each in its range, that make no sense together. None for what `readSettings` has read. */
export function contradictions(settings: OrganizationSettings): readonly Contradiction[] {
  const found: Contradiction[] = [];
  for (const role of EVERY_ROLE) {
    const minimum = settings[`${role}PasswordMinimum`];
    if (role !== "student" && minimum < PASSWORD_MINIMUM && !settings[`${role}SecondFactorRequired`]) {
      found.push({
        name: `${role}PasswordMinimum`,
        detail: `must be at least ${PASSWORD_MINIMUM} unless ${role}SecondFactorRequired is true`,
        safer: PASSWORD_MINIMUM,
      });
    }
    const { lifetimeMinutes, idleMinutes } = sessionLifetime(settings, role);
    if (idleMinutes !== null && idleMinutes > lifetimeMinutes) {
      found.push({
        name: `${role}IdleMinutes`,
        detail: `must be at most ${role}SessionMinutes`,
        safer: lifetimeMinutes,
      });
    }
  }
  return found;
}

/** Shortest password of a role, in code points. */
export const passwordMinimum = (settings: OrganizationSettings, role: Role): number =>
  settings[`${role}PasswordMinimum`];

/** Whether people of a role must have a second factor. */
export const secondFactorRequired = (settings: OrganizationSettings, role: Role): boolean =>
  settings[`${role}SecondFactorRequired`];

/** How long a session of a role lives in all, and unused; null: as long as it lives. */
export function sessionLifetime(
  settings: OrganizationSettings,
  role: Role,
): { readonly lifetimeMinutes: number; readonly idleMinutes: number | null } {
  return {
    lifetimeMinutes: settings[`${role}SessionMinutes`],
    idleMinutes: settings[`${role}IdleMinutes`],
  };
}

/**
 * As `sessionLifetime`, of a session with a refresh token; null: there are none. No longer than any other of the role, in
 * all and unused: nobody gets around what the organization has settled by asking for a refresh token.
 */
export function longLivedSession(
  settings: OrganizationSettings,
  role: Role,
): { readonly lifetimeMinutes: number; readonly idleMinutes: number } | null {
  if (settings.longLivedSessionDays === 0) return null;
  const other = sessionLifetime(settings, role);
  const lifetimeMinutes = Math.min(settings.longLivedSessionDays * DAY, other.lifetimeMinutes);
  // The refresh token is what it idles by: whoever does not come back within half of its life is gone.
  const idleMinutes = Math.min(Math.ceil(lifetimeMinutes / 2), other.idleMinutes ?? lifetimeMinutes);
  return { lifetimeMinutes, idleMinutes };
}

/**
 * How many failures in a row lock a login, and for how many minutes. `consecutiveLocks`: locks before this one with no
 * success between. A progressive lock doubles with each (OWASP Authentication Cheat Sheet, account lockout), up to a day:
 * longer would be a way to shut somebody out, and after a hundred failures the way back is another one anyhow.
 */
export function lockoutOf(
  settings: OrganizationSettings,
  consecutiveLocks: number,
): { readonly attemptsAllowed: number; readonly lockMinutes: number } {
  const { lockoutAttempts, lockoutMinutes, lockoutMode } = settings;
  const lockMinutes =
    lockoutMode === "fixed" ? lockoutMinutes : Math.min(lockoutMinutes * 2 ** consecutiveLocks, DAY);
  return { attemptsAllowed: lockoutAttempts, lockMinutes };
}

/** Whether the organization lets people make accounts for themselves in this way. */
export const signUpAllows = (settings: OrganizationSettings, way: Exclude<SignUpMode, "closed">): boolean =>
  SIGN_UP_MODES.indexOf(settings.signUp) >= SIGN_UP_MODES.indexOf(way);

/** Whether the organization lets people approve and publish what they have written themselves. */
export const authorsMayApprove = (settings: OrganizationSettings): boolean => settings.authorsMayApprove;

/** Whether what people of a role write under lessons waits for a moderator. */
export const commentsWait = (settings: OrganizationSettings, role: Role): boolean =>
  role === "student" && settings.commentsNeedApproval;

/** For how many days events of each kind are kept before they may be sealed; null: for ever. */
export const auditDays = (settings: OrganizationSettings): Readonly<Record<AuditKind, number | null>> => ({
  session: settings.auditSessionDays,
  security: settings.auditSecurityDays,
  record: settings.auditRecordDays,
  disclosure: settings.auditDisclosureDays,
  erasure: null,
});

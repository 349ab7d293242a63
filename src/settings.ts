/** What an organization may settle for itself, with the defaults. The one reader of the stored document. */
import { PASSWORD_MINIMUM, PASSWORD_MINIMUM_PUPILS } from "./passwords.ts";

export interface OrganizationSettings {
  /** Failures in a row that lock a login (NIST SP 800-63B-4 §3.2.2 asks for a limit; five is ours). */
  readonly lockoutAttempts: number;
  readonly lockoutMinutes: number;
  /** Shortest password of a student, in characters. */
  readonly pupilPasswordMinimum: number;
}

export const DEFAULT_SETTINGS: OrganizationSettings = {
  lockoutAttempts: 5,
  lockoutMinutes: 30,
  pupilPasswordMinimum: PASSWORD_MINIMUM,
};

export const SETTING_RANGES = {
  lockoutAttempts: { minimum: 3, maximum: 20 },
  lockoutMinutes: { minimum: 1, maximum: 1440 },
  pupilPasswordMinimum: { minimum: PASSWORD_MINIMUM_PUPILS, maximum: 64 },
} as const satisfies Record<keyof OrganizationSettings, { minimum: number; maximum: number }>;

/** The stored document with the defaults filled in. What it should not hold is passed over. */
export function readSettings(stored: unknown): OrganizationSettings {
  const given = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const pick = (key: keyof OrganizationSettings): number => {
    const value = given[key];
    const { minimum, maximum } = SETTING_RANGES[key];
    return typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum
      ? value
      : DEFAULT_SETTINGS[key];
  };
  return {
    lockoutAttempts: pick("lockoutAttempts"),
    lockoutMinutes: pick("lockoutMinutes"),
    pupilPasswordMinimum: pick("pupilPasswordMinimum"),
  };
}

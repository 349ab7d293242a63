/** What is read out of a stored document, and what the helpers make of it. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROLES } from "../../src/actor.ts";
import {
  contradictions,
  DEFAULT_SETTINGS,
  lockoutOf,
  passwordMinimum,
  readSettings,
  SETTING_NAMES,
  SETTINGS,
  type Setting,
  secondFactorRequired,
  sessionLifetime,
  signUpAllows,
} from "../../src/settings.ts";

describe("the stored document", () => {
  test("gives the defaults where it is silent, empty or none", () => {
    for (const stored of [{}, null, undefined, [], "settings", 7]) {
      expect(readSettings(stored)).toEqual(DEFAULT_SETTINGS);
    }
  });

  test("is passed over where it is out of range, of another type or unknown", () => {
    const bad = [undefined, "", "5", 5.5, Number.NaN, -1, 1e9, [], {}, Symbol.iterator];
    for (const name of SETTING_NAMES) {
      for (const value of bad) expect(readSettings({ [name]: value })).toEqual(DEFAULT_SETTINGS);
    }
    expect(readSettings({ anything: 1 })).toEqual(DEFAULT_SETTINGS);
  });

  test("is taken at both ends of each range, and not one step further", () => {
    for (const name of SETTING_NAMES) {
      const setting = SETTINGS[name];
      if (!("minimum" in setting) || name.endsWith("PasswordMinimum") || name.endsWith("Minutes")) continue;
      for (const value of [setting.minimum, setting.maximum]) {
        expect(readSettings({ [name]: value })[name]).toBe(value);
      }
      for (const value of [setting.minimum - 1, setting.maximum + 1]) {
        expect(readSettings({ [name]: value })[name]).toBe(setting.initial);
      }
    }
  });

  test("is read in its safer sense where it contradicts itself", () => {
    const read = readSettings({
      studentPasswordMinimum: 8,
      teacherPasswordMinimum: 8,
      adminPasswordMinimum: 8,
      adminSecondFactorRequired: true,
      parentSessionMinutes: 60,
    });
    expect(ROLES.map((role) => passwordMinimum(read, role))).toEqual([8, 15, 8, 15]);
    expect(sessionLifetime(read, "parent")).toEqual({ lifetimeMinutes: 60, idleMinutes: 60 });
    expect(contradictions(read)).toEqual([]);
  });
});

test("the defaults contradict nothing and lie in their own ranges", () => {
  expect(contradictions(DEFAULT_SETTINGS)).toEqual([]);
  expect(readSettings(DEFAULT_SETTINGS)).toEqual(DEFAULT_SETTINGS);
});

test("by default staff are signed out after an hour idle and after twelve, pupils after thirty days", () => {
  expect(ROLES.map((role) => [role, sessionLifetime(DEFAULT_SETTINGS, role)])).toEqual([
    ["student", { lifetimeMinutes: 43_200, idleMinutes: null }],
    ["teacher", { lifetimeMinutes: 720, idleMinutes: 60 }],
    ["admin", { lifetimeMinutes: 720, idleMinutes: 60 }],
    ["parent", { lifetimeMinutes: 43_200, idleMinutes: 10_080 }],
  ]);
  expect(DEFAULT_SETTINGS.sessionsPerUser).toBe(10);
});

test("passwords have fifteen characters and nobody needs a second factor until the organization says otherwise", () => {
  for (const role of ROLES) {
    expect(passwordMinimum(DEFAULT_SETTINGS, role)).toBe(15);
    expect(secondFactorRequired(DEFAULT_SETTINGS, role)).toBe(false);
    expect(secondFactorRequired({ ...DEFAULT_SETTINGS, [`${role}SecondFactorRequired`]: true }, role)).toBe(
      true,
    );
  }
  expect(DEFAULT_SETTINGS.authorsMayApprove).toBe(false);
});

test("a fixed lock lasts as long each time; a progressive one doubles and stops at a day", () => {
  const times = (lockoutMode: "fixed" | "progressive") =>
    [0, 1, 2, 5, 6, 7, 5000].map(
      (locks) => lockoutOf({ ...DEFAULT_SETTINGS, lockoutMode, lockoutMinutes: 30 }, locks).lockMinutes,
    );
  expect(times("fixed")).toEqual([30, 30, 30, 30, 30, 30, 30]);
  expect(times("progressive")).toEqual([30, 60, 120, 960, 1440, 1440, 1440]);
  expect(lockoutOf({ ...DEFAULT_SETTINGS, lockoutAttempts: 9 }, 0).attemptsAllowed).toBe(9);
});

test("each way of signing up lets in whom the narrower ones let in", () => {
  const ways = ["invitation", "code", "open"] as const;
  const allowed = (signUp: "closed" | (typeof ways)[number]) =>
    ways.filter((way) => signUpAllows({ ...DEFAULT_SETTINGS, signUp }, way));
  expect(allowed("closed")).toEqual([]);
  expect(allowed("invitation")).toEqual(["invitation"]);
  expect(allowed("code")).toEqual(["invitation", "code"]);
  expect(allowed("open")).toEqual(["invitation", "code", "open"]);
});

test("docs/organizations.md tells of each setting its default, range and meaning", () => {
  const file = readFileSync(join(import.meta.dir, "../../docs/organizations.md"), "utf8");
  const rows = SETTING_NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    const range =
      "choices" in setting
        ? setting.choices.join(", ")
        : "minimum" in setting
          ? `${setting.minimum}–${setting.maximum}${"none" in setting ? " or null" : ""}`
          : "true, false";
    return `| \`${name}\` | ${setting.initial} | ${range} | ${setting.meaning} |`;
  });
  expect(file).toContain(`| --- | --- | --- | --- |\n${rows.join("\n")}\n\n`);
});

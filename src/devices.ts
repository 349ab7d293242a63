/**
 * Devices: what kind one is, by its user agent, and the signed token by which one is known again. The user agent is
 * read with bowser: telling browsers apart is a table that others keep up to date.
 */
import { isIP } from "node:net";
import Bowser from "bowser";
import type { Keys } from "./keys.ts";

/** Where a request comes from, as far as it tells. */
export interface Origin {
  readonly address: string;
  readonly userAgent: string | null;
  readonly deviceToken: string | null;
}

/**
 * An address as the database takes it: without the zone of a link-local one, and of IPv4 also where it came in over a
 * socket of IPv6. Null when it is none.
 */
export function addressOf({ address }: Pick<Origin, "address">): string | null {
  const bare = address.replace(/%.*$/s, "").replace(/^::ffff:(?=\d+\.)/i, "");
  return isIP(bare) === 0 ? null : bare;
}

export type DeviceType = "desktop" | "mobile" | "tablet" | "bot" | "unknown";

const TYPES: ReadonlySet<string> = new Set(["desktop", "mobile", "tablet", "bot"]);

/** The kind of device behind a user agent, as far as it tells. */
export function deviceType(userAgent: string | null): DeviceType {
  if (userAgent === null || userAgent === "") return "unknown";
  const type = Bowser.parse(userAgent).platform.type ?? "unknown";
  return TYPES.has(type) ? (type as DeviceType) : "unknown";
}

/** Browsers on desktops tell of no later version than Windows 10 and macOS 10.15, whatever they run on. */
const TELLS_VERSION: ReadonlySet<string | undefined> = new Set(["Android", "iOS"]);

/** What a user agent tells of itself: `Firefox 128`, `Android 14`; null where it does not say. */
export function softwareOf(userAgent: string | null): {
  readonly browser: string | null;
  readonly operatingSystem: string | null;
} {
  if (userAgent === null || userAgent === "") return { browser: null, operatingSystem: null };
  const { browser, os } = Bowser.parse(userAgent);
  const named = (name: string | undefined, version: string | undefined): string | null =>
    name === undefined || name === "" ? null : [name, version].filter(Boolean).join(" ").slice(0, 80);
  return {
    browser: named(browser.name, browser.version?.split(".")[0]),
    operatingSystem: named(os.name, TELLS_VERSION.has(os.name) ? os.version : undefined),
  };
}

/** How long a device is remembered after a person last signed in on it, in days. */
export const DEVICE_DAYS = 90;
/** People remembered on one device; a shared tablet has a class of them. The token must fit into a cookie. */
const DEVICE_PEOPLE = 30;

export interface Device {
  readonly id: string;
  /** Who has signed in on it, and on which day (days since 1970), latest first. */
  readonly people: readonly (readonly [userId: string, day: number])[];
}

/** The device of a token, or null when the token is missing or was not made here. */
export function readDevice(keys: Keys, token: string | null): Device | null {
  const payload = token === null ? null : keys.verify("device", token);
  if (payload === null) return null;
  const [id = "", ...people] = payload.split(" ");
  return { id, people: people.map((entry) => [entry.slice(0, 36), Number(entry.slice(37))] as const) };
}

/** Whether this person has signed in on this device within the last 90 days. `day` is today. */
export function knows(device: Device, userId: string, day: number): boolean {
  return device.people.some(([known, since]) => known === userId && day - since <= DEVICE_DAYS);
}

/** The token of a device on which this person has just signed in; of a new device when there was none. */
export function rememberOn(
  keys: Keys,
  device: Device | null,
  userId: string,
  day: number,
): { id: string; token: string } {
  const id = device?.id ?? crypto.randomUUID();
  const others = (device?.people ?? []).filter(
    ([known, since]) => known !== userId && day - since <= DEVICE_DAYS,
  );
  const people = [[userId, day] as const, ...others].slice(0, DEVICE_PEOPLE);
  return {
    id,
    token: keys.sign("device", [id, ...people.map(([known, since]) => `${known}:${since}`)].join(" ")),
  };
}

import { expect, test } from "bun:test";
import { DEVICE_DAYS, deviceType, knows, readDevice, rememberOn, softwareOf } from "../../src/devices.ts";
import { openKeys } from "../../src/keys.ts";

const OLD = "the old secret, of sufficient length 01";
const keys = openKeys([OLD]);
const [ada, ben] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
const DAY = 20_000;

test.each([
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
    "mobile",
  ],
  [
    "Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
    "tablet",
  ],
  [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "desktop",
  ],
  ["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot"],
  ["curl/8.0", "unknown"],
  ["((((\uffff", "unknown"],
  ["", "unknown"],
] as const)("the user agent %s is a %s [row 18]", (userAgent, type) =>
  expect(deviceType(userAgent)).toBe(type),
);

test("no user agent is an unknown device [row 18]", () => expect(deviceType(null)).toBe("unknown"));

test.each([
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
    "Safari 17",
    "iOS 17.0",
  ],
  [
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
    "Chrome 126",
    "Android 14",
  ],
  // Frozen by the browsers: what it says of the version is not so.
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Safari 17",
    "macOS",
  ],
  ["Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128", "Linux"],
  ["curl/8.0", null, null],
  ["((((\uffff", null, null],
  ["", null, null],
  [null, null, null],
] as const)("the user agent %s is of %s on %s [row 76]", (userAgent, browser, operatingSystem) =>
  expect(softwareOf(userAgent)).toEqual({ browser, operatingSystem }),
);

test("a device knows whom it was told of and nobody else, for 90 days [row 106]", () => {
  const { token } = rememberOn(keys, null, ada, DAY);
  const device = readDevice(keys, token);
  if (device === null) throw new Error("its own token is refused");
  expect(knows(device, ada, DAY)).toBe(true);
  expect(knows(device, ben, DAY)).toBe(false);
  expect(knows(device, ada, DAY + DEVICE_DAYS)).toBe(true);
  expect(knows(device, ada, DAY + DEVICE_DAYS + 1)).toBe(false);
});

test("another sign-in keeps the device's id and moves the day on [row 106]", () => {
  const first = rememberOn(keys, null, ada, DAY);
  const second = rememberOn(keys, readDevice(keys, first.token), ben, DAY + 50);
  const third = rememberOn(keys, readDevice(keys, second.token), ada, DAY + 80);
  expect([second.id, third.id]).toEqual([first.id, first.id]);
  const device = readDevice(keys, third.token);
  expect(device?.people).toEqual([
    [ada, DAY + 80],
    [ben, DAY + 50],
  ]);
});

test("a class of thirty shares a tablet; the one who was there longest ago is forgotten first, and the token fits a cookie [row 106]", () => {
  const people = Array.from({ length: 31 }, () => Bun.randomUUIDv7());
  let token: string | null = null;
  for (const [n, person] of people.entries())
    token = rememberOn(keys, readDevice(keys, token), person, DAY + n).token;
  const device = readDevice(keys, token);
  if (device === null) throw new Error("its own token is refused");
  const known = people.filter((person) => knows(device, person, DAY + 31));
  expect(known).toEqual(people.slice(1));
  expect(token?.length).toBeLessThan(3000);
  expect(token).toMatch(/^[A-Za-z0-9._-]+$/);
});

test("who was forgotten for their age is not carried on [row 106]", () => {
  const { token } = rememberOn(keys, null, ada, DAY);
  const later = rememberOn(keys, readDevice(keys, token), ben, DAY + DEVICE_DAYS + 1);
  expect(readDevice(keys, later.token)?.people.map(([person]) => person)).toEqual([ben]);
});

test("a token that was made up, changed, or made for something else is no device [row 106]", () => {
  const payload = `${crypto.randomUUID()} ${ada}:${DAY}`;
  const encoded = Buffer.from(payload).toString("base64url");
  expect(readDevice(keys, null)).toBeNull();
  expect(readDevice(keys, "")).toBeNull();
  expect(readDevice(keys, encoded)).toBeNull();
  expect(readDevice(keys, `${encoded}.${"A".repeat(22)}`)).toBeNull();
  expect(readDevice(keys, keys.sign("cursor", payload))).toBeNull();
  expect(
    readDevice(openKeys(["another secret of sufficient length 03"]), keys.sign("device", payload)),
  ).toBeNull();
  expect(readDevice(keys, keys.sign("device", payload))?.people).toEqual([[ada, DAY]]);
});

test("after a rotation of secrets the device is still known, and gets a token of the new one [row 106]", () => {
  const { token, id } = rememberOn(keys, null, ada, DAY);
  const rotated = openKeys(["the new secret, of sufficient length 02", OLD]);
  const device = readDevice(rotated, token);
  expect(device?.id).toBe(id);
  const renewed = rememberOn(rotated, device, ada, DAY + 1);
  expect(readDevice(openKeys(["the new secret, of sufficient length 02"]), renewed.token)?.id).toBe(id);
});

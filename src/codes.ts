/**
 * Codes that people read off paper or a screen and type. Crockford's base 32: no letter in it can be taken for a digit,
 * and whoever types the look-alike is understood.
 */
import { randomInt } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A code of `length` letters, five random bits each, in groups of `group` with dashes between. */
export function newCode(length: number, group: number): string {
  const letters = Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return letters.replace(new RegExp(`(.{${group}})(?=.)`, "g"), "$1-");
}

/** What was meant by what was typed: in capitals, without what stands between, look-alikes made right. */
export const normalizeCode = (code: string): string =>
  code
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, "")
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");

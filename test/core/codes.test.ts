import { expect, test } from "bun:test";
import { newCode, normalizeCode } from "../../src/codes.ts";

test("a code comes in groups, each letter of it is unlike every other, and it is never the same", () => {
  const codes = Array.from({ length: 100 }, () => newCode(16, 4));
  for (const code of codes) expect(code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  expect(new Set(codes).size).toBe(100);
});

test("it is understood however it is typed", () => {
  expect(normalizeCode(" 0o1i-lL ab ")).toBe("001111AB");
  const code = newCode(16, 4);
  expect(normalizeCode(code.toLowerCase().replaceAll("-", " "))).toBe(normalizeCode(code));
});

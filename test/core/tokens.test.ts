import { expect, test } from "bun:test";
import { newToken, organizationOf, TOKEN_LENGTH, type TokenKind } from "../../src/tokens.ts";

const KINDS: readonly TokenKind[] = ["session", "refresh", "challenge"];
const organization = Bun.randomUUIDv7();

test("a token names its organization and its kind, and is taken for no other kind [row 19]", () => {
  for (const kind of KINDS) {
    const token = newToken(kind, organization);
    expect(token.length).toBeLessThanOrEqual(TOKEN_LENGTH);
    for (const other of KINDS)
      expect(organizationOf(other, token)).toBe(other === kind ? organization : null);
    expect(newToken(kind, organization)).not.toBe(token);
  }
});

test.each([
  "",
  "satchel_",
  "satchel_x",
  `satchel_${"A".repeat(63)}`,
  `satchel_${"A".repeat(65)}`,
  `satchel_${"!".repeat(64)}`,
])("%j names nothing", (token) => {
  for (const kind of KINDS) expect(organizationOf(kind, token)).toBeNull();
});

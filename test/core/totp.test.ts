import { expect, test } from "bun:test";
import { base32, hotp, matchingStep, newTotpSecret, otpauthUri, stepAt } from "../../src/totp.ts";

/** "12345678901234567890": the secret of RFC 4226, appendix D, and of RFC 6238, appendix B. */
const secret = Buffer.from("12345678901234567890");

test.each([
  [59, "94287082"],
  [1_111_111_109, "07081804"],
  [1_111_111_111, "14050471"],
  [1_234_567_890, "89005924"],
  [2_000_000_000, "69279037"],
  [20_000_000_000, "65353130"],
])("at %d seconds it is %s (RFC 6238, appendix B)", (seconds, code) => {
  expect(hotp(secret, stepAt(seconds * 1000), 8)).toBe(code);
  expect(hotp(secret, stepAt(seconds * 1000))).toBe(code.slice(2));
});

test("the first ten passwords are those of RFC 4226, appendix D", () => {
  const codes = Array.from({ length: 10 }, (_, counter) => hotp(secret, counter));
  const listed = "755224 287082 359152 969429 338314 254676 287922 162583 399871 520489";
  expect(codes).toEqual(listed.split(" "));
});

test("a password is good in its own thirty seconds and those before and after, no longer", () => {
  const step = 1000;
  const code = hotp(secret, step);
  const at = (distance: number) => matchingStep(secret, code, (step + distance) * 30_000);
  expect([-2, -1, 0, 1, 2].map(at)).toEqual([null, step, step, step, null]);
  expect(matchingStep(secret, code, step * 30_000 + 29_999)).toBe(step);
});

test.each(["", "1", "12345", "1234567", "abcdef", "      ", "１２３４５６"])(
  "%j is no password at all",
  (code) => expect(matchingStep(secret, code, 59_000)).toBeNull(),
);

test("a secret is written as apps take it (RFC 4648, §10)", () => {
  const vectors = {
    "": "",
    f: "MY",
    fo: "MZXQ",
    foo: "MZXW6",
    foob: "MZXW6YQ",
    fooba: "MZXW6YTB",
    foobar: "MZXW6YTBOI",
  };
  for (const [plain, encoded] of Object.entries(vectors)) expect(base32(Buffer.from(plain))).toBe(encoded);
  expect(newTotpSecret().byteLength).toBe(20);
  const uri = otpauthUri(secret, { issuer: "Señor School & Co", account: "ada:1" });
  expect(uri).toBe(
    "otpauth://totp/Se%C3%B1or%20School%20%26%20Co:ada%3A1?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Se%C3%B1or%20School%20%26%20Co&algorithm=SHA1&digits=6&period=30",
  );
});

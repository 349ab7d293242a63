import { expect, test } from "bun:test";
import { isAttested, newSecret, openKeys, type Purpose } from "../../src/keys.ts";

const OLD = "the old secret, of sufficient length 01";
const NEW = "the new secret, of sufficient length 02";
const PURPOSES: readonly Purpose[] = [
  "token",
  "pepper",
  "guard",
  "device",
  "cursor",
  "idempotency",
  "cache",
  "setup-code",
  "challenge",
  "refresh",
  "second-factor",
  "recovery-code",
];
const hex = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString("hex");

test("what is made for one purpose is good for no other", () => {
  const keys = openKeys([OLD]);
  expect(new Set(PURPOSES.map((purpose) => hex(keys.mac(purpose, "same")))).size).toBe(PURPOSES.length);
  const signed = keys.sign("cursor", "payload");
  for (const purpose of PURPOSES) {
    expect(keys.verify(purpose, signed)).toBe(purpose === "cursor" ? "payload" : null);
  }
});

test("where one part ends and the next begins makes a difference", () => {
  const keys = openKeys([OLD]);
  const macs = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"]].map((parts) =>
    hex(keys.mac("guard", ...parts)),
  );
  expect(new Set(macs).size).toBe(macs.length);
  expect(hex(keys.mac("guard", "ñ"))).toBe(hex(keys.mac("guard", Buffer.from("ñ"))));
});

test("rotation: the first secret signs, each verifies, and a removed one no longer does", () => {
  const before = openKeys([OLD]);
  const during = openKeys([NEW, OLD]);
  const after = openKeys([NEW]);
  const signed = before.sign("device", "tablet");
  expect(during.verify("device", signed)).toBe("tablet");
  expect(after.verify("device", signed)).toBeNull();
  expect(after.verify("device", during.sign("device", "tablet"))).toBe("tablet");
  expect(during.macs("token", "t").map(hex)).toEqual([
    hex(after.mac("token", "t")),
    hex(before.mac("token", "t")),
  ]);
  expect(hex(during.macBy(before.id, "pepper", "p"))).toBe(hex(before.mac("pepper", "p")));
  expect(after.macBy(before.id, "pepper", "p")).toBeNull();
});

test("a secret is named by an id that tells nothing of it", () => {
  const { id, ids } = openKeys([NEW, OLD]);
  expect(ids).toEqual([id, openKeys([OLD]).id]);
  for (const name of ids) expect(name).toMatch(/^[0-9a-f]{12}$/);
});

test("a signed text that was changed anywhere is no longer one", () => {
  const keys = openKeys([OLD]);
  const signed = keys.sign("cursor", "abcdefghij");
  for (let at = 0; at < signed.length; at++) {
    const letter = signed[at] === "A" ? "B" : "A";
    const forged = signed.slice(0, at) + letter + signed.slice(at + 1);
    expect(keys.verify("cursor", forged)).toBeNull();
  }
  for (const broken of [
    "",
    ".",
    "a",
    "a.b",
    `${signed}.x`,
    signed.slice(0, -1),
    `${signed}A`,
    signed.replace(".", ""),
  ]) {
    expect(keys.verify("cursor", broken)).toBeNull();
  }
});

test("a new secret is long and never the same", () => {
  expect(newSecret().length).toBe(64);
  expect(newSecret()).not.toBe(newSecret());
  expect(() => openKeys([])).toThrow();
});

test("what is sealed opens for the same purpose and row, under any secret that is still configured, and unchanged only", () => {
  const [before, during, after] = [openKeys([OLD]), openKeys([NEW, OLD]), openKeys([NEW])];
  const plain = Buffer.from("a shared secret");
  const sealed = before.seal("second-factor", "row 1", plain);
  expect(Buffer.from(sealed).includes(plain)).toBe(false);
  expect(hex(sealed)).not.toBe(hex(before.seal("second-factor", "row 1", plain)));
  expect(hex(during.unseal("second-factor", "row 1", sealed))).toBe(hex(plain));
  expect(after.unseal("second-factor", "row 1", sealed)).toBeNull();
  expect(before.unseal("second-factor", "row 2", sealed)).toBeNull();
  expect(before.unseal("challenge", "row 1", sealed)).toBeNull();
  for (let at = 0; at < sealed.byteLength; at++) {
    const other = Uint8Array.from(sealed);
    other[at] = (other[at] ?? 0) ^ 1;
    expect(before.unseal("second-factor", "row 1", other)).toBeNull();
  }
  expect(before.unseal("second-factor", "row 1", sealed.subarray(0, 20))).toBeNull();
});

test("what is attested is checked by the public key alone, in the one spelling it was written in", () => {
  const [before, during] = [openKeys([OLD]), openKeys([NEW, OLD])];
  const attested = before.attest("a head");
  expect(before.attest("a head")).toEqual(attested);
  expect(isAttested("a head", attested)).toBe(true);
  expect(during.publicKeys).toEqual([openKeys([NEW]).publicKeys[0] ?? "", attested.publicKey]);
  expect(during.attest("a head").publicKey).not.toBe(attested.publicKey);
  expect(isAttested("another", attested)).toBe(false);
  expect(isAttested("a head", { ...attested, publicKey: during.publicKeys[0] ?? "" })).toBe(false);
  const last = attested.signature.slice(-1);
  const next = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".split(last)[1]?.[0] ?? "A";
  // The same bytes, since the last character carries bits that nobody reads.
  expect(isAttested("a head", { ...attested, signature: attested.signature.slice(0, -1) + next })).toBe(
    false,
  );
  expect(isAttested("a head", { publicKey: "", signature: "" })).toBe(false);
});

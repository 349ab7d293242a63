import { afterEach, beforeEach, expect, test } from "bun:test";
import { openKeys } from "../../src/keys.ts";
import { claimSecrets } from "../../src/secrets/secrets.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const [A, B, C] = ["a", "b", "c"].map((letter) => `${letter} secret of this test file 0123456789`) as [
  string,
  string,
  string,
];
let database: TestDatabase;
beforeEach(async () => {
  database = await testDatabase();
});
afterEach(() => database.close());

const claim = (...secrets: readonly string[]) => claimSecrets({ db: database.db, keys: openKeys(secrets) });

test("an unused database takes the first secret it is used with, and no other after that", async () => {
  expect(await claim(A)).toBe(true);
  expect(await claim(A)).toBe(true);
  expect(await claim(B)).toBe(false);
  expect(await claim(B, C)).toBe(false);
  const rows = await database.admin<{ key_id: string }>("select key_id from app.secret_key");
  expect(rows).toEqual([{ key_id: openKeys([A]).id }]);
});

test("a rotation is known by the secret that stays, and then the new one is known by itself", async () => {
  expect(await claim(A)).toBe(true);
  expect(await claim(B, A)).toBe(true);
  expect(await claim(B)).toBe(true);
  expect(await claim(C)).toBe(false);
});

test("the database keeps the name of a secret and nothing of it", async () => {
  await claim(A);
  const [row] = await database.admin<{ all: string }>(
    "select to_jsonb(k)::text as all from app.secret_key k",
  );
  expect(row?.all).not.toContain(A.slice(0, 12));
  expect(row?.all).toMatch(/"key_id": "[0-9a-f]{12}"/);
});

/** The ledger outside the database: its lines, and that an erasure is in it before anything is erased. */

import { afterAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ledger } from "../../src/erasures/erasures.ts";
import { appendToLedger, type LedgerEntry, ledgerLine, parseLedger, readLedger } from "../../src/ledger.ts";
import { domain } from "../support/domain.ts";
import { tempFolder } from "../support/run.ts";
import { deliver, doErase, requestErasure } from "./support.ts";

const path = join(tempFolder("ledger"), "erasures");
const app = await domain({ config: { erasureLedger: path } });
afterAll(app.close);
const school = await app.it.organization();

const entry = (n: number): LedgerEntry => ({
  organizationId: Bun.randomUUIDv7(),
  userId: Bun.randomUUIDv7(),
  requestedAt: new Date(n * 1000),
});

test("what was appended is read, also after a line that a crash cut short", () => {
  const path = join(tempFolder("ledger"), "another");
  expect(readLedger(path)).toEqual({ entries: [], refused: [] });
  const [first, second] = [entry(1), entry(2)];
  appendToLedger(path, first);
  writeFileSync(path, ledgerLine(entry(3)).slice(0, 50), { flag: "a" });
  appendToLedger(path, second);
  expect(readLedger(path).entries).toEqual([first, second]);
  expect(readLedger(path).refused).toHaveLength(1);
});

test("a line that is none is told by its number and harms no other", () => {
  const good = entry(4);
  const lines = [
    "[]",
    "null",
    "not JSON",
    ledgerLine(good),
    JSON.stringify({ ...good, userId: "' or true" }),
    JSON.stringify({ ...good, requestedAt: "some time" }),
    JSON.stringify({ organizationId: good.organizationId }),
  ];
  expect(parseLedger(lines.join("\n"))).toEqual({ entries: [good], refused: [1, 2, 3, 5, 6, 7] });
});

test("an erasure is in the ledger before its first row is erased, and says nothing but ids and a time [row 114]", async () => {
  const user = await app.it.user(school);
  await requestErasure(app, school.token, user.id);
  expect(readLedger(path).entries).toEqual([]);
  const stopped = deliver(app, school.id, user.id, { signal: AbortSignal.abort(new Error("killed")) });
  await expect(stopped).rejects.toThrow("killed");
  const [row] = await app.database.admin("select email from app.user where user_id = $1", [user.id]);
  expect(row).toEqual({ email: user.email });
  const { entries } = readLedger(path);
  expect(entries).toMatchObject([{ organizationId: school.id, userId: user.id }]);
  await doErase(app, school.id, user.id);
  expect(readFileSync(path, "utf8")).not.toContain(user.username);
  // The same as what the database's own ledger tells.
  expect(await Array.fromAsync(ledger(app.deps))).toEqual([...entries]);
});

test("an erasure waits while its ledger cannot be written", async () => {
  const user = await app.it.user(school);
  await requestErasure(app, school.token, user.id);
  const astray = { ...app.deps, config: { ...app.deps.config, erasureLedger: "/nowhere/at/all" } };
  await expect(deliver({ deps: astray }, school.id, user.id)).rejects.toThrow("ENOENT");
  const [row] = await app.database.admin("select email from app.user where user_id = $1", [user.id]);
  expect(row).toEqual({ email: user.email });
});

import { afterAll, expect, test } from "bun:test";
import { testDatabase } from "./database.ts";
import { POSTGRES } from "./postgres.ts";

const one = await testDatabase();
const other = await testDatabase();
afterAll(async () => {
  await one.close();
  await other.close();
});

test("two test databases share nothing but the server, which is the one that was asked for [row 118]", async () => {
  await one.admin("create table mark (id int)");
  expect(await other.admin("select to_regclass('mark') as mark")).toEqual([{ mark: null }]);
  const [row] = await one.admin<{ server_version_num: string }>("show server_version_num");
  expect(Math.floor(Number(row?.server_version_num) / 10_000)).toBe(POSTGRES);
});

test("a copied database keeps who may connect and what may be done there", async () => {
  const privileges = `
    select has_database_privilege('satchel_request', current_database(), 'connect') as connect,
      has_database_privilege('satchel_request', current_database(), 'temporary') as temporary`;
  expect(await one.admin(privileges)).toEqual([{ connect: true, temporary: false }]);
  expect(await one.db.check(1000)).toBe(true);
});

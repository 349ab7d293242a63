/** The audit at every start: each cause is planted, found, named with its cure, and taken away again. */
import { afterAll, expect, test } from "bun:test";
import { migrations } from "../../sql/generated/migrations.ts";
import { auditDatabase, describeServer, LEAST_TENANT_TABLES } from "../../src/database/database.ts";
import { openDb } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { testDatabase } from "../support/database.ts";
import { POSTGRES } from "../support/postgres.ts";

const { db, admin, ownerUrl, close } = await testDatabase();
afterAll(close);

const audit = async () => (await auditDatabase({ db }, migrations)).map(({ finding }) => finding);
const first = migrations[0]?.name ?? "";

test("a database as migrated gives the request role nothing to find [row 103]", async () => {
  expect(await auditDatabase({ db }, migrations)).toEqual([]);
  const [tables] = await admin<{ n: number }>(
    "select count(*)::int as n from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind = 'r' and c.relnamespace = 'app'::regnamespace where attname = 'organization_id'",
  );
  expect(tables?.n).toBe(LEAST_TENANT_TABLES);
});

const request = "satchel_request";
const plants: readonly (readonly [what: string, plant: string, undo: string, finding: RegExp])[] = [
  [
    "BYPASSRLS",
    `alter role ${request} bypassrls`,
    `alter role ${request} nobypassrls`,
    /^satchel_request may bypass row-level security/,
  ],
  [
    "CREATEROLE",
    `alter role ${request} createrole`,
    `alter role ${request} nocreaterole`,
    /^satchel_request may create roles/,
  ],
  [
    "membership in the owner",
    `grant satchel_owner to ${request}`,
    `revoke satchel_owner from ${request}`,
    /may become satchel_owner, which owns tables/,
  ],
  [
    "membership in the search",
    `grant satchel_search to ${request}`,
    `revoke satchel_search from ${request}`,
    /may become satchel_search, which it does not need/,
  ],
  [
    "membership in a role that runs programs",
    `grant pg_execute_server_program to ${request}`,
    `revoke pg_execute_server_program from ${request}`,
    /may become pg_execute_server_program/,
  ],
  [
    "BYPASSRLS of a role in reach",
    "alter role satchel_system bypassrls",
    "alter role satchel_system nobypassrls",
    /may become satchel_system, which may bypass row-level security/,
  ],
  [
    "TRUNCATE",
    `grant truncate on app.content to ${request}`,
    `revoke truncate on app.content from ${request}`,
    /holds TRUNCATE, REFERENCES or TRIGGER/,
  ],
  [
    "REFERENCES",
    `grant references on app.user to ${request}`,
    `revoke references on app.user from ${request}`,
    /holds TRUNCATE, REFERENCES or TRIGGER/,
  ],
  [
    "TRIGGER of a role in reach",
    "grant trigger on app.user to satchel_system",
    "revoke trigger on app.user from satchel_system",
    /may become satchel_system, which holds TRUNCATE, REFERENCES or TRIGGER/,
  ],
  [
    "a table of its own",
    `alter table app.effect owner to ${request}`,
    `alter table app.effect owner to satchel_owner; grant select, insert, delete on app.effect to ${request}`,
    /^satchel_request owns tables/,
  ],
  [
    "CREATE in the schema",
    `grant create on schema app to ${request}`,
    `revoke create on schema app from ${request}`,
    /may create objects in the schema app/,
  ],
  [
    "a policy dropped",
    "drop policy own_organization on app.user",
    "create policy own_organization on app.user as restrictive for all to satchel_request using (organization_id = (select app.org())) with check (organization_id = (select app.org()))",
    /confines app\.user to one organization is missing or altered/,
  ],
  [
    "a policy altered to read",
    "alter policy own_organization on app.session using (true)",
    "alter policy own_organization on app.session using (organization_id = (select app.org()))",
    /confines app\.session to one organization is missing or altered/,
  ],
  [
    "a policy altered to write",
    "alter policy own_organization on app.content with check (true)",
    "alter policy own_organization on app.content with check (organization_id = (select app.org()))",
    /confines app\.content to one organization is missing or altered/,
  ],
  [
    "a policy for somebody else",
    "alter policy own_organization on app.content to satchel_owner",
    "alter policy own_organization on app.content to satchel_request",
    /confines app\.content to one organization is missing or altered/,
  ],
  [
    "a command without a policy",
    "drop policy request_update on app.content",
    "create policy request_update on app.content for update to satchel_request using (true) with check (true)",
    /a policy for one of the commands is missing on app\.content/,
  ],
  [
    "nobody who may erase",
    "drop policy erase on app.mail",
    "create policy erase on app.mail for all to satchel_eraser using (organization_id = (select app.org())) with check (organization_id = (select app.org()))",
    /the policy for erasing people is missing on app\.mail/,
  ],
  [
    "a policy that lets the housekeeper see people",
    "create policy peek on app.user for select to satchel_system using (true)",
    "drop policy peek on app.user",
    /none of Satchel's were added to app\.user: peek/,
  ],
  [
    "a policy for everybody",
    "create policy peek on app.content for select using (true)",
    "drop policy peek on app.content",
    /none of Satchel's were added to app\.content: peek/,
  ],
  [
    "row-level security off",
    "alter table app.profile disable row level security",
    "alter table app.profile enable row level security",
    /switched off on app\.profile/,
  ],
  [
    "row-level security not forced",
    "alter table app.credential no force row level security",
    "alter table app.credential force row level security",
    /not forced on app\.credential/,
  ],
  [
    "rights of PUBLIC",
    "grant select on app.session to public",
    "revoke select on app.session from public",
    /given rights on app\.session: public/,
  ],
  [
    "rights of the housekeeper",
    "grant select on app.session to satchel_system",
    "revoke select on app.session from satchel_system",
    /given rights on app\.session: satchel_system/,
  ],
  [
    "rights of a reporting role",
    "grant select on app.history to pg_monitor",
    "revoke select on app.history from pg_monitor",
    /given rights on app\.history: pg_monitor/,
  ],
  [
    "a table gone",
    "alter table app.effect rename column organization_id to other_id",
    "alter table app.effect rename column other_id to organization_id",
    /tables of Satchel are missing/,
  ],
  [
    "an older schema",
    `create table public.kept as select * from app.migration where name = '${first}'; delete from app.migration where name = '${first}'`,
    "insert into app.migration select * from public.kept; drop table public.kept",
    new RegExp(`older than this program \\(${first} not applied\\)`),
  ],
  [
    "a newer schema",
    "insert into app.migration (name, checksum) values ('9999_future', 'x')",
    "delete from app.migration where name = '9999_future'",
    /newer than this program \(it has 9999_future\)/,
  ],
  [
    "another form of a migration",
    `create table public.kept as select * from app.migration where name = '${first}'; update app.migration set checksum = 'x' where name = '${first}'`,
    "update app.migration m set checksum = k.checksum from public.kept k where k.name = m.name; drop table public.kept",
    new RegExp(`applied in another form \\(${first}\\)`),
  ],
];

test.each([...plants])(
  "%s is found, and nothing once it is gone [row 103]",
  async (_what, plant, undo, expected) => {
    await admin(plant);
    try {
      const findings = await auditDatabase({ db }, migrations);
      expect(findings.map(({ finding }) => finding).filter((finding) => expected.test(finding))).toHaveLength(
        1,
      );
      for (const { cure } of findings) expect(cure.length).toBeGreaterThan(10);
    } finally {
      await admin(undo);
    }
    expect(await audit()).toEqual([]);
  },
);

test("the cure that is printed for a lost policy cures it [row 103]", async () => {
  for (const policy of [
    "own_organization",
    "request_select",
    "request_insert",
    "request_update",
    "request_delete",
    "erase",
  ]) {
    await admin(`drop policy ${policy} on app.effect`);
  }
  const findings = await auditDatabase({ db }, migrations);
  expect(findings.length).toBe(3);
  const call = /run: (call .*);$/.exec(findings[0]?.cure ?? "")?.[1];
  await admin(String(call));
  expect(await audit()).toEqual([]);
});

test("a superuser is found out whatever else is right [row 103]", async () => {
  const root = await openDb({ url: ownerUrl, log: silentLog });
  try {
    const findings = await auditDatabase({ db: root }, migrations);
    expect(findings.map(({ finding }) => finding)).toEqual([
      "postgres is a superuser, to whom row-level security does not apply",
    ]);
  } finally {
    await root.close();
  }
});

test("the server tells what it is and what time it has", async () => {
  const server = await describeServer({ db });
  expect(Math.floor(server.versionNumber / 10_000)).toBe(POSTGRES);
  expect(Math.abs(server.now.getTime() - Date.now())).toBeLessThan(60_000);
  expect(server.encoding).toBe("UTF8");
  expect(server.databaseBytes).toBeGreaterThan(1_000_000);
});

/** Organizations apart, in the database itself: what hand-written SQL as the request role can reach. */
import { afterAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { withTenant } from "../../src/db.ts";
import { domain, type Row, refusedBy, run } from "../support/domain.ts";
import { rowOfEach } from "../support/rows.ts";

const app = await domain();
const { it, as } = app;
const { admin, db, requestUrl } = app.database;
afterAll(app.close);

const bare = postgres({ ...driverOptions(parseDatabaseUrl(requestUrl)), max: 1, onnotice: () => {} });
afterAll(() => bare.end());

/** As the request role, but past `withTenant`: a transaction whose author has forgotten to enter an organization. */
const outside = (text: string, role = "none"): Promise<readonly Row[]> =>
  bare.begin(async (tx) => {
    await tx.unsafe(`set local role ${role}`);
    return [...(await tx.unsafe<Row[]>(text))];
  });

const [mine, theirs] = [await it.organization(), await it.organization()];
for (const school of [mine, theirs]) await rowOfEach(app, school);

const tables = (
  await admin<{ table: string }>(
    `select c.oid::regclass::text as table from pg_class c
     join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id'
     where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' order by 1`,
  )
).map(({ table }) => table);

/** Every row of an organization, to see that none was touched. */
const everything = async (organizationId: string) =>
  Object.fromEntries(
    await Promise.all(
      tables.map(async (table) => [
        table,
        await admin(
          `select md5(string_agg(t::text, '' order by t::text)) as sum, count(*)::int as n from ${table} t where organization_id = $1`,
          [organizationId],
        ),
      ]),
    ),
  ) as Record<string, unknown>;

/** Inserts a row as the other organization has it: the policy must refuse it before a key does. */
async function insertOfTheirs(table: string): Promise<string> {
  const [row] = await admin<{ row: string; columns: string }>(
    `select to_jsonb(t)::text as row, (
       select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
       where attrelid = $2::regclass and attnum > 0 and not attisdropped and attgenerated = ''
     ) as columns
     from ${table} t where organization_id = $1 limit 1`,
    [theirs.id, table],
  );
  return `insert into ${table} (${row?.columns})
    select ${row?.columns} from jsonb_populate_record(null::${table}, '${row?.row.replaceAll("'", "''")}')`;
}

describe.each(tables)("%s", (table) => {
  test("shows an organization its own rows and no others, to hand-written SQL too [row 42] [row 45]", async () => {
    const [count] = await admin<{ mine: number; all: number }>(
      `select (count(*) filter (where organization_id = $1))::int as mine, count(*)::int as all from ${table}`,
      [mine.id],
    );
    expect(count?.mine).toBeGreaterThan(0);
    expect(count?.all).toBeGreaterThan(count?.mine ?? 0);
    const seen = await as<{ organizationId: string }>(mine.id, `select organization_id from ${table}`);
    expect(seen.length).toBe(count?.mine ?? -1);
    expect(new Set(seen.map(({ organizationId }) => organizationId))).toEqual(new Set([mine.id]));
    expect(await as(mine.id, `select from ${table} where organization_id = $1`, [theirs.id])).toEqual([]);
  });

  test("shows nothing and takes nothing without an organization [row 44]", async () => {
    const [seen] = await outside(`select count(*)::int as n from ${table}`);
    expect(seen).toEqual({ n: 0 });
    const refused = await refusedBy(outside(await insertOfTheirs(table)));
    expect(refused?.code).toBe("42501");
  });

  test("takes no row for another organization, and gives none of its own away [row 45]", async () => {
    const before = [await everything(mine.id), await everything(theirs.id)];
    const insert = await refusedBy(as(mine.id, await insertOfTheirs(table)));
    expect(insert?.code).toBe("42501");
    const move = await refusedBy(as(mine.id, `update ${table} set organization_id = $1`, [theirs.id]));
    // Where the role may not update at all it is refused for that.
    expect(move?.code).toBe("42501");
    const touch = await refusedBy(
      as(mine.id, `update ${table} set organization_id = organization_id where organization_id = $1`, [
        theirs.id,
      ]),
    );
    expect([null, "42501"]).toContain(touch?.code ?? null);
    const remove = await refusedBy(
      as(mine.id, `delete from ${table} where organization_id = $1`, [theirs.id]),
    );
    expect([null, "42501"]).toContain(remove?.code ?? null);
    expect([await everything(mine.id), await everything(theirs.id)]).toEqual(before);
  });

  test("cannot be emptied, referred to or given triggers by the request role [row 45]", async () => {
    for (const text of [
      `truncate ${table}`,
      `create trigger t before update on ${table} for each row execute function app.touch()`,
      `alter table ${table} disable row level security`,
      `drop policy own_organization on ${table}`,
      `create policy p on ${table} using (true)`,
    ]) {
      expect((await refusedBy(as(mine.id, text)))?.code).toBe("42501");
    }
  });
});

test("a reference to another organization's row is refused, though the row is there [row 45]", async () => {
  const [lesson] = await admin<{ id: string }>(
    "select content_id as id from app.content where organization_id = $1",
    [theirs.id],
  );
  const refusals = await Promise.all(
    [
      [
        "insert into app.session (organization_id, user_id, token_hash, expires_at) values ($1, $2, sha256('x'), now() + interval '1 day')",
        theirs.admin.id,
      ],
      ["insert into app.profile (organization_id, user_id) values ($1, $2)", theirs.admin.id],
      ["insert into app.credential (organization_id, user_id) values ($1, $2)", theirs.admin.id],
      [
        "insert into app.content (organization_id, title, slug, reviewed_by_id) values ($1, 'T', 'refers', $2)",
        theirs.admin.id,
      ],
      ["update app.content set reviewed_by_id = $2 where organization_id = $1", theirs.admin.id],
      ["update app.login_guard set user_id = $2 where organization_id = $1", theirs.admin.id],
      [
        "insert into app.security_event (organization_id, kind, door, known_device, attempts, user_id) values ($1, 'login_locked', 'password', false, 1, $2)",
        theirs.admin.id,
      ],
      [
        "insert into app.content_search (organization_id, content_id, version, language, document) values ($1, $2, 1, 'en', '')",
        lesson?.id,
      ],
    ].map(([text, id]) => refusedBy(as(mine.id, String(text), [mine.id, id]))),
  );
  expect(refusals.map((refusal) => refusal?.code)).toEqual(refusals.map(() => "23503"));
});

test("an actor of another organization cannot sign for a row [row 7] [row 45]", async () => {
  const insert = "insert into app.content (organization_id, title, slug) values ($1, 'T', 'signed')";
  expect((await refusedBy(as(mine.id, insert, [mine.id], theirs.admin.id)))?.code).toBe("23503");
});

test("an organization is entered once and for all: another one is refused, and no detour leads out [row 43] [row 45]", async () => {
  const enter = `select app.enter('${theirs.id}', null)`;
  expect((await refusedBy(as(mine.id, enter)))?.code).toBe("55000");
  expect((await refusedBy(as(mine.id, "select app.enter(null, null)")))?.code).toBe("22004");
  expect((await refusedBy(as(mine.id, "set local role satchel_owner")))?.code).toBe("42501");
  expect((await refusedBy(as(mine.id, "set local role satchel_search")))?.code).toBe("42501");
  expect((await refusedBy(as(mine.id, "set local session authorization postgres")))?.code).toBe("42501");
  // `row_security = off` shows nothing more: it refuses the query.
  expect(
    (
      await refusedBy(
        withTenant(db, { organizationId: mine.id, userId: null }, async (tx) => {
          await run(tx, "set local row_security = off");
          await run(tx, "select from app.content");
        }),
      )
    )?.code,
  ).toBe("42501");
  // Entering the same one again is what a nested call does: it stays.
  const rows = await withTenant(db, { organizationId: mine.id, userId: null }, async (tx) => {
    await run(tx, "select app.enter($1, null)", [mine.id]);
    return run(tx, "select organization_id from app.organization");
  });
  expect(rows).toEqual([{ organizationId: mine.id }]);
});

test("the next transaction on the same connection starts without an organization [row 44]", async () => {
  await outside(`select app.enter('${mine.id}', '${mine.admin.id}')`);
  expect(await outside("select app.org() as org, app.actor() as actor")).toEqual([
    { org: null, actor: null },
  ]);
});

test("a thousand transactions of different organizations at once never see each other's rows [row 43]", async () => {
  const seen = await Promise.all(
    Array.from({ length: 1000 }, async (_, n) => {
      const school = n % 2 === 0 ? mine : theirs;
      const rows = await as<{ organizationId: string }>(
        school.id,
        "select organization_id from app.content union all select organization_id from app.user",
      );
      return rows.length > 0 && rows.every(({ organizationId }) => organizationId === school.id);
    }),
  );
  expect(seen.filter((right) => !right)).toEqual([]);
});

test("the housekeeping role finds organizations by slug, sees how much they use, and nothing else of anybody [row 45]", async () => {
  const counted = ["app.organization", "app.quota", "app.usage"];
  for (const table of tables.filter((name) => !counted.includes(name))) {
    expect((await refusedBy(outside(`select from ${table}`, "satchel_system")))?.code).toBe("42501");
  }
  expect((await refusedBy(outside("select settings from app.organization", "satchel_system")))?.code).toBe(
    "42501",
  );
  expect((await refusedBy(outside("select name from app.organization", "satchel_system")))?.code).toBe(
    "42501",
  );
  const slugs = await outside("select slug from app.organization", "satchel_system");
  expect(slugs.length).toBe(2);
});

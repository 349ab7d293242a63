/** Lessons of the release before lists were kept apart: they are listed once the database is brought up to date. */
import { expect, test } from "bun:test";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { migrations } from "../../sql/generated/migrations.ts";
import { migrate } from "../../sql/migrate.ts";
import { silentLog } from "../../src/log.ts";
import { createJobSchema } from "../../src/queue.ts";
import { testServer } from "../support/postgres.ts";
import { unlisted } from "./support.ts";

test("what was there before is listed, live and deleted, for staff and for readers [row 90]", async () => {
  const server = await testServer();
  const name = `lists_${process.pid}`;
  const ownerUrl = server.ownerUrl(name);
  const cluster = postgres({ ...driverOptions(parseDatabaseUrl(server.ownerUrl("postgres"))), max: 1 });
  await cluster.unsafe(`create database ${name}`);
  const sql = postgres({ ...driverOptions(parseDatabaseUrl(ownerUrl)), max: 1, onnotice: () => {} });
  try {
    const before = migrations.filter((migration) => migration.name < "0022");
    const options = { ownerUrl, log: silentLog, peer: true, jobSchema: createJobSchema };
    await migrate({ ...options, migrations: before });
    await sql.unsafe(`
      with school as (insert into app.organization (slug, name) values ('old', 'Old') returning organization_id)
      insert into app.content (organization_id, title, slug, tags, status, published_at, deleted_at, deletion_id)
      select organization_id, 'Élan ' || i, 'lesson-' || i, array['old', 'tag-' || i],
        case when i % 2 = 0 then 'published' else 'draft' end, case when i % 2 = 0 then now() end,
        case when i % 3 = 0 then now() end, case when i % 3 = 0 then app.uuidv7() end
      from school, generate_series(1, 12) i`);
    await migrate(options);
    expect(await unlisted(async (text) => [...(await sql.unsafe(text))] as never)).toEqual([]);
    const [counted] = await sql.unsafe(
      "select count(*)::int as rows, count(*) filter (where audience = 'readers')::int as readers from app.content_listing",
    );
    expect({ ...counted }).toEqual({ rows: 18, readers: 6 });
    expect(await sql.unsafe("select from pg_policies where policyname = 'backfill'")).toHaveLength(0);
  } finally {
    await sql.end();
    await cluster.unsafe(`drop database if exists ${name}`);
    await cluster.end();
  }
});

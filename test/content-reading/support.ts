/** Many lessons at once, and how PostgreSQL reads them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { toCamel } from "../../sql/generate/query.ts";
import type { Statement, TenantTx } from "../../sql/tx.ts";
import type { Admin } from "../support/database.ts";

export type Owner = ReturnType<typeof postgres>;

/** A superuser's one connection. */
export const ownerOf = (url: string): Owner =>
  postgres({ ...driverOptions(parseDatabaseUrl(url)), max: 1, prepare: false, onnotice: () => {} });

const LISTING = readFileSync(
  join(import.meta.dir, "../../sql/migrations/0033_backfill_content_lists.sql"),
  "utf8",
).replace(/^drop policy.*$/m, "");

/**
 * Lessons of an organization and of 99 others, past the triggers, and listed as the migration lists what it finds. Written
 * a minute apart, titles and times in no order of the ids. Of every filter there is a value that most lessons have, one
 * that some have and one that few have.
 */
export async function fill(
  owner: Owner,
  organizationId: string,
  lessons: number,
  authors: readonly string[],
): Promise<void> {
  await owner.begin(async (tx) => {
    await tx.unsafe("set local session_replication_role = replica; set local maintenance_work_mem = '256MB'");
    // Built at once when all is there: written row by row they take three times as long.
    const indexes = await tx.unsafe<{ name: string; definition: string }[]>(`
      select x.indexrelid::regclass::text as name, pg_get_indexdef(x.indexrelid) as definition
      from pg_index x
      where x.indrelid in
          ('app.content'::regclass, 'app.publication'::regclass, 'app.content_listing'::regclass,
           'app.content_listing_tag'::regclass)
        and not exists (select from pg_constraint c where c.conindid = x.indexrelid)`);
    for (const { name } of indexes) await tx.unsafe(`drop index ${name}`);
    await tx.unsafe(
      `
      insert into app.content
        (organization_id, title, slug, source_id, content_type, difficulty_level, language, tags, status, published_at,
         latest_number, live_number, created_at, updated_at, created_by_id, description)
      select o.id, 'Lesson ' || i * 7919 % 5000, 'lesson-' || i, case when i % 4 > 0 then 's-' || i end,
        case when i % 5000 = 0 then 'project' when i % 10 = 0 then 'quiz' else 'lesson' end,
        case when i % 5000 = 1 then 'expert' when i % 3 = 0 then 'advanced' else 'beginner' end,
        case when i % 5000 = 2 then 'eu' when i % 10 = 1 then 'es' else 'en' end,
        array['school', 'topic-' || i % 300] || case when i % 2 = 0 then array['even'] else '{}' end
          || case when i % 20000 = 3 then array['rare'] else '{}' end,
        s.status, case when s.status = 'published' then now() - interval '1 second' * (i * 31 % 1000000) end,
        1, case when s.status = 'published' then 1 end,
        now() - interval '1 minute' * (i * 17 % ${lessons}), now() - interval '1 second' * (i * 13 % 1000000),
        case when i % 400 = 0 then null when i % 5000 = 4 then $2::text[]::uuid[][1] else ($2::text[]::uuid[])[2 + i / 3 % 3] end,
        'What lesson ' || i || ' is about.'
      from (
        select $1::uuid as id, ${lessons} as lessons
        union all select app.uuidv7(), ${Math.max(1, Math.floor(lessons / 500))} from generate_series(1, 99)
      ) o
      cross join lateral generate_series(1, o.lessons) i
      cross join lateral (
        select case when i % 5000 = 5 then 'pending_review' when i % 3 = 0 then 'draft' else 'published' end as status
      ) s`.replace("$2::text[]::uuid[][1]", "($2::text[]::uuid[])[1]"),
      [organizationId, `{${authors.join(",")}}`],
    );
    await tx.unsafe(`
      insert into app.publication
        (organization_id, content_id, created_at, created_by_id, updated_at, number, version, source_id, title, slug,
         description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives, metadata,
         settings, estimated_duration_minutes, published_at)
      select organization_id, content_id, created_at, created_by_id, updated_at, live_number, version, source_id, title, slug,
        description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives, metadata,
        settings, estimated_duration_minutes, published_at
      from app.content where live_number is not null`);
    await tx.unsafe(LISTING);
    for (const { definition } of indexes) await tx.unsafe(definition);
  });
  await owner.unsafe("analyze app.content, app.publication, app.content_listing, app.content_listing_tag");
}

interface Node {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Node[];
}

/** What one statement did. */
export interface Done {
  readonly statement: string;
  /** Rows of tables that were looked at, those that did not match among them. */
  readonly read: number;
  /** The most rows that were put in order at once. */
  readonly sorted: number;
  /** Tables that were read without an index. */
  readonly scanned: readonly string[];
  readonly indexes: readonly string[];
  /** Pages of 8 KiB that were looked into: what an index scan passes over counts here alone. */
  readonly pages: number;
  readonly plan: string;
}

/**
 * Runs `read` as the request role inside the organization, every statement by a plan made without knowing its values, and
 * tells what each of them did.
 */
export async function watched<T>(
  owner: Owner,
  organizationId: string,
  read: (tx: TenantTx) => Promise<T>,
): Promise<{ readonly result: T; readonly done: readonly Done[] }> {
  const done: Done[] = [];
  const result = await owner.begin(async (sql) => {
    await sql.unsafe(
      "set local role satchel_request; set local plan_cache_mode = force_generic_plan; set local jit = off",
    );
    await sql.unsafe(`select app.enter('${organizationId}', null)`);
    const known = new Set<string>();
    const send = async <Row>(statement: Statement, values: readonly unknown[]) => {
      const name = statement.name.replace(/\W/g, "_");
      if (!known.has(name)) await sql.unsafe(`prepare ${name} as ${statement.text}`);
      known.add(name);
      const call = `execute ${name}(${values.map(literal).join(", ")})`;
      const [explained] = await sql.unsafe(`explain (analyze, buffers, timing off, format json) ${call}`);
      done.push(summary(statement.name, Object.values(explained ?? {})[0]));
      const rows = await sql.unsafe(call);
      return { rows: rows.map(camel) as Row[], count: rows.count };
    };
    const found = await read({ send } as unknown as TenantTx);
    for (const name of known) await sql.unsafe(`deallocate ${name}`);
    return found;
  });
  return { result: result as T, done };
}

const camel = (row: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      toCamel(name),
      name === "content_ids" && typeof value === "string"
        ? value.slice(1, -1).split(",").filter(Boolean)
        : value,
    ]),
  );

function literal(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof Date) return `'${value.toISOString()}'`;
  if (Array.isArray(value)) return `'{${value.map((item) => `"${String(item)}"`).join(",")}}'`;
  return `'${String(value).replaceAll("'", "''")}'`;
}

function summary(statement: string, explained: unknown): Done {
  const parsed = typeof explained === "string" ? (JSON.parse(explained) as unknown) : explained;
  const [{ Plan: root }] = parsed as readonly [{ readonly Plan: Node }];
  const nodes: Node[] = [];
  const collect = (node: Node) => {
    nodes.push(node);
    node.Plans?.forEach(collect);
  };
  collect(root);
  const given = (node: Node) => node["Actual Rows"] * node["Actual Loops"];
  const tables = nodes.filter((node) => node["Relation Name"] !== undefined && node["Actual Loops"] > 0);
  return {
    statement,
    read: Math.round(
      tables.reduce(
        (sum, node) => sum + given(node) + (node["Rows Removed by Filter"] ?? 0) * node["Actual Loops"],
        0,
      ),
    ),
    sorted: Math.max(
      0,
      ...nodes
        .filter((node) => node["Node Type"].includes("Sort"))
        .map((node) => (node.Plans ?? []).reduce((sum, child) => sum + given(child), 0)),
    ),
    scanned: tables
      .filter((node) => node["Node Type"] === "Seq Scan")
      .map((node) => String(node["Relation Name"])),
    indexes: nodes.flatMap((node) =>
      node["Actual Loops"] > 0 && node["Index Name"] !== undefined ? [node["Index Name"]] : [],
    ),
    pages: root["Shared Hit Blocks"] + root["Shared Read Blocks"],
    plan: JSON.stringify(root, null, 1),
  };
}

/** Where what lists are made of differs from the lessons: read off them afresh, and compared both ways. */
export function unlisted(admin: Admin) {
  const [, staff = "", readers = ""] =
    /(select organization_id, content_id, 'staff'[^;]*?)on conflict[^;]*;[^;]*?(select organization_id, content_id, 'readers'[^;]*?)on conflict/s.exec(
      LISTING,
    ) ?? [];
  return admin(`
    with afresh as (${staff} union all ${readers}),
    listed as (
      select organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
        difficulty_level, language, author_id, source_id, slug, tags
      from app.content_listing
    ),
    tagged as (select distinct organization_id, audience, tag, content_id from listed cross join lateral unnest(tags) tag),
    tags as (select organization_id, audience, tag, content_id from app.content_listing_tag)
    select 'not listed' as what, to_jsonb(a) as row from (select * from afresh except all select * from listed) a
    union all select 'listed', to_jsonb(a) from (select * from listed except all select * from afresh) a
    union all select 'not tagged', to_jsonb(a) from (select * from tagged except all select * from tags) a
    union all select 'tagged', to_jsonb(a) from (select * from tags except all select * from tagged) a`);
}

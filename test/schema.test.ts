/** What the catalog of a migrated database must say. Exceptions are listed here by name, each with its reason. */
import { afterAll, describe, expect, test } from "bun:test";
import { testDatabase } from "./support/database.ts";

const { admin, close } = await testDatabase();
afterAll(close);

/** They hold rows of nobody in particular: migrations, single-use codes from before there is an organization, key names. */
const GLOBAL_TABLES = ["migration", "secret_key", "setup_code", "turn"];
/** Before sign-in the slug is all that is known: it must lead to one organization. */
const SPANNING_INDEXES = ["organization_slug_unique"];
/** Rows that are never changed, or that are known by a key alone, have no time of change. */
const WITHOUT_UPDATED_AT = [
  "audit_anchor",
  "audit_event",
  "audit_head",
  "audit_origin",
  "audit_seal",
  "audit_subject",
  "comment_upvote",
  "completion",
  "content_listing",
  "content_listing_tag",
  "content_version",
  "effect",
  "generation",
  "helpful_vote",
  "history",
  "idempotency",
  "migration",
  "recovery_code",
  "refresh_token",
  "secret_key",
  "security_event",
  "setup_code",
  "sign_in_challenge",
  "sign_up",
];
/** Copies of a lesson or a row: `version` is the other's and no counter of their own, and so is the author. */
const COPIES = ["content_search", "content_version", "history", "publication"];
/** Policies for other roles than the request role: two that see a few columns, and the owner, who keeps history of cascades. */
const OTHER_POLICIES = [
  { table: "audit_event", policy: "chain", role: "satchel_owner", command: "*" },
  { table: "audit_head", policy: "chain", role: "satchel_owner", command: "*" },
  { table: "audit_origin", policy: "chain", role: "satchel_owner", command: "*" },
  { table: "audit_seal", policy: "chain", role: "satchel_owner", command: "*" },
  { table: "audit_subject", policy: "chain", role: "satchel_owner", command: "*" },
  { table: "content_listing", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "content_listing_tag", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "content_search", policy: "search_select", role: "satchel_search", command: "r" },
  { table: "content_tally", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "content_version", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "file", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "history", policy: "owner_insert", role: "satchel_owner", command: "a" },
  { table: "organization", policy: "system_select", role: "satchel_system", command: "r" },
  { table: "publication", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "publication_period", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "quota", policy: "owner_select", role: "satchel_owner", command: "r" },
  { table: "quota", policy: "system_select", role: "satchel_system", command: "r" },
  { table: "usage", policy: "owner_all", role: "satchel_owner", command: "*" },
  { table: "usage", policy: "system_select", role: "satchel_system", command: "r" },
  { table: "user", policy: "search_select", role: "satchel_search", command: "r" },
];
const DEFINERS = [
  ...[
    "append_audit",
    "count_files",
    "count_people",
    "count_storage",
    "discard_sign_ups",
    "erase_person",
    "keep_history",
  ],
  ...["keep_tally", "keep_versions", "list_contents", "purge_content"],
  ...["seal_audit", "search_contents", "search_users"],
];

/** Lessons, and what goes with one that is removed for good. */
const PURGED = [
  ...["attachment", "comment", "comment_flag", "comment_score", "comment_upvote", "completion", "content"],
  ...["content_listing", "content_listing_tag", "content_search", "content_tally", "content_version"],
  ...["content_view", "helpful_vote", "publication", "publication_period", "rating", "review"],
];

const tables = await admin<{
  table: string;
  tenant: boolean;
  not_null: boolean;
  enabled: boolean;
  forced: boolean;
  owner: string;
}>(`
  select c.relname as table, a.attname is not null as tenant, coalesce(a.attnotnull, false) as not_null,
    c.relrowsecurity as enabled, c.relforcerowsecurity as forced, pg_get_userbyid(c.relowner) as owner
  from pg_class c
  left join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' and not a.attisdropped
  where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
  order by c.relname`);
const tenantTables = tables.filter(({ tenant }) => tenant).map(({ table }) => table);

describe("tenancy", () => {
  test("every table but the named global ones belongs to organizations, and none to nobody [row 4] [row 6]", () => {
    expect(tables.filter(({ tenant }) => !tenant).map(({ table }) => table)).toEqual(GLOBAL_TABLES);
    expect(tables.filter(({ tenant, not_null }) => tenant && !not_null)).toEqual([]);
    expect(tenantTables.length).toBeGreaterThanOrEqual(13);
  });

  test("row-level security is on and forced on every one of them, and the owner is the role nobody can log in as [row 42] [row 103]", () => {
    expect(tables.filter(({ tenant, enabled, forced }) => tenant && !(enabled && forced))).toEqual([]);
    expect(tables.filter(({ owner }) => owner !== "satchel_owner")).toEqual([]);
  });

  test("each has a policy for each command and the restrictive one that has the last word [row 42] [row 45]", async () => {
    const policies = await admin<{
      table: string;
      policy: string;
      permissive: boolean;
      command: string;
      role: string;
      using: string | null;
      check: string | null;
    }>(`
      select c.relname as table, p.polname as policy, p.polpermissive as permissive, p.polcmd::text as command,
        (select string_agg(case r when 0 then 'public' else pg_get_userbyid(r)::text end, ',') from unnest(p.polroles) r) as role,
        pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
      from pg_policy p join pg_class c on c.oid = p.polrelid and c.relnamespace = 'app'::regnamespace
      order by 1, 2`);
    const own = "(organization_id = ( SELECT app.org() AS org))";
    const role = "satchel_request";
    for (const table of tenantTables) {
      const ours = policies.filter((policy) => policy.table === table && policy.role === role);
      expect(ours).toEqual([
        { table, policy: "own_organization", permissive: false, command: "*", role, using: own, check: own },
        { table, policy: "request_delete", permissive: true, command: "d", role, using: "true", check: null },
        { table, policy: "request_insert", permissive: true, command: "a", role, using: null, check: "true" },
        { table, policy: "request_select", permissive: true, command: "r", role, using: "true", check: null },
        {
          table,
          policy: "request_update",
          permissive: true,
          command: "w",
          role,
          using: "true",
          check: "true",
        },
      ]);
    }
    const erasing = policies.filter(({ policy }) => policy === "erase");
    expect(erasing).toEqual(
      tenantTables.map((table) => ({
        table,
        policy: "erase",
        permissive: true,
        command: "*",
        role: "satchel_eraser",
        using: own,
        check: own,
      })),
    );
    const others = policies.filter((policy) => policy.role !== role && policy.policy !== "erase");
    expect(others.map(({ table, policy, role, command }) => ({ table, policy, role, command }))).toEqual(
      OTHER_POLICIES,
    );
  });

  test("the organization comes first in every primary key, unique key and index [row 6]", async () => {
    const indexes = await admin<{ index: string; first: string | null; is_unique: boolean }>(
      `
      select i.relname as index, a.attname as first, x.indisunique as is_unique
      from pg_index x
      join pg_class i on i.oid = x.indexrelid
      join pg_class c on c.oid = x.indrelid and c.relnamespace = 'app'::regnamespace
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0] and a.attnum > 0
      where c.relname = any($1)`,
      [tenantTables],
    );
    expect(indexes.length).toBeGreaterThan(30);
    const astray = indexes.filter(({ first }) => first !== "organization_id").map(({ index }) => index);
    expect(astray).toEqual(SPANNING_INDEXES);
    expect(
      await admin(
        `select c.relname from pg_class c
         where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p')
           and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')`,
      ),
    ).toEqual([]);
  });

  test("every reference names the organization on both sides, so that none can cross [row 45]", async () => {
    const references = await admin<{
      name: string;
      first: string;
      target: string;
      columns: number;
      indexed: boolean;
    }>(`
      select k.conname as name, a.attname as first, b.attname as target, cardinality(k.conkey) as columns,
        exists (
          select from pg_index x where x.indrelid = k.conrelid
            and (string_to_array(x.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] = k.conkey
        ) as indexed
      from pg_constraint k
      join pg_class c on c.oid = k.conrelid and c.relnamespace = 'app'::regnamespace
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
      join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1]
      where k.contype = 'f'`);
    expect(references.length).toBeGreaterThan(10);
    expect(
      references.filter(({ first, target }) => first !== "organization_id" || target !== "organization_id"),
    ).toEqual([]);
    // Without an index each deletion of the other side reads the whole table.
    expect(references.filter(({ indexed }) => !indexed).map(({ name }) => name)).toEqual([]);
    // A person, a lesson: every id of one is a reference, so that none can dangle or lead to another organization.
    const ids = await admin<{ column: string }>(`
      select c.relname || '.' || a.attname as column
      from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relnamespace = 'app'::regnamespace and c.relkind = 'r'
      where (a.attname in ('user_id', 'content_id') or a.attname like '%\\_by\\_id') and a.attnum > 0 and not a.attisdropped
        and c.relname || '_id' <> a.attname
        and not exists (select from pg_constraint k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any(k.conkey))
      order by 1`);
    // The first person of an organization does not exist yet when it is founded, and nobody else's id can get there.
    expect(ids.map(({ column }) => column)).toEqual([
      "organization.created_by_id",
      "organization.updated_by_id",
    ]);
  });

  test("there is no view and no materialized view that could be read past a policy", async () => {
    expect(
      await admin(
        "select relname from pg_class where relnamespace = 'app'::regnamespace and relkind in ('v', 'm', 'f')",
      ),
    ).toEqual([]);
  });
});

describe("columns", () => {
  interface Column {
    readonly table: string;
    readonly column: string;
    readonly definition: string;
  }
  const read = (schema: string) =>
    admin<Column>(
      `select c.relname as table, a.attname as column,
         concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
           'default ' || pg_get_expr(d.adbin, d.adrelid)) as definition
       from pg_attribute a
       join pg_class c on c.oid = a.attrelid and c.relnamespace = $1::regnamespace and c.relkind = 'r'
       left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
       where a.attnum > 0 and not a.attisdropped
       order by 1, a.attnum`,
      [schema],
    );

  test("the parts that tables share have one definition each, and every table has it word for word [row 4] [row 5]", async () => {
    const groups = Map.groupBy(await read("template"), ({ table }) => table);
    expect([...groups.keys()].sort()).toEqual(["audit", "soft_delete", "tenant", "timestamps"]);
    const columns = Map.groupBy(await read("app"), ({ table }) => table);
    for (const [table, own] of columns) {
      for (const [group, parts] of groups) {
        const there = parts.filter(({ column }) => own.some((other) => other.column === column));
        for (const { column, definition } of there) {
          const found = own.find((other) => other.column === column)?.definition;
          if (column === "version" && COPIES.includes(table)) continue;
          // The organization's own id is the one that is made and not given.
          if (table === "organization" && column === "organization_id") continue;
          expect(`${table}.${column} ${found}`).toBe(`${table}.${column} ${definition}`);
        }
        if (group === "timestamps") {
          const expected =
            table === "migration" || table === "generation" ? 0 : WITHOUT_UPDATED_AT.includes(table) ? 1 : 2;
          expect(`${table} ${there.length}`).toBe(`${table} ${expected}`);
        } else if (group !== "audit" || !COPIES.includes(table)) {
          expect([0, parts.length]).toContain(there.length);
        }
      }
    }
  });

  test("every table whose rows change keeps the time, every audited one its version, author and history [row 3] [row 7] [row 9]", async () => {
    const columns = await read("app");
    const has = (table: string, column: string) =>
      columns.some((found) => found.table === table && found.column === column);
    const triggers = await admin<{ table: string; function: string }>(`
      select c.relname as table, p.proname as function
      from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
      where c.relnamespace = 'app'::regnamespace and not t.tgisinternal and t.tgenabled = 'O'`);
    const count = (table: string, name: string) =>
      triggers.filter((trigger) => trigger.table === table && trigger.function === name).length;
    const wrong = tables.filter(({ table }) => {
      const audited = has(table, "updated_by_id");
      const timed = has(table, "updated_at");
      return (
        count(table, "touch_audited") !== (audited ? 1 : 0) ||
        count(table, "touch") !== (timed && !audited ? 1 : 0) ||
        (audited && count(table, "keep_history") !== 3)
      );
    });
    expect(wrong).toEqual([]);
    expect(count("profile", "keep_history")).toBe(3);
  });

  test("every entity makes a version 7 UUID for itself when no id is given [row 1]", async () => {
    const entities = await admin<{ column: string; default: string | null }>(`
      select c.relname || '.' || a.attname as column, pg_get_expr(d.adbin, d.adrelid) as default
      from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = c.relname || '_id'
      left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' order by 1`);
    expect(entities.map(({ column }) => column)).toEqual([
      "api_key.api_key_id",
      "attachment.attachment_id",
      "attack.attack_id",
      "comment.comment_id",
      "completion.completion_id",
      "content.content_id",
      "erasure.erasure_id",
      "file.file_id",
      "history.history_id",
      "import.import_id",
      "link.link_id",
      "mail.mail_id",
      "organization.organization_id",
      "rating.rating_id",
      "rename.rename_id",
      "review.review_id",
      "security_event.security_event_id",
      "session.session_id",
      "sign_up_code.sign_up_code_id",
      "user.user_id",
    ]);
    expect(entities.filter((entity) => entity.default !== "app.uuidv7()")).toEqual([]);
  });

  test("every table and every function of ours says what it is for", async () => {
    const silent = await admin<{ name: string }>(`
      select c.relname as name from pg_class c
      where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and obj_description(c.oid, 'pg_class') is null`);
    expect(silent).toEqual([]);
  });
});

/** What a column may say of people: see app.tag in sql/migrations/0001_foundations.sql. */
describe("personal data", async () => {
  interface Tagged {
    readonly table: string;
    readonly column: string;
    readonly tag: string | null;
  }
  const columns = await admin<Tagged>(`
    select c.relname as table, a.attname as column, col_description(c.oid, a.attnum) as tag
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
    order by 1, a.attnum`);
  const ofTable = (table: string) => columns.filter((column) => column.table === table);
  const names = (found: readonly Tagged[]) => found.map(({ table, column }) => `${table}.${column}`);

  test("every column says what it tells about a person, with `call app.tag(…)` beside its table", () => {
    expect(names(columns.filter(({ tag }) => tag === null))).toEqual([]);
    const known =
      /^(none(, label)?|derived|personal(, (row|person|reference|kept|expires|(secret(, )?)?(null|becomes .+)?))?)$/;
    expect(names(columns.filter(({ tag }) => tag !== null && !known.test(tag)))).toEqual([]);
  });

  test("what is personal leads to a person, and erasing that person leaves none of it", () => {
    const astray = columns.filter(({ table, tag }) => {
      const others = ofTable(table).map((column) => column.tag);
      const owners = others.filter((other) => other === "personal, row").length;
      const subjects = others.filter((other) => other === "personal, person").length;
      if (tag === "personal" || tag === "personal, secret") return owners === 0;
      // A row that stays is about one person: of two, nobody could say whose a value is.
      if (tag !== null && /, (kept|null|becomes .+)$/.test(tag)) return owners === 0 && subjects !== 1;
      return false;
    });
    expect(names(astray)).toEqual([]);
  });

  test("every id of a person is tagged as one", async () => {
    const references = await admin<{ table: string; column: string }>(`
      select c.relname as table, a.attname as column
      from pg_constraint k join pg_class c on c.oid = k.conrelid
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[2]
      where k.contype = 'f' and k.confrelid = 'app.user'::regclass and c.relnamespace = 'app'::regnamespace`);
    expect(references.length).toBeGreaterThan(5);
    const wrong = references.filter(({ table, column }) => {
      const tag = ofTable(table).find((found) => found.column === column)?.tag ?? "";
      return !["personal, row", "personal, person", "personal, reference"].includes(tag);
    });
    expect(wrong).toEqual([]);
  });

  test("no reference holds fast a row that erasing a person deletes", async () => {
    const deleted = [
      ...new Set(columns.filter(({ tag }) => tag === "personal, row").map(({ table }) => table)),
    ];
    expect(
      await admin(
        `select k.conname from pg_constraint k join pg_class t on t.oid = k.confrelid
         where k.contype = 'f' and t.relnamespace = 'app'::regnamespace and t.relname = any($1)
           and k.confdeltype not in ('c', 'n')`,
        [deleted],
      ),
    ).toEqual([]);
  });

  test("who erases reaches what is personal, lessons to be purged, the ledger and the history, and adds no row", async () => {
    const granted = await admin<{ what: string }>(`
      select c.relname || ' ' || lower(g.privilege_type) as what
      from pg_class c cross join lateral aclexplode(c.relacl) g
      where c.relnamespace = 'app'::regnamespace and pg_get_userbyid(g.grantee) = 'satchel_eraser'
      union all
      select c.relname || ' ' || lower(g.privilege_type) || ' ' || a.attname
      from pg_attribute a join pg_class c on c.oid = a.attrelid cross join lateral aclexplode(a.attacl) g
      where c.relnamespace = 'app'::regnamespace and pg_get_userbyid(g.grantee) = 'satchel_eraser'`);
    const expected = new Set([
      "erasure select",
      "history select",
      // Of accounts that nobody ever confirmed.
      "history delete",
      "user delete",
      "history update before",
      "history update after",
      // Votes are counted as they go.
      "comment_score update upvotes",
      "rating update helpful_count",
    ]);
    for (const table of PURGED) expected.add(`${table} select`).add(`${table} delete`);
    for (const { table, column, tag } of columns) {
      if (tag === "personal, row") {
        for (const right of ["select", "update", "delete"]) expected.add(`${table} ${right}`);
      }
      if (tag !== null && /, (null|becomes .+)$/.test(tag)) {
        expected.add(`${table} select`).add(`${table} update ${column}`);
      }
    }
    expect(granted.map(({ what }) => what).sort()).toEqual([...expected].sort());
  });

  test("a column that does not exist cannot be tagged, nor one with a tag that means nothing", async () => {
    await expect(admin("call app.tag('app.user', 'none', 'no_such_column')")).rejects.toThrow(
      "no_such_column",
    );
    await expect(admin("call app.tag('app.user', 'personal, perhaps', 'email')")).rejects.toThrow(
      "is no tag",
    );
  });
});

describe("rights", () => {
  test("only the named functions run with their owner's rights, with a fixed search path [row 45]", async () => {
    const definers = await admin<{ name: string; owner: string; config: string[] | null; login: boolean }>(`
      select p.proname as name, pg_get_userbyid(p.proowner) as owner, p.proconfig as config, r.rolcanlogin as login
      from pg_proc p join pg_roles r on r.oid = p.proowner
      where p.prosecdef and p.pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      order by 1`);
    expect(definers.map(({ name }) => name)).toEqual(DEFINERS);
    expect(definers).toEqual([
      {
        name: "append_audit",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "count_files",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "count_people",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "count_storage",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "discard_sign_ups",
        owner: "satchel_eraser",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "erase_person",
        owner: "satchel_eraser",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "keep_history",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp", "enable_nestloop=off"],
        login: false,
      },
      {
        name: "keep_tally",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "keep_versions",
        owner: "satchel_owner",
        config: [
          ...["search_path=pg_catalog, pg_temp", "enable_hashjoin=off", "enable_mergejoin=off"],
          "enable_seqscan=off",
        ],
        login: false,
      },
      {
        name: "list_contents",
        owner: "satchel_owner",
        // Found by an index, whatever the plan was made for.
        config: [
          "search_path=pg_catalog, pg_temp",
          "enable_hashjoin=off",
          "enable_mergejoin=off",
          "enable_seqscan=off",
        ],
        login: false,
      },
      {
        name: "purge_content",
        owner: "satchel_eraser",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "seal_audit",
        owner: "satchel_owner",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "search_contents",
        owner: "satchel_search",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
      {
        name: "search_users",
        owner: "satchel_search",
        config: ["search_path=pg_catalog, pg_temp"],
        login: false,
      },
    ]);
  });

  test("no function or procedure of ours may be executed by just anybody", async () => {
    const open = await admin<{ name: string }>(`
      select p.oid::regprocedure::text as name
      from pg_proc p
      where p.pronamespace in ('app'::regnamespace, 'template'::regnamespace, 'pgboss'::regnamespace)
        and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        and exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)`);
    expect(open).toEqual([]);
  });

  test("the request role owns nothing and has no right that no policy restrains [row 103]", async () => {
    const reach = ["satchel_request", "satchel_system", "satchel_search", "satchel_eraser"];
    expect(
      await admin(
        `select c.oid::regclass::text, g.privilege_type, pg_get_userbyid(g.grantee) as grantee
         from pg_class c cross join lateral aclexplode(c.relacl) g
         where c.relnamespace in ('app'::regnamespace, 'pgboss'::regnamespace, 'template'::regnamespace)
           and (g.grantee = 0 or pg_get_userbyid(g.grantee) = any($1))
           and (g.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE') or g.is_grantable)`,
        [reach],
      ),
    ).toEqual([]);
    expect(
      await admin(
        `select n.nspname, g.privilege_type, pg_get_userbyid(g.grantee) as grantee
         from pg_namespace n cross join lateral aclexplode(n.nspacl) g
         where (g.grantee = 0 or pg_get_userbyid(g.grantee) = any($1)) and n.nspname !~ '^(pg_|information_schema)'
           and g.privilege_type <> 'USAGE'`,
        [reach],
      ),
    ).toEqual([]);
    expect(
      await admin(
        `select classid::regclass, objid from pg_shdepend
         where deptype = 'o' and refobjid in (select oid from pg_roles where rolname = any($1))
           and dbid = (select oid from pg_database where datname = current_database())
           and objid not in
             ('app.search_contents'::regproc, 'app.search_users'::regproc, 'app.erase_person'::regproc,
               'app.discard_sign_ups'::regproc, 'app.purge_content'::regproc)`,
        [reach],
      ),
    ).toEqual([]);
  });

  test("no role of ours is more than it must be, and the request role can become the housekeeper only [row 103]", async () => {
    expect(
      await admin(`
        select rolname as role, rolcanlogin as login from pg_roles
        where rolname like 'satchel%' and not (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication or rolinherit)
        order by 1`),
    ).toEqual([
      { role: "satchel_eraser", login: false },
      { role: "satchel_owner", login: false },
      { role: "satchel_request", login: true },
      { role: "satchel_search", login: false },
      { role: "satchel_system", login: false },
    ]);
    expect(
      await admin(`
        select rolname as role from pg_roles
        where pg_has_role('satchel_request', oid, 'member') or pg_has_role('satchel_system', oid, 'member')
          or pg_has_role('satchel_search', oid, 'member') or pg_has_role('satchel_eraser', oid, 'member')
        order by 1`),
    ).toEqual([
      { role: "satchel_eraser" },
      { role: "satchel_request" },
      { role: "satchel_search" },
      { role: "satchel_system" },
    ]);
  });

  test("the housekeeper and the search see a few columns of a few tables", async () => {
    const granted = await admin<{ grantee: string; what: string }>(`
      select grantee, what from (
        select pg_get_userbyid(g.grantee)::text as grantee, c.relname || ' ' || lower(g.privilege_type) as what
        from pg_class c cross join lateral aclexplode(c.relacl) g where c.relnamespace = 'app'::regnamespace
        union all
        select pg_get_userbyid(g.grantee)::text, c.relname || ' ' || lower(g.privilege_type) || ' ' || string_agg(a.attname, ',' order by a.attnum)
        from pg_attribute a join pg_class c on c.oid = a.attrelid cross join lateral aclexplode(a.attacl) g
        where c.relnamespace = 'app'::regnamespace group by 1, c.relname, g.privilege_type
      ) all_of_them
      where grantee in ('satchel_system', 'satchel_search') order by 1, 2`);
    expect(granted.map(({ grantee, what }) => `${grantee}: ${what}`)).toEqual([
      "satchel_search: content_search select organization_id,content_id,language,document",
      "satchel_search: user select organization_id,user_id,email,username,full_name",
      "satchel_system: migration select",
      "satchel_system: organization select organization_id,slug,status",
      "satchel_system: quota select organization_id,people,storage_bytes,requests_per_minute",
      "satchel_system: secret_key insert",
      "satchel_system: secret_key select",
      "satchel_system: setup_code delete",
      "satchel_system: setup_code insert",
      "satchel_system: setup_code select first,created_at,consumed_at",
      "satchel_system: turn insert",
      "satchel_system: turn select",
      "satchel_system: turn update",
      "satchel_system: usage select organization_id,people,storage_bytes",
    ]);
  });
});

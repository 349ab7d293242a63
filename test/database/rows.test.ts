/** What the database itself does with rows, whoever writes them: hand-written SQL as the request role. */
import { afterAll, expect, test } from "bun:test";
import { jsonNull, withTenant } from "../../src/db.ts";
import { domain, refusedBy, run } from "../support/domain.ts";

const app = await domain();
const { it, as } = app;
const { admin, db } = app.database;
afterAll(app.close);

const school = await it.organization();
const teacher = await it.user(school, "teacher");

const insertContent = `insert into app.content (organization_id, title, slug) values ($1, 'T', $2) returning *`;
let slugs = 0;
const slug = () => `row-${++slugs}`;

interface Kept {
  readonly content_id: string;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly created_by_id: string | null;
  readonly updated_by_id: string | null;
}
/** Columns as PostgreSQL names them: the pool gives them in camelCase. */
const content = async (id: string) => {
  const [row] = await admin<Kept>("select * from app.content where content_id = $1", [id]);
  if (row === undefined) throw new Error(`there is no lesson ${id}`);
  return row;
};

test("an id that nobody gives is a UUID of version 7, later ones sort later [row 1]", async () => {
  const made = await admin<{ id: string }>("select app.uuidv7() as id from generate_series(1, 500)");
  const apart = await admin<{ early: string; late: string }>(
    "select app.uuidv7() as early, (select app.uuidv7() from pg_sleep(0.002)) as late",
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(500);
  for (const { id } of made)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  for (const { early, late } of apart) expect(early < late).toBe(true);
  const milliseconds = Number.parseInt((made[0]?.id ?? "").replace("-", "").slice(0, 12), 16);
  expect(Math.abs(milliseconds - Date.now())).toBeLessThan(60_000);
});

test("created_at is set by the database, null is refused, and no update moves it [row 2]", async () => {
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  const { content_id, created_at } = await content(made?.contentId ?? "");
  expect(Math.abs(created_at.getTime() - Date.now())).toBeLessThan(60_000);
  await as(school.id, "update app.content set created_at = '2001-01-01' where content_id = $1", [content_id]);
  expect((await content(content_id)).created_at).toEqual(created_at);
  const refused = await refusedBy(
    as(
      school.id,
      "insert into app.content (organization_id, title, slug, created_at) values ($1, 'T', 'x', null)",
      [school.id],
    ),
  );
  expect(refused?.code).toBe("23502");
});

test("updated_at moves on every update, twice in one transaction too, and not of the row beside [row 3]", async () => {
  const [one] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  const [other] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  const id = one?.contentId ?? "";
  const before = await content(id);
  const beside = await content(other?.contentId ?? "");
  const times: string[] = [];
  await withTenant(db, { organizationId: school.id, userId: null }, async (tx) => {
    for (const title of ["A", "B"]) {
      const text = "update app.content set title = $1 where content_id = $2 returning updated_at::text as at";
      times.push(String((await run<{ at: string }>(tx, text, [title, id]))[0]?.at));
    }
  });
  expect(times[0]).not.toBe(times[1]);
  expect([...times].sort()).toEqual(times);
  const after = await content(id);
  expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
  expect(await content(other?.contentId ?? "")).toEqual(beside);
});

test("the version rises by one with every update, whatever the statement says [row 3]", async () => {
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  const id = made?.contentId ?? "";
  await as(school.id, "update app.content set version = 77 where content_id = $1", [id]);
  await as(school.id, "update app.content set title = 'again' where content_id = $1", [id]);
  expect((await content(id)).version).toBe(3);
});

test("who creates and who updates is recorded, and nobody can sign for another [row 7]", async () => {
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()], teacher.id);
  const id = made?.contentId ?? "";
  expect(await content(id)).toMatchObject({ created_by_id: teacher.id, updated_by_id: teacher.id });
  await as(
    school.id,
    "update app.content set title = 'U', created_by_id = $2, updated_by_id = $3 where content_id = $1",
    [id, school.admin.id, teacher.id],
    school.admin.id,
  );
  expect(await content(id)).toMatchObject({ created_by_id: teacher.id, updated_by_id: school.admin.id });
});

test("a person who is removed for good leaves their lessons behind, without the name [row 20]", async () => {
  const author = await it.user(school, "teacher");
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()], author.id);
  const [kept] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()], teacher.id);
  await admin("delete from app.user where user_id = $1", [author.id]);
  expect(await content(made?.contentId ?? "")).toMatchObject({ created_by_id: null, updated_by_id: null });
  expect(await content(kept?.contentId ?? "")).toMatchObject({ created_by_id: teacher.id });
});

test("removing a person removes profile, password and sessions, and nobody else's [row 20]", async () => {
  const [{ user: gone }, { user: stays }] = [await it.member(school), await it.member(school)];
  const count = async (id: string) => {
    const [row] = await admin(
      `select (select count(*)::int from app.profile where user_id = $1) as profiles,
         (select count(*)::int from app.credential where user_id = $1) as credentials,
         (select count(*)::int from app.session where user_id = $1) as sessions`,
      [id],
    );
    return row;
  };
  expect(await count(gone.id)).toEqual({ profiles: 1, credentials: 1, sessions: 1 });
  await admin("delete from app.user where user_id = $1", [gone.id]);
  expect(await count(gone.id)).toEqual({ profiles: 0, credentials: 0, sessions: 0 });
  expect(await count(stays.id)).toEqual({ profiles: 1, credentials: 1, sessions: 1 });
});

test("a deletion is whole: a time without its mark is refused, and so is a mark without its time [row 8]", async () => {
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  for (const half of ["deleted_at = now()", "deletion_id = app.uuidv7()"]) {
    const refused = await refusedBy(
      as(school.id, `update app.content set ${half} where content_id = $1`, [made?.contentId]),
    );
    expect(refused).toEqual({ code: "23514", constraint: "deleted_whole" });
  }
});

test("times are instants, whatever zone the host or the session is in [row 8]", async () => {
  const [made] = await as<{ contentId: string }>(school.id, insertContent, [school.id, slug()]);
  const id = made?.contentId ?? "";
  await withTenant(db, { organizationId: school.id, userId: school.admin.id }, async (tx) => {
    await run(tx, "set local time zone 'Pacific/Kiritimati'");
    await run(
      tx,
      "update app.content set deleted_at = now(), deleted_by_id = app.actor(), deletion_id = app.uuidv7() where content_id = $1",
      [id],
    );
  });
  const [row] = await admin<{ seconds: number; by: string }>(
    "select extract(epoch from now() - deleted_at)::float8 as seconds, deleted_by_id as by from app.content where content_id = $1",
    [id],
  );
  expect(Math.abs(row?.seconds ?? Number.NaN)).toBeLessThan(60);
  expect(row?.by).toBe(school.admin.id);
});

const bad = (table: string, column: string, values: readonly unknown[]) =>
  values.map((value): [string, string, unknown] => [table, column, value]);

test.each([
  ...bad("user", "role", ["principal", "", "Student"]),
  ...bad("user", "status", ["deleted", "ACTIVE"]),
  ...bad("user", "email", [
    "nobody",
    "a@b",
    "a b@c.de",
    "a@b..de",
    ".a@b.de",
    "a@-b.de",
    "a@b.d",
    `${"a".repeat(65)}@b.de`,
  ]),
  ...bad("user", "username", ["", "a@b", "-a", "a-", "a b", "a".repeat(65), "a\nb"]),
  ...bad("user", "full_name", ["", "x".repeat(201)]),
  ...bad("user", "avatar_url", ["javascript:alert(1)", "http://", "http://a b"]),
  ...bad("user", "time_zone", ["", "Europe Madrid", "1"]),
  ...bad("user", "language", ["", "E", "EN"]),
  ...bad("content", "content_type", ["video", ""]),
  ...bad("content", "difficulty_level", ["easy"]),
  ...bad("content", "status", ["deleted", "published"]),
  ...bad("content", "slug", ["", "-a", "a--b", "A", "a_b", "ñ", "a".repeat(201)]),
  ...bad("content", "title", ["", "x".repeat(301)]),
  ...bad("content", "estimated_duration_minutes", [0, -5, 100_001]),
  ...bad("content", "metadata", [[], 1, jsonNull]),
  ...bad("organization", "type", ["prison"]),
  ...bad("organization", "status", ["gone"]),
  ...bad("organization", "slug", ["a", "A-b", "a--b", "x".repeat(64)]),
])(
  "app.%s.%s does not take %j [row 12] [row 14] [row 15] [row 23] [row 38]",
  async (table, column, value) => {
    const id = { user: "user_id", content: "content_id", organization: "organization_id" }[table];
    const [before] = await admin<{ id: string; row: string }>(
      `select ${id} as id, to_jsonb(t)::text as row from app.${table} t where organization_id = $1 order by 1 limit 1`,
      [school.id],
    );
    const refused = await refusedBy(
      as(school.id, `update app.${table} set ${column} = $1 where ${id} = $2`, [value, before?.id]),
    );
    expect(refused?.code).toBe("23514");
    expect(
      await admin(`select ${id} as id, to_jsonb(t)::text as row from app.${table} t where ${id} = $1`, [
        before?.id,
      ]),
    ).toEqual(before === undefined ? [] : [before]);
  },
);

test("a version that is no version is refused, however it is written [row 38]", async () => {
  const insert = "insert into app.content (organization_id, title, slug, version) values ($1, 'T', $2, $3)";
  for (const version of [0, -1]) {
    expect(await refusedBy(as(school.id, insert, [school.id, slug(), version]))).toEqual({
      code: "23514",
      constraint: "version_positive",
    });
  }
});

test.each([
  ["secret in the clear"],
  [""],
  ["$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"],
  ["$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b5dWRWJTmaaJObGRdescudvJCs"],
  ["$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$short"],
])("a password hash that is none of Argon2id is refused by the database: %s [row 80]", async (hash) => {
  const refused = await refusedBy(
    as(school.id, "update app.credential set password_hash = $1 where user_id = $2", [hash, teacher.id]),
  );
  expect(refused).toEqual({ code: "23514", constraint: "credential_password_hash_form" });
  const [row] = await admin<{ password_hash: string }>(
    "select password_hash from app.credential where user_id = $1",
    [teacher.id],
  );
  expect(row?.password_hash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
});

test("e-mail and username are unique in an organization in any case, free in another, free after a deletion [row 13] [row 14]", async () => {
  const other = await it.organization();
  const insert =
    "insert into app.user (organization_id, email, username, full_name) values ($1, $2, $3, 'N')";
  await as(school.id, insert, [school.id, "Same@School.example", "Same.Name"]);
  expect(await refusedBy(as(school.id, insert, [school.id, "sAME@sCHOOL.EXAMPLE", "another"]))).toEqual({
    code: "23505",
    constraint: "user_email_unique",
  });
  expect(await refusedBy(as(school.id, insert, [school.id, "another@school.example", "sAME.nAME"]))).toEqual({
    code: "23505",
    constraint: "user_username_unique",
  });
  await as(other.id, insert, [other.id, "Same@School.example", "Same.Name"]);
  await as(
    school.id,
    "update app.user set deleted_at = now(), deletion_id = app.uuidv7() where organization_id = $1 and username = 'Same.Name'",
    [school.id],
  );
  await as(school.id, insert, [school.id, "same@school.example", "same.name"]);
});

test("a person starts with sound values and neither e-mail nor lock [row 11]", async () => {
  const [row] = await as<Record<string, unknown>>(
    school.id,
    "insert into app.user (organization_id, username, full_name) values ($1, 'plain', 'Plain') returning *",
    [school.id],
  );
  expect(row).toMatchObject({
    email: null,
    avatarUrl: null,
    role: "student",
    status: "active",
    emailVerifiedAt: null,
    timeZone: "UTC",
    language: "en",
    version: 1,
    deletedAt: null,
  });
});

test("at most one profile a person; dates are dates and arrays come back as they went [row 17]", async () => {
  const pupil = await it.user(school);
  const insert = "insert into app.profile (organization_id, user_id) values ($1, $2)";
  expect(await refusedBy(as(school.id, insert, [school.id, pupil.id]))).toEqual({
    code: "23505",
    constraint: "profile_pkey",
  });
  const skills = ['with "quotes"', "a,b", "{brace}", "back\\slash", "NULL", "ñ 漢 🎓", " "];
  const [row] = await as<{ skills: string[]; dateOfBirth: string }>(
    school.id,
    "update app.profile set skills = $2, date_of_birth = '2012-02-29' where user_id = $1 returning skills, date_of_birth",
    [pupil.id, skills],
  );
  expect(row).toEqual({ skills, dateOfBirth: "2012-02-29" });
  expect(
    await refusedBy(
      as(school.id, "update app.profile set date_of_birth = '1899-12-31' where user_id = $1", [pupil.id]),
    ),
  ).toEqual({ code: "23514", constraint: "profile_date_of_birth_range" });
});

test("a token identity is never stored twice, and a session ends whole or not at all [row 18] [row 19]", async () => {
  const { user } = await it.member(school);
  const copy = `insert into app.session (organization_id, user_id, token_hash, expires_at)
    select organization_id, user_id, token_hash, expires_at from app.session where user_id = $1`;
  expect(await refusedBy(as(school.id, copy, [user.id]))).toEqual({
    code: "23505",
    constraint: "session_token_unique",
  });
  expect(
    await refusedBy(as(school.id, "update app.session set ended_at = now() where user_id = $1", [user.id])),
  ).toEqual({ code: "23514", constraint: "session_ended_whole" });
});

test("the list of active people of one role reads its partial index, under the policy too [row 16] [row 70]", async () => {
  await admin(
    `insert into app.user (organization_id, username, full_name, role, status)
     select $1, 'many-' || i, 'N', case when i % 20 = 0 then 'teacher' else 'student' end,
       case when i % 3 = 0 then 'inactive' else 'active' end
     from generate_series(1, 3000) i`,
    [(await it.organization()).id],
  );
  await admin("analyze app.user");
  const text = await Bun.file(`${import.meta.dir}/../../sql/queries/users/list_active_by_role.sql`).text();
  const query = text
    .replaceAll(":organization_id", `'${school.id}'`)
    .replaceAll(":role", "'student'")
    .replaceAll(":after_id", "null")
    .replaceAll(":limit::", "20::");
  const plan = await as<{ QUERYPLAN?: string }>(school.id, `explain ${query}`);
  const shown = plan.map((line) => Object.values(line)[0]).join("\n");
  expect(shown).toContain("user_active");
  expect(shown).not.toContain("Seq Scan");
  expect(shown).not.toContain("Sort");
});

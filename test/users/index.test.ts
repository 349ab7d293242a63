/** 10,000 people: what a school does all day reads no more of them than it gives. */
import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin, ownerUrl } = app.database;
const owner = postgres({ ...driverOptions(parseDatabaseUrl(ownerUrl)), max: 1, onnotice: () => {} });
afterAll(async () => {
  await owner.end();
  await app.close();
});

const PEOPLE = 10_000;
const [school, other] = [await it.organization(), await it.organization()];
await owner.begin(async (tx) => {
  // Past the history: it is not what is asked here, and would take most of the time.
  await tx.unsafe("set local session_replication_role = replica");
  for (const { id } of [school, other]) {
    await tx.unsafe(
      `insert into app.user (organization_id, external_id, username, full_name, email, role)
       select $1, 'x-' || i, 'user-' || i, 'Name' || i % 100 || ' Surname' || i % 3000, 'u' || i || '@school.example',
         (array['student', 'student', 'student', 'teacher'])[1 + i % 4]
       from generate_series(1, $2::int) i`,
      [id, PEOPLE],
    );
  }
});
await admin("analyze app.user");

/** What a query file does as the request role inside the school, and the milliseconds it takes at best. */
async function explain(file: string, values: Readonly<Record<string, string>>) {
  const text = readFileSync(join(import.meta.dir, `../../sql/queries/${file}.sql`), "utf8");
  const all: Readonly<Record<string, string>> = { organization_id: `'${school.id}'::uuid`, ...values };
  const query = text
    .replace(/^--.*$/gm, "")
    .replace(/(?<!:):([a-z_]+)/g, (_, name: string) => all[name] ?? "null");
  return planOf(query, "satchel_request");
}

async function planOf(query: string, role: string) {
  return owner.begin(async (tx) => {
    await tx.unsafe(`set local role ${role}`);
    if (role === "satchel_request") await tx.unsafe(`select app.enter('${school.id}', null)`);
    let plan = "";
    let best = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 5; n++) {
      const lines = await tx.unsafe(`explain (analyze, timing off) ${query}`);
      plan = lines.map((line) => Object.values(line)[0]).join("\n");
      best = Math.min(best, Number(/Execution Time: ([\d.]+) ms/.exec(plan)?.[1]));
    }
    return { plan, best };
  });
}

const NOBODY_LEFT_OUT = { include_deleted: "false", limit: "21" };

describe("under the policy", () => {
  test.each([
    ["users/find_id_by_email", "user_email_unique", { email: "'U77@school.example'" }],
    ["users/find_id_by_username", "user_username_unique", { username: "'User-77'" }],
    ["users/find_id_by_external_id", "user_external_id_unique", { external_id: "'x-77'" }],
  ])("%s looks the key up in %s [row 57] [row 68] [row 69]", async (file, index, values) => {
    const { plan } = await explain(file, values);
    const condition = new RegExp(
      `Index (Only )?Scan using ${index}[^\\n]*\\n *Index Cond: [^\\n]*(_key|external_id) =`,
    );
    expect(plan).toMatch(condition);
    expect(plan).toMatch(/rows=1(\.00)? /);
    expect(plan).not.toContain("Rows Removed by Filter");
  });

  test("signing in reads one person, whichever way they name themselves [row 73]", async () => {
    for (const login of ["u77@school.example", "User-77"]) {
      const { plan } = await explain("sessions/find_credential", { login: `'${login}'` });
      expect(plan).toMatch(/Index Scan (using|on) user_email_unique/);
      expect(plan).toMatch(/Index Scan (using|on) user_username_unique/);
      expect(plan).not.toContain('Seq Scan on "user"');
    }
  });

  test.each([
    ["users/list_users", "user_pkey"],
    ["users/list_newest_users", "user_pkey"],
    ["users/list_users_by_name", "user_name"],
  ])("%s reads a page from %s, and sorts nothing [row 56] [row 64]", async (file, index) => {
    const { plan } = await explain(file, NOBODY_LEFT_OUT);
    expect(plan).toMatch(new RegExp(`Index Scan (Backward )?using ${index} `));
    expect(plan).not.toContain("Sort");
    expect(plan).not.toContain("Seq Scan");
  });

  test("active people of one role are read from the partial index [row 16] [row 70]", async () => {
    const { plan } = await explain("users/list_active_by_role", { role: "'teacher'", limit: "21" });
    expect(plan).toMatch(/Index Scan using user_active /);
  });
});

describe("words", () => {
  /** The query inside app.search_users, word for word, with values in place of its variables. */
  const inner = async (words: string) => {
    const [found] = await admin<{ source: string }>(
      "select prosrc as source from pg_proc where proname = 'search_users'",
    );
    const text = /return query\s+(select[^;]*);/.exec(found?.source ?? "")?.[1] ?? "";
    expect(text).toMatch(/\borganization\b.*\bterms\b/s);
    return text
      .replace(/= organization\b/, `= '${school.id}'::uuid`)
      .replace(/\bterms\b/, `'${words}'::tsquery`);
  };

  test("are found by the GIN index as the role that searches, in far less time than by reading everybody [row 64]", async () => {
    const query = await inner("''surname77'':* & ''name'':*");
    const indexed = await planOf(query, "satchel_search");
    expect(indexed.plan).toMatch(/Bitmap Index Scan on user_words[^\n]*\n *Index Cond: [^\n]*@@/);
    const read = await planOf(
      query.replace(
        "app.user_words(u.full_name, u.username, u.email)",
        "app.user_words(u.full_name, u.username, '')",
      ),
      "satchel_search",
    );
    expect(read.plan).not.toMatch(/Index Cond: [^\n]*@@/);
    expect(indexed.best).toBeLessThan(read.best / 3);
  });

  test("and the index is used each time somebody asks, also once plans are kept [row 64]", async () => {
    const scans = async () =>
      Number(
        (
          await admin<{ scans: number }>(
            "select idx_scan::int as scans from pg_stat_user_indexes where indexrelname = 'user_words'",
          )
        )[0]?.scans,
      );
    await owner.unsafe("select pg_stat_force_next_flush()");
    const before = await scans();
    await app.as(
      school.id,
      `select (select count(*) from app.search_users('surname' || i)), pg_stat_force_next_flush()
       from generate_series(1, 12) i`,
    );
    expect((await scans()) - before).toBeGreaterThanOrEqual(12);
  });

  test("and nobody else's school is looked through, nor found", async () => {
    const ask = async (text: string, token: string) =>
      (
        await request<{ items: { id: string }[] }>("GET", `/v1/users?text=${text}&limit=100`, { token })
      ).body.items.map(({ id }) => id);
    const mine = await ask("surname77%20name", school.token);
    const theirs = await ask("surname77%20name", other.token);
    expect(mine.length).toBeGreaterThan(2);
    expect(mine.filter((id) => theirs.includes(id))).toEqual([]);
    expect(
      await admin("select from app.user where organization_id = $1 and user_id = any($2::text[]::uuid[])", [
        other.id,
        `{${mine.join(",")}}`,
      ]),
    ).toEqual([]);
  });
});

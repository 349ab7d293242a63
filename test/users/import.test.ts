/** Importing people over HTTP: a file is taken, and worked off by a job. */
import { afterAll, describe, expect, test } from "bun:test";
import { importUsersJob } from "../../jobs/import-users.ts";
import { withTenant } from "../../src/db.ts";
import { pruneImports } from "../../src/imports/imports.ts";
import { until } from "../jobs/support.ts";
import { domain, run } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";

const statements: string[] = [];
const app = await domain({
  // Locks are waited for by tests that have somebody wait for them.
  db: { onStatement: (name) => statements.push(name), lockTimeoutMs: 10_000 },
});
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const other = await it.organization();

interface Import {
  readonly id: string;
  readonly state: string;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly total: number;
  readonly processed: number;
  readonly finishedAt: string | null;
}
interface Line {
  readonly line: number;
  readonly outcome: string;
  readonly externalId: string | null;
  readonly userId: string | null;
  readonly reason: string | null;
  readonly detail: string | null;
}
interface Person {
  readonly user_id: string;
  readonly external_id: string;
  readonly [column: string]: unknown;
}

const upload = (
  token: string,
  body: string | Uint8Array,
  { query = "", type = "text/csv" }: { readonly query?: string; readonly type?: string } = {},
) =>
  app.app.handle(
    new Request(`http://localhost/v1/users/import${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      body,
    }),
  );

/** Works off whatever waits, as a worker would. */
async function work(
  id: string,
  organizationId: string,
  jobId: string = Bun.randomUUIDv7(),
  lastAttempt = false,
): Promise<void> {
  await importUsersJob(deps, {
    id: jobId,
    payload: { organizationId, importId: id },
    attempt: 1,
    lastAttempt,
    signal: new AbortController().signal,
  });
}

/** Imports text and gives how it ended, and what became of each line. */
async function feed(
  house: GivenOrganization,
  body: string | Uint8Array,
  options: { readonly query?: string; readonly type?: string } = {},
): Promise<Import & { readonly lines: readonly Line[] }> {
  const taken = await upload(house.token, body, options);
  const text = await taken.text();
  if (taken.status !== 202) throw new Error(`${taken.status}: ${text}`);
  const { id, state, processed } = JSON.parse(text) as Import;
  const location = taken.headers.get("location");
  expect([state, processed, location]).toEqual(["waiting", 0, `/v1/users/imports/${id}`]);
  await work(id, house.id);
  const { token } = house;
  const { body: done } = await request<Import>("GET", `/v1/users/imports/${id}`, { token });
  expect([done.state, done.finishedAt === null]).toEqual(["finished", false]);
  const lines: Line[] = [];
  let cursor = "";
  do {
    const path = `/v1/users/imports/${id}/lines?limit=100${cursor}`;
    const page = await request<{ items: Line[]; nextCursor: string | null }>("GET", path, { token });
    lines.push(...page.body.items);
    cursor = page.body.nextCursor === null ? "" : `&cursor=${encodeURIComponent(page.body.nextCursor)}`;
  } while (cursor !== "");
  const { created, changed, unchanged, refused } = done;
  expect(done.processed).toBe(done.total);
  expect(created + changed + unchanged + refused).toBe(lines.length);
  return { ...done, lines };
}

/** Every row of the people of an organization, by external id. */
const people = async ({ id }: Pick<GivenOrganization, "id">): Promise<ReadonlyMap<string, Person>> =>
  new Map(
    (
      await admin<Person>(
        "select u.*, xmin::text from app.user u where organization_id = $1 and external_id is not null and deleted_at is null",
        [id],
      )
    ).map((person) => [person.external_id, person]),
  );
const outcomes = (lines: readonly Line[]) =>
  lines.map(({ line, outcome, reason }) => (reason === null ? [line, outcome] : [line, outcome, reason]));

let made = 0;
/** Nobody else's in this file. */
const fresh = () => `p-${++made}`;

describe("a table", () => {
  test("with semicolons, a byte order mark, quoted newlines and other letters is read as it was meant [row 59] [row 105]", async () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    const done = await feed(
      school,
      [
        "\ufeffExternal ID;Full Name;E-Mail;role;language;time zone".replace("E-Mail", "email"),
        `${a};"Ñandú ""Ñ"" O'Hara\r\nde la Cruz; García";${a}@school.example;Teacher;es-MX;America/Mexico_City`,
        "",
        `${b};  Pupil Without Mail ;;;;`,
        `${c};李小龙`,
        "",
      ].join("\r\n"),
    );
    expect(outcomes(done.lines)).toEqual([
      [2, "created"],
      [5, "created"],
      [6, "created"],
    ]);
    expect(done.total).toBe(6);
    const rows = await people(school);
    expect(rows.get(a)).toMatchObject({
      full_name: `Ñandú "Ñ" O'Hara de la Cruz; García`,
      email: `${a}@school.example`,
      username: a,
      role: "teacher",
      status: "active",
      language: "es-MX",
      time_zone: "America/Mexico_City",
      created_by_id: school.admin.id,
      version: 1,
    });
    expect(rows.get(b)).toMatchObject({ full_name: "Pupil Without Mail", email: null, role: "student" });
    expect(rows.get(c)).toMatchObject({ full_name: "李小龙" });
    const { body } = await request("GET", `/v1/users/lookup?externalId=${a}`, { token: school.token });
    expect(body).toMatchObject({ id: done.lines[0]?.userId, externalId: a });
  });

  test.each([
    ["", "The file is empty."],
    ["\n\n", "The file is empty."],
    ["external_id,shoe_size\n1,2", "Column 2 has a name"],
    ["full_name\nAda", "external_id is missing"],
    ["external_id,full_name,Full-Name\n", "full_name is there twice"],
    ["1,Ada Lovelace,ada@example.org\n", "Column 1 has a name"],
    ['external_id,"full_name\n1,Ada\n', "quote in the wrong place"],
  ])("whose first row is no row of names is refused whole, and not repeated: %j", async (text, detail) => {
    const answer = await upload(school.token, text);
    const body = await answer.text();
    expect(answer.status).toBe(422);
    expect(body).toContain("import_unreadable");
    expect(body).toContain(detail);
    expect(body).not.toContain("Lovelace");
    expect(body).not.toContain("shoe");
  });

  test("one bad line in the middle is told by its number and its reason, and loses nothing else", async () => {
    const ids = Array.from({ length: 9 }, fresh);
    const taken = await it.user(school);
    const done = await feed(
      school,
      [
        "external_id,full_name,username,email,role",
        `${ids[0]},First,,,`,
        `${ids[1]},"Open quote,,,`,
        `${ids[2]},Bob "the" Builder,,,`,
        `${ids[3]},"Closed" too early,,,`,
        `${ids[4]},No Mail,,no mail at all,`,
        `${ids[0]},First again,,,`,
        `,Nobody,,,`,
        `${ids[5]},Taken Mail,,${taken.email.toUpperCase()},`,
        `${ids[6]},Taken Name,${taken.username.toUpperCase()},,`,
        `${ids[7]},Boss,,,admin`,
        `${ids[8]},Last,,,,,more`,
        `${ids[8]},Last,,,`,
      ].join("\n"),
    );
    expect(outcomes(done.lines)).toEqual([
      [2, "created"],
      [3, "refused", "line_malformed"],
      [4, "created"],
      [5, "refused", "line_malformed"],
      [6, "refused", "field_refused"],
      [7, "refused", "external_id_repeated"],
      [8, "refused", "field_refused"],
      [9, "refused", "email_taken"],
      [10, "refused", "username_taken"],
      [11, "refused", "admin_not_importable"],
      [12, "refused", "line_malformed"],
      [13, "created"],
    ]);
    expect(JSON.stringify(done)).not.toMatch(/no mail at all|Boss|Taken|school\.example/);
    const rows = await people(school);
    expect(ids.map((id) => rows.has(id))).toEqual([
      true,
      false,
      true,
      false,
      false,
      false,
      false,
      false,
      true,
    ]);
    const bad = await request<{ items: Line[] }>(
      "GET",
      `/v1/users/imports/${done.id}/lines?outcome=refused`,
      { token: school.token },
    );
    expect(bad.body.items).toHaveLength(9);
  });

  test("a line tells all that is wrong with it, and repeats nothing of it", async () => {
    const done = await feed(
      school,
      [
        "external_id,full_name,username,email,role,status,language,time_zone",
        `two words,${"x".repeat(201)},-n-,no mail,boss,gone,Spanish,Nowhere/Else`,
        `${fresh()},Fine,,nor this,,,,Nowhere/Else`,
        `${fresh()},Lost \ufffd,,,,,,`,
      ].join("\n"),
    );
    expect(outcomes(done.lines)).toEqual([2, 3, 4].map((line) => [line, "refused", "field_refused"]));
    const [all, two, lost] = done.lines.map(({ detail }) => detail ?? "");
    const columns = [...(all ?? "").matchAll(/(?:^|\. )([a-z_]+) must be/g)].map(([, column]) => column);
    expect(columns).toEqual([
      "external_id",
      "full_name",
      "username",
      "email",
      "role",
      "status",
      "language",
      "time_zone",
    ]);
    expect(all).not.toMatch(/two words|xxx|-n-|no mail|boss|gone|Spanish|Nowhere/);
    expect(two).toBe("email must be an e-mail address. time_zone must be a name like Europe/Madrid.");
    expect(lost).toContain("U+FFFD");
    const names = ["shoe", "external_id", ...columns.slice(1)];
    const worst = JSON.stringify(Object.fromEntries(names.map((name) => [name, 7])));
    const { lines } = await feed(school, worst, { type: "application/x-ndjson" });
    expect(lines[0]?.detail).toBe(`Field 1 is not known. ${all}`);
  });

  test("a file that is not UTF-8 is refused whole, with the line and the cure", async () => {
    const [a, b] = [fresh(), fresh()];
    const windows1252 = Buffer.from(`external_id;full_name\r\n${a};Ada\r\n${b};Jos\u00e9\r\n`, "latin1");
    const answer = await upload(school.token, windows1252);
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({
      type: "urn:satchel:problem:import_unreadable",
      detail: "Line 3 is not UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8) and import that.",
    });
    const rows = await people(school);
    expect([rows.has(a), rows.has(b)]).toEqual([false, false]);
  });
});

test("JSON, one object a line, is taken as well; null takes an e-mail address away", async () => {
  const [a, b] = [fresh(), fresh()];
  const type = "application/x-ndjson";
  const lines = [
    { external_id: a, full_name: "A", email: `${a}@school.example` },
    "not json",
    { external_id: b, full_name: 7 },
    { external_id: b, full_name: "B", password: "secret" },
    ["x"],
    `{"external_id":"${b}","full_name":"B","role":"student","role":"teacher"}`,
    `{"external_id":"${b}","full_name":"B\\u0000"}`,
    { external_id: b, full_name: "B" },
  ];
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const done = await feed(school, text, { type });
  expect(outcomes(done.lines)).toEqual([
    [1, "created"],
    [2, "refused", "line_malformed"],
    [3, "refused", "field_refused"],
    [4, "refused", "field_refused"],
    [5, "refused", "line_malformed"],
    [6, "refused", "line_malformed"],
    [7, "refused", "line_malformed"],
    [8, "created"],
  ]);
  expect(done.lines[5]?.detail).toBe("A name occurs twice in one object.");
  expect(JSON.stringify(done)).not.toContain("secret");
  const again = await feed(school, JSON.stringify({ external_id: a, email: null }), { type });
  expect(outcomes(again.lines)).toEqual([[1, "changed"]]);
  expect((await people(school)).get(a)).toMatchObject({ email: null, full_name: "A" });
});

describe("again", () => {
  test("the same file changes nothing, to the row; another one changes what it says and no more [row 59]", async () => {
    const house = await it.organization();
    const text = (name: string) =>
      ["external_id,full_name,email", `x1,${name},x1@school.example`, "x2,Two,", "x3,Three,"].join("\n");
    await feed(house, text("One"));
    const before = await people(house);
    const again = await feed(house, text("One"));
    expect(again).toMatchObject({ created: 0, changed: 0, unchanged: 3, refused: 0 });
    expect(await people(house)).toEqual(before);
    const changed = await feed(house, text("Uno"));
    expect(outcomes(changed.lines)).toEqual([
      [2, "changed"],
      [3, "unchanged"],
      [4, "unchanged"],
    ]);
    const after = await people(house);
    expect(after.get("x1")).toMatchObject({ full_name: "Uno", version: 2, updated_by_id: house.admin.id });
    expect([after.get("x2"), after.get("x3")]).toEqual([before.get("x2"), before.get("x3")]);
    // Nobody is deleted for not being in the file.
    expect(await feed(house, "external_id\nx1")).toMatchObject({ unchanged: 1 });
    expect((await people(house)).size).toBe(3);
  });

  test("who was deleted is added anew, and another organization's people of the same ids are left alone [row 13] [row 14]", async () => {
    const [mine, theirs] = [await it.organization(), await it.organization()];
    const text = "external_id,full_name,email\nd1,Mine,d1@school.example";
    const [line] = (await feed(mine, text)).lines;
    await feed(theirs, text.replace("Mine", "Theirs"));
    const untouched = await people(theirs);
    expect((await request("DELETE", `/v1/users/${line?.userId}`, { token: mine.token })).status).toBe(204);
    const done = await feed(mine, text.replace("Mine", "Mine again"));
    expect(outcomes(done.lines)).toEqual([[2, "created"]]);
    expect(done.lines[0]?.userId).not.toBe(line?.userId);
    expect(await people(theirs)).toEqual(untouched);
    const [gone] = await admin(
      "select full_name, deleted_at is null as live from app.user where user_id = $1",
      [line?.userId],
    );
    expect(gone).toEqual({ full_name: "Mine", live: false });
  });

  test("five imports of one file at the same moment make nobody twice [row 43] [row 59]", async () => {
    const house = await it.organization();
    const rows = Array.from({ length: 700 }, (_, at) => `c${at},Pupil ${at},c${at}@school.example`);
    const text = ["external_id,full_name,email", ...rows].join("\n");
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) {
      const answer = await upload(house.token, text);
      const { id } = (await answer.json()) as Import;
      ids.push(id);
      // Only one may wait at a time: five workers that have each got hold of one is what is wanted here.
      await admin("drop index if exists app.import_under_way");
    }
    await Promise.all(ids.map((id) => work(id, house.id)));
    const counts = await Promise.all(
      ids.map(
        async (id) => (await request<Import>("GET", `/v1/users/imports/${id}`, { token: house.token })).body,
      ),
    );
    expect(counts.map(({ refused }) => refused)).toEqual([0, 0, 0, 0, 0]);
    expect(counts.reduce((sum, { created }) => sum + created, 0)).toBe(700);
    expect(counts.reduce((sum, { unchanged }) => sum + unchanged, 0)).toBe(4 * 700);
    expect((await people(house)).size).toBe(700);
    await admin(
      "create unique index import_under_way on app.import (organization_id) where finished_at is null",
    );
  });

  test("a job that is delivered twice, or dies between two batches, does each batch once", async () => {
    const house = await it.organization();
    const rows = Array.from({ length: 1200 }, (_, at) => `j${at},Pupil ${at}`);
    const answer = await upload(house.token, ["external_id,full_name", ...rows].join("\n"));
    const { id } = (await answer.json()) as Import;
    const jobId = Bun.randomUUIDv7();
    await planted("if new.external_id = 'j700' then raise exception 'planted'; end if;", async () => {
      await expect(work(id, house.id, jobId)).rejects.toThrow("planted");
      expect((await people(house)).size).toBe(500);
    });
    await Promise.all([work(id, house.id, jobId), work(id, house.id, jobId)]);
    const { body } = await request<Import>("GET", `/v1/users/imports/${id}`, { token: house.token });
    expect(body).toMatchObject({ state: "finished", created: 1200, unchanged: 0, refused: 0 });
    const [kept] = await admin("select source from app.import where import_id = $1", [id]);
    expect(kept).toEqual({ source: null });
  });
});

test("a batch is one statement, however many people: a thousand are added by two and changed by two [row 59] [row 67]", async () => {
  const house = await it.organization();
  const rows = (name: string) =>
    ["external_id,full_name", ...Array.from({ length: 1000 }, (_, at) => `b${at},${name}`)].join("\n");
  for (const [name, written] of [
    ["One", "imports/insert_people"],
    ["Two", "imports/update_people"],
  ] as const) {
    statements.length = 0;
    await feed(house, rows(name));
    const ours = statements.filter((statement) =>
      /^imports\/(lock_people|list_holders|insert_p|update_p)/.test(statement),
    );
    expect(ours.filter((statement) => statement === written)).toHaveLength(2);
    expect(ours).toHaveLength(8);
  }
});

test("a rehearsal says what would be, and stores nobody", async () => {
  const house = await it.organization();
  await feed(house, "external_id,full_name,email\nr1,One,r1@school.example");
  const before = await people(house);
  const text = [
    "external_id,full_name,username,email",
    "r1,Uno,,",
    "r2,Two,,two@school.example",
    "r3,Three,,two@school.example",
    "r4,Four,r2,",
  ].join("\n");
  const done = await feed(house, text, { query: "?dryRun=true&invite=true" });
  expect(outcomes(done.lines)).toEqual([
    [2, "changed"],
    [3, "created"],
    [4, "refused", "email_taken"],
    [5, "refused", "username_taken"],
  ]);
  expect(done.lines[1]?.userId).toBeNull();
  expect(await people(house)).toEqual(before);
  expect(await admin("select from app.mail where organization_id = $1", [house.id])).toEqual([]);
  const real = await feed(house, text);
  expect(outcomes(real.lines)).toEqual(outcomes(done.lines));
});

describe("what no line can do", () => {
  test("an admin is neither made nor changed, and equal lines about one are no offence [row 60]", async () => {
    const house = await it.organization();
    const boss = await it.user(house, "admin", { externalId: "boss" });
    const pupil = await it.user(house, "student", { externalId: "pupil" });
    const before = await people(house);
    const done = await feed(
      house,
      [
        "external_id,full_name,email,role,status",
        `boss,A admin,${boss.email},admin,active`,
        "pupil,,,admin,",
      ].join("\n"),
    );
    expect(outcomes(done.lines)).toEqual([
      [2, "unchanged"],
      [3, "refused", "admin_not_importable"],
    ]);
    for (const line of [
      "boss,,mine@evil.example,,",
      "boss,,,student,",
      "boss,,,,inactive",
      "boss,Other,,,",
    ]) {
      const tried = await feed(house, `external_id,full_name,email,role,status\n${line}`);
      expect(outcomes(tried.lines)).toEqual([[2, "refused", "admin_not_importable"]]);
      expect(tried.lines[0]?.userId).toBe(boss.id);
    }
    expect(await people(house)).toEqual(before);
    expect(pupil.id).toBe(String(before.get("pupil")?.user_id));
  });

  test("a teacher, and another role or e-mail address, need a proof that is fresh; then sessions end and the old address is told [row 20]", async () => {
    const house = await it.organization();
    const { user, token } = await it.member(house);
    await admin("update app.user set external_id = 'm1', email_verified_at = now() where user_id = $1", [
      user.id,
    ]);
    const before = await people(house);
    const role = "external_id,role\nm1,teacher";
    const email = "external_id,email\nm1,moved@school.example";
    await admin(
      "update app.session set authenticated_at = now() - interval '6 minutes' where organization_id = $1",
      [house.id],
    );
    const teacher = "external_id,full_name,role\nm2,New Teacher,teacher";
    for (const text of [role, email, teacher]) {
      expect(outcomes((await feed(house, text)).lines)).toEqual([
        [2, "refused", "reauthentication_required"],
      ]);
    }
    expect(await people(house)).toEqual(before);
    await admin("update app.session set authenticated_at = now() where organization_id = $1", [house.id]);
    expect(outcomes((await feed(house, teacher)).lines)).toEqual([[2, "created"]]);
    expect(outcomes((await feed(house, email)).lines)).toEqual([[2, "changed"]]);
    expect((await people(house)).get("m1")).toMatchObject({ email_verified_at: null, role: "student" });
    expect((await request("GET", "/v1/me", { token })).status).toBe(200);
    expect(outcomes((await feed(house, role)).lines)).toEqual([[2, "changed"]]);
    expect((await request("GET", "/v1/me", { token })).status).toBe(401);
    // The password that an admin had given them ended with it.
    expect(await admin("select password_hash from app.credential where user_id = $1", [user.id])).toEqual([
      { password_hash: null },
    ]);
    const mails = await admin("select template from app.mail where user_id = $1", [user.id]);
    expect(mails).toEqual([{ template: "email_changed" }]);
  });

  test("a suspension is not ended, and pending is not brought back [row 12]", async () => {
    const house = await it.organization();
    await it.user(house, "student", { externalId: "s1", status: "suspended" });
    await it.user(house, "student", { externalId: "s2" });
    const before = await people(house);
    const text = "external_id,status\ns1,active\ns2,pending";
    expect(outcomes((await feed(house, text)).lines)).toEqual([
      [2, "refused", "person_suspended"],
      [3, "unchanged"],
    ]);
    expect(await people(house)).toEqual(before);
    expect(outcomes((await feed(house, "external_id,status\ns2,suspended")).lines)).toEqual([[2, "changed"]]);
  });
});

test("whoever is added is invited where that is wanted and they have an address, and pending until they accept [row 72]", async () => {
  const house = await it.organization();
  const text = "external_id,full_name,email\ni1,One,i1@school.example\ni2,Two,\n";
  await feed(house, text, { query: "?invite=true" });
  const rows = await people(house);
  expect([rows.get("i1")?.status, rows.get("i2")?.status]).toEqual(["pending", "active"]);
  const mails = await admin("select user_id, template from app.mail where organization_id = $1", [house.id]);
  expect(mails).toEqual([{ user_id: rows.get("i1")?.user_id, template: "invitation" }]);
  await feed(house, text, { query: "?invite=true" });
  expect(await admin("select from app.mail where organization_id = $1", [house.id])).toHaveLength(1);
});

test("a quota of people is filled and not exceeded", async () => {
  const house = await it.organization();
  await admin("insert into app.quota (organization_id, people) values ($1, 8)", [house.id]);
  const rows = Array.from({ length: 20 }, (_, at) => `q${at},Pupil`);
  const done = await feed(house, ["external_id,full_name", ...rows].join("\n"));
  expect([done.created, done.refused]).toEqual([7, 13]);
  expect(new Set(done.lines.flatMap(({ reason }) => reason ?? []))).toEqual(
    new Set(["quota_people_reached"]),
  );
  expect((await people(house)).size).toBe(7);
});

test("who imported whom can be answered: one event for those who were added and one for those who were changed", async () => {
  const house = await it.organization();
  const done = await feed(house, "external_id,full_name,role\na1,One,\na2,Two,");
  const next = await feed(house, "external_id,full_name,role\na1,Uno,teacher\na2,Two,");
  const events = await admin<{ action: string; actor: string; target: string; subjects: string[] }>(
    `select e.action, e.actor_id as actor, e.target_id as target,
       array(select s.subject_id::text from app.audit_subject s
             where s.organization_id = e.organization_id and s.sequence = e.sequence order by 1) as subjects
     from app.audit_event e
     where e.organization_id = $1 and e.action in ('user.imported', 'user.role_changed') order by e.sequence`,
    [house.id],
  );
  const [one, two] = done.lines.map(({ userId }) => userId ?? "");
  expect(events.map(({ action, actor }) => [action, actor])).toEqual([
    ["user.imported", house.admin.id],
    ["user.imported", house.admin.id],
    ["user.role_changed", house.admin.id],
  ]);
  expect(events[0]?.subjects).toEqual([one ?? "", two ?? ""].sort());
  expect(events[1]?.subjects).toEqual([one ?? ""]);
  expect([events[0]?.target, events[1]?.target]).toEqual([done.id, next.id]);
});

/** A trigger that does this before somebody is added, for as long as `during` runs. */
async function planted(body: string, during: () => Promise<void>): Promise<void> {
  await admin(
    `create function app.planted() returns trigger language plpgsql as $$ begin ${body} return new; end $$`,
  );
  await admin("create trigger planted before insert on app.user for each row execute function app.planted()");
  await admin("grant execute on function app.planted() to satchel_request");
  try {
    await during();
  } finally {
    await admin("drop trigger planted on app.user");
    await admin("drop function app.planted()");
  }
}

const table = (prefix: string, count: number) =>
  ["external_id,full_name", ...Array.from({ length: count }, (_, at) => `${prefix}${at},Pupil ${at}`)].join(
    "\n",
  );

const endOf = (id: string) =>
  admin(
    `select i.state, i.failure, i.source is null as forgotten,
       (select count(*)::int from app.user u where u.organization_id = i.organization_id and external_id like 'h%') as people,
       array(select e.outcome || ' ' || (e.details::jsonb ->> 'reason') from app.audit_event e
             where e.organization_id = i.organization_id and e.action = 'user.import_ended' and e.target_id = i.import_id::text) as audited
     from app.import i where import_id = $1`,
    [id],
  );

describe("an import goes on for as long as whoever asked for it could ask for it again", () => {
  interface Asked {
    readonly house: GivenOrganization;
    readonly keyId: string;
    readonly otherKeyId: string;
  }

  /** Asked for by an admin beside the first, or with a key of theirs, and worked off as far as the second batch. */
  async function halfway(by: "session" | "key") {
    const house = await it.organization();
    const { user, token } = await it.member(house, "admin");
    const key = async () =>
      (
        await request<{ token: string; apiKey: { id: string } }>("POST", "/v1/api-keys", {
          token,
          body: {
            name: "Sync",
            scopes: ["users:write"],
            expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
          },
        })
      ).body;
    const [made, another] = [await key(), await key()];
    const answer = await upload(by === "key" ? made.token : token, table("h", 1200));
    const { id } = (await answer.json()) as Import;
    const jobId = Bun.randomUUIDv7();
    await planted("if new.external_id = 'h700' then raise exception 'planted'; end if;", async () => {
      await expect(work(id, house.id, jobId)).rejects.toThrow("planted");
    });
    const asked: Asked = { house, keyId: made.apiKey.id, otherKeyId: another.apiKey.id };
    return { ...asked, id, user, again: () => work(id, house.id, jobId) };
  }

  const set = (column: string) => (_: Asked, userId: string) =>
    admin(`update app.user set ${column} where user_id = $1`, [userId]);
  const revoke = (keyId: string) =>
    admin("update app.api_key set revoked_at = now(), revoke_reason = 'revoked' where api_key_id = $1", [
      keyId,
    ]);

  test.each([
    ["they are suspended", "session", "requester_not_allowed", set("status = 'suspended'")],
    ["they have another role", "session", "requester_not_allowed", set("role = 'teacher'")],
    [
      "they are deleted",
      "session",
      "requester_not_allowed",
      set("deleted_at = now(), deletion_id = app.uuidv7()"),
    ],
    [
      "the organization is suspended",
      "session",
      "organization_not_active",
      ({ house }: Asked) =>
        admin("update app.organization set status = 'suspended' where organization_id = $1", [house.id]),
    ],
    ["the key is revoked", "key", "api_key_ended", ({ keyId }: Asked) => revoke(keyId)],
    [
      "the key has expired",
      "key",
      "api_key_ended",
      ({ keyId }: Asked) =>
        admin(
          "update app.api_key set created_at = now() - interval '2 hours', expires_at = now() where api_key_id = $1",
          [keyId],
        ),
    ],
  ] as const)(
    "and fails once %s: what was stored stays, nobody more is added",
    async (_, by, failure, lose) => {
      const asked = await halfway(by);
      await lose(asked, asked.user.id);
      await asked.again();
      const ended = {
        state: "failed",
        failure,
        forgotten: true,
        people: 500,
        audited: [`refused ${failure}`],
      };
      expect(await endOf(asked.id)).toEqual([ended]);
      await asked.again();
      expect(await endOf(asked.id)).toEqual([ended]);
    },
  );

  test.each([
    [
      "session",
      async ({ house, keyId }: Asked) => {
        const { user } = await it.member(house, "admin");
        await admin("update app.user set status = 'suspended' where user_id = $1", [user.id]);
        await admin(
          "update app.session set ended_at = now(), end_reason = 'signed_out' where organization_id = $1",
          [house.id],
        );
        await revoke(keyId);
      },
    ],
    ["key", ({ otherKeyId }: Asked) => revoke(otherKeyId)],
  ] as const)(
    "and to its end when others lose theirs, or they sign out (asked with a %s)",
    async (by, lose) => {
      const asked = await halfway(by);
      await lose(asked);
      await asked.again();
      expect(await endOf(asked.id)).toEqual([
        { state: "finished", failure: null, forgotten: true, people: 1200, audited: [] },
      ]);
    },
  );

  test("and not once it is cancelled: that waits for the batch under way, after which nobody is added", async () => {
    const house = await it.organization();
    const { id } = (await (await upload(house.token, table("h", 1200))).json()) as Import;
    const cancel = () =>
      request<{ type?: string }>("DELETE", `/v1/users/imports/${id}`, { token: house.token });
    const waiting = async () =>
      (
        await admin(
          "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
      ).length;
    const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const holding = withTenant(deps.db, { organizationId: house.id, userId: null }, async (tx) => {
      await run(tx, "select pg_advisory_xact_lock(7)");
      held.resolve();
      await release.promise;
    });
    await held.promise;
    await planted("if new.external_id = 'h700' then perform pg_advisory_xact_lock(7); end if;", async () => {
      const working = work(id, house.id);
      await until(async () => (await waiting()) === 1);
      const cancelling = cancel();
      await until(async () => (await waiting()) === 2);
      release.resolve();
      expect((await cancelling).status).toBe(204);
      const ended = {
        ...{ state: "cancelled", failure: null, forgotten: true, people: 1000 },
        audited: ["success cancelled"],
      };
      expect(await endOf(id)).toEqual([ended]);
      await Promise.all([working, holding]);
      expect((await cancel()).status).toBe(204);
      expect(await endOf(id)).toEqual([ended]);
    });
  }, 60_000);

  test("one that waits is cancelled too, and makes room for another; one that has ended is not", async () => {
    const house = await it.organization();
    const { id } = (await (await upload(house.token, table("h", 3))).json()) as Import;
    const cancel = (importId: string, token = house.token) =>
      request<{ type?: string }>("DELETE", `/v1/users/imports/${importId}`, { token });
    expect((await cancel(id, other.token)).status).toBe(404);
    expect((await cancel(Bun.randomUUIDv7())).status).toBe(404);
    expect(await endOf(id)).toMatchObject([{ state: "waiting", audited: [] }]);
    expect((await cancel(id)).status).toBe(204);
    await work(id, house.id);
    expect(await endOf(id)).toMatchObject([{ state: "cancelled", people: 0 }]);
    const done = await feed(house, table("h", 3));
    const late = await cancel(done.id);
    expect([late.status, late.body.type]).toEqual([409, "urn:satchel:problem:import_ended"]);
    expect(await endOf(done.id)).toMatchObject([{ state: "finished", people: 3, audited: [] }]);
  });

  test("and is given up after the last attempt of its job", async () => {
    const house = await it.organization();
    const { id } = (await (await upload(house.token, table("h", 3))).json()) as Import;
    await planted("raise exception 'planted';", async () => {
      await expect(work(id, house.id, Bun.randomUUIDv7(), true)).rejects.toThrow("planted");
    });
    expect(await endOf(id)).toMatchObject([
      { state: "failed", failure: "not_worked_off", people: 0, audited: ["refused not_worked_off"] },
    ]);
  });
});

describe("the doors", () => {
  test("an import is the organization's own, and admins' alone [row 45]", async () => {
    const done = await feed(school, `external_id,full_name\n${fresh()},X`);
    const { token: teacher } = await it.member(school, "teacher");
    for (const path of [`/v1/users/imports/${done.id}`, `/v1/users/imports/${done.id}/lines`]) {
      expect((await request("GET", path, { token: other.token })).status).toBe(404);
      expect((await request("GET", path, { token: teacher })).status).toBe(403);
    }
    expect((await upload(teacher, "external_id\n")).status).toBe(403);
    const missing = await request("GET", `/v1/users/imports/${Bun.randomUUIDv7()}/lines`, {
      token: school.token,
    });
    expect(missing.status).toBe(404);
  });

  test("one import at a time; one that waits is given up after a day, one that nobody works on any more after an hour", async () => {
    const house = await it.organization();
    const { id } = (await (await upload(house.token, "external_id\nx")).json()) as Import;
    const second = await upload(house.token, "external_id\nx");
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({
      type: "urn:satchel:problem:import_under_way",
      detail: `The import ${id} is under way.`,
    });
    expect((await upload(other.token, "external_id\nx")).status).toBe(202);
    await admin("alter table app.import disable trigger touch");
    const idle = (minutes: number, state: string) =>
      admin(
        "update app.import set updated_at = now() - make_interval(mins => $2), state = $3 where import_id = $1",
        [id, minutes, state],
      );
    for (const [minutes, state, status] of [
      [59, "running", 409],
      [1439, "waiting", 409],
      [1441, "waiting", 202],
    ] as const) {
      await idle(minutes, state);
      expect((await upload(house.token, "external_id\nx")).status).toBe(status);
    }
    const { body } = await request<Import>("GET", `/v1/users/imports/${id}`, { token: house.token });
    await admin(
      "update app.import set updated_at = now() - interval '61 minutes', state = 'running' where organization_id = $1 and finished_at is null",
      [house.id],
    );
    expect((await upload(house.token, "external_id\nx")).status).toBe(202);
    await admin("alter table app.import enable trigger touch");
    expect(body.state).toBe("failed");
  });

  test("an API key that may write people imports them, but no teacher, no other role and no e-mail address", async () => {
    const house = await it.organization();
    const made = await request<{ token: string }>("POST", "/v1/api-keys", {
      token: house.token,
      body: {
        name: "Sync",
        scopes: ["users:write", "users:read"],
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      },
    });
    const key = { ...house, token: made.body.token };
    const columns = "external_id,full_name,role,email";
    const text = `${columns}\nk1,One,,k1@school.example\nk2,Two,teacher,`;
    expect(outcomes((await feed(key, text)).lines)).toEqual([
      [2, "created"],
      [3, "refused", "reauthentication_required"],
    ]);
    expect(outcomes((await feed(house, text)).lines)).toEqual([
      [2, "unchanged"],
      [3, "created"],
    ]);
    expect(outcomes((await feed(key, `${columns}\nk1,,teacher,\nk2,Zwei,,`)).lines)).toEqual([
      [2, "refused", "reauthentication_required"],
      [3, "changed"],
    ]);
    for (const access of ["k2,another-name,\nk1,yet-another,", "k2,,inactive\nk1,,inactive"]) {
      expect(outcomes((await feed(key, `external_id,username,status\n${access}`)).lines)).toEqual([
        [2, "refused", "reauthentication_required"],
        [3, "changed"],
      ]);
    }
    const moved = await feed(key, "external_id,email\nk1,evil@elsewhere.example\nk2,first@elsewhere.example");
    expect(outcomes(moved.lines)).toEqual([
      [2, "refused", "reauthentication_required"],
      [3, "refused", "reauthentication_required"],
    ]);
  });

  test("a repeated request with one Idempotency-Key is one import", async () => {
    const house = await it.organization();
    const send = () =>
      app.app.handle(
        new Request("http://localhost/v1/users/import", {
          method: "POST",
          headers: {
            authorization: `Bearer ${house.token}`,
            "content-type": "text/csv",
            "idempotency-key": "one",
          },
          body: "external_id,full_name\nz1,Z",
        }),
      );
    const answers = [await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    const ids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as Import).id));
    expect(new Set(ids).size).toBe(1);
    expect(await admin("select from app.import where organization_id = $1", [house.id])).toHaveLength(1);
  });

  test("what ended a week ago is removed with its lines, and nothing else is", async () => {
    const house = await it.organization();
    const [old, recent] = [
      await feed(house, "external_id,full_name\no1,Old"),
      await feed(house, "external_id,full_name\no2,Recent"),
    ];
    const theirs = await feed(await it.organization(), "external_id,full_name\nt1,Theirs");
    const age = (id: string, days: number) =>
      admin("update app.import set finished_at = now() - make_interval(days => $2) where import_id = $1", [
        id,
        days,
      ]);
    await age(old.id, 8);
    await age(recent.id, 6);
    await age(theirs.id, 8);
    expect(await pruneImports(deps, house.id, 10)).toBe(1);
    const left = async (id: string) =>
      (await admin("select from app.import_line where import_id = $1", [id])).length;
    expect([await left(old.id), await left(recent.id), await left(theirs.id)]).toEqual([0, 1, 1]);
    expect((await people(house)).size).toBe(2);
  });

  test("another media type and more than ten megabytes are refused", async () => {
    expect((await upload(school.token, "x", { type: "application/json" })).status).toBe(415);
    expect((await upload(school.token, new Uint8Array(10 * 1024 * 1024 + 1))).status).toBe(413);
  });
});

/** All that is kept about a person, and nothing of anybody else's, and no secret. */
import { afterAll, expect, test } from "bun:test";
import { dump, foundIn, plant } from "../erasures/support.ts";
import { domain } from "../support/domain.ts";

const app = await domain({ config: { trustedProxies: 1 } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const [ada, ben, foreign] = [
  await plant(app, it, school),
  await plant(app, it, school),
  await plant(app, it, other),
];

interface Exported {
  readonly userId: string;
  readonly organizationId: string;
  readonly exportedAt: string;
  readonly about: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly changes: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly made: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
  readonly cut: readonly string[];
}
const exported = (token: string, userId: string) =>
  request<Exported>("POST", `/v1/users/${userId}/exports`, { token });

test("an export holds all that is kept about the person, and nothing of another's [row 114]", async () => {
  const { status, body } = await exported(school.token, ada.id);
  expect(status).toBe(200);
  const text = JSON.stringify(body);
  expect(foundIn(text, ada.canaries)).toEqual(Object.keys(ada.canaries));
  expect(foundIn(text, ben.canaries)).toEqual([]);
  expect(foundIn(text, foreign.canaries)).toEqual([]);
  expect(body).toMatchObject({ userId: ada.id, organizationId: school.id, cut: [] });
  // The person was made by the admin: of ids of people, an export holds the person's own alone.
  expect(text).not.toContain(school.admin.id);
});

test("it holds the account, the profile, the sessions, what they were before, and what the person made", async () => {
  const { body } = await exported(ada.token, ada.id);
  expect(body.about.user).toMatchObject([{ email: ada.canaries.email, fullName: ada.canaries.fullName }]);
  expect(body.about.profile).toMatchObject([{ bio: ada.canaries.bio, phone: ada.canaries.phone }]);
  expect(body.about.session).toMatchObject([{ userAgent: ada.canaries.userAgent, ip: ada.canaries.address }]);
  expect(body.changes.user?.map(({ action }) => action)).toContain("insert");
  expect(JSON.stringify(body.changes.profile)).toContain(ada.canaries.formerBio ?? "no bio");
  expect(body.made.content).toMatchObject([{ contentId: ada.contentId, title: ada.title }]);
  expect(JSON.stringify(body.made)).not.toContain("What is to be learnt.");
  expect(body.about.mail).toContainEqual(
    expect.objectContaining({ template: "confirm_email", to: ada.canaries.wantedEmail }),
  );
  expect(JSON.stringify(body.about.mail)).not.toContain("/links/");
  expect(body.made.auditEvent).toContainEqual(expect.objectContaining({ action: "session.opened" }));
  expect(body.made.history?.length).toBeGreaterThan(0);
});

test("no password, token or hash of one is in it [row 80]", async () => {
  const text = JSON.stringify((await exported(ada.token, ada.id)).body);
  const columns = await admin<{ table: string; column: string }>(`
    select c.oid::regclass::text as table, quote_ident(a.attname) as column
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and (col_description(c.oid, a.attnum) like 'personal, secret%'
        or a.atttypid = 'bytea'::regtype and col_description(c.oid, a.attnum) <> 'none')`);
  expect(columns.length).toBeGreaterThan(4);
  let secrets = 0;
  for (const { table, column } of columns) {
    const values = await admin<{ value: string }>(
      `select distinct ltrim(${column}::text, '\\x') as value from ${table} where length(${column}::text) >= 10`,
    );
    for (const { value } of values) expect(text).not.toContain(value);
    secrets += values.length;
  }
  expect(secrets).toBeGreaterThan(5);
  expect(text).not.toContain("$argon2id");
  expect(text).not.toContain(ada.token);
});

test("people get their own, admins everybody's, also of the deleted; for all others it is not there", async () => {
  expect((await exported(ben.token, ben.id)).status).toBe(200);
  const { token: teacher } = await it.member(school, "teacher");
  expect((await exported(teacher, ada.id)).status).toBe(403);
  const { user: pupil, token } = await it.member(school);
  expect((await exported(token, pupil.id)).status).toBe(200);
  expect((await exported(token, ada.id)).status).toBe(404);
  expect((await exported(other.token, ada.id)).status).toBe(404);
  expect((await exported(school.token, Bun.randomUUIDv7())).status).toBe(404);
  await request("DELETE", `/v1/users/${pupil.id}`, { token: school.token });
  expect((await exported(school.token, pupil.id)).body.about.user).toMatchObject([
    { username: pupil.username },
  ]);
});

test("reading it changes nothing but what tells that it was read", async () => {
  const lines = async () =>
    (await dump(app.database)).split("\n").filter((line) => !/^app\.(audit|disclosure|effect)/.test(line));
  // The session's last use is written down by the first request.
  await exported(ben.token, ben.id);
  const before = await lines();
  await exported(ben.token, ben.id);
  expect(await lines()).toEqual(before);
});

/** Lists and counts of people. */
import { afterAll, describe, expect, test } from "bun:test";
import { domain } from "../support/domain.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const { token } = school;

interface Page {
  readonly items: readonly { readonly id: string; readonly role: string; readonly status: string }[];
  readonly nextCursor: string | null;
}

const add = async (organizationId: string, count: number, role: string, status: string, age = "0 days") =>
  (
    await admin<{ id: string }>(
      `insert into app.user (organization_id, username, full_name, role, status, created_at)
       select $1, $3 || '-' || $4 || '-' || app.uuidv7(), 'N', $3, $4, now() - $5::interval from generate_series(1, $2) i
       returning user_id as id`,
      [organizationId, count, role, status, age],
    )
  ).map(({ id }) => id);

await add(school.id, 17, "student", "active");
await add(school.id, 5, "student", "suspended");
await add(school.id, 3, "teacher", "active", "40 days");
await add(other.id, 30, "student", "active");
const gone = await add(school.id, 2, "parent", "pending");
await admin(
  "update app.user set deleted_at = now(), deletion_id = app.uuidv7() where user_id = any($1::text[]::uuid[])",
  [`{${gone.join(",")}}`],
);

/** Follows the cursors to the end. */
async function all(path: string, limit: number, as = token): Promise<{ ids: string[]; sizes: number[] }> {
  const ids: string[] = [];
  const sizes: number[] = [];
  let cursor: string | null = null;
  do {
    const more: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const join = path.includes("?") ? "&" : "?";
    const answer = await request<Page>("GET", `${path}${join}limit=${limit}${more}`, { token: as });
    expect(answer.status).toBe(200);
    ids.push(...answer.body.items.map(({ id }) => id));
    sizes.push(answer.body.items.length);
    cursor = answer.body.nextCursor;
    expect(answer.headers.has("link")).toBe(cursor !== null);
  } while (cursor !== null);
  return { ids, sizes };
}

const live = async (condition = "true", organizationId = school.id) =>
  (
    await admin<{ id: string }>(
      `select user_id as id from app.user where organization_id = $1 and (${condition}) order by user_id`,
      [organizationId],
    )
  ).map(({ id }) => id);

describe("lists", () => {
  test.each([1, 7, 13, 26, 100])(
    "pages of %d cover everybody once, in one order, without the deleted and without strangers [row 56]",
    async (limit) => {
      const expected = await live("deleted_at is null");
      const { ids, sizes } = await all("/v1/users", limit);
      expect(ids).toEqual(expected);
      expect(sizes.slice(0, -1).every((size) => size === limit)).toBe(true);
      // A page that happens to be full is not followed by an empty one.
      expect(sizes.at(-1)).toBeGreaterThan(0);
    },
  );

  test("who comes while somebody pages does not shift the pages, and who is deleted is left out from then on [row 56]", async () => {
    const expected = await live("deleted_at is null");
    const first = await request<Page>("GET", "/v1/users?limit=10", { token });
    await it.user(school);
    const victim = expected[3] ?? "";
    await request("DELETE", `/v1/users/${victim}`, { token });
    const second = await request<Page>("GET", `/v1/users?limit=10&cursor=${first.body.nextCursor}`, {
      token,
    });
    expect(second.body.items.map(({ id }) => id)).toEqual(expected.slice(10, 20));
    expect((await all("/v1/users", 50)).ids).not.toContain(victim);
  });

  test.each([
    ["role=student&status=active", "role = 'student' and status = 'active' and deleted_at is null"],
    ["role=student", "role = 'student' and deleted_at is null"],
    ["status=suspended", "status = 'suspended' and deleted_at is null"],
    ["role=teacher&status=suspended", "false"],
    ["includeDeleted=true", "true"],
    ["role=parent&includeDeleted=true", "role = 'parent'"],
    ["role=parent&status=active&includeDeleted=true", "role = 'parent' and status = 'active'"],
    ["role=student,teacher&status=active,suspended", "role <> 'admin' and deleted_at is null"],
  ])("?%s gives exactly those [row 64] [row 70]", async (query, condition) => {
    expect((await all(`/v1/users?${query}`, 7)).ids).toEqual(await live(condition));
  });

  test("active people of one role come through the statement that has its index [row 16] [row 70]", async () => {
    statements.length = 0;
    await request("GET", "/v1/users?role=student&status=active", { token });
    expect(statements).toContain("users/list_active_by_role");
    expect(statements).not.toContain("users/list_users");
  });

  test("a list takes as many queries as two people [row 67]", async () => {
    const count = async (limit: number) => {
      statements.length = 0;
      await request("GET", `/v1/users?limit=${limit}`, { token });
      // The commit of a read is not waited for: it may be counted with the next one.
      return statements.filter((name) => !name.startsWith("tx/")).length;
    };
    // What each person is told of who was shown them is written once a day.
    await count(25);
    // The first person is the one who asks, of whom nothing is recorded.
    expect(await count(25)).toBe(await count(2));
  });

  test("an unknown filter, an unknown value and a page that is too long are refused [row 64]", async () => {
    for (const query of [
      "roles=student",
      "role=principal",
      "status=gone",
      "limit=101",
      "limit=0",
      "email=a",
      "order=random",
      "text=",
      "text=%20",
      "createdFrom=yesterday",
      "createdFrom=2026-02-30",
      "role=",
      "role=student,principal",
      "includeDeleted=yes",
      "role=student&role=teacher",
    ]) {
      expect((await request("GET", `/v1/users?${query}`, { token })).status).toBe(422);
    }
  });

  test("a cursor is bound to its filters and its organization [row 56]", async () => {
    const { body } = await request<Page>("GET", "/v1/users?limit=2&role=student", { token });
    const cursor = encodeURIComponent(body.nextCursor ?? "");
    expect((await request("GET", `/v1/users?limit=2&role=student&cursor=${cursor}`, { token })).status).toBe(
      200,
    );
    expect((await request("GET", `/v1/users?limit=2&role=teacher&cursor=${cursor}`, { token })).status).toBe(
      422,
    );
    expect((await request("GET", `/v1/users?limit=2&cursor=${cursor}`, { token })).status).toBe(422);
    expect(
      (await request("GET", `/v1/users?limit=2&role=student&cursor=${cursor}`, { token: other.token }))
        .status,
    ).toBe(422);
  });

  test("only an admin asks for the deleted [row 55]", async () => {
    const { token: teacher } = await it.member(school, "teacher");
    expect((await request("GET", "/v1/users?includeDeleted=true", { token: teacher })).status).toBe(403);
    expect((await request("GET", "/v1/users?includeDeleted=false", { token: teacher })).status).toBe(200);
  });
});

test("people are counted by status and role, zeros included, the deleted and strangers not [row 63] [row 79]", async () => {
  const fresh = await it.organization();
  const count = async () => (await request("GET", "/v1/users/statistics", { token: fresh.token })).body;
  const none = { student: 0, teacher: 0, admin: 1, parent: 0 };
  const nobody = { student: 0, teacher: 0, admin: 0, parent: 0 };
  expect(await count()).toEqual({
    total: 1,
    active: 1,
    byRole: none,
    byStatus: { active: 1, inactive: 0, suspended: 0, pending: 0 },
    createdLast30Days: 1,
    createdLast30DaysByRole: none,
  });
  await add(fresh.id, 4, "student", "active");
  await add(fresh.id, 2, "student", "inactive", "29 days");
  await add(fresh.id, 3, "teacher", "active", "31 days");
  const [deleted] = await add(fresh.id, 1, "parent", "active");
  await admin("update app.user set deleted_at = now(), deletion_id = app.uuidv7() where user_id = $1", [
    deleted,
  ]);
  expect(await count()).toEqual({
    total: 10,
    active: 8,
    byRole: { student: 6, teacher: 3, admin: 1, parent: 0 },
    byStatus: { active: 8, inactive: 2, suspended: 0, pending: 0 },
    createdLast30Days: 7,
    createdLast30DaysByRole: { ...nobody, student: 6, admin: 1 },
  });
});

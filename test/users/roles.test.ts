/** Roles and statuses: what ends sessions, and who must stay. */
import { afterAll, describe, expect, test } from "bun:test";
import type { Role } from "../../src/actor.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const any = { "if-match": "*" };

const changeRole = (token: string, id: string, role: Role) =>
  request("PUT", `/v1/users/${id}/role`, { token, headers: any, body: { role } });
const changeStatus = (token: string, id: string, status: string) =>
  request("PATCH", `/v1/users/${id}`, { token, headers: any, body: { status } });
const remove = (token: string, id: string) => request("DELETE", `/v1/users/${id}`, { token });
const slugOf = (body: unknown) => (body as { type: string } | null)?.type.replace("urn:satchel:problem:", "");
const isIn = async (token: string) => (await request("GET", "/v1/me", { token })).status === 200;
const reasons = async (id: string) =>
  (
    await admin<{ reason: string | null }>(
      "select end_reason as reason from app.session where user_id = $1 order by session_id",
      [id],
    )
  ).map(({ reason }) => reason);

describe("sessions end at once, in the transaction of the change [row 20] [row 77]", () => {
  test.each([
    ["another role", "role_changed", (user: GivenUser) => changeRole(school.token, user.id, "teacher")],
    ["suspension", "status_changed", (user: GivenUser) => changeStatus(school.token, user.id, "suspended")],
    [
      "being inactive",
      "status_changed",
      (user: GivenUser) => changeStatus(school.token, user.id, "inactive"),
    ],
    ["deletion", "user_deleted", (user: GivenUser) => remove(school.token, user.id)],
  ])("with %s, on every device, and nobody else's", async (_, reason, change) => {
    const { user, token } = await it.member(school);
    const second = await it.session(school, user);
    const { token: neighbour } = await it.member(school);
    expect(await Promise.all([isIn(token), isIn(second)])).toEqual([true, true]);
    expect((await change(user)).status).toBeLessThan(300);
    expect(await Promise.all([isIn(token), isIn(second), isIn(neighbour)])).toEqual([false, false, true]);
    expect(await reasons(user.id)).toEqual([reason, reason]);
  });

  test("and stay ended when the person becomes active again", async () => {
    const { user, token } = await it.member(school);
    await changeStatus(school.token, user.id, "suspended");
    await changeStatus(school.token, user.id, "active");
    expect(await isIn(token)).toBe(false);
    expect(await isIn(await it.session(school, user))).toBe(true);
  });

  test("but not with a change that matters nothing, nor with the same role again", async () => {
    const { user, token } = await it.member(school);
    await request("PATCH", `/v1/users/${user.id}`, {
      token: school.token,
      headers: any,
      body: { fullName: "New" },
    });
    await changeRole(school.token, user.id, "student");
    await changeStatus(school.token, user.id, "active");
    expect(await isIn(token)).toBe(true);
  });
});

test("a role is given by its own door, with If-Match, and takes effect with the next sign-in [row 12] [row 60]", async () => {
  const { user, token: own } = await it.member(school);
  // One that the admin has given would end here.
  const password = "nine loud geese land on ice";
  await request("PUT", "/v1/me/password", {
    token: own,
    body: { currentPassword: user.password, newPassword: password },
  });
  const path = `/v1/users/${user.id}/role`;
  const put = async (headers: Record<string, string>, body: unknown) =>
    (await request("PUT", path, { token: school.token, headers, body })).status;
  expect(await put({}, { role: "teacher" })).toBe(428);
  expect(await put({ "if-match": '"9"' }, { role: "teacher" })).toBe(412);
  expect(await put(any, { role: "principal" })).toBe(422);
  expect(await put({ "if-match": '"1"' }, { role: "teacher" })).toBe(200);
  const token = await it.session(school, { ...user, password });
  expect((await request("GET", "/v1/users/statistics", { token })).status).toBe(200);
});

describe("an organization keeps one active admin", () => {
  const leave = {
    "be demoted": (house: GivenOrganization, id: string) => changeRole(house.token, id, "teacher"),
    "be suspended": (house: GivenOrganization, id: string) => changeStatus(house.token, id, "suspended"),
    "be deleted": (house: GivenOrganization, id: string) => remove(house.token, id),
  };

  test.each(Object.entries(leave))("the last one cannot %s", async (_, go) => {
    const house = await it.organization();
    // Admins who could not act do not count, and neither do those of other organizations.
    await it.user(house, "admin", { status: "inactive" });
    const gone = await it.user(house, "admin");
    await remove(house.token, gone.id);
    const answer = await go(house, house.admin.id);
    expect([answer.status, slugOf(answer.body)]).toEqual([409, "last_admin"]);
    expect(await isIn(house.token)).toBe(true);
    const [row] = await admin("select role, status, deleted_at, version from app.user where user_id = $1", [
      house.admin.id,
    ]);
    expect(row).toEqual({ role: "admin", status: "active", deleted_at: null, version: 1 });
  });

  test.each(Object.entries(leave))("with a second one there the first may %s", async (_, go) => {
    const house = await it.organization();
    await it.user(house, "admin");
    expect((await go(house, house.admin.id)).status).toBeLessThan(300);
  });

  test("an inactive admin may go, for that takes nobody away", async () => {
    const house = await it.organization();
    const sleeping = await it.user(house, "admin", { status: "inactive" });
    expect((await changeRole(house.token, sleeping.id, "teacher")).status).toBe(200);
    const another = await it.user(house, "admin", { status: "inactive" });
    expect((await remove(house.token, another.id)).status).toBe(204);
  });

  test.each(Object.entries(leave))(
    "two who make each other %s at once: one stays, and both are answered",
    async (_, go) => {
      for (let round = 0; round < 5; round++) {
        const house = await it.organization();
        const { user, token } = await it.member(house, "admin");
        const answers = await Promise.all([go(house, user.id), go({ ...house, token }, house.admin.id)]);
        // The second may also find that it is no admin any more: that the first had signed it out.
        const statuses = answers.map(({ status }) => status);
        expect(statuses.filter((status) => status < 300).length).toBe(1);
        expect([401, 404, 409]).toContain(statuses.find((status) => status >= 300) ?? 0);
        const left = await admin(
          "select user_id from app.user where organization_id = $1 and role = 'admin' and status = 'active' and deleted_at is null",
          [house.id],
        );
        expect(left.length).toBe(1);
      }
    },
  );

  test("ten at once who all leave: nine go [row 43]", async () => {
    const house = await it.organization();
    const others = await Promise.all(Array.from({ length: 9 }, () => it.member(house, "admin")));
    const all = [
      { id: house.admin.id, token: house.token },
      ...others.map(({ user, token }) => ({ id: user.id, token })),
    ];
    const answers = await Promise.all(all.map(({ id, token }) => remove(token, id)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(9).fill(204), 409]);
  });
});

/** That what an organization settles is what holds there, and nowhere else. */
import { afterAll, expect, test } from "bun:test";
import { ROLES } from "../../src/actor.ts";
import { domain } from "../support/domain.ts";
import { type GivenOrganization, PASSWORD } from "../support/given.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

async function settle(house: GivenOrganization, settings: Readonly<Record<string, unknown>>): Promise<void> {
  const headers = { "if-match": "*" };
  const { status } = await request("PATCH", "/v1/organization", {
    token: house.token,
    headers,
    body: { settings },
  });
  expect(status).toBe(200);
}

let n = 0;
const add = (house: GivenOrganization, role: string, password: string) =>
  request<{ id: string }>("POST", "/v1/users", {
    token: house.token,
    body: { fullName: "Somebody", username: `applied-${++n}`, role, password },
  });
const signIn = ({ slug }: GivenOrganization, login: string, password = PASSWORD) =>
  request<{ token: string; user: { id: string } }>("POST", "/v1/sessions", {
    body: { organization: slug, login, password },
  });

// Of twelve characters.
const TWELVE = "heron27wxylk";

test("the shortest password is that of the role, for whoever is added and whoever chooses another one", async () => {
  const [house, other] = [await it.founded(), await it.founded()];
  const shorter = { studentPasswordMinimum: 12, parentPasswordMinimum: 12, parentSecondFactorRequired: true };
  await settle(house, { ...shorter, teacherPasswordMinimum: 40 });
  for (const role of ROLES) {
    const allowed = role === "student" || role === "parent";
    expect([role, (await add(house, role, TWELVE)).status]).toEqual([role, allowed ? 201 : 422]);
    expect((await add(house, role, TWELVE.slice(1))).status).toBe(422);
    expect((await add(other, role, TWELVE)).status).toBe(422);
  }
  expect((await add(house, "teacher", PASSWORD)).status).toBe(422);
  const choose = async (role: "student" | "teacher", newPassword: string) => {
    const user = await it.user(house, role, {
      password: role === "teacher" ? `${PASSWORD} and on and on` : PASSWORD,
    });
    const { token } = (await signIn(house, user.username, user.password)).body;
    const body = { currentPassword: user.password, newPassword };
    return (await request("PUT", "/v1/me/password", { token, body })).status;
  };
  expect(await choose("student", TWELVE)).toBe(204);
  expect(await choose("student", TWELVE.slice(1))).toBe(422);
  expect(await choose("teacher", PASSWORD)).toBe(422);
});

test("sessions live and idle as long as the role's may, from the next one on", async () => {
  const [house, other] = [await it.founded(), await it.founded()];
  const lifetimeOf = async (token: string) => {
    const { id } = (await request<{ id: string }>("GET", "/v1/sessions/current", { token })).body;
    const [row] = await admin<{ lifetime: number; idle: number | null }>(
      `select round(extract(epoch from expires_at - created_at) / 60)::int as lifetime,
         round(extract(epoch from idle_timeout) / 60)::int as idle
       from app.session where session_id = $1`,
      [id],
    );
    return row;
  };
  const times: Record<string, readonly [number, number | null]> = {
    student: [1000, 100],
    teacher: [600, 30],
    admin: [300, 15],
    parent: [2000, null],
  };
  await settle(
    house,
    Object.fromEntries(
      Object.entries(times).flatMap(([role, [lifetime, idle]]) => [
        [`${role}SessionMinutes`, lifetime],
        [`${role}IdleMinutes`, idle],
      ]),
    ),
  );
  for (const role of ROLES) {
    const [lifetime = 0, idle = null] = times[role] ?? [];
    expect([role, await lifetimeOf((await it.member(house, role)).token)]).toEqual([
      role,
      { lifetime, idle },
    ]);
  }
  expect(await lifetimeOf((await it.member(other, "student")).token)).toEqual({
    lifetime: 43_200,
    idle: null,
  });
  // Who was signed in before stays so for as long as they were told.
  expect(await lifetimeOf(house.token)).toEqual({ lifetime: 720, idle: 60 });
});

test("a person has as many live sessions as are allowed; one more ends the oldest", async () => {
  const [house, other] = [await it.founded(), await it.founded()];
  await settle(house, { sessionsPerUser: 2 });
  const live = async (school: GivenOrganization) => {
    const user = await it.user(school);
    const tokens: string[] = [];
    for (let count = 0; count < 4; count++) tokens.push((await signIn(school, user.username)).body.token);
    return Promise.all(tokens.map(async (token) => (await request("GET", "/v1/me", { token })).status));
  };
  expect(await live(house)).toEqual([401, 401, 200, 200]);
  expect(await live(other)).toEqual([200, 200, 200, 200]);
});

test("a login is locked after as many failures as are allowed, for as long as is settled, longer each time where it is progressive", async () => {
  const house = await it.founded();
  await settle(house, { lockoutAttempts: 3, lockoutMinutes: 10, lockoutMode: "progressive" });
  const { username, id } = await it.user(house);
  const locked = async () => {
    const [row] = await admin<{ minutes: number | null }>(
      `select round(extract(epoch from locked_until - now()) / 60)::int as minutes
       from app.login_guard where organization_id = $1 and user_id = $2`,
      [house.id, id],
    );
    return row?.minutes ?? null;
  };
  for (let attempt = 0; attempt < 2; attempt++) await signIn(house, username, "wrong wrong wrong");
  expect(await locked()).toBeNull();
  await signIn(house, username, "wrong wrong wrong");
  expect(await locked()).toBe(10);
  expect((await signIn(house, username)).status).toBe(401);
  // Its time has run out: the next failures lock for longer.
  await admin("update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1", [
    id,
  ]);
  for (let attempt = 0; attempt < 3; attempt++) await signIn(house, username, "wrong wrong wrong");
  expect(await locked()).toBe(20);
});

test("who must have a second factor and has none may set one up and nothing else, from the next request on", async () => {
  const [house, other] = [await it.founded(), await it.founded()];
  const [teacher, pupil, elsewhere] = [
    await it.member(house, "teacher"),
    await it.member(house, "student"),
    await it.member(other, "teacher"),
  ];
  const lessons = async ({ token }: { token: string }) =>
    (await request("GET", "/v1/contents", { token })).status;
  expect(await lessons(teacher)).toBe(200);
  await settle(house, { teacherSecondFactorRequired: true });
  expect([await lessons(teacher), await lessons(pupil), await lessons(elsewhere)]).toEqual([403, 200, 200]);
  expect((await request("GET", "/v1/me", { token: teacher.token })).status).toBe(200);
});

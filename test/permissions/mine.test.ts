import { afterAll, expect, test } from "bun:test";
import { ROLES } from "../../src/actor.ts";
import { permissions, type Rule } from "../../src/permissions.ts";
import { cast } from "../support/cast.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request } = app;
const { admin } = app.database;
const { person, session } = cast(app);
afterAll(app.close);

const school = await it.organization();

interface Mine {
  readonly role: string;
  readonly credential: string;
  readonly scopes: readonly string[] | null;
  readonly freshUntil: string;
  readonly operations: readonly {
    readonly method: string;
    readonly path: string;
    readonly right: string;
    readonly fresh: boolean;
    readonly freshForStaff: boolean;
  }[];
}
const mine = async (token: string) => (await request<Mine>("GET", "/v1/me/permissions", { token })).body;

const rules = Object.entries(permissions).filter(
  (row): row is [keyof typeof permissions, Rule] => row[1] !== "public",
);

test.each([...ROLES])(
  "a %s is told their column of the table, and nothing that is not for them",
  async (role) => {
    const { token } = await session(await person(school.id, role));
    const told = await mine(token);
    expect(told).toMatchObject({ role, credential: "session", scopes: null });
    const column = rules
      .filter(([, { rights }]) => rights[role] !== "no")
      .map(([operation, { rights, fresh, freshForStaff }]) => [
        operation,
        rights[role],
        fresh,
        freshForStaff,
      ]);
    expect(
      told.operations.map(({ method, path, right, fresh, freshForStaff }) => [
        `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`,
        right,
        fresh,
        freshForStaff,
      ]),
    ).toEqual(column);
  },
);

test("they are told until when their last proof counts, to the second at which it does not any more", async () => {
  const actor = await person(school.id, "admin");
  const pupil = await person(school.id, "student");
  const { id, token } = await session(actor);
  const changeRole = () =>
    request("PUT", `/v1/users/${pupil.id}/role`, {
      token,
      headers: { "if-match": "*" },
      body: { role: "teacher" },
    });
  const proved = (seconds: number) =>
    admin(
      "update app.session set authenticated_at = now() - make_interval(secs => $2) where session_id = $1",
      [id, seconds],
    );
  await proved(270);
  expect(Date.parse((await mine(token)).freshUntil)).toBeGreaterThan(Date.now());
  expect((await changeRole()).status).toBe(200);
  await proved(301);
  expect(Date.parse((await mine(token)).freshUntil)).toBeLessThan(Date.now());
  expect((await changeRole()).status).toBe(403);
});

test("who must have a second factor first is told only of what leads to it", async () => {
  const strict = await it.organization();
  await admin(
    "update app.organization set settings = json_build_object('teacherSecondFactorRequired', true) where organization_id = $1",
    [strict.id],
  );
  const { token } = await session(await person(strict.id, "teacher"));
  const enrolling = rules.filter(([, rule]) => rule.enrolling && rule.rights.teacher !== "no");
  expect((await mine(token)).operations).toHaveLength(enrolling.length);
});

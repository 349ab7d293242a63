/** A machine too busy to look at passwords, and a lock that only help can lift. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { passwordsBusy } from "../../src/passwords.ts";
import { type Domain, domain } from "../support/domain.ts";
import { type GivenOrganization, type GivenUser, PASSWORD } from "../support/given.ts";

let app: Domain;
let school: GivenOrganization;
let busy = false;

beforeAll(async () => {
  app = await domain();
  const { verify } = app.deps.passwords;
  Object.assign(app.deps.passwords, {
    verify: async (...given: Parameters<typeof verify>) => {
      if (busy) throw passwordsBusy({ retryAfter: 2 });
      return verify(...given);
    },
  });
  school = await app.it.organization();
}, 60_000);

afterAll(() => app.close(), 60_000);

const signIn = ({ username }: GivenUser, password: string) =>
  app.request("POST", "/v1/sessions", { body: { organization: school.slug, login: username, password } });

test("an attempt whose password nobody looked at is given back, and locks nobody out [row 74] [row 106]", async () => {
  const pupil = await app.it.user(school);
  busy = true;
  for (let attempt = 0; attempt < 12; attempt++) expect((await signIn(pupil, PASSWORD)).status).toBe(503);
  busy = false;
  expect((await signIn(pupil, PASSWORD)).status).toBe(201);
});

test("given back attempts forgive no wrong ones: the fifth of those still locks [row 74]", async () => {
  const pupil = await app.it.user(school);
  for (let attempt = 0; attempt < 4; attempt++)
    expect((await signIn(pupil, "a wrong guess")).status).toBe(401);
  busy = true;
  expect((await signIn(pupil, PASSWORD)).status).toBe(503);
  busy = false;
  expect((await signIn(pupil, "a wrong guess")).status).toBe(401);
  expect((await signIn(pupil, PASSWORD)).status).toBe(401);
});

test("an admin opens a locked login again, of this person alone, and nobody else may", async () => {
  const pupil = await app.it.user(school);
  const other = await app.it.user(school);
  const teacher = await app.it.member(school, "teacher");
  for (let attempt = 0; attempt < 6; attempt++) {
    await signIn(pupil, "a wrong guess");
    await signIn(other, "a wrong guess");
  }
  expect((await signIn(pupil, PASSWORD)).status).toBe(401);
  const unlock = (token: string) => app.request("POST", `/v1/users/${pupil.id}/unlock`, { token });
  expect((await unlock(teacher.token)).status).toBe(403);
  expect((await signIn(pupil, PASSWORD)).status).toBe(401);
  expect((await unlock(school.token)).status).toBe(204);
  expect((await signIn(pupil, PASSWORD)).status).toBe(201);
  expect((await signIn(other, PASSWORD)).status).toBe(401);
});

test("adding a person with an Idempotency-Key adds one, and answers the same again [row 108]", async () => {
  const body = { fullName: "Only Once", username: "only-once", password: PASSWORD };
  const add = () =>
    app.request<{ id: string }>("POST", "/v1/users", {
      token: school.token,
      body,
      headers: { "idempotency-key": "add-only-once" },
    });
  const first = await add();
  const second = await add();
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.id).toBe(first.body.id);
  expect(second.headers.get("idempotency-replayed")).toBe("true");
});

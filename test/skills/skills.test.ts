/** Skills of people: which there are, and another name for one or for several. */
import { afterAll, expect, test } from "bun:test";
import { renameWords } from "../../jobs/rename-words.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

interface Skill {
  readonly name: string;
  readonly people: number;
}
interface Person {
  readonly id: string;
  readonly version: number;
  readonly profile: { readonly skills: readonly string[]; readonly bio: string | null };
}
const skills = async (token: string, query = "") =>
  (
    await request<{ items: readonly Skill[]; nextCursor: string | null }>(
      "GET",
      `/v1/skills?limit=100${query}`,
      {
        token,
      },
    )
  ).body.items;
const person = async (token: string, id: string) =>
  (await request<Person>("GET", `/v1/users/${id}`, { token })).body;

test("skills are listed with how many people have each, for staff, without the deleted and the foreign", async () => {
  const [school, other] = [await it.organization(), await it.organization()];
  await it.user(school, "student", { profile: { skills: ["Chess", "JS", "JS"] } });
  await it.user(school, "teacher", { profile: { skills: ["JS", "Ärger"] } });
  await it.user(other, "student", { profile: { skills: ["Foreign"] } });
  const gone = await it.user(school, "student", { profile: { skills: ["Gone", "JS"] } });
  await request("DELETE", `/v1/users/${gone.id}`, { token: school.token, headers: { "if-match": "*" } });
  const expected = [
    { name: "Chess", people: 1 },
    { name: "JS", people: 2 },
    { name: "Ärger", people: 1 },
  ];
  expect(await skills(school.token)).toEqual(expected);
  const [teacher, pupil] = [await it.member(school, "teacher"), await it.member(school, "student")];
  expect(await skills(teacher.token)).toEqual(expected);
  expect((await request("GET", "/v1/skills", { token: pupil.token })).status).toBe(403);
  expect((await skills(school.token, "&prefix=ar")).map(({ name }) => name)).toEqual(["Ärger"]);
  const first = await request<{ items: readonly Skill[]; nextCursor: string }>("GET", "/v1/skills?limit=2", {
    token: school.token,
  });
  const cursor = encodeURIComponent(first.body.nextCursor);
  const second = await request<{ items: readonly Skill[]; nextCursor: null }>(
    "GET",
    `/v1/skills?limit=2&cursor=${cursor}`,
    {
      token: school.token,
    },
  );
  expect([...first.body.items, ...second.body.items]).toEqual(expected);
});

test("they are merged in every profile, each person in another version, and nobody else is touched", async () => {
  const [school, other] = [await it.organization(), await it.organization()];
  const one = await it.user(school, "student", {
    profile: { skills: ["Go", "JS", "javascript"], bio: "JS" },
  });
  const two = await it.user(school, "student", { profile: { skills: ["Go"] } });
  const foreign = await it.user(other, "student", { profile: { skills: ["JS"] } });
  const gone = await it.user(school, "student", { profile: { skills: ["JS"] } });
  await request("DELETE", `/v1/users/${gone.id}`, { token: school.token, headers: { "if-match": "*" } });
  const [before, twoBefore] = [await person(school.token, one.id), await person(school.token, two.id)];

  const asked = await request<{ id: string }>("POST", "/v1/skills/rename", {
    token: school.token,
    body: { from: ["JS", "javascript"], to: "JavaScript" },
  });
  expect(asked.status).toBe(202);
  await renameWords(deps, {
    id: Bun.randomUUIDv7(),
    payload: { organizationId: school.id, renameId: asked.body.id },
    attempt: 1,
    lastAttempt: false,
    signal: new AbortController().signal,
  });
  const done = await request("GET", `/v1/skills/renames/${asked.body.id}`, { token: school.token });
  expect(done.body).toMatchObject({ state: "finished", changed: 1 });
  const after = await person(school.token, one.id);
  expect(after.profile).toEqual({ ...before.profile, skills: ["Go", "JavaScript"] });
  expect(after.version).toBeGreaterThan(before.version);
  expect(await person(school.token, two.id)).toEqual(twoBefore);
  expect((await person(other.token, foreign.id)).profile.skills).toEqual(["JS"]);
  const [kept] = await admin<{ skills: readonly string[] }>(
    "select skills from app.profile where user_id = $1",
    [gone.id],
  );
  expect(kept?.skills).toEqual(["JS"]);
  // Whoever had read the person before writes over nothing.
  const late = await request("PATCH", `/v1/users/${one.id}`, {
    token: school.token,
    headers: { "if-match": `"${before.version}"` },
    body: { profile: { skills: ["JS"] } },
  });
  expect(late.status).toBe(412);
});

test("a renaming of skills and one of tags do not wait for each other", async () => {
  const school = await it.organization();
  const body = { from: ["a"], to: "b" };
  expect((await request("POST", "/v1/skills/rename", { token: school.token, body })).status).toBe(202);
  expect((await request("POST", "/v1/tags/rename", { token: school.token, body })).status).toBe(202);
  expect((await request("POST", "/v1/skills/rename", { token: school.token, body })).status).toBe(409);
  const { token } = await it.member(school, "teacher");
  expect((await request("POST", "/v1/skills/rename", { token, body })).status).toBe(403);
});

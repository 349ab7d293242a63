/** Rounds through all organizations, however many there are and whatever becomes of one of them. */
import { afterAll, expect, test } from "bun:test";
import { eachOrganization } from "../../jobs/turns.ts";
import { databaseUnavailable } from "../../src/errors.ts";
import { turnOf } from "../../src/organizations/organizations.ts";
import { domain } from "../support/domain.ts";

const app = await domain();
const { deps } = app;
const { admin } = app.database;
afterAll(app.close);

const signal = new AbortController().signal;
const MANY = 10_000;
await admin(
  `insert into app.organization (organization_id, name, slug, type, settings)
   select app.uuidv7(), 'School', 'many-' || n, 'school', '{}' from generate_series(1, $1) n`,
  [MANY],
);
const ids = (
  await admin<{ id: string }>("select organization_id::text as id from app.organization order by 1")
).map(({ id }) => id);
const first = ids[0] ?? "";

test("ten thousand organizations have their turn, each once, in runs too short for all of them [row 99]", async () => {
  const seen: string[] = [];
  const work = async (organizationId: string) => seen.push(organizationId);
  let runs = 0;
  do {
    await eachOrganization(deps, "watch-sign-ins", signal, [work], 20);
    runs++;
    // Even a run that has no time at all gets on.
    expect(seen.length).toBeGreaterThanOrEqual(runs);
  } while ((await turnOf(deps, "watch-sign-ins")) !== null);
  expect(runs).toBeGreaterThan(1);
  expect(seen).toEqual(ids);
});

test("a job that goes through all of them at once begins with the first again", async () => {
  for (let round = 0; round < 2; round++) {
    const seen: string[] = [];
    const count = await eachOrganization(deps, "prune-sessions", signal, [async (id) => seen.push(id) && 1]);
    expect([count, seen.length, seen[0]]).toEqual([MANY, MANY, first]);
  }
});

test("one that no longer holds the job, and one without a database, go on with the next organization later", async () => {
  const stopping = new AbortController();
  const seen: string[] = [];
  const stopped = eachOrganization(deps, "seal-audit", stopping.signal, [
    async (id) => {
      if (seen.push(id) === 250) stopping.abort();
      return 0;
    },
  ]);
  await expect(stopped).rejects.toThrow();
  const away = eachOrganization(deps, "seal-audit", signal, [
    async (id) => {
      if (seen.push(id) === 500) throw databaseUnavailable();
      return 0;
    },
  ]);
  await expect(away).rejects.toMatchObject({ slug: "database_unavailable" });
  await eachOrganization(deps, "seal-audit", signal, [async (id) => seen.push(id)]);
  expect(seen).toEqual(ids);
  expect(app.lines.splice(0)).toEqual([]);
});

/** The attacks of `bun run attack` that are worth a look at every run, small and inside this process. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { watchSignIns } from "../../src/security/security.ts";
import { trySignIn } from "../sessions/support.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { visible } from "./enumeration.ts";
import { ATTACKER, CLASSROOM, from, WRONG } from "./stage.ts";
import { auc, aucBound } from "./statistics.ts";

setDefaultTimeout(60_000);
const app = await domain({ config: { trustedProxies: 1 } });
const { deps, it, request } = app;
const { admin } = app.database;
const signIn = trySignIn(app);
afterAll(app.close);

test("nobody can tell by the answer or the time who is locked, suspended or unknown [row 75] [row 105]", async () => {
  const school = await it.organization();
  await request("PATCH", "/v1/organization", {
    token: school.token,
    headers: { "if-match": "*" },
    body: { settings: { lockoutAttempts: 20 } },
  });
  const three = async () => [await it.user(school), await it.user(school), await it.user(school)];
  const [wrong, suspended, locked] = [await three(), await three(), await it.user(school)];
  await admin("update app.user set status = 'suspended' where user_id = any($1)", [
    suspended.map(({ id }) => id),
  ]);
  for (let n = 0; n < 20; n++) await signIn(school, locked, { password: WRONG });

  const SAMPLES = 32;
  const of = (people: typeof wrong, round: number) => people[round % people.length] ?? locked;
  const classes = {
    wrong: (round: number) => ({ ...of(wrong, round), password: WRONG }),
    unknown: (round: number) => ({ username: `nobody-${round}`, password: WRONG }),
    locked: () => locked,
    suspended: (round: number) => of(suspended, round),
  };
  const times = new Map<string, number[]>();
  const seen = new Set<string>();
  for (let round = 0; round < SAMPLES; round++) {
    // Each class comes first, second, third and last equally often.
    const names = Object.entries(classes).map((entry, at, all) => all[(at + round) % all.length] ?? entry);
    for (const [name, who] of names) {
      const began = performance.now();
      const answer = await signIn(school, who(round));
      times.set(name, [...(times.get(name) ?? []), performance.now() - began]);
      seen.add(visible(answer));
    }
  }
  expect(seen.size).toBe(1);
  // So few samples tell only what is plain; a lock that was answered without delay would be 1.
  const bound = aucBound(SAMPLES, 5);
  for (const [name, values] of times) {
    const area = auc(times.get("wrong") ?? [], values);
    expect(`${name} ${area <= bound ? "hidden" : area}`).toBe(`${name} hidden`);
  }
});

test("a spray from one address raises the alarm and refuses nobody in the class beside it [row 74] [row 106]", async () => {
  const school = await it.organization();
  const pupils = await Promise.all(Array.from({ length: 20 }, () => it.user(school)));
  // Never so many at once that this machine would be too busy, which refuses alike.
  const spray = async () => {
    for (let n = 0; n < 36; n += 4) {
      const four = Array.from({ length: 4 }, (_, at) => ({ username: `sprayed-${n + at}`, password: WRONG }));
      const answers = await Promise.all(four.map((one) => signIn(school, one, { headers: from(ATTACKER) })));
      expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    }
  };
  const statuses: number[] = [];
  const lesson = async () => {
    for (const [n, pupil] of pupils.entries()) {
      if (n % 10 === 0) {
        const typo = { password: `${PASSWORD}r`, headers: from(CLASSROOM) };
        expect((await signIn(school, pupil, typo)).status).toBe(401);
      }
      statuses.push((await signIn(school, pupil, { headers: from(CLASSROOM) })).status);
    }
  };
  await Promise.all([spray(), lesson()]);
  expect(statuses).toEqual(pupils.map(() => 201));
  expect(await watchSignIns(deps, school.id)).toBe(1);
  const { body } = await request<{ items: readonly Record<string, unknown>[] }>(
    "GET",
    "/v1/security/attacks?status=open",
    { token: school.token },
  );
  expect(body.items).toMatchObject([{ kind: "enumeration", network: ATTACKER, accounts: 36 }]);
});

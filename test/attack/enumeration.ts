/** Whether it can be told from outside why somebody does not get in: by the answer, or by how long it takes. */
import {
  ATTACKER,
  from,
  type Line,
  must,
  type Options,
  type Person,
  type School,
  type Stage,
  signInOf,
  WRONG,
} from "./stage.ts";
import { auc, aucBound, median } from "./statistics.ts";

/** Attempts at one login; the most that an organization may allow is twenty. */
const EACH = 18;

export const AUC_GOAL = 0.55;

export async function enumeration(stage: Stage, { quick }: Options): Promise<readonly Line[]> {
  const samples = quick ? 150 : 1000;
  const school = await stage.school({ lockoutAttempts: 20 });
  const each = Math.ceil(samples / EACH) + 1;
  const [wrong, suspended, deleted] = [
    await school.people(each),
    await school.people(each),
    await school.people(each),
  ];
  const [locked] = await school.people(1);
  if (locked === undefined) throw new Error("nobody was added");
  await suspend(school, suspended);
  for (const { id } of deleted) {
    must(
      await stage.request("DELETE", `/v1/users/${id}`, {
        token: school.token,
        headers: { "if-match": "*" },
      }),
      204,
    );
  }
  const take = (people: readonly Person[], round: number): Person => {
    const person = people[round % people.length];
    if (person === undefined) throw new Error("there is nobody left");
    return person;
  };
  // Who is suspended, deleted or locked knows the right password, which must not show either.
  const classes: Readonly<Record<string, (round: number) => Pick<Person, "username" | "password">>> = {
    wrong: (round) => ({ ...take(wrong, round), password: `${WRONG}, ${round}` }),
    unknown: (round) => ({ username: `nobody-${round}-${crypto.randomUUID()}`, password: WRONG }),
    locked: () => locked,
    suspended: (round) => take(suspended, round),
    deleted: (round) => take(deleted, round),
  };
  for (let n = 0; n < 20; n++) {
    const { method, path, ...sent } = signInOf(school, { ...locked, password: WRONG });
    must(await stage.request(method, path, sent), 401);
  }

  const times = new Map<string, number[]>(Object.keys(classes).map((name) => [name, []]));
  const seen = new Map<string, Set<string>>(Object.keys(classes).map((name) => [name, new Set()]));
  const one = async (name: string, round: number) => {
    const who = classes[name]?.(round) ?? locked;
    const { method, path, ...sent } = signInOf(school, who);
    const began = performance.now();
    const answer = await stage.request(method, path, { ...sent, headers: from(ATTACKER) });
    times.get(name)?.push(performance.now() - began);
    seen.get(name)?.add(visible(answer));
  };
  // The first ones find caches cold and warm them for the others.
  for (let round = 0; round < 40; round++) await one("unknown", -round);
  for (const values of times.values()) values.length = 0;
  for (let round = 0; round < samples; round++) {
    const names = Object.keys(classes);
    // In another order each time: whatever follows a hash may be quicker.
    for (let at = names.length - 1; at > 0; at--) {
      const other = Math.floor(Math.random() * (at + 1));
      [names[at], names[other]] = [names[other] ?? "", names[at] ?? ""];
    }
    for (const name of names) await one(name, round);
  }

  const all = new Set([...seen.values()].flatMap((texts) => [...texts]));
  const base = times.get("wrong") ?? [];
  const areas = [...times]
    .filter(([name]) => name !== "wrong")
    .map(([name, values]) => ({ name, area: auc(base, values), middle: median(values) }));
  const bound = quick ? aucBound(samples, 5) : AUC_GOAL;
  const worst = Math.max(...areas.map(({ area }) => area));
  return [
    {
      line: "unknown, wrong, locked, suspended, deleted: what is answered",
      goal: "one status, the same headers and bytes",
      figure: `${all.size} kind${all.size === 1 ? "" : "s"} of answer among ${samples * times.size}`,
      ok: all.size === 1,
    },
    {
      line: `how long it takes, ${samples} samples of each, each against wrong`,
      goal: `AUC ≤ ${bound.toFixed(2)}`,
      figure: `${areas.map(({ name, area, middle }) => `${name} ${area.toFixed(3)} (${middle.toFixed(1)} ms)`).join(", ")}; wrong ${median(base).toFixed(1)} ms`,
      ok: worst <= bound,
    },
  ];
}

/** All that can be seen of an answer but what names the request, the time and the count of requests. */
export const visible = ({ status, headers, body }: { status: number; headers: Headers; body: unknown }) =>
  JSON.stringify({
    status,
    headers: [...headers].filter(([name]) => !/^(x-request-id|date|ratelimit-)/.test(name)).sort(),
    body: typeof body === "object" && body !== null ? { ...body, instance: null } : body,
  });

async function suspend(school: School, people: readonly Person[]): Promise<void> {
  for (const { id } of people) {
    must(
      await school.request("PATCH", `/v1/users/${id}`, {
        token: school.token,
        headers: { "if-match": "*" },
        body: { status: "suspended" },
      }),
      200,
    );
  }
}

/** One password at thousands of logins from one address, beside a class that signs in behind another. */
import { openGate } from "../../src/gate.ts";
import { until } from "../support/http.ts";
import { flood } from "./flood.ts";
import {
  ATTACKER,
  CLASSROOM,
  type Line,
  must,
  type Options,
  type Person,
  type School,
  type Stage,
  signInOf,
  WRONG,
} from "./stage.ts";
import { tally } from "./statistics.ts";

interface Attack {
  readonly kind: string;
  readonly network: string | null;
  readonly accounts: number;
  readonly attempts: number;
  readonly endedAt: string | null;
}

const PROBES = 12;
/** Connections of the attacker: about as many as a line holds on a quiet machine. */
const SPRAYERS = 50;
/** When even an attacker gives up. */
const SPRAY_MS = 15 * 60_000;
/** Every one of how many mistypes, and then types again. */
const TYPO = 20;

/**
 * Over how many seconds so many people arrive: as many as make use of a quarter of what this machine can hash, whatever
 * else it is busy with, and at least for as long as it takes to hang up a coat. The spray is given all the rest.
 */
async function arrivalOf(stage: Stage, quiet: School, arriving: number): Promise<number> {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: PROBES }, (_, n) => {
      const nobody = { username: `nobody-${n}-${began}`, password: WRONG };
      const { method, path, ...sent } = signInOf(quiet, nobody, {}, `192.0.2.${n}`);
      return stage.request(method, path, sent);
    }),
  );
  const each = (performance.now() - began) / 1000 / PROBES;
  return Math.max(10, arriving * each * 4);
}

/**
 * Sprays until every login was really tried, while the class arrives. `alarms` tells how many mails of the alarm went to
 * the admins.
 */
export async function spraying(
  stage: Stage,
  { quick }: Options,
  alarms: (school: School) => Promise<number>,
): Promise<readonly Line[]> {
  const [sprayed, pupils] = quick ? [400, 60] : [5000, 300];
  const [school, quiet] = [await stage.school(), await stage.school()];
  // The first admin has no address to write to.
  await school.people(1, { role: "admin" });
  const victims = await school.people(sprayed, {});
  const pupilsOf = async (where: School) => where.people(pupils);
  const beside = Math.round(pupils / 3);
  const [classes, control] = [await pupilsOf(school), await pupilsOf(quiet)];

  const seconds = await arrivalOf(stage, quiet, pupils + beside);
  let over = false;
  const spray = (async () => {
    let [left, refused] = [victims, 0];
    const until = performance.now() + SPRAY_MS;
    while (left.length > 0 && performance.now() < until) {
      const requests = left.map((victim) => signInOf(school, { ...victim, password: WRONG }));
      const answers = await flood({ url: stage.server.url, requests, concurrency: SPRAYERS });
      refused += answers.filter(({ status }) => status !== 401).length;
      left = left.filter((_, index) => answers[index]?.status !== 401);
    }
    over = true;
    return { left: left.length, refused };
  })();
  const keyboards = openGate({ perKey: 2, line: pupils });
  const honest: (string | number)[] = [];
  const typos: (string | number)[] = [];
  const arrive = async (where: School, pupil: Person, number: number) => {
    await Bun.sleep(((number + Math.random()) / pupils) * seconds * 1000);
    const attempt = async (password: string) => {
      const { method, path, ...sent } = signInOf(where, { ...pupil, password }, {}, CLASSROOM);
      const { status, body } = await stage.request<{ type?: string }>(method, path, sent);
      return status < 400 || status === 401 ? status : `${status} ${body.type?.split(":").at(-1)}`;
    };
    // A class has so many hands at so many keyboards; the next ones wait for theirs.
    await keyboards.run(where.slug, async () => {
      if (number % TYPO === 0) typos.push(await attempt(`${pupil.password}r`));
      honest.push(await attempt(pupil.password));
    });
  };
  await Promise.all([
    ...classes.map((pupil, number) => arrive(school, pupil, number)),
    ...control.slice(0, beside).map((pupil, number) => arrive(quiet, pupil, number)),
  ]);
  const during = !over;
  const { left, refused } = await spray;

  const attacksOf = async ({ token }: School) =>
    must(
      await stage.request<{ items: readonly Attack[] }>("GET", "/v1/security/attacks?status=open", { token }),
      200,
    ).items;
  const attacks = await until(
    "the alarm",
    () => attacksOf(school),
    (items) => items.some(({ accounts }) => accounts >= sprayed * 0.9),
    150_000,
  ).catch(() => attacksOf(school));
  const alarm = attacks.find(({ network }) => network === ATTACKER);
  const mails = await alarms(school);
  const calm = await attacksOf(quiet);
  return [
    {
      line: `${pupils} pupils behind one address, one in ${TYPO} mistypes, beside a spray`,
      goal: "0 honest refusals",
      figure: `${tally(honest)}; mistyped ${tally(typos)}${during ? "" : "; the spray ended before them"}`,
      ok: honest.every((status) => status === 201) && typos.every((status) => status === 401),
    },
    {
      line: `${sprayed} logins tried from one address`,
      goal: "alarm, one notice to the admin, the class is none",
      figure: `${sprayed - left} tried (${refused} sent away busy), ${attacks.map(({ kind, network, accounts }) => `${kind} from ${network} at ${accounts}`).join(", ") || "no alarm"}, ${mails} mail`,
      ok:
        left === 0 &&
        attacks.length === 1 &&
        alarm?.kind === "spray" &&
        alarm.accounts >= sprayed * 0.9 &&
        mails === 1,
    },
    {
      line: "a school where only pupils mistype",
      goal: "no alarm",
      figure: `${calm.length} alarms`,
      ok: calm.length === 0,
    },
  ];
}

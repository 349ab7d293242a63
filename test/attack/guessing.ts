/** Many guesses at one secret, at each door that has one. */
import { hotp, stepAt } from "../../src/totp.ts";
import { flood } from "./flood.ts";
import {
  ATTACKER,
  CLASSROOM,
  counted,
  from,
  type Line,
  member,
  must,
  type Options,
  type School,
  type Stage,
  signIn,
  signInOf,
  WRONG,
} from "./stage.ts";
import { percentile, tally } from "./statistics.ts";

/** What the guard lets through before it locks. */
const ALLOWED = 5;

/** Ten thousand wrong passwords at once, and what becomes of everybody else and of the person's own device. */
export async function storm(stage: Stage, { quick }: Options): Promise<readonly Line[]> {
  const guesses = quick ? 2000 : 10_000;
  const school = await stage.school();
  const [pupil, other] = [await member(school), await member(school)];
  const requests = Array.from({ length: guesses }, (_, n) =>
    signInOf(school, { ...pupil.person, password: `${WRONG}, ${n}` }),
  );
  let over = false;
  const flooding = flood({ url: stage.server.url, requests }).finally(() => {
    over = true;
  });
  const latencies: number[] = [];
  const known: number[] = [];
  const live: number[] = [];
  const neighbour = async () => {
    while (!over) {
      const began = performance.now();
      const sent = { token: other.token, headers: from(CLASSROOM) };
      const answer = await stage.request("GET", "/v1/me", sent);
      latencies.push(performance.now() - began);
      live.push(answer.status);
      await Bun.sleep(5);
    }
  };
  const owner = async () => {
    while (!over) {
      const { method, path, ...sent } = signInOf(
        school,
        pupil.person,
        { deviceToken: pupil.deviceToken },
        CLASSROOM,
      );
      known.push((await stage.request(method, path, sent)).status);
      live.push((await stage.request("GET", "/v1/me", { token: pupil.token })).status);
      await Bun.sleep(200);
    }
  };
  await Promise.all([neighbour(), neighbour(), owner()]);
  const statuses = (await flooding).map(({ status }) => status);
  const verified = await counted(school, pupil.person);
  const stranger = signInOf(school, pupil.person);
  const strangers = (await stage.request(stranger.method, stranger.path, stranger)).status;
  const p99 = percentile(latencies, 0.99);
  return [
    {
      line: `${guesses} wrong passwords at once on one account`,
      goal: `≤ ${ALLOWED} verified, none let in`,
      figure: `${verified} verified, ${tally(statuses)}`,
      ok: verified <= ALLOWED && statuses.every((status) => status === 401 || status === 429),
    },
    {
      line: "others meanwhile",
      goal: "p99 ≤ 250 ms",
      figure: `p99 ${p99.toFixed(0)} ms of ${latencies.length} requests`,
      ok: p99 <= 250,
    },
    {
      line: "the person meanwhile, on a device of theirs",
      goal: "always signs in, stays signed in; strangers cannot",
      figure: `${tally(known)}; live sessions ${tally(live)}; a stranger ${strangers}`,
      ok:
        known.length > 0 &&
        known.every((status) => status === 201) &&
        live.every((status) => status === 200) &&
        strangers === 401,
    },
  ];
}

/**
 * Five hundred guesses in the moment in which a lock ends: they are sent from two seconds before it to one second after,
 * and more than one must not be looked at.
 */
export async function border(stage: Stage): Promise<{ readonly line: () => Promise<Line> }> {
  const school = await stage.school({ lockoutMinutes: 1 });
  const pupil = await member(school);
  const guess = (n: number) => signInOf(school, { ...pupil.person, password: `${WRONG}, ${n}` });
  for (let n = 0; n < ALLOWED; n++) {
    const { method, path, ...sent } = guess(n);
    must(await stage.request(method, path, sent), 401);
  }
  const path = `/v1/users/${pupil.person.id}/sign-in`;
  const { lockedUntil } = must(
    await stage.request<{ lockedUntil: string | null }>("GET", path, { token: school.token }),
    200,
  );
  if (lockedUntil === null) throw new Error("the login was not locked");
  return {
    line: async () => {
      await Bun.sleep(Math.max(0, Date.parse(lockedUntil) - Date.now() - 2000));
      const statuses: number[] = [];
      for (let wave = 0; wave < 10; wave++) {
        const requests = Array.from({ length: 50 }, (_, n) => guess(wave * 50 + n));
        const sent = requests.map(({ method, path, ...rest }) => stage.request(method, path, rest));
        statuses.push(...(await Promise.all(sent)).map(({ status }) => status));
        await Bun.sleep(200);
      }
      const more = (await counted(school, pupil.person)) - ALLOWED;
      const locked = must(
        await stage.request<{ locked: boolean }>("GET", path, { token: school.token }),
        200,
      ).locked;
      return {
        line: "500 guesses in the moment in which a lock ends",
        goal: "exactly 1 more verified, locked again",
        figure: `${more} verified, ${tally(statuses)}, ${locked ? "" : "not "}locked again`,
        ok: more === 1 && locked && statuses.every((status) => status === 401 || status === 429),
      };
    },
  };
}

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** The bytes of a secret as an authenticator app is given it. */
export function secretOf(text: string): Uint8Array {
  const bits = [...text].map((letter) => BASE32.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

export interface Enrolled {
  readonly secret: Uint8Array;
  readonly recoveryCodes: readonly string[];
}

/** Sets up a second factor for somebody who has just signed in. */
export async function enrol(school: School, token: string): Promise<Enrolled> {
  const { secret } = must(
    await school.request<{ secret: string }>("POST", "/v1/me/second-factor", { token }),
    201,
  );
  const bytes = secretOf(secret);
  // The step before: the one now is for signing in.
  const code = hotp(bytes, stepAt(Date.now()) - 1);
  const { recoveryCodes } = must(
    await school.request<{ recoveryCodes: readonly string[] }>("POST", "/v1/me/second-factor/confirmation", {
      token,
      body: { code },
    }),
    200,
  );
  return { secret: bytes, recoveryCodes };
}

/** The same storm at the doors behind the first. */
export async function otherDoors(stage: Stage, { quick }: Options): Promise<readonly Line[]> {
  const guesses = quick ? 300 : 2000;
  const school = await stage.school();
  const lines: Line[] = [];
  const send = async (
    door: string,
    person: Parameters<typeof counted>[1],
    guess: (n: number) => { path: string; token?: string; body: unknown },
    right: { path: string; token?: string; body: unknown },
    refused: number,
  ) => {
    const before = await counted(school, person);
    const requests = Array.from({ length: guesses }, (_, n) => ({
      method: "POST",
      headers: from(ATTACKER),
      ...guess(n),
    }));
    const statuses = (await flood({ url: stage.server.url, requests })).map(({ status }) => status);
    const verified = (await counted(school, person)) - before;
    const { path, ...sent } = right;
    const late = (await stage.request("POST", path, { headers: from(ATTACKER), ...sent })).status;
    lines.push({
      line: `${guesses} guesses at ${door}`,
      goal: `≤ ${ALLOWED} verified, none let in, the right one no more`,
      figure: `${verified} verified, ${tally(statuses)}, then the right one ${late}`,
      ok:
        verified <= ALLOWED &&
        verified > 0 &&
        // Busy is said where so many wait that the machine takes no more.
        statuses.every((status) => [refused, 429, 503].includes(status)) &&
        statuses.includes(refused) &&
        late === refused,
    });
  };

  const challenged = async () => {
    const { person, token } = await member(school);
    const enrolled = await enrol(school, token);
    const { method, path, ...sent } = signInOf(school, person);
    const { challenge } = must(await stage.request<{ challenge: string }>(method, path, sent), 202);
    return { person, challenge, ...enrolled };
  };
  const path = "/v1/sessions/second-factor";
  const first = await challenged();
  const wrongCode = (n: number) => String(n).padStart(6, "0");
  const now = stepAt(Date.now());
  const near = [-2, -1, 0, 1, 2, 3].map((step) => hotp(first.secret, now + step));
  await send(
    "a second factor",
    first.person,
    (n) => {
      const code = wrongCode(n);
      return { path, body: { challenge: first.challenge, code: near.includes(code) ? "999999" : code } };
    },
    { path, body: { challenge: first.challenge, code: hotp(first.secret, stepAt(Date.now())) } },
    401,
  );
  const second = await challenged();
  await send(
    "a recovery code",
    second.person,
    (n) => ({
      path,
      body: { challenge: second.challenge, recoveryCode: `AAAA-BBBB-CCCC-${String(n).padStart(4, "2")}` },
    }),
    { path, body: { challenge: second.challenge, recoveryCode: second.recoveryCodes[0] } },
    401,
  );
  const third = await member(school);
  const reauthentication = "/v1/sessions/current/reauthentication";
  await send(
    "the password again, with a stolen session",
    third.person,
    (n) => ({ path: reauthentication, token: third.token, body: { password: `${WRONG}, ${n}` } }),
    { path: reauthentication, token: third.token, body: { password: third.person.password } },
    403,
  );
  // The person is not shut out by that.
  const back = (await signIn(school, third.person)).token;
  lines.push({
    line: "the person whose session was stolen",
    goal: "signs in all the same",
    figure: (await stage.request("GET", "/v1/me", { token: back })).status === 200 ? "does" : "does not",
    ok: back !== "",
  });
  return lines;
}

/** Guesses at tokens that come by mail, and one of them used by many at once. */
export async function resets(
  stage: Stage,
  { quick }: Options,
  linkOf: (school: School, template: string) => Promise<string>,
): Promise<readonly Line[]> {
  const guesses = quick ? 300 : 2000;
  const school = await stage.school();
  const pupil = await member(school);
  const path = "/v1/password-resets/consume";
  must(
    await stage.request("POST", "/v1/password-resets", {
      headers: from(CLASSROOM),
      body: { organization: school.slug, login: pupil.person.username },
    }),
    202,
  );
  const token = await linkOf(school, "reset_password");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const guess = (n: number) => {
    // The right organization, so that the guess gets as far as it can.
    const tail = Array.from(
      { length: 40 },
      (_, at) => letters[(n * 31 + at * 17 + at * n) % letters.length],
    ).join("");
    return `${token.slice(0, -40)}${tail}`;
  };
  const newPassword = "eleven grey geese over the marsh";
  const requests = Array.from({ length: guesses }, (_, n) => ({
    method: "POST",
    path,
    headers: from(ATTACKER),
    body: { token: guess(n), newPassword },
  }));
  const guessed = (await flood({ url: stage.server.url, requests })).map(({ status }) => status);
  const once = await flood({
    url: stage.server.url,
    requests: Array.from({ length: 200 }, () => ({
      method: "POST",
      path,
      headers: from(CLASSROOM),
      body: { token, newPassword },
    })),
  });
  const used = once.map(({ status }) => status);
  const old = await stage.request("GET", "/v1/me", { token: pupil.token });
  return [
    {
      line: `${guesses} guesses at the token of a password reset`,
      goal: "none taken",
      figure: tally(guessed),
      ok: guessed.every((status) => [403, 429, 503].includes(status)) && guessed.includes(403),
    },
    {
      line: "200 uses at once of one that is good, elsewhere meanwhile guessed at",
      goal: "exactly 1 taken, sessions ended",
      figure: `${tally(used)}, an old session ${old.status}`,
      ok: used.filter((status) => status === 204).length === 1 && old.status === 401,
    },
  ];
}

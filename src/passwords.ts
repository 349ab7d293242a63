/**
 * Passwords: what is accepted as one, and how it is hashed (Argon2id over a peppered password, OWASP Password Storage
 * Cheat Sheet; rules by NIST SP 800-63B-4 §3.1.1.2). Hashing is the one work a stranger can make us do that costs
 * tens of milliseconds of a core, so it runs at most once per core and its queue is short.
 */
import { availableParallelism } from "node:os";
import { dictionary } from "@zxcvbn-ts/language-common";
import { refusal } from "./errors.ts";
import type { Keys } from "./keys.ts";

export const PASSWORD_MINIMUM = 15;
/** What an organization may lower it to for pupils, and where a second factor is required. */
export const PASSWORD_MINIMUM_LOWERED = 8;
export const PASSWORD_MAXIMUM = 128;

export const passwordRefused = refusal("invalid", "password_refused", "This password cannot be used");
export const passwordsBusy = refusal(
  "unavailable",
  "passwords_busy",
  "Too many people are signing in at this moment",
);

// m=19456 KiB, t=2, p=1: OWASP's first recommendation; 27 ms on the machine it was measured on.
const ARGON2 = { algorithm: "argon2id", memoryCost: 19456, timeCost: 2 } as const;
const CURRENT = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/;
/** Longest wait for a turn, in milliseconds. */
const MAX_WAIT_MS = 2000;
/** Durations of refusals that are kept. */
const REFUSALS_KEPT = 64;
const REFUSAL_STEP_MS = 50;
/** At random: drowns what timers, caches and the collector of garbage still tell. */
const REFUSAL_SPREAD_MS = 10;
const REFUSAL_LAST_STEP_MS = 5;

export interface Passwords {
  /** Refuses with `passwords_busy`. */
  hash(password: string): Promise<{ readonly hash: string; readonly pepperKeyId: string }>;
  /**
   * Whether the password is the one of the hash. Without a hash it works as long and says no. `outdated`: hash it
   * again, the parameters or the secret have changed. `preferred`: in the shorter line, for those a stranger cannot be.
   * Others wait in a line of their `network`, and the lines take turns: who sends a thousand guesses waits behind their
   * own, and nobody else does. Refuses with `passwords_busy`.
   */
  verify(
    password: string,
    hash: string | null,
    pepperKeyId: string | null,
    preferred?: boolean,
    network?: string,
  ): Promise<{ readonly matches: boolean; readonly outdated: boolean }>;
  /**
   * Refuses with `passwords_busy` where the line of a network is full: before anything is read or written for somebody
   * who would be sent away.
   */
  requireRoom(network: string): void;
  /**
   * Waits before a refusal, of which `elapsed` milliseconds have gone by, so that its reason is not told by its speed.
   * Where no password was `looked` at it takes as long as lately where one was; and all of them end on a whole multiple
   * of fifty milliseconds, so that a row more or less in the database does not show, and up to ten later at random.
   */
  settle(elapsed: number, looked: boolean): Promise<void>;
}

/** Opens the hashing queue of this process. `concurrency`: hashes at once, one per core by default. */
export function openPasswords(keys: Keys, concurrency = availableParallelism()): Passwords {
  let running = 0;
  /** By network. The first of the first line is next, and then that line goes to the end. */
  const lines = new Map<string, (() => void)[]>();
  /** Comes first, and is as long whoever else waits: a storm of strangers must not keep out who is known. */
  const preferredLine: (() => void)[] = [];
  // What the last refusals took for which a password was looked at; the oldest is overwritten.
  const recent: number[] = [];
  let next = 0;
  let average = 30;

  const following = (): (() => void) | undefined => {
    const preferred = preferredLine.shift();
    if (preferred !== undefined) return preferred;
    for (const [network, line] of lines) {
      lines.delete(network);
      const first = line.shift();
      if (line.length > 0) lines.set(network, line);
      return first;
    }
    return undefined;
  };
  /** Turns until the last of a line of this length has had theirs. */
  const turnsOf = (length: number): number => {
    let turns = length;
    for (const line of lines.values()) turns += Math.min(line.length, length);
    return turns;
  };

  const requireTurns = (turns: number): void => {
    if (running >= concurrency && (turns * average) / concurrency > MAX_WAIT_MS) {
      throw passwordsBusy({ retryAfter: 2 });
    }
  };
  /** Turns until somebody who comes now has had theirs. */
  const turnsIn = (network: string): number => {
    const waiting = lines.get(network)?.length ?? 0;
    return turnsOf(waiting + 1) - waiting;
  };

  const turn = async <T>(work: () => Promise<T>, preferred = false, network = ""): Promise<T> => {
    if (running >= concurrency) {
      const line = preferred ? preferredLine : (lines.get(network) ?? []);
      requireTurns(preferred ? line.length + 1 : turnsIn(network));
      await new Promise<void>((resolve) => {
        line.push(resolve);
        if (!preferred) lines.set(network, line);
      });
    } else {
      running += 1;
    }
    const began = performance.now();
    try {
      return await work();
    } finally {
      const ended = performance.now();
      average += (ended - began - average) / 8;
      // The turn is handed on: `running` stays.
      const successor = following();
      if (successor === undefined) running -= 1;
      else successor();
    }
  };

  const peppered = (mac: Uint8Array): string => Buffer.from(mac).toString("base64");
  const prepare = (password: string): string => password.normalize("NFKC");
  let dummy: Promise<string> | null = null;

  return {
    hash: async (password) => ({
      hash: await turn(() => Bun.password.hash(peppered(keys.mac("pepper", prepare(password))), ARGON2)),
      pepperKeyId: keys.id,
    }),
    verify: async (password, hash, pepperKeyId, preferred = false, network = "") => {
      dummy ??= Bun.password.hash("nobody has this password", ARGON2);
      const known = await dummy;
      const mac = pepperKeyId === null ? null : keys.macBy(pepperKeyId, "pepper", prepare(password));
      // A hash whose secret is gone can match nothing, but must take as long as any other.
      const usable = hash !== null && mac !== null;
      const matches = await turn(
        () =>
          Bun.password.verify(peppered(mac ?? keys.mac("pepper", prepare(password))), usable ? hash : known),
        preferred,
        network,
      );
      return {
        matches: usable && matches,
        outdated: usable && (pepperKeyId !== keys.id || !CURRENT.test(hash)),
      };
    },
    requireRoom: (network) => requireTurns(turnsIn(network)),
    settle: async (elapsed, looked) => {
      if (looked) {
        if (recent.length < REFUSALS_KEPT) recent.push(elapsed);
        else recent[next++ % REFUSALS_KEPT] = elapsed;
      }
      const lately = recent[Math.floor(Math.random() * recent.length)] ?? average;
      const whole = Math.max(elapsed, looked ? 0 : lately);
      const began = performance.now() - elapsed;
      const steps = Math.ceil((whole + REFUSAL_LAST_STEP_MS) / REFUSAL_STEP_MS);
      const end = began + steps * REFUSAL_STEP_MS + Math.random() * REFUSAL_SPREAD_MS;
      // In two steps, since a timer is later the longer it runs (0.03 ms more after 48 ms than after 10, measured) and so
      // tells how long the work took. The last step is as long for all.
      await sleep(end - REFUSAL_LAST_STEP_MS - performance.now());
      await sleep(end - performance.now());
    },
  };
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));

let common: ReadonlySet<string> | null = null;

/**
 * Checks a new password. `minimum` in code points after NFKC; `names` are those of the person and the organization.
 * Refuses with `password_refused`, pointing at `pointer`. There are no rules of composition: they make passwords
 * worse (NIST SP 800-63B-4 §3.1.1.2).
 */
export function checkPassword(
  password: string,
  { minimum, names, pointer }: { minimum: number; names: readonly (string | null)[]; pointer: string },
): void {
  const refuse = (detail: string) => passwordRefused({ detail, errors: [{ pointer, detail }] });
  const normal = password.normalize("NFKC");
  const length = [...normal].length;
  if (length < minimum) throw refuse(`It must have at least ${minimum} characters.`);
  if (length > PASSWORD_MAXIMUM) throw refuse(`It must have at most ${PASSWORD_MAXIMUM} characters.`);
  common ??= new Set(dictionary["passwords-common"] as readonly string[]);
  const lower = normal.toLowerCase();
  if (common.has(lower)) throw refuse("It is among the passwords that attackers try first.");
  if (new Set(lower).size < 4) throw refuse("It repeats too few different characters.");
  let rest = lower;
  // Longest first: what is part of another name must not leave the rest of that one standing.
  const parts = names.flatMap((name) => name?.toLowerCase().split(/[\s@.]+/) ?? []);
  for (const part of parts.sort((a, b) => b.length - a.length)) {
    if (part.length >= 3) rest = rest.replaceAll(part, "");
  }
  if (rest !== lower && [...rest].length < 6) throw refuse("It is made of names that anybody knows.");
}

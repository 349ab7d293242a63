/**
 * How much one user, one address and one organization may ask of this node: a token bucket for the rate, a count for
 * what is under way. Kept in the process: a shared store would be asked on every request and would fail with it.
 */
import type { Config } from "../config.ts";
import type { Rate } from "../errors.ts";
import { networkOf } from "../network.ts";
import type { Lease } from "./exchange.ts";
import { tooManyAtOnce, tooManyRequests } from "./problem.ts";

interface Bucket {
  tokens: number;
  /** When `tokens` was right, in milliseconds of the monotonic clock. */
  at: number;
  active: number;
}

/** What one kind of caller may do. */
interface Rule {
  readonly perMinute: number;
  readonly concurrency: number;
}

/** Callers remembered at most: two generations of this many. A forgotten bucket had time to fill up again. */
export const GENERATION = 50_000;

interface Buckets {
  /** `perMinute`: other than the rule's. */
  get(key: string, now: number, perMinute?: number): Bucket;
  readonly size: () => number;
}

function openBuckets(rule: Pick<Rule, "perMinute">, generation: number): Buckets {
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  return {
    size: () => young.size + old.size,
    get: (key, now, perMinute = rule.perMinute) => {
      let bucket = young.get(key);
      if (bucket === undefined) {
        bucket = old.get(key) ?? { tokens: perMinute, at: now, active: 0 };
        if (young.size >= generation) {
          const gone = old;
          old = young;
          young = new Map();
          // Who still has a request under way is counted on, whatever else is forgotten.
          for (const [other, kept] of gone) if (kept.active > 0) young.set(other, kept);
        }
        young.set(key, bucket);
      }
      const elapsed = now - bucket.at;
      if (elapsed > 0) {
        bucket.tokens = Math.min(perMinute, bucket.tokens + (elapsed * perMinute) / 60_000);
        bucket.at = now;
      }
      return bucket;
    },
  };
}

/** What it takes of an actor: whose organization, and its quota of this moment. */
interface Organization {
  readonly organizationId: string;
  readonly requestsPerMinute: number | null;
}

export interface Limits {
  /** A signed-in request. Refuses with `too_many_requests` or `too_many_at_once`. */
  user(organization: Organization, userId: string, now: number): Lease;
  /**
   * A request with an API key. A program that runs wild takes nothing from the people of its organization, except of a
   * quota: that is of all together.
   */
  apiKey(organization: Organization, apiKeyId: string, now: number): Lease;
  /** A request nobody has signed in for. */
  address(address: string, now: number): Lease;
  /** How many callers are remembered. */
  size(): number;
}

type Limited = Pick<
  Config,
  | "userRequestsPerMinute"
  | "userConcurrency"
  | "apiKeyRequestsPerMinute"
  | "organizationRequestsPerMinute"
  | "organizationConcurrency"
>;

export function openLimits(config: Limited, generation = GENERATION): Limits {
  const userRule: Rule = { perMinute: config.userRequestsPerMinute, concurrency: config.userConcurrency };
  const apiKeyRule: Rule = { perMinute: config.apiKeyRequestsPerMinute, concurrency: config.userConcurrency };
  const organizationRule: Rule = {
    perMinute: config.organizationRequestsPerMinute,
    concurrency: config.organizationConcurrency,
  };
  const users = openBuckets(userRule, generation);
  const addresses = openBuckets(userRule, generation);
  const apiKeys = openBuckets(apiKeyRule, generation);
  const organizations = openBuckets(organizationRule, generation);
  // Of their programs alone.
  const organizationsOfKeys = openBuckets(organizationRule, generation);
  // Of people and programs, where the operator has set one.
  const quotas = openBuckets(organizationRule, generation);
  const member =
    (callers: Buckets, rule: Rule, together: Buckets) =>
    ({ organizationId, requestsPerMinute }: Organization, callerId: string, now: number): Lease => {
      const own: Charge = [callers.get(callerId, now), rule];
      const all: Charge = [together.get(organizationId, now), organizationRule];
      if (requestsPerMinute === null) return takeAll([own, all], all);
      const rest = { perMinute: requestsPerMinute, concurrency: Number.POSITIVE_INFINITY };
      const quota: Charge = [quotas.get(organizationId, now, requestsPerMinute), rest];
      return takeAll([own, all, quota], quota);
    };
  return {
    user: member(users, userRule, organizations),
    apiKey: member(apiKeys, apiKeyRule, organizationsOfKeys),
    address: (address, now) => {
      return takeAll([[addresses.get(networkOf(address), now), userRule]], null);
    },
    size: () =>
      [users, apiKeys, addresses, organizations, organizationsOfKeys, quotas].reduce(
        (sum, { size }) => sum + size(),
        0,
      ),
  };
}

type Charge = readonly [bucket: Bucket, rule: Rule];

/** The tightest of them, as it is told. */
function rateOf(charges: readonly Charge[]): Rate {
  const [bucket, { perMinute }] = charges.reduce((tightest, each) =>
    each[0].tokens < tightest[0].tokens ? each : tightest,
  );
  return {
    limit: perMinute,
    remaining: Math.max(0, Math.floor(bucket.tokens)),
    reset: Math.ceil(((perMinute - bucket.tokens) * 60) / perMinute),
  };
}

/**
 * Charges all of them, or refuses and charges none. What is left of the tightest is told. Who is refused is told when
 * the slowest will have one again: coming back sooner would be for nothing
 * (draft-ietf-httpapi-ratelimit-headers-06 §5: no sooner than RateLimit-Reset).
 */
function takeAll(charges: readonly Charge[], organization: Charge | null): Lease {
  let wait = 0;
  let slowest = charges[0];
  for (const charge of charges) {
    const [{ tokens }, { perMinute }] = charge;
    const seconds = ((1 - tokens) * 60) / perMinute;
    if (seconds <= wait) continue;
    wait = seconds;
    slowest = charge;
  }
  if (wait > 0 && slowest !== undefined) {
    const rate = { limit: slowest[1].perMinute, remaining: 0, reset: Math.ceil(wait) };
    throw tooManyRequests({ retryAfter: wait, rate });
  }
  if (charges.some(([{ active }, { concurrency }]) => active >= concurrency)) {
    throw tooManyAtOnce({ retryAfter: 1, rate: rateOf(charges) });
  }
  for (const [bucket] of charges) {
    bucket.tokens -= 1;
    bucket.active += 1;
  }
  let held = true;
  return {
    ...rateOf(charges),
    organizationUsed:
      organization === null ? null : Math.ceil(organization[1].perMinute - organization[0].tokens),
    release: () => {
      if (!held) return;
      held = false;
      for (const [each] of charges) each.active -= 1;
    },
  };
}

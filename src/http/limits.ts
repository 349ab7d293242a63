/**
 * How much one user, one address and one organization may ask of this node: a token bucket for the rate, a count for
 * what is under way. Kept in the process: a shared store would be asked on every request and would fail with it.
 */
import type { Config } from "../config.ts";
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
      const charges: [Bucket, Rule][] = [
        [callers.get(callerId, now), rule],
        [together.get(organizationId, now), organizationRule],
      ];
      if (requestsPerMinute !== null) {
        const quota = { perMinute: requestsPerMinute, concurrency: Number.POSITIVE_INFINITY };
        charges.push([quotas.get(organizationId, now, requestsPerMinute), quota]);
      }
      return takeAll(charges);
    };
  return {
    user: member(users, userRule, organizations),
    apiKey: member(apiKeys, apiKeyRule, organizationsOfKeys),
    address: (address, now) => {
      return takeAll([[addresses.get(networkOf(address), now), userRule]]);
    },
    size: () =>
      [users, apiKeys, addresses, organizations, organizationsOfKeys, quotas].reduce(
        (sum, { size }) => sum + size(),
        0,
      ),
  };
}

function check(bucket: Bucket, rule: Rule): void {
  if (bucket.tokens < 1) {
    throw tooManyRequests({ retryAfter: ((1 - bucket.tokens) * 60) / rule.perMinute });
  }
  if (bucket.active >= rule.concurrency) throw tooManyAtOnce({ retryAfter: 1 });
}

/** Charges all of them, or refuses and charges none. What is left of the tightest is told. */
function takeAll(charges: readonly (readonly [Bucket, Rule])[]): Lease {
  for (const [bucket, rule] of charges) check(bucket, rule);
  for (const [bucket] of charges) {
    bucket.tokens -= 1;
    bucket.active += 1;
  }
  const [bucket, { perMinute }] = charges.reduce((tightest, each) =>
    each[0].tokens < tightest[0].tokens ? each : tightest,
  );
  let held = true;
  return {
    limit: perMinute,
    remaining: Math.floor(bucket.tokens),
    reset: Math.ceil(((perMinute - bucket.tokens) * 60) / perMinute),
    release: () => {
      if (!held) return;
      held = false;
      for (const [each] of charges) each.active -= 1;
    },
  };
}

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
  get(key: string, now: number): Bucket;
  readonly size: () => number;
}

function openBuckets({ perMinute }: Rule, generation: number): Buckets {
  let young = new Map<string, Bucket>();
  let old = new Map<string, Bucket>();
  return {
    size: () => young.size + old.size,
    get: (key, now) => {
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

export interface Limits {
  /** A signed-in request. Refuses with `too_many_requests` or `too_many_at_once`. */
  user(organizationId: string, userId: string, now: number): Lease;
  /** A request with an API key. A program that runs wild takes nothing from the people of its organization. */
  apiKey(organizationId: string, apiKeyId: string, now: number): Lease;
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
  const member =
    (callers: Buckets, rule: Rule, together: Buckets) =>
    (organizationId: string, callerId: string, now: number): Lease => {
      const organization = together.get(organizationId, now);
      const caller = callers.get(callerId, now);
      // Both are looked at before either is charged: a refused request costs nothing.
      check(caller, rule);
      check(organization, organizationRule);
      charge(caller);
      charge(organization);
      const tighter = caller.tokens <= organization.tokens;
      return lease(tighter ? caller : organization, tighter ? rule : organizationRule, caller, organization);
    };
  return {
    user: member(users, userRule, organizations),
    apiKey: member(apiKeys, apiKeyRule, organizationsOfKeys),
    address: (address, now) => {
      const bucket = addresses.get(networkOf(address), now);
      check(bucket, userRule);
      charge(bucket);
      return lease(bucket, userRule, bucket, null);
    },
    size: () =>
      [users, apiKeys, addresses, organizations, organizationsOfKeys].reduce(
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

function charge(bucket: Bucket): void {
  bucket.tokens -= 1;
  bucket.active += 1;
}

function lease(shown: Bucket, rule: Rule, first: Bucket, second: Bucket | null): Lease {
  let held = true;
  return {
    limit: rule.perMinute,
    remaining: Math.floor(shown.tokens),
    reset: Math.ceil(((rule.perMinute - shown.tokens) * 60) / rule.perMinute),
    release: () => {
      if (!held) return;
      held = false;
      first.active -= 1;
      if (second !== null) second.active -= 1;
    },
  };
}

/**
 * What an organization may use, and what it uses. The database counts as rows come and go and refuses what is too much,
 * under a lock of one row: however many come at once, over however many nodes, no more get in than there is room for.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { readTenant, withSystem, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { refusal } from "../errors.ts";
import type { ListedUsage, Quota, Usage } from "./repository.ts";
import * as rows from "./repository.ts";

export type { ListedUsage, Quota, Usage } from "./repository.ts";

export const quotaPeopleReached = refusal(
  "conflict",
  "quota_people_reached",
  "The organization has as many people as it may have",
);
export const quotaStorageReached = refusal(
  "conflict",
  "quota_storage_reached",
  "The organization has used up its storage",
);

/** For `onConstraint`, wherever people are added. */
export const PEOPLE_QUOTA = { quota_people_reached: () => quotaPeopleReached() };
/** For `onConstraint`, wherever something is stored or made longer. */
export const STORAGE_QUOTA = { quota_storage_reached: () => quotaStorageReached() };

/**
 * Refuses with `quota_people_reached` when there is no room for so many more people. To be told before much work is
 * done, or without doing it; it holds nothing: the last word is that of the statement that adds them, whose constraint
 * `PEOPLE_QUOTA` knows.
 */
export async function requirePeopleQuotaIn(
  tx: TenantTx,
  organizationId: string,
  adding: number,
): Promise<void> {
  const { people, allowed } = await rows.getUsage(tx, organizationId);
  if (allowed.people !== null && people + adding > allowed.people) throw quotaPeopleReached();
}

/**
 * The bytes that may still be stored, below zero where there are more than are allowed; null without a limit. It holds
 * nothing: the last word is that of the statement that stores them, whose constraint `STORAGE_QUOTA` knows.
 */
export async function storageLeftIn(tx: TenantTx, organizationId: string): Promise<number | null> {
  const { storageBytes, allowed } = await rows.getUsage(tx, organizationId);
  return allowed.storageBytes === null ? null : allowed.storageBytes - storageBytes;
}

/** What the actor's organization uses and is allowed; its requests on each node. */
export async function getUsage(deps: Deps, actor: Actor): Promise<Usage> {
  const usage = await readTenant(deps.db, actor, (tx) => rows.getUsage(tx, actor.organizationId));
  const requestsPerMinute = usage.allowed.requestsPerMinute ?? deps.config.organizationRequestsPerMinute;
  return { ...usage, allowed: { ...usage.allowed, requestsPerMinute } };
}

/** What an organization uses and is allowed. For the operator. */
export async function usageOf(deps: Pick<Deps, "db">, organizationId: string): Promise<Usage> {
  return readTenant(deps.db, { organizationId, userId: null }, (tx) => rows.getUsage(tx, organizationId));
}

/**
 * Sets limits of an organization; those not given stay, null lifts one. A limit below what is used lets nothing be
 * added, and takes nothing away. For the operator. Gives what holds now.
 */
export async function setQuota(
  deps: Pick<Deps, "db">,
  organizationId: string,
  change: Partial<Quota>,
): Promise<Quota> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const before = (await rows.lockQuota(tx, organizationId)) ?? {
      people: null,
      storageBytes: null,
      requestsPerMinute: null,
    };
    const quota = await rows.upsertQuota(tx, organizationId, { ...before, ...change });
    await auditIn(tx, organizationId, {
      action: "quota.set",
      outcome: "success",
      targetType: "organization",
      targetId: organizationId,
      details: {
        peopleBefore: before.people,
        peopleAfter: quota.people,
        storageBytesBefore: before.storageBytes,
        storageBytesAfter: quota.storageBytes,
        requestsPerMinuteBefore: before.requestsPerMinute,
        requestsPerMinuteAfter: quota.requestsPerMinute,
      },
    });
    return quota;
  });
}

/** Every organization with what it uses and is allowed, page by page. For the operator. */
export async function* allUsages(deps: Pick<Deps, "db">): AsyncGenerator<ListedUsage> {
  let afterId: string | null = null;
  do {
    const after: string | null = afterId;
    const page: readonly ListedUsage[] = await withSystem(deps.db, (tx) => rows.listUsages(tx, after, 500), {
      readOnly: true,
    });
    yield* page;
    afterId = page.at(-1)?.organizationId ?? null;
  } while (afterId !== null);
}

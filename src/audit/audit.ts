/**
 * The audit: what happened, who did it, to whom and from where, in a chain per organization that can only be appended to
 * (docs/audit.md). Events of a transaction are numbered and chained as the last thing before its commit, so that the
 * chain has no gap and its lock is held for no longer than a commit takes.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { AuditAction } from "../audit-actions.ts";
import { canonical } from "../chain.ts";
import { chained, type Db, insideTransaction, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";

export type { AuditAction } from "../audit-actions.ts";

/** Ids, numbers, names from a closed list. Never what a person typed. */
export type AuditDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface AuditEvent {
  readonly action: AuditAction;
  readonly outcome: "success" | "refused";
  /** The person it is about. */
  readonly subjectId?: string | null;
  /** The people it is about, where they are several: at most 1,000. */
  readonly subjectIds?: readonly string[];
  /** What it was done to, where that is no person: `session`, `api_key`. */
  readonly targetType?: string;
  readonly targetId?: string | null;
  /** Ids, numbers, enums: never personal data, never secrets. */
  readonly details?: AuditDetails;
  readonly origin?: Origin | null;
}

/** Whose deed an event is. */
interface Doer {
  readonly organizationId: string;
  /** Null for the system, for an operator at the command line, and for somebody unknown. */
  readonly userId: string | null;
}

/**
 * Adds an event to the transaction: it is there if and only if that commits. Its actor is that of the transaction.
 * Throws, and so undoes the transaction, when the event holds what must not be in the audit: that is a bug.
 */
export async function auditIn(tx: TenantTx, organizationId: string, event: AuditEvent): Promise<void> {
  chained(tx, prepare(organizationId, event));
}

const TEXT = /^[A-Za-z0-9 ._:/,+-]{0,200}$/;
const TARGET = /^[A-Za-z0-9 ._:/-]{1,200}$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** People in one event. */
const SUBJECTS = 1000;

/** An event as the database takes it (app.append_audit). */
function prepare(organizationId: string, event: AuditEvent): { [key: string]: Json } {
  const { action, outcome, subjectId, subjectIds, targetType, targetId, details = {}, origin } = event;
  for (const [name, value] of Object.entries(details)) {
    // No character of an e-mail address or of a sentence: what is said of people is said by their ids.
    const fits =
      typeof value === "string"
        ? TEXT.test(value)
        : typeof value === "number"
          ? Number.isSafeInteger(value)
          : true;
    if (!fits || !/^[a-z][A-Za-z0-9]{0,62}$/.test(name)) {
      throw new Error(`${action}: the detail ${name} is none that the audit may hold`);
    }
  }
  const subjects = new Set(subjectIds ?? (typeof subjectId === "string" ? [subjectId] : []));
  if (subjects.size > SUBJECTS || [...subjects].some((id) => !ID.test(id))) {
    throw new Error(`${action}: the people it is about are not up to ${SUBJECTS} ids`);
  }
  if (typeof targetId === "string" && !TARGET.test(targetId))
    throw new Error(`${action}: its target is no id`);
  return {
    organizationId,
    action,
    outcome,
    subjectIds: [...subjects],
    targetType: targetType ?? null,
    targetId: targetId ?? null,
    details: canonical(details),
    ...sourceOf(origin ?? null),
  };
}

/** The row beside the event and the hash that binds it into the chain. */
function sourceOf(origin: Origin | null): { [key: string]: Json } {
  if (origin === null) return {};
  const salt = randomBytes(16).toString("hex");
  // Without the zone of a link-local address.
  const address = origin.address.replace(/%.*$/s, "").slice(0, 64);
  const userAgent =
    origin.userAgent
      ?.slice(0, 512)
      .toWellFormed()
      .replace(/\p{Cc}/gu, " ") ?? null;
  return { salt, address, userAgent, originHash: originHash({ salt, address, userAgent }) };
}

/** What the chain keeps of where an event came from: SHA-256 over its canonical form, salt included. */
export function originHash(source: { salt: string; address: string; userAgent: string | null }): string {
  return createHash("sha256").update(canonical(source)).digest("hex");
}

/**
 * Records what must survive a refusal, in a transaction of its own. Events of one organization that come at once share
 * one, and each caller waits until it has committed.
 *
 * A refused event never rejects: the refusal it tells of must be answered all the same, and is logged when it could not
 * be written. Any other rejects as `withTenant` does: what could not be recorded must not be shown.
 */
export async function audit(deps: Pick<Deps, "db" | "log">, tenant: Doer, event: AuditEvent): Promise<void> {
  if (insideTransaction()) throw new Error("audit called inside a transaction: use auditIn");
  const { organizationId, userId } = tenant;
  const prepared = { ...prepare(organizationId, event), actorId: userId };
  try {
    await writeSoon(deps.db, organizationId, prepared);
  } catch (error) {
    if (event.outcome !== "refused") throw error;
    deps.log.error("audit_not_written", { organizationId, userId, slug: event.action, error });
  }
}

interface Waiting {
  readonly event: Json;
  readonly written: PromiseWithResolvers<void>;
}

/** Events in one transaction: far below what a statement's deadline allows. */
const TOGETHER = 200;

/** Per organization, what waits while that before it is written. */
const waitingOf = new WeakMap<Db, Map<string, Waiting[]>>();

/** Writes an event with those that came meanwhile. */
function writeSoon(db: Db, organizationId: string, event: Json): Promise<void> {
  const organizations = waitingOf.get(db) ?? new Map<string, Waiting[]>();
  waitingOf.set(db, organizations);
  const written = Promise.withResolvers<void>();
  const waiting = organizations.get(organizationId);
  if (waiting !== undefined) {
    waiting.push({ event, written });
    return written.promise;
  }
  const first = [{ event, written }];
  organizations.set(organizationId, first);
  void writeAll(db, organizationId, first).finally(() => organizations.delete(organizationId));
  return written.promise;
}

async function writeAll(db: Db, organizationId: string, waiting: Waiting[]): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting.splice(0, TOGETHER);
    try {
      await withTenant(db, { organizationId, userId: null }, async (tx) => {
        for (const { event } of batch) chained(tx, event);
      });
      for (const { written } of batch) written.resolve();
    } catch (error) {
      for (const { written } of batch) written.reject(error);
    }
  }
}

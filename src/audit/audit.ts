/**
 * The audit: what happened, who did it, to whom and from where, in a chain per organization that can only be appended to
 * (docs/audit.md). Events of a transaction are numbered and chained as the last thing before its commit, so that the
 * chain has no gap and its lock is held for no longer than a commit takes.
 */
import { randomBytes } from "node:crypto";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { ACTIONS, AUDIT_ACTIONS, type AuditAction } from "../audit-actions.ts";
import { canonical, hashOfSource } from "../chain.ts";
import { chained, type Db, insideTransaction, readTenant, type Tenant, tenantOf, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { Refusal, type RefusalType } from "../errors.ts";
import type { AuditFilter, AuditRecord, Disclosure } from "./repository.ts";
import * as rows from "./repository.ts";

export type { AuditAction, AuditKind } from "../audit-actions.ts";
export type { AuditFilter, AuditRecord, Disclosure } from "./repository.ts";

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

/** Whose deed an event is, and by what they were let in. An `Actor` is one. */
type Doer = Omit<Tenant, "around">;

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Adds an event to the transaction: it is there if and only if that commits. Its actor is that of the transaction, and
 * so are the session or API key it was done by and where it came from.
 * Throws, and so undoes the transaction, when the event holds what must not be in the audit: that is a bug.
 */
export async function auditIn(tx: TenantTx, organizationId: string, event: AuditEvent): Promise<void> {
  chained(tx, prepare(organizationId, tenantOf(tx), event));
}

const TEXT = /^[A-Za-z0-9 ._:/,+-]{0,200}$/;
const TARGET = /^[A-Za-z0-9 ._:/-]{1,200}$/;
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** People in one event. */
const SUBJECTS = 1000;

/** An event as the database takes it (app.append_audit). */
function prepare(organizationId: string, doer: Doer, event: AuditEvent): { [key: string]: Json } {
  const { action, outcome, subjectId, subjectIds, targetType, targetId, details = {} } = event;
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
    sessionId: doer.sessionId ?? null,
    apiKeyId: doer.apiKeyId ?? null,
    ...sourceOf(event.origin ?? doer.origin ?? null),
  };
}

/** The row beside the event and the hash that binds it into the chain. */
function sourceOf(origin: Origin | null): { [key: string]: Json } {
  if (origin === null) return {};
  const source = {
    salt: randomBytes(16).toString("hex"),
    // Without the zone of a link-local address.
    address: origin.address.replace(/%.*$/s, "").slice(0, 64),
    userAgent:
      origin.userAgent
        ?.slice(0, 512)
        .toWellFormed()
        .replace(/\p{Cc}/gu, " ") ?? null,
  };
  return { ...source, originHash: hashOfSource(source) };
}

/**
 * Records what must survive a refusal, in a transaction of its own. Events of one organization that come at once share
 * one, and each caller waits until it has committed.
 *
 * A refused event never rejects: the refusal it tells of must be answered all the same, and is logged when it could not
 * be written. Any other rejects as `withTenant` does: what could not be recorded must not be shown.
 *
 * Of refusals that repeat not all are written, so that a storm of them cannot fill the disk. Whoever is signed in has a
 * bound of their own and strangers have one together: nobody's storm hides what another is refused. How many were passed
 * over is written once a minute, and at the end (`recordPassedOver`).
 */
export async function audit(deps: Pick<Deps, "db" | "log">, doer: Doer, event: AuditEvent): Promise<void> {
  if (insideTransaction()) throw new Error("audit was called inside a transaction: use auditIn");
  if (event.outcome === "refused" && passedOver(deps, doer, event)) return;
  await write(deps, doer, event);
}

async function write({ db, log }: Pick<Deps, "db" | "log">, doer: Doer, event: AuditEvent): Promise<void> {
  const { organizationId, userId } = doer;
  const prepared = prepare(organizationId, doer, event);
  try {
    await writeSoon(db, organizationId, { ...prepared, actorId: userId });
  } catch (error) {
    if (event.outcome !== "refused") throw error;
    log.error("audit_not_written", { organizationId, userId, slug: event.action, error });
  }
}

/**
 * Runs it, and records what it refuses in one of these ways: afterwards, since a refusal undoes what it did. `event` tells
 * the event of a slug.
 */
export async function auditRefused<T>(
  deps: Pick<Deps, "db" | "log">,
  doer: Doer,
  types: readonly RefusalType[],
  event: (slug: string) => Omit<AuditEvent, "outcome">,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Refusal && types.some(({ slug }) => slug === error.slug)) {
      await audit(deps, doer, { ...event(error.slug), outcome: "refused" });
    }
    throw error;
  }
}

/** Of one kind that one person is refused, in a minute and on one node. */
const SAME_REFUSALS = 10;
/** On one node so many at once, and so many a minute in the long run: of a person, and of an organization's strangers. */
const OF_PERSON = { atOnce: 60, aMinute: 10 };
const OF_STRANGERS = { atOnce: 600, aMinute: 60 };
const MINUTE_MS = 60_000;

interface Refusals {
  readonly doer: Pick<Doer, "organizationId" | "userId">;
  /** How many may still be written, as of `at`. */
  left: number;
  /** In minutes. */
  at: number;
  /** Not written, and not told of yet. */
  passed: number;
  readonly same: Map<string, number>;
}
const refusalsOf = new WeakMap<Db, Map<string, Refusals>>();

/**
 * Whether this refusal is not to be written. Whoever is not signed in is not told apart by whom they tried to be: how long
 * a refusal takes would tell whether there is somebody of that name.
 */
function passedOver(deps: Pick<Deps, "db" | "log">, doer: Doer, event: AuditEvent): boolean {
  const { organizationId, userId } = doer;
  const all = refusalsOf.get(deps.db) ?? new Map<string, Refusals>();
  refusalsOf.set(deps.db, all);
  // Once a minute it is told what was passed over, and forgotten of whom nothing more is heard.
  if (all.size === 0) setTimeout(() => void recordPassedOver(deps), MINUTE_MS).unref();
  const limit = userId === null ? OF_STRANGERS : OF_PERSON;
  const key = `${organizationId} ${userId}`;
  const now = performance.now() / MINUTE_MS;
  const seen = all.get(key) ?? {
    doer: { organizationId, userId },
    left: limit.atOnce,
    at: now,
    passed: 0,
    same: new Map(),
  };
  all.set(key, seen);
  if (Math.floor(seen.at) !== Math.floor(now)) seen.same.clear();
  seen.left = Math.min(limit.atOnce, seen.left + (now - seen.at) * limit.aMinute);
  seen.at = now;
  const kind = userId === null ? null : JSON.stringify([event.action, event.targetId ?? null]);
  const same = kind === null ? 0 : (seen.same.get(kind) ?? 0);
  if (same >= SAME_REFUSALS || seen.left < 1) {
    seen.passed++;
    return true;
  }
  if (kind !== null) seen.same.set(kind, same + 1);
  seen.left--;
  return false;
}

/**
 * Writes how many refusals were passed over since the last time, of each person and of strangers. For the end of the
 * program: while it runs, this comes round once a minute. Never rejects.
 */
export async function recordPassedOver(deps: Pick<Deps, "db" | "log">): Promise<void> {
  const all = refusalsOf.get(deps.db) ?? new Map<string, Refusals>();
  const now = performance.now() / MINUTE_MS;
  const told: Promise<void>[] = [];
  for (const [key, seen] of all) {
    const { doer, passed } = seen;
    const limit = doer.userId === null ? OF_STRANGERS : OF_PERSON;
    seen.passed = 0;
    if (passed > 0) {
      const details = { count: passed };
      told.push(write(deps, doer, { action: "refusals.passed_over", outcome: "refused", details }));
    } else if (seen.left + (now - seen.at) * limit.aMinute >= limit.atOnce) all.delete(key);
  }
  if (all.size > 0) setTimeout(() => void recordPassedOver(deps), MINUTE_MS).unref();
  await Promise.all(told);
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

/** Why somebody may look at people (34 CFR 99.31(a)(1): a legitimate educational interest), as far as a role tells. */
const PURPOSES = {
  teacher: "instruction",
  admin: "administration",
  parent: "guardianship",
  student: "instruction",
} as const satisfies Readonly<Record<Actor["role"], string>>;

/**
 * Records that somebody was shown people, before they are shown (34 CFR 99.32(a)): once a day each, of one way of showing,
 * by one session or API key, with one interest. Nothing is recorded of who looks at themselves. `targetType`: what of them,
 * when it was not their record. Rejects as `withTenant` does.
 */
export async function recordDisclosure(
  deps: Pick<Deps, "db" | "log">,
  actor: Actor,
  action: Extract<AuditAction, "user.read" | "user.listed">,
  personIds: readonly string[],
  targetType?: string,
): Promise<void> {
  const others = personIds.filter((id) => id !== actor.userId);
  if (others.length === 0) return;
  const details = interestOf(actor);
  const { organizationId, userId, sessionId, apiKeyId = null } = actor;
  const subjectIds = await readTenant(deps.db, actor, (tx) =>
    rows.listUndisclosed(tx, organizationId, {
      ...{ action, actorId: userId, sessionId, apiKeyId, subjectIds: others },
      ...{ targetType: targetType ?? null, details: canonical(details) },
    }),
  );
  if (subjectIds.length === 0) return;
  await audit(deps, actor, {
    ...{ action, outcome: "success", subjectIds, details },
    ...(targetType === undefined ? {} : { targetType }),
  });
}

/** The details of a disclosure: as what somebody looked, and with what interest. */
export function interestOf({ role, credential }: Pick<Actor, "role" | "credential">) {
  return { role, credential, purpose: credential === "api_key" ? "service" : PURPOSES[role] };
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Events of the actor's organization, newest first, one more than `limit` when there are more. */
export async function listAuditEvents(
  deps: Pick<Deps, "db">,
  actor: Actor,
  filter: AuditFilter,
  before: number | null,
  limit: number,
): Promise<readonly AuditRecord[]> {
  // Not readTenant: the list follows from what the times lead to.
  return withTenant(deps.db, actor, (tx) => rows.list(tx, actor.organizationId, filter, before, limit + 1), {
    readOnly: true,
  });
}

/** What others do to somebody's account. Not what a link does: whoever follows one is the person, though nobody knows. */
const INTERVENTIONS = [
  "user.changed",
  "user.role_changed",
  "user.status_changed",
  "user.deleted",
  "user.restored",
  "user.imported",
  "password.set",
  "login.unlocked",
  "second_factor.reset",
  "session.ended",
  "api_key.revoked",
  "erasure.requested",
  "erasure.finished",
] as const satisfies readonly AuditAction[];

/** Actions that tell a person who looked at them, who took their data along, and who changed something of theirs. */
export const ABOUT_A_PERSON: readonly AuditAction[] = [
  ...AUDIT_ACTIONS.filter((action) => ACTIONS[action] === "disclosure"),
  ...INTERVENTIONS,
];

/**
 * Which others looked at a person, took their data along or changed something of theirs, newest first, one more than
 * `limit` when there are more. Who may ask is for the caller to say.
 */
export async function listDisclosuresIn(
  tx: TenantTx,
  organizationId: string,
  personId: string,
  before: number | null,
  limit: number,
): Promise<readonly Disclosure[]> {
  return rows.listDisclosures(tx, organizationId, personId, ABOUT_A_PERSON, before, limit + 1);
}

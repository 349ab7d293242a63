/**
 * The audit: what happened, who did it, to whom and from where, in a chain per organization that can only be appended to
 * (docs/audit.md). Events of a transaction are numbered and chained as the last thing before its commit, so that the
 * chain has no gap and its lock is held for no longer than a commit takes.
 */
import { randomBytes } from "node:crypto";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { ACTIONS, AUDIT_ACTIONS, type AuditAction, type AuditKind } from "../audit-actions.ts";
import {
  type Anchor,
  type Anchored,
  type Break,
  canonical,
  GENESIS,
  hashOfSource,
  isGenuine,
  type Link,
  type Seal,
  type Sealed,
  SYSTEM_CHAIN,
  signedText,
  type Trust,
  type Walk,
  walk,
} from "../chain.ts";
import { chained, type Db, insideTransaction, readTenant, type Tenant, tenantOf, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { Refusal, type RefusalType } from "../errors.ts";
import type { AuditFilter, AuditRecord, Disclosure, StoredEvent } from "./repository.ts";
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

// ── The chain ───────────────────────────────────────────────────────────────────────────────────────────────────────

const PAGE = 500;

interface Page {
  readonly links: readonly Link[];
  /** What lies beside the chain and does not agree with it, by the number of its event. */
  readonly astray: ReadonlyMap<number, string>;
}

/** The links after one event and up to another. `hash` is that event's. */
async function* pagesOf(
  deps: Pick<Deps, "db">,
  organizationId: string,
  from: { readonly sequence: number; readonly hash: string },
  upTo: number,
): AsyncGenerator<Page> {
  const tenant = { organizationId, userId: null };
  let { sequence: after, hash: previous } = from;
  while (after < upTo) {
    const start = after;
    const events = await readTenant(deps.db, tenant, (tx) =>
      rows.listChain(tx, organizationId, start, upTo, PAGE),
    );
    const end = events.length < PAGE ? upTo : (events.at(-1)?.event.sequence ?? upTo);
    const [seals, subjects] = await readTenant(deps.db, tenant, (tx) =>
      Promise.all([
        rows.listSeals(tx, organizationId, start, end),
        rows.listSubjects(tx, organizationId, start, end),
      ]),
    );
    const named = new Map(subjects.map((subject) => [subject.sequence, subject]));
    const astray = new Map<number, string>();
    for (const stored of events) {
      const { sequence } = stored.event;
      const what = astrayBeside(stored, named.get(sequence));
      if (what !== null) astray.set(sequence, what);
      named.delete(sequence);
    }
    for (const sequence of named.keys()) astray.set(sequence, "the index of people names no such event");
    const links = [...seals, ...events.map(({ event }) => event)]
      .sort((a, b) => placeOf(a) - placeOf(b))
      .map((link): Link => {
        const whole = link.type === "seal" ? link : { ...link, previous };
        previous = link.hash;
        return whole;
      });
    yield { links, astray };
    const last = links.at(-1);
    after = Math.max(end, last?.type === "seal" ? last.lastSequence : end);
  }
}

const placeOf = (link: { readonly sequence: number } | { readonly firstSequence: number }): number =>
  "sequence" in link ? link.sequence : link.firstSequence;

type Named = Awaited<ReturnType<typeof rows.listSubjects>>[number];

/** What does not agree with an event of what is stored beside it, or null. */
function astrayBeside(stored: StoredEvent, named: Named | undefined): string | null {
  const { event, details, personId, originAt } = stored;
  if (canonical(event.details) !== details) return "the event was altered";
  if (event.source !== null) {
    const person = event.actorId ?? event.subjectIds[0] ?? null;
    if (personId !== person || originAt?.toISOString() !== event.at) return "where it came from was altered";
  }
  const indexed = (named?.subjectIds ?? []).join();
  const rest = named === undefined ? [] : [...named.actions, ...named.times.map((at) => at.toISOString())];
  const expected = named === undefined ? [] : [event.action, event.at];
  return indexed === event.subjectIds.toSorted().join() && rest.join() === expected.join()
    ? null
    : "the index of people was altered";
}

/**
 * A whole chain in order, signed at its end: what `satchel audit export` writes. One that does not hold comes as it is and
 * is not signed.
 */
export async function* readChain(
  deps: Pick<Deps, "db" | "keys">,
  organizationId: string,
): AsyncGenerator<Link> {
  const { head } = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.extent(tx, organizationId),
  );
  if (head === null) return;
  // Whether to trust who signed a seal is for whoever reads this to say.
  const walked = walk(organizationId, () => true);
  let holds = true;
  for await (const { links } of pagesOf(deps, organizationId, BEGINNING, head.sequence)) {
    for (const link of links) {
      holds = holds && walked.take(link) === null;
      yield link;
    }
  }
  if (holds && walked.head().hash === head.hash) yield sign(deps, { ...head, organizationId });
}

const BEGINNING = { sequence: 0, hash: GENESIS };

function sign(
  { keys }: Pick<Deps, "keys">,
  { organizationId, sequence, hash }: Pick<Anchored, "organizationId" | "sequence" | "hash">,
): Anchor {
  const anchored: Anchored = { type: "anchor", at: new Date().toISOString(), hash, organizationId, sequence };
  return { ...anchored, ...keys.attest(signedText(anchored)) };
}

export interface Verification {
  readonly organizationId: string;
  readonly events: number;
  readonly sealed: number;
  /** Signed heads that the chain was compared with. */
  readonly anchors: number;
  /** The first place that is not as it was written. */
  readonly broken: Break | null;
}

/**
 * Recomputes a chain from its first event: every hash, number, seal, origin and index entry, the head, and the anchors
 * that are given. What looks broken is looked at twice: events may be sealed meanwhile.
 */
export async function verifyChain(
  deps: Pick<Deps, "db">,
  organizationId: string,
  trust: Trust,
  anchors: readonly Anchor[],
): Promise<Verification> {
  const first = await verifyOnce(deps, organizationId, trust, anchors);
  return first.broken === null ? first : verifyOnce(deps, organizationId, trust, anchors);
}

async function verifyOnce(
  deps: Pick<Deps, "db">,
  organizationId: string,
  trust: Trust,
  given: readonly Anchor[],
): Promise<Verification> {
  const [extent, stray, anchor] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    Promise.all([
      rows.extent(tx, organizationId),
      rows.countStrayOrigins(tx, organizationId),
      rows.findAnchor(tx, organizationId),
    ]),
  );
  const anchors = anchor === null ? given : [...given, anchor];
  const walked = walk(organizationId, trust, anchors);
  const broken =
    (await walkStored(deps, organizationId, walked, extent.head?.sequence ?? 0)) ??
    walked.end() ??
    disagreement(organizationId, walked, extent, stray);
  return { organizationId, ...walked.counts(), broken };
}

/** Takes every stored link up to a number. */
async function walkStored(
  deps: Pick<Deps, "db">,
  organizationId: string,
  walked: Walk,
  upTo: number,
): Promise<Break | null> {
  for await (const { links, astray } of pagesOf(deps, organizationId, walked.head(), upTo)) {
    for (const link of links) {
      const broken = walked.take(link);
      if (broken !== null) return broken;
    }
    for (const [sequence, what] of astray) return { sequence, what };
  }
  return null;
}

/** What the head says and the rows do not, or the other way round. */
function disagreement(
  organizationId: string,
  walked: Walk,
  { head, lastRow }: Awaited<ReturnType<typeof rows.extent>>,
  stray: number,
): Break | null {
  const reached = walked.head();
  const { sequence } = reached;
  if (head === null) {
    if (lastRow > 0) return { sequence: lastRow, what: "the chain has no head" };
    // Its founding is the first event of every organization.
    return organizationId === SYSTEM_CHAIN ? null : { sequence: 1, what: "the chain is empty" };
  }
  if (head.sequence > sequence) return { sequence: sequence + 1, what: "it is missing" };
  if (lastRow > head.sequence) return { sequence: head.sequence + 1, what: "it stands behind the head" };
  if (head.hash !== reached.hash || head.at !== reached.at) return { sequence, what: "the head was altered" };
  return stray === 0 ? null : { sequence, what: "there are origins of no event" };
}

// ── Anchors and seals ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Signs the head of a chain for keeping elsewhere; null when it was signed already. Only what holds is signed: what came
 * since the last time is recomputed, and the whole chain when that does not fit. What does not hold is logged.
 */
export async function signHead(
  deps: Pick<Deps, "db" | "keys" | "log">,
  organizationId: string,
): Promise<Anchor | null> {
  const [{ head }, last] = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    Promise.all([rows.extent(tx, organizationId), rows.findAnchor(tx, organizationId)]),
  );
  if (head === null && last === null) return null;
  if (head !== null && head.sequence === last?.sequence && head.hash === last.hash) return null;
  // The last one may have been signed with a secret that is no longer configured.
  const trust: Trust = (publicKey) =>
    deps.keys.publicKeys.includes(publicKey) || publicKey === last?.publicKey;
  const walked = walk(organizationId, trust, [], last ?? undefined);
  const upTo = head?.sequence ?? 0;
  const followed =
    upTo >= walked.head().sequence &&
    (await walkStored(deps, organizationId, walked, upTo)) === null &&
    walked.head().hash === head?.hash;
  if (!followed) {
    const { broken } = await verifyChain(deps, organizationId, trust, []);
    if (broken !== null) {
      reportBroken(deps, organizationId, broken);
      return null;
    }
  }
  return head === null ? null : sign(deps, { ...head, organizationId });
}

/** Remembers that a signed head has been written elsewhere. */
export async function rememberAnchor(deps: Pick<Deps, "db">, anchor: Anchor): Promise<void> {
  const { organizationId } = anchor;
  await withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.upsertAnchor(tx, anchor));
}

function reportBroken({ log }: Pick<Deps, "log">, organizationId: string, { sequence, what }: Break): void {
  log.error("audit_broken", { organizationId, finding: `event ${sequence}: ${what}` });
}

/** Events sealed in one transaction. */
const SEALED_TOGETHER = 500;

/**
 * Seals the oldest of the events that were kept for as many days as their kind must be, and gives how many; 0 when there
 * is nothing left to do. Null: keep for ever. Only what holds is sealed; what does not is logged and stays.
 */
export async function sealOutdated(
  deps: Pick<Deps, "db" | "keys" | "log">,
  organizationId: string,
  days: Readonly<Record<AuditKind, number | null>>,
): Promise<number> {
  const kept = AUDIT_ACTIONS.flatMap((action): [string, number][] => {
    const count = days[ACTIONS[action]];
    return count === null ? [] : [[action, count]];
  });
  const outdated = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.listOutdated(tx, organizationId, kept, SEALED_TOGETHER),
  );
  let sealed = 0;
  for (const run of runsOf(outdated)) {
    if (!(await sealRun(deps, organizationId, run))) return 0;
    sealed += run.last - run.first + 1;
  }
  return sealed;
}

interface Run {
  readonly first: number;
  readonly last: number;
}

/** Ascending numbers as runs without a gap. */
function runsOf(numbers: readonly number[]): readonly Run[] {
  const runs: Run[] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run.last === number - 1) runs[runs.length - 1] = { ...run, last: number };
    else runs.push({ first: number, last: number });
  }
  return runs;
}

/** Seals a run, together with the seals on both sides of it. False when the run does not hold. */
async function sealRun(
  deps: Pick<Deps, "db" | "keys" | "log">,
  organizationId: string,
  { first, last }: Run,
): Promise<boolean> {
  const trust: Trust = (publicKey) => deps.keys.publicKeys.includes(publicKey);
  const tenant = { organizationId, userId: null };
  const [previous, beside] = await readTenant(deps.db, tenant, (tx) =>
    Promise.all([
      rows.findHash(tx, organizationId, first - 1),
      rows.listSealsBeside(tx, organizationId, first, last),
    ]),
  );
  const from = { sequence: first - 1, hash: previous ?? GENESIS, at: null };
  const walked = walk(organizationId, trust, [], from);
  const actions: Record<string, number> = {};
  const times: string[] = [];
  for await (const { links, astray } of pagesOf(deps, organizationId, from, last)) {
    for (const link of links) {
      const broken = walked.take(link);
      if (broken !== null) return stays(deps, organizationId, broken);
      if (link.type !== "event") continue;
      actions[link.action] = (actions[link.action] ?? 0) + 1;
      times.push(link.at);
    }
    for (const [sequence, what] of astray) return stays(deps, organizationId, { sequence, what });
  }
  const genuine = (seal: Seal) => isGenuine(seal, trust);
  const before = beside.find((seal) => seal.lastSequence === first - 1 && genuine(seal));
  const after = beside.find((seal) => seal.previous === walked.head().hash && genuine(seal));
  for (const seal of [before, after]) {
    for (const [action, count] of Object.entries(seal?.actions ?? {})) {
      actions[action] = (actions[action] ?? 0) + count;
    }
  }
  const sealed: Sealed = {
    type: "seal",
    actions,
    firstAt: before?.firstAt ?? times[0] ?? "",
    firstSequence: before?.firstSequence ?? first,
    hash: after?.hash ?? walked.head().hash,
    lastAt: after?.lastAt ?? times.at(-1) ?? "",
    lastSequence: after?.lastSequence ?? last,
    organizationId,
    previous: before?.previous ?? from.hash,
    sealedAt: new Date().toISOString(),
  };
  const seal = { ...sealed, ...deps.keys.attest(signedText(sealed)) };
  await withTenant(deps.db, tenant, (tx) => rows.insertSeal(tx, seal));
  return true;
}

function stays(deps: Pick<Deps, "log">, organizationId: string, broken: Break): false {
  reportBroken(deps, organizationId, broken);
  return false;
}

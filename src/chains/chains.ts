/**
 * The chains of the audit as they are stored: read, verified, their heads signed to be kept elsewhere, and what was kept
 * long enough replaced by a seal. What a chain is, is said in src/chain.ts; what is written into one, in src/audit.
 */
import { ACTIONS, AUDIT_ACTIONS, type AuditKind } from "../audit-actions.ts";
import {
  type Anchor,
  type Anchored,
  type Break,
  canonical,
  GENESIS,
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
import { readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { StoredEvent } from "./repository.ts";
import * as rows from "./repository.ts";

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

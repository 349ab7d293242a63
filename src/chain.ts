/**
 * The audit as an outsider sees it: one JSON document a line, each event bound to the one before by its hash
 * (docs/audit.md). Pure: what is checked here needs no database. Its documents are types and no interfaces: what can be
 * added to elsewhere is no `Json` to the compiler.
 */
import { createHash } from "node:crypto";
import type { Json } from "../sql/tx.ts";
import { type Attestation, isAttested } from "./keys.ts";

/** Where an event came from. It may be erased; the salt keeps its hash from telling what it was. */
export type Source = {
  readonly address: string;
  readonly salt: string;
  readonly userAgent: string | null;
};

/** What is hashed of an event. Times in UTC with milliseconds, hashes in hexadecimal. */
export type Hashed = {
  readonly action: string;
  readonly actorId: string | null;
  readonly apiKeyId: string | null;
  readonly at: string;
  readonly details: { readonly [name: string]: Json };
  readonly organizationId: string;
  readonly origin: string | null;
  readonly outcome: string;
  /** The hash of the event before; zeros before the first. */
  readonly previous: string;
  readonly sequence: number;
  readonly sessionId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetId: string | null;
  readonly targetType: string | null;
};

export type ChainedEvent = Hashed & {
  readonly type: "event";
  readonly hash: string;
  /** Null when there was none, and when it was erased. */
  readonly source: Source | null;
};

/** What is signed in the place of events that were kept long enough. */
export type Sealed = {
  readonly type: "seal";
  /** How many of each. */
  readonly actions: { readonly [action: string]: number };
  readonly firstAt: string;
  readonly firstSequence: number;
  readonly hash: string;
  readonly lastAt: string;
  readonly lastSequence: number;
  readonly organizationId: string;
  readonly previous: string;
  readonly sealedAt: string;
};
export type Seal = Sealed & Attestation;

/** What is signed of a head, to be kept elsewhere. */
export type Anchored = {
  readonly type: "anchor";
  /** When it was signed. */
  readonly at: string;
  readonly hash: string;
  readonly organizationId: string;
  readonly sequence: number;
};
export type Anchor = Anchored & Attestation;

export type Link = ChainedEvent | Seal | Anchor;

export const GENESIS = "0".repeat(64);

/** Whose chain holds what concerns no organization: done at the command line, to all of them or before there is one. */
export const SYSTEM_CHAIN = "00000000-0000-0000-0000-000000000000";

/**
 * The one text of a document: RFC 8785, for what the audit holds (no number but whole ones up to 2^53). Keys in order of
 * their code units, no space, strings as JSON.stringify writes them.
 */
export function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(",")}}`;
}

/** A link as it is written into a file: a line without its end. */
export const lineOf = (link: Link): string => canonical(link);

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The hash of an event. */
export function hashOf(event: Hashed): string {
  const { action, actorId, apiKeyId, at, details, organizationId, origin, outcome, previous } = event;
  const { sequence, sessionId, subjectIds, targetId, targetType } = event;
  return sha256(
    canonical({
      ...{ action, actorId, apiKeyId, at, details, organizationId, origin, outcome, previous },
      ...{ sequence, sessionId, subjectIds, targetId, targetType },
    }),
  );
}

/** What the chain keeps of where an event came from. */
export const hashOfSource = ({ address, salt, userAgent }: Source): string =>
  sha256(canonical({ address, salt, userAgent }));

/** The text of a seal or an anchor that is signed: all of it but the signature and its key. */
export function signedText(document: Sealed | Anchored): string {
  const { publicKey, signature, ...signed } = document as (Sealed | Anchored) & Partial<Attestation>;
  return canonical(signed);
}

/** Whose signature counts. */
export type Trust = (publicKey: string) => boolean;

export const isGenuine = (document: Seal | Anchor, trust: Trust): boolean =>
  trust(document.publicKey) && isAttested(signedText(document), document);

/** The first place of a chain that is not as it was written. */
export interface Break {
  readonly sequence: number;
  readonly what: string;
}

/** How far a chain goes. */
export interface Head {
  readonly sequence: number;
  readonly hash: string;
  readonly at: string | null;
}

export interface Walk {
  /** Takes the next link, in order. Gives what is wrong with it; after that the walk is over. */
  take(link: Link): Break | null;
  /** What is wrong once all links were taken: what was anchored and is not there, what was erased by nobody. */
  end(): Break | null;
  head(): Head;
  counts(): { readonly events: number; readonly sealed: number; readonly anchors: number };
}

/**
 * Walks along one chain from its first link, or from what is known to be sound. `anchors` are those kept elsewhere, of any
 * organization.
 */
export function walk(
  organizationId: string,
  trust: Trust,
  anchors: readonly Anchor[] = [],
  from: Pick<Head, "sequence" | "hash"> = { sequence: 0, hash: GENESIS },
): Walk {
  let head: Head = { sequence: from.sequence, hash: from.hash, at: null };
  let events = 0;
  let sealed = 0;
  let checked = 0;
  /** People whose origins are gone, with the first event that shows it, and people who were erased. */
  const gone = new Map<string, number>();
  const erased = new Set<string>();
  const own = anchors.filter((anchor) => anchor.organizationId === organizationId);
  const anchored = Map.groupBy(own, ({ sequence }) => sequence);

  const wrong = (sequence: number, what: string): Break => ({ sequence, what });

  const agrees = (anchor: Anchor, at: Head): Break | null => {
    checked++;
    if (!trust(anchor.publicKey))
      return wrong(anchor.sequence, `its anchor is signed with the key ${anchor.publicKey}, not known here`);
    if (!isGenuine(anchor, trust)) return wrong(anchor.sequence, "its anchor is forged");
    return anchor.hash === at.hash ? null : wrong(anchor.sequence, "it is not the event that was anchored");
  };
  const anchorsHold = (): Break | null => {
    for (const anchor of anchored.get(head.sequence) ?? []) {
      const broken = agrees(anchor, head);
      if (broken !== null) return broken;
    }
    return null;
  };

  const takeEvent = (event: ChainedEvent): Break | null => {
    const { sequence, origin, source } = event;
    if (head.at !== null && event.at < head.at) return wrong(sequence, "it is earlier than the event before");
    if (hashOf(event) !== event.hash) return wrong(sequence, "the event was altered");
    if (source !== null && (origin === null || hashOfSource(source) !== origin))
      return wrong(sequence, "where it came from was altered");
    if (event.action.startsWith("erasure.")) for (const person of event.subjectIds) erased.add(person);
    if (origin !== null && source === null) {
      const person = event.actorId ?? event.subjectIds[0] ?? "";
      if (!gone.has(person)) gone.set(person, sequence);
    }
    head = { sequence, hash: event.hash, at: event.at };
    events++;
    return anchorsHold();
  };

  const takeSeal = (seal: Seal): Break | null => {
    const { firstSequence, lastSequence } = seal;
    const length = lastSequence - firstSequence + 1;
    const told = Object.values(seal.actions).reduce((sum, count) => sum + count, 0);
    if (!isGenuine(seal, trust)) return wrong(firstSequence, "the seal is forged");
    if (length < 1 || told !== length) return wrong(firstSequence, "the seal counts wrong");
    head = { sequence: lastSequence, hash: seal.hash, at: seal.lastAt };
    sealed += length;
    return anchorsHold();
  };

  return {
    take: (link) => {
      const first = link.type === "seal" ? link.firstSequence : link.sequence;
      if (link.organizationId !== organizationId) return wrong(first, "it belongs to another organization");
      if (link.type === "anchor") {
        return link.sequence === head.sequence
          ? agrees(link, head)
          : wrong(head.sequence, `the chain ends here, and was signed up to ${link.sequence}`);
      }
      if (first !== head.sequence + 1) {
        return first <= head.sequence
          ? wrong(first, "it is there twice")
          : wrong(head.sequence + 1, "it is missing");
      }
      if (link.previous !== head.hash) return wrong(first, "it does not follow the event before");
      return link.type === "seal" ? takeSeal(link) : takeEvent(link);
    },
    end: () => {
      for (const anchor of own) {
        // Inside a seal there is nothing left to compare; who signed the seal signed the anchor.
        if (anchor.sequence <= head.sequence) continue;
        if (!isGenuine(anchor, trust)) return wrong(anchor.sequence, "its anchor is forged");
        return wrong(head.sequence + 1, `it is missing, and was anchored up to ${anchor.sequence}`);
      }
      for (const [person, sequence] of gone) {
        if (!erased.has(person)) return wrong(sequence, "where it came from is gone, and nobody was erased");
      }
      return null;
    },
    head: () => head,
    counts: () => ({ events, sealed, anchors: checked }),
  };
}

/** Rows of the chains of the audit, in and out. */
import * as sql from "#sql/chains";
import type { Json, TenantTx } from "../../sql/tx.ts";
import type { Anchor, ChainedEvent, Head, Seal } from "../chain.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => Buffer.from(text, "hex");

/** The head, and the highest number that any row has. Null where there is no head. */
export async function extent(
  tx: TenantTx,
  organizationId: string,
): Promise<{ readonly head: Head | null; readonly lastRow: number }> {
  const { sequence, hash, createdAt, lastRow } = await sql.getExtent(tx, { organizationId });
  const none = sequence === null || hash === null || createdAt === null;
  return {
    head: none ? null : { sequence, hash: hex(hash), at: createdAt.toISOString() },
    lastRow: lastRow ?? 0,
  };
}

/** An event with what lies beside it. `previous` is for whoever walks along the chain to fill in. */
export interface StoredEvent {
  readonly event: Omit<ChainedEvent, "previous">;
  /** The text of the details, letter by letter. */
  readonly details: string;
  readonly personId: string | null;
  readonly originAt: Date | null;
}

/** Events after one and up to another, in order. */
export async function listChain(
  tx: TenantTx,
  organizationId: string,
  after: number,
  upTo: number,
  limit: number,
): Promise<readonly StoredEvent[]> {
  const rows = await sql.listChain(tx, { organizationId, after, upTo, limit });
  return rows.map((row) => ({
    event: {
      type: "event",
      action: row.action,
      actorId: row.actorId,
      apiKeyId: row.apiKeyId,
      at: row.createdAt.toISOString(),
      details: JSON.parse(row.details ?? "{}") as ChainedEvent["details"],
      hash: hex(row.hash),
      organizationId,
      origin: row.originHash === null ? null : hex(row.originHash),
      outcome: row.outcome,
      sequence: row.sequence,
      sessionId: row.sessionId,
      source:
        row.salt === null || row.address === null
          ? null
          : { address: row.address, salt: hex(row.salt), userAgent: row.userAgent },
      subjectIds: row.subjectIds,
      targetId: row.targetId,
      targetType: row.targetType,
    },
    details: row.details ?? "",
    personId: row.personId,
    originAt: row.originAt,
  }));
}

interface SealRow {
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly createdAt: Date;
  readonly firstAt: Date;
  readonly lastAt: Date;
  readonly previous: Uint8Array;
  readonly hash: Uint8Array;
  readonly actions: Json;
  readonly publicKey: string;
  readonly signature: string;
}

const toSeal = (organizationId: string, row: SealRow): Seal => ({
  type: "seal",
  actions: row.actions as Seal["actions"],
  firstAt: row.firstAt.toISOString(),
  firstSequence: row.firstSequence,
  hash: hex(row.hash),
  lastAt: row.lastAt.toISOString(),
  lastSequence: row.lastSequence,
  organizationId,
  previous: hex(row.previous),
  sealedAt: row.createdAt.toISOString(),
  publicKey: row.publicKey,
  signature: row.signature,
});

/** Seals that begin after one event and not after another. */
export async function listSeals(
  tx: TenantTx,
  organizationId: string,
  after: number,
  upTo: number,
): Promise<readonly Seal[]> {
  return (await sql.listSeals(tx, { organizationId, after, upTo })).map((row) => toSeal(organizationId, row));
}

export async function listSealsBeside(
  tx: TenantTx,
  organizationId: string,
  first: number,
  last: number,
): Promise<readonly Seal[]> {
  const rows = await sql.listSealsBeside(tx, { organizationId, first, last });
  return rows.map((row) => toSeal(organizationId, row));
}

/** What the index of people says of each event. */
export const listSubjects = (tx: TenantTx, organizationId: string, after: number, upTo: number) =>
  sql.listSubjects(tx, { organizationId, after, upTo });

export async function countStrayOrigins(tx: TenantTx, organizationId: string): Promise<number> {
  return sql.countStrayOrigins(tx, { organizationId });
}

export async function findHash(
  tx: TenantTx,
  organizationId: string,
  sequence: number,
): Promise<string | null> {
  const row = await sql.findHash(tx, { organizationId, sequence });
  return row?.hash === undefined || row.hash === null ? null : hex(row.hash);
}

export async function findAnchor(tx: TenantTx, organizationId: string): Promise<Anchor | null> {
  const row = await sql.findAnchor(tx, { organizationId });
  if (row === null) return null;
  const { createdAt, hash, ...rest } = row;
  return { type: "anchor", at: createdAt.toISOString(), hash: hex(hash), organizationId, ...rest };
}

export async function upsertAnchor(tx: TenantTx, anchor: Anchor): Promise<void> {
  const { organizationId, sequence, at, hash, publicKey, signature } = anchor;
  const createdAt = new Date(at);
  await sql.upsertAnchor(tx, {
    organizationId,
    sequence,
    createdAt,
    hash: bytes(hash),
    publicKey,
    signature,
  });
}

/** Numbers of events that were kept for as many days as their action must be. */
export async function listOutdated(
  tx: TenantTx,
  organizationId: string,
  kept: readonly (readonly [action: string, days: number])[],
  limit: number,
): Promise<readonly number[]> {
  const actions = kept.map(([action]) => action);
  const days = kept.map(([, count]) => count);
  const rows = await sql.listOutdated(tx, { organizationId, actions, days, limit });
  return rows.map(({ sequence }) => sequence);
}

/** Puts a seal in the place of what it seals. */
export async function insertSeal(tx: TenantTx, seal: Seal): Promise<void> {
  await sql.insertSeal(tx, {
    firstSequence: seal.firstSequence,
    lastSequence: seal.lastSequence,
    sealedAt: new Date(seal.sealedAt),
    firstAt: new Date(seal.firstAt),
    lastAt: new Date(seal.lastAt),
    previous: bytes(seal.previous),
    hash: bytes(seal.hash),
    actions: seal.actions,
    publicKey: seal.publicKey,
    signature: seal.signature,
  });
}

/** Chains to test with, made through the door, and what somebody with every right could do to them. */
import type { Json } from "../../sql/tx.ts";
import { type AuditEvent, auditIn } from "../../src/audit/audit.ts";
import { type Anchor, GENESIS, hashOf, type Trust } from "../../src/chain.ts";
import { verifyChain } from "../../src/chains/chains.ts";
import { type Db, withTenant } from "../../src/db.ts";
import type { Keys } from "../../src/keys.ts";
import type { Admin } from "../support/database.ts";

export const origin = { address: "203.0.113.7", userAgent: "Browser/1.0", deviceToken: null };

/** An event of each shape: with and without people, target, details and origin. */
export function eventOf(n: number, people: readonly string[]): AuditEvent {
  const person = people[n % people.length] ?? null;
  const events: readonly AuditEvent[] = [
    { action: "session.opened", outcome: "success", subjectId: person, origin },
    { action: "session.refused", outcome: "refused", details: { reason: "unknown", attempt: n }, origin },
    { action: "user.listed", outcome: "success", subjectIds: people, details: { role: "teacher" } },
    { action: "user.changed", outcome: "success", subjectId: person, targetType: "user", targetId: person },
    { action: "api_key.created", outcome: "success", targetType: "api_key", targetId: `key-${n}`, origin },
  ];
  return events[n % events.length] as AuditEvent;
}

/** Adds `count` events, some in transactions of several. */
export async function fill(
  db: Db,
  organizationId: string,
  people: readonly string[],
  count: number,
): Promise<void> {
  for (let n = 0; n < count; ) {
    const together = Math.min(1 + (n % 4), count - n);
    const actor = n % 3 === 0 ? null : (people[n % people.length] ?? null);
    await withTenant(db, { organizationId, userId: actor }, async (tx) => {
      for (let i = 0; i < together; i++) await auditIn(tx, organizationId, eventOf(n + i, people));
    });
    n += together;
  }
}

export const trustIn =
  (keys: Keys): Trust =>
  (publicKey) =>
    keys.publicKeys.includes(publicKey);

/** What is wrong with a chain, or null. */
export async function brokenAt(
  deps: { readonly db: Db; readonly keys: Keys },
  organizationId: string,
  anchors: readonly Anchor[] = [],
) {
  return (await verifyChain(deps, organizationId, trustIn(deps.keys), anchors)).broken;
}

interface Raw {
  readonly sequence: number;
  readonly created_at: Date;
  readonly action: string;
  readonly outcome: string;
  readonly actor_id: string | null;
  readonly session_id: string | null;
  readonly api_key_id: string | null;
  readonly subject_ids: readonly string[];
  readonly target_type: string | null;
  readonly target_id: string | null;
  readonly details: string;
  readonly origin: string | null;
}

/**
 * Computes every hash of a chain anew and sets the head to it, as somebody would who has every right and knows how the
 * chain is made. The trigger must be off.
 */
export async function rechain(admin: Admin, organizationId: string): Promise<void> {
  const rows = await admin<Raw>(
    `select sequence::int, created_at, action, outcome, actor_id, session_id, api_key_id, subject_ids, target_type, target_id,
       details::text as details, encode(origin_hash, 'hex') as origin
     from app.audit_event where organization_id = $1 order by sequence`,
    [organizationId],
  );
  let previous = GENESIS;
  const hashes = rows.map((row) => {
    previous = hashOf({
      action: row.action,
      actorId: row.actor_id,
      apiKeyId: row.api_key_id,
      at: row.created_at.toISOString(),
      details: JSON.parse(row.details) as { readonly [name: string]: Json },
      organizationId,
      origin: row.origin,
      outcome: row.outcome,
      previous,
      sequence: row.sequence,
      sessionId: row.session_id,
      subjectIds: row.subject_ids,
      targetId: row.target_id,
      targetType: row.target_type,
    });
    return previous;
  });
  await admin(
    `update app.audit_event e set hash = decode(n.hash, 'hex')
     from unnest($2::bigint[], $3::text[]) as n (sequence, hash)
     where e.organization_id = $1 and e.sequence = n.sequence`,
    [organizationId, rows.map(({ sequence }) => sequence), hashes],
  );
  await admin(
    `update app.audit_head h set sequence = e.sequence, hash = e.hash, created_at = e.created_at
     from app.audit_event e
     where h.organization_id = $1 and e.organization_id = $1
       and e.sequence = (select max(l.sequence) from app.audit_event l where l.organization_id = $1)`,
    [organizationId],
  );
}

/** Moves a chain into the past, with all that lies beside it. The trigger must be off. */
export async function age(admin: Admin, organizationId: string, days: number, upTo = 1e9): Promise<void> {
  for (const table of ["audit_event", "audit_subject", "audit_origin"]) {
    await admin(
      `update app.${table} set created_at = created_at - make_interval(days => $2)
       where organization_id = $1 and sequence <= $3`,
      [organizationId, days, upTo],
    );
  }
  await rechain(admin, organizationId);
}

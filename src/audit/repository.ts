/** Rows of the audit, in and out. */
import * as sql from "#sql/audit";
import type { Json, TenantTx } from "../../sql/tx.ts";

/** An event as lists show it. */
export interface AuditRecord {
  /** Its place in the organization's chain, from 1 on. */
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly outcome: "success" | "refused";
  readonly actorId: string | null;
  /** By which session, or else by which API key. */
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly details: Json;
  readonly hash: Uint8Array;
  readonly address: string | null;
  readonly userAgent: string | null;
}

export interface AuditFilter {
  readonly action: string | null;
  readonly outcome: "success" | "refused" | null;
  readonly actorId: string | null;
  readonly apiKeyId: string | null;
  readonly subjectId: string | null;
  readonly targetId: string | null;
  /** Inclusive. */
  readonly since: Date | null;
  /** Exclusive. */
  readonly until: Date | null;
}

/** Newest first. Times become numbers first: then one index serves them with every other filter. */
export async function list(
  tx: TenantTx,
  organizationId: string,
  { subjectId, since, until, ...filter }: AuditFilter,
  before: number | null,
  limit: number,
): Promise<readonly AuditRecord[]> {
  const [from, end] = await Promise.all(
    [since, until].map((moment) => (moment === null ? null : firstSince(tx, organizationId, moment))),
  );
  const asked = {
    organizationId,
    ...filter,
    from: from ?? null,
    before: end === null || end === undefined ? before : Math.min(before ?? end, end),
    limit,
  };
  return subjectId === null ? sql.listEvents(tx, asked) : sql.listEventsAbout(tx, { ...asked, subjectId });
}

/** The number of the first event that is not before a moment; past every number when there is none. */
async function firstSince(tx: TenantTx, organizationId: string, moment: Date): Promise<number> {
  const found = await sql.findFirstSince(tx, { organizationId, moment });
  return found?.sequence ?? Number.MAX_SAFE_INTEGER;
}

/** A look at a person, or a copy of their data. */
export interface Disclosure {
  readonly sequence: number;
  readonly createdAt: Date;
  readonly action: string;
  readonly actorId: string | null;
  readonly targetType: string | null;
  readonly details: Json;
}

/** A disclosure that may have been recorded already. */
export interface Showing {
  readonly action: string;
  readonly actorId: string;
  readonly sessionId: string | null;
  readonly apiKeyId: string | null;
  readonly targetType: string | null;
  /** The canonical text of its details. */
  readonly details: string;
  readonly subjectIds: readonly string[];
}

/** Of whom it is not recorded today. */
export async function listUndisclosed(
  tx: TenantTx,
  organizationId: string,
  showing: Showing,
): Promise<readonly string[]> {
  const [subjectId, ...more] = showing.subjectIds;
  if (subjectId !== undefined && more.length === 0) {
    const known = await sql.existsDisclosure(tx, { organizationId, ...showing, subjectId });
    return known ? [] : [subjectId];
  }
  const rows = await sql.listUndisclosed(tx, { organizationId, ...showing });
  return rows.map(({ subjectId }) => subjectId);
}

export const listDisclosures = (
  tx: TenantTx,
  organizationId: string,
  subjectId: string,
  actions: readonly string[],
  before: number | null,
  limit: number,
): Promise<readonly Disclosure[]> =>
  sql.listDisclosures(tx, { organizationId, subjectId, actions, before, limit });

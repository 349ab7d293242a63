// Written by `bun run sql`. Do not edit.
import { type Statement, type TenantTx, count, many } from "../tx.ts";

export interface InsertEventParams {
  readonly organizationId: string;
  readonly kind: string;
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
}

const insertEventStatement: Statement = {
  name: "security/insert_event",
  text: `insert /* security/insert_event */ into app.security_event (organization_id, kind, user_id, known_device, attempts, locked_until)
values ($1, $2, $3, $4, $5, $6)`,
};

/** Records a lock of a login, or its end. */
export function insertEvent(tx: TenantTx, params: InsertEventParams): Promise<number> {
  return count(tx, insertEventStatement, [
    params.organizationId,
    params.kind,
    params.userId,
    params.knownDevice,
    params.attempts,
    params.lockedUntil,
  ]);
}

export interface ListEventsParams {
  readonly organizationId: string;
  readonly beforeId: string | null;
  readonly limit: number;
}

export interface ListEventsRow {
  readonly securityEventId: string;
  readonly kind: "login_locked" | "login_unlocked";
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
  readonly createdAt: Date;
}

const listEventsStatement: Statement = {
  name: "security/list_events",
  text: `select /* security/list_events */ security_event_id, kind, user_id, known_device, attempts, locked_until, created_at
from app.security_event
where organization_id = $1
  and ($2::uuid is null or security_event_id < $2)
order by security_event_id desc
limit $3::int`,
};

/** Locks of logins and their ends, newest first. */
export function listEvents(tx: TenantTx, params: ListEventsParams): Promise<readonly ListEventsRow[]> {
  return many<ListEventsRow>(tx, listEventsStatement, [params.organizationId, params.beforeId, params.limit]);
}

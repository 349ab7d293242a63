/** Rows of security events, in and out. */
import * as sql from "#sql/security";
import type { TenantTx } from "../../sql/tx.ts";

export interface SecurityEvent {
  readonly id: string;
  readonly kind: "login_locked" | "login_unlocked";
  readonly userId: string | null;
  readonly knownDevice: boolean;
  readonly attempts: number;
  readonly lockedUntil: Date | null;
  readonly createdAt: Date;
}

export const insert = (
  tx: TenantTx,
  organizationId: string,
  event: Pick<SecurityEvent, "kind" | "userId" | "knownDevice" | "attempts" | "lockedUntil">,
) => sql.insertEvent(tx, { organizationId, ...event });

export async function list(
  tx: TenantTx,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly SecurityEvent[]> {
  const rows = await sql.listEvents(tx, { organizationId, beforeId, limit });
  return rows.map(({ securityEventId: id, ...event }) => ({ id, ...event }));
}

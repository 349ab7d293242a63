/** Rows of API keys, in and out. */
import * as sql from "#sql/api-keys";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";

/** A key as those who look after it see it. */
export interface ApiKey {
  readonly id: string;
  /** Whose rights it has. */
  readonly userId: string;
  readonly role: Role;
  readonly name: string;
  /** Its last four letters. */
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
  readonly lastUsedIp: string | null;
  readonly revokedAt: Date | null;
  readonly revokedById: string | null;
  readonly revokeReason:
    | "revoked"
    | "role_changed"
    | "status_changed"
    | "user_deleted"
    | "password_changed"
    | null;
}

const toApiKey = ({ apiKeyId: id, ...row }: sql.ListApiKeysRow): ApiKey => ({ id, ...row });

export interface NewApiKey {
  readonly userId: string;
  readonly name: string;
  readonly tokenHash: Uint8Array;
  readonly hint: string;
  readonly scopes: readonly string[];
  readonly expiresAt: Date;
}

/** Null when the person is not active. */
export async function insert(
  tx: TenantTx,
  organizationId: string,
  apiKey: NewApiKey,
): Promise<ApiKey | null> {
  const row = await sql.insertApiKey(tx, { organizationId, apiKeyId: Bun.randomUUIDv7(), ...apiKey });
  return row === null ? null : toApiKey(row);
}

export async function list(
  tx: TenantTx,
  organizationId: string,
  beforeId: string | null,
  limit: number,
): Promise<readonly ApiKey[]> {
  return (await sql.listApiKeys(tx, { organizationId, beforeId, limit })).map(toApiKey);
}

/** Whether there was one to revoke. */
export async function revoke(tx: TenantTx, organizationId: string, apiKeyId: string): Promise<boolean> {
  return (await sql.updateRevoked(tx, { organizationId, apiKeyId })) > 0;
}

export const prune = (tx: TenantTx, organizationId: string, limit: number) =>
  sql.pruneApiKeys(tx, { organizationId, limit });

export const findByToken = (tx: TenantTx, organizationId: string, tokenHashes: readonly Uint8Array[]) =>
  sql.findByToken(tx, { organizationId, tokenHashes });

export const touch = (tx: TenantTx, organizationId: string, apiKeyId: string, ip: string | null) =>
  sql.updateLastUsed(tx, { organizationId, apiKeyId, ip });

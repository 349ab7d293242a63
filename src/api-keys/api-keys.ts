/**
 * Keys by which programs act for a person without one at the keyboard. A key has the role of whoever made it, as far as
 * its scopes reach, and never what needs a fresh proof of who is asking. It ends when it expires or is revoked, and for
 * good when its person is suspended, deleted, or gets another role or password: whoever had the old password may have
 * made it.
 */
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { onConstraint, readTenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { addressOf, type Origin } from "../devices.ts";
import { forbidden, notFound, refusal } from "../errors.ts";
import { sendMailIn } from "../mail/mail.ts";
import type { Scope } from "../permissions.ts";
import { readSettings, secondFactorRequired } from "../settings.ts";
import { newToken, organizationOf } from "../tokens.ts";
import type { ApiKey } from "./repository.ts";
import * as rows from "./repository.ts";

export type { ApiKey } from "./repository.ts";

export const apiKeyExpiryRefused = refusal(
  "invalid",
  "api_key_expiry_refused",
  "An API key expires some time between now and 366 days from now",
);

export interface ApiKeyInput {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: Date;
}

export interface NewApiKey {
  readonly apiKey: ApiKey;
  /** Told this once: 256 random bits, of which only a keyed hash is kept. */
  readonly token: string;
}

/** Makes a key with the actor's rights, and tells them by mail. Refuses with `api_key_expiry_refused`. */
export async function createApiKey(
  deps: Deps,
  actor: Actor,
  { name, scopes, expiresAt }: ApiKeyInput,
  origin: Origin,
): Promise<NewApiKey> {
  const { organizationId, userId } = actor;
  const refused = () =>
    apiKeyExpiryRefused({ errors: [{ pointer: "#/expiresAt", detail: "is too soon or too late" }] });
  const token = newToken("api_key", organizationId);
  return withTenant(deps.db, actor, async (tx) => {
    const apiKey = await onConstraint(tx, { api_key_expiry: refused }, (inner) =>
      rows.insert(inner, organizationId, {
        userId,
        name,
        tokenHash: deps.keys.mac("api-key", token),
        hint: token.slice(-4),
        scopes: [...new Set(scopes)].sort(),
        expiresAt,
      }),
    );
    if (apiKey === null) throw forbidden();
    await sendMailIn(deps, tx, organizationId, {
      userId,
      template: "api_key_created",
      values: { key: apiKey.name, until: apiKey.expiresAt.toISOString(), address: origin.address },
    });
    await auditIn(tx, organizationId, {
      action: "api_key.created",
      outcome: "success",
      subjectId: userId,
      targetType: "api_key",
      targetId: apiKey.id,
      details: { scopes: apiKey.scopes.join(" "), expiresAt: apiKey.expiresAt.toISOString() },
      origin,
    });
    return { apiKey, token };
  });
}

/** The organization's keys, newest first, ended ones too, one more than `limit` when there are more. */
export async function listApiKeys(
  deps: Deps,
  actor: Actor,
  beforeId: string | null,
  limit: number,
): Promise<readonly ApiKey[]> {
  return readTenant(deps.db, actor, (tx) => rows.list(tx, actor.organizationId, beforeId, limit + 1));
}

/** Ends a key, at once and on every node. Refuses with `not_found`, also one that is revoked already. */
export async function revokeApiKey(
  deps: Deps,
  actor: Actor,
  apiKeyId: string,
  origin: Origin,
): Promise<void> {
  const { organizationId } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    if (!(await rows.revoke(tx, organizationId, apiKeyId))) throw notFound();
    await auditIn(tx, organizationId, {
      action: "api_key.revoked",
      outcome: "success",
      targetType: "api_key",
      targetId: apiKeyId,
      origin,
    });
  });
}

/**
 * Who a key acts for, asked of PostgreSQL each time, or null: it is no key, has ended, or its person has. `address` is
 * where it is used from; the last one is kept, looked at once a minute.
 */
export async function authenticateApiKey(deps: Deps, token: string, address: string): Promise<Actor | null> {
  const organizationId = organizationOf("api_key", token);
  if (organizationId === null) return null;
  const hashes = deps.keys.macs("api-key", token);
  const found = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
    rows.findByToken(tx, organizationId, hashes),
  );
  if (found === null) return null;
  const { apiKeyId, userId, role, scopes } = found;
  if (found.needsTouch) {
    const ip = addressOf({ address });
    await withTenant(deps.db, { organizationId, userId }, (tx) =>
      rows.touch(tx, organizationId, apiKeyId, ip),
    ).catch((error: unknown) => {
      // A key is good also when the time of its last use could not be written.
      deps.log.warn("api_key_not_touched", { organizationId, error });
    });
  }
  return {
    organizationId,
    userId,
    role,
    credential: "api_key",
    sessionId: null,
    apiKeyId,
    scopes,
    // Never: a key proves nothing about who holds it.
    fresh: false,
    freshUntil: null,
    mustEnrol: secondFactorRequired(readSettings(found.settings), role) && !found.hasSecondFactor,
    requestsPerMinute: found.requestsPerMinute,
    generations: {
      organization: found.organizationGeneration,
      users: found.usersGeneration,
      contents: found.contentsGeneration,
    },
  };
}

/** Removes keys that ended ninety days ago or earlier, at most `limit`. Gives their number. */
export async function pruneApiKeys(
  deps: Pick<Deps, "db">,
  organizationId: string,
  limit: number,
): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, (tx) => rows.prune(tx, organizationId, limit));
}

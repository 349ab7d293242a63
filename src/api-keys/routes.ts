import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { answer, type Client, endpoint } from "../http/endpoint.ts";
import { role } from "../http/people.ts";
import { choice, filled, moment, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { SCOPES } from "../permissions.ts";
import { type ApiKey, apiKeyExpiryRefused, createApiKey, listApiKeys, revokeApiKey } from "./api-keys.ts";

const name = filled({ maxLength: 100, examples: ["Timetable import"] });

const apiKey = Type.Object({
  id: uuid(),
  name,
  hint: Type.String({ description: "The last four letters of the key.", examples: ["a1B2"] }),
  scopes: Type.Array(Type.String(), { examples: [["users:read"]] }),
  userId: uuid({ description: "Whose rights it has." }),
  role,
  createdAt: timestamp(),
  expiresAt: timestamp(),
  lastUsedAt: nullable(timestamp({ description: "To the minute." })),
  lastUsedIp: nullable(Type.String()),
  revokedAt: nullable(timestamp()),
  revokedById: nullable(uuid()),
  revokeReason: nullable(
    choice(["revoked", "role_changed", "status_changed", "user_deleted", "password_changed"]),
  ),
});

const view = (row: ApiKey): Static<typeof apiKey> => ({
  id: row.id,
  name: row.name,
  hint: row.hint,
  scopes: [...row.scopes],
  userId: row.userId,
  role: row.role,
  createdAt: row.createdAt,
  expiresAt: row.expiresAt,
  lastUsedAt: row.lastUsedAt,
  lastUsedIp: row.lastUsedIp,
  revokedAt: row.revokedAt,
  revokedById: row.revokedById,
  revokeReason: row.revokeReason,
});

const originOf = (client: Client) => ({
  address: client.address,
  userAgent: client.userAgent,
  deviceToken: client.cookie("device"),
});

export const apiKeysEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/api-keys",
    tag: "api keys",
    summary: "List API keys",
    description:
      "Newest first, also those that have ended, for ninety days. A key itself is never shown again.",
    page: uuid(),
    answers: { 200: pageOf(apiKey) },
    handle: ({ deps, actor, page }) => listApiKeys(deps, actor, page.after, page.limit),
    present: (found, { page }) => page.of(found, view, ({ id }) => id),
  }),
  endpoint({
    method: "POST",
    path: "/v1/api-keys",
    tag: "api keys",
    summary: "Make an API key",
    description: [
      "For a program, which sends it as `Authorization: Bearer`. It may do what you may, as far as its scopes reach, and",
      "never what needs a fresh proof of who is asking. It ends with its date, when it is revoked, when you are suspended,",
      "deleted or get another role, and with every change of your password, which may be known to whoever made it. You are",
      "told of it by mail. `token` is told this once.",
    ].join(" "),
    body: Type.Object({
      name,
      scopes: Type.Array(choice(SCOPES), {
        minItems: 1,
        maxItems: SCOPES.length,
        examples: [["users:read"]],
      }),
      expiresAt: moment({
        description: "At most 366 days from now.",
        examples: ["2027-06-30T22:00:00Z"],
      }),
    }),
    answers: { 201: Type.Object({ apiKey, token: Type.String({ examples: ["satchel_key_…"] }) }) },
    refusals: [apiKeyExpiryRefused],
    handle: ({ deps, actor, body, client }) =>
      createApiKey(deps, actor, { ...body, expiresAt: new Date(body.expiresAt) }, originOf(client)),
    present: ({ apiKey: made, token }) => answer({ apiKey: view(made), token }),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/api-keys/:id",
    tag: "api keys",
    summary: "Revoke an API key",
    description: "At once and for good.",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params, client }) => revokeApiKey(deps, actor, params.id, originOf(client)),
    present: () => undefined,
  }),
];

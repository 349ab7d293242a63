import { type Static, Type } from "@sinclair/typebox";
import { endpoint } from "../http/endpoint.ts";
import { nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { listSecurityEvents, type SecurityEvent } from "./security.ts";

const event = Type.Object({
  id: uuid(),
  kind: Type.Union([Type.Literal("login_locked"), Type.Literal("login_unlocked")]),
  userId: nullable(uuid({ description: "Null when the login that was tried belongs to nobody." })),
  knownDevice: Type.Boolean({
    description: "Whether it happened on a device where the person had signed in before.",
  }),
  attempts: Type.Integer({ description: "Failures in a row." }),
  lockedUntil: nullable(timestamp()),
  createdAt: timestamp(),
});

const view = (row: SecurityEvent): Static<typeof event> => ({
  id: row.id,
  kind: row.kind,
  userId: row.userId,
  knownDevice: row.knownDevice,
  attempts: row.attempts,
  lockedUntil: row.lockedUntil,
  createdAt: row.createdAt,
});

export const securityEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/security/events",
    tag: "security",
    summary: "List locks of logins",
    description: "Newest first.",
    page: uuid(),
    answers: { 200: pageOf(event) },
    handle: ({ deps, actor, page }) => listSecurityEvents(deps, actor, page.after, page.limit),
    present: (found, { page }) => page.of(found, view, ({ id }) => id),
  }),
];

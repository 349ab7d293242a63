import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { choice, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { type Attack, listAttacks, listSecurityEvents, type SecurityEvent } from "./security.ts";

const event = Type.Object({
  id: uuid(),
  kind: choice(["login_locked", "login_unlocked"]),
  door: choice(["password", "second_factor", "recovery_code", "reset", "invitation"], {
    description: "What was guessed at.",
  }),
  userId: nullable(uuid({ description: "Null when the login that was tried belongs to nobody." })),
  knownDevice: Type.Boolean({
    description: "Whether it happened on a device where the person had signed in before.",
  }),
  attempts: Type.Integer({ description: "Failures in a row." }),
  lockedUntil: nullable(timestamp()),
  createdAt: timestamp(),
});

const attack = Type.Object({
  id: uuid(),
  kind: choice(["spray", "enumeration", "guessing"], {
    description:
      "Few passwords at many logins; many logins that nobody has; one person's login, locked again and again.",
  }),
  network: nullable(
    Type.String({
      description:
        "Where it comes from: an address, or the /64 of one of IPv6. Null when it comes from many.",
      examples: ["203.0.113.7"],
    }),
  ),
  userId: nullable(uuid({ description: "Whose login is guessed at; null for many or nobody's." })),
  accounts: Type.Integer({ description: "The most logins tried in vain at any one time." }),
  attempts: Type.Integer({ description: "The most attempts at them at any one time." }),
  firstSeenAt: timestamp(),
  lastSeenAt: timestamp(),
  endedAt: nullable(timestamp({ description: "Null while it goes on." })),
});

const viewAttack = (row: Attack): Static<typeof attack> => ({
  id: row.id,
  kind: row.kind,
  network: row.network,
  userId: row.userId,
  accounts: row.accounts,
  attempts: row.attempts,
  firstSeenAt: row.firstSeenAt,
  lastSeenAt: row.lastSeenAt,
  endedAt: row.endedAt,
});

const view = (row: SecurityEvent): Static<typeof event> => ({
  id: row.id,
  kind: row.kind,
  door: row.door,
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
  endpoint({
    method: "GET",
    path: "/v1/security/attacks",
    tag: "security",
    summary: "List attacks on logins",
    description: "The latest begun first. Ended ones are kept for ninety days.",
    query: t.Object({
      status: t.Optional(
        choice(["open", "ended"], { description: "Only attacks that go on, or only those that are over." }),
      ),
    }),
    page: uuid(),
    answers: { 200: pageOf(attack) },
    handle: ({ deps, actor, query, page }) =>
      listAttacks(
        deps,
        actor,
        query.status === undefined ? null : query.status === "open",
        page.after,
        page.limit,
      ),
    present: (found, { page }) => page.of(found, viewAttack, ({ id }) => id),
  }),
];

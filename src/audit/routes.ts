import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { AUDIT_ACTIONS } from "../audit-actions.ts";
import { endpoint } from "../http/endpoint.ts";
import { choice, described, formed, moment, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { type AuditRecord, listAuditEvents } from "./audit.ts";

const outcome = choice(["success", "refused"]);
const action = choice(AUDIT_ACTIONS, { examples: ["session.refused"] });

const event = Type.Object({
  sequence: Type.Integer({
    minimum: 1,
    description: "Its place in the organization's chain.",
    examples: [1],
  }),
  at: timestamp(),
  action: Type.String({ description: "What was done, `noun.verb`.", examples: ["session.refused"] }),
  outcome,
  actorId: nullable(
    uuid({ description: "Who did it; null for the system, its operator, and somebody unknown." }),
  ),
  sessionId: nullable(uuid({ description: "By which session." })),
  apiKeyId: nullable(uuid({ description: "By which API key." })),
  subjectIds: Type.Array(uuid(), { description: "The people it is about." }),
  targetType: nullable(Type.String({ description: "What it was done to, where that is no person." })),
  targetId: nullable(Type.String()),
  details: Type.Object(
    {},
    { additionalProperties: true, description: "Ids, numbers and words; no personal data." },
  ),
  origin: nullable(
    Type.Object({
      address: Type.String({ examples: ["203.0.113.7"] }),
      userAgent: nullable(Type.String()),
    }),
    { description: "Where it came from. Null when that is not known, or no longer." },
  ),
  hash: Type.String({
    description: "SHA-256 over the event and the hash of the one before, in hexadecimal.",
  }),
});

const view = (row: AuditRecord): Static<typeof event> => ({
  sequence: row.sequence,
  at: row.createdAt,
  action: row.action,
  outcome: row.outcome,
  actorId: row.actorId,
  sessionId: row.sessionId,
  apiKeyId: row.apiKeyId,
  subjectIds: [...row.subjectIds],
  targetType: row.targetType,
  targetId: row.targetId,
  details: row.details as Static<typeof event>["details"],
  origin: row.address === null ? null : { address: row.address, userAgent: row.userAgent },
  hash: Buffer.from(row.hash).toString("hex"),
});

export const auditEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/audit-events",
    tag: "audit",
    summary: "List what happened",
    description:
      "Newest first: who did what, by which session or API key, to whom, from where, and who was refused. It can only be added to; `satchel audit verify` shows that nothing was altered.",
    query: t.Object({
      action: t.Optional(described(action, "Only events of this kind.")),
      outcome: t.Optional(described(outcome, "Only what was done, or only what was refused.")),
      actor: t.Optional(uuid({ description: "Who did it." })),
      apiKey: t.Optional(uuid({ description: "By which API key it was done." })),
      subject: t.Optional(uuid({ description: "The person it is about." })),
      target: t.Optional(
        formed("must be 1 to 200 letters, digits, spaces and ._:/-", {
          pattern: "^[A-Za-z0-9 ._:/-]{1,200}$",
          description: "What it was done to.",
        }),
      ),
      since: t.Optional(moment({ description: "Not before this moment." })),
      until: t.Optional(moment({ description: "Before this moment." })),
    }),
    page: Type.Integer({ minimum: 1 }),
    answers: { 200: pageOf(event) },
    handle: ({ deps, actor, query, page }) =>
      listAuditEvents(
        deps,
        actor,
        {
          action: query.action ?? null,
          outcome: query.outcome ?? null,
          actorId: query.actor ?? null,
          apiKeyId: query.apiKey ?? null,
          subjectId: query.subject ?? null,
          targetId: query.target ?? null,
          since: query.since === undefined ? null : new Date(query.since),
          until: query.until === undefined ? null : new Date(query.until),
        },
        page.after,
        page.limit,
      ),
    present: (found, { page }) => page.of(found, view, ({ sequence }) => sequence),
  }),
];

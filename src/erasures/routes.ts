import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { choice, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  ERASURE_STATES,
  type Erasure,
  erasureRequested,
  getErasure,
  lastAdmin,
  listErasures,
  requestErasure,
  stateOf,
} from "./erasures.ts";

const erasure = Type.Object({
  id: uuid(),
  userId: uuid(),
  state: choice(ERASURE_STATES, {
    description: "`erased`: nothing personal is left.",
    examples: ["running"],
  }),
  requestedById: nullable(uuid({ description: "Null when a ledger asked for it after a restore." })),
  requestedAt: timestamp(),
  startedAt: nullable(timestamp()),
  finishedAt: nullable(timestamp()),
});

const view = (row: Erasure): Static<typeof erasure> => ({
  id: row.id,
  userId: row.userId,
  state: stateOf(row),
  requestedById: row.requestedById,
  requestedAt: row.requestedAt,
  startedAt: row.startedAt,
  finishedAt: row.finishedAt,
});

const params = t.Object({ id: uuid() });

export const erasuresEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/users/:id/erasure",
    tag: "erasures",
    summary: "Erase a person",
    description:
      "For good: they are deleted and signed out at once, and a job erases all that is personal about them, history " +
      "included. What they wrote stays, by somebody of whom nothing is known. If-Match is the person's version.",
    params,
    versioned: "if-match",
    answers: { 202: erasure },
    refusals: [lastAdmin, erasureRequested],
    handle: ({ deps, actor, params, ifMatch, client: { address, userAgent } }) =>
      requestErasure(deps, actor, params.id, ifMatch, { address, userAgent, deviceToken: null }),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/:id/erasure",
    tag: "erasures",
    summary: "See how far a person's erasure is",
    params,
    answers: { 200: erasure },
    handle: ({ deps, actor, params }) => getErasure(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/erasures",
    tag: "erasures",
    summary: "List erasures",
    description: "The latest first.",
    page: uuid(),
    answers: { 200: pageOf(erasure) },
    handle: ({ deps, actor, page }) => listErasures(deps, actor, page.after, page.limit),
    present: (found, { page }) => page.of(found, view, ({ id }) => id),
  }),
];

import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { notFound } from "../errors.ts";
import { answer, endpoint } from "../http/endpoint.ts";
import { choice, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import {
  cancelImport,
  getImport,
  IMPORT_BYTES,
  IMPORT_FAILURES,
  IMPORT_STATES,
  type Import,
  importEnded,
  importUnderWay,
  importUnreadable,
  LINE_OUTCOMES,
  listImportLines,
  PEOPLE_COLUMNS,
  PEOPLE_FORMATS,
  requestImport,
} from "./imports.ts";

const importShape = Type.Object({
  id: uuid(),
  state: choice(IMPORT_STATES, { examples: ["finished"] }),
  failure: nullable(
    choice(IMPORT_FAILURES, { description: "Why it has failed. What was stored until then stays." }),
  ),
  format: choice(PEOPLE_FORMATS, { examples: ["csv"] }),
  dryRun: Type.Boolean(),
  invite: Type.Boolean(),
  total: Type.Integer({
    description: "How many lines the file has, the row of names and empty ones included.",
  }),
  processed: Type.Integer({ description: "How many of its lines are done with." }),
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
  refused: Type.Integer(),
  createdAt: timestamp(),
  requestedById: nullable(uuid()),
  finishedAt: nullable(timestamp()),
});

const lineShape = Type.Object({
  line: Type.Integer({ minimum: 1, description: "Where it begins, from 1, the row of names included." }),
  outcome: choice(LINE_OUTCOMES, { examples: ["refused"] }),
  externalId: nullable(Type.String()),
  userId: nullable(uuid()),
  reason: nullable(Type.String({ description: "Why it was refused: a slug.", examples: ["email_taken"] })),
  detail: nullable(Type.String()),
});

const view = (made: Import): Static<typeof importShape> => ({
  id: made.id,
  state: made.state,
  failure: made.failure,
  format: made.format,
  dryRun: made.dryRun,
  invite: made.invite,
  total: made.total,
  processed: made.processed,
  created: made.created,
  changed: made.changed,
  unchanged: made.unchanged,
  refused: made.refused,
  createdAt: made.createdAt,
  requestedById: made.requestedById,
  finishedAt: made.finishedAt,
});

const params = t.Object({ id: uuid() });

export const importsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/users/import",
    tag: "users",
    summary: "Import people from a file",
    description:
      `A table (\`text/csv\`, with commas, semicolons or tabs) whose first row names its columns, or one JSON object a ` +
      `line (\`application/x-ndjson\`), in UTF-8. Columns: ${PEOPLE_COLUMNS.join(", ")}. A person is known by their ` +
      "external_id: who is not there yet is added, who is there is changed where the line says something else, nobody is " +
      "deleted, and importing the file again changes nothing. An empty cell says nothing. A new person needs full_name; " +
      "the username is the external id where none is given. Nobody gets a password: invite them, or set one. Nobody " +
      "becomes an admin, no admin is changed, nobody's suspension is ended; a new teacher, what a teacher signs in with, " +
      "and another role or e-mail address of anybody need a password given within five minutes. A job does the " +
      "work, for as long as whoever asked for it may still import.",
    query: t.Object({
      dryRun: t.Optional(t.Boolean({ description: "Check everything and store nothing." })),
      invite: t.Optional(
        t.Boolean({ description: "Send everybody who is added, and has an e-mail address, an invitation." }),
      ),
    }),
    upload: ["text/csv", "application/x-ndjson"],
    uploadExamples: {
      "text/csv":
        "external_id,full_name,username,email,role\n" +
        "2026-0042,Ada Lovelace,ada,ada@example.org,student\n" +
        "2026-0043,Grace Hopper,,,student\n",
      "application/x-ndjson":
        '{"external_id":"2026-0042","full_name":"Ada Lovelace","email":"ada@example.org"}\n' +
        '{"external_id":"2026-0043","full_name":"Grace Hopper","role":"student"}\n',
    },
    bodyLimit: IMPORT_BYTES,
    answers: { 202: importShape },
    refusals: [importUnreadable, importUnderWay],
    handle: ({ deps, actor, query, upload: { bytes, mediaType } }) =>
      requestImport(
        deps,
        actor,
        { bytes, format: mediaType === "text/csv" ? "csv" : "ndjson" },
        { dryRun: query.dryRun ?? false, invite: query.invite ?? false },
      ),
    present: (made) => answer(view(made), { headers: { location: `/v1/users/imports/${made.id}` } }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/imports/:id",
    tag: "users",
    summary: "See how far an import is",
    params,
    answers: { 200: importShape },
    handle: ({ deps, actor, params }) => getImport(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/users/imports/:id",
    tag: "users",
    summary: "Cancel an import that waits or is under way",
    description: "Nothing more is stored once this is answered; what was stored until then stays.",
    params,
    answers: { 204: null },
    refusals: [importEnded],
    handle: ({ deps, actor, params }) => cancelImport(deps, actor, params.id),
    present: () => undefined,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/imports/:id/lines",
    tag: "users",
    summary: "List what became of the lines of an import",
    description: "Kept for a week.",
    params,
    query: t.Object({
      outcome: t.Optional(choice(LINE_OUTCOMES, { description: "Only lines that ended like this." })),
    }),
    page: Type.Integer(),
    answers: { 200: pageOf(lineShape) },
    refusals: [notFound],
    handle: ({ deps, actor, params, query, page }) =>
      listImportLines(deps, actor, params.id, query.outcome ?? null, page.after, page.limit),
    present: (found, { page }) =>
      page.of(
        found,
        ({ line, outcome, externalId, userId, reason, detail }) => ({
          line,
          outcome,
          externalId,
          userId,
          reason,
          detail,
        }),
        ({ line }) => line,
      ),
  }),
];

import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { forbidden } from "../errors.ts";
import { answer, endpoint } from "../http/endpoint.ts";
import { formed, nullable, streamed, timestamp, uuid, version } from "../http/wire.ts";
import {
  ATTACHMENTS_LIMIT,
  type Attachment,
  type AttachmentBytes,
  addAttachment,
  attachmentNotDeleted,
  deleteAttachment,
  fileTooLarge,
  getAttachment,
  getAttachmentBytes,
  getSignedBytes,
  illegalTransition,
  isShownInline,
  listAttachments,
  orderAttachments,
  orderIncomplete,
  quotaStorageReached,
  RESTORABLE_DAYS,
  restoreAttachment,
  signAttachment,
  storageUnavailable,
  tooManyAttachments,
  typeMismatch,
  updateAttachment,
} from "./attachments.ts";

// Marks that turn the direction of writing around are among what is refused: a name must end as it seems to.
const name = formed("must be a file name: not blank, without slashes, control and direction marks", {
  minLength: 1,
  maxLength: 255,
  pattern: "^(?=.*\\S)[^\\u0000-\\u001f\\u007f-\\u009f/\\\\\\u202a-\\u202e\\u2066-\\u2069]+$",
  examples: ["leaf.png"],
});
const description = Type.String({
  maxLength: 1000,
  description: "What there is to see or hear, for who cannot.",
  examples: ["A leaf under the microscope"],
});

const attachment = Type.Object({
  id: uuid(),
  contentId: uuid(),
  name,
  description,
  mediaType: Type.String({ description: "Found out from the bytes.", examples: ["image/png"] }),
  size: Type.Integer({ minimum: 0, description: "In bytes.", examples: [48_213] }),
  sha256: Type.String({
    description: "Of the bytes, in hexadecimal. In quotes it is their ETag.",
    examples: ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
  }),
  position: Type.Integer({ minimum: 1, description: "Its place among the attachments of the lesson." }),
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  createdById: nullable(uuid()),
  updatedById: nullable(uuid()),
  deletedAt: nullable(timestamp()),
});
const attachments = Type.Object({ items: Type.Array(attachment) });

const view = (row: Attachment): Static<typeof attachment> => ({
  id: row.id,
  contentId: row.contentId,
  name: row.name,
  description: row.description,
  mediaType: row.mediaType,
  size: row.size,
  sha256: row.sha256,
  position: row.position,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
  createdById: row.createdById,
  updatedById: row.updatedById,
  deletedAt: row.deletedAt,
});

const viewAll = (found: readonly Attachment[]): Static<typeof attachments> => ({ items: found.map(view) });

const BYTES = streamed("*/*");
/** Whatever the bytes are, a page made of them can do nothing: it has an origin of its own and may load and run nothing. */
const CLOSED = "default-src 'none'; frame-ancestors 'none'; sandbox";
/** Browsers show no PDF in a sandbox. Theirs is one: it runs nothing of this site. */
const CLOSED_PDF = "default-src 'none'; frame-ancestors 'none'";

const bytesOf = ({ attachment: row, size, read }: AttachmentBytes, save: boolean) =>
  answer(
    { size, read },
    {
      headers: {
        etag: `"${row.sha256}"`,
        "content-type": row.mediaType.startsWith("text/") ? `${row.mediaType}; charset=utf-8` : row.mediaType,
        "content-disposition": dispositionOf(row.name, save || !isShownInline(row)),
        "content-security-policy": row.mediaType === "application/pdf" ? CLOSED_PDF : CLOSED,
        // To be asked for again each time, since it may be taken away, but not sent again.
        "cache-control": "private, no-cache",
        // The pages of a school may be served from elsewhere.
        "cross-origin-resource-policy": "cross-origin",
      },
    },
  );

/** RFC 6266: the name as it is for who reads RFC 8187, and something like it for who does not. */
function dispositionOf(fileName: string, save: boolean): string {
  const plain = fileName
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\x20-\x7e]|["%\\]/g, "_");
  const exact = encodeURIComponent(fileName.toWellFormed()).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${save ? "attachment" : "inline"}; filename="${plain}"; filename*=UTF-8''${exact}`;
}

const params = t.Object({ id: uuid() });
const save = t.Optional(
  t.Boolean({ description: "Have a browser save it also where it could show it.", examples: [true] }),
);

export const attachmentsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/contents/:id/attachments",
    tag: "attachments",
    summary: "List the attachments of a lesson",
    description: `All of them, at most ${ATTACHMENTS_LIMIT} or so, in their order. For whoever sees the lesson.`,
    params,
    query: t.Object({
      includeDeleted: t.Optional(
        t.Boolean({ description: "Also those that can be restored. For who may write it." }),
      ),
    }),
    answers: { 200: attachments },
    refusals: [forbidden],
    handle: ({ deps, actor, params, query }) =>
      listAttachments(deps, actor, params.id, query.includeDeleted ?? false),
    present: viewAll,
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/:id/attachments",
    tag: "attachments",
    summary: "Attach a file to a lesson",
    description: [
      "The body is the file as it is, of any size up to what is configured. What it is, is found out from its bytes; one",
      "that is not what its name or Content-Type says is refused. It shows at once, also to readers of what is published.",
    ].join(" "),
    params,
    versioned: true,
    query: t.Object({ name, description: t.Optional(description) }),
    stream: ["application/octet-stream", "*/*"],
    answers: { 201: attachment },
    refusals: [
      illegalTransition,
      fileTooLarge,
      typeMismatch,
      quotaStorageReached,
      tooManyAttachments,
      storageUnavailable,
    ],
    handle: ({ deps, actor, params, query, incoming }) =>
      addAttachment(
        deps,
        actor,
        params.id,
        { ...query, mediaType: incoming.mediaType, length: incoming.length },
        incoming.chunks,
      ),
    present: view,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/contents/:id/attachments/order",
    tag: "attachments",
    summary: "Put the attachments of a lesson into an order",
    description: "Names all of them, first one first.",
    params,
    body: Type.Object({ ids: Type.Array(uuid(), { maxItems: 1000 }) }),
    answers: { 200: attachments },
    refusals: [illegalTransition, orderIncomplete],
    handle: ({ deps, actor, params, body }) => orderAttachments(deps, actor, params.id, body.ids),
    present: viewAll,
  }),
  endpoint({
    method: "GET",
    path: "/v1/attachments/:id",
    tag: "attachments",
    summary: "Read what is known of an attachment",
    params,
    versioned: true,
    answers: { 200: attachment },
    handle: ({ deps, actor, params }) => getAttachment(deps, actor, params.id),
    present: view,
  }),
  endpoint({
    method: "GET",
    path: "/v1/attachments/:id/bytes",
    tag: "attachments",
    summary: "Read the bytes of an attachment",
    description: "All of them, or the one range that is asked for.",
    params,
    query: t.Object({ save }),
    answers: { 200: BYTES },
    refusals: [storageUnavailable],
    handle: ({ deps, actor, params }) => getAttachmentBytes(deps, actor, params.id),
    present: (found, { query }) => bytesOf(found, query.save ?? false),
  }),
  endpoint({
    method: "POST",
    path: "/v1/attachments/:id/urls",
    tag: "attachments",
    summary: "Make an address under which anybody can read the bytes for a while",
    description: [
      "For what cannot send a token, such as an image in a page. Whoever has the address has the bytes, until it expires or",
      "the attachment is deleted; one that a reader made ends also with the lesson being unpublished.",
    ].join(" "),
    params,
    body: Type.Object({
      expiresInSeconds: Type.Optional(
        Type.Integer({ minimum: 1, maximum: 86_400, default: 600, examples: [600] }),
      ),
    }),
    answers: {
      201: Type.Object({
        url: Type.String({
          description: "With the host where it is known, else from the root of this server.",
        }),
        expiresAt: timestamp(),
      }),
    },
    handle: ({ deps, actor, params, body }) =>
      signAttachment(deps, actor, params.id, body.expiresInSeconds ?? 600),
    present: ({ token, expiresAt }, { deps }) => ({
      url: `${deps.config.publicUrl?.replace(/\/+$/, "") ?? ""}/v1/files/${token}`,
      expiresAt,
    }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/files/:token",
    tag: "attachments",
    summary: "Read the bytes behind a signed address",
    description:
      "Without a token of a session. An address that is wrong, expired or of something gone answers 404.",
    params: t.Object({ token: Type.String({ maxLength: 1000, description: "Comes with the address." }) }),
    query: t.Object({ save }),
    answers: { 200: BYTES },
    refusals: [storageUnavailable],
    handle: ({ deps, params }) => getSignedBytes(deps, params.token),
    present: (found, { query }) => bytesOf(found, query.save ?? false),
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/attachments/:id",
    tag: "attachments",
    summary: "Rename or describe an attachment",
    params,
    versioned: true,
    body: Type.Partial(Type.Object({ name, description })),
    answers: { 200: attachment },
    refusals: [illegalTransition, typeMismatch],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      updateAttachment(deps, actor, params.id, ifMatch, body),
    present: view,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/attachments/:id",
    tag: "attachments",
    summary: "Delete an attachment",
    description: `Softly: it can be restored for ${RESTORABLE_DAYS} days. It does not count in the quota meanwhile.`,
    params,
    versioned: true,
    answers: { 204: null },
    refusals: [illegalTransition],
    handle: ({ deps, actor, params, ifMatch }) => deleteAttachment(deps, actor, params.id, ifMatch),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/attachments/:id/restore",
    tag: "attachments",
    summary: "Restore a deleted attachment",
    params,
    versioned: true,
    answers: { 200: attachment },
    refusals: [illegalTransition, attachmentNotDeleted, tooManyAttachments, quotaStorageReached],
    handle: ({ deps, actor, params, ifMatch }) => restoreAttachment(deps, actor, params.id, ifMatch),
    present: view,
  }),
];

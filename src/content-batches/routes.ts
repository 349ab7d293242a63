import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { CONTENT_BODY_LIMIT, contentPatchShape, newContentShape } from "../http/contents.ts";
import { endpoint } from "../http/endpoint.ts";
import { type Problem, problemOf } from "../http/problem.ts";
import { choice, nullable, uuid, version } from "../http/wire.ts";
import { transitionSentence } from "../workflow.ts";
import {
  BATCH_ITEMS,
  type BatchItem,
  type BatchTarget,
  batchRefused,
  createContents,
  deleteContents,
  publishContents,
  quotaStorageReached,
  slugTaken,
  sourceIdTaken,
  updateContents,
} from "./content-batches.ts";

/** A thousand lessons with every field there is have 15,000 names; as many again are for their documents. */
const NAME_LIMIT = 32_000;

const mode = choice(["all", "each"], {
  description:
    "`all`: every item, or nothing is stored. `each`: those that can be; the others are told why not.",
  examples: ["each"],
});

const batchOf = <S extends TSchema>(item: S) =>
  Type.Object({ mode, items: Type.Array(item, { minItems: 1, maxItems: BATCH_ITEMS }) });

const anyVersion = Type.Union([version(), Type.Literal("*")], {
  description: "The one you have read, like If-Match; `*` overwrites knowingly.",
});
const target = Type.Object({ id: uuid(), version: Type.Optional(anyVersion) });

const targetOf = ({ id, version }: Static<typeof target>): BatchTarget => ({ id, version: version ?? null });

const problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    instance: Type.String(),
    errors: Type.Optional(
      Type.Array(
        Type.Object({ pointer: Type.String(), detail: Type.String(), type: Type.Optional(Type.String()) }),
      ),
    ),
  },
  { description: "What the item alone would have been refused with: RFC 9457." },
);

const batchItem = Type.Object({
  index: Type.Integer({ description: "Of the item in the request, from 0." }),
  status: Type.Integer({ description: "The HTTP status that the item alone would have been answered with." }),
  id: nullable(uuid(), { description: "Of the lesson; null where the item was refused." }),
  version: nullable(version()),
  problem: nullable(problem),
});
const batch = Type.Object({
  stored: Type.Integer({ description: "How many items were stored." }),
  refused: Type.Integer({ description: "How many were not. None in mode `all`." }),
  items: Type.Array(batchItem, { description: "In the order of the request." }),
});

function problemView(refused: Problem): Static<typeof problem> {
  const { errors, ...rest } = refused;
  return { ...rest, ...(errors === undefined ? {} : { errors: [...errors] }) };
}

const view =
  (done: 200 | 201 | 204) =>
  (
    items: readonly BatchItem[],
    { client }: { readonly client: { readonly requestId: string } },
  ): Static<typeof batch> => ({
    stored: items.filter(({ stored }) => stored !== null).length,
    refused: items.filter(({ refusal }) => refusal !== null).length,
    items: items.map(({ stored, refusal }, index) => {
      const refused = refusal === null ? null : problemOf(refusal, client.requestId);
      return {
        index,
        status: refused?.status ?? done,
        id: stored?.id ?? null,
        version: stored?.version ?? null,
        problem: refused === null ? null : problemView(refused),
      };
    }),
  });

export const contentBatchesEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/contents/batches/create",
    tag: "contents",
    summary: "Write many lessons",
    description:
      "Up to 1,000 drafts in one transaction, each as `POST /v1/contents` takes it. A lesson whose `sourceId` there is already is refused, so the same batch again doubles nothing.",
    body: batchOf(newContentShape),
    bodyLimit: CONTENT_BODY_LIMIT,
    nameLimit: NAME_LIMIT,
    answers: { 200: batch },
    refusals: [batchRefused, slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, body }) => createContents(deps, actor, body.mode, body.items),
    present: view(201),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/batches/update",
    tag: "contents",
    summary: "Change many lessons",
    description: `Up to 1,000 in one transaction, each as \`PATCH /v1/contents/{id}\` changes it: what is not given stays. ${transitionSentence("edit")}`,
    body: batchOf(Type.Composite([Type.Object({ id: uuid(), version: anyVersion }), contentPatchShape])),
    bodyLimit: CONTENT_BODY_LIMIT,
    nameLimit: NAME_LIMIT,
    answers: { 200: batch },
    refusals: [batchRefused, slugTaken, sourceIdTaken, quotaStorageReached],
    handle: ({ deps, actor, body }) =>
      updateContents(
        deps,
        actor,
        body.mode,
        body.items.map(({ id, version, ...patch }) => ({ id, version, patch })),
      ),
    present: view(200),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/batches/publish",
    tag: "contents",
    summary: "Publish many lessons",
    description: `Up to 1,000, which readers see from one moment on: nobody sees some of them without the others. What somebody else wrote and nobody has approved needs its \`version\`. ${transitionSentence("publish")}`,
    body: batchOf(target),
    bodyLimit: CONTENT_BODY_LIMIT,
    nameLimit: NAME_LIMIT,
    answers: { 200: batch },
    refusals: [batchRefused, slugTaken],
    handle: ({ deps, actor, body }) => publishContents(deps, actor, body.mode, body.items.map(targetOf)),
    present: view(200),
  }),
  endpoint({
    method: "POST",
    path: "/v1/contents/batches/delete",
    tag: "contents",
    summary: "Delete many lessons",
    description: "Up to 1,000 in one transaction. Each can be restored by itself.",
    body: batchOf(target),
    bodyLimit: CONTENT_BODY_LIMIT,
    nameLimit: NAME_LIMIT,
    answers: { 200: batch },
    refusals: [batchRefused],
    handle: ({ deps, actor, body }) => deleteContents(deps, actor, body.mode, body.items.map(targetOf)),
    present: view(204),
  }),
];

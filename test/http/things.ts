/** The endpoints the tests of the shell talk to: one of every kind. */
import { Type } from "@sinclair/typebox";
import { stale } from "../../src/errors.ts";
import { answer, endpointFor } from "../../src/http/endpoint.ts";
import { binary, choice, nullable, pageOf, timestamp, uuid, version } from "../../src/http/wire.ts";
import { EVERYBODY, ID, STAFF } from "./support.ts";

const thing = Type.Object({
  id: uuid(),
  title: Type.String(),
  kind: choice(["big", "small"]),
  note: nullable(Type.String()),
  createdAt: timestamp(),
  version: version(),
});

const made = new Date("2026-11-24T08:00:00Z");
const view = (id: string, title: string, at = 3) => ({
  id,
  title,
  kind: "big" as const,
  note: null,
  createdAt: made,
  version: at,
});

const one = Type.Object({ id: uuid() });

export const get = endpointFor(EVERYBODY, {
  method: "GET",
  path: "/v1/things/:id",
  tag: "things",
  summary: "Get a thing",
  params: one,
  answers: { 200: thing },
  versioned: true,
  handle: ({ params }) => params.id,
  present: (id) => view(id, "a thing"),
});

export const list = endpointFor(EVERYBODY, {
  method: "GET",
  path: "/v1/things",
  tag: "things",
  summary: "List things",
  query: Type.Object({
    kind: Type.Optional(choice(["big", "small"], { description: "Only of this kind." })),
    least: Type.Optional(Type.Integer({ minimum: 0, description: "Only from this number on." })),
    live: Type.Optional(Type.Boolean({ description: "Only what is live." })),
    tags: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { maxItems: 3, description: "Only with all of these." }),
    ),
  }),
  page: Type.Object({ number: Type.Integer() }),
  answers: { 200: pageOf(Type.Object({ number: Type.Integer(), seen: Type.String() })) },
  handle: ({ page, query }) => {
    const first = (page.after?.number ?? 0) + 1;
    const { limit: _, cursor: __, ...filters } = query as Record<string, unknown>;
    return Array.from({ length: page.limit }, (_, at) => ({
      number: first + at,
      seen: JSON.stringify(filters),
    }));
  },
  present: (rows, { page }) => {
    const last = rows.at(-1)?.number ?? 0;
    return page.answer(rows, last >= 10 ? null : { number: last });
  },
});

export const make = endpointFor(STAFF, {
  method: "POST",
  path: "/v1/things",
  tag: "things",
  summary: "Make a thing",
  body: Type.Object({
    title: Type.String({ minLength: 1, maxLength: 20 }),
    kind: Type.Optional(choice(["big", "small"])),
    nested: Type.Optional(Type.Object({ deep: Type.Object({ number: Type.Integer() }) })),
    free: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  answers: { 201: thing },
  versioned: true,
  handle: ({ body }) => body.title,
  present: (title) => answer(view(ID, title, 1), { headers: { location: `/v1/things/${ID}` } }),
});

export const change = endpointFor(EVERYBODY, {
  method: "PATCH",
  path: "/v1/things/:id",
  tag: "things",
  summary: "Change a thing",
  params: one,
  body: Type.Object({ title: Type.String() }),
  answers: { 200: thing },
  versioned: true,
  handle: ({ ifMatch, body, params }) => {
    if (ifMatch !== "*" && ifMatch !== 3) throw stale();
    return { id: params.id, title: body.title };
  },
  present: ({ id, title }) => view(id, title, 4),
});

export const remove = endpointFor(EVERYBODY, {
  method: "DELETE",
  path: "/v1/things/:id",
  tag: "things",
  summary: "Delete a thing",
  params: one,
  answers: { 204: null },
  versioned: "if-match",
  handle: () => null,
  present: () => undefined,
});

export const publish = endpointFor(EVERYBODY, {
  method: "POST",
  path: "/v1/things/:id/publish",
  tag: "things",
  summary: "Publish a thing",
  params: one,
  answers: { 200: thing },
  versioned: "if-match",
  handle: ({ params }) => params.id,
  present: (id) => view(id, "published", 4),
});

export const signIn = endpointFor("public", {
  method: "POST",
  path: "/v1/session",
  tag: "session",
  summary: "Sign in",
  body: Type.Object({ password: Type.String() }),
  answers: { 201: Type.Object({ seen: nullable(Type.String()) }) },
  handle: ({ client }) => client.cookie("device"),
  present: (seen) =>
    answer(
      { seen },
      {
        cookies: {
          session: { value: "teacher-token", maxAgeSeconds: 60 },
          device: { value: "d1", maxAgeSeconds: 90 },
        },
      },
    ),
});

export const signOut = endpointFor(EVERYBODY, {
  method: "DELETE",
  path: "/v1/session",
  tag: "session",
  summary: "Sign out",
  answers: { 204: null },
  handle: () => null,
  present: () => answer(undefined, { cookies: { session: null } }),
});

export const upload = endpointFor(EVERYBODY, {
  method: "PUT",
  path: "/v1/things/:id/picture",
  tag: "things",
  summary: "Give a thing a picture",
  params: one,
  upload: ["image/png", "text/*"],
  bodyLimit: 1000,
  answers: { 200: Type.Object({ mediaType: Type.String(), size: Type.Integer() }) },
  handle: ({ upload: { mediaType, bytes } }) => ({ mediaType, size: bytes.byteLength }),
  present: (seen) => seen,
});

export const picture = endpointFor(EVERYBODY, {
  method: "GET",
  path: "/v1/things/:id/picture",
  tag: "things",
  summary: "The picture of a thing",
  params: one,
  answers: { 200: binary("image/png") },
  handle: () => new Uint8Array([1, 2, 3]),
  present: (bytes) => answer(bytes, { headers: { "content-type": "image/png" } }),
});

export const who = endpointFor("public", {
  method: "GET",
  path: "/v1/who",
  tag: "session",
  summary: "What is known of the caller",
  answers: {
    200: Type.Object({
      address: Type.String(),
      userAgent: nullable(Type.String()),
      traceId: nullable(Type.String()),
      requestId: Type.String(),
    }),
  },
  handle: ({ client: { address, userAgent, traceId, requestId } }) => ({
    address,
    userAgent,
    traceId,
    requestId,
  }),
  present: (seen) => seen,
});

export const things = [get, list, make, change, remove, publish, signIn, signOut, upload, picture, who];

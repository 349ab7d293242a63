/** What the shell costs a request: the same small endpoints on bare Elysia and behind it. `bun test/bench/http.ts` */
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { endpointFor } from "../../src/http/endpoint.ts";
import { uuid } from "../../src/http/wire.ts";
import { parseJson } from "../../src/json.ts";
import { EVERYBODY, request, shell } from "../http/support.ts";

const ID = "01931e5a-0000-7000-8000-000000000001";
const thing = Type.Object({ id: uuid(), title: Type.String(), version: Type.Integer() });
const input = Type.Object({
  title: Type.String({ maxLength: 200 }),
  tags: Type.Array(Type.String()),
  text: Type.String(),
});

const app = shell([
  endpointFor("public", {
    method: "GET",
    path: "/v1/plain",
    tag: "bench",
    summary: "Plain",
    answers: { 200: Type.Object({ ok: Type.Boolean() }) },
    handle: () => ({ ok: true }),
    present: (made) => made,
  }),
  endpointFor(EVERYBODY, {
    method: "GET",
    path: "/v1/things/:id",
    tag: "bench",
    summary: "Thing",
    versioned: true,
    params: Type.Object({ id: uuid() }),
    answers: { 200: thing },
    handle: ({ params }) => ({ id: params.id, title: "a thing", version: 3 }),
    present: (made) => made,
  }),
  endpointFor(EVERYBODY, {
    method: "POST",
    path: "/v1/things",
    tag: "bench",
    summary: "Make",
    body: input,
    answers: { 201: thing },
    handle: ({ body }) => ({ id: ID, title: body.title, version: 1 }),
    present: (made) => made,
  }),
]);

const bare = new Elysia()
  .get("/v1/plain", () => ({ ok: true }))
  .get("/v1/things/:id", ({ params }) => ({ id: params.id, title: "a thing", version: 3 }), {
    params: Type.Object({ id: uuid() }),
    response: thing,
  })
  .post(
    "/v1/things",
    ({ body, set }) => {
      set.status = 201;
      return { id: ID, title: body.title, version: 1 };
    },
    { body: input },
  );

const json = { title: "a thing", tags: ["one", "two", "three"], text: "lorem ipsum ".repeat(75) };
const cases: readonly [string, () => Request][] = [
  ["GET, public", () => request("/v1/plain", { token: null })],
  ["GET, signed in, one parameter", () => request(`/v1/things/${ID}`)],
  ["POST, signed in, 1 kB of JSON", () => request("/v1/things", { json })],
];

async function perSecond(
  answer: (made: Request) => Response | Promise<Response>,
  make: () => Request,
): Promise<number> {
  const seconds = async (rounds: number, send: (made: Request) => unknown): Promise<number> => {
    const started = performance.now();
    for (let round = 0; round < rounds; round++) await send(make());
    return (performance.now() - started) / 1000;
  };
  await seconds(3000, answer);
  const rounds = 20_000;
  // Making the request is the client's work: it is measured apart and taken off.
  const whole = await seconds(rounds, answer);
  const making = await seconds(rounds, () => null);
  return rounds / (whole - making);
}

console.log("| request | bare Elysia /s | with the shell /s | ratio | µs added |\n|---|---|---|---|---|");
for (const [name, make] of cases) {
  const raw = await perSecond((made) => bare.handle(made), make);
  const whole = await perSecond((made) => app.handle(made), make);
  const added = 1e6 / whole - 1e6 / raw;
  console.log(
    `| ${name} | ${Math.round(raw)} | ${Math.round(whole)} | ${(whole / raw).toFixed(2)} | ${added.toFixed(1)} |`,
  );
}

console.log("\n| JSON | JSON.parse µs | strict µs |\n|---|---|---|");
const documents: readonly [string, unknown][] = [
  ["1 kB, a text", json],
  ["1 kB, 40 names", Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`name${at}`, `value ${at}`]))],
  [
    "100 kB, 900 names",
    Array.from({ length: 300 }, (_, at) => ({ id: at, title: "x".repeat(250), body: "y" })),
  ],
];
const decoder = new TextDecoder();
for (const [name, value] of documents) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const time = (read: () => unknown): number => {
    const rounds = Math.ceil(2e7 / bytes.length);
    for (let round = 0; round < rounds / 10; round++) read();
    const started = performance.now();
    for (let round = 0; round < rounds; round++) read();
    return ((performance.now() - started) * 1000) / rounds;
  };
  const plain = time(() => JSON.parse(decoder.decode(bytes)));
  const strict = time(() => parseJson(bytes));
  console.log(`| ${name} | ${plain.toFixed(2)} | ${strict.toFixed(2)} |`);
}
app.close();

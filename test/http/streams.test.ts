/** Bodies and answers of any size, over a socket: nothing is whole in memory, nobody waits for who stands still. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import { Type } from "@sinclair/typebox";
import type { App } from "../../src/http/app.ts";
import { endpointFor } from "../../src/http/endpoint.ts";
import { type Listening, listen } from "../../src/http/listen.ts";
import { LEAST_BYTES } from "../../src/http/streams.ts";
import { streamed } from "../../src/http/wire.ts";
import { shell } from "./support.ts";

const TIMEOUT_MS = 300;
const BIG = 64 * 1024 ** 2;
const CHUNK = new Uint8Array(256 * 1024).fill(7);

/** What the endpoints have seen, for the tests to wait for. */
const seen = { received: 0, ended: "", cancelled: 0, sent: 0 };

const endpoints = [
  endpointFor("public", {
    method: "POST",
    path: "/v1/uploads",
    tag: "test",
    summary: "Take bytes",
    stream: ["application/octet-stream", "*/*"],
    answers: { 201: Type.Object({ size: Type.Integer(), hash: Type.String() }) },
    handle: async ({ incoming }) => {
      const hash = createHash("sha256");
      let size = 0;
      try {
        for await (const chunk of incoming.chunks) {
          hash.update(chunk);
          size += chunk.byteLength;
          seen.received = size;
        }
        seen.ended = "whole";
      } catch (error) {
        seen.ended = error instanceof Error && "slug" in error ? String(error.slug) : "failed";
        throw error;
      }
      return { size, hash: hash.digest("hex") };
    },
    present: (made) => made,
  }),
  endpointFor("public", {
    method: "GET",
    path: "/v1/downloads",
    tag: "test",
    summary: "Give bytes",
    answers: { 200: streamed("application/octet-stream") },
    handle: () => ({
      size: BIG,
      read: (from: number, to: number) => {
        let left = to - from;
        return new ReadableStream<Uint8Array>({
          pull: (controller) => {
            const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.byteLength));
            left -= chunk.byteLength;
            seen.sent += chunk.byteLength;
            controller.enqueue(chunk);
            if (left === 0) controller.close();
          },
          cancel: () => {
            seen.cancelled++;
          },
        });
      },
    }),
    present: (body) => body,
  }),
  endpointFor("public", {
    method: "GET",
    path: "/v1/broken",
    tag: "test",
    summary: "Give fewer bytes than there should be",
    answers: { 200: streamed("application/octet-stream") },
    handle: () => ({ size: 1000, read: () => new Blob([new Uint8Array(10)]).stream() }),
    present: (body) => body,
  }),
];

let app: App;
let server: Listening;
const lines: { event: string }[] = [];
beforeAll(() => {
  app = shell(endpoints, {
    lines: lines as never,
    config: { streamTimeoutMs: TIMEOUT_MS, requestTimeoutMs: 150, userConcurrency: 4 },
  });
  server = listen({ app, host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await server.stop(1000);
});

const until = async (what: () => boolean): Promise<void> => {
  const deadline = performance.now() + 10_000;
  while (!what()) {
    if (performance.now() > deadline) throw new Error("it did not come about");
    await Bun.sleep(5);
  }
};

/** A connection that sends what it is told to, and remembers what it was sent. */
function dial(head: string) {
  const socket = connect(server.port, "127.0.0.1");
  const state = { text: "", bytes: 0, closed: false };
  socket.on("data", (data) => {
    state.bytes += data.length;
    if (state.text.length < 4000) state.text += data.toString("latin1");
  });
  socket.on("close", () => {
    state.closed = true;
  });
  socket.on("error", () => {});
  socket.write(head);
  return { socket, state };
}
const POST = "POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\n";

describe("a body", () => {
  test("may take longer than any request, as long as it moves", async () => {
    const { socket, state } = dial(`${POST}Content-Length: ${8 * LEAST_BYTES}\r\n\r\n`);
    for (let part = 0; part < 8; part++) {
      socket.write(new Uint8Array(LEAST_BYTES));
      await Bun.sleep(TIMEOUT_MS / 3);
    }
    await until(() => state.text.includes("201"));
    expect(state.text).toContain(`"size":${8 * LEAST_BYTES}`);
    socket.destroy();
  });

  test("that stands still, or only trickles, is given up, and the connection with it", async () => {
    for (const trickle of [false, true]) {
      seen.ended = "";
      const { socket, state } = dial(`${POST}Content-Length: 1000000\r\n\r\nabc`);
      const timer = setInterval(() => trickle && socket.write("x"), 20);
      await until(() => state.closed || state.text.includes("body_timeout"));
      expect(state.text).toContain("408");
      await until(() => seen.ended !== "");
      expect(seen.ended).toBe("body_timeout");
      clearInterval(timer);
      socket.destroy();
    }
  });

  test("whose sender goes away is never taken for whole, with a length or without", async () => {
    for (const head of [
      "Content-Length: 100000\r\n\r\nabc",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ]) {
      [seen.ended, seen.received] = ["", 0];
      const { socket } = dial(POST + head);
      await until(() => seen.received === 3);
      socket.destroy();
      await until(() => seen.ended !== "");
      expect(seen.ended).toBe("malformed_request");
    }
  });

  test("in chunks, of no length that anybody knows, arrives whole", async () => {
    const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        for (let at = 0; at < bytes.byteLength; at += 70_000)
          controller.enqueue(bytes.subarray(at, at + 70_000));
        controller.close();
      },
    });
    const response = await fetch(`${server.url}/v1/uploads`, { method: "POST", body });
    expect(await response.json()).toEqual({
      size: bytes.byteLength,
      hash: createHash("sha256").update(bytes).digest("hex"),
    });
  });

  test("may not be compressed, and must be of a media type there can be", async () => {
    for (const headers of [{ "content-encoding": "gzip" }, { "content-type": "no type" }]) {
      const response = await fetch(`${server.url}/v1/uploads`, { method: "POST", body: "x", headers });
      expect(response.status).toBe(415);
    }
  });
});

describe("an answer", () => {
  test("says which part it is, and the connection serves on", async () => {
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`${server.url}/v1/downloads`, { headers: { range: "bytes=0-999999" } });
      expect([response.status, response.headers.get("content-range")]).toEqual([
        206,
        `bytes 0-999999/${BIG}`,
      ]);
      expect((await response.bytes()).byteLength).toBe(1_000_000);
    }
  });

  test("waits for who reads it, and is given up when they stand still", async () => {
    [seen.sent, seen.cancelled] = [0, 0];
    const { socket, state } = dial("GET /v1/downloads HTTP/1.1\r\nHost: localhost\r\n\r\n");
    socket.pause();
    await until(() => seen.cancelled === 1);
    // What was read ahead of them fits into the buffers of two sockets.
    expect(seen.sent).toBeLessThan(BIG / 4);
    socket.resume();
    await until(() => state.closed);
    expect(state.bytes).toBeLessThan(BIG);
  });

  test("whose reader goes away ends at once", async () => {
    seen.cancelled = 0;
    const { socket, state } = dial("GET /v1/downloads HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until(() => state.bytes > 0);
    socket.destroy();
    await until(() => seen.cancelled === 1);
  });

  test("that comes short ends the connection, so that nobody takes it for whole", async () => {
    const { state } = dial("GET /v1/broken HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until(() => state.closed);
    // The chunk of no bytes that ends an answer did not come.
    expect(state.text).not.toEndWith("0\r\n\r\n");
    await until(() => lines.some(({ event }) => event === "answer_cut_off"));
  });

  test("takes a place among those under way until its last byte, and gives it back", async () => {
    const opened = [];
    for (let n = 0; n < 4; n++) {
      const { socket, state } = dial("GET /v1/downloads HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await until(() => state.bytes > 0);
      opened.push(socket);
    }
    const refused = await fetch(`${server.url}/v1/downloads`, { headers: { range: "bytes=0-9" } });
    expect(refused.status).toBe(429);
    for (const socket of opened) socket.destroy();
    let status = 429;
    while (status === 429) {
      const response = await fetch(`${server.url}/v1/downloads`, { headers: { range: "bytes=0-9" } });
      ({ status } = response);
      await response.bytes();
    }
    expect(status).toBe(206);
  });
});

/** Over a real port: what a client can do to a connection, and how the port is closed. */
import { afterAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { Type } from "@sinclair/typebox";
import { endpointFor } from "../../src/http/endpoint.ts";
import { type Listening, listen } from "../../src/http/listen.ts";
import { EVERYBODY, ID, shell } from "./support.ts";
import { things } from "./things.ts";

const app = shell(things);
const server = listen({ app, host: "127.0.0.1", port: 0 });
afterAll(() => server.stop(1000));

const AUTH = "Authorization: Bearer teacher-token\r\n";

interface Reply {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

interface Connection {
  write(text: string): void;
  /** The next whole answer; null when the connection closed before it began. */
  answer(): Promise<Reply | null>;
  closed(): Promise<void>;
  end(): void;
}

/** Speaks HTTP by hand, so that what no client library sends can be sent. */
async function dial(to: Listening = server): Promise<Connection> {
  const socket: Socket = connect(to.port, "127.0.0.1");
  let buffer = "";
  let over = false;
  let wake: (() => void) | null = null;
  const nudge = () => {
    const next = wake;
    wake = null;
    next?.();
  };
  socket.on("data", (chunk: Buffer) => {
    buffer += chunk.toString("latin1");
    nudge();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    over = true;
    nudge();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const more = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const take = (): Reply | null => {
    const end = buffer.indexOf("\r\n\r\n");
    if (end === -1) return null;
    const head = buffer.slice(0, end);
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    if (buffer.length < end + 4 + length) return null;
    const body = buffer.slice(end + 4, end + 4 + length);
    buffer = buffer.slice(end + 4 + length);
    return { status: Number(head.split(" ")[1]), head, body };
  };
  return {
    write: (text) => void socket.write(text, "latin1"),
    answer: async () => {
      for (;;) {
        const reply = take();
        if (reply !== null) return reply;
        if (over) return null;
        await more();
      }
    },
    closed: async () => {
      while (!over) await more();
    },
    end: () => socket.destroy(),
  };
}

async function ask(text: string): Promise<Reply | null> {
  const connection = await dial();
  connection.write(text);
  const reply = await connection.answer();
  connection.end();
  return reply;
}

describe("a malformed head", () => {
  test("with two Hosts, none, or in HTTP/1.0 is 400", async () => {
    const two = await ask("GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    expect([two?.status, two?.body.includes("malformed_request")]).toEqual([400, true]);
    expect((await ask("GET /livez HTTP/1.1\r\n\r\n"))?.status).toBe(400);
    const old = await ask("GET /livez HTTP/1.0\r\n\r\n");
    expect([old?.status, old?.body.includes("malformed_request")]).toEqual([400, true]);
  });

  test("of more than 16 KiB is 431, with an address of more than 4 KiB 414", async () => {
    expect((await ask(`GET /livez HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(17_000)}\r\n\r\n`))?.status).toBe(
      431,
    );
    expect((await ask(`GET /livez HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(15_000)}\r\n\r\n`))?.status).toBe(
      200,
    );
    const long = await ask(`GET /${"x".repeat(5000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect([long?.status, long?.body.includes("uri_too_long")]).toEqual([414, true]);
  });

  test("whose lengths contradict each other is 400: nothing can be smuggled behind it", async () => {
    const post = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
    for (const lengths of [
      "Content-Length: 4\r\nContent-Length: 5\r\n",
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 1e2\r\n",
    ]) {
      expect([lengths, (await ask(`${post}${lengths}\r\n0\r\n\r\n`))?.status]).toEqual([lengths, 400]);
    }
  });

  test("with a strange method gets no further than the shell", async () => {
    expect((await ask("TRACE /v1/things HTTP/1.1\r\nHost: a\r\n\r\n"))?.status).toBe(405);
    expect((await ask("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"))?.status).toBe(400);
    expect([400, undefined]).toContain((await ask("\0\x01 nonsense\r\n\r\n"))?.status);
    expect((await ask(`GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n`))?.status).toBe(404);
  });

  test("names no server software", async () => {
    expect((await ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))?.head).not.toMatch(
      /^(server|x-powered-by):/im,
    );
  });
});

describe("a body on the wire", () => {
  test("that is refused for its size ends the connection instead of being taken for a request", async () => {
    const connection = await dial();
    connection.write(
      `POST /v1/things HTTP/1.1\r\nHost: a\r\n${AUTH}Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n`,
    );
    const reply = await connection.answer();
    expect([reply?.status, reply?.body.includes("body_too_large")]).toEqual([413, true]);
    await connection.closed();
  });

  test("in chunks is taken, and counted", async () => {
    const head = `POST /v1/things HTTP/1.1\r\nHost: a\r\n${AUTH}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const taken = await ask(`${head}6\r\n{"titl\r\n9\r\ne":"abc"}\r\n0\r\n\r\n`);
    expect([taken?.status, taken?.body.includes('"abc"')]).toEqual([201, true]);
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    expect((await ask(head + chunk.repeat(5)))?.status).toBe(413);
  });

  test("that trickles is cut off at the deadline, however steadily it comes", async () => {
    const hasty = shell(things, { config: { requestTimeoutMs: 300 } });
    const quick = listen({ app: hasty, host: "127.0.0.1", port: 0 });
    const connection = await dial(quick);
    connection.write(
      `POST /v1/things HTTP/1.1\r\nHost: a\r\n${AUTH}Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n`,
    );
    const trickle = setInterval(() => connection.write(" "), 20);
    const reply = await connection.answer();
    clearInterval(trickle);
    expect([reply?.status, reply?.body.includes("body_timeout")]).toEqual([408, true]);
    await connection.closed();
    await quick.stop(1000);
  });

  test("whose sender goes away harms nobody", async () => {
    const connection = await dial();
    connection.write(
      `POST /v1/things HTTP/1.1\r\nHost: a\r\n${AUTH}Content-Type: application/json\r\nContent-Length: 50\r\n\r\n{"ti`,
    );
    while (app.underWay() === 0) await new Promise((resolve) => setImmediate(resolve));
    connection.end();
    while (app.underWay() > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await ask("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))?.status).toBe(200);
  });
});

describe("one connection", () => {
  test("serves HEAD with the length and without the body, and goes on", async () => {
    const connection = await dial();
    connection.write(`HEAD /v1/things/${ID} HTTP/1.1\r\nHost: a\r\n${AUTH}\r\n`);
    // The length says what a GET would send; nothing of it comes.
    const head = await new Promise<string>((resolve) => {
      connection.write(`GET /livez HTTP/1.1\r\nHost: a\r\n\r\n`);
      void connection.answer().then((reply) => resolve(reply?.head ?? ""));
    });
    expect(head).toContain("200");
    expect(head).toMatch(/content-length: 1\d\d/i);
    connection.end();
  });

  test("serves requests that were sent without waiting, in order", async () => {
    const connection = await dial();
    connection.write(`GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /nope HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await connection.answer())?.status).toBe(200);
    expect((await connection.answer())?.status).toBe(404);
    connection.end();
  });
});

describe("stopping", () => {
  const slow = (ms: () => Promise<void>) =>
    endpointFor(EVERYBODY, {
      method: "GET",
      path: "/v1/slow",
      tag: "x",
      summary: "Slow",
      answers: { 200: Type.Object({ done: Type.Boolean() }) },
      handle: ms,
      present: () => ({ done: true }),
    });

  test("under load breaks no request, and ends at once when all are answered [row 117]", async () => {
    const busy = shell([...things, slow(() => Bun.sleep(5))]);
    const stopping = listen({ app: busy, host: "127.0.0.1", port: 0 });
    const seen = { answered: 0, broken: 0, refused: 0 };
    const client = async (): Promise<void> => {
      for (;;) {
        let connection: Connection;
        try {
          connection = await dial(stopping);
        } catch {
          seen.refused++;
          return;
        }
        for (let open = true; open; ) {
          connection.write(`GET /v1/slow HTTP/1.1\r\nHost: a\r\n${AUTH}\r\n`);
          const reply = await connection.answer();
          if (reply?.status !== 200) {
            seen.broken++;
            return;
          }
          seen.answered++;
          open = !/^connection: close/im.test(reply.head);
        }
        connection.end();
      }
    };
    const clients = Promise.all(Array.from({ length: 32 }, client));
    while (seen.answered < 500) await Bun.sleep(1);
    const started = performance.now();
    expect(await stopping.stop(8000)).toBe(0);
    expect(performance.now() - started).toBeLessThan(3000);
    await clients;
    expect(seen).toMatchObject({ broken: 0, refused: 32 });
  }, 20_000);

  test("waits for a request under way, and no longer than it may", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const busy = shell([slow(() => promise)]);
    const stopping = listen({ app: busy, host: "127.0.0.1", port: 0 });
    const connection = await dial(stopping);
    connection.write(`GET /v1/slow HTTP/1.1\r\nHost: a\r\n${AUTH}\r\n`);
    while (busy.underWay() === 0) await Bun.sleep(1);
    const stopped = stopping.stop(8000);
    await Bun.sleep(300);
    resolve();
    const reply = await connection.answer();
    expect([reply?.status, /^connection: close/im.test(reply?.head ?? "")]).toEqual([200, true]);
    expect(await stopped).toBe(0);

    const stuck = shell([slow(() => new Promise(() => {}))]);
    const hanging = listen({ app: stuck, host: "127.0.0.1", port: 0 });
    const waiting = await dial(hanging);
    waiting.write(`GET /v1/slow HTTP/1.1\r\nHost: a\r\n${AUTH}\r\n`);
    while (stuck.underWay() === 0) await Bun.sleep(1);
    const started = performance.now();
    expect(await hanging.stop(500)).toBe(1);
    expect(performance.now() - started).toBeLessThan(1500);
    expect(await waiting.answer()).toBeNull();
  });
});

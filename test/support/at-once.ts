/**
 * Requests that arrive at once: every connection is open before the first request is sent. A client that keeps connections
 * would send a few hundred at a time, and a race that needs a thousand would not be run.
 */
import { requestOf, type Sent } from "./app.ts";

export interface AtOnce extends Sent {
  /** Of the server: `http://127.0.0.1:3000`. */
  readonly url: string;
  readonly method: string;
  readonly path: string;
}

export interface AnsweredAtOnce<Body> {
  readonly status: number;
  readonly body: Body;
}

/** How many connections are opened at a time: a server has room for so many that it has not accepted yet. */
const OPENING = 100;

/** Sends them all at once and gives the answers in their order. Rejects when one is not answered in time. */
export async function atOnce<Body = unknown>(
  requests: readonly AtOnce[],
  timeoutMs = 30_000,
): Promise<readonly AnsweredAtOnce<Body>[]> {
  const open: Connection[] = [];
  for (let from = 0; from < requests.length; from += OPENING) {
    open.push(...(await Promise.all(requests.slice(from, from + OPENING).map(({ url }) => connect(url)))));
  }
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("not all were answered in time")), timeoutMs);
  try {
    return await Promise.race([
      Promise.all(open.map((connection, n) => connection.ask<Body>(requests[n] as AtOnce))),
      late.promise,
    ]);
  } finally {
    clearTimeout(timer);
    for (const connection of open) connection.end();
  }
}

interface Connection {
  ask<Body>(request: AtOnce): Promise<AnsweredAtOnce<Body>>;
  end(): void;
}

async function connect(url: string): Promise<Connection> {
  const { hostname, port, host } = new URL(url);
  const answer = Promise.withResolvers<string>();
  let received = "";
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_, part) => {
        received += part.toString("latin1");
        if (isWhole(received)) answer.resolve(received);
      },
      close: () => answer.reject(new Error(`the connection was closed after: ${received}`)),
      error: (_, error) => answer.reject(error),
    },
  });
  // Who is not asked any more is not told either.
  answer.promise.catch(() => {});
  return {
    ask: async <Body>({ method, path, ...sent }: AtOnce) => {
      const { headers, body = "" } = requestOf(method, sent);
      const text = typeof body === "string" ? body : "";
      const lines = [
        `${method} ${path} HTTP/1.1`,
        `host: ${host}`,
        ...[...new Headers(headers)].map(([name, value]) => `${name}: ${value}`),
        `content-length: ${Buffer.byteLength(text)}`,
      ];
      socket.write(`${lines.join("\r\n")}\r\n\r\n${text}`);
      const whole = await answer.promise;
      const content = Buffer.from(whole.slice(whole.indexOf("\r\n\r\n") + 4), "latin1").toString();
      return {
        status: Number(whole.slice(9, 12)),
        body: (content === "" ? null : JSON.parse(content)) as Body,
      };
    },
    end: () => socket.end(),
  };
}

function isWhole(received: string): boolean {
  const head = received.indexOf("\r\n\r\n");
  if (head === -1) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, head))?.[1] ?? "0";
  return received.length >= head + 4 + Number(length);
}

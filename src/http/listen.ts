/**
 * Opens the port, and closes it without breaking a request.
 *
 * What Bun bounds by itself: a request head of more than 16 KiB (431), one that has not arrived whole within about
 * 12 seconds however it trickles, a missing Host, conflicting lengths (400, each without a body, connection closed).
 * What it does not: a body that trickles; that deadline is the app's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "./app.ts";

export interface ListenOptions {
  readonly app: App;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

export interface Listening {
  readonly url: string;
  readonly port: number;
  /**
   * Ends serving: no longer ready, no new connections, requests under way answered within `drainMs`, then closed.
   * Resolves with how many requests had to be cut off.
   */
  stop(drainMs: number): Promise<number>;
}

/** Bodies past an endpoint's limit are refused by the app, as a problem; Bun's own limit only has to be out of the way. */
const OUT_OF_THE_WAY = Number.MAX_SAFE_INTEGER;
/** Every client that is not merely idle has sent its next request when none came for this long. */
const SETTLED_MS = 100;
const SETTLE_AT_MOST_MS = 1000;
const TICK_MS = 20;

export function listen({ app, host, port }: ListenOptions): Listening {
  let gate: PromiseWithResolvers<void> | null = null;
  const server = Bun.serve({
    hostname: host,
    port,
    // Counted from the last byte sent or the start of a request; it must not cut a request before its own deadline.
    idleTimeout: app.idleSeconds,
    maxRequestBodySize: OUT_OF_THE_WAY,
    development: false,
    // Outside of development Bun shares the port with any other process of this user that asks for it.
    reusePort: false,
    fetch: (request, peer) =>
      gate === null ? app.handle(request, peer) : gate.promise.then(() => app.handle(request, peer)),
    error: () => new Response(null, { status: 500 }),
  });
  const opened = server.port;
  if (opened === undefined) throw new Error("the server has no port");
  const shown = host.includes(":") ? `[${host}]` : host;

  /**
   * Closing the port also closes connections between two requests, and a request may just be on its way on one of
   * them. So new requests are held for a moment first: whoever is about to send has then sent, and is waited for.
   */
  const settle = async (): Promise<void> => {
    const until = performance.now() + SETTLE_AT_MOST_MS;
    let pending = -1;
    for (let same = 0; same < SETTLED_MS / TICK_MS && performance.now() < until; ) {
      await sleep(TICK_MS);
      same = server.pendingRequests === pending ? same + 1 : 0;
      pending = server.pendingRequests;
    }
  };

  return {
    url: `http://${shown}:${opened}`,
    port: opened,
    stop: async (drainMs) => {
      const until = performance.now() + drainMs;
      app.drain();
      gate = Promise.withResolvers();
      await settle();
      const drained = server.stop(false);
      gate.resolve();
      gate = null;
      const cut = new AbortController();
      const late = sleep(Math.max(0, until - performance.now()), null, { signal: cut.signal }).catch(
        () => null,
      );
      await Promise.race([drained, late]);
      cut.abort();
      const left = server.pendingRequests;
      if (left > 0) await server.stop(true);
      app.close();
      return left;
    },
  };
}

/** A client of a running server, which asks as `testApp` does, so that `given` works over a socket as well. */
import { received, requestOf, type TestApp } from "./app.ts";

export type Client = Pick<TestApp, "request">;

/** Sends requests to the server at `url`. Rejects when no answer comes within `timeoutMs`. */
export const client = (url: string, timeoutMs = 15_000): Client => ({
  request: async (method, path, sent = {}) =>
    received(
      await fetch(`${url}${path}`, { ...requestOf(method, sent), signal: AbortSignal.timeout(timeoutMs) }),
    ),
});

/** A client of a running server, which asks as `testApp` does, so that `given` works over a socket as well. */
import type { Received, Sent, TestApp } from "./app.ts";

export type Client = Pick<TestApp, "request">;

/** Sends requests to the server at `url`. Rejects when no answer comes within `timeoutMs`. */
export function client(url: string, timeoutMs = 15_000): Client {
  return {
    request: async <Body>(method: string, path: string, sent: Sent = {}): Promise<Received<Body>> => {
      const headers = new Headers(sent.headers);
      if (typeof sent.token === "string") headers.set("authorization", `Bearer ${sent.token}`);
      const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
      if (sent.body !== undefined) {
        if (!headers.has("content-type")) headers.set("content-type", "application/json");
        init.body = typeof sent.body === "string" ? sent.body : JSON.stringify(sent.body);
      }
      const response = await fetch(`${url}${path}`, init);
      const text = await response.text();
      const isJson = /\bjson\b/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        body: (text === "" ? null : isJson ? JSON.parse(text) : text) as Body,
      };
    },
  };
}

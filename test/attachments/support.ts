/** Bytes of known kinds, and an app that is sent them as a client would. */
import { createHash } from "node:crypto";
import type { Attachment } from "../../src/attachments/attachments.ts";
import type { Received } from "../support/app.ts";
import { type Domain, domain } from "../support/domain.ts";

const encoder = new TextEncoder();
export const text = (words: string): Uint8Array => encoder.encode(words);
export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A picture of one point. */
export const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
/** The beginning of a program for Linux. */
export const ELF = Buffer.concat([
  Buffer.from("7f454c460201010000000000000000000300", "hex"),
  Buffer.alloc(200, 7),
]);
/** The beginning of a program for Windows. */
export const EXE = Buffer.concat([text("MZ\u0000\u0003"), Buffer.alloc(200, 1)]);

/** Bytes that are nothing in particular, the same for the same seed. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed * 2654435761;
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export type Wire = Omit<Attachment, "fileId"> & { readonly type?: string };

export interface Attaching extends Domain {
  attach(
    token: string,
    contentId: string,
    name: string,
    bytes: Uint8Array | ReadableStream<Uint8Array>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Received<Wire>>;
  /** Sends any request and gives the answer as it came. */
  raw(
    method: string,
    path: string,
    token: string | null,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Response>;
  used(token: string): Promise<number>;
}

export async function attaching(overrides: Parameters<typeof domain>[0] = {}): Promise<Attaching> {
  const made = await domain(overrides);
  const raw: Attaching["raw"] = (method, path, token, headers = {}) =>
    made.app.handle(
      new Request(`http://localhost${path}`, {
        method,
        headers: { ...headers, ...(token === null ? {} : { authorization: `Bearer ${token}` }) },
      }),
    );
  return {
    ...made,
    raw,
    attach: async (token, contentId, name, bytes, headers = {}) => {
      const response = await made.app.handle(
        new Request(
          `http://localhost/v1/contents/${contentId}/attachments?name=${encodeURIComponent(name)}`,
          {
            method: "POST",
            body: bytes as Uint8Array<ArrayBuffer>,
            headers: { authorization: `Bearer ${token}`, ...headers },
          },
        ),
      );
      const body = (await response.json()) as Wire;
      return { status: response.status, headers: response.headers, body };
    },
    used: async (token) =>
      (await made.request<{ storageBytes: { used: number } }>("GET", "/v1/organization/usage", { token }))
        .body.storageBytes.used,
  };
}

export const slugOf = ({ body }: { readonly body: { readonly type?: string } | null }): string | undefined =>
  body?.type?.replace("urn:satchel:problem:", "");

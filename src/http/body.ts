/** The bytes of a body: of a media type that is taken, within a limit that is counted, never trusted. */
import { bodyTooLarge, malformedRequest, unsupportedMediaType } from "./problem.ts";

const EMPTY = new Uint8Array(0);

/** Whether the headers announce a body at all. */
export function hasBody(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length === null ? headers.has("transfer-encoding") : length !== "0";
}

/**
 * Refuses with `unsupported_media_type` anything but `application/json`, in UTF-8, not compressed.
 */
export function checkJsonType(headers: Headers): void {
  const type = headers.get("content-type");
  // The two forms that nearly every caller sends need no taking apart.
  const plain = type === "application/json" || type === "application/json; charset=utf-8";
  if (
    !plain &&
    (type === null || !/^application\/json\s*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(type.trim()))
  ) {
    throw unsupportedMediaType({ detail: "The body must be application/json in UTF-8." });
  }
  checkEncoding(headers);
}

/** The media type of an upload. Refuses with `unsupported_media_type` one that is not in `taken`. */
export function uploadType(headers: Headers, taken: readonly string[]): string {
  const type = (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const known = taken.includes(type) || taken.includes(`${type.split("/", 1)[0]}/*`) || taken.includes("*/*");
  if (!known || !/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(type)) throw unsupportedMediaType();
  checkEncoding(headers);
  return type;
}

/** Refuses with `unsupported_media_type` a body that is compressed. */
export function checkEncoding(headers: Headers): void {
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding.toLowerCase() !== "identity") {
    throw unsupportedMediaType({ detail: "The body must not be compressed." });
  }
}

/**
 * Reads the body. `limit` is in bytes. Refuses with `body_too_large` as soon as the limit is passed, and with
 * `malformed_request` when the caller went away half-way.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > limit) throw tooLarge(limit);
  try {
    // With a length the transport itself stops there, and one native read is several times faster than a stream.
    const bytes = announced === null ? await readStream(request, limit) : await request.bytes();
    if (bytes === null || bytes.byteLength > limit) throw tooLarge(limit);
    return bytes;
  } catch (error) {
    if (error instanceof Error && "slug" in error) throw error;
    throw malformedRequest({ detail: "The body ended early." });
  }
}

const tooLarge = (limit: number) => bodyTooLarge({ detail: `At most ${limit} bytes are taken.` });

async function readStream(request: Request, limit: number): Promise<Uint8Array | null> {
  const stream = request.body as ReadableStream<Uint8Array> | null;
  if (stream === null) return EMPTY;
  const reader = stream.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > limit) {
      // Not waited for: it ends only when the sender does.
      reader.cancel().catch(() => {});
      return null;
    }
    chunks.push(value);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

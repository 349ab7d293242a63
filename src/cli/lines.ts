/** Lines of a stream, one at a time, so that memory stays flat however long the file is. */

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Null when the line is longer than allowed, or no UTF-8. */
  readonly text: string | null;
  readonly problem: string | null;
  /** Of the line in the stream, with its newline. */
  readonly bytes: number;
}

const NEWLINE = 10;
const BOM = "\ufeff";

/**
 * Splits at newlines. A line of more than `limit` bytes, or one that is no UTF-8, comes with a problem in place of its
 * text; what follows is read on.
 */
export async function* linesOf(stream: ReadableStream<Uint8Array>, limit: number): AsyncGenerator<Line> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let size = 0;
  let number = 0;
  const take = (): Line => {
    number += 1;
    const bytes = size + 1;
    const tooLong = size > limit;
    const content = tooLong ? new Uint8Array(0) : Buffer.concat(parts);
    parts = [];
    size = 0;
    if (tooLong) return { number, text: null, problem: `is longer than ${limit} bytes`, bytes };
    try {
      const decoded = decoder.decode(content).replace(/\r$/, "");
      const text = number === 1 && decoded.startsWith(BOM) ? decoded.slice(1) : decoded;
      return { number, text, problem: null, bytes };
    } catch {
      return { number, text: null, problem: "is not UTF-8", bytes };
    }
  };
  const add = (bytes: Uint8Array) => {
    size += bytes.byteLength;
    // What is too long is counted and not kept.
    if (size <= limit) parts.push(bytes);
    else parts = [];
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < chunk.byteLength) add(chunk.slice(start));
  }
  if (size > 0) yield take();
}

/**
 * Bodies that are worked on while they arrive, and answers that are read while they leave: of any size, and never whole in
 * memory. Neither side is waited for at the other's cost: who reads slowly is sent slowly, who is read slowly sends slowly.
 *
 * They have no time in all. What is bounded is how long they may stand still.
 */
import type { Refusal } from "../errors.ts";
import { bodyTimeout, malformedRequest } from "./problem.ts";

/** Bytes that must move within the time that a stream may stand still. */
export const LEAST_BYTES = 32 * 1024;

/** After so many the chunks that have left are collected: alone that would happen only when there are many more. */
const FORGOTTEN_BYTES = 4 * 1024 ** 2;

/** A body that arrives while it is worked on. */
export interface Incoming {
  /** As what it was sent; null when its sender does not say. */
  readonly mediaType: string | null;
  /** How long it will be; null when its sender does not say. */
  readonly length: number | null;
  /**
   * Its bytes, once. Ends with `malformed_request` when the sender goes away half-way, with `body_timeout` when they stand
   * still.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Bytes of a known number that can be read from any place on. */
export interface StreamedBody {
  readonly size: number;
  /** Opens the bytes from `from` up to and without `to`. */
  readonly read: (from: number, to: number) => ReadableStream<Uint8Array>;
}

export const isStreamedBody = (body: unknown): body is StreamedBody =>
  typeof body === "object" && body !== null && "read" in body && "size" in body;

/** Bytes on their way. */
export interface Flow {
  /** Says that so many have moved. */
  moved(bytes: number): void;
  end(): void;
}

export interface Flows {
  /** Calls `stalled`, once, when the bytes stand still. */
  open(stalled: () => void): Flow;
  /** Ends those that stand still. To be called now and then. */
  sweep(): void;
  count(): number;
}

export function openFlows(timeoutMs: number): Flows {
  const flows = new Set<{ since: number; bytes: number; readonly stalled: () => void }>();
  return {
    open: (stalled) => {
      const flow = { since: performance.now(), bytes: 0, stalled };
      flows.add(flow);
      return {
        moved: (bytes) => {
          flow.bytes += bytes;
        },
        end: () => void flows.delete(flow),
      };
    },
    sweep: () => {
      const now = performance.now();
      for (const flow of flows) {
        if (now - flow.since < timeoutMs) continue;
        if (flow.bytes < LEAST_BYTES) {
          flows.delete(flow);
          flow.stalled();
        }
        flow.since = now;
        flow.bytes = 0;
      }
    },
    count: () => flows.size,
  };
}

/** How far a body has come. */
export interface Arrival {
  /** Somebody has begun to read it. */
  begun: boolean;
  /** All of it was read. */
  whole: boolean;
}

/**
 * The bytes of a body. `seen` gets every one of them, in order. Refuses as `Incoming` says; `length` is what was announced,
 * and what comes short of it is not whole.
 */
export async function* arriving(
  request: Request,
  length: number | null,
  flows: Flows,
  arrival: Arrival,
  seen: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  arrival.begun = true;
  const stream = request.body as ReadableStream<Uint8Array> | null;
  const reader = stream?.getReader();
  let refused: Refusal | null = null;
  const flow = flows.open(() => {
    refused = bodyTimeout();
    void reader?.cancel().catch(() => {});
  });
  let size = 0;
  try {
    for (;;) {
      const { done, value } = (await reader?.read().catch(() => {
        throw refused ?? malformedRequest({ detail: "The body ended early." });
      })) ?? { done: true, value: undefined };
      if (refused !== null) throw refused;
      if (done) break;
      size += value.byteLength;
      flow.moved(value.byteLength);
      seen(value);
      yield value;
    }
    if (length !== null && size !== length) throw malformedRequest({ detail: "The body ended early." });
    arrival.whole = true;
  } finally {
    flow.end();
    // Not waited for: it ends only when the sender does.
    if (!arrival.whole) void reader?.cancel().catch(() => {});
  }
}

interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** The bytes of an answer, so many. `ended` is called once: with what went wrong, or null. */
export function leaving(
  source: () => ReadableStream<Uint8Array>,
  size: number,
  flows: Flows,
  ended: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  let reader: Reader | null = null;
  let over = false;
  let left = size;
  let behind = 0;
  const end = (error: unknown): void => {
    if (over) return;
    over = true;
    flow.end();
    void reader?.cancel().catch(() => {});
    ended(error);
  };
  let stall = (): void => end(null);
  const flow = flows.open(() => stall());
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        stall = () => {
          if (!over) controller.error(new Error("the receiver stands still"));
          end(null);
        };
      },
      pull: async (controller) => {
        try {
          if (left === 0) {
            end(null);
            controller.close();
            return;
          }
          const opened: Reader = reader ?? source().getReader();
          reader = opened;
          const { done, value } = await opened.read();
          if (over) return;
          if (done || value === undefined) throw new Error("the bytes ended early");
          left -= value.byteLength;
          behind += value.byteLength;
          if (behind >= FORGOTTEN_BYTES) {
            behind = 0;
            Bun.gc(false);
          }
          flow.moved(value.byteLength);
          controller.enqueue(value);
        } catch (error) {
          if (!over) controller.error(error);
          end(error);
        }
      },
      cancel: () => end(null),
    },
    // Nothing is opened before somebody reads.
    { highWaterMark: 0 },
  );
}

/** Which part of `size` bytes a request asks for: all of it (null), none that there is, or from `from` up to and without `to`. */
export function rangeOf(
  headers: Headers,
  etag: string | undefined,
  size: number,
): { readonly from: number; readonly to: number } | "unsatisfiable" | null {
  const asked = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(headers.get("range") ?? "");
  // Several ranges, other units and nonsense are passed over (RFC 9110 §14.2).
  if (asked === null) return null;
  const [, first = "", last = ""] = asked;
  if (first === "" && last === "") return null;
  // A date is no match: nothing here is told by the time of its change (RFC 9110 §13.1.5).
  const condition = headers.get("if-range");
  if (condition !== null && condition.trim() !== etag) return null;
  if (first === "") {
    const from = Math.max(0, size - Number(last));
    return from >= size ? "unsatisfiable" : { from, to: size };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return null;
  if (from >= size) return "unsatisfiable";
  return { from, to: last === "" ? size : Math.min(size, Number(last) + 1) };
}

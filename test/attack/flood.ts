/**
 * Sends many requests at once from a process of its own, so that whoever measures beside it is not slowed down by
 * sending. Bun opens no more than 256 connections unless the environment says otherwise, and reads that at its start.
 */
import { requestOf, type Sent } from "../support/app.ts";

export interface FloodRequest extends Sent {
  readonly method: string;
  readonly path: string;
}

export interface FloodSpec {
  readonly url: string;
  readonly requests: readonly FloodRequest[];
  /** At once; all of them by default. */
  readonly concurrency?: number;
  /** Answers whose body is wanted back, by status. */
  readonly keep?: readonly number[];
}

export interface FloodAnswer {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly body: string | null;
  readonly milliseconds: number;
}

/** Floods from another process and waits for all answers, in the order of the requests. */
export async function flood(spec: FloodSpec): Promise<readonly FloodAnswer[]> {
  const child = Bun.spawn([process.execPath, import.meta.path], {
    env: { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "60000" },
    stdin: new Blob([JSON.stringify(spec)]),
    stdout: "pipe",
    stderr: "inherit",
  });
  const text = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the flood ended with ${child.exitCode}`);
  return JSON.parse(text) as readonly FloodAnswer[];
}

async function run({ url, requests, concurrency = requests.length, keep = [] }: FloodSpec) {
  const answers: FloodAnswer[] = new Array(requests.length);
  let next = 0;
  const sender = async () => {
    for (let index = next++; index < requests.length; index = next++) {
      const request = requests[index];
      if (request === undefined) return;
      const began = performance.now();
      try {
        const response = await fetch(`${url}${request.path}`, {
          ...requestOf(request.method, request),
          signal: AbortSignal.timeout(120_000),
        });
        const body = await response.text();
        const { status } = response;
        const kept = keep.includes(status) ? body : null;
        answers[index] = { status, body: kept, milliseconds: performance.now() - began };
      } catch {
        answers[index] = { status: 0, body: null, milliseconds: performance.now() - began };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, requests.length) }, sender));
  return answers;
}

if (import.meta.main) {
  const spec = (await Bun.stdin.json()) as FloodSpec;
  await Bun.write(Bun.stdout, JSON.stringify(await run(spec)));
}

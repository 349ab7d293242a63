/**
 * What a batch saves: `bun test/bench/batches.ts`. A thousand lessons written, changed, published and deleted in one request
 * and in a thousand, ten under way at a time, through the app in process. The two ways take turns; the median of three
 * turns is shown.
 */
import { testApp } from "../support/app.ts";
import { given } from "../support/given.ts";
import { endRun } from "../support/run.ts";

const LESSONS = 1000;
const AT_A_TIME = 10;
const TURNS = 3;
const BODY = "What is to be learnt. ".repeat(100);

const app = await testApp({ db: { statementTimeoutMs: 30_000 } });
const { request } = app;
const { token } = await given({ request }).organization();

interface Lesson {
  readonly id: string;
  readonly version: number;
}
let made = 0;
const lesson = () => ({ title: "A lesson", slug: `lesson-${++made}`, body: BODY, tags: ["one", "two"] });

async function asked<Body>(method: string, path: string, body?: unknown, etag?: number): Promise<Body> {
  const headers = etag === undefined ? {} : { "if-match": `"${etag}"` };
  const answer = await request<Body>(method, path, {
    token,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  if (answer.status >= 300)
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const together = async (action: string, items: readonly unknown[]): Promise<readonly Lesson[]> =>
  (await asked<{ items: Lesson[] }>("POST", `/v1/contents/batches/${action}`, { mode: "all", items })).items;

async function singly<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<readonly R[]> {
  const answers: R[] = [];
  const waiting = items.entries();
  const hand = async () => {
    for (const [n, item] of waiting) answers[n] = await ask(item);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, hand));
  return answers;
}

const drafts = () => together("create", Array.from({ length: LESSONS }, lesson));
const BATCH: Readonly<Record<string, (lessons: readonly Lesson[]) => Promise<unknown>>> = {
  create: drafts,
  update: (lessons) =>
    together(
      "update",
      lessons.map(({ id, version }) => ({ id, version, title: "Another" })),
    ),
  publish: (lessons) =>
    together(
      "publish",
      lessons.map(({ id, version }) => ({ id, version })),
    ),
  delete: (lessons) =>
    together(
      "delete",
      lessons.map(({ id, version }) => ({ id, version })),
    ),
};
const SINGLE: typeof BATCH = {
  create: () => singly(Array.from({ length: LESSONS }, lesson), (one) => asked("POST", "/v1/contents", one)),
  update: (lessons) =>
    singly(lessons, ({ id, version }) => asked("PATCH", `/v1/contents/${id}`, { title: "Another" }, version)),
  publish: (lessons) =>
    singly(lessons, ({ id, version }) => asked("POST", `/v1/contents/${id}/publish`, undefined, version)),
  delete: (lessons) =>
    singly(lessons, ({ id, version }) => asked("DELETE", `/v1/contents/${id}`, undefined, version)),
};

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
for (const action of Object.keys(BATCH)) {
  const taken: Record<"batch" | "single", number[]> = { batch: [], single: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [way, ways] of [
      ["batch", BATCH],
      ["single", SINGLE],
    ] as const) {
      const lessons = action === "create" ? [] : await drafts();
      const started = performance.now();
      await ways[action]?.(lessons);
      taken[way].push(performance.now() - started);
    }
  }
  const [batch, single] = [median(taken.batch), median(taken.single)];
  console.log(
    `${action.padEnd(8)} ${LESSONS} in one request ${batch.toFixed(0).padStart(6)} ms, in ${LESSONS} requests ${single
      .toFixed(0)
      .padStart(6)} ms: ${(single / batch).toFixed(1)} times as long`,
  );
}

await app.close();
await endRun();

/**
 * What page 1,000 of a list costs beside page 1, over HTTP, with 100,000 lessons of one organization among 100:
 * `bun test/bench/lists.ts`. Ends with 1 when it costs more than one and a half times as much in any order.
 */
import { CONTENT_ORDERS } from "../../src/content-reading/content-reading.ts";
import { fill, ownerOf } from "../content-reading/support.ts";
import { testApp } from "../support/app.ts";
import { given } from "../support/given.ts";
import { endRun } from "../support/run.ts";

const LESSONS = 100_000;
const LIMIT = 20;
const PAGE = 1000;
const ROUNDS = 200;
const MOST = 1.5;

interface Page {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
}

const app = await testApp();
const it = given(app);
const school = await it.organization();
const { token: pupil } = await it.member(school);
const owner = ownerOf(app.database.ownerUrl);
const begun = performance.now();
await fill(
  owner,
  school.id,
  LESSONS,
  Array.from({ length: 4 }, () => Bun.randomUUIDv7()),
);
await owner.end();
console.info(`${LESSONS} lessons in ${((performance.now() - begun) / 1000).toFixed(1)} s`);

async function ask(query: string, token: string): Promise<Page> {
  const { status, body } = await app.request<Page>("GET", `/v1/contents?${query}`, { token });
  if (status !== 200 || body.items.length === 0) throw new Error(`${query} answers ${status}`);
  return body;
}

/** The middle of what a page took, in milliseconds. */
const median = (times: readonly number[]) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

let worst = 0;
for (const [who, token] of [
  ["staff", school.token],
  ["readers", pupil],
] as const) {
  for (const order of CONTENT_ORDERS) {
    let cursor: string | null = null;
    for (let n = 0; n < ((PAGE - 1) * LIMIT) / 90; n++) {
      const more: string = cursor === null ? "" : `&cursor=${cursor}`;
      cursor = (await ask(`order=${order}&fields=title&limit=90${more}`, token)).nextCursor;
    }
    const [first, far]: [number[], number[]] = [[], []];
    for (let n = 0; n < ROUNDS; n++) {
      for (const [times, query] of [
        [first, ""],
        [far, `&cursor=${cursor}`],
      ] as const) {
        const started = performance.now();
        await ask(`order=${order}&limit=${LIMIT}${query}`, token);
        times.push(performance.now() - started);
      }
    }
    const ratio = median(far) / median(first);
    worst = Math.max(worst, ratio);
    console.info(
      `${who.padEnd(8)} ${order.padEnd(13)} page 1: ${median(first).toFixed(2)} ms, page ${PAGE}: ${median(far).toFixed(2)} ms, ratio ${ratio.toFixed(2)}`,
    );
  }
}
await app.close();
await endRun();
console.info(`the worst ratio is ${worst.toFixed(2)}, at most ${MOST} is asked`);
process.exit(worst > MOST ? 1 : 0);

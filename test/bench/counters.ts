/**
 * What it costs that a lesson is popular: `bun test/bench/counters.ts`. A thousand people open one lesson at once, and rate
 * it at once, over a pool of 15 connections to a server that flushes every commit to disk: counted as the product does,
 * with the sum in one row of the lesson, and with the sum in sixteen. The ways take turns; the median of five turns is
 * shown, and each must have counted exactly. Then what reading the sums costs.
 */

import type { TenantTx } from "../../sql/tx.ts";
import { counts, countView } from "../../src/counters/repository.ts";
import { openDb, withTenant } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { ratingsOfIn } from "../../src/ratings/ratings.ts";
import * as ratings from "../../src/ratings/repository.ts";
import { startServer } from "../db/server.ts";
import { run } from "../support/domain.ts";
import { endRun } from "../support/run.ts";

const PEOPLE = 1000;
const TURNS = 5;

const server = await startServer(["fsync=on", "synchronous_commit=on"]);
const db = await openDb({
  url: server.socketUrl,
  log: silentLog,
  pool: { size: 15, overflow: 0, acquireTimeoutMs: 60_000, maxWaiting: PEOPLE },
  // One row for all is waited for longer than a request would.
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 60_000,
});
const { admin } = server;
const organizationId = Bun.randomUUIDv7();
const people = Array.from({ length: PEOPLE }, () => Bun.randomUUIDv7());
await admin("insert into app.organization (organization_id, name, slug) values ($1, 'Bench', 'bench')", [
  organizationId,
]);
await admin(
  "insert into app.user (organization_id, user_id, username, full_name) select $1, id, 'u-' || id, 'One of many' from unnest($2::uuid[]) id",
  [organizationId, people],
);
// What it is compared with: the same rows of people, and a sum beside them.
await admin(
  `create table app.bench_sum (
     organization_id uuid, content_id uuid, slot int, views bigint not null default 0, stars bigint not null default 0,
     primary key (organization_id, content_id, slot))`,
);
await admin("grant select, insert, update on app.bench_sum to satchel_request");

async function newLesson(): Promise<string> {
  const contentId = Bun.randomUUIDv7();
  await admin(
    `insert into app.content (organization_id, content_id, title, slug) values ($1, $2::text::uuid, 'Popular', 'popular-' || $2::text)`,
    [organizationId, contentId],
  );
  await admin(
    "insert into app.bench_sum (organization_id, content_id, slot) select $1, $2, generate_series(0, 15)",
    [organizationId, contentId],
  );
  return contentId;
}

type Act = (tx: TenantTx, contentId: string, userId: string, n: number) => Promise<unknown>;

const summed =
  (column: "views" | "stars", slots: number, act: Act): Act =>
  async (tx, contentId, userId, n) => {
    await act(tx, contentId, userId, n);
    await run(
      tx,
      `update app.bench_sum set ${column} = ${column} + 1 where organization_id = $1 and content_id = $2 and slot = $3`,
      [organizationId, contentId, n % slots],
    );
  };
const view: Act = (tx, contentId, userId) => countView(tx, organizationId, contentId, userId, null);
const rate: Act = (tx, contentId, userId, n) =>
  ratings.upsert(tx, organizationId, contentId, userId, { stars: 1 + (n % 5), review: null });
const sumIn = async (column: "views" | "stars", contentId: string) => {
  const [row] = await admin<{ sum: string }>(
    `select sum(${column}) as sum from app.bench_sum where content_id = $1`,
    [contentId],
  );
  return Number(row?.sum);
};
const read = <T>(fn: (tx: TenantTx) => Promise<T>) =>
  withTenant(db, { organizationId, userId: null }, fn, { readOnly: true });
const viewsOf = async (contentId: string) =>
  (await read((tx) => counts(tx, organizationId, contentId))).views;
const ratingsOf = async (contentId: string) =>
  (await read((tx) => ratingsOfIn(tx, organizationId, [contentId]))).get(contentId)?.count ?? 0;

const ways: Readonly<Record<string, readonly [Act, (contentId: string) => Promise<number>]>> = {
  "views, as the product counts": [view, viewsOf],
  "views, and their sum in one row": [summed("views", 1, view), (id) => sumIn("views", id)],
  "views, and their sum in sixteen": [summed("views", 16, view), (id) => sumIn("views", id)],
  "ratings, as the product counts": [rate, ratingsOf],
  "ratings, and their sum in one row": [summed("stars", 1, rate), (id) => sumIn("stars", id)],
  "ratings, and their sum in sixteen": [summed("stars", 16, rate), (id) => sumIn("stars", id)],
};

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;

const results = new Map(
  Object.keys(ways).map((name) => [name, { all: [] as number[], each: [] as number[] }]),
);
// The first turn warms up.
for (let turn = 0; turn <= TURNS; turn++) {
  for (const [name, [act, countOf]] of Object.entries(ways)) {
    const contentId = await newLesson();
    const started = performance.now();
    const each = await Promise.all(
      people.map(async (userId, n) => {
        await withTenant(db, { organizationId, userId }, (tx) => act(tx, contentId, userId, n));
        return performance.now() - started;
      }),
    );
    const milliseconds = performance.now() - started;
    const counted = await countOf(contentId);
    if (counted !== PEOPLE) throw new Error(`${name}: ${counted} instead of ${PEOPLE}`);
    if (turn === 0) continue;
    results.get(name)?.all.push(milliseconds);
    results.get(name)?.each.push(median(each));
  }
}
for (const kind of ["views", "ratings"]) {
  const own = median(results.get(`${kind}, as the product counts`)?.all ?? []);
  for (const [name, { all, each }] of results) {
    if (!name.startsWith(kind)) continue;
    const columns = [
      name.padEnd(36),
      `${PEOPLE} in ${median(all).toFixed(0)} ms`.padStart(18),
      `half within ${median(each).toFixed(0)} ms`.padStart(22),
      `${(median(all) / own).toFixed(1)} times`.padStart(11),
    ];
    console.info(columns.join(" "));
  }
}

// Reading, by how many there are.
for (const size of [1000, 10_000, 100_000]) {
  const contentId = await newLesson();
  await admin(
    `with made as (
       insert into app.user (organization_id, username, full_name)
       select $1, 'r-' || $2::int || '-' || i, 'One of very many' from generate_series(1, $2::int) i returning user_id
     ), seen as (
       insert into app.content_view (organization_id, content_id, user_id, last_hour)
       select $1, $3::text::uuid, user_id, date_trunc('hour', now()) from made
     )
     insert into app.rating (organization_id, content_id, user_id, stars)
     select $1, $3::text::uuid, user_id, 1 + (row_number() over ())::int % 5 from made`,
    [organizationId, size, contentId],
  );
  await admin("vacuum analyze app.rating, app.content_view");
  const timed = async (fn: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let n = 0; n < 21; n++) {
      const started = performance.now();
      await fn();
      times.push(performance.now() - started);
    }
    return median(times).toFixed(1);
  };
  const [views, stars] = [await timed(() => viewsOf(contentId)), await timed(() => ratingsOf(contentId))];
  console.info(`read of a lesson with ${size} viewers: ${views} ms; with as many ratings: ${stars} ms`);
}

await db.close();
await server.close();
await endRun();

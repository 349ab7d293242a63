/** What was confirmed is there, whoever is killed while it is written. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { findRunning } from "../../src/embedded/index.ts";
import { type RunningSatchel, startSatchel } from "../support/binary.ts";
import { ask, found } from "../support/http.ts";

setDefaultTimeout(300_000);

const KILLS = process.env.SATCHEL_TEST_LONG === "1" ? 10 : 4;
const WRITERS = 16;
const WRITES_BETWEEN_KILLS = 150;

const postmaster = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0]);

test(`no confirmed write is lost through ${KILLS} kill -9 of the server and of PostgreSQL under load [row 93]`, async () => {
  let satchel: RunningSatchel = await startSatchel({ env: { SATCHEL_LOG_LEVEL: "error" } });
  const { folder } = satchel;
  const { token } = await found(satchel.url, "durable", satchel.setupCode);
  const confirmed: string[] = [];
  const refusals = new Map<number, number>();
  let stopped = false;

  /** When the latest confirmed write was asked for: it may be confirmed after a kill and asked for before. */
  let latest = 0;

  const writer = async (number: number): Promise<void> => {
    for (let round = 0; !stopped; round++) {
      const asked = performance.now();
      try {
        const { status, body } = await ask<{ id: string }>(satchel.url, "POST", "/v1/contents", {
          token,
          body: { title: `Written by ${number}, round ${round}`, body: "x".repeat(500) },
        });
        if (status === 201) {
          confirmed.push(body.id);
          latest = Math.max(latest, asked);
        } else refusals.set(status, (refusals.get(status) ?? 0) + 1);
      } catch {
        // The connection broke: nothing was confirmed, and the next try may find nobody for a while.
        await Bun.sleep(5);
      }
    }
  };
  const writers = Array.from({ length: WRITERS }, (_, number) => writer(number));
  const until = async (holds: () => boolean): Promise<number> => {
    const began = performance.now();
    while (!holds()) {
      if (performance.now() - began > 60_000) throw new Error("nothing was confirmed for a minute");
      await Bun.sleep(2);
    }
    return performance.now() - began;
  };

  const began = performance.now();
  const pauses: number[] = [];
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const enough = confirmed.length + WRITES_BETWEEN_KILLS;
      await until(() => confirmed.length >= enough);
      const killed = performance.now();
      if (kill % 2 === 0) {
        await satchel.stop("SIGKILL");
        satchel = await startSatchel({ folder, env: { SATCHEL_LOG_LEVEL: "error" } });
      } else {
        process.kill(postmaster(satchel.dataDir), "SIGKILL");
      }
      await until(() => latest > killed);
      pauses.push(performance.now() - killed);
    }
  } finally {
    stopped = true;
    await Promise.all(writers);
  }
  const seconds = (performance.now() - began) / 1000;

  const running = await findRunning({ dataDir: satchel.dataDir });
  if (running === null) throw new Error("the server is gone");
  const sql = postgres({ ...driverOptions(parseDatabaseUrl(running.ownerUrl)), max: 1, onnotice: () => {} });
  const stored = await sql<{ content_id: string }[]>`select content_id from app.content`;
  const [half] = await sql<{ count: number }[]>`
    select count(*)::int from app.content c
    where (select count(*) from app.history h
      where h.organization_id = c.organization_id and h.table_name = 'content' and h.row_id = c.content_id) <> 1`;
  const [orphans] = await sql<{ count: number }[]>`
    select count(*)::int from app.history h
    where h.table_name = 'content' and not exists (
      select from app.content c where c.organization_id = h.organization_id and c.content_id = h.row_id)`;
  await sql.end();

  const there = new Set(stored.map(({ content_id }) => content_id));
  expect(confirmed.filter((id) => !there.has(id))).toEqual([]);
  expect(new Set(confirmed).size).toBe(confirmed.length);
  expect({ half: half?.count, orphans: orphans?.count }).toEqual({ half: 0, orphans: 0 });
  // A refusal while the database is away says so; anything else would be a wrong answer.
  expect([...refusals.keys()].filter((status) => status !== 503)).toEqual([]);
  const rate = Math.round(confirmed.length / seconds);
  console.log(
    `durability: ${KILLS} kills, ${confirmed.length} confirmed writes (${rate}/s over all), serving again after at most ${Math.round(Math.max(...pauses))} ms`,
  );
  expect(await satchel.stop()).toBe(0);
});

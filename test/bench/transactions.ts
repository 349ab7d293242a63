/**
 * What a tenant transaction costs: `bun test/bench/transactions.ts [seconds]`. One row by its key, 32 callers, 10
 * connections, over a unix socket; the cases take turns, and the median of three turns is shown.
 */
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { one, type Statement, type Tx } from "../../sql/tx.ts";
import { openDb, readTenant, withSystem, withTenant } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { addNote, ours } from "../db/fixture.ts";
import { startServer } from "../db/server.ts";
import { endRun } from "../support/run.ts";

const seconds = Number(process.argv[2] ?? 1);
const CALLERS = 32;

const getNote: Statement = {
  name: "bench/get_note",
  text: "select id, text, position from app.note where organization_id = $1 and id = $2",
};

const server = await startServer();
const url = server.socketUrl;
const db = await openDb({ url, log: silentLog, pool: { size: 10, overflow: 0 } });
const plain = postgres({ ...driverOptions(parseDatabaseUrl(server.ownerUrl)), max: 10, onnotice: () => {} });
const { rows } = await withTenant(db, ours, (tx) => addNote(tx, ours, "bench"));
const values = [ours.organizationId, rows[0]?.id ?? ""];
const get = (tx: Tx) => one(tx, getNote, values);

// As a pool of single connections without deadlines, retries, statistics and all else that src/db.ts does.
const options = { ...driverOptions(parseDatabaseUrl(url)), max: 1, once: true, fetch_types: false };
const singles = Array.from({ length: 10 }, () => postgres({ ...options, onnotice: () => {} }));
const idle = [...singles];
const waiting: ((client: postgres.Sql) => void)[] = [];

const cases: Readonly<Record<string, () => Promise<unknown>>> = {
  "plain select, no transaction": () => plain.unsafe(getNote.text, values, { prepare: true }),
  "sql.begin of the driver, awaited": () =>
    plain.begin(async (tx) => {
      await tx`select set_config('app.org_id', ${ours.organizationId}, true)`;
      return tx.unsafe(getNote.text, values, { prepare: true });
    }),
  "the bare burst on the driver": async () => {
    const client = idle.pop() ?? (await new Promise<postgres.Sql>((resolve) => waiting.push(resolve)));
    await Promise.all([
      client.unsafe("begin read only"),
      client.unsafe("select app.enter($1::uuid, $2::uuid)", [ours.organizationId, null], { prepare: true }),
      client.unsafe(getNote.text, values, { prepare: true }),
      client.unsafe("commit"),
    ]);
    const next = waiting.shift();
    if (next === undefined) idle.push(client);
    else next(client);
  },
  readTenant: () => readTenant(db, ours, get),
  "withTenant, read only": () => withTenant(db, ours, get, { readOnly: true }),
  withTenant: () => withTenant(db, ours, get),
  "withSystem, read only": () => withSystem(db, get, { readOnly: true }),
};

async function turn(run: () => Promise<unknown>, ms: number) {
  let done = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const caller = async () => {
    while (performance.now() - start < ms) {
      await run();
      done++;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: done / ((performance.now() - start) / 1000), micros: (user + system) / done };
}

const results = new Map(Object.keys(cases).map((name) => [name, [] as Awaited<ReturnType<typeof turn>>[]]));
for (const run of Object.values(cases)) await turn(run, 300);
for (let round = 0; round < 3; round++) {
  for (const [name, run] of Object.entries(cases)) results.get(name)?.push(await turn(run, seconds * 1000));
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const base = median((results.get("plain select, no transaction") ?? []).map(({ perSecond }) => perSecond));
for (const [name, turns] of results) {
  const perSecond = median(turns.map((one) => one.perSecond));
  const micros = median(turns.map((one) => one.micros));
  const columns = [
    name.padEnd(36),
    `${perSecond.toFixed(0)}/s`.padStart(9),
    (perSecond / base).toFixed(2).padStart(6),
    `${micros.toFixed(0)} us of our CPU`.padStart(20),
  ];
  console.info(columns.join(" "));
}

await db.close();
await Promise.all([plain, ...singles].map((client) => client.end()));
await server.close();
await endRun();

import { expect, test } from "bun:test";
import { join } from "node:path";
import postgres from "postgres";
import { driverOptions, parseDatabaseUrl } from "../../sql/connection.ts";
import { migrate } from "../../sql/migrate.ts";
import { openDb } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { createJobSchema } from "../../src/queue.ts";
import { program } from "../support/debian.ts";
import { startDebian } from "../support/postgres.ts";

const ROOT = join(import.meta.dir, "../..");
const text = await Bun.file(join(ROOT, "compose.yaml")).text();
const compose = Bun.YAML.parse(text) as {
  services: Record<string, { environment: Record<string, string>; depends_on?: Record<string, unknown> }>;
  configs: { "request-role": { content: string } };
};

test("every variable of compose.yaml is in .env.example, and no other", async () => {
  const example = await Bun.file(join(ROOT, ".env.example")).text();
  const offered = [...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  const used = [...text.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name);
  expect([...new Set(used)].sort()).toEqual(offered.sort());
});

test("the role that compose.yaml makes keeps its password when the schema is built, and can serve [row 101]", async () => {
  const server = await startDebian();
  const owner = parseDatabaseUrl(server.ownerUrl("satchel"));
  const sql = postgres({ ...driverOptions({ ...owner, database: "postgres" }), max: 1, onnotice: () => {} });
  await sql`create database satchel`;
  const { folder, env } = await program("postgres");
  // Compose turns $$ into $, and the image runs the script with psql on its PATH.
  const script = compose.configs["request-role"].content.replaceAll("$$", "$");
  const run = Bun.spawnSync(["bash", "-eu", "-c", script], {
    env: {
      ...env,
      PATH: `${folder}:${env.PATH}`,
      PGHOST: owner.host,
      POSTGRES_USER: "postgres",
      POSTGRES_DB: "satchel",
      REQUEST_PASSWORD: "it's a password",
    },
  });
  expect(run.stderr.toString()).toBe("");
  const password = () =>
    sql`select rolpassword, rolinherit, rolsuper from pg_authid where rolname = 'satchel_request'`;
  const before = await password();
  expect(before).toMatchObject([{ rolinherit: false, rolsuper: false }]);
  await migrate({ ownerUrl: server.ownerUrl("satchel"), log: silentLog, jobSchema: createJobSchema });
  expect(await password()).toEqual(before);
  const db = await openDb({ url: server.requestUrl("satchel"), log: silentLog });
  expect(await db.check(1000)).toBe(true);
  await db.close();
  await sql.end();
}, 30_000);

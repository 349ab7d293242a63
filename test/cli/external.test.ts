/** An operator's own PostgreSQL: migrate prepares it, serve refuses what it cannot trust, doctor says what is wrong. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:net";
import { migrations } from "../../sql/generated/migrations.ts";
import { migrate } from "../../sql/migrate.ts";
import { auditDatabase } from "../../src/database/database.ts";
import { openDb } from "../../src/db.ts";
import { silentLog } from "../../src/log.ts";
import { createJobSchema } from "../../src/queue.ts";
import { type Ended, satchel, startSatchel } from "../support/binary.ts";
import { type PlainServer, startPlainServer } from "../support/plain-server.ts";
import { startRedis } from "../support/redis.ts";

setDefaultTimeout(60_000);

type Env = Readonly<Record<string, string>>;

let server: PlainServer;
let env: Env;
let ownerUrl: string;

/** `NAME=value` lines, as migrate prints them. */
const settingsOf = (out: string): Env =>
  Object.fromEntries(
    out
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );

/** What serve, doctor and the tenant transaction said before anything was migrated. */
let before: { readonly serve: Ended; readonly doctor: Ended; readonly asked: readonly unknown[] };
/** What five nodes said that migrated at the same time. */
let runs: readonly Ended[];

beforeAll(async () => {
  server = await startPlainServer();
  ownerUrl = await server.createDatabase("satchel");
  const unready = { env: { DATABASE_URL: ownerUrl } };
  const db = await openDb({ url: ownerUrl, log: silentLog });
  const asked: unknown[] = [];
  for (let round = 0; round < 50; round++) {
    asked.push(await auditDatabase({ db }, migrations).catch((error: unknown) => error));
  }
  await db.close(0);
  before = {
    serve: await satchel(["serve", "--port", "0"], unready),
    doctor: await satchel(["doctor"], unready),
    asked,
  };
  runs = await Promise.all(
    Array.from({ length: 5 }, () => satchel(["migrate"], { env: { DATABASE_OWNER_URL: ownerUrl } })),
  );
  env = settingsOf(runs.find(({ out }) => out.includes("SATCHEL_SECRET"))?.out ?? "");
});

afterAll(() => server.close());

/** Changes something as the superuser, runs, and changes it back. */
async function meanwhile(fault: string, cure: string, run: () => Promise<void>): Promise<void> {
  const admin = server.admin("satchel");
  await admin(fault);
  try {
    await run();
  } finally {
    await admin(cure);
  }
}

describe("a database of the operator's own", () => {
  test("is refused before it was made ready, to the superuser and to anybody [row 103]", () => {
    const { serve, doctor } = before;
    expect(serve.code).toBe(78);
    expect(serve.err).toContain("has not been made ready");
    expect(serve.err).toContain("satchel migrate");
    expect(doctor).toMatchObject({ code: 1, err: "" });
    expect(doctor.out).toContain("has not been made ready");
  });

  test("tells why not even BEGIN succeeds, and not that the connection was lost, each time", () => {
    const codes = before.asked.map((error) =>
      error instanceof Error && "code" in error ? error.code : error,
    );
    expect(new Set(codes)).toEqual(new Set(["22023"]));
  });

  test("is made ready by five nodes at once from an owner URL alone, once [row 90]", async () => {
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    const first = runs.filter(({ err }) => err.includes("Applied: 0001_foundations"));
    expect(first).toHaveLength(1);
    expect(runs.filter(({ err }) => err.includes("Nothing was pending"))).toHaveLength(4);
    expect(Object.keys(env)).toEqual(["DATABASE_URL", "SATCHEL_SECRET"]);
    const url = new URL(env.DATABASE_URL ?? "");
    expect([url.username, url.host, url.pathname]).toEqual([
      "satchel_request",
      `127.0.0.1:${server.port}`,
      "/satchel",
    ]);
    expect(url.password.length).toBeGreaterThanOrEqual(32);
    // The others tell the URL, but no password, which they do not know.
    for (const { out } of runs.filter((run) => run !== first[0])) {
      expect(new URL(settingsOf(out).DATABASE_URL ?? "").password).toBe("");
      expect(out).not.toContain("SATCHEL_SECRET");
    }
    const applied = await server.admin("satchel")<{ name: string }>(
      "select name from app.migration order by 1",
    );
    expect(applied.map(({ name }) => name)).toEqual(migrations.map(({ name }) => name));
  });

  test("is served from with the settings that migrate printed, and doctor finds nothing", async () => {
    const node = await startSatchel({ env });
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    const doctor = await satchel(["doctor"], { env });
    expect(doctor).toMatchObject({ code: 0, err: "" });
    expect(doctor.out).toEndWith("All is well.\n");
    const code = await satchel(["setup-code"], { env });
    expect(code.out).toMatch(/^([0-9A-Z]{5}-){3}[0-9A-Z]{5}\n$/);
    expect(await node.stop()).toBe(0);
  });

  test("keeps its password when migrated again, and gets another only when asked", async () => {
    const again = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: ownerUrl } });
    expect(again.code).toBe(0);
    expect(again.err).toContain("Nothing was pending");
    expect((await satchel(["doctor"], { env })).code).toBe(0);
    const asked = await satchel(["migrate", "--new-password"], { env: { DATABASE_OWNER_URL: ownerUrl } });
    const renewed = { ...env, ...settingsOf(asked.out) };
    expect(renewed.DATABASE_URL).not.toBe(env.DATABASE_URL ?? "");
    const old = await satchel(["doctor"], { env });
    expect(old.code).toBe(78);
    expect(old.err).toContain("password authentication failed");
    env = renewed;
    expect((await satchel(["doctor"], { env })).code).toBe(0);
  });

  test("can be migrated by a role that is no superuser, has CREATEROLE and owns the database", async () => {
    const admin = server.admin("postgres");
    await admin("create role operator login createrole password 'operator'");
    await server.createDatabase("school", "owner operator");
    const own = `postgres://operator:operator@127.0.0.1:${server.port}/school`;
    // The roles are the server's; those of another superuser's making cannot be granted by this one.
    await admin(
      "grant satchel_owner, satchel_system, satchel_search, satchel_request to operator with admin option",
    );
    const { code, err } = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: own } });
    expect(err).toContain("Applied: 0001_foundations");
    expect(code).toBe(0);
    const url = new URL(env.DATABASE_URL ?? "");
    url.pathname = "/school";
    const refused = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: url.href } });
    expect(refused.code).toBe(78);
    expect(refused.err).toContain("lacks a right");
    expect(refused.err).not.toMatch(/\bat .*:\d+:\d+/);
  });

  test("is brought up by serve --migrate, which says so when it lacks the owner", async () => {
    await server.createDatabase("third");
    const url = new URL(env.DATABASE_URL ?? "");
    url.pathname = "/third";
    const third = { ...env, DATABASE_URL: url.href };
    const refused = await satchel(["serve", "--port", "0", "--migrate"], { env: third });
    expect(refused.code).toBe(78);
    expect(refused.err).toContain("DATABASE_OWNER_URL");
    const node = await startSatchel({
      env: { ...third, DATABASE_OWNER_URL: server.ownerUrl("third") },
      args: ["--migrate"],
    });
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    expect(await node.stop()).toBe(0);
  });
});

describe("serve refuses with 78 and doctor tells the cure [row 103]", () => {
  const faults: readonly (readonly [string, string, string, RegExp])[] = [
    [
      "a request role that may bypass row-level security",
      "alter role satchel_request bypassrls",
      "alter role satchel_request nobypassrls",
      /may bypass row-level security/,
    ],
    [
      "a request role that is a member of the owner",
      "grant satchel_owner to satchel_request",
      "revoke satchel_owner from satchel_request",
      /may become satchel_owner, which owns tables/,
    ],
    [
      "a table whose policies are switched off",
      "alter table app.content disable row level security",
      "alter table app.content enable row level security",
      /row-level security is switched off on app\.content/,
    ],
    [
      "a table whose policies do not bind its owner",
      "alter table app.session no force row level security",
      "alter table app.session force row level security",
      /not forced on app\.session/,
    ],
    [
      "a schema that lacks a migration",
      "create table public.kept as select * from app.migration where name like '0009%';" +
        "delete from app.migration where name like '0009%'",
      "insert into app.migration select * from public.kept; drop table public.kept",
      /older than this program \(0009_/,
    ],
    [
      "a schema that is newer than the program",
      "insert into app.migration (name, checksum) values ('9999_future', 'x')",
      "delete from app.migration where name = '9999_future'",
      /newer than this program \(it has 9999_future\)/,
    ],
    [
      "a migration that was applied in another form",
      "update app.migration set checksum = checksum || 'x' where name like '0003%'",
      "update app.migration set checksum = left(checksum, -1) where name like '0003%'",
      /applied in another form \(0003_/,
    ],
  ];
  for (const [name, fault, cure, finding] of faults) {
    test(name, async () => {
      await meanwhile(fault, cure, async () => {
        const [serve, doctor] = await Promise.all([
          satchel(["serve", "--port", "0"], { env }),
          satchel(["doctor"], { env }),
        ]);
        expect([serve.code, doctor.code]).toEqual([78, 1]);
        expect(serve.err).toMatch(finding);
        expect(doctor.out).toMatch(finding);
        // Each finding is followed by its cure.
        expect(doctor.out).toMatch(/✗ .*\n {4}\S/);
        expect(doctor.out).toMatch(/\d+ to be cured\.\n$/);
        expect(serve.err).not.toMatch(/\bat .*:\d+:\d+/);
      });
      expect((await satchel(["doctor"], { env })).code).toBe(0);
    });
  }

  test("a policy that was dropped", async () => {
    const admin = server.admin("third");
    const [policy] = await admin<{ name: string; owner: string }>(
      `select quote_ident(polname) as name, polrelid::regclass::text as owner from pg_policy
       where polrelid = 'app.content'::regclass and not polpermissive`,
    );
    await admin(`drop policy ${policy?.name} on ${policy?.owner}`);
    const url = new URL(env.DATABASE_URL ?? "");
    url.pathname = "/third";
    const third = { ...env, DATABASE_URL: url.href };
    const [serve, doctor] = await Promise.all([
      satchel(["serve", "--port", "0"], { env: third }),
      satchel(["doctor"], { env: third }),
    ]);
    expect([serve.code, doctor.code]).toEqual([78, 1]);
    for (const said of [serve.err, doctor.out]) {
      expect(said).toContain(
        "the policy that confines app.content to one organization is missing or altered",
      );
      expect(said).toContain("call app.protect('app.content')");
    }
  });

  test("a superuser in DATABASE_URL", async () => {
    const superuser = { ...env, DATABASE_URL: ownerUrl };
    const { code, err } = await satchel(["serve", "--port", "0"], { env: superuser });
    expect(code).toBe(78);
    expect(err).toContain("postgres is a superuser, to whom row-level security does not apply");
    expect(err).toContain("Let DATABASE_URL name the role satchel_request");
    for (const command of [["work"], ["setup-code"]]) {
      expect((await satchel(command, { env: superuser })).code).toBe(78);
    }
  });

  test("a secret that the other nodes do not have", async () => {
    const other = { ...env, SATCHEL_SECRET: "qL7vRx2NcT9mWz4KpYb6HsJd8FgEu3Va" };
    const [serve, doctor] = await Promise.all([
      satchel(["serve", "--port", "0"], { env: other }),
      satchel(["doctor"], { env: other }),
    ]);
    expect([serve.code, doctor.code]).toEqual([78, 1]);
    expect(serve.err).toContain("was used with another secret");
    expect(doctor.out).toContain("was used with another secret");
    for (const said of [serve.err, doctor.out]) expect(said).not.toContain("qL7v");
  });
});

describe("doctor", () => {
  test("finds a Redis that does not answer, which serve gets along without [row 98]", async () => {
    const redis = await startRedis();
    const with_ = { ...env, REDIS_URL: redis.url };
    const healthy = await satchel(["doctor"], { env: with_ });
    expect(healthy.out).toMatch(/✓ Redis answers in \d+\.\d ms/);
    await redis.kill();
    const ill = await satchel(["doctor"], { env: with_ });
    expect(ill.code).toBe(1);
    expect(ill.out).toContain("✗ Redis does not answer");
    const node = await startSatchel({ env: with_ });
    expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    expect(await node.stop()).toBe(0);
  });

  test("finds a server that may lose what it has confirmed", async () => {
    const set = "alter system set synchronous_commit = off";
    await server.admin("satchel")(set);
    await server.admin("satchel")("select pg_reload_conf()");
    const { code, out } = await satchel(["doctor"], { env });
    await server.admin("satchel")("alter system reset synchronous_commit");
    await server.admin("satchel")("select pg_reload_conf()");
    expect(code).toBe(1);
    expect(out).toContain("may lose what it has confirmed");
  });
});

describe("a database that is not there", () => {
  const cases: readonly (readonly [string, (url: URL) => void, number, RegExp])[] = [
    ["a wrong password", (url) => (url.password = "wrong"), 78, /password authentication failed/],
    ["a database that does not exist", (url) => (url.pathname = "/nowhere"), 78, /"nowhere" does not exist/],
    [
      "a host that does not exist",
      (url) => (url.hostname = "no-such-host.invalid"),
      75,
      /ENOTFOUND|EAI_AGAIN/,
    ],
    ["a port where nobody listens", (url) => (url.port = "1"), 75, /ECONNREFUSED/],
  ];
  for (const [name, spoil, expected, reason] of cases) {
    test(`${name}: serve, doctor and migrate say why, at once [row 53]`, async () => {
      const url = new URL(env.DATABASE_URL ?? "");
      const owner = new URL(ownerUrl);
      for (const each of [url, owner]) spoil(each);
      const spoilt = { ...env, DATABASE_URL: url.href, DATABASE_OWNER_URL: owner.href };
      for (const command of [["serve", "--port", "0"], ["doctor"], ["migrate"]]) {
        const { code, out, err, milliseconds } = await satchel(command, { env: spoilt });
        expect([command[0], code]).toEqual([command[0], expected]);
        expect(err).toContain("the database cannot be reached");
        expect(err).toMatch(reason);
        expect(milliseconds).toBeLessThan(5000);
        expect(out + err).not.toMatch(/\bat .*:\d+:\d+|wrong@|operators/);
      }
    });
  }

  test("a server that accepts and says nothing is given up within seconds", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `postgres://satchel_request:x@127.0.0.1:${address.port}/satchel`;
    const { code, err, milliseconds } = await satchel(["serve"], { env: { ...env, DATABASE_URL: url } });
    silent.close();
    expect(code).toBe(75);
    expect(err).toContain("the database cannot be reached");
    expect(milliseconds).toBeLessThan(8000);
  });
});

describe("migrations build the schema", () => {
  test("from every earlier release, to the very same as from empty [row 90]", async () => {
    const shape = async (name: string) =>
      (
        await server.admin(name)<{ line: string }>(
          `select format('%s.%s %s %s %s', table_schema, table_name, column_name, data_type, is_nullable) as line
           from information_schema.columns where table_schema in ('app', 'pgboss')
           union all select format('%s %s %s', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) from pg_policy
           union all select indexdef from pg_indexes where schemaname = 'app'
           union all select format('%s %s', p.oid::regprocedure, md5(prosrc)) from pg_proc p
             where pronamespace = 'app'::regnamespace
           order by 1`,
        )
      ).map(({ line }) => line);
    const whole = await shape("satchel");
    expect(whole.length).toBeGreaterThan(200);
    await Promise.all(
      migrations.map(async ({ name }, count) => {
        const database = `release_${count}`;
        const url = await server.createDatabase(database);
        await migrate({
          ownerUrl: url,
          log: silentLog,
          migrations: migrations.slice(0, count),
          ...(count === 0 ? {} : { jobSchema: createJobSchema }),
        });
        const { code, err } = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: url } });
        expect([code, err]).toEqual([0, expect.stringContaining(`Applied: ${name}`)]);
        expect(await shape(database)).toEqual(whole);
      }),
    );
  });

  test("never backwards: a database of a newer release is left alone", async () => {
    await meanwhile(
      "insert into app.migration (name, checksum) values ('9999_future', 'x')",
      "delete from app.migration where name = '9999_future'",
      async () => {
        const { code, err } = await satchel(["migrate"], { env: { DATABASE_OWNER_URL: ownerUrl } });
        expect(code).toBe(78);
        expect(err).toContain("newer Satchel (9999_future)");
      },
    );
  });
});

/**
 * A plain PostgreSQL 15 in a temporary folder, with the few objects that a tenant transaction relies on, and on demand
 * a PgBouncer before it. Everything ends with `stop`.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";

const BIN = "/usr/lib/postgresql/15/bin";

const SCHEMA = `
create role satchel_owner nologin;
create role satchel_system nologin;
create role satchel_request login noinherit;
grant satchel_system to satchel_request;
create schema app authorization satchel_owner;
set role satchel_owner;
grant usage on schema app to satchel_request, satchel_system;

create function app.org() returns uuid language sql stable
return nullif(current_setting('app.org_id', true), '')::uuid;

create function app.enter(organization uuid, actor uuid) returns void language plpgsql as $$
begin
  if coalesce(current_setting('app.org_id', true), '') not in ('', organization::text) then
    raise exception 'this transaction has entered another organization' using errcode = '55000';
  end if;
  perform set_config('app.org_id', organization::text, true),
          set_config('app.user_id', coalesce(actor::text, ''), true);
end $$;

create table app.note (
  organization_id uuid not null,
  id uuid not null default gen_random_uuid(),
  text text not null,
  position int4 not null default 0,
  constraint note_pkey primary key (organization_id, id),
  constraint note_text_unique unique (organization_id, text),
  constraint note_position check (position >= 0)
);
create table app.generation (
  organization_id uuid not null,
  topic text not null,
  generation int8 not null default 1,
  primary key (organization_id, topic)
);
create table app.counter (id int4 primary key, value int8 not null, label text);
insert into app.counter values (1, 0, 'one'), (2, 0, 'two');
do $$
declare name text;
begin
  foreach name in array array['note', 'generation'] loop
    execute format('alter table app.%I enable row level security', name);
    execute format('alter table app.%I force row level security', name);
    execute format('create policy base on app.%I using (true) with check (true)', name);
    execute format('create policy tenant on app.%I as restrictive to satchel_request
      using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', name);
  end loop;
end $$;
create function app.bump_generations(topics text[]) returns void language sql volatile
begin atomic
  insert into app.generation as g (organization_id, topic)
  select app.org(), topic from unnest(topics) as topic order by topic
  on conflict (organization_id, topic) do update set generation = g.generation + 1;
end;
grant select, insert, update, delete on app.note, app.generation, app.counter to satchel_request;
grant select on app.note to satchel_system;
reset role;
`;

export interface TestServer {
  /** As the request role, over the unix socket. */
  readonly url: string;
  /** As the request role, over TCP. */
  readonly tcpUrl: string;
  readonly port: number;
  readonly socket: string;
  /** As the superuser, straight through the driver. */
  readonly admin: postgres.Sql;
  /** Starts a PgBouncer in transaction mode and gives the URL through it. */
  startPgBouncer(settings?: string): Promise<string>;
  /** Stops every process of the server in its tracks (SIGSTOP), and lets them go on. */
  freeze(): void;
  thaw(): void;
  /** Stops the server at once and starts it again. */
  shutDown(): void;
  startUp(): void;
  stop(): Promise<void>;
}

/** PostgreSQL and PgBouncer refuse to run as root. */
function asUser(user: string, command: string, args: string[]): [string, string[]] {
  return process.getuid?.() === 0
    ? ["setpriv", ["--reuid", user, "--regid", user, "--clear-groups", command, ...args]]
    : [command, args];
}

function run(command: string, args: string[]): void {
  const [program, full] = asUser("postgres", command, args);
  const { status, stderr } = spawnSync(program, full, {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
}

export async function startServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), "satchel-pg-"));
  const data = join(directory, "data");
  if (process.getuid?.() === 0) {
    const ids = spawnSync("id", ["-u", "postgres"], { encoding: "utf8" });
    chownSync(directory, Number(ids.stdout), Number(ids.stdout));
  }
  chmodSync(directory, 0o755);
  const port = await freePort();
  run(join(BIN, "initdb"), [
    "-D",
    data,
    "-U",
    "postgres",
    "--auth=trust",
    "--no-sync",
    "-E",
    "UTF8",
    "--locale=C.UTF-8",
  ]);
  const all = {
    port: String(port),
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    fsync: "off",
    max_connections: "60",
    log_min_messages: "panic",
    ...settings,
  };
  const options = Object.entries(all)
    .map(([name, value]) => `-c ${name}='${value}'`)
    .join(" ");
  const startUp = () =>
    run(join(BIN, "pg_ctl"), ["-D", data, "-w", "-s", "-l", join(directory, "log"), "-o", options, "start"]);
  const shutDown = () => run(join(BIN, "pg_ctl"), ["-D", data, "-w", "-s", "-m", "immediate", "stop"]);
  startUp();
  const admin = postgres({
    host: "127.0.0.1",
    port,
    username: "postgres",
    database: "postgres",
    max: 2,
    onnotice: () => {},
  });
  await admin.unsafe("create database satchel");
  const inside = postgres({
    host: "127.0.0.1",
    port,
    username: "postgres",
    database: "satchel",
    max: 1,
    onnotice: () => {},
  });
  await inside.unsafe(SCHEMA);
  await inside.end();
  const stops: (() => Promise<void>)[] = [];
  const signal = (name: NodeJS.Signals) => {
    const { stdout } = spawnSync("pgrep", ["-f", `-- -D ${data}|postgres: .*`, "-P", postmaster()], {
      encoding: "utf8",
    });
    for (const pid of [Number(postmaster()), ...stdout.split("\n").filter(Boolean).map(Number)])
      process.kill(pid, name);
  };
  const postmaster = () =>
    spawnSync("head", ["-1", join(data, "postmaster.pid")], { encoding: "utf8" }).stdout.trim();
  return {
    url: `postgres://satchel_request@/satchel?host=${encodeURIComponent(directory)}&port=${port}`,
    tcpUrl: `postgres://satchel_request@127.0.0.1:${port}/satchel`,
    port,
    socket: join(directory, `.s.PGSQL.${port}`),
    admin,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    shutDown,
    startUp,
    async startPgBouncer(extra = "") {
      const bouncer = await startPgBouncer(directory, port, extra);
      stops.push(bouncer.stop);
      return bouncer.url;
    },
    async stop() {
      await admin.end({ timeout: 0 });
      for (const stop of stops) await stop();
      shutDown();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function startPgBouncer(directory: string, server: number, extra: string) {
  const port = await freePort();
  const file = join(directory, `pgbouncer-${port}.ini`);
  const users = join(directory, "pgbouncer-users");
  writeFileSync(users, '"satchel_request" ""\n');
  writeFileSync(
    file,
    `[databases]
satchel = host=127.0.0.1 port=${server} dbname=satchel
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${users}
pool_mode = transaction
max_client_conn = 200
default_pool_size = 20
server_login_retry = 0
server_check_delay = 0
logfile =
${extra}
`,
  );
  const [program, args] = asUser("postgres", "/usr/sbin/pgbouncer", ["-q", file]);
  const child = spawn(program, args, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = `postgres://satchel_request@127.0.0.1:${port}/satchel?sslmode=disable`;
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error("pgbouncer did not start");
    await Bun.sleep(25);
  }
  return {
    url,
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

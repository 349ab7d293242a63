/** What the tests of the database access need: two tables that no feature owns, and ways to look from outside. */
import { connect as connectSocket, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { parseDatabaseUrl, urlFor } from "../../sql/connection.ts";
import type { Statement, Tx } from "../../sql/tx.ts";
import type { DbOptions, Tenant } from "../../src/db.ts";
import { type Admin, type TestDatabase, testDatabase } from "../support/database.ts";
import { tempFolder } from "../support/run.ts";

const TABLES = `
create table app.note (
  like template.tenant,
  id uuid not null default app.uuidv7(),
  text text not null,
  position int4 not null default 0,
  constraint note_pkey primary key (organization_id, id),
  constraint note_text_unique unique (organization_id, text),
  constraint note_position check (position >= 0)
);
call app.protect('app.note');
create policy system_select on app.note for select to satchel_system using (true);
create table app.tally (id int4 primary key, total int8 not null);
insert into app.tally values (1, 0), (2, 0);
grant select, insert, update, delete on app.note, app.tally to satchel_request;
grant select on app.note to satchel_system;
`;

/** Adds the tables to a migrated database, through the superuser. */
export async function addTables(admin: Admin): Promise<void> {
  for (const statement of TABLES.split(/;\n/)) if (statement.trim() !== "") await admin(statement);
}

export async function noteDatabase(options: Partial<DbOptions> = {}): Promise<TestDatabase> {
  const database = await testDatabase(options);
  await addTables(database.admin);
  return database;
}

export const tenants: readonly Tenant[] = Array.from({ length: 10 }, (_, n) => ({
  organizationId: `00000000-0000-7000-8000-0000000000${String(n).padStart(2, "0")}`,
  userId: null,
}));

const [first, second] = tenants;
if (first === undefined || second === undefined) throw new Error("there must be two tenants");
export const ours: Tenant = first;
export const theirs: Tenant = second;

export interface Note {
  readonly organizationId: string;
  readonly id: string;
  readonly text: string;
  readonly position: number;
}

/** An ad-hoc statement, as only a test may send one. */
export function query<Row = Record<string, unknown>>(tx: Tx, text: string, ...values: readonly unknown[]) {
  const statement: Statement = { name: `test/${text.slice(0, 20)}`, text };
  return tx.send<Row>(statement, values);
}

export const notes = (tx: Tx) =>
  query<Note>(tx, "select * from app.note order by text").then(({ rows }) => rows);

export const addNote = (tx: Tx, { organizationId }: Tenant, text: string, position = 0) =>
  query<Note>(
    tx,
    "insert into app.note (organization_id, text, position) values ($1, $2, $3) returning *",
    organizationId,
    text,
    position,
  );

/** Waits for a condition, and says so when it does not come. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  ms = 5000,
): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > ms) throw new Error(`waited ${ms} ms in vain until ${what}`);
    await Bun.sleep(5);
  }
}

/** What a promise rejects with. Fails when it resolves. */
export async function failure(promise: Promise<unknown>): Promise<Error & { slug?: string; code?: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it was expected to reject");
}

export interface Wire {
  /** The same database through this wire. */
  readonly url: string;
  /** How often the client had to wait for an answer since the last call: changes of direction, client to server. */
  roundTrips(): number;
  /** Holds back everything the server says, as a peer that has vanished would. */
  cut(): void;
  close(): Promise<void>;
}

/** Puts a wire that can be watched and cut between the database and who uses it. */
export async function tapWire(url: string): Promise<Wire> {
  const target = parseDatabaseUrl(url);
  const folder = tempFolder("wire");
  const sockets = new Set<Socket>();
  let trips = 0;
  let cut = false;
  const server = createServer((client) => {
    const upstream = target.host.startsWith("/")
      ? connectSocket(join(target.host, `.s.PGSQL.${target.port}`))
      : connectSocket(target.port, target.host);
    let answered = true;
    client.on("data", (data) => {
      if (answered) trips++;
      answered = false;
      if (!cut) upstream.write(data);
    });
    upstream.on("data", (data) => {
      answered = true;
      if (!cut) client.write(data);
    });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        if (!cut) other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(join(folder, ".s.PGSQL.5432"), resolve));
  return {
    url: urlFor({ ...target, host: folder, port: 5432 }, target.username, null),
    roundTrips() {
      const seen = trips;
      trips = 0;
      return seen;
    },
    cut() {
      cut = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

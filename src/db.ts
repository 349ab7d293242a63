/**
 * The database: a pool of connections, and the only ways to a transaction.
 *
 * Each connection is a postgres.js client of its own that never reconnects. A transaction owns its connection from
 * BEGIN to the answer of COMMIT; when the connection dies the transaction dies with it, and nothing sent later can end
 * up in another one (patches/postgres@3.4.9.patch, test/chaos/backend-kill.test.ts).
 *
 * Statements are sent at once and answered in order, so BEGIN and entering the tenant share the round trip of the
 * first statement.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { type ConnectionTarget, driverOptions, parseDatabaseUrl } from "../sql/connection.ts";
import {
  type Answer,
  appendAudit,
  begin,
  bumpGenerations,
  commit,
  type Deadlines,
  deadlineInForce,
  enterTenant,
  type Json,
  probe,
  rollback,
  type Scope,
  type Statement,
  type SystemTx,
  savepoint,
  type TenantTx,
  type Tx,
} from "../sql/tx.ts";
import type { Origin } from "./devices.ts";
import {
  databaseConnectionLost,
  databaseLocked,
  databaseOutcomeUnknown,
  databaseTimeout,
  databaseUnavailable,
  Refusal,
  writeConflict,
} from "./errors.ts";
import { type Log, warnSeldom } from "./log.ts";
import { makePool, type Pool, type PoolSettings, type PoolStats } from "./pool.ts";
import { wireTypes } from "./wire.ts";

export { jsonNull } from "./wire.ts";

export interface DbOptions {
  /** `postgres://…`, see sql/connection.ts. */
  readonly url: string;
  readonly pool?: Partial<PoolSettings>;
  /** Named prepared statements. Also off when the URL says `?prepare=false`, and behind a pooler. */
  readonly prepare?: boolean;
  /** Longest time of one statement, in milliseconds: 5000. */
  readonly statementTimeoutMs?: number;
  /** Longest wait for one lock, in milliseconds: 1000. */
  readonly lockTimeoutMs?: number;
  /** How long a server may take to accept a connection, in milliseconds: 1500. */
  readonly connectTimeoutMs?: number;
  /** How long a server may take to answer BEGIN before it counts as hung, in milliseconds: 1000. */
  readonly answerTimeoutMs?: number;
  /** A connection idle for longer is asked whether it still lives, in milliseconds: 30 000. */
  readonly probeAfterMs?: number;
  /** Statements that took longer are logged, in milliseconds: 500. */
  readonly slowStatementMs?: number;
  readonly log: Log;
  /** Hears of every statement once it was answered. */
  readonly onStatement?: (name: string, milliseconds: number, error?: unknown) => void;
}

export interface Db {
  readonly [internals]: Internals;
  stats(): PoolStats;
  /** Whether the database answers within `ms`. Over a connection of its own, so that a busy pool does not matter. */
  check(ms: number): Promise<boolean>;
  /** Lets running transactions finish for up to `drainMs` (8000), then ends every connection. */
  close(drainMs?: number): Promise<void>;
}

/** Whom a transaction acts for. */
export interface Tenant {
  readonly organizationId: string;
  /** The acting user, or null where there is none. */
  readonly userId: string | null;
  /** By which session or API key, and from where: what the audit says of all that is done in the transaction. */
  readonly sessionId?: string | null;
  readonly apiKeyId?: string;
  readonly origin?: Origin | null;
  /** Wraps the callback of a write, inside the transaction: what must commit together with it. */
  readonly around?: <T>(tx: TenantTx, run: () => Promise<T>) => Promise<T>;
}

export interface TransactionOptions {
  /** `begin read only`. The result is given before the commit is answered: there is nothing it could lose. */
  readonly readOnly?: boolean;
}

const internals: unique symbol = Symbol("internals");

interface Internals {
  readonly pool: Pool<Connection>;
  readonly settings: Settings;
  readonly link: Link;
  /** Parameter types by statement text, as PostgreSQL told them once: then no connection need ask again. */
  readonly types: Map<string, readonly number[]>;
  readonly opening: Opening;
}

/** What opens a transaction of each kind. */
interface Opening {
  readonly tenant: Statement;
  readonly tenantReadOnly: Statement;
  readonly system: Statement;
  readonly systemReadOnly: Statement;
}

interface Settings extends Required<Omit<DbOptions, "url" | "pool" | "onStatement">> {
  readonly onStatement: NonNullable<DbOptions["onStatement"]> | null;
  readonly deadlines: Deadlines;
}

/** What was found out about the way to the server. */
interface Link {
  readonly prepare: boolean;
  /** A pooler in between refuses deadlines at connecting: each transaction sets its own. */
  readonly pooled: boolean;
}

interface Connection {
  readonly client: postgres.Sql;
  /** It has closed or was given up. Nothing is sent on it any more. */
  gone: boolean;
  /** Drops it at once, out of the pool too. Everything sent on it is rejected. */
  abandon(): void;
  /** It was given up because an answer did not come in time. */
  overran: boolean;
  /** Statements sent and not answered. */
  pending: number;
  /** Since when the answer that comes next has been waited for. */
  waitingSince: number;
  /** The answer that comes next is to a statement that any live server answers at once. */
  prompt: boolean;
  /** The deadline had passed when last looked at. */
  late: boolean;
  probedAt: number;
}

/** One attempt at a transaction. */
interface Lease {
  readonly db: Internals;
  readonly tenant: Tenant | null;
  readonly connection: Connection;
  /** Statements are accepted; otherwise why not. */
  closed: null | string;
  readonly readOnly: boolean;
  /** The callback has not settled yet: no other transaction may be opened from it. */
  running: boolean;
  begun: boolean;
  /** The first failure that no savepoint has undone. */
  failure: unknown;
  topics: Set<string> | null;
  /** To be chained; those of an undone savepoint are taken out again. */
  events: Json[];
  afterCommit: (() => void)[] | null;
  /** Numbers of the open savepoints, innermost last. */
  readonly savepoints: number[];
  savepointCount: number;
}

const ENDED = "was sent after its transaction had ended";
const TOO_LATE =
  "was sent after the callback of readTenant had returned: send everything at once, or use withTenant";
/** How often a transaction is tried at most. */
const TRIES = 4;
const TICK_MS = 200;
/** More than there are query files, so that texts made at run time cannot fill the memory. */
const TYPES_KEPT = 2000;

const leases = new WeakMap<Tx, Lease>();
const inside = new AsyncLocalStorage<Lease>();

/**
 * Opens the pool and one connection, to find out whether a pooler is in between. Throws an Error when the URL is no
 * good, refuses with `database_unavailable` when the database cannot be reached.
 */
export async function openDb(options: DbOptions): Promise<Db> {
  const target = parseDatabaseUrl(options.url);
  const statementTimeoutMs = options.statementTimeoutMs ?? 5000;
  const lockTimeoutMs = options.lockTimeoutMs ?? 1000;
  const settings: Settings = {
    prepare: options.prepare ?? true,
    statementTimeoutMs,
    lockTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs ?? 1500,
    answerTimeoutMs: options.answerTimeoutMs ?? 1000,
    probeAfterMs: options.probeAfterMs ?? 30_000,
    slowStatementMs: options.slowStatementMs ?? 500,
    log: options.log,
    onStatement: options.onStatement ?? null,
    deadlines: { statementMs: statementTimeoutMs, lockMs: lockTimeoutMs, idleMs: 2 * statementTimeoutMs },
  };
  const link = await findLink(target, settings);
  const connections = new Set<Connection>();
  const connectFailed = warnSeldom(options.log, "database_connect_failed");
  const connect = async (): Promise<Connection> => {
    try {
      const connection = await openConnection(target, settings, link, (gone) => {
        connections.delete(gone);
        pool.lost(gone);
      });
      connections.add(connection);
      return connection;
    } catch (error) {
      connectFailed({ error });
      throw error;
    }
  };
  const pool = makePool<Connection>(
    { open: connect, end: endConnection },
    {
      size: 10,
      overflow: 5,
      acquireTimeoutMs: 5000,
      maxWaiting: 1000,
      lifetimeMs: 30 * 60_000,
      idleMs: 60_000,
      ...options.pool,
    },
  );
  const db: Internals = { pool, settings, link, types: new Map(), opening: openingOf(link, settings) };
  const health = makeHealth(db, connect);
  const timer = setInterval(() => tick(db, connections), TICK_MS);
  timer.unref();
  return {
    [internals]: db,
    stats: pool.stats,
    check: health.check,
    async close(drainMs = 8000) {
      await pool.close(drainMs);
      await health.close();
      clearInterval(timer);
    },
  };
}

/**
 * Runs `fn` in a transaction of the organization: commits when it resolves, rolls back when it rejects. Runs it again,
 * whole, after a serialization failure or a deadlock, and when the connection proves to have been dead before it began.
 * `fn` awaits nothing but the database.
 *
 * Refuses with `write_conflict` when it lost every try, `database_busy`, `database_unavailable`, `database_timeout`,
 * `database_locked`, `database_connection_lost`, and with `database_outcome_unknown` when the connection died while
 * the commit was under way. Throws when called from inside another transaction.
 */
export function withTenant<T>(
  db: Db,
  tenant: Tenant,
  fn: (tx: TenantTx) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  const readOnly = options.readOnly ?? false;
  // A read has no effect that something would have to commit with.
  const run = readOnly ? fn : around(tenant, fn);
  return transaction<"tenant", T>(db, { tenant, readOnly, burst: false }, run);
}

/**
 * Runs `fn` in a read-only transaction that is one burst: BEGIN, entering the organization, everything that `fn` sends
 * before it first awaits, COMMIT, in one round trip. What `fn` sends later is refused with an Error. Refuses as
 * `withTenant` does.
 */
export function readTenant<T>(db: Db, tenant: Tenant, fn: (tx: TenantTx) => Promise<T>): Promise<T> {
  return transaction<"tenant", T>(db, { tenant, readOnly: true, burst: true }, fn);
}

/** Runs `fn` in a transaction of the system role, across organizations. Refuses as `withTenant` does. */
export function withSystem<T>(
  db: Db,
  fn: (tx: SystemTx) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return transaction<"system", T>(
    db,
    { tenant: null, readOnly: options.readOnly ?? false, burst: false },
    fn,
  );
}

/** Says that what is cached under `topic` changes: its generation is raised as the last thing before the commit. */
export function changed(tx: TenantTx, topic: string): void {
  const lease = writingLeaseOf(tx);
  lease.topics ??= new Set();
  lease.topics.add(topic);
}

/** Whom a transaction acts for, as it was given to `withTenant`. */
export function tenantOf(tx: TenantTx): Tenant {
  const { tenant } = leaseOf(tx);
  if (tenant === null) throw new Error("this transaction is of no organization");
  return tenant;
}

/**
 * Says that an event of the audit belongs to this transaction: all of its events are chained as the last thing before the
 * commit. For src/audit alone, which makes them.
 */
export function chained(tx: TenantTx, event: Json): void {
  writingLeaseOf(tx).events.push(event);
}

/** Whether the caller runs in the callback of a transaction, which awaits nothing but the database. */
export function insideTransaction(): boolean {
  return inside.getStore()?.running === true;
}

/** Calls `fn` once the transaction has committed, and never if it does not. What it throws is logged. */
export function afterCommit(tx: Tx, fn: () => void): void {
  const lease = writingLeaseOf(tx);
  lease.afterCommit ??= [];
  lease.afterCommit.push(fn);
}

/**
 * Runs `run` in a savepoint. When it rejects, what it did is undone and the transaction can go on; a violation of a
 * constraint named in `refusals` becomes that refusal. Not for two at once in one transaction: the inner one must
 * settle first.
 */
export async function onConstraint<S extends Scope, T>(
  tx: Tx<S>,
  refusals: Readonly<Record<string, () => Refusal>>,
  run: (tx: Tx<S>) => Promise<T>,
): Promise<T> {
  const lease = writingLeaseOf(tx);
  const number = ++lease.savepointCount;
  const point = savepoint(number);
  const events = lease.events.length;
  lease.savepoints.push(number);
  watched(lease, point.set);
  try {
    const result = await run(tx);
    leaveSavepoint(lease, number);
    watched(lease, point.release);
    return result;
  } catch (error) {
    leaveSavepoint(lease, number);
    const cause = hasCode(error, "25P02") ? lease.failure : error;
    // Neither a lost connection nor a lost race is a matter of this savepoint.
    if (lease.closed !== null || lease.connection.gone || isLostRace(lease.failure)) throw error;
    // Awaited: statements that failed behind the first one must be known before the failure is forgotten.
    const undo = transmit(lease.db, lease.connection, point.undo, [], SIMPLE, lease, asItIs);
    if ((await undo.catch(() => null)) === null) throw error;
    lease.failure = null;
    lease.events.length = events;
    const name = cause instanceof postgres.PostgresError ? cause.constraint_name : undefined;
    const refuse = name !== undefined && Object.hasOwn(refusals, name) ? refusals[name] : undefined;
    throw refuse === undefined ? cause : withCause(refuse(), cause);
  }
}

/**
 * Sends a text that is no query file in the transaction `tx`. For src/queue.ts alone: pg-boss makes its texts itself.
 * Values are bound as node-postgres does (objects as JSON, strings as they are), column names come as they are.
 */
export async function rawSend(
  tx: Tx,
  text: string,
  values: readonly unknown[] = [],
): Promise<Answer<Record<string, unknown>>> {
  const lease = leaseOf(tx);
  const statement = rawStatement(text);
  const refused = refusedStatement(lease, statement);
  if (refused !== null) throw refused;
  return raw(await transmitRaw(lease, statement, values));
}

// ── The transaction ─────────────────────────────────────────────────────────────────────────────────────────────────

interface Plan {
  readonly tenant: Tenant | null;
  readonly readOnly: boolean;
  readonly burst: boolean;
}

/** Either what the callback gave, or a failure and whether running it all again may help. */
type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly again: boolean; readonly error: unknown };

async function transaction<S extends Scope, T>(
  db: Db,
  plan: Plan,
  fn: (tx: Tx<S>) => Promise<T>,
): Promise<T> {
  refuseNested();
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(db[internals], plan, fn);
    if (outcome.ok) return outcome.value;
    if (!outcome.again || tries === TRIES) throw outcome.error;
    // Whoever lost a race would lose it again if both started at the same moment.
    if (tries > 1) await sleep(Math.random() * 10 * tries);
  }
}

async function attempt<S extends Scope, T>(
  db: Internals,
  plan: Plan,
  fn: (tx: Tx<S>) => Promise<T>,
): Promise<Outcome<T>> {
  const connection = await db.pool.acquire(plan.tenant?.organizationId);
  const lease: Lease = {
    db,
    tenant: plan.tenant,
    connection,
    closed: null,
    readOnly: plan.readOnly,
    running: true,
    begun: false,
    failure: null,
    topics: null,
    events: [],
    afterCommit: null,
    savepoints: [],
    savepointCount: 0,
  };
  const tx = makeTx<S>(lease);
  open(lease, plan);
  const running = inside.run(lease, async () => fn(tx));
  const committed = plan.burst ? finish(lease, commit, TOO_LATE) : null;
  let value: T;
  try {
    value = await running;
  } catch (error) {
    lease.running = false;
    const rolledBack = committed ?? finish(lease, rollback, ENDED);
    if (!plan.readOnly) await rolledBack;
    return judge(lease, error);
  }
  lease.running = false;
  if (plan.readOnly) {
    if (committed === null) void finish(lease, commit, ENDED);
    return { ok: true, value };
  }
  if (connection.gone) return judge(lease, lossOf(connection, lease.begun));
  // Both lock what other transactions of the organization wait for: in this order always, and as late as can be.
  if (lease.topics !== null) watched(lease, bumpGenerations, [[...lease.topics].sort()]);
  if (lease.events.length > 0) watched(lease, appendAudit, [JSON.stringify(lease.events)]);
  const answer = await finish(lease, commit, ENDED);
  if (answer instanceof Error) return judge(lease, answer, true);
  // A transaction in which a statement has failed is rolled back by its COMMIT, without an error.
  if (answer.command !== "COMMIT")
    return judge(lease, lease.failure ?? new Error("the transaction was rolled back"));
  for (const after of lease.afterCommit ?? []) {
    try {
      after();
    } catch (error) {
      db.settings.log.error("after_commit_failed", { error });
    }
  }
  return { ok: true, value };
}

function makeTx<S extends Scope>(lease: Lease): Tx<S> {
  const send = <Row>(statement: Statement, values: readonly unknown[]): Promise<Answer<Row>> => {
    const refused = refusedStatement(lease, statement);
    if (refused !== null) return Promise.reject(refused);
    const answer = transmit(lease.db, lease.connection, statement, values, EXTENDED, lease, toAnswer<Row>);
    // Also told by the commit: who sends without awaiting must not bring the process down.
    answer.catch(nothing);
    return answer;
  };
  // The brand exists for the type checker alone.
  const tx = { send } as unknown as Tx<S>;
  leases.set(tx, lease);
  return tx;
}

/** Sends what opens the transaction, without waiting for it. */
function open(lease: Lease, { tenant, readOnly }: Plan): void {
  const { db, connection } = lease;
  connection.prompt = true;
  const { opening } = db;
  const statement =
    tenant === null
      ? readOnly
        ? opening.systemReadOnly
        : opening.system
      : readOnly
        ? opening.tenantReadOnly
        : opening.tenant;
  const begun = () => {
    lease.begun = true;
    connection.prompt = false;
  };
  // Whatever follows a failed BEGIN must not run outside a transaction.
  transmit(db, connection, statement, [], SIMPLE, lease, begun).catch(() => connection.abandon());
  if (tenant !== null) watched(lease, enterTenant, [tenant.organizationId, tenant.userId]);
}

/** Ends the transaction and gives the connection back once that was answered. Resolves to the error, never rejects. */
async function finish(lease: Lease, how: Statement, why: string): Promise<Reply | Error> {
  lease.closed = why;
  const { db, connection } = lease;
  try {
    if (connection.gone) return lossOf(connection, lease.begun);
    return await transmit(db, connection, how, [], SIMPLE, null, asItIs);
  } catch (error) {
    if (isConnectionError(error) || how === rollback) connection.abandon();
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    db.pool.release(connection);
  }
}

/** What a failure means for the caller, and whether another try may do better. */
function judge(lease: Lease, thrown: unknown, committing = false): Outcome<never> {
  const { connection, failure } = lease;
  const fail = (error: unknown, again = false): Outcome<never> => ({ ok: false, again, error });
  if (committing && isConnectionError(thrown)) {
    return fail(withCause(databaseOutcomeUnknown({ retryAfter: 1 }), thrown));
  }
  if (isLostRace(failure) || isLostRace(thrown)) {
    return fail(withCause(writeConflict(), isLostRace(failure) ? failure : thrown), true);
  }
  // Only the first failure says what was wrong: what came behind it is told that the transaction is aborted, and behind
  // a failed BEGIN that the connection was given up.
  const followed = hasCode(thrown, "25P02") || (!lease.begun && isLoss(thrown));
  const error = followed && failure !== null ? failure : thrown;
  const lost = connection.gone && (isConnectionError(error) || isLoss(error));
  if (!lost) return fail(translate(error));
  // Not even BEGIN was answered: the pooled connection was dead already and nothing has happened.
  if (!lease.begun && !connection.overran)
    return fail(withCause(databaseUnavailable({ retryAfter: 1 }), error), true);
  return fail(isLoss(error) ? error : withCause(lossOf(connection, lease.begun), error));
}

function around<T>(tenant: Tenant, fn: (tx: TenantTx) => Promise<T>): (tx: TenantTx) => Promise<T> {
  const wrap = tenant.around;
  return wrap === undefined ? fn : (tx) => wrap(tx, () => fn(tx));
}

function leaseOf(tx: Tx): Lease {
  const lease = leases.get(tx);
  if (lease === undefined) throw new Error("this is not a transaction of src/db.ts");
  return lease;
}

/** Of a transaction that can still commit something. */
function writingLeaseOf(tx: Tx): Lease {
  const lease = leaseOf(tx);
  if (lease.closed !== null) throw new Error("the transaction has ended");
  if (lease.readOnly) throw new Error("the transaction is read only");
  return lease;
}

function refuseNested(): void {
  if (insideTransaction()) {
    throw new Error("a transaction cannot be opened from inside another one: pass its tx on");
  }
}

function refusedStatement(lease: Lease, statement: Statement): Error | null {
  if (lease.closed !== null) return new Error(`${statement.name} ${lease.closed}`);
  if (lease.connection.gone) return lossOf(lease.connection, lease.begun);
  return null;
}

/** Sends a statement of ours whose failure shows in what follows it. */
function watched(lease: Lease, statement: Statement, values: readonly unknown[] = []): void {
  // Once the transaction has ended, its connection may be another one's.
  if (lease.closed !== null || lease.connection.gone) return;
  const how = values.length === 0 ? SIMPLE : EXTENDED;
  transmit(lease.db, lease.connection, statement, values, how, lease, asItIs).catch(nothing);
}

/** Remembers the first failure of the transaction, and tells the loss of the connection as a refusal. */
function observed(lease: Lease, error: unknown): unknown {
  const told = isConnectionError(error) ? withCause(giveUp(lease.connection, lease.begun), error) : error;
  lease.failure ??= told;
  return told;
}

function leaveSavepoint(lease: Lease, number: number): void {
  if (lease.savepoints.pop() !== number) {
    throw new Error("two onConstraint of one transaction ran at once: await the first, then call the second");
  }
}

// ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the driver gives: the rows, with the facts of the command. */
type Reply = postgres.RowList<postgres.Row[]>;

interface Sending {
  readonly simple: boolean;
  readonly verbatim: boolean;
}

const EXTENDED: Sending = { simple: false, verbatim: false };
const SIMPLE: Sending = { simple: true, verbatim: false };

const nothing = () => {};
const asItIs = (reply: Reply) => reply;

function toAnswer<Row>(reply: Reply): Answer<Row> {
  // The driver's own array carries the connection's state along.
  return { rows: reply.slice() as unknown as readonly Row[], count: reply.count ?? 0 };
}

/** Sends one statement now. Rejects with the driver's own error, or as a statement of `lease` must. */
function transmit<T>(
  db: Internals,
  connection: Connection,
  statement: Statement,
  values: readonly unknown[],
  { simple, verbatim }: Sending,
  lease: Lease | null,
  read: (reply: Reply) => T,
): Promise<T> {
  const { name, text } = statement;
  const missing = values.indexOf(undefined);
  if (missing !== -1) return Promise.reject(new Error(`${name}: parameter ${missing + 1} is undefined`));
  const { client } = connection;
  const types = db.types.get(text);
  // Never the type that the driver would infer from the value: PostgreSQL decides, from the text of the statement.
  const parameters = values.map((value, at) => client.typed(value as never, types?.[at] ?? 0));
  const started = performance.now();
  if (connection.pending++ === 0) connection.waitingSince = started;
  const settled = (error?: unknown) => {
    const now = performance.now();
    connection.pending--;
    connection.waitingSince = now;
    connection.late = false;
    const { onStatement, slowStatementMs, log } = db.settings;
    const milliseconds = now - started;
    if (milliseconds > slowStatementMs) log.warn("slow_statement", { query: name, milliseconds });
    onStatement?.(name, milliseconds, error);
  };
  return client.unsafe(text, parameters, { prepare: db.link.prepare, simple, verbatim }).then(
    (result) => {
      settled();
      if (types === undefined && values.length > 0 && db.types.size < TYPES_KEPT) {
        db.types.set(text, [...result.statement.types]);
      }
      return read(result);
    },
    (error: unknown) => {
      settled(error);
      // A migration may have changed a type under us.
      if (error instanceof postgres.PostgresError && error.code.startsWith("42")) db.types.delete(text);
      throw lease === null ? error : observed(lease, error);
    },
  );
}

function rawStatement(text: string): Statement {
  return { name: "raw", text };
}

function transmitRaw(lease: Lease, statement: Statement, values: readonly unknown[]): Promise<Reply> {
  // A string for json would be taken for a document and quoted: as text it is read as node-postgres sends it.
  const text = statement.text.replace(/\$(\d+)::(jsonb?)\b/g, "$$$1::text::$2");
  const bound = values.map(bindAsNodePostgres);
  const how = { simple: values.length === 0, verbatim: true };
  return transmit(lease.db, lease.connection, { ...statement, text }, bound, how, lease, asItIs);
}

function bindAsNodePostgres(value: unknown): unknown {
  if (value === undefined) return null;
  const isPlain = typeof value !== "object" || value === null;
  if (isPlain || Array.isArray(value) || value instanceof Date || value instanceof Uint8Array) return value;
  return JSON.stringify(value);
}

/** A script gives one result for each of its statements. */
function raw(result: Reply): Answer<Record<string, unknown>> {
  const parts = Array.isArray(result[0]) ? (result as unknown as Reply[]) : [result];
  const rows = parts.flatMap((part) => [...part]);
  return { rows, count: parts.reduce((sum, part) => sum + (part.count ?? 0), 0) };
}

// ── Failures ────────────────────────────────────────────────────────────────────────────────────────────────────────

function hasCode(error: unknown, code: string): boolean {
  return error instanceof postgres.PostgresError && error.code === code;
}

/** The driver's own errors of a connection, and the system's: CONNECTION_CLOSED, ECONNRESET, … */
function isConnectionError(error: unknown): boolean {
  if (error instanceof postgres.PostgresError) return error.code.startsWith("08");
  return (
    error instanceof Error &&
    "code" in error &&
    /^(CONNECT|E[A-Z]+$|ERR_(STREAM|SOCKET))/.test(String(error.code))
  );
}

/** A failure that goes away when the whole transaction runs again. */
function isLostRace(error: unknown): boolean {
  if (!(error instanceof postgres.PostgresError)) return false;
  // The last: a migration changed a table under a prepared statement.
  return ["40001", "40P01"].includes(error.code) || error.routine === "RevalidateCachedQuery";
}

const losses = new WeakSet<Error>();

function isLoss(error: unknown): boolean {
  return error instanceof Refusal && losses.has(error);
}

/** Says what became of a transaction whose connection is gone. */
function lossOf(connection: Connection, begun: boolean): Refusal {
  const type = !connection.overran ? databaseConnectionLost : begun ? databaseTimeout : databaseUnavailable;
  const refusal = type({ retryAfter: 1 });
  losses.add(refusal);
  return refusal;
}

function giveUp(connection: Connection, begun: boolean): Refusal {
  connection.abandon();
  return lossOf(connection, begun);
}

function translate(error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  const { code } = error;
  const retry = { retryAfter: 1 };
  if (code === "57014") return withCause(databaseTimeout(retry), error);
  if (code === "55P03") return withCause(databaseLocked(retry), error);
  if (/^(53|08|57P0)/.test(code)) return withCause(databaseUnavailable(retry), error);
  return error;
}

function withCause(refusal: Refusal, cause: unknown): Refusal {
  refusal.cause ??= cause;
  return refusal;
}

// ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────────

const driverTypes = Object.fromEntries(
  wireTypes.map(({ oids: [to = 0, ...others], write, read }): [string, postgres.PostgresType] => [
    String(to),
    {
      to,
      // The driver takes text as it is only where it knows of no way to read it.
      from: [to, ...others],
      serialize: write,
      parse: (read ?? undefined) as (text: string) => unknown,
    },
  ]),
);

/** Opens a connection that is asked for an answer once. Rejects with the driver's error. */
async function openConnection(
  target: ConnectionTarget,
  settings: Settings,
  link: Link,
  onGone: (connection: Connection) => void,
): Promise<Connection> {
  const { deadlines } = settings;
  let connection: Connection | null = null;
  const client: postgres.Sql = postgres({
    ...driverOptions(target),
    max: 1,
    once: true,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: settings.connectTimeoutMs / 1000,
    fetch_types: false,
    prepare: link.prepare,
    types: driverTypes,
    // Not the driver's `camel`: that would also rename the keys inside JSON documents.
    transform: { column: { from: postgres.toCamel } },
    onnotice: () => {},
    onclose: () => connection?.abandon(),
    connection: {
      application_name: "satchel",
      // Word for word as the server reports it, or PgBouncer sets it again for each transaction.
      DateStyle: "ISO, MDY",
      TimeZone: "UTC",
      ...(link.pooled
        ? {}
        : {
            statement_timeout: deadlines.statementMs,
            lock_timeout: deadlines.lockMs,
            idle_in_transaction_session_timeout: deadlines.idleMs,
          }),
    },
  });
  // Another package manager than Bun installs the driver as it is published, and that one is not safe.
  if (typeof client.abort !== "function")
    throw new Error("the driver is not patched: install with `bun install`");
  try {
    await client.unsafe(probe.text, [], { simple: true });
  } catch (error) {
    client.abort();
    throw error;
  }
  const now = performance.now();
  connection = {
    client,
    gone: false,
    abandon() {
      this.gone = true;
      onGone(this);
      client.abort();
    },
    overran: false,
    pending: 0,
    waitingSince: now,
    prompt: false,
    late: false,
    probedAt: now,
  };
  return connection;
}

/** Ends an idle connection: politely, then at once. */
async function endConnection(connection: Connection): Promise<void> {
  connection.gone = true;
  await connection.client.end({ timeout: 0.5 }).catch(() => {});
  connection.client.abort();
}

/**
 * A pooler takes no deadlines at connecting: PgBouncer refuses them, or leaves them out where it was told to ignore
 * them. Both show in the first connection.
 */
async function findLink(target: ConnectionTarget, settings: Settings): Promise<Link> {
  const direct: Link = { prepare: settings.prepare && target.prepare, pooled: false };
  const pooled: Link = { prepare: false, pooled: true };
  try {
    const connection = await openConnection(target, settings, direct, () => {});
    try {
      const [row] = await connection.client.unsafe(deadlineInForce.text, [], { simple: true });
      return Number(row?.setting) === settings.deadlines.statementMs ? direct : pooled;
    } finally {
      await endConnection(connection);
    }
  } catch (error) {
    if (hasCode(error, "08P01") && /unsupported startup parameter/.test(String(error))) return pooled;
    throw withCause(databaseUnavailable({ retryAfter: 1 }), error);
  }
}

function openingOf(link: Link, settings: Settings): Opening {
  const deadlines = link.pooled ? settings.deadlines : null;
  return {
    tenant: begin({ readOnly: false, system: false, deadlines }),
    tenantReadOnly: begin({ readOnly: true, system: false, deadlines }),
    system: begin({ readOnly: false, system: true, deadlines }),
    systemReadOnly: begin({ readOnly: true, system: true, deadlines }),
  };
}

/** Looks after deadlines, idle connections and the size of the pool. */
function tick(db: Internals, connections: ReadonlySet<Connection>): void {
  const now = performance.now();
  const { answerTimeoutMs, statementTimeoutMs, probeAfterMs } = db.settings;
  for (const connection of connections) {
    if (connection.pending === 0 || connection.gone) continue;
    // The server's own deadline comes first and leaves the connection usable.
    const limit = connection.prompt ? answerTimeoutMs : statementTimeoutMs + TICK_MS;
    if (now - connection.waitingSince < limit) continue;
    // Only the second time: when this process itself stood still, the answer may be waiting to be read.
    if (!connection.late) {
      connection.late = true;
      continue;
    }
    connection.overran = true;
    connection.abandon();
    if (connection.prompt) db.pool.refuseWaiting(databaseUnavailable({ retryAfter: 1 }));
  }
  for (const connection of db.pool.idle()) {
    if (connection.pending > 0 || now - connection.probedAt < probeAfterMs) continue;
    if (now - connection.waitingSince < probeAfterMs) continue;
    connection.probedAt = now;
    sendProbe(db, connection).catch(() => connection.abandon());
  }
  db.pool.tidy(now);
}

async function sendProbe(db: Internals, connection: Connection): Promise<void> {
  connection.prompt = true;
  await transmit(db, connection, probe, [], SIMPLE, null, asItIs);
}

interface Health {
  check(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Asks over a connection of its own, one question at a time. */
function makeHealth(db: Internals, connect: () => Promise<Connection>): Health {
  let connection: Connection | null = null;
  let asking: Promise<boolean> | null = null;
  let closed = false;
  async function ask(): Promise<boolean> {
    try {
      if (connection === null || connection.gone) connection = await connect();
      await sendProbe(db, connection);
      return true;
    } catch {
      if (connection !== null) connection.abandon();
      connection = null;
      return false;
    } finally {
      asking = null;
    }
  }
  return {
    async check(ms) {
      if (closed) return false;
      asking ??= ask();
      const timer = new AbortController();
      const late = sleep(ms, false, { signal: timer.signal }).catch(() => false);
      try {
        return await Promise.race([asking, late]);
      } finally {
        timer.abort();
      }
    },
    async close() {
      closed = true;
      await asking;
      if (connection !== null) await endConnection(connection);
    },
  };
}

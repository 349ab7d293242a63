/**
 * The transaction a query runs in, and the four ways to read its answer.
 *
 * A `Tx` can only be made by `withTenant`, `readTenant` and `withSystem` (src/db.ts): the brand keeps a pool, a
 * bare connection or a transaction of the other scope from compiling where a query asks for one.
 */

declare const scopeOf: unique symbol;

/** `tenant`: one organization, under row-level security. `system`: housekeeping across organizations. */
export type Scope = "tenant" | "system";

/** One query file: its path below `sql/queries` without the ending, and the numbered text that is sent. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What PostgreSQL answered: the rows, and how many rows the command touched. */
export interface Answer<Row> {
  readonly rows: readonly Row[];
  readonly count: number;
}

export interface Tx<S extends Scope = Scope> {
  readonly [scopeOf]: S;
  /**
   * Sends one statement at once (not when awaited), so that several sent without awaiting share a round trip.
   * Await those together (`Promise.all`): a rejection that nobody awaits in time ends the process.
   * Refuses with `unavailable` (`database_connection_lost`) when the transaction's connection is gone.
   */
  send<Row>(statement: Statement, values: readonly unknown[]): Promise<Answer<Row>>;
}

export type TenantTx = Tx<"tenant">;
export type SystemTx = Tx<"system">;

/** A JSON document. Keys inside it are never renamed. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** `returns: one`. Throws when the statement does not return exactly one row: that is a bug, not a refusal. */
export async function one<Row>(tx: Tx, statement: Statement, values: readonly unknown[]): Promise<Row> {
  const { rows } = await tx.send<Row>(statement, values);
  const [row] = rows;
  if (row === undefined || rows.length > 1) {
    throw new Error(`${statement.name} must return exactly one row, it returned ${rows.length}`);
  }
  return row;
}

/** `returns: maybe`. The row, or null. Throws when there is more than one. */
export async function maybe<Row>(
  tx: Tx,
  statement: Statement,
  values: readonly unknown[],
): Promise<Row | null> {
  const { rows } = await tx.send<Row>(statement, values);
  if (rows.length > 1)
    throw new Error(`${statement.name} must return at most one row, it returned ${rows.length}`);
  return rows[0] ?? null;
}

/** `returns: many`. The rows, in the order the statement gives them. */
export async function many<Row>(
  tx: Tx,
  statement: Statement,
  values: readonly unknown[],
): Promise<readonly Row[]> {
  return (await tx.send<Row>(statement, values)).rows;
}

/** `returns: count`. How many rows the command touched. */
export async function count(tx: Tx, statement: Statement, values: readonly unknown[]): Promise<number> {
  return (await tx.send(statement, values)).count;
}

/*
 * The few texts that open, mark and end a transaction. Only src/db.ts sends them.
 */

/** `$1` organization, `$2` acting user or null. Refuses to change to another organization. */
export const enterTenant: Statement = {
  name: "tx/enter",
  text: "select app.enter($1::uuid, $2::uuid)",
};

/** `$1` topics. Sent last before the commit: a generation that is visible must not be ahead of its data. */
export const bumpGenerations: Statement = {
  name: "tx/bump_generations",
  text: "select app.bump_generations($1::text[])",
};

/** `$1` events, as src/db.ts collects them. Sent last before the commit, after the generations. */
export const appendAudit: Statement = {
  name: "tx/append_audit",
  text: "select app.append_audit($1::text::jsonb)",
};

export const commit: Statement = { name: "tx/commit", text: "commit" };
export const rollback: Statement = { name: "tx/rollback", text: "rollback" };

/** Answers from any live server, at next to no cost. */
export const probe: Statement = { name: "tx/probe", text: "select 1" };

/** Whether the deadlines asked for at connecting have taken effect. Milliseconds. */
export const deadlineInForce: Statement = {
  name: "tx/deadline_in_force",
  text: "select setting from pg_settings where name = 'statement_timeout'",
};

/** Deadlines of one transaction, in whole milliseconds. */
export interface Deadlines {
  readonly statementMs: number;
  readonly lockMs: number;
  readonly idleMs: number;
}

/**
 * Opens a transaction. `system` takes on the role for housekeeping; `deadlines` sets them for this transaction
 * alone, where a pooler between us and the server refuses them at connecting.
 */
export function begin(options: {
  readonly readOnly: boolean;
  readonly system: boolean;
  readonly deadlines: Deadlines | null;
}): Statement {
  const { readOnly, system, deadlines } = options;
  const parts = [readOnly ? "begin read only" : "begin"];
  if (deadlines !== null) {
    parts.push(
      `set local statement_timeout = ${whole(deadlines.statementMs)}`,
      `set local lock_timeout = ${whole(deadlines.lockMs)}`,
      `set local idle_in_transaction_session_timeout = ${whole(deadlines.idleMs)}`,
    );
  }
  if (system) parts.push("set local role satchel_system");
  return { name: "tx/begin", text: parts.join("; ") };
}

/** Savepoint number `n` of a transaction: setting it, giving it up, and returning to it. */
export function savepoint(n: number): { set: Statement; release: Statement; undo: Statement } {
  const name = `s${whole(n)}`;
  return {
    set: { name: "tx/savepoint", text: `savepoint ${name}` },
    release: { name: "tx/release", text: `release savepoint ${name}` },
    undo: { name: "tx/undo", text: `rollback to savepoint ${name}; release savepoint ${name}` },
  };
}

function whole(n: number): number {
  if (!Number.isSafeInteger(n) || n < 0) throw new Error(`${n} is not a whole number`);
  return n;
}

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

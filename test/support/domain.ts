/** The app for tests of the features: it remembers what the shell complains about, and fails the file for it. */

import type { TenantTx } from "../../sql/tx.ts";
import { withTenant } from "../../src/db.ts";
import { openLog } from "../../src/log.ts";
import { type AppOverrides, type TestApp, testApp } from "./app.ts";
import { type Given, given } from "./given.ts";

export type Row = Record<string, unknown>;

export interface Domain extends TestApp {
  readonly it: Given;
  /** Every line of the log, from `warn` on. A test that brings a failure about takes its lines away. */
  readonly lines: Row[];
  /** Hand-written SQL in the transaction of an organization, as the request role. */
  as<R = Row>(
    organizationId: string,
    text: string,
    values?: readonly unknown[],
    userId?: string,
  ): Promise<readonly R[]>;
}

/**
 * Opens the app. Its `close` throws when a request was answered 500 or with a refusal that its endpoint does not
 * declare: each is a mistake, whichever test brought it about.
 */
export async function domain(overrides: AppOverrides = {}): Promise<Domain> {
  const lines: Row[] = [];
  const log = openLog({ level: "warn", write: (line) => lines.push(JSON.parse(line) as Row) });
  const app = await testApp({ ...overrides, log });
  return {
    ...app,
    it: given(app),
    lines,
    as: (organizationId, text, values = [], userId) =>
      withTenant(app.database.db, { organizationId, userId: userId ?? null }, (tx) => run(tx, text, values)),
    close: async () => {
      await app.close();
      const complaints = lines.filter(
        ({ event }) => event === "request_failed" || event === "refusal_not_declared",
      );
      if (complaints.length > 0) throw new Error(complaints.map((line) => JSON.stringify(line)).join("\n"));
    },
  };
}

/** Hand-written SQL inside a transaction. */
export async function run<R = Row>(
  tx: TenantTx,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly R[]> {
  return (await tx.send<R>({ name: "test", text }, values)).rows;
}

/** The SQLSTATE and the constraint of what PostgreSQL refuses; null when it refuses nothing. */
export async function refusedBy(
  work: Promise<unknown>,
): Promise<{ readonly code: string; readonly constraint: string | null } | null> {
  try {
    await work;
    return null;
  } catch (error) {
    const { code, constraint_name } = error as { readonly code?: string; readonly constraint_name?: string };
    if (code === undefined) throw error;
    return { code, constraint: constraint_name ?? null };
  }
}

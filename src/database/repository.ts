/** What the database tells of itself. */
import * as sql from "#sql/database";
import type { SystemTx } from "../../sql/tx.ts";

export const reachableRoles = (tx: SystemTx) => sql.listReachableRoles(tx);
export const tenantTables = (tx: SystemTx) => sql.listTenantTables(tx);
export const appliedMigrations = (tx: SystemTx) => sql.listMigrations(tx);
export const server = (tx: SystemTx) => sql.getServer(tx);

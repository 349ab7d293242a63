import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type Anchor, lineOf, SYSTEM_CHAIN } from "../src/chain.ts";
import { rememberAnchor, signHead } from "../src/chains/chains.ts";
import type { Deps } from "../src/deps.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization } from "./turns.ts";

/**
 * Signs the head of every chain that has grown and writes it outside the database, where whoever can alter the one cannot
 * alter the other. Each node writes what it has signed; together their files tell all of it.
 */
export const anchorAudit: Handler<"anchor-audit"> = async (deps, { signal }) => {
  await anchor(deps, SYSTEM_CHAIN);
  await eachOrganization(deps, "anchor-audit", signal, [(organizationId) => anchor(deps, organizationId)]);
};

async function anchor(deps: Deps, organizationId: string): Promise<number> {
  const signed = await signHead(deps, organizationId);
  if (signed === null) return 0;
  write(deps, signed);
  // Last: what was not written is signed again.
  await rememberAnchor(deps, signed);
  return 1;
}

function write({ config, log }: Deps, signed: Anchor): void {
  const line = lineOf(signed);
  const { auditAnchors, databaseUrl, dataDir, logLevel } = config;
  const path = auditAnchors ?? (databaseUrl === null ? join(dataDir, "audit-anchors.ndjson") : null);
  if (path === null) {
    // At the least level that is written: one that was dropped would count as kept.
    const level = logLevel === "debug" ? "info" : logLevel;
    log[level]("audit_anchor", { organizationId: signed.organizationId, anchor: line });
    return;
  }
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, `${line}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

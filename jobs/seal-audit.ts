import { sealOutdated } from "../src/audit/audit.ts";
import { SYSTEM_CHAIN } from "../src/chain.ts";
import { readTenant } from "../src/db.ts";
import type { Deps } from "../src/deps.ts";
import { allOrganizations } from "../src/organizations/organizations.ts";
import { auditDays } from "../src/settings.ts";
import { passwordRulesIn } from "../src/users/users.ts";
import type { Handler } from "./runner.ts";

/** Puts a signed row in the place of events that were kept for as long as the organization has settled. */
export const sealAudit: Handler<"seal-audit"> = async (deps, { signal }) => {
  let count = await seal(deps, SYSTEM_CHAIN, signal);
  for await (const organizationId of allOrganizations(deps))
    count += await seal(deps, organizationId, signal);
  if (count > 0) deps.log.info("audit_sealed", { job: "seal-audit", count });
};

async function seal(deps: Deps, organizationId: string, signal: AbortSignal): Promise<number> {
  const tenant = { organizationId, userId: null };
  const settings = await readTenant(deps.db, tenant, (tx) => passwordRulesIn(tx, organizationId));
  const days = auditDays(settings);
  let count = 0;
  let sealed: number;
  do {
    signal.throwIfAborted();
    sealed = await sealOutdated(deps, organizationId, days);
    count += sealed;
  } while (sealed > 0);
  return count;
}

import { SYSTEM_CHAIN } from "../src/chain.ts";
import { sealOutdated } from "../src/chains/chains.ts";
import { readTenant } from "../src/db.ts";
import type { Deps } from "../src/deps.ts";
import { auditDays } from "../src/settings.ts";
import { passwordRulesIn } from "../src/users/users.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization, type Work } from "./turns.ts";

/** Puts a signed row in the place of events that were kept for as long as the organization has settled. */
export const sealAudit: Handler<"seal-audit"> = async (deps, { signal }) => {
  const work: Work = (organizationId, late) => seal(deps, organizationId, signal, late);
  const ofSystem = await seal(deps, SYSTEM_CHAIN, signal, () => false);
  const count = ofSystem + (await eachOrganization(deps, "seal-audit", signal, [work]));
  if (count > 0) deps.log.info("audit_sealed", { job: "seal-audit", count });
};

async function seal(
  deps: Deps,
  organizationId: string,
  signal: AbortSignal,
  late: () => boolean,
): Promise<number> {
  const tenant = { organizationId, userId: null };
  const settings = await readTenant(deps.db, tenant, (tx) => passwordRulesIn(tx, organizationId));
  const days = auditDays(settings);
  let count = 0;
  let sealed: number;
  do {
    signal.throwIfAborted();
    sealed = await sealOutdated(deps, organizationId, days);
    count += sealed;
  } while (sealed > 0 && !late());
  return count;
}

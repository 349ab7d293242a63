import { allOrganizations } from "../src/organizations/organizations.ts";
import { watchSignIns } from "../src/security/security.ts";
import type { Handler } from "./runner.ts";

/** Looks for attacks in what the guard has counted, organization by organization, and tells their admins. */
export const watchSignInsJob: Handler<"watch-sign-ins"> = async (deps, { signal }) => {
  let count = 0;
  for await (const organizationId of allOrganizations(deps)) {
    signal.throwIfAborted();
    count += await watchSignIns(deps, organizationId);
  }
  if (count > 0) deps.log.warn("attacks_suspected", { job: "watch-sign-ins", count });
};

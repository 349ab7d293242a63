import { watchSignIns } from "../src/security/security.ts";
import type { Handler } from "./runner.ts";
import { eachOrganization } from "./turns.ts";

/** Looks for attacks in what the guard has counted, organization by organization, and tells their admins. */
export const watchSignInsJob: Handler<"watch-sign-ins"> = async (deps, { signal }) => {
  const watch = (organizationId: string) => watchSignIns(deps, organizationId);
  const count = await eachOrganization(deps, "watch-sign-ins", signal, [watch]);
  if (count > 0) deps.log.warn("attacks_suspected", { job: "watch-sign-ins", count });
};

import { resetSecondFactorOf } from "../second-factors/second-factors.ts";
import { findOrganization } from "../sessions/sessions.ts";
import { type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openAll } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

export const resetSecondFactorCommand: Command = {
  name: "reset-second-factor",
  summary: "remove the second factor of a person who has lost app and recovery codes",
  usage: "LOGIN --organization SLUG",
  details: [
    "For the only admin of an organization; everybody else is helped by an admin (DELETE /v1/users/{id}/second-factor).",
    "Make sure that it is the person who asks. They are told by mail, and it is in the audit.",
  ].join("\n"),
  options: {
    organization: { type: "string", value: "SLUG", meaning: "the person's organization" },
    ...DATA_DIR,
  },
  positionals: { min: 1, max: 1 },
  run: async (call) => {
    const [login = ""] = call.positionals;
    const slug = call.options.organization;
    if (typeof slug !== "string") throw new Exit(EXIT.usage, "--organization is missing");
    const config = readSettingsOf(call);
    const { deps, close } = await openAll(config, logOf(config), false);
    try {
      const organization = await findOrganization(deps, slug);
      if (organization === null) throw new Exit(EXIT.failed, `there is no organization ${slug}`);
      if (!(await resetSecondFactorOf(deps, organization.organizationId, login))) {
        throw new Exit(EXIT.failed, `${login} is nobody in ${slug}, or has no second factor`);
      }
      call.out(`${login} has no second factor any more`);
      return EXIT.ok;
    } finally {
      await close();
    }
  },
};

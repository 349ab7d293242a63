import { createSetupCode } from "../organizations/organizations.ts";
import { type Command, DATA_DIR, EXIT } from "./command.ts";
import { openAll } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

export const setupCodeCommand: Command = {
  name: "setup-code",
  summary: "make a code that lets somebody create one organization",
  usage: "",
  options: DATA_DIR,
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const config = readSettingsOf(call);
    const opened = await openAll(config, logOf(config), false);
    try {
      call.out(await createSetupCode(opened.deps, false));
      if (config.signUp !== "code") {
        call.say(`SATCHEL_SIGN_UP is ${config.signUp}: the code counts only where it is "code".`);
      }
      return EXIT.ok;
    } finally {
      await opened.close();
    }
  },
};

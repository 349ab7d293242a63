import { migrate } from "../../sql/migrate.ts";
import { newSecret } from "../keys.ts";
import { createJobSchema } from "../queue.ts";
import { type Command, DATA_DIR, EXIT } from "./command.ts";
import { openSource } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

export const migrateCommand: Command = {
  name: "migrate",
  summary: "bring a database to the schema of this program",
  usage: "[--new-password]",
  details: [
    "DATABASE_OWNER_URL names a role that may create roles and owns the database (or a superuser). The first run",
    "prints the settings for `serve` on standard output, with the password of the request role and a new secret:",
    "keep them, they are not stored. Without DATABASE_OWNER_URL the embedded database is migrated.",
    "Safe to run again, and on several machines at once.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    "new-password": { type: "boolean", meaning: "give the request role a new password, and print it" },
  },
  positionals: { min: 0, max: 0 },
  run: async (call) => {
    const config = readSettingsOf(call);
    const log = logOf(config);
    if (config.databaseOwnerUrl === null) {
      const source = await openSource(config, log, true);
      await source.close();
      call.say(`The embedded database in ${config.dataDir} is up to date.`);
      return EXIT.ok;
    }
    const { applied, requestUrl, passwordSet } = await migrate({
      ownerUrl: config.databaseOwnerUrl,
      log,
      jobSchema: createJobSchema,
      newPassword: call.options["new-password"] === true,
    });
    call.say(applied.length === 0 ? "Nothing was pending." : `Applied: ${applied.join(", ")}.`);
    call.out(`DATABASE_URL=${requestUrl}`);
    if (passwordSet && config.secrets.length === 0 && applied.length > 0)
      call.out(`SATCHEL_SECRET=${newSecret()}`);
    call.say(
      passwordSet
        ? "Start every node with these settings. They are printed this once."
        : "The request role keeps its password, which is not known here; --new-password makes another.",
    );
    return EXIT.ok;
  },
};

import type { Deps } from "../deps.ts";
import { Refusal } from "../errors.ts";
import {
  importPeople,
  type LineOutcome,
  PEOPLE_COLUMNS,
  type PeopleFormat,
  utf8Of,
} from "../imports/imports.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openFile, type Source } from "./import.ts";
import { openAll, organizationNamed } from "./open.ts";
import { quietLogOf, readSettingsOf } from "./settings.ts";

export const importUsersCommand: Command = {
  name: "import-users",
  summary: "import people from a table (CSV) or a file of one JSON object a line",
  usage: "FILE --organization SLUG [--dry-run] [--invite] [--format csv|ndjson]",
  details: [
    "FILE may be - for standard input. It is read as JSON when its name ends in .ndjson or .jsonl, else as a table with",
    "commas, semicolons or tabs, in UTF-8, whose first row names its columns:",
    `  ${PEOPLE_COLUMNS.join(", ")}`,
    "A person is known by their external_id: importing the same file again changes nothing, and nobody is deleted. An",
    "empty cell says nothing. A new person needs full_name; where no username is given it is the external id. Nobody gets a",
    "password: invite those who have an e-mail address, and set one for the others. Nobody becomes an admin by an import and",
    "no admin is changed. A line that is refused is told with its number, the rest goes on; then the exit code is 1. A file",
    "that is not UTF-8 stores nobody; from standard input, nobody after the lines that were stored before.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    organization: { type: "string", value: "SLUG", meaning: "the organization that the people are of" },
    format: { type: "string", value: "FORMAT", meaning: "csv or ndjson, whatever the name of the file" },
    invite: { type: "boolean", meaning: "send whoever is added, and has an e-mail address, an invitation" },
    "dry-run": { type: "boolean", meaning: "check everything and store nothing" },
  },
  positionals: { min: 1, max: 1 },
  run: async (call) => {
    const slug = call.options.organization;
    if (typeof slug !== "string") throw new Exit(EXIT.usage, "--organization is missing");
    const [path = "-"] = call.positionals;
    const format = formatOf(path, call.options.format);
    const source = await openFile(path);
    // What can be read twice is refused before anybody of it is stored.
    if (source.bytes !== null) await checkUtf8(path);
    const config = readSettingsOf(call);
    const opened = await openAll(config, quietLogOf(config), false);
    try {
      const { organizationId } = await organizationNamed(
        opened.deps,
        slug,
        "POST /v1/organizations creates one.",
      );
      const refused = await importFile(call, opened.deps, organizationId, source, format);
      return refused === 0 ? EXIT.ok : EXIT.failed;
    } finally {
      await opened.close();
    }
  },
};

function formatOf(path: string, asked: string | boolean | undefined): PeopleFormat {
  if (asked === undefined) return /\.(nd|l)?jsonl?$/i.test(path) ? "ndjson" : "csv";
  if (asked === "csv" || asked === "ndjson") return asked;
  throw new Exit(EXIT.usage, "--format must be csv or ndjson");
}

async function checkUtf8(path: string): Promise<void> {
  const { stream } = await openFile(path);
  try {
    for await (const _ of utf8Of(stream));
  } catch (error) {
    throw error instanceof Refusal ? unreadable(error) : error;
  }
}

const unreadable = ({ title, details }: Refusal): Exit =>
  new Exit(EXIT.failed, `${title}: ${details.detail ?? ""}`);

/** Imports a stream; gives the number of refused lines. */
async function importFile(
  call: Call,
  deps: Deps,
  organizationId: string,
  { stream }: Source,
  format: PeopleFormat,
): Promise<number> {
  const started = performance.now();
  const counts: Record<LineOutcome, number> = { created: 0, changed: 0, unchanged: 0, refused: 0 };
  // Whoever may run this can read the database as well.
  const options = {
    dryRun: call.options["dry-run"] === true,
    invite: call.options.invite === true,
    proven: true,
  };
  let toldUpTo = 0;
  const tenant = { organizationId, userId: null };
  try {
    await importPeople(deps, tenant, stream, format, options, null, (results) => {
      for (const { line, outcome, reason, detail } of results) {
        counts[outcome] += 1;
        toldUpTo = line;
        if (outcome === "refused") call.say(`line ${line}: ${reason}: ${detail}`);
      }
    });
  } catch (error) {
    if (!options.dryRun && toldUpTo > 0) {
      call.say(
        `Ended early: the people up to line ${toldUpTo} are stored. Import the file again to store the rest.`,
      );
    }
    throw error instanceof Refusal && error.kind === "invalid" ? unreadable(error) : error;
  }
  const { created, changed, unchanged, refused } = counts;
  const total = created + changed + unchanged;
  const seconds = (performance.now() - started) / 1000;
  const rate = Math.round(total / Math.max(seconds, 0.001));
  call.out(
    `${options.dryRun ? "Would import" : "Imported"} ${total} people: ${created} added, ${changed} changed, ${unchanged} unchanged, ${refused} refused (${seconds.toFixed(1)} s, ${rate} people/s)`,
  );
  return refused;
}

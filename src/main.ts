/** Reads the command line, runs the command, and ends with its exit code. The only file that starts things. */

import { writeSync } from "node:fs";
import { MigrationError } from "../sql/migrate.ts";
import { auditCommand } from "./cli/audit.ts";
import { type Command, EXIT, Exit, helpOf, moreAbout, readArguments } from "./cli/command.ts";
import { configCommand } from "./cli/config.ts";
import { doctorCommand } from "./cli/doctor.ts";
import { erasuresCommand } from "./cli/erasures.ts";
import { exportCommand } from "./cli/export.ts";
import { importCommand } from "./cli/import.ts";
import { importUsersCommand } from "./cli/import-users.ts";
import { mailCommand } from "./cli/mail.ts";
import { migrateCommand } from "./cli/migrate.ts";
import { openapiCommand } from "./cli/openapi.ts";
import { organizationCommand } from "./cli/organization.ts";
import { permissionsCommand } from "./cli/permissions.ts";
import { resetPasswordCommand, resetSecondFactorCommand, unlockCommand } from "./cli/person.ts";
import { serveCommand } from "./cli/serve.ts";
import { setupCodeCommand } from "./cli/setup-code.ts";
import { RELEASE, versionCommand } from "./cli/version.ts";
import { workCommand } from "./cli/work.ts";
import { EmbeddedError } from "./embedded/index.ts";
import { Refusal } from "./errors.ts";
import { openLog } from "./log.ts";

const COMMANDS: readonly Command[] = [
  serveCommand,
  workCommand,
  migrateCommand,
  importCommand,
  exportCommand,
  importUsersCommand,
  erasuresCommand,
  setupCodeCommand,
  organizationCommand,
  mailCommand,
  resetPasswordCommand,
  unlockCommand,
  resetSecondFactorCommand,
  auditCommand,
  configCommand,
  doctorCommand,
  openapiCommand,
  permissionsCommand,
  versionCommand,
];

/**
 * Writes all of a line before it returns. `process.stdout` hands a pipe only what it takes at once, and the rest is lost
 * when the process exits.
 */
function writeLine(file: 1 | 2, line: string): void {
  let rest: Uint8Array = Buffer.from(`${line}\n`);
  while (rest.byteLength > 0) {
    try {
      rest = rest.subarray(writeSync(file, rest));
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : null;
      if (code === "EAGAIN") Bun.sleepSync(1);
      // Nobody reads it (`satchel openapi | head`), or ever will.
      else if (code === "EPIPE" || file === 2) return;
      else throw new Exit(EXIT.failed, `standard output cannot be written (${code})`);
    }
  }
}

const out = (line: string): void => writeLine(1, line);
const say = (line: string): void => writeLine(2, line);

async function main(argv: readonly string[]): Promise<number> {
  const [first = "serve", ...rest] = argv;
  if (first === "help" || first === "--help" || first === "-h") {
    const [asked] = rest;
    out(asked === undefined || asked.startsWith("-") ? overview() : helpOf(commandOf(asked)));
    return EXIT.ok;
  }
  if (first === "--version" || first === "-v")
    return versionCommand.run({ options: {}, positionals: [], env: {}, out, say });
  // Flags without a command are those of serve.
  const command = first.startsWith("-") ? serveCommand : commandOf(first);
  const { options, positionals, help } = readArguments(
    command,
    command === serveCommand && first.startsWith("-") ? argv : rest,
  );
  if (help) {
    out(helpOf(command));
    return EXIT.ok;
  }
  try {
    return await command.run({ options, positionals, env: process.env, out, say });
  } catch (error) {
    if (!(error instanceof Exit) || error.code !== EXIT.usage || error.cure !== null) throw error;
    throw new Exit(EXIT.usage, error.message, moreAbout(command));
  }
}

function commandOf(wanted: string): Command {
  const command = COMMANDS.find(({ name }) => name === wanted);
  if (command === undefined)
    throw new Exit(EXIT.usage, `there is no command "${wanted}"`, "`satchel help` lists them.");
  return command;
}

function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return [
    `satchel ${RELEASE}: the whole back end of a school or ed-tech product`,
    "",
    "usage: satchel [command] [options]",
    "",
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    `  ${"help".padEnd(width)}  tell what a command does: satchel help serve`,
    "",
    "Exit codes: 0 done, 1 failed in part, 2 wrong usage, 70 a bug, 75 try again later, 78 settings to be changed.",
  ].join("\n");
}

interface Explained {
  readonly message: string;
  readonly cure: string | null;
  readonly code: number;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** No database, or none that lets us in: with PostgreSQL's or the network's own reason, which the operator may see. */
function whyUnreachable(error: unknown): Explained | null {
  const refused = error instanceof Refusal && error.kind === "unavailable";
  const reason = refused ? error.cause : error;
  const code = codeOf(reason);
  // Wrong password, no such role, no such database.
  const misnamed = /^(28|3D)/.test(code);
  if (!refused && !misnamed && !/^(ECONN|ENOTFOUND|EAI_|EHOST|ENET|CONNECT|57P0)/.test(code)) return null;
  const why = reason instanceof Error && reason.message !== "" ? `: ${reason.message}` : "";
  return {
    message: `the database cannot be reached${why}`,
    cure: "Check that PostgreSQL runs, that the URL names it, and that its password is right.",
    code: misnamed ? EXIT.configuration : EXIT.temporary,
  };
}

/** What a person is told of an error, and the exit code. The stack is for bugs only. */
function explain(error: unknown): Explained {
  if (error instanceof Exit) return { message: error.message, cure: error.cure, code: error.code };
  if (error instanceof EmbeddedError)
    return { message: error.message, cure: error.cure, code: error.exitCode };
  if (error instanceof MigrationError)
    return { message: error.message, cure: null, code: EXIT.configuration };
  const unreachable = whyUnreachable(error);
  if (unreachable !== null) return unreachable;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { message: text, cure: "This is a bug in Satchel, or a fault of the machine.", code: EXIT.software };
}

// A promise nobody waited for must not take the server down with it; it is a bug, and logged as one.
const log = openLog({ level: "error" });
process.on("unhandledRejection", (error) => log.error("unhandled_rejection", { error }));
process.on("uncaughtException", (error) => log.error("uncaught_exception", { error }));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, cure, code } = explain(error);
  say(`satchel: ${message}`);
  if (cure !== null) say(cure);
  process.exitCode = code;
}
process.exit();

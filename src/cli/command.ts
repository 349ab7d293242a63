/** What every command is made of, and how a command line is read. */
import { parseArgs } from "node:util";

/** Exit codes; those above 2 are of sysexits.h. */
export const EXIT = { ok: 0, failed: 1, usage: 2, software: 70, temporary: 75, configuration: 78 } as const;

export interface Option {
  readonly type: "string" | "boolean";
  readonly meaning: string;
  /** Stands for the value in the help. */
  readonly value?: string;
}

export interface Call {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A line for programs, on standard output. */
  out(line: string): void;
  /** A line for people, on standard error. */
  say(line: string): void;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** What follows the name: `FILE --organization SLUG`. */
  readonly usage: string;
  readonly details?: string;
  readonly options: Readonly<Record<string, Option>>;
  /** How many arguments without dashes there may be. */
  readonly positionals: { readonly min: number; readonly max: number };
  /** Gives the exit code. */
  run(call: Call): Promise<number>;
}

/** An end with a message for a person, and the exit code that goes with it. */
export class Exit extends Error {
  override readonly name = "Exit";
  readonly code: number;
  readonly cure: string | null;

  constructor(code: number, message: string, cure: string | null = null) {
    super(message);
    this.code = code;
    this.cure = cure;
  }
}

/** Flags that set a setting of the configuration, shared by the commands that open the database. */
export const DATA_DIR: Readonly<Record<string, Option>> = {
  "data-dir": { type: "string", value: "DIR", meaning: "folder of the embedded database (satchel-data)" },
  "log-level": { type: "string", value: "LEVEL", meaning: "least important log line written (info)" },
};

/** Reads the arguments of a command. Throws Exit with code 2 and the usage when they do not fit. */
export function readArguments(
  command: Command,
  argv: readonly string[],
): { options: Call["options"]; positionals: readonly string[]; help: boolean } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        ...Object.fromEntries(Object.entries(command.options).map(([name, { type }]) => [name, { type }])),
        help: { type: "boolean", short: "h" },
      },
      allowPositionals: true,
      strict: true,
    });
    const { help, ...options } = values as Record<string, string | boolean | undefined>;
    const { min, max } = command.positionals;
    if (help !== true && (positionals.length < min || positionals.length > max)) {
      throw new Error(positionals.length < min ? "an argument is missing" : `what is "${positionals[max]}"?`);
    }
    return { options, positionals, help: help === true };
  } catch (error) {
    const message = error instanceof Error ? (error.message.split(". To specify")[0] ?? error.message) : "";
    throw new Exit(EXIT.usage, message, moreAbout(command));
  }
}

/** What to tell whoever used a command wrongly: how it is used, and where more is told. */
export const moreAbout = (command: Command): string =>
  `usage: satchel ${command.name} ${command.usage}`.trimEnd() +
  `\n\`satchel ${command.name} --help\` tells more.`;

/** The text of `satchel <command> --help`. */
export function helpOf(command: Command): string {
  const options = { ...command.options, help: { type: "boolean", meaning: "show this" } as Option };
  const names = Object.entries(options).map(
    ([name, { value, type }]) => `--${name}${type === "string" ? ` ${value ?? "VALUE"}` : ""}`,
  );
  const width = Math.max(...names.map((name) => name.length));
  const lines = Object.values(options).map(
    ({ meaning }, index) => `  ${(names[index] ?? "").padEnd(width)}  ${meaning}`,
  );
  return [
    `satchel ${command.name}: ${command.summary}`,
    "",
    `usage: satchel ${command.name} ${command.usage}`.trimEnd(),
    ...(command.details === undefined ? [] : ["", command.details]),
    "",
    ...lines,
  ].join("\n");
}

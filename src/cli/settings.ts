/** The configuration of a command line, its secret, and its log. */
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, readConfig, SETTINGS } from "../config.ts";
import { newSecret } from "../keys.ts";
import { type Log, openLog } from "../log.ts";
import { type Call, EXIT, Exit } from "./command.ts";

/** Reads the settings. Throws Exit 78 with every problem at once. */
export function readSettingsOf(call: Call): Config {
  const flags = Object.fromEntries(
    Object.entries(call.options).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
  const read = readConfig({ env: call.env, flags, readFile: (path) => readFileSync(path, "utf8") });
  if ("config" in read) return read.config;
  // Named as it was given: by its flag, or by its variable.
  const nameOf = (setting: string): string => {
    const flag = SETTINGS.find(({ env }) => env === setting)?.flag;
    return flag !== undefined && flag in flags ? `--${flag}` : setting;
  };
  const lines = read.problems.map(({ setting, problem }) => `  ${nameOf(setting)} ${problem}`);
  throw new Exit(
    EXIT.configuration,
    `the configuration has ${lines.length === 1 ? "a problem" : `${lines.length} problems`}:\n${lines.join("\n")}`,
    "`satchel config` tells what each setting means.",
  );
}

export const logOf = (config: Config): Log => openLog({ level: config.logLevel });

/** For a command whose own words are what counts: what went wrong, unless more or less was asked for. */
export const quietLogOf = (config: Config): Log =>
  logOf({ ...config, logLevel: config.logLevel === "info" ? "warn" : config.logLevel });

/**
 * The secrets of this node: those configured, else the one in the data folder, made there the first time. Several
 * nodes on one database need the same, which is checked against the database at every start.
 */
export function secretsOf(config: Config): readonly string[] {
  if (config.secrets.length > 0) return config.secrets;
  const path = join(config.dataDir, "secret");
  if (!existsSync(path)) {
    mkdirSync(config.dataDir, { recursive: true });
    // Written whole under another name, then linked: of two that start at once one wins, and neither reads half.
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, `${newSecret()}\n`, { mode: 0o600, flush: true });
    try {
      linkSync(fresh, path);
    } catch (error) {
      if (!existsSync(path)) throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
    chmodSync(path, 0o600);
  }
  const secret = readFileSync(path, "utf8").trim();
  if (secret.length < 32) {
    throw new Exit(
      EXIT.configuration,
      `${path} holds no secret`,
      "Restore it from a backup, or set SATCHEL_SECRET.",
    );
  }
  return [secret];
}

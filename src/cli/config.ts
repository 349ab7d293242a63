import { readFileSync } from "node:fs";
import { readConfig, SETTINGS } from "../config.ts";
import { type Command, EXIT } from "./command.ts";

export const configCommand: Command = {
  name: "config",
  summary: "show every setting: meaning, default and value",
  usage: "[--markdown]",
  details:
    "Secrets are not shown, only whether they are set. A secret may also come from a file: SATCHEL_SECRET_FILE.",
  options: {
    markdown: { type: "boolean", meaning: "as a Markdown table, without the values of this machine" },
  },
  positionals: { min: 0, max: 0 },
  run: async ({ options, env, out, say }) => {
    if (options.markdown === true) {
      out("| setting | flag | default | meaning |\n| --- | --- | --- | --- |");
      for (const { env: name, flag, fallback, meaning } of SETTINGS) {
        const shown = fallback === null || fallback === "" ? "" : `\`${fallback}\``;
        out(`| \`${name}\` | ${flag === undefined ? "" : `\`--${flag}\``} | ${shown} | ${meaning} |`);
      }
      return EXIT.ok;
    }
    for (const { env: name, flag, fallback, meaning, secret } of SETTINGS) {
      const given = env[name] ?? "";
      const file = env[`${name}_FILE`] ?? "";
      const value =
        given !== ""
          ? secret === true
            ? "set"
            : given
          : file !== ""
            ? `from ${file}`
            : fallback === null || fallback === ""
              ? "not set"
              : `${fallback} (default)`;
      out(`${name}=${value}`);
      out(`    ${meaning}${flag === undefined ? "" : `; --${flag}`}`);
    }
    const read = readConfig({ env, readFile: (path) => readFileSync(path, "utf8") });
    if ("config" in read) return EXIT.ok;
    for (const { setting, problem } of read.problems) say(`${setting} ${problem}`);
    return EXIT.configuration;
  },
};

import { version } from "../../package.json";
import type { Command } from "./command.ts";

/** Of this program. */
export const RELEASE: string = version;

export const versionCommand: Command = {
  name: "version",
  summary: "tell the release",
  usage: "",
  options: {},
  positionals: { min: 0, max: 0 },
  run: async ({ out }) => {
    out(`satchel ${RELEASE} (Bun ${Bun.version}, ${process.platform}-${process.arch})`);
    return 0;
  },
};

import { endpoints } from "../endpoints.ts";
import { openapi } from "../http/docs.ts";
import type { Command } from "./command.ts";
import { RELEASE } from "./version.ts";

export const openapiCommand: Command = {
  name: "openapi",
  summary: "print the OpenAPI document",
  usage: "",
  details: "The same as /openapi.json of a running server. Needs no database.",
  options: {},
  positionals: { min: 0, max: 0 },
  run: async ({ out }) => {
    out(JSON.stringify(await openapi(endpoints, RELEASE), null, 2));
    return 0;
  },
};

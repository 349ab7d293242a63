import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { startSatchel } from "../support/binary.ts";
import { program } from "../support/debian.ts";

setDefaultTimeout(60_000);

test("the tour in docs runs against the executable, in an empty folder with an empty environment [row 93]", async () => {
  const satchel = await startSatchel();
  const { folder, env } = await program("curl");
  const tour = Bun.spawn(["sh", join(import.meta.dir, "../../docs/tour.sh")], {
    env: {
      ...env,
      PATH: `${folder}:${process.env.PATH ?? "/usr/bin:/bin"}`,
      SATCHEL_URL: satchel.url,
      SATCHEL_SETUP_CODE: satchel.setupCode ?? "",
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(tour.stdout).text(), new Response(tour.stderr).text()]);
  expect(err).toBe("");
  expect(await tour.exited).toBe(0);
  expect(out.split("\n").filter((line) => line.startsWith("✓")).length).toBeGreaterThan(40);
  expect(out).toContain("<mark>loop</mark>");
  expect(out).toEndWith("The tour is over.\n");
  expect(await satchel.stop()).toBe(0);
});

/** Migrations are read by squawk, which knows what would lock a table that is in use. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** What does not apply here, and why. */
const EXCLUDED = {
  "prefer-bigint-over-int": "versions, attempts and minutes are bounded by what people do; ids are UUIDs",
  "require-lock-timeout": "sql/migrate.ts sets it for every migration, and asks again",
  "require-statement-timeout":
    "a long backfill may take its time as long as it holds no lock others wait for",
};

function squawk(...paths: readonly string[]) {
  const exclude = Object.keys(EXCLUDED).join(",");
  const run = Bun.spawnSync(
    [
      "node_modules/.bin/squawk",
      "--pg-version",
      "15",
      "--assume-in-transaction",
      `--exclude=${exclude}`,
      ...paths,
    ],
    { cwd: ROOT },
  );
  return { code: run.exitCode, output: run.stdout.toString() + run.stderr.toString() };
}

test("no migration would lock what is in use [row 90]", () => {
  const { code, output } = squawk("sql/migrations/*.sql");
  expect(code === 0 ? "" : output).toBe("");
});

test("a migration that would is found", async () => {
  const path = join(process.env.TMPDIR ?? "/tmp", `squawk-${process.pid}.sql`);
  await Bun.write(path, "alter table app.user add constraint late check (char_length(full_name) > 1);\n");
  const { code, output } = squawk(path);
  await Bun.file(path).delete();
  expect(code).toBe(1);
  expect(output).toContain("constraint-missing-not-valid");
});

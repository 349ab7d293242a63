import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { renderMigrations } from "../../sql/generate/render.ts";
import { withScratch } from "../../sql/generate/scratch.ts";
import { findStale, generate, readMigrations } from "../../sql/generate.ts";
import { testServer } from "../support/postgres.ts";
import { tempFolder } from "../support/run.ts";
import { connect, file, generateFrom } from "./fixture.ts";

const root = join(import.meta.dir, "../..");
const sqlFolder = join(root, "sql");

describe("bun run sql", () => {
  test("has been run: what is in the tree is what this PostgreSQL gives, whichever it is", async () => {
    const server = await testServer();
    const migrations = await readMigrations(join(sqlFolder, "migrations"));
    const { files, problems } = await withScratch(server.ownerUrl("postgres"), migrations, (sql) =>
      generate({ queriesDir: join(sqlFolder, "queries"), migrations, sql }),
    );
    expect(problems).toEqual([]);
    expect(await findStale(sqlFolder, files)).toEqual([]);
  });

  test("--check names what is stale, missing or left over", async () => {
    const folder = tempFolder("stale");
    mkdirSync(join(folder, "generated"));
    writeFileSync(join(folder, "generated/same.ts"), "same");
    writeFileSync(join(folder, "generated/stale.ts"), "old");
    writeFileSync(join(folder, "generated/orphan.ts"), "");
    const files = new Map([
      ["generated/same.ts", "same"],
      ["generated/stale.ts", "new"],
      ["generated/missing.ts", ""],
      ["schema.sql", ""],
    ]);
    const lines = await findStale(folder, files);
    expect(lines.map((line) => line.slice(line.indexOf(folder.slice(1)) + folder.length))).toEqual([
      "generated/stale.ts is stale",
      "generated/missing.ts is missing",
      "schema.sql is missing",
      "generated/orphan.ts is an orphan",
    ]);
  });

  test("refuses what it does not know", () => {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, join(sqlFolder, "generate.ts"), "--chekc"]);
    expect(exitCode).toBe(2);
    expect(stderr.toString()).toContain("usage: bun run sql [--check]");
  });

  test("names the migration and the line that PostgreSQL refuses", async () => {
    const server = await testServer();
    const migrations = [
      { name: "0001_good", text: "create table app.a (b int);" },
      { name: "0002_bad", text: "-- é🎒\ncreate table app.c (d int);\nalter table app.c add e integr;\n" },
    ];
    const failing = withScratch(server.ownerUrl("postgres"), migrations, async () => {});
    expect(await failing.catch(String)).toBe(
      'Error: sql/migrations/0002_bad.sql:3: PostgreSQL: type "integr" does not exist.',
    );
  });

  test("leaves no scratch database behind, also when it fails", async () => {
    const server = await testServer();
    const migrations = await readMigrations(join(sqlFolder, "migrations"));
    let used = "";
    const failing = withScratch(server.ownerUrl("postgres"), migrations, async (sql) => {
      const [row] =
        await sql`select current_database() as name, to_regclass('app.migration') is not null as migrated`;
      used = String(row?.name);
      expect(row?.migrated).toBe(true);
      throw new Error("failed in use");
    });
    expect(await failing.catch(String)).toBe("Error: failed in use");
    const sql = connect(server.ownerUrl("postgres"));
    expect(used).toStartWith("satchel_scratch_");
    expect([...(await sql`select from pg_database where datname = ${used}`)]).toEqual([]);
    await sql.end();
  });
});

test("migrations are carried byte for byte, with the checksum of their text", async () => {
  const folder = tempFolder("migrations");
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what must survive
  const texts = ["-- `a` ${b} \\ \\u0041\r\nselect '$${c}';\n", "-- é 🎒 \u2028 \t\n", "select 1"];
  texts.forEach((text, index) => {
    writeFileSync(join(folder, `000${index + 1}_step.sql`), text);
  });
  const rendered = renderMigrations(await readMigrations(folder));
  const module = join(folder, "migrations.ts");
  writeFileSync(module, rendered);
  const { migrations } = await import(module);
  expect(migrations).toEqual(
    texts.map((text, index) => ({
      name: `000${index + 1}_step`,
      checksum: createHash("sha256").update(Buffer.from(text)).digest("hex"),
      text,
    })),
  );
});

test("each migration must have a number of its own", async () => {
  const folder = tempFolder("migrations");
  writeFileSync(join(folder, "0001_a.sql"), "");
  writeFileSync(join(folder, "0003_b.sql"), "");
  expect((await readMigrations(folder)).map(({ name }) => name)).toEqual(["0001_a", "0003_b"]);
  writeFileSync(join(folder, "0003_c.sql"), "");
  await expect(readMigrations(folder)).rejects.toThrow("0003_c.sql must be called 0004_what.sql");
  writeFileSync(join(folder, "4_a.sql"), "");
  await expect(readMigrations(folder)).rejects.toThrow("4_a.sql must be called 0001_what.sql");
});

test("every query file is listed by name, and orders and names do not depend on the disk", async () => {
  const { files } = await generateFrom({
    "zoo/list_b": file("select 1 as a"),
    "ants/list_a": file("select 1 as a"),
    "zoo/list_a": file("select 1 as a"),
  });
  expect([...files.keys()].sort()).toEqual([
    "generated/ants.ts",
    "generated/statements.ts",
    "generated/zoo.ts",
  ]);
  expect(files.get("generated/statements.ts")).toContain(
    'export const statements = [\n  "ants/list_a",\n  "zoo/list_a",\n  "zoo/list_b",\n] as const;',
  );
  const zoo = files.get("generated/zoo.ts") ?? "";
  expect(zoo.indexOf("function listA")).toBeLessThan(zoo.indexOf("function listB"));
});

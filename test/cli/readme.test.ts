import { expect, test } from "bun:test";
import { join } from "node:path";
import { configCommand } from "../../src/cli/config.ts";

test("the README's table of settings is what `satchel config --markdown` prints", async () => {
  const lines: string[] = [];
  const code = await configCommand.run({
    options: { markdown: true },
    positionals: [],
    env: {},
    out: (line) => lines.push(line),
    say: () => {},
  });
  const readme = await Bun.file(join(import.meta.dir, "../../README.md")).text();
  const table = /<!-- settings -->\n([\s\S]*?)\n<!-- \/settings -->/.exec(readme)?.[1];
  expect(code).toBe(0);
  expect(table).toBe(lines.join("\n"));
});

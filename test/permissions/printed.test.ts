import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROLES } from "../../src/actor.ts";
import { permissionsCommand } from "../../src/cli/permissions.ts";
import { endpoints } from "../../src/endpoints.ts";
import { permissions } from "../../src/permissions.ts";

async function printed(options: Readonly<Record<string, boolean>> = {}): Promise<string> {
  const lines: string[] = [];
  const code = await permissionsCommand.run({
    options,
    positionals: [],
    env: {},
    out: (line) => lines.push(line),
    say: () => {},
  });
  expect(code).toBe(0);
  return `${lines.join("\n")}\n`;
}

test("docs/permissions.md is what `satchel permissions --markdown` prints", async () => {
  const file = readFileSync(join(import.meta.dir, "../../docs/permissions.md"), "utf8");
  if (file !== (await printed({ markdown: true }))) {
    throw new Error("If the change is meant: bun src/main.ts permissions --markdown > docs/permissions.md");
  }
});

test("the printed table has a line for each endpoint, with the right of each role", async () => {
  const [head = "", ...lines] = (await printed()).trimEnd().split("\n");
  expect(head.split(/\s{2,}/)).toEqual(["operation", ...ROLES, "API key", "marks"]);
  const operations = endpoints.map(({ method, path }) => `${method} ${path}`);
  expect(lines.map((line) => line.split(/\s{2,}/)[0]).sort()).toEqual([...operations].sort());
  expect(lines.find((line) => line.startsWith("PATCH /v1/contents/:id "))?.split(/\s{2,}/)).toEqual([
    "PATCH /v1/contents/:id",
    ...["no", "own", "any", "no"],
    "contents:write",
  ]);
});

test("the JSON form is the table", async () => {
  const { operations } = JSON.parse(await printed({ json: true })) as {
    readonly operations: readonly { readonly operation: string; readonly public: boolean }[];
  };
  const read = operations.map(({ operation, public: open, ...rule }) => [operation, open ? "public" : rule]);
  expect(Object.fromEntries(read)).toEqual({ ...permissions });
});

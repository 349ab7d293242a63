import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PROGRAM = `
  const { userName } = await import(${JSON.stringify(join(import.meta.dir, "../../src/embedded/account.ts"))});
  console.log(JSON.stringify([userName(process.getuid()), userName(4_000_000_000)]));
`;

test("the user's name comes from the machine and not from the environment, which may be empty or wrong [row 93]", () => {
  const uid = process.getuid?.() ?? 0;
  const [name] = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter(([, , id]) => id === String(uid))
    .map(([first]) => first);
  for (const env of [{}, { USER: "somebody-else", LOGNAME: "somebody-else" }]) {
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", PROGRAM], { env });
    expect(stderr.toString()).toBe("");
    expect(JSON.parse(stdout.toString())).toEqual([name, null]);
  }
});

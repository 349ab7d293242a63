/**
 * `bun run attack [--quick] [part…]`: attacks the executable as somebody outside would, prints what came of it beside
 * what must, and ends with 1 when a goal was missed. The long form takes about a quarter of an hour on two cores.
 */
import { satchel } from "../support/binary.ts";
import { enumeration } from "./enumeration.ts";
import { border, otherDoors, resets, storm } from "./guessing.ts";
import { nodes } from "./nodes.ts";
import { refreshing } from "./refreshing.ts";
import { mailed, secrets } from "./secrets.ts";
import { spraying } from "./spraying.ts";
import { environment, type Line, type Options, openStage, type School, type Stage } from "./stage.ts";
import { tampering } from "./tampering.ts";

const given = process.argv.slice(2);
const options: Options = { quick: given.includes("--quick") };
const chosen = given.filter((word) => !word.startsWith("--"));

const mailbox = (stage: Stage) => ({ folder: stage.server.folder });
const alarms = (stage: Stage) => async (school: School) => {
  const { out } = await satchel(["mail", "--organization", school.slug, "--limit", "1000"], {
    env: environment,
    ...mailbox(stage),
  });
  return out.split("\n").filter((line) => line.includes("attack_suspected")).length;
};

/** By name, what is attacked; each on a server of its own data. */
const parts: Readonly<Record<string, (stage: Stage) => Promise<readonly Line[]>>> = {
  guessing: (stage) => storm(stage, options),
  doors: async (stage) => {
    const lines = [...(await otherDoors(stage, options))];
    const linkOf = (school: School, template: string) =>
      mailed(environment, school.slug, template, mailbox(stage));
    lines.push(...(await resets(stage, options, linkOf)));
    return lines;
  },
  refreshing: (stage) => refreshing(stage, options),
  spraying: (stage) => spraying(stage, options, alarms(stage)),
  enumeration: (stage) => enumeration(stage, options),
  border: async (stage) => [await (await border(stage)).line()],
  nodes: () => nodes(options),
  secrets: () => secrets(options),
  tampering: () => tampering(options),
};

for (const name of chosen) {
  if (!(name in parts)) {
    console.error(`There is no part "${name}". There are: ${Object.keys(parts).join(", ")}`);
    process.exit(64);
  }
}

const lines: Line[] = [];
const began = performance.now();
const stage = await openStage();
try {
  for (const [name, attack] of Object.entries(parts)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    const started = performance.now();
    const found = await attack(stage).catch((error: unknown): readonly Line[] => [
      { line: name, goal: "carried out", figure: String(error), ok: false },
    ]);
    lines.push(...found);
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    for (const { ok, line, figure } of found) {
      console.error(`${ok ? "ok  " : "MISS"} ${line}: ${figure} (${name}, ${seconds} s)`);
    }
  }
} finally {
  await stage.close();
}

const width = (key: "line" | "goal") => Math.max(...lines.map((line) => line[key].length));
const [wide, goals] = [width("line"), width("goal")];
console.log("");
for (const { line, goal, figure, ok } of lines) {
  console.log(`${ok ? "ok  " : "MISS"} ${line.padEnd(wide)}  ${goal.padEnd(goals)}  ${figure}`);
}
const missed = lines.filter(({ ok }) => !ok).length;
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.log(`\n${lines.length - missed} of ${lines.length} goals reached in ${minutes} minutes`);
process.exit(missed === 0 ? 0 : 1);

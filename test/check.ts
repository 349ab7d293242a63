/**
 * `npm test`, `bun run check`: everything that must hold before a change is taken, with a summary. Its last line is
 * `N passed, N failed`, counting each test of each suite and each other step once. Exit code 1 when anything failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { statements } from "../sql/generated/statements.ts";
import { type ProgramName, program } from "./support/debian.ts";

const ROOT = join(import.meta.dir, "..");
// One of everything, whoever called: the Bun that the lock file pins, and the tools beside it.
const BIN = join(ROOT, "node_modules/.bin");
const BUN = join(BIN, "bun");
const SERVERS: readonly ProgramName[] = ["postgres", "redis-server", "pgbouncer", "curl", "chromium"];

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** What went wrong, or worth a word when nothing did. */
  readonly note: string;
}

interface Line extends Outcome {
  readonly step: string;
  readonly seconds: number;
}

const work = mkdtempSync(join(tmpdir(), "satchel-check-"));
const running = new Set<Bun.Subprocess>();
const lines: Line[] = [];
/** Tests that failed, repeated at the very end: build servers keep only the last lines of what is printed. */
const failures: string[] = [];
let interrupted = false;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of running) child.kill(signal);
  });
}

/** Runs a step and keeps its line. A step that throws has failed; the others still run, to show everything at once. */
async function step(name: string, run: () => Promise<Outcome>): Promise<void> {
  if (interrupted) return;
  const started = performance.now();
  const outcome = await run().catch((error: unknown) => ({ passed: 0, failed: 1, note: String(error) }));
  lines.push({ step: name, seconds: (performance.now() - started) / 1000, ...outcome });
}

/** A command that succeeds or fails as a whole. What it says is shown when it failed. */
async function command(...words: readonly string[]): Promise<Outcome> {
  const child = Bun.spawn([...words], { cwd: ROOT, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  running.add(child);
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  running.delete(child);
  if (code === 0) return { passed: 1, failed: 0, note: "" };
  process.stderr.write(`\n${words.join(" ")}\n${out}${err}`);
  return { passed: 0, failed: 1, note: `ended with ${code}` };
}

/** The whole suite against one PostgreSQL. Failures are shown as they come. */
async function suite(postgres: "15" | "18", ...flags: readonly string[]): Promise<Outcome> {
  const report = join(work, `${postgres}.xml`);
  const child = Bun.spawn(
    [
      BUN,
      "test",
      "--only-failures",
      "--timeout=30000",
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...flags,
    ],
    {
      cwd: ROOT,
      env: { ...process.env, SATCHEL_TEST_POSTGRES: postgres, SATCHEL_TEST_STATEMENTS: executedFile },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  running.add(child);
  const code = await child.exited;
  running.delete(child);
  if (!existsSync(report)) return { passed: 0, failed: 1, note: `ended with ${code}, before its report` };
  const junit = readFileSync(report, "utf8");
  const root = /<testsuites [^>]*>/.exec(junit)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const [tests, failed, skipped] = [count("tests"), count("failures"), count("skipped")];
  failures.push(...failedTests(junit).map((line) => `${postgres}: ${line}`));
  // A test that is passed over proves nothing, and an error outside of tests or too little coverage is no pass.
  const more = skipped + (code !== 0 && failed === 0 ? 1 : 0);
  const notes = [
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(code !== 0 && failed === 0 ? [`ended with ${code}: an error outside of tests, or coverage`] : []),
  ];
  return { passed: tests - failed - skipped, failed: failed + more, note: notes.join(", ") };
}

/** Where each failed test of a JUnit report is, its name, and how its message begins. */
function failedTests(junit: string): readonly string[] {
  const attribute = (tag: string, name: string) =>
    (new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1] ?? "")
      .replace(/&#10;/g, " ")
      .replace(/&quot;/g, '"')
      .replace(/&apos;/g, "'")
      .replace(/&lt;/g, "<")
      .replace(/&gt;/g, ">")
      .replace(/&amp;/g, "&");
  return [...junit.matchAll(/(<testcase [^>]*>)\s*(<failure [^>]*>)/g)].map(
    ([, test = "", failure = ""]) =>
      `${attribute(test, "file")}:${attribute(test, "line")} ${attribute(test, "name")}: ` +
      attribute(failure, "message").slice(0, 300),
  );
}

const executedFile = join(work, "statements");

/** The least part of all lines that the suite must run, in per cent; that of each file is in bunfig.toml. */
const LINES_FLOOR = 90;

async function coverage(): Promise<Outcome> {
  const report = join(work, "lcov.info");
  const text = existsSync(report) ? readFileSync(report, "utf8") : "";
  const total = (key: "LF" | "LH") =>
    [...text.matchAll(new RegExp(`^${key}:(\\d+)$`, "gm"))].reduce((sum, [, n]) => sum + Number(n), 0);
  const lines = (100 * total("LH")) / total("LF");
  const note = `${lines.toFixed(1)} % of the lines, at least ${LINES_FLOOR}`;
  return lines >= LINES_FLOOR ? { passed: 1, failed: 0, note } : { passed: 0, failed: 1, note };
}

/** Fails for a query file that no test has run: nobody needs it, or nobody knows whether it works. */
async function deadQueries(): Promise<Outcome> {
  const executed = new Set(existsSync(executedFile) ? readFileSync(executedFile, "utf8").split("\n") : []);
  const dead = statements.filter((name) => !executed.has(name));
  if (dead.length === 0) return { passed: 1, failed: 0, note: `${statements.length} query files` };
  for (const name of dead)
    process.stderr.write(`sql/queries/${name}.sql: no test ran it. Test it or delete it.\n`);
  return { passed: 0, failed: 1, note: `${dead.length} of ${statements.length} query files not run` };
}

async function programs(): Promise<Outcome> {
  // One after the other: apt's downloads already fill the line, and a failure names what is missing.
  for (const name of SERVERS) await program(name);
  return { passed: 1, failed: 0, note: SERVERS.join(", ") };
}

try {
  await Promise.all([
    step("programs for the tests", programs),
    step("lint and format (biome)", () =>
      command(BUN, join(BIN, "biome"), "check", "--error-on-warnings", "."),
    ),
    step("types (tsc)", () => command(BUN, join(BIN, "tsc"), "-p", ".")),
    step("generated SQL is fresh", () => command(BUN, "run", "sql", "--check")),
  ]);
  await step("build the executable", () => command(BUN, "run", "build"));
  await step("tests on the embedded PostgreSQL 18", () =>
    suite(
      "18",
      "--coverage",
      "--coverage-reporter=text",
      "--coverage-reporter=lcov",
      `--coverage-dir=${work}`,
    ),
  );
  await step("coverage", coverage);
  await step("tests on Debian's PostgreSQL 15", () => suite("15"));
  await step("every query file is run", deadQueries);
} finally {
  rmSync(work, { recursive: true, force: true });
}

const sum = (pick: (line: Line) => number) => lines.reduce((total, line) => total + pick(line), 0);
const [passed, failed] = [sum((line) => line.passed), sum((line) => line.failed)];
const table = lines.map(({ step: name, seconds, passed: good, failed: bad, note }) => {
  const verdict = bad > 0 ? "FAILED" : "ok";
  const counts = good + bad > 1 ? `${good} passed, ${bad} failed  ` : "";
  return `${verdict.padEnd(7)}${name.padEnd(38)}${seconds.toFixed(1).padStart(6)} s  ${counts}${note}`.trimEnd();
});
process.stdout.write(`\n${table.join("\n")}\n${interrupted ? "interrupted\n" : ""}\n`);
if (failures.length > 0) process.stdout.write(`${failures.slice(0, 10).join("\n")}\n\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 || interrupted ? 1 : 0);

/**
 * Where the search puts the lesson that somebody means: `bun test/bench/search.ts lessons.ndjson`, with the lessons of a
 * Python book. Ends with 1 when one of them is not among the first three.
 */
import { readRecord } from "../../src/cli/lesson-file.ts";
import { importContents } from "../../src/contents/contents.ts";
import { findAll, runReindexing } from "../search/support.ts";
import { testApp } from "../support/app.ts";
import { given } from "../support/given.ts";
import { endRun } from "../support/run.ts";

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("name a file of lessons");

/** What is asked, and the title that is meant. */
const MEANT: readonly (readonly [query: string, title: string])[] = [
  ["while loop", "While loop"],
  ["list comprehension", "List comprehensions"],
  ["dictionary", "Dictionary basics"],
  ["exception handling", "Handling exceptions"],
  ["recursion", "Recursion basics"],
  ["nested lists", "Nested lists"],
  ["inheritance", "Inheritance basics"],
  ["boolean", "Boolean values"],
  ["sort a list", "Sorting and reversing lists"],
  ["read a file", "Reading from files"],
  ["string slicing", "String slicing"],
];

const app = await testApp();
const school = await given(app).organization();
const records = (await Bun.file(path).text())
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => {
    const read = readRecord(line);
    if ("problem" in read) throw new Error(read.problem);
    if (read.kind !== "foreign") throw new Error("not a line of a book");
    return read.record;
  });
await importContents(app.deps, { organizationId: school.id, userId: null }, records, {
  publish: true,
  dryRun: false,
});
const started = performance.now();
await runReindexing(app);
console.info(`${records.length} lessons indexed in ${(performance.now() - started).toFixed(0)} ms`);

let missed = 0;
for (const [q, title] of MEANT) {
  const begun = performance.now();
  const found = (await findAll(app, school.token, { q, limit: "100" })).map((match) => match.title);
  const rank = found.indexOf(title) + 1;
  if (rank === 0 || rank > 3) missed += 1;
  const columns = [
    q.padEnd(20),
    (rank === 0 ? "—" : String(rank)).padStart(3),
    `of ${found.length}`.padEnd(7),
    `${(performance.now() - begun).toFixed(0)} ms`.padStart(6),
    found.slice(0, 3).join(" | "),
  ];
  console.info(columns.join("  "));
}
await app.close();
await endRun();
process.exit(missed === 0 ? 0 : 1);

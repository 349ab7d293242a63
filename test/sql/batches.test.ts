import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const QUERIES = join(import.meta.dir, "../../sql/queries");

/**
 * A batch that stands in `using (…)` may be the inner side of a nested loop: then it is looked for again for each row,
 * finds other ones each time, since those before are gone, and the statement takes more than its limit.
 */
test("a statement that removes so many rows at a time finds them once, in a materialized table expression", () => {
  const files = [...new Bun.Glob("*/*.sql").scanSync(QUERIES)];
  const batches = files.filter((file) => {
    const text = readFileSync(join(QUERIES, file), "utf8");
    return /^(delete from|update) /m.test(text) && /limit :\w+/.test(text);
  });
  expect(batches.length).toBeGreaterThan(5);
  const joined = batches.filter((file) => {
    const text = readFileSync(join(QUERIES, file), "utf8");
    return !/^with \w+ as materialized \($/m.test(text);
  });
  expect(joined).toEqual([]);
});

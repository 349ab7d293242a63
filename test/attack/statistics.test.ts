import { expect, test } from "bun:test";
import { auc, aucBound, median, percentile, tally } from "./statistics.ts";

test("the AUC is a half for the same numbers, one for numbers apart, and the same whichever comes first", () => {
  expect(auc([1, 2, 3], [1, 2, 3])).toBe(0.5);
  expect(auc([5, 5, 5], [5, 5])).toBe(0.5);
  expect(auc([1, 2, 3], [4, 5])).toBe(1);
  expect(auc([4, 5], [1, 2, 3])).toBe(1);
  // 1 is below both, 3 above one and below none: (0 + 0 + 1 + 0.5) of 4.
  expect(auc([1, 3], [2, 3])).toBe(0.625);
});

test("the bound of chance narrows with the number of samples", () => {
  expect(aucBound(1000)).toBeCloseTo(0.5516, 3);
  expect(aucBound(100)).toBeGreaterThan(0.65);
});

test("percentiles, the median and the tally", () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1);
  expect([percentile(hundred, 0.99), percentile(hundred, 1), percentile([], 0.5)]).toEqual([
    100,
    100,
    Number.NaN,
  ]);
  expect(median([3, 1, 2])).toBe(2);
  expect(tally([401, 429, 401])).toBe("401×2 429×1");
});

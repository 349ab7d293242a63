/** What the attack harness counts with. */

/**
 * How well one number tells which of two classes it comes from: the chance that a sample of one is above a sample of
 * the other (Mann and Whitney's U over n·m, ties counting half). 0.5 tells nothing, 1 everything; it is given from 0.5
 * up, since an attacker may turn the comparison round.
 */
export function auc(first: readonly number[], second: readonly number[]): number {
  const all = [
    ...first.map((value) => ({ value, first: true })),
    ...second.map((value) => ({ value, first: false })),
  ].sort((a, b) => a.value - b.value);
  let ranks = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]?.value === all[start]?.value) end += 1;
    // Equal values share the middle of their ranks, which count from 1.
    const rank = (start + 1 + end) / 2;
    for (let index = start; index < end; index++) if (all[index]?.first) ranks += rank;
    start = end;
  }
  const u = ranks - (first.length * (first.length + 1)) / 2;
  const area = u / (first.length * second.length);
  return Math.max(area, 1 - area);
}

/**
 * The AUC that chance alone hardly ever exceeds with so many samples of each class and nothing to tell: `deviations`
 * standard deviations of U above a half.
 */
export const aucBound = (samples: number, deviations = 4): number =>
  0.5 + deviations * Math.sqrt((2 * samples + 1) / (12 * samples * samples));

/** The value below which that part of all is. NaN of none. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** How often each value occurs, as `401×3 201×1`, the most frequent first. */
export function tally(values: readonly (string | number)[]): string {
  const counts = new Map<string | number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([value, count]) => `${value}×${count}`)
    .join(" ");
}

/**
 * The least of at most five measurements, numbered from 0; stops at the first one below `enough`. What is too slow is so each time,
 * while a machine that is busy with something else spoils one of them.
 */
export async function best(
  enough: number,
  measure: (round: number) => number | Promise<number>,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5 && least >= enough; round++) least = Math.min(least, await measure(round));
  return least;
}

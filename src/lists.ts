/** What the lists of all features have in common. */

/** Where a page of a list begins: behind the row with this key, or (`backward`) it ends before it. */
export interface From<K> {
  readonly key: K;
  readonly backward: boolean;
}

/**
 * How many rows a list may sort: where a filter leaves no more than these, they are read and sorted; where it leaves more,
 * the list is read in the order of an index, and meets enough of them on its way.
 */
export const FEW = 1000;

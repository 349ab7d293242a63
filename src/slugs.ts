/** Slugs: what stands for a title in an address. */

/** Lower case letters without accents, digits and single dashes, at most `limit` long; empty when nothing is left. */
export function slugify(text: string, limit = 120): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, limit)
    .replace(/^-+|-+$/g, "");
}

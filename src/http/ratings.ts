/** How the sums of ratings travel. Here and not in src/ratings, because lists of lessons and statistics carry them. */
import { type Static, Type } from "@sinclair/typebox";
import type { RatingSums } from "../ratings/ratings.ts";
import { nullable } from "./wire.ts";

export const ratingSumsShape = Type.Object({
  average: nullable(Type.Number({ minimum: 1, maximum: 5, examples: [4.25] }), {
    description: "Null when nobody has rated it.",
  }),
  count: Type.Integer({ minimum: 0, description: "How many have rated it.", examples: [8] }),
  distribution: Type.Array(Type.Integer({ minimum: 0 }), {
    minItems: 5,
    maxItems: 5,
    description: "How many gave one star, two, three, four, five.",
    examples: [[0, 1, 1, 1, 5]],
  }),
});

export const ratingSumsView = (row: RatingSums): Static<typeof ratingSumsShape> => ({
  average: row.average,
  count: row.count,
  distribution: [...row.distribution],
});

/** How the text of a version travels. Here, because a lesson as of a moment is one too. */
import { type Static, Type } from "@sinclair/typebox";
import type { ContentAsOf, ContentText } from "../content-versions/content-versions.ts";
import { contentFields } from "./contents.ts";
import { nullable, timestamp, uuid } from "./wire.ts";

export const contentTextShape = Type.Object({
  contentId: uuid(),
  title: Type.String(),
  slug: Type.String(),
  description: Type.String(),
  body: Type.String(),
  contentType: Type.String(),
  difficultyLevel: Type.String(),
  language: Type.String(),
  tags: Type.Array(Type.String()),
  prerequisites: Type.Array(Type.String()),
  learningObjectives: Type.Array(Type.String()),
  metadata: contentFields.metadata,
  settings: contentFields.settings,
  estimatedDurationMinutes: nullable(Type.Integer()),
});

export const contentTextView = (row: ContentText): Static<typeof contentTextShape> => ({
  contentId: row.contentId,
  title: row.title,
  slug: row.slug,
  description: row.description,
  body: row.body,
  contentType: row.contentType,
  difficultyLevel: row.difficultyLevel,
  language: row.language,
  tags: [...row.tags],
  prerequisites: [...row.prerequisites],
  learningObjectives: [...row.learningObjectives],
  metadata: row.metadata,
  settings: row.settings,
  estimatedDurationMinutes: row.estimatedDurationMinutes,
});

export const contentAsOfShape = Type.Composite(
  [
    Type.Object({
      number: Type.Integer({ description: "Of the version.", examples: [2] }),
      since: timestamp({ description: "From when it was the one." }),
      until: nullable(timestamp(), { description: "Until when; null: it still is." }),
    }),
    contentTextShape,
  ],
  { description: "With `asOf`: the version that was the one then." },
);

export const contentAsOfView = (row: ContentAsOf): Static<typeof contentAsOfShape> => ({
  number: row.number,
  since: row.since,
  until: row.until,
  ...contentTextView(row),
});

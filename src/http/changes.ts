/** How a change of a row travels, wherever a history is read. */
import { type Static, Type } from "@sinclair/typebox";
import type { Change } from "../history/history.ts";
import { nullable, timestamp, uuid } from "./wire.ts";

export const changeShape = Type.Object({
  id: uuid(),
  action: Type.Union([Type.Literal("insert"), Type.Literal("update"), Type.Literal("delete")]),
  version: nullable(Type.Integer({ description: "The version it made." })),
  actorId: nullable(uuid({ description: "Null when nobody in particular did it." })),
  before: Type.Unsafe<Change["before"]>(
    Type.Unknown({ description: "The columns that changed, as they were." }),
  ),
  after: Type.Unsafe<Change["after"]>(Type.Unknown({ description: "The same columns as they became." })),
  createdAt: timestamp(),
});

export const changeView = (row: Change): Static<typeof changeShape> => ({
  id: row.id,
  action: row.action,
  version: row.version,
  actorId: row.actorId,
  before: row.before,
  after: row.after,
  createdAt: row.createdAt,
});

// Written by `bun run sql`. Do not edit.

/** The name of every query file. */
export const statements = [
] as const;

export type StatementName = (typeof statements)[number];

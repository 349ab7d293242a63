import type { AnyElysia } from "elysia";
import { Elysia } from "elysia";
import type { Endpoint } from "./endpoint.ts";
export type Document = Record<string, unknown>;
export function documentPlugin(_e: readonly Endpoint[], _v: string) {
  return new Elysia();
}
export async function documentOf(
  _e: AnyElysia,
  _n: readonly Endpoint[],
  _o: string | null,
): Promise<Document> {
  return {};
}
export function docsRoutes(): { path: string; headers: Record<string, string>; body: () => string | Blob }[] {
  return [];
}

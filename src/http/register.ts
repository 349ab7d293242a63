/** Puts an endpoint on Elysia: the one registration that validation, types and the OpenAPI document come from. */
import { type TObject, type TSchema, Type } from "@sinclair/typebox";
import type { AnyElysia } from "elysia";
import type { Endpoint } from "./endpoint.ts";
import { pageQuery } from "./page.ts";

export interface RouteContext {
  readonly request: Request;
  readonly params: unknown;
  query: unknown;
  readonly body: unknown;
}

export interface RouteHooks {
  /** Runs before Elysia validates. Sets the query, gives the parsed body, null when there is none. */
  readonly admit: (context: RouteContext) => Promise<unknown>;
  readonly handle: (context: RouteContext) => Promise<Response>;
}

/** `POST /v1/contents/:id/publish` → `postContentsByIdPublish`: stable as long as the address is. */
export function operationId({ method, path }: Endpoint): string {
  const words = path
    .replace(/^\/v\d+/, "")
    .split("/")
    .flatMap((part) => (part.startsWith(":") ? ["by", part.slice(1)] : part.split("-")))
    .filter((word) => word !== "");
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** The query with what paging adds, or undefined when the endpoint takes none. */
export function queryOf({ query, page }: Endpoint): TObject | undefined {
  if (page === undefined) return query;
  return Type.Object({ ...query?.properties, ...pageQuery }, { additionalProperties: false });
}

export function register(elysia: AnyElysia, endpoint: Endpoint, hooks: RouteHooks): void {
  const { params, body, upload, stream } = endpoint;
  const wholeQuery = queryOf(endpoint);
  const response: Record<number, TSchema> = {};
  for (const [status, schema] of endpoint.answers) response[status] = schema ?? Type.Void();
  elysia.route(
    endpoint.method,
    endpoint.path,
    hooks.handle as never,
    {
      // Where there may be a body `admit` stands in for Elysia's reader, which has no limits. `parse: "none"` would not
      // do: it switches the validation of the body off as well.
      ...(endpoint.method === "GET" ? { transform: hooks.admit } : { parse: hooks.admit }),
      ...(params === undefined ? {} : { params }),
      ...(wholeQuery === undefined ? {} : { query: wholeQuery }),
      ...(body === undefined || upload !== undefined || stream !== undefined ? {} : { body }),
      response,
      detail: {
        operationId: operationId(endpoint),
        summary: endpoint.summary,
        description: endpoint.description ?? `${endpoint.summary}.`,
        tags: [endpoint.tag],
      },
    } as never,
  );
}

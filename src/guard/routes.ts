import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { uuid } from "../http/wire.ts";
import { unlockUser } from "./guard.ts";

export const guardEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/users/:id/unlock",
    tag: "users",
    summary: "Open a person's logins again",
    description: "Whatever locked them, on all devices. Their password stays.",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params }) => unlockUser(deps, actor, params.id),
    present: () => undefined,
  }),
];

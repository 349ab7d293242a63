import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint } from "../http/endpoint.ts";
import { role, userShape, userView } from "../http/people.ts";
import { uuid } from "../http/wire.ts";
import { changeRole, lastAdmin } from "./user-roles.ts";

export const userRolesEndpoints = [
  endpoint({
    method: "PUT",
    path: "/v1/users/:id/role",
    tag: "users",
    summary: "Give a person another role",
    description:
      "Signs the person out everywhere. Who becomes a teacher or an admin loses a password that somebody else gave them, and " +
      "is mailed a link to choose one; who has no address is then given one (`PUT /v1/users/{id}/password`).",
    params: t.Object({ id: uuid() }),
    versioned: true,
    body: Type.Object({ role }),
    answers: { 200: userShape },
    refusals: [lastAdmin],
    handle: ({ deps, actor, params, ifMatch, body, client }) =>
      changeRole(deps, actor, params.id, ifMatch, body.role, {
        address: client.address,
        userAgent: client.userAgent,
        deviceToken: null,
      }),
    present: userView,
  }),
];

import { Type } from "@sinclair/typebox";
import { endpoint } from "../http/endpoint.ts";
import { role } from "../http/people.ts";
import { choice, nullable, timestamp } from "../http/wire.ts";
import { allowedTo, SCOPES } from "../permissions.ts";

export const permissionsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/me/permissions",
    tag: "users",
    summary: "Read what you may do",
    description: [
      "Every operation that is open to you beside the public ones, with the credential of this request. `own`: only with",
      "what is yours. `fresh`: it needs a password or a second factor given within five minutes, so until `freshUntil`;",
      "`freshForStaff`: when it is about staff.",
    ].join(" "),
    answers: {
      200: Type.Object({
        role,
        credential: choice(["session", "api_key"]),
        scopes: nullable(Type.Array(choice(SCOPES), { description: "Of an API key." })),
        freshUntil: nullable(timestamp({ description: "Null for an API key, which is never fresh." })),
        operations: Type.Array(
          Type.Object({
            method: Type.String({ examples: ["GET"] }),
            path: Type.String({ examples: ["/v1/users/{id}"], description: "As in this document." }),
            right: choice(["any", "own"]),
            fresh: Type.Boolean(),
            freshForStaff: Type.Boolean(),
          }),
        ),
      }),
    },
    handle: ({ actor }) => actor,
    present: (actor) => ({
      role: actor.role,
      credential: actor.credential,
      scopes: actor.scopes === null ? null : SCOPES.filter((scope) => actor.scopes?.includes(scope)),
      freshUntil: actor.freshUntil,
      operations: allowedTo(actor).map(({ operation, right, ...needs }) => {
        const [method = "", path = ""] = operation.replace(/:(\w+)/g, "{$1}").split(" ");
        return { method, path, right, ...needs };
      }),
    }),
  }),
];

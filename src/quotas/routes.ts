import { Type } from "@sinclair/typebox";
import { endpoint } from "../http/endpoint.ts";
import { nullable } from "../http/wire.ts";
import { getUsage } from "./quotas.ts";

const whole = (description: string) => Type.Integer({ minimum: 0, description });

export const quotasEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/organization/usage",
    tag: "organizations",
    summary: "Read what your organization uses and is allowed",
    description: "The limits are set by the operator; null where there is none.",
    answers: {
      200: Type.Object({
        people: Type.Object({
          used: whole("Who is not deleted, whatever their status."),
          allowed: nullable(whole("More cannot be added.")),
        }),
        storageBytes: Type.Object({
          used: whole("Of the texts and documents of lessons that are not deleted."),
          allowed: nullable(whole("More cannot be stored.")),
        }),
        requestsPerMinute: Type.Object({
          used: whole(
            "Of what is allowed on this node, the server that answers: those of the last minute, as far as they have not come back yet. This request is one of them.",
          ),
          allowed: nullable(
            whole(
              "On each node: of all people together, and as many again of all API keys; where the operator has set a limit, of both together.",
            ),
          ),
        }),
      }),
    },
    handle: ({ deps, actor }) => getUsage(deps, actor),
    present: ({ people, storageBytes, allowed }, { client }) => ({
      people: { used: people, allowed: allowed.people },
      storageBytes: { used: storageBytes, allowed: allowed.storageBytes },
      requestsPerMinute: { used: client.organizationRequests ?? 0, allowed: allowed.requestsPerMinute },
    }),
  }),
];

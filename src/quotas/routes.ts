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
          allowed: nullable(whole("Of all people together, on each server.")),
        }),
      }),
    },
    handle: ({ deps, actor }) => getUsage(deps, actor),
    present: ({ people, storageBytes, allowed }) => ({
      people: { used: people, allowed: allowed.people },
      storageBytes: { used: storageBytes, allowed: allowed.storageBytes },
      requestsPerMinute: { allowed: allowed.requestsPerMinute },
    }),
  }),
];

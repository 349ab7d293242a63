import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { notFound } from "../errors.ts";
import { endpoint } from "../http/endpoint.ts";
import { nullable, timestamp, uuid } from "../http/wire.ts";
import {
  confirmSecondFactor,
  enrolSecondFactor,
  getSecondFactor,
  removeSecondFactor,
  renewRecoveryCodes,
  resetSecondFactor,
  secondFactorCodeRefused,
  secondFactorExists,
  secondFactorNeeded,
  secondFactorNotPending,
} from "./second-factors.ts";

const recoveryCodes = Type.Object({
  recoveryCodes: Type.Array(Type.String({ examples: ["7K2M-9QXV-3DTR-H8WC"] }), {
    description: "Ten codes, each good once in place of the app. Nobody can read them again.",
  }),
});

export const secondFactorsEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/me/second-factor",
    tag: "second factor",
    summary: "Read whether you have a second factor",
    answers: {
      200: Type.Object({
        enabled: Type.Boolean(),
        confirmedAt: nullable(timestamp()),
        recoveryCodes: Type.Integer({ description: "How many are left." }),
        required: Type.Boolean({ description: "Whether people of your role need one." }),
      }),
    },
    handle: ({ deps, actor }) => getSecondFactor(deps, actor),
    present: (found) => found,
  }),
  endpoint({
    method: "POST",
    path: "/v1/me/second-factor",
    tag: "second factor",
    summary: "Begin to set up a second factor",
    description:
      "Gives a secret for an authenticator app. Nothing changes until a code of the app has confirmed it, within half an hour.",
    answers: {
      201: Type.Object({
        secret: Type.String({ description: "Base 32, to be typed." }),
        uri: Type.String({ description: "The same for a QR code: `otpauth://totp/…`." }),
      }),
    },
    refusals: [secondFactorExists],
    handle: ({ deps, actor }) => enrolSecondFactor(deps, actor),
    present: (enrolment) => enrolment,
  }),
  endpoint({
    method: "POST",
    path: "/v1/me/second-factor/confirmation",
    tag: "second factor",
    summary: "Put your second factor into force",
    description: "With a code that the app shows. From then on signing in takes one.",
    body: Type.Object({ code: Type.String({ maxLength: 32, examples: ["287082"] }) }),
    answers: { 200: recoveryCodes },
    refusals: [secondFactorNotPending, secondFactorCodeRefused],
    handle: ({ deps, actor, body, client }) =>
      confirmSecondFactor(deps, actor, body.code, {
        address: client.address,
        userAgent: client.userAgent,
        deviceToken: client.cookie("device"),
      }),
    present: (codes) => ({ recoveryCodes: [...codes] }),
  }),
  endpoint({
    method: "POST",
    path: "/v1/me/second-factor/recovery-codes",
    tag: "second factor",
    summary: "Get new recovery codes",
    description: "The old ones are void.",
    answers: { 200: recoveryCodes },
    refusals: [notFound],
    handle: ({ deps, actor }) => renewRecoveryCodes(deps, actor),
    present: (codes) => ({ recoveryCodes: [...codes] }),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/me/second-factor",
    tag: "second factor",
    summary: "Remove your second factor",
    answers: { 204: null },
    refusals: [notFound, secondFactorNeeded],
    handle: ({ deps, actor }) => removeSecondFactor(deps, actor),
    present: () => undefined,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/users/:id/second-factor",
    tag: "second factor",
    summary: "Remove a person's second factor",
    description: "For somebody who has lost app and recovery codes. They are told by mail.",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params }) => resetSecondFactor(deps, actor, params.id),
    present: () => undefined,
  }),
];

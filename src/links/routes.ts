import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import type { Origin } from "../devices.ts";
import { notFound } from "../errors.ts";
import { signInLineFull } from "../gate.ts";
import { type Client, endpoint } from "../http/endpoint.ts";
import { email, password } from "../http/people.ts";
import { uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import {
  acceptInvitation,
  confirmEmailChange,
  invitationsClosed,
  invite,
  linkRefused,
  nothingToVerify,
  requestEmailChange,
  requestEmailVerification,
  requestPasswordReset,
  resendVerification,
  resetPassword,
  signUpPasswordRefused,
  tooManyMails,
  userNotInvitable,
  verifyEmail,
} from "./links.ts";

const token = Type.String({
  maxLength: 200,
  description: "What follows `#` in the link that was mailed.",
  examples: [`satchel_link_${"A".repeat(64)}`],
});
const named = Type.Object({
  organization: Type.String({
    maxLength: 63,
    description: "The organization's slug.",
    examples: ["springfield"],
  }),
  login: Type.String({
    minLength: 1,
    maxLength: 254,
    description: "E-mail address or username.",
    examples: ["ada"],
  }),
});
const byToken = Type.Object({ token });
const params = t.Object({ id: uuid() });

const originOf = (client: Client): Origin => ({
  address: client.address,
  userAgent: client.userAgent,
  deviceToken: client.cookie("device"),
});

const ALIKE =
  "Answers the same, after the same time, whether or not there is such a person. At most three mails an hour go to anybody.";

export const linksEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/password-resets",
    tag: "links",
    summary: "Ask for a link to choose another password",
    description: `${ALIKE} The link is good for half an hour.`,
    body: named,
    answers: { 202: null },
    refusals: [signInLineFull],
    handle: ({ deps, body, client }) => requestPasswordReset(deps, body, originOf(client)),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/password-resets/consume",
    tag: "links",
    summary: "Choose another password by a link",
    description:
      "Ends all your sessions and opens your logins again; a link that was mailed confirms your e-mail address as well. A password that is refused leaves the link good.",
    body: Type.Object({ token, newPassword: password }),
    answers: { 204: null },
    refusals: [linkRefused, passwordRefused, passwordsBusy],
    handle: ({ deps, body, client, around }) => resetPassword(deps, body, originOf(client), around),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/email-verifications",
    tag: "links",
    summary: "Ask for a link to confirm your e-mail address, before you can sign in",
    description: `${ALIKE} The link is good for three days.`,
    body: named,
    answers: { 202: null },
    refusals: [signInLineFull],
    handle: ({ deps, body, client }) => requestEmailVerification(deps, body, originOf(client)),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/email-verifications/consume",
    tag: "links",
    summary: "Confirm your e-mail address by a link",
    description:
      "Who was only waiting for that is active from then on. Who has made the account for themselves gives its password as well: the link shows that the address is theirs, the password that the account is. Another password leaves the link good.",
    body: Type.Object({ token, password: Type.Optional(password) }),
    answers: { 204: null },
    refusals: [linkRefused, signUpPasswordRefused, passwordsBusy],
    handle: ({ deps, body, client, around }) => verifyEmail(deps, body, originOf(client), around),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/me/email-verification",
    tag: "links",
    summary: "Ask for another link to confirm your e-mail address",
    answers: { 202: null },
    refusals: [nothingToVerify, tooManyMails],
    handle: ({ deps, actor, client }) => resendVerification(deps, actor, originOf(client)),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/users/:id/invitation",
    tag: "links",
    summary: "Invite a person who has no password yet",
    description: "Mails a link, good for seven days, by which they choose one. It ends the one before.",
    params,
    answers: { 202: null },
    refusals: [invitationsClosed, userNotInvitable, tooManyMails],
    handle: ({ deps, actor, params, client }) => invite(deps, actor, params.id, originOf(client)),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/invitations/consume",
    tag: "links",
    summary: "Accept an invitation: choose a password",
    description: "Confirms your e-mail address as well. Sign in next.",
    body: Type.Object({ token, password }),
    answers: { 204: null },
    refusals: [linkRefused, passwordRefused, passwordsBusy],
    handle: ({ deps, body, client, around }) => acceptInvitation(deps, body, originOf(client), around),
    present: () => undefined,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/me/email",
    tag: "links",
    summary: "Ask to use another e-mail address",
    description:
      "Mails a link to the new address, good for one day; the old one stays until it is used, and is told then. An address that somebody else has is answered alike and mailed nothing.",
    body: Type.Object({ email }),
    answers: { 202: null },
    refusals: [notFound, tooManyMails],
    handle: ({ deps, actor, body, client }) => requestEmailChange(deps, actor, body.email, originOf(client)),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/email-changes/consume",
    tag: "links",
    summary: "Take another e-mail address into use by a link",
    body: byToken,
    answers: { 204: null },
    refusals: [linkRefused],
    handle: ({ deps, body, client, around }) =>
      confirmEmailChange(deps, body.token, originOf(client), around),
    present: () => undefined,
  }),
];

import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import type { Origin } from "../devices.ts";
import { notFound } from "../errors.ts";
import { signInLineFull } from "../gate.ts";
import { answer, type Client, endpoint } from "../http/endpoint.ts";
import { password, userShape, userView } from "../http/people.ts";
import { nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import {
  changePassword,
  currentPasswordRefused,
  currentSession,
  endOtherSessions,
  endSession,
  listSessions,
  type Session,
  signIn,
  signInRefused,
} from "./sessions.ts";

const session = Type.Object({
  id: uuid(),
  ip: nullable(Type.String({ examples: ["203.0.113.7"] })),
  userAgent: nullable(Type.String()),
  deviceType: Type.Union([
    Type.Literal("desktop"),
    Type.Literal("mobile"),
    Type.Literal("tablet"),
    Type.Literal("bot"),
    Type.Literal("unknown"),
  ]),
  createdAt: timestamp(),
  lastActiveAt: timestamp(),
  expiresAt: timestamp(),
  current: Type.Boolean({ description: "Whether it is the session of this request." }),
});

const deviceToken = Type.String({
  maxLength: 3000,
  description: "Proves that you have signed in on this device before. A browser keeps it in a cookie.",
});

const view = (row: Session, currentId: string | null): Static<typeof session> => ({
  id: row.id,
  ip: row.ip,
  userAgent: row.userAgent,
  deviceType: row.deviceType,
  createdAt: row.createdAt,
  lastActiveAt: row.lastActiveAt,
  expiresAt: row.expiresAt,
  current: row.id === currentId,
});

const originOf = (client: Client, token: string | undefined): Origin => ({
  address: client.address,
  userAgent: client.userAgent,
  deviceToken: token ?? client.cookie("device"),
});

export const sessionsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/sessions",
    tag: "sessions",
    summary: "Sign in",
    description:
      "Gives a bearer token, and sets the same as a cookie. Five wrong attempts in a row close a login for half an hour (the organization may choose otherwise), except on devices where the person has signed in before: those are counted apart.",
    body: Type.Object({
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
      password,
      deviceToken: Type.Optional(deviceToken),
    }),
    answers: {
      201: Type.Object({ token: Type.String(), expiresAt: timestamp(), deviceToken, user: userShape }),
    },
    refusals: [signInRefused, passwordsBusy, signInLineFull],
    handle: ({ deps, body, client, around }) => {
      const { organization, login, password } = body;
      return signIn(deps, { organization, login, password }, originOf(client, body.deviceToken), around);
    },
    present: ({ token, expiresAt, deviceToken, user }) =>
      answer(
        { token, expiresAt, deviceToken, user: userView(user, null) },
        {
          cookies: {
            session: { value: token, maxAgeSeconds: (expiresAt.getTime() - Date.now()) / 1000 },
            device: { value: deviceToken, maxAgeSeconds: 90 * 86_400 },
          },
        },
      ),
  }),
  endpoint({
    method: "GET",
    path: "/v1/sessions",
    tag: "sessions",
    summary: "List your live sessions",
    description: "Newest first.",
    page: uuid(),
    answers: { 200: pageOf(session) },
    handle: ({ deps, actor, page }) => listSessions(deps, actor, page.after, page.limit),
    present: (found, { actor, page }) =>
      page.of(
        found,
        (row) => view(row, actor.sessionId),
        ({ id }) => id,
      ),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/sessions",
    tag: "sessions",
    summary: "End all your other sessions",
    description: "`others=true` must be given: this session stays.",
    query: t.Object({ others: t.Literal("true") }),
    answers: { 200: Type.Object({ ended: Type.Integer({ description: "How many were ended." }) }) },
    handle: ({ deps, actor }) => endOtherSessions(deps, actor),
    present: (ended) => ({ ended }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/sessions/current",
    tag: "sessions",
    summary: "Read the session of this request",
    answers: { 200: session },
    refusals: [notFound],
    handle: ({ deps, actor }) => currentSession(deps, actor),
    present: (row, { actor }) => view(row, actor.sessionId),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/sessions/current",
    tag: "sessions",
    summary: "Sign out",
    answers: { 204: null },
    refusals: [notFound],
    handle: ({ deps, actor }) => endSession(deps, actor, actor.sessionId),
    present: () => answer(undefined, { cookies: { session: null } }),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/sessions/:id",
    tag: "sessions",
    summary: "End one of your sessions",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params }) => endSession(deps, actor, params.id),
    present: () => undefined,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/me/password",
    tag: "sessions",
    summary: "Change your password",
    description: "Ends all your other sessions.",
    body: Type.Object({ currentPassword: password, newPassword: password }),
    answers: { 204: null },
    refusals: [currentPasswordRefused, passwordRefused, passwordsBusy, signInLineFull],
    handle: ({ deps, actor, body, client }) => changePassword(deps, actor, body, originOf(client, undefined)),
    present: () => undefined,
  }),
];

import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { type Origin, softwareOf } from "../devices.ts";
import { notFound } from "../errors.ts";
import { signInLineFull } from "../gate.ts";
import { answer, type Client, endpoint } from "../http/endpoint.ts";
import { ownUserView, password, userShape } from "../http/people.ts";
import { nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import { TOKEN_LENGTH } from "../tokens.ts";
import {
  type Challenge,
  changePassword,
  currentPasswordRefused,
  currentSession,
  endSession,
  endSessions,
  endUserSessions,
  listSessions,
  listUserSessions,
  longLivedRefused,
  proofMissing,
  reauthenticate,
  reauthenticationRefused,
  refreshedAlready,
  refreshRefused,
  refreshSession,
  type Session,
  type SignedIn,
  secondFactorRefused,
  signIn,
  signInRefused,
  signInWithSecondFactor,
} from "./sessions.ts";

const idleExpiresAt = nullable(
  timestamp({
    description:
      "Unused, the session ends then, whatever `expiresAt` says; every use puts it off. Null: it may rest.",
  }),
);

const session = Type.Object({
  id: uuid(),
  ip: nullable(Type.String({ examples: ["203.0.113.7"], description: "Of the last use." })),
  userAgent: nullable(Type.String()),
  browser: nullable(Type.String({ examples: ["Firefox 128"] })),
  operatingSystem: nullable(Type.String({ examples: ["Android 14"] })),
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
  idleExpiresAt,
  longLived: Type.Boolean({ description: "Whether it is renewed with refresh tokens." }),
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
  ...softwareOf(row.userAgent),
  deviceType: row.deviceType,
  createdAt: row.createdAt,
  lastActiveAt: row.lastActiveAt,
  expiresAt: row.expiresAt,
  idleExpiresAt: row.idleExpiresAt,
  longLived: row.longLived,
  current: row.id === currentId,
});

const originOf = (client: Client, token: string | undefined): Origin => ({
  address: client.address,
  userAgent: client.userAgent,
  deviceToken: token ?? client.cookie("device"),
});

const refreshToken = Type.String({
  description: "Of a long-lived session: renews it, once, within its life.",
});
const code = Type.String({ maxLength: 32, description: "What the app shows.", examples: ["287082"] });
const recoveryCode = Type.String({
  maxLength: 64,
  description: "In place of a code, once.",
  examples: ["7K2M-9QXV-3DTR-H8WC"],
});
/** A token as it is sent back; what is longer than any is none. */
const sentToken = Type.String({ maxLength: TOKEN_LENGTH });

const signedInShape = Type.Object({
  token: Type.String(),
  expiresAt: timestamp(),
  idleExpiresAt,
  refreshToken: Type.Optional(refreshToken),
  deviceToken,
  user: userShape,
});

const endedShape = Type.Object({ ended: Type.Integer({ description: "How many were ended." }) });

const secondsUntil = (time: Date): number => (time.getTime() - Date.now()) / 1000;

const signedInView = ({ token, expiresAt, idleExpiresAt, refreshToken, deviceToken, user }: SignedIn) => {
  const device = { value: deviceToken, maxAgeSeconds: 90 * 86_400 };
  const body = { token, expiresAt, idleExpiresAt, deviceToken, user: ownUserView(user) };
  // Who asks for a refresh token keeps the tokens: a cookie would outlive the quarter of an hour that this one is good.
  return refreshToken === null
    ? answer(body, { cookies: { session: { value: token, maxAgeSeconds: secondsUntil(expiresAt) }, device } })
    : answer({ ...body, refreshToken }, { cookies: { device } });
};

const isChallenge = (made: SignedIn | Challenge): made is Challenge => "challenge" in made;

export const sessionsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/sessions",
    tag: "sessions",
    summary: "Sign in",
    description:
      "Gives a bearer token, and sets the same as a cookie. Who has a second factor is given a challenge instead (202), good for five minutes: `POST /v1/sessions/second-factor`. Five wrong attempts in a row close a login for half an hour (the organization may choose otherwise), except on devices where the person has signed in before: those are counted apart. Ten sessions may be live; one more ends the oldest.",
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
      longLived: Type.Optional(
        Type.Boolean({
          description:
            "For an app that keeps its tokens safe: a token for a quarter of an hour and a refresh token to renew it with, no cookie.",
        }),
      ),
    }),
    answers: {
      201: signedInShape,
      202: Type.Object({
        challenge: Type.String({ description: "To be sent back with the second factor." }),
        expiresAt: timestamp(),
      }),
    },
    refusals: [signInRefused, longLivedRefused, passwordsBusy, signInLineFull],
    handle: ({ deps, body: { deviceToken, ...input }, client, around }) =>
      signIn(deps, input, originOf(client, deviceToken), around),
    present: (made) => (isChallenge(made) ? answer({ ...made }, { status: 202 }) : signedInView(made)),
  }),
  endpoint({
    method: "POST",
    path: "/v1/sessions/second-factor",
    tag: "sessions",
    summary: "Sign in: prove the second factor",
    description:
      "With the challenge that the password was answered with, and either a code or a recovery code.",
    body: Type.Object({
      challenge: sentToken,
      code: Type.Optional(code),
      recoveryCode: Type.Optional(recoveryCode),
      deviceToken: Type.Optional(deviceToken),
    }),
    answers: { 201: signedInShape },
    refusals: [secondFactorRefused, proofMissing, longLivedRefused, signInLineFull],
    handle: ({ deps, body: { deviceToken, ...input }, client, around }) =>
      signInWithSecondFactor(deps, input, originOf(client, deviceToken), around),
    present: signedInView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/sessions/refresh",
    tag: "sessions",
    summary: "Renew a long-lived session",
    description:
      "Replaces both its tokens. A refresh token is good once: of requests that come together one is answered with new tokens, the others with 409 for ten seconds; one that comes later ends the session, because somebody else may have the token. Send an Idempotency-Key, and repeat the request with it when the answer was lost.",
    body: Type.Object({ refreshToken: sentToken }),
    answers: {
      200: Type.Object({ token: Type.String(), expiresAt: timestamp(), idleExpiresAt, refreshToken }),
    },
    refusals: [refreshRefused, refreshedAlready, signInLineFull],
    handle: ({ deps, body, client, around }) =>
      refreshSession(deps, body.refreshToken, originOf(client, undefined), around),
    present: (renewed) => renewed,
  }),
  endpoint({
    method: "POST",
    path: "/v1/sessions/current/reauthentication",
    tag: "sessions",
    summary: "Prove again who you are",
    description:
      "With the password; whoever has a second factor gives a code of it, or a recovery code, with the password or without. Gives the session another token; for five minutes what needs a fresh proof is allowed.",
    body: Type.Object({
      password: Type.Optional(password),
      code: Type.Optional(code),
      recoveryCode: Type.Optional(recoveryCode),
    }),
    answers: { 200: Type.Object({ token: Type.String(), expiresAt: timestamp(), idleExpiresAt }) },
    refusals: [reauthenticationRefused, proofMissing, passwordsBusy, signInLineFull],
    handle: ({ deps, actor, body, client }) => reauthenticate(deps, actor, body, originOf(client, undefined)),
    present: ({ token, expiresAt, idleExpiresAt }, { client }) =>
      answer(
        { token, expiresAt, idleExpiresAt },
        // A browser goes on with its cookie; who has none is not given one.
        client.header("authorization") !== null
          ? {}
          : { cookies: { session: { value: token, maxAgeSeconds: secondsUntil(expiresAt) } } },
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
    summary: "End your sessions",
    description: "`others=true`: all but this one. `others=false`: this one too.",
    query: t.Object({ others: t.Boolean({ description: "Whether the session of this request goes on." }) }),
    answers: { 200: endedShape },
    handle: ({ deps, actor, query, client }) => endSessions(deps, actor, query, originOf(client, undefined)),
    present: (ended, { query }) =>
      query.others ? { ended } : answer({ ended }, { cookies: { session: null } }),
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
    handle: ({ deps, actor, client }) =>
      endSession(deps, actor, actor.sessionId, originOf(client, undefined)),
    present: () => answer(undefined, { cookies: { session: null } }),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/sessions/:id",
    tag: "sessions",
    summary: "End one of your sessions",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params, client }) =>
      endSession(deps, actor, params.id, originOf(client, undefined)),
    present: () => undefined,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/:id/sessions",
    tag: "sessions",
    summary: "List a person's live sessions",
    description: "Newest first.",
    params: t.Object({ id: uuid() }),
    page: uuid(),
    answers: { 200: pageOf(session) },
    handle: ({ deps, actor, params, page }) =>
      listUserSessions(deps, actor, params.id, page.after, page.limit),
    present: (found, { actor, page }) =>
      page.of(
        found,
        (row) => view(row, actor.sessionId),
        ({ id }) => id,
      ),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/users/:id/sessions",
    tag: "sessions",
    summary: "End all sessions of a person",
    params: t.Object({ id: uuid() }),
    answers: { 200: endedShape },
    handle: ({ deps, actor, params, client }) =>
      endUserSessions(deps, actor, params.id, originOf(client, undefined)),
    present: (ended) => ({ ended }),
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

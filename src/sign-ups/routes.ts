import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import type { Origin } from "../devices.ts";
import { type Client, endpoint } from "../http/endpoint.ts";
import { email, fullName, language, password, timeZone, username } from "../http/people.ts";
import { choice, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import {
  CODE_ROLES,
  createSignUpCode,
  emailNeeded,
  invalidTimeZone,
  listSignUpCodes,
  quotaPeopleReached,
  revokeSignUpCode,
  type SignUpCode,
  signUp,
  signUpCodeRefused,
  signUpRefused,
  tooManySignUps,
  usernameTaken,
} from "./sign-ups.ts";

const role = choice(CODE_ROLES, { description: "Of who signs up with it.", examples: ["student"] });

const codeShape = Type.Object({
  id: uuid(),
  role,
  usesAllowed: Type.Integer({ minimum: 1 }),
  uses: Type.Integer({ minimum: 0, description: "How often it was used." }),
  expiresAt: timestamp(),
  revokedAt: nullable(timestamp()),
  createdById: nullable(uuid()),
  createdAt: timestamp(),
});

const view = (code: SignUpCode): Static<typeof codeShape> => ({
  id: code.id,
  role: code.role,
  usesAllowed: code.usesAllowed,
  uses: code.uses,
  expiresAt: code.expiresAt,
  revokedAt: code.revokedAt,
  createdById: code.createdById,
  createdAt: code.createdAt,
});

const originOf = (client: Client): Origin => ({
  address: client.address,
  userAgent: client.userAgent,
  deviceToken: client.cookie("device"),
});

export const signUpsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/sign-ups",
    tag: "sign-ups",
    summary: "Make an account for yourself",
    description:
      "Where the organization lets people do so (`settings.signUp`). With a code from an admin the account is ready at once; without one it is a student's, and waits until the address is confirmed by the link that is mailed to it. Whether somebody has the address already is told to its owner alone.",
    body: Type.Object({
      organization: Type.String({ maxLength: 63, examples: ["springfield"] }),
      username,
      fullName,
      email: Type.Optional(email),
      password,
      code: Type.Optional(Type.String({ maxLength: 64, examples: ["7K2QD-9XJ4M-VR0TA-38HNE"] })),
      timeZone: Type.Optional(timeZone),
      language: Type.Optional(language),
    }),
    answers: { 202: null },
    refusals: [
      signUpRefused,
      signUpCodeRefused,
      emailNeeded,
      tooManySignUps,
      usernameTaken,
      quotaPeopleReached,
      passwordRefused,
      passwordsBusy,
      invalidTimeZone,
    ],
    handle: ({ deps, body, client, around }) => signUp(deps, body, originOf(client), around),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/organization/sign-up-codes",
    tag: "sign-ups",
    summary: "Make a code to sign up with",
    description: "The code is in this answer and nowhere else afterwards.",
    body: Type.Object({
      role,
      uses: Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: "How many people may sign up with it.",
        examples: [30],
      }),
      expiresInDays: Type.Optional(Type.Integer({ minimum: 1, maximum: 365, description: "7 by default." })),
    }),
    answers: {
      201: Type.Composite([
        codeShape,
        Type.Object({ code: Type.String({ examples: ["7K2QD-9XJ4M-VR0TA-38HNE"] }) }),
      ]),
    },
    handle: ({ deps, actor, body }) => createSignUpCode(deps, actor, body),
    present: (code) => ({ ...view(code), code: code.code }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/organization/sign-up-codes",
    tag: "sign-ups",
    summary: "List codes to sign up with",
    description: "Newest first, those that are good no more among them; never the codes themselves.",
    page: uuid(),
    answers: { 200: pageOf(codeShape) },
    handle: ({ deps, actor, page }) => listSignUpCodes(deps, actor, page.after, page.limit),
    present: (codes, { page }) => page.of(codes, view, ({ id }) => id),
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/organization/sign-up-codes/:id",
    tag: "sign-ups",
    summary: "Revoke a code to sign up with",
    description: "Who has used it keeps their account.",
    params: t.Object({ id: uuid() }),
    answers: { 204: null },
    handle: ({ deps, actor, params }) => revokeSignUpCode(deps, actor, params.id),
    present: () => undefined,
  }),
];

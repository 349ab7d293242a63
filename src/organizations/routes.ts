import { type Static, Type } from "@sinclair/typebox";
import { answer, endpoint, members, roles } from "../http/endpoint.ts";
import {
  email,
  fullName,
  language,
  password,
  timeZone,
  username,
  userShape,
  userView,
} from "../http/people.ts";
import { choice, nullable, timestamp, uuid, version } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import { SETTING_RANGES } from "../settings.ts";
import {
  createOrganization,
  getOrganization,
  invalidTimeZone,
  ORGANIZATION_TYPES,
  type Organization,
  setupCodeRefused,
  signUpClosed,
  slugTaken,
  updateOrganization,
} from "./organizations.ts";

const name = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: "\\S",
  examples: ["Springfield Elementary"],
});
const slug = Type.String({
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  minLength: 2,
  maxLength: 63,
  description: "What people type to say where they sign in.",
  examples: ["springfield"],
});
const type = choice(ORGANIZATION_TYPES, { examples: ["school"] });

const settings = Type.Object({
  lockoutAttempts: Type.Optional(
    Type.Integer({
      ...SETTING_RANGES.lockoutAttempts,
      description: "Failures in a row that lock a login; 5.",
    }),
  ),
  lockoutMinutes: Type.Optional(
    Type.Integer({ ...SETTING_RANGES.lockoutMinutes, description: "How long a lock lasts; 30." }),
  ),
  pupilPasswordMinimum: Type.Optional(
    Type.Integer({
      ...SETTING_RANGES.pupilPasswordMinimum,
      description: "Shortest password of a student; 15.",
    }),
  ),
});

const organization = Type.Object({
  id: uuid(),
  name,
  slug,
  type,
  status: Type.Union([Type.Literal("active"), Type.Literal("suspended"), Type.Literal("closed")]),
  settings,
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
});

const view = (row: Organization): Static<typeof organization> => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  type: row.type,
  status: row.status,
  settings: row.settings,
  version: row.version,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
});

export const organizationsEndpoints = [
  endpoint({
    method: "POST",
    path: "/v1/organizations",
    tag: "organizations",
    summary: "Create an organization",
    description:
      "With its first admin, who is signed in at once. Who may do so is the operator's choice (`SATCHEL_SIGN_UP`): with a set-up code, anybody, or nobody.",
    access: "public",
    body: Type.Object({
      setupCode: Type.Optional(Type.String({ maxLength: 64, examples: ["7K2QD-9XJ4M-VR0TA-38HNE"] })),
      name,
      slug,
      type: Type.Optional(type),
      admin: Type.Object({
        fullName,
        username,
        email: Type.Optional(nullable(email)),
        password,
        timeZone: Type.Optional(timeZone),
        language: Type.Optional(language),
      }),
    }),
    answers: {
      201: Type.Object({
        organization,
        user: userShape,
        session: Type.Object({ token: Type.String(), expiresAt: timestamp(), deviceToken: Type.String() }),
      }),
    },
    refusals: [signUpClosed, setupCodeRefused, slugTaken, passwordRefused, passwordsBusy, invalidTimeZone],
    handle: ({ deps, body, client, around, newId }) =>
      createOrganization(
        deps,
        newId(),
        body,
        { address: client.address, userAgent: client.userAgent, deviceToken: client.cookie("device") },
        around,
      ),
    present: ({ organization, user, session }) =>
      answer(
        { organization: view(organization), user: userView(user, null), session },
        {
          cookies: {
            session: {
              value: session.token,
              maxAgeSeconds: (session.expiresAt.getTime() - Date.now()) / 1000,
            },
            device: { value: session.deviceToken, maxAgeSeconds: 90 * 86_400 },
          },
        },
      ),
  }),
  endpoint({
    method: "GET",
    path: "/v1/organization",
    tag: "organizations",
    summary: "Read your organization",
    access: members(),
    versioned: true,
    answers: { 200: organization },
    handle: ({ deps, actor }) => getOrganization(deps, actor),
    present: view,
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/organization",
    tag: "organizations",
    summary: "Change your organization",
    access: roles("admin"),
    versioned: true,
    body: Type.Object({
      name: Type.Optional(name),
      slug: Type.Optional(slug),
      type: Type.Optional(type),
      settings: Type.Optional(settings),
    }),
    answers: { 200: organization },
    refusals: [slugTaken],
    handle: ({ deps, actor, ifMatch, body }) => updateOrganization(deps, actor, ifMatch, body),
    present: view,
  }),
];

import { type Static, type TSchema, Type } from "@sinclair/typebox";
import type { Role } from "../actor.ts";
import { answer, endpoint } from "../http/endpoint.ts";
import {
  email,
  fullName,
  language,
  ownUserView,
  password,
  timeZone,
  username,
  userShape,
} from "../http/people.ts";
import { choice, filled, formed, nullable, SLUG_FORM, timestamp, uuid, version } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import { type OrganizationSettings, SETTING_NAMES, SETTINGS, type Setting } from "../settings.ts";
import {
  createOrganization,
  getOrganization,
  invalidTimeZone,
  ORGANIZATION_TYPES,
  type Organization,
  settingsContradictory,
  setupCodeRefused,
  signUpClosed,
  slugTaken,
  updateOrganization,
} from "./organizations.ts";

const name = filled({ maxLength: 200, examples: ["Springfield Elementary"] });
const slug = formed(SLUG_FORM, {
  pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
  minLength: 2,
  maxLength: 63,
  description: "What people type to say where they sign in.",
  examples: ["springfield"],
});
const type = choice(ORGANIZATION_TYPES, { examples: ["school"] });

/** The schema of a setting, read off its entry in the table. */
function schemaOf(setting: Setting): TSchema {
  const { initial, meaning } = setting;
  const options = { description: `${meaning} Default ${JSON.stringify(initial)}.` };
  if ("choices" in setting) return choice(setting.choices, options);
  if (!("minimum" in setting)) return Type.Boolean(options);
  const { minimum, maximum } = setting;
  const whole = Type.Integer({ minimum, maximum, ...("none" in setting ? {} : options) });
  return "none" in setting ? nullable(whole, options) : whole;
}

const schemas = SETTING_NAMES.map((name) => [name, schemaOf(SETTINGS[name])] as const);
// Built from a table, so that the library cannot know the type of each; the table's own type does.
const settingsPatch = Type.Unsafe<Partial<OrganizationSettings>>(
  Type.Object(Object.fromEntries(schemas.map(([name, schema]) => [name, Type.Optional(schema)]))),
);
const settings = Type.Unsafe<OrganizationSettings>(Type.Object(Object.fromEntries(schemas)));

const organization = Type.Object({
  id: uuid(),
  name,
  slug,
  type,
  status: Type.Union([Type.Literal("active"), Type.Literal("suspended"), Type.Literal("closed")]),
  settings: Type.Optional(settings),
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
});

/** What the organization has settled is for its admins: it tells what a guard allows. */
const view = (row: Organization, role: Role): Static<typeof organization> => ({
  id: row.id,
  name: row.name,
  slug: row.slug,
  type: row.type,
  status: row.status,
  ...(role === "admin" ? { settings: row.settings } : {}),
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
        { organization: view(organization, user.role), user: ownUserView(user), session },
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
    versioned: true,
    description: "Its settings, with the defaults filled in, are shown to admins only.",
    answers: { 200: organization },
    handle: ({ deps, actor }) => getOrganization(deps, actor),
    present: (row, { actor }) => view(row, actor.role),
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/organization",
    tag: "organizations",
    summary: "Change your organization",
    versioned: true,
    body: Type.Object({
      name: Type.Optional(name),
      slug: Type.Optional(slug),
      type: Type.Optional(type),
      settings: Type.Optional(settingsPatch),
    }),
    answers: { 200: organization },
    refusals: [slugTaken, settingsContradictory],
    handle: ({ deps, actor, ifMatch, body }) => updateOrganization(deps, actor, ifMatch, body),
    present: (row, { actor }) => view(row, actor.role),
  }),
];

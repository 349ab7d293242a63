/** How a person travels. Here and not in src/users, because signing in and founding an organization answer with one. */
import { type Static, Type } from "@sinclair/typebox";
import { ROLES } from "../actor.ts";
import { choice, nullable, timestamp, uuid, version } from "./wire.ts";

export const USER_STATUSES = ["active", "inactive", "suspended", "pending"] as const;

export const email = Type.String({
  format: "email",
  // What the database takes is narrower than the format: a domain with a dot, and no dot or dash out of place.
  pattern: "^(?!.*(\\.\\.|\\.@|@\\.|@-))(?!\\.)[^@\\s]{1,64}@[^@\\s]+\\.[^@.\\s]{2,}$",
  maxLength: 254,
  examples: ["ada@example.org"],
});
export const username = Type.String({
  pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
  description: "Letters, digits, dots, dashes and underscores; unique in the organization in any case.",
  examples: ["ada"],
});
export const fullName = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: "\\S",
  examples: ["Ada Lovelace"],
});
export const link = Type.String({
  // U+0085 is white space to PostgreSQL and none to JavaScript.
  pattern: "^https?://[^\\s\\u0085]+$",
  maxLength: 2048,
  examples: ["https://example.org/ada"],
});
export const timeZone = Type.String({
  pattern: "^[A-Za-z][A-Za-z0-9_+/-]{1,63}$",
  examples: ["Europe/Madrid"],
});
export const language = Type.String({ pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$", examples: ["en"] });
export const password = Type.String({ maxLength: 512, examples: ["a long sentence only I know"] });
export const externalId = Type.String({
  pattern: "^[^\\s\\u0000-\\u001f\\u007f-\\u009f]+$",
  minLength: 1,
  maxLength: 200,
  description: "What the school's other systems know the person by; unique in the organization.",
  examples: ["2026-0042"],
});
const words = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 100,
  examples: [["chess"]],
});
export const role = choice(ROLES, { examples: ["teacher"] });
export const status = choice(USER_STATUSES, { examples: ["active"] });

export const profile = Type.Object({
  bio: nullable(Type.String({ maxLength: 5000 })),
  dateOfBirth: nullable(
    Type.String({
      format: "date",
      pattern: "^(19|2\\d)\\d\\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$",
      examples: ["2012-03-04"],
    }),
  ),
  phone: nullable(Type.String({ pattern: "^\\+?[0-9][0-9 ()./-]{3,30}$", examples: ["+34 600 000 000"] })),
  website: nullable(link),
  codeUrl: nullable(link),
  professionalUrl: nullable(link),
  skills: words,
  interests: words,
});

/** A person as lists show them. */
export const userSummaryShape = Type.Object({
  id: uuid(),
  externalId: nullable(Type.String()),
  email: nullable(Type.String()),
  username: Type.String(),
  fullName: Type.String(),
  avatarUrl: nullable(Type.String()),
  role,
  status,
  emailVerifiedAt: nullable(timestamp()),
  timeZone: Type.String(),
  language: Type.String(),
  version: version(),
  createdAt: timestamp(),
  updatedAt: timestamp(),
  deletedAt: nullable(timestamp()),
});

/** A person as staff and they themselves see them. */
export const userShape = Type.Composite([
  userSummaryShape,
  Type.Object({
    createdById: nullable(uuid()),
    updatedById: nullable(uuid()),
    deletedById: nullable(uuid()),
    profile,
  }),
]);

export const newUserShape = Type.Object({
  fullName,
  username,
  externalId: Type.Optional(nullable(externalId)),
  email: Type.Optional(nullable(email)),
  password: Type.Optional(password),
  avatarUrl: Type.Optional(nullable(link)),
  role: Type.Optional(role),
  status: Type.Optional(status),
  timeZone: Type.Optional(timeZone),
  language: Type.Optional(language),
  profile: Type.Optional(Type.Partial(profile)),
});

type UserSummary = Static<typeof userSummaryShape>;
type UserWire = Static<typeof userShape>;
type Profile = UserWire["profile"];
/** What a door gives: all of it, and not to be changed. */
type UserRow = Readonly<Omit<UserWire, "profile">> & {
  readonly profile: Readonly<Omit<Profile, "skills" | "interests">> & {
    readonly skills: readonly string[];
    readonly interests: readonly string[];
  };
};

/** The wire shape, written out: a row that gains a column must not gain a field by itself. */
export function userView(user: UserRow): UserWire {
  return {
    ...userSummaryView(user),
    createdById: user.createdById,
    updatedById: user.updatedById,
    deletedById: user.deletedById,
    profile: {
      bio: user.profile.bio,
      dateOfBirth: user.profile.dateOfBirth,
      phone: user.profile.phone,
      website: user.profile.website,
      codeUrl: user.profile.codeUrl,
      professionalUrl: user.profile.professionalUrl,
      skills: [...user.profile.skills],
      interests: [...user.profile.interests],
    },
  };
}

export function userSummaryView(user: Readonly<UserSummary>): UserSummary {
  return {
    id: user.id,
    externalId: user.externalId,
    email: user.email,
    username: user.username,
    fullName: user.fullName,
    avatarUrl: user.avatarUrl,
    role: user.role,
    status: user.status,
    emailVerifiedAt: user.emailVerifiedAt,
    timeZone: user.timeZone,
    language: user.language,
    version: user.version,
    createdAt: user.createdAt,
    updatedAt: user.updatedAt,
    deletedAt: user.deletedAt,
  };
}

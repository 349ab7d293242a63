/** How a person travels. Here and not in src/users, because signing in and founding an organization answer with one. */
import { type Static, Type } from "@sinclair/typebox";
import { type Actor, ROLES } from "../actor.ts";
import { choice, filled, formed, nullable, timestamp, uuid, version } from "./wire.ts";

export const USER_STATUSES = ["active", "inactive", "suspended", "pending"] as const;

export const email = formed("must be an e-mail address", {
  format: "email",
  // What the database takes is narrower than the format: a domain with a dot, and no dot or dash out of place.
  pattern: "^(?!.*(\\.\\.|\\.@|@\\.|@-))(?!\\.)[^@\\s]{1,64}@[^@\\s]+\\.[^@.\\s]{2,}$",
  maxLength: 254,
  examples: ["ada@example.org"],
});
export const username = formed(
  "must be 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first and last",
  {
    pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$",
    description: "Unique in the organization in any case.",
    examples: ["ada"],
  },
);
export const fullName = filled({ maxLength: 200, examples: ["Ada Lovelace"] });
export const link = formed("must be a web address that begins with http:// or https://", {
  // U+0085 is white space to PostgreSQL and none to JavaScript.
  pattern: "^https?://[^\\s\\u0085]+$",
  maxLength: 2048,
  examples: ["https://example.org/ada"],
});
export const timeZone = formed("must be the name of a time zone, like Europe/Madrid", {
  pattern: "^[A-Za-z][A-Za-z0-9_+/-]{1,63}$",
  examples: ["Europe/Madrid"],
});
export const language = formed("must be a code of a language, like en or es-MX", {
  pattern: "^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$",
  examples: ["en"],
});
export const password = Type.String({ maxLength: 512, examples: ["a long sentence only I know"] });
export const externalId = formed("must have no white space and no control characters", {
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
    formed("must be a day of the calendar since 1900, like 2012-03-04", {
      format: "date",
      pattern: "^(19|2\\d)",
      examples: ["2012-03-04"],
    }),
  ),
  phone: nullable(
    formed("must be a telephone number: 4 to 31 digits, spaces and ()./-, with a + before them if you like", {
      pattern: "^\\+?[0-9][0-9 ()./-]{3,30}$",
      examples: ["+34 600 000 000"],
    }),
  ),
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

/** Of an adult, for admins and themselves alone. */
const PRIVATE = ["dateOfBirth", "phone"] as const;

/** A person as staff and they themselves see them. */
export const userShape = Type.Composite([
  userSummaryShape,
  Type.Object({
    createdById: nullable(uuid()),
    updatedById: nullable(uuid()),
    deletedById: nullable(uuid()),
    profile: Type.Composite([
      Type.Omit(profile, PRIVATE),
      Type.Partial(Type.Pick(profile, PRIVATE), {
        description: "`dateOfBirth` and `phone` of an adult are shown to admins and to the person alone.",
      }),
    ]),
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
/** What a door gives: all of it, and not to be changed. */
type UserRow = Readonly<Omit<UserWire, "profile">> & {
  readonly profile: Readonly<Omit<Static<typeof profile>, "skills" | "interests">> & {
    readonly skills: readonly string[];
    readonly interests: readonly string[];
  };
};

/**
 * The wire shape for who asks, written out: a row that gains a column must not gain a field by itself. Teachers are not
 * shown the date of birth and the telephone number of a colleague or a parent.
 */
export function userView(
  user: UserRow,
  { actor }: { readonly actor: Pick<Actor, "userId" | "role"> },
): UserWire {
  const { dateOfBirth, phone } = user.profile;
  const whole = user.role === "student" || actor.role === "admin" || actor.userId === user.id;
  return {
    ...userSummaryView(user),
    createdById: user.createdById,
    updatedById: user.updatedById,
    deletedById: user.deletedById,
    profile: {
      bio: user.profile.bio,
      ...(whole ? { dateOfBirth, phone } : {}),
      website: user.profile.website,
      codeUrl: user.profile.codeUrl,
      professionalUrl: user.profile.professionalUrl,
      skills: [...user.profile.skills],
      interests: [...user.profile.interests],
    },
  };
}

/** A person who has just come in, as they see themselves. */
export const ownUserView = (user: UserRow): UserWire =>
  userView(user, { actor: { userId: user.id, role: user.role } });

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

/** A person beside what they wrote. */
export const authorShape = Type.Object({
  id: uuid(),
  fullName: Type.String(),
  avatarUrl: nullable(Type.String()),
});

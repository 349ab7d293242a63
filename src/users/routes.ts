import { type Static, Type } from "@sinclair/typebox";
import { t } from "elysia";
import { notFound, oneKeyNeeded } from "../errors.ts";
import { endpoint } from "../http/endpoint.ts";
import {
  email,
  externalId,
  fullName,
  language,
  link,
  newUserShape,
  profile,
  role,
  status,
  timeZone,
  username,
  userShape,
  userSummaryShape,
  userSummaryView,
  userView,
} from "../http/people.ts";
import { choice, described, filled, moment, nullable, pageOf, timestamp, uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import { reauthenticationRequired } from "../permissions.ts";
import {
  ABOUT_A_PERSON,
  type AuditAction,
  countUsers,
  createUser,
  type Disclosure,
  deleteUser,
  emailTaken,
  erasureRequested,
  externalIdTaken,
  getSignIn,
  getUser,
  invalidTimeZone,
  lastAdmin,
  listDisclosures,
  listUsers,
  lookUpUser,
  quotaPeopleReached,
  restoreUser,
  statusNotReachable,
  USER_ORDERS,
  type UserFilter,
  updateUser,
  userNotDeleted,
  usernameTaken,
  userStatistics,
} from "./users.ts";

const ownPatch = Type.Object({
  fullName: Type.Optional(fullName),
  avatarUrl: Type.Optional(nullable(link)),
  timeZone: Type.Optional(timeZone),
  language: Type.Optional(language),
  profile: Type.Optional(Type.Partial(profile)),
});

const patch = Type.Composite([
  ownPatch,
  Type.Object({
    externalId: Type.Optional(nullable(externalId)),
    email: Type.Optional(nullable(email)),
    username: Type.Optional(username),
    status: Type.Optional(status),
  }),
]);

const params = t.Object({ id: uuid() });

const includeDeleted = t.Optional(t.Boolean({ description: "Admins only." }));

const filters = {
  role: t.Optional(Type.Array(role, { minItems: 1, maxItems: 4, description: "Any of these." })),
  status: t.Optional(Type.Array(status, { minItems: 1, maxItems: 4, description: "Any of these." })),
  text: t.Optional(
    filled({
      maxLength: 200,
      description:
        "Each word must begin a word of the name, the username or the e-mail address, in any case and without accents.",
      examples: ["lovel ad"],
    }),
  ),
  createdFrom: t.Optional(moment({ description: "Only people who were added at this moment or later." })),
  createdBefore: t.Optional(moment({ description: "Only people who were added before this moment." })),
  includeDeleted,
};

const filterOf = (query: Static<ReturnType<typeof t.Object<typeof filters>>>): UserFilter => ({
  roles: query.role ?? null,
  statuses: query.status ?? null,
  text: query.text ?? null,
  createdFrom: query.createdFrom === undefined ? null : new Date(query.createdFrom),
  createdBefore: query.createdBefore === undefined ? null : new Date(query.createdBefore),
  includeDeleted: query.includeDeleted ?? false,
});

const byRole = Type.Object({
  student: Type.Integer(),
  teacher: Type.Integer(),
  admin: Type.Integer(),
  parent: Type.Integer(),
});

const disclosure = Type.Object({
  at: timestamp(),
  action: choice(ABOUT_A_PERSON, { examples: ["user.read"] }),
  what: Type.String({
    description: "What of the person: their record, their sign-in, who looked at them.",
    examples: ["record"],
  }),
  actorId: nullable(uuid({ description: "Null for the system and its operator." })),
  role: nullable(Type.String({ description: "What they were then." })),
  purpose: nullable(
    Type.String({
      description: "Their interest: instruction, administration, guardianship or service.",
      examples: ["instruction"],
    }),
  ),
});

const disclosureView = (row: Disclosure): Static<typeof disclosure> => {
  const details = row.details as { readonly role?: string; readonly purpose?: string };
  return {
    at: row.createdAt,
    action: row.action as AuditAction,
    what: row.targetType ?? "record",
    actorId: row.actorId,
    // What was done to a person may name a role too: theirs.
    role: details.purpose === undefined ? null : (details.role ?? null),
    purpose: details.purpose ?? null,
  };
};

export const usersEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/me",
    tag: "users",
    summary: "Read yourself",
    versioned: true,
    answers: { 200: userShape },
    handle: ({ deps, actor }) => getUser(deps, actor, actor.userId),
    present: userView,
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/me",
    tag: "users",
    summary: "Change what describes you",
    description: "E-mail address, username, role and status are changed by an admin.",
    versioned: true,
    body: ownPatch,
    answers: { 200: userShape },
    refusals: [invalidTimeZone],
    handle: ({ deps, actor, ifMatch, body }) => updateUser(deps, actor, actor.userId, ifMatch, body),
    present: userView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users",
    tag: "users",
    summary: "List people",
    description: "Deleted people are left out unless an admin asks for them.",
    query: t.Object({
      ...filters,
      order: t.Optional(choice(USER_ORDERS, { description: "By when they were added, or by name." })),
    }),
    page: Type.Object({ id: uuid(), name: nullable(Type.String()) }),
    answers: { 200: pageOf(userSummaryShape) },
    handle: ({ deps, actor, query, page }) =>
      listUsers(deps, actor, filterOf(query), query.order ?? "oldest", page.after, page.limit),
    present: (found, { page }) => page.of(found, userSummaryView, ({ position }) => position),
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/count",
    tag: "users",
    summary: "Count the people of a list",
    query: t.Object(filters),
    answers: { 200: Type.Object({ count: Type.Integer({ examples: [312] }) }) },
    handle: ({ deps, actor, query }) => countUsers(deps, actor, filterOf(query)),
    present: (count) => ({ count }),
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/lookup",
    tag: "users",
    summary: "Find one person by what names them",
    description:
      "By exactly one of these names. With `includeDeleted`, where nobody has the name now, who of the deleted had it last.",
    query: t.Object({
      email: t.Optional(described(email, "Whose address this is, in any case.")),
      username: t.Optional(described(username, "Whose username this is, in any case.")),
      externalId: t.Optional(described(externalId, "Whom the school's other systems know by this.")),
      includeDeleted,
    }),
    versioned: true,
    answers: { 200: userShape },
    refusals: [oneKeyNeeded, notFound],
    handle: ({ deps, actor, query: { includeDeleted = false, ...key } }) =>
      lookUpUser(deps, actor, key, { includeDeleted }),
    present: userView,
  }),
  endpoint({
    method: "POST",
    path: "/v1/users",
    tag: "users",
    summary: "Add a person",
    description: "With profile and password in one go. A pupil needs no e-mail address.",
    versioned: true,
    body: newUserShape,
    answers: { 201: userShape },
    refusals: [
      emailTaken,
      quotaPeopleReached,
      usernameTaken,
      externalIdTaken,
      passwordRefused,
      passwordsBusy,
      invalidTimeZone,
      reauthenticationRequired,
    ],
    handle: ({ deps, actor, body }) => createUser(deps, actor, body),
    present: userView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/statistics",
    tag: "users",
    summary: "Count people",
    answers: {
      200: Type.Object({
        total: Type.Integer(),
        active: Type.Integer(),
        byRole,
        byStatus: Type.Object({
          active: Type.Integer(),
          inactive: Type.Integer(),
          suspended: Type.Integer(),
          pending: Type.Integer(),
        }),
        createdLast30Days: Type.Integer(),
        createdLast30DaysByRole: byRole,
      }),
    },
    handle: ({ deps, actor }) => userStatistics(deps, actor),
    present: (statistics) => statistics,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/:id",
    tag: "users",
    summary: "Read a person",
    description: "A deleted one as well, where an admin asks for it: before restoring them.",
    params,
    query: t.Object({ includeDeleted }),
    versioned: true,
    answers: { 200: userShape },
    handle: ({ deps, actor, params, query: { includeDeleted = false } }) =>
      getUser(deps, actor, params.id, { includeDeleted }),
    present: userView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/:id/sign-in",
    tag: "users",
    summary: "Read how a person signs in",
    description:
      "Attempts and locks change by themselves: they are no part of the person, and have no version.",
    params,
    answers: {
      200: Type.Object({
        hasPassword: Type.Boolean(),
        passwordChangedAt: nullable(timestamp()),
        passwordSetById: nullable(
          uuid({
            description: "Who gave it to them, and so may know it; null when they chose it themselves.",
          }),
        ),
        lastLoginAt: nullable(timestamp()),
        lastLoginIp: nullable(Type.String()),
        failedLoginCount: Type.Integer({ description: "Since the last success." }),
        locked: Type.Boolean(),
        lockedUntil: nullable(timestamp()),
      }),
    },
    handle: ({ deps, actor, params }) => getSignIn(deps, actor, params.id),
    present: (signIn) => signIn,
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/users/:id",
    tag: "users",
    summary: "Change a person",
    params,
    versioned: true,
    body: patch,
    answers: { 200: userShape },
    refusals: [
      emailTaken,
      usernameTaken,
      externalIdTaken,
      lastAdmin,
      statusNotReachable,
      invalidTimeZone,
      reauthenticationRequired,
    ],
    handle: ({ deps, actor, params, ifMatch, body }) => updateUser(deps, actor, params.id, ifMatch, body),
    present: userView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/users/:id",
    tag: "users",
    summary: "Delete a person",
    description: "Softly: they are signed out and out of sight, and can be restored.",
    params,
    versioned: true,
    answers: { 204: null },
    refusals: [lastAdmin],
    handle: ({ deps, actor, params, ifMatch }) => deleteUser(deps, actor, params.id, ifMatch),
    present: () => undefined,
  }),
  endpoint({
    method: "POST",
    path: "/v1/users/:id/restore",
    tag: "users",
    summary: "Restore a deleted person",
    params,
    versioned: true,
    answers: { 200: userShape },
    refusals: [
      userNotDeleted,
      emailTaken,
      usernameTaken,
      externalIdTaken,
      quotaPeopleReached,
      erasureRequested,
    ],
    handle: ({ deps, actor, params, ifMatch }) => restoreUser(deps, actor, params.id, ifMatch),
    present: userView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/:id/disclosures",
    tag: "users",
    summary: "List who looked at or changed a person",
    description:
      "Newest first: who else was shown this person, when, as what and why, who took their data along (34 CFR 99.32), and who changed something of theirs. People may ask it of themselves, admins also of somebody deleted or erased.",
    params,
    page: Type.Integer({ minimum: 1 }),
    answers: { 200: pageOf(disclosure) },
    handle: ({ deps, actor, params, page }) =>
      listDisclosures(deps, actor, params.id, page.after, page.limit),
    present: (found, { page }) => page.of(found, disclosureView, ({ sequence }) => sequence),
  }),
];

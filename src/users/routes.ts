import { Type } from "@sinclair/typebox";
import { t } from "elysia";
import { endpoint, members, roles } from "../http/endpoint.ts";
import {
  email,
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
import { nullable, pageOf, uuid } from "../http/wire.ts";
import { passwordRefused, passwordsBusy } from "../passwords.ts";
import {
  changeRole,
  createUser,
  deleteUser,
  emailTaken,
  getUser,
  invalidTimeZone,
  lastAdmin,
  listUsers,
  restoreUser,
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
    email: Type.Optional(nullable(email)),
    username: Type.Optional(username),
    status: Type.Optional(status),
  }),
]);

const params = t.Object({ id: uuid() });

export const usersEndpoints = [
  endpoint({
    method: "GET",
    path: "/v1/me",
    tag: "users",
    summary: "Read yourself",
    access: members(),
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
    access: members(),
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
    description:
      "In the order in which they were created. Deleted people are left out unless an admin asks for them.",
    access: roles("teacher", "admin"),
    query: t.Object({
      role: t.Optional(role),
      status: t.Optional(status),
      includeDeleted: t.Optional(t.Boolean({ description: "Admins only." })),
    }),
    page: uuid(),
    answers: { 200: pageOf(userSummaryShape) },
    handle: ({ deps, actor, query, page }) =>
      listUsers(
        deps,
        actor,
        {
          role: query.role ?? null,
          status: query.status ?? null,
          includeDeleted: query.includeDeleted ?? false,
        },
        page.after,
        page.limit,
      ),
    present: (found, { page }) => {
      const items = found.slice(0, page.limit);
      return page.answer(
        items.map(userSummaryView),
        found.length > items.length ? (items.at(-1)?.id ?? null) : null,
      );
    },
  }),
  endpoint({
    method: "POST",
    path: "/v1/users",
    tag: "users",
    summary: "Add a person",
    description: "With profile and password in one go. A pupil needs no e-mail address.",
    access: roles("admin"),
    versioned: true,
    body: newUserShape,
    answers: { 201: userShape },
    refusals: [emailTaken, usernameTaken, passwordRefused, passwordsBusy, invalidTimeZone],
    handle: ({ deps, actor, body }) => createUser(deps, actor, body),
    present: userView,
  }),
  endpoint({
    method: "GET",
    path: "/v1/users/statistics",
    tag: "users",
    summary: "Count people",
    access: roles("teacher", "admin"),
    answers: {
      200: Type.Object({
        total: Type.Integer(),
        active: Type.Integer(),
        byRole: Type.Object({
          student: Type.Integer(),
          teacher: Type.Integer(),
          admin: Type.Integer(),
          parent: Type.Integer(),
        }),
        createdLast30Days: Type.Integer(),
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
    access: members(),
    params,
    versioned: true,
    answers: { 200: userShape },
    handle: ({ deps, actor, params }) => getUser(deps, actor, params.id),
    present: userView,
  }),
  endpoint({
    method: "PATCH",
    path: "/v1/users/:id",
    tag: "users",
    summary: "Change a person",
    access: roles("admin"),
    params,
    versioned: true,
    body: patch,
    answers: { 200: userShape },
    refusals: [emailTaken, usernameTaken, lastAdmin, invalidTimeZone],
    handle: ({ deps, actor, params, ifMatch, body }) => updateUser(deps, actor, params.id, ifMatch, body),
    present: userView,
  }),
  endpoint({
    method: "PUT",
    path: "/v1/users/:id/role",
    tag: "users",
    summary: "Give a person another role",
    description: "Signs the person out everywhere.",
    access: roles("admin"),
    params,
    versioned: true,
    body: Type.Object({ role }),
    answers: { 200: userShape },
    refusals: [lastAdmin],
    handle: ({ deps, actor, params, ifMatch, body }) =>
      changeRole(deps, actor, params.id, ifMatch, body.role),
    present: userView,
  }),
  endpoint({
    method: "DELETE",
    path: "/v1/users/:id",
    tag: "users",
    summary: "Delete a person",
    description: "Softly: they are signed out and out of sight, and can be restored.",
    access: roles("admin"),
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
    access: roles("admin"),
    params,
    versioned: true,
    answers: { 200: userShape },
    refusals: [userNotDeleted, emailTaken, usernameTaken],
    handle: ({ deps, actor, params, ifMatch }) => restoreUser(deps, actor, params.id, ifMatch),
    present: userView,
  }),
];

/**
 * Who may do what: one row for each operation, by role. The shell refuses what a row does not allow before it looks
 * anything up; where a row says `own`, the door asks `mayAct` once it knows whose the thing is. An operation without a
 * row does not compile, and neither an operation without a row nor a row without an operation starts.
 */
import { type Actor, ROLES, type Role } from "./actor.ts";
import { forbidden, notFound, type Refusal, type RefusalType, refusal } from "./errors.ts";

/** `any`: whatever of it the person may see. `own`: what is theirs: their account, what they have written. */
export type Right = "any" | "own" | "no";

/** What an API key can be made for. */
export const SCOPES = [
  "organization:read",
  "users:read",
  "users:write",
  "contents:read",
  "contents:write",
  "security:read",
] as const;
export type Scope = (typeof SCOPES)[number];

export interface Rule {
  readonly rights: Readonly<Record<Role, Right>>;
  /** With which scope an API key may do it; null: no API key may. */
  readonly scope: Scope | null;
  /** It needs a password or a second factor given within the last five minutes. No API key can do that. */
  readonly fresh: boolean;
  /** It needs one when it is about staff, or makes somebody staff: whoever has staff has everybody else. */
  readonly freshForStaff: boolean;
  /** Also for somebody whose role needs a second factor and who has none yet. */
  readonly enrolling: boolean;
}

/** `public`: anybody, signed in or not. */
export type Access = "public" | Rule;

type Mark = Scope | "fresh" | "fresh:staff" | "enrolling";

/** A row of the table. */
function may(student: Right, teacher: Right, admin: Right, parent: Right, ...marks: readonly Mark[]): Rule {
  return {
    rights: { student, teacher, admin, parent },
    scope: SCOPES.find((scope) => marks.includes(scope)) ?? null,
    fresh: marks.includes("fresh"),
    freshForStaff: marks.includes("fresh:staff"),
    enrolling: marks.includes("enrolling"),
  };
}

// biome-ignore format: a table is read by its columns.
export const permissions = {
  //                                            student, teacher, admin, parent; scope of API keys, marks
  "POST /v1/organizations":                     "public",
  "GET /v1/organization":                       may("any", "any", "any", "any", "organization:read", "enrolling"),
  "PATCH /v1/organization":                     may("no",  "no",  "any", "no",  "fresh"),
  "GET /v1/organization/usage":                 may("no",  "no",  "any", "no",  "organization:read"),
  "GET /v1/organization/sign-up-codes":         may("no",  "no",  "any", "no",  "organization:read"),
  "POST /v1/organization/sign-up-codes":        may("no",  "no",  "any", "no",  "fresh"),
  "DELETE /v1/organization/sign-up-codes/:id":  may("no",  "no",  "any", "no"),
  "POST /v1/sign-ups":                          "public",

  "POST /v1/sessions":                          "public",
  "POST /v1/sessions/second-factor":            "public",
  "POST /v1/sessions/refresh":                  "public",
  "GET /v1/sessions":                           may("own", "own", "own", "own"),
  "DELETE /v1/sessions":                        may("own", "own", "own", "own"),
  "GET /v1/sessions/current":                   may("own", "own", "own", "own", "enrolling"),
  "DELETE /v1/sessions/current":                may("own", "own", "own", "own", "enrolling"),
  "DELETE /v1/sessions/:id":                    may("own", "own", "own", "own"),
  "POST /v1/sessions/current/reauthentication": may("own", "own", "own", "own", "enrolling"),
  "GET /v1/users/:id/sessions":                 may("no",  "no",  "any", "no"),
  "DELETE /v1/users/:id/sessions":              may("no",  "no",  "any", "no"),
  "GET /v1/me/second-factor":                   may("own", "own", "own", "own", "enrolling"),
  "POST /v1/me/second-factor":                  may("own", "own", "own", "own", "fresh", "enrolling"),
  "POST /v1/me/second-factor/confirmation":     may("own", "own", "own", "own", "fresh", "enrolling"),
  "POST /v1/me/second-factor/recovery-codes":   may("own", "own", "own", "own", "fresh"),
  "DELETE /v1/me/second-factor":                may("own", "own", "own", "own", "fresh"),
  "DELETE /v1/users/:id/second-factor":         may("no",  "no",  "any", "no",  "fresh"),
  "PUT /v1/me/password":                        may("own", "own", "own", "own", "fresh"),

  "GET /v1/me":                                 may("own", "own", "own", "own", "users:read", "enrolling"),
  "GET /v1/me/permissions":                     may("own", "own", "own", "own", "users:read", "enrolling"),
  "PATCH /v1/me":                               may("own", "own", "own", "own"),
  "GET /v1/users":                              may("no",  "any", "any", "no",  "users:read"),
  "POST /v1/users":                             may("no",  "no",  "any", "no",  "users:write", "fresh:staff"),
  "GET /v1/users/count":                        may("no",  "any", "any", "no",  "users:read"),
  "GET /v1/users/lookup":                       may("no",  "any", "any", "no",  "users:read"),
  "POST /v1/users/import":                      may("no",  "no",  "any", "no",  "users:write"),
  "GET /v1/users/imports/:id":                  may("no",  "no",  "any", "no",  "users:read"),
  "DELETE /v1/users/imports/:id":               may("no",  "no",  "any", "no",  "users:write"),
  "GET /v1/users/imports/:id/lines":            may("no",  "no",  "any", "no",  "users:read"),
  "GET /v1/users/statistics":                   may("no",  "any", "any", "no",  "users:read"),
  "GET /v1/users/:id":                          may("own", "any", "any", "own", "users:read"),
  "GET /v1/users/:id/sign-in":                  may("own", "own", "any", "own", "users:read"),
  "GET /v1/users/:id/disclosures":              may("own", "own", "any", "own"),
  "PATCH /v1/users/:id":                        may("no",  "no",  "any", "no",  "users:write", "fresh:staff"),
  "PUT /v1/users/:id/role":                     may("no",  "no",  "any", "no",  "fresh"),
  "PUT /v1/users/:id/password":                 may("no",  "any", "any", "no",  "fresh"),
  "DELETE /v1/users/:id":                       may("no",  "no",  "any", "no",  "users:write", "fresh:staff"),
  "POST /v1/users/:id/restore":                 may("no",  "no",  "any", "no",  "users:write", "fresh:staff"),
  "POST /v1/users/:id/unlock":                  may("no",  "no",  "any", "no",  "fresh"),
  "POST /v1/users/:id/exports":                 may("own", "own", "any", "own", "fresh"),
  "POST /v1/users/:id/erasure":                 may("no",  "no",  "any", "no",  "fresh"),
  "GET /v1/users/:id/erasure":                  may("no",  "no",  "any", "no"),
  "GET /v1/erasures":                           may("no",  "no",  "any", "no"),

  "POST /v1/password-resets":                   "public",
  "POST /v1/password-resets/consume":           "public",
  "POST /v1/email-verifications":               "public",
  "POST /v1/email-verifications/consume":       "public",
  "POST /v1/invitations/consume":               "public",
  "POST /v1/email-changes/consume":             "public",
  "POST /v1/me/email-verification":             may("own", "own", "own", "own", "enrolling"),
  "PUT /v1/me/email":                           may("own", "own", "own", "own", "fresh"),
  "POST /v1/users/:id/invitation":              may("no",  "no",  "any", "no",  "users:write"),

  "GET /v1/contents":                           may("any", "any", "any", "any", "contents:read"),
  "POST /v1/contents":                          may("no",  "any", "any", "no",  "contents:write"),
  "POST /v1/contents/batches/create":           may("no",  "any", "any", "no",  "contents:write"),
  "POST /v1/contents/batches/update":           may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/batches/publish":          may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/batches/delete":           may("no",  "own", "any", "no",  "contents:write"),
  "GET /v1/contents/lookup":                    may("any", "any", "any", "any", "contents:read"),
  "GET /v1/contents/:id":                       may("any", "any", "any", "any", "contents:read"),
  "PATCH /v1/contents/:id":                     may("no",  "own", "any", "no",  "contents:write"),
  "DELETE /v1/contents/:id":                    may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/publish":              may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/unpublish":            may("no",  "own", "any", "no",  "contents:write"),
  "PUT /v1/contents/:id/schedule":              may("no",  "own", "any", "no",  "contents:write"),
  "DELETE /v1/contents/:id/schedule":           may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/submit":               may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/withdraw":             may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/approve":              may("no",  "any", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/reject":               may("no",  "any", "any", "no",  "contents:write"),
  "GET /v1/contents/:id/reviews":               may("no",  "any", "any", "no",  "contents:read"),
  "GET /v1/reviews":                            may("no",  "any", "any", "no",  "contents:read"),
  "POST /v1/contents/:id/archive":              may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/unarchive":            may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/restore":              may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/contents/:id/purge":                may("no",  "no",  "any", "no",  "fresh"),
  "GET /v1/contents/:id/history":               may("no",  "any", "any", "no",  "contents:read"),
  "GET /v1/contents/:id/versions":              may("no",  "any", "any", "no",  "contents:read"),
  "GET /v1/contents/:id/versions/:number":      may("no",  "any", "any", "no",  "contents:read"),
  "GET /v1/contents/:id/versions/:number/diff": may("no",  "any", "any", "no",  "contents:read"),
  "POST /v1/contents/:id/versions/:number/restore": may("no",  "own", "any", "no",  "contents:write"),
  "GET /v1/contents/:id/attachments":           may("any", "any", "any", "any", "contents:read"),
  "POST /v1/contents/:id/attachments":          may("no",  "own", "any", "no",  "contents:write"),
  "PUT /v1/contents/:id/attachments/order":     may("no",  "own", "any", "no",  "contents:write"),
  "GET /v1/attachments/:id":                    may("any", "any", "any", "any", "contents:read"),
  "GET /v1/attachments/:id/bytes":              may("any", "any", "any", "any", "contents:read"),
  "POST /v1/attachments/:id/urls":              may("any", "any", "any", "any", "contents:read"),
  "GET /v1/files/:token":                       "public",
  "PATCH /v1/attachments/:id":                  may("no",  "own", "any", "no",  "contents:write"),
  "DELETE /v1/attachments/:id":                 may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/attachments/:id/restore":           may("no",  "own", "any", "no",  "contents:write"),
  "GET /v1/search":                             may("any", "any", "any", "any", "contents:read"),

  "GET /v1/contents/:id/rating":                may("any", "any", "any", "any", "contents:read"),
  "PUT /v1/contents/:id/rating":                may("any", "any", "any", "any", "contents:write"),
  "DELETE /v1/contents/:id/rating":             may("any", "any", "any", "any", "contents:write"),
  "GET /v1/contents/:id/ratings":               may("any", "any", "any", "any", "contents:read"),
  "GET /v1/ratings/:id":                        may("any", "any", "any", "any", "contents:read"),
  "PUT /v1/ratings/:id/helpful":                may("any", "any", "any", "any", "contents:write"),
  "DELETE /v1/ratings/:id/helpful":             may("any", "any", "any", "any", "contents:write"),
  "PUT /v1/ratings/:id/hidden":                 may("no",  "own", "any", "no",  "contents:write"),
  "DELETE /v1/ratings/:id/hidden":              may("no",  "own", "any", "no",  "contents:write"),

  "POST /v1/contents/:id/views":                may("any", "any", "any", "any", "contents:write"),
  "POST /v1/contents/:id/completion":           may("any", "any", "any", "any", "contents:write"),
  "DELETE /v1/contents/:id/completion":         may("any", "any", "any", "any", "contents:write"),
  "GET /v1/contents/:id/completions":           may("no",  "own", "any", "no",  "contents:read"),
  "GET /v1/contents/:id/statistics":            may("any", "any", "any", "any", "contents:read"),
  "GET /v1/me/completions":                     may("own", "own", "own", "own", "contents:read"),

  "GET /v1/contents/:id/comments":              may("any", "any", "any", "any", "contents:read"),
  "POST /v1/contents/:id/comments":             may("any", "any", "any", "no",  "contents:write"),
  "GET /v1/me/comments":                        may("own", "own", "own", "own", "contents:read"),
  "GET /v1/comments":                           may("no",  "own", "any", "no",  "contents:read"),
  "GET /v1/comments/:id":                       may("any", "any", "any", "any", "contents:read"),
  "PATCH /v1/comments/:id":                     may("own", "own", "own", "no",  "contents:write"),
  "DELETE /v1/comments/:id":                    may("own", "own", "any", "no",  "contents:write"),
  "POST /v1/comments/:id/restore":              may("own", "own", "any", "no",  "contents:write"),
  "GET /v1/comments/:id/replies":               may("any", "any", "any", "any", "contents:read"),
  "GET /v1/comments/:id/history":               may("own", "any", "any", "no",  "contents:read"),
  "PUT /v1/comments/:id/upvote":                may("any", "any", "any", "no",  "contents:write"),
  "DELETE /v1/comments/:id/upvote":             may("any", "any", "any", "no",  "contents:write"),
  "POST /v1/comments/:id/flags":                may("any", "any", "any", "any", "contents:write"),
  "GET /v1/comments/:id/flags":                 may("no",  "own", "any", "no",  "contents:read"),
  "POST /v1/comments/:id/approve":              may("no",  "own", "any", "no",  "contents:write"),
  "POST /v1/comments/:id/reject":               may("no",  "own", "any", "no",  "contents:write"),

  "GET /v1/tags":                              may("any", "any", "any", "any", "contents:read"),
  "POST /v1/tags/rename":                      may("no",  "no",  "any", "no",  "contents:write"),
  "GET /v1/tags/renames/:id":                  may("no",  "no",  "any", "no",  "contents:read"),
  "GET /v1/skills":                            may("no",  "any", "any", "no",  "users:read"),
  "POST /v1/skills/rename":                    may("no",  "no",  "any", "no",  "users:write"),
  "GET /v1/skills/renames/:id":                may("no",  "no",  "any", "no",  "users:read"),

  "GET /v1/api-keys":                           may("no",  "no",  "any", "no"),
  "POST /v1/api-keys":                          may("no",  "no",  "own", "no",  "fresh"),
  "DELETE /v1/api-keys/:id":                    may("no",  "no",  "any", "no"),

  "GET /v1/security/events":                    may("no",  "no",  "any", "no",  "security:read"),
  "GET /v1/audit-events":                       may("no",  "no",  "any", "no",  "security:read"),
  "GET /v1/security/attacks":                   may("no",  "no",  "any", "no",  "security:read"),
} as const satisfies Readonly<Record<string, Access>>;

/** `GET /v1/me`: an operation of the table. */
export type Operation = keyof typeof permissions;
export type MemberOperation = {
  [O in Operation]: (typeof permissions)[O] extends "public" ? never : O;
}[Operation];
/** The rule of an operation, as far as the types know it. */
export type AccessOf<O extends string> = O extends Operation ? (typeof permissions)[O] : never;

/** How long a proof of who somebody is counts as fresh, in seconds. */
export const FRESH_SECONDS = 300;

export const reauthenticationRequired = refusal(
  "forbidden",
  "reauthentication_required",
  "Prove again who you are: this needs a password or a second factor given within five minutes",
  "Send one to POST /v1/sessions/current/reauthentication, then ask again with the token it answers.",
);
export const secondFactorRequired = refusal(
  "forbidden",
  "second_factor_enrolment_required",
  "Set up a second factor first: people of your role need one",
  "Begin with POST /v1/me/second-factor, then confirm it with a code.",
);
export const apiKeyNotAllowed = refusal(
  "forbidden",
  "api_key_not_allowed",
  "The API key was not made for this",
);

/**
 * Lets an actor in by their role, and by what their credential is good for. Refuses with `forbidden`,
 * `api_key_not_allowed`, `second_factor_enrolment_required`, `reauthentication_required`.
 */
export function authorize(rule: Rule, actor: Actor): void {
  const refused = refusalOf(rule, actor);
  if (refused !== null) throw refused;
  if (rule.fresh) requireFresh(actor);
}

/** Why not, whenever they gave their password; null: they may. */
function refusalOf(rule: Rule, actor: Actor): Refusal | null {
  if (rule.rights[actor.role] === "no") return forbidden();
  if (actor.credential === "api_key") {
    if (rule.scope === null || rule.fresh) return apiKeyNotAllowed({ detail: "No API key may do this." });
    if (!actor.scopes?.includes(rule.scope)) return apiKeyNotAllowed({ detail: `It needs ${rule.scope}.` });
  }
  return actor.mustEnrol && !rule.enrolling ? secondFactorRequired() : null;
}

export interface Allowed {
  readonly operation: MemberOperation;
  readonly right: Exclude<Right, "no">;
  readonly fresh: boolean;
  readonly freshForStaff: boolean;
}

/** What an actor may do that not everybody may, in the order of the table. */
export function allowedTo(actor: Actor): readonly Allowed[] {
  const allowed: Allowed[] = [];
  for (const [operation, rule] of Object.entries(permissions) as readonly (readonly [Operation, Access])[]) {
    if (rule === "public" || refusalOf(rule, actor) !== null) continue;
    const right = rule.rights[actor.role];
    if (right === "no") continue;
    const { fresh, freshForStaff } = rule;
    allowed.push({ operation: operation as MemberOperation, right, fresh, freshForStaff });
  }
  return allowed;
}

/**
 * For a door where only some uses need a fresh proof. Refuses with `reauthentication_required`, and an API key with
 * `api_key_not_allowed`, since it cannot give one.
 */
export function requireFresh(actor: Actor): void {
  if (actor.credential === "api_key") throw apiKeyNotAllowed();
  if (!actor.fresh) throw reauthenticationRequired();
}

/** Whether a role has power over others: over the passwords of all students, at the least. */
export const isStaff = (role: Role): boolean => role === "teacher" || role === "admin";

/** As `requireFresh`, for an operation marked `fresh:staff` that is about somebody of this role. */
export function requireFreshForStaff(actor: Actor, role: Role): void {
  if (isStaff(role)) requireFresh(actor);
}

/** Whether the actor may do this with something of `ownerId`'s; null when it is nobody's. */
export function mayAct(
  actor: Pick<Actor, "role" | "userId">,
  operation: MemberOperation,
  ownerId: string | null,
): boolean {
  const right = permissions[operation].rights[actor.role];
  return right === "any" || (right === "own" && ownerId === actor.userId);
}

/**
 * As `mayAct`, for a thing that not everybody may see. Refuses with `not_found` what the actor may not do `seeing` with
 * either, with `forbidden` what they may only see.
 */
export function requireRight(
  actor: Pick<Actor, "role" | "userId">,
  operation: MemberOperation,
  ownerId: string | null,
  seeing: MemberOperation,
): void {
  if (mayAct(actor, operation, ownerId)) return;
  throw mayAct(actor, seeing, ownerId) ? forbidden() : notFound();
}

/** How an operation with this rule can refuse because of who asks. `ofOne`: it is about something with an id. */
export function refusalsOfAccess(rule: Rule, ofOne: boolean): readonly RefusalType[] {
  const closed: readonly Right[] = ofOne ? ["no", "own"] : ["no"];
  return [
    ...(ROLES.some((role) => closed.includes(rule.rights[role])) ? [forbidden] : []),
    apiKeyNotAllowed,
    ...(rule.enrolling ? [] : [secondFactorRequired]),
    ...(rule.fresh || rule.freshForStaff ? [reauthenticationRequired] : []),
  ];
}

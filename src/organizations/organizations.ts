/** Founding an organization, and what its own admins may read and change of it. */
import type { Actor, Around } from "../actor.ts";
import { audit, auditIn } from "../audit/audit.ts";
import { cached } from "../cache.ts";
import { SYSTEM_CHAIN } from "../chain.ts";
import { newCode, normalizeCode } from "../codes.ts";
import { changed, onConstraint, readTenant, withSystem, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { inUse, notFound, refusal } from "../errors.ts";
import { type OpenedSession, openSessionIn } from "../sessions/sessions.ts";
import {
  contradictions,
  DEFAULT_SETTINGS,
  type OrganizationSettings,
  passwordMinimum,
  SETTING_NAMES,
} from "../settings.ts";
import { insertUserIn, prepareUser, type User, type UserInput } from "../users/users.ts";
import { type ExpectedVersion, requireVersion } from "../versions.ts";
import type { Organization, OrganizationStatus, OrganizationType } from "./repository.ts";
import * as rows from "./repository.ts";

export { invalidTimeZone } from "../users/users.ts";
export {
  ORGANIZATION_STATUSES,
  ORGANIZATION_TYPES,
  type Organization,
  type OrganizationStatus,
  type OrganizationType,
} from "./repository.ts";

export const slugTaken = refusal("conflict", "organization_slug_taken", "Another organization has this slug");
const SLUG_TAKEN = { organization_slug_unique: () => slugTaken(inUse("slug")) };
export const signUpClosed = refusal("forbidden", "sign_up_closed", "Organizations cannot be created here");
export const setupCodeRefused = refusal(
  "forbidden",
  "setup_code_refused",
  "The set-up code is missing, wrong or used up",
);

export const settingsContradictory = refusal(
  "invalid",
  "settings_contradictory",
  "These settings make no sense together",
);

export interface OrganizationInput {
  readonly setupCode?: string;
  readonly name: string;
  readonly slug: string;
  readonly type?: OrganizationType;
  readonly admin: Pick<UserInput, "fullName" | "username" | "email" | "timeZone" | "language"> & {
    readonly password: string;
  };
}

/** What concerns no organization has a chain of its own. */
const OPERATOR = { organizationId: SYSTEM_CHAIN, userId: null };

export interface Founded {
  readonly organization: Organization;
  readonly user: User;
  readonly session: OpenedSession;
}

/**
 * Founds an organization with its first admin, who is signed in at once. `organizationId` is the one it gets. Refuses
 * with `sign_up_closed`, `setup_code_refused`, `organization_slug_taken`, `password_refused`, `passwords_busy`,
 * `invalid_time_zone`. The set-up code is used up only if all of it succeeds.
 */
export async function createOrganization(
  deps: Deps,
  organizationId: string,
  input: OrganizationInput,
  origin: Origin,
  around?: Around,
): Promise<Founded> {
  const { signUp } = deps.config;
  if (signUp === "closed") throw signUpClosed();
  const refuse = async () => {
    await audit(deps, OPERATOR, { action: "setup_code.refused", outcome: "refused", origin });
    return setupCodeRefused();
  };
  if (signUp === "code" && input.setupCode === undefined) throw await refuse();
  const hashes =
    input.setupCode === undefined ? [] : deps.keys.macs("setup-code", normalizeCode(input.setupCode));
  // Before the password is hashed: that costs a core tens of milliseconds, and anybody can send a made-up code.
  if (signUp === "code") {
    const known = await readTenant(deps.db, { organizationId, userId: null }, (tx) =>
      rows.existsSetupCode(tx, hashes),
    );
    if (!known) throw await refuse();
  }
  const admin = await prepareUser(
    deps,
    { ...input.admin, role: "admin", status: "active" },
    {
      pointer: "#/admin",
      minimum: passwordMinimum(DEFAULT_SETTINGS, "admin"),
      names: [input.name, input.slug],
    },
  );
  const tenant = { organizationId, userId: null, origin, ...(around === undefined ? {} : { around }) };
  return withTenant(deps.db, tenant, async (tx) => {
    const claimed = await rows.claimSetupCodes(tx, hashes);
    const accepted = claimed.some((code) => hashes.some((hash) => Buffer.compare(code, hash) === 0));
    if (signUp === "code" && !accepted) throw setupCodeRefused();
    const organization = await onConstraint(tx, SLUG_TAKEN, (inner) =>
      rows.insert(inner, organizationId, {
        name: input.name,
        slug: input.slug,
        type: input.type ?? "school",
        settings: {},
      }),
    );
    await auditIn(tx, organizationId, {
      action: "organization.created",
      outcome: "success",
      targetType: "organization",
      targetId: organizationId,
      details: { signUp, type: organization.type },
    });
    const user = await insertUserIn(tx, organizationId, admin);
    const session = await openSessionIn(deps, tx, organizationId, user, origin);
    changed(tx, "organization");
    return { organization, user, session };
  });
}

/** The actor's organization. */
export async function getOrganization(deps: Deps, actor: Actor): Promise<Organization> {
  const { organizationId } = actor;
  const organization = await cached(
    deps.cache,
    {
      organizationId,
      visibility: "member",
      topic: "organization",
      generation: actor.generations.organization,
      args: { read: "organizations.get" },
    },
    async () => readTenant(deps.db, actor, (tx) => rows.find(tx, organizationId)),
  );
  if (organization === null) throw notFound();
  return organization;
}

export interface OrganizationPatch {
  readonly name?: string;
  readonly slug?: string;
  readonly type?: OrganizationType;
  readonly settings?: Partial<OrganizationSettings>;
}

/**
 * Changes what is given of the actor's organization. Refuses with `stale`, `organization_slug_taken` and, for settings
 * that contradict each other once these are taken over, `settings_contradictory`.
 */
export async function updateOrganization(
  deps: Deps,
  actor: Actor,
  expected: ExpectedVersion,
  patch: OrganizationPatch,
): Promise<Organization> {
  const { organizationId } = actor;
  return withTenant(deps.db, actor, async (tx) => {
    const before = await rows.lock(tx, organizationId);
    if (before === null) throw notFound();
    requireVersion(expected, before.version);
    const contradictory = contradictions({ ...before.settings, ...patch.settings });
    if (contradictory.length > 0) {
      throw settingsContradictory({
        errors: contradictory.map(({ name, detail }) => ({ pointer: `#/settings/${name}`, detail })),
      });
    }
    const settings = { ...before.stored, ...patch.settings };
    const organization = await onConstraint(tx, SLUG_TAKEN, (inner) =>
      rows.update(inner, organizationId, {
        name: patch.name ?? before.name,
        slug: patch.slug ?? before.slug,
        type: patch.type ?? before.type,
        settings,
      }),
    );
    await auditIn(tx, organizationId, {
      action: "organization.changed",
      outcome: "success",
      targetType: "organization",
      targetId: organizationId,
      details: differences(before, organization),
    });
    changed(tx, "organization");
    return organization;
  });
}

/** What was changed: settings by their values before and after, names (which somebody typed) by the fact. */
function differences(before: Organization, after: Organization): Record<string, AuditValue> {
  const details: Record<string, AuditValue> = {};
  for (const key of ["name", "slug"] as const) if (before[key] !== after[key]) details[key] = "changed";
  const compare = (key: string, old: AuditValue, now: AuditValue) => {
    if (old === now) return;
    details[`${key}Before`] = old;
    details[`${key}After`] = now;
  };
  compare("type", before.type, after.type);
  for (const name of SETTING_NAMES) compare(name, before.settings[name], after.settings[name]);
  return details;
}

type AuditValue = string | number | boolean | null;

const STATUS_ACTIONS = {
  active: "organization.reactivated",
  suspended: "organization.suspended",
  closed: "organization.closed",
} as const satisfies Record<OrganizationStatus, string>;

/**
 * Suspends, closes or reactivates an organization; false when it was so already. From the answer on no node lets anybody
 * in, since each asks with every request; who was signed in is so again when it is reactivated, if the session still
 * lives. For the operator. Refuses with `not_found`.
 */
export async function setOrganizationStatus(
  deps: Pick<Deps, "db">,
  organizationId: string,
  status: OrganizationStatus,
): Promise<boolean> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    const before = await rows.lock(tx, organizationId);
    if (before === null) throw notFound();
    if (before.status === status) return false;
    await rows.updateStatus(tx, organizationId, status);
    await auditIn(tx, organizationId, {
      action: STATUS_ACTIONS[status],
      outcome: "success",
      targetType: "organization",
      targetId: organizationId,
      details: { statusBefore: before.status },
    });
    changed(tx, "organization");
    return true;
  });
}

/** Whether any organization exists yet. */
export async function anyOrganization(deps: Pick<Deps, "db">): Promise<boolean> {
  return withSystem(deps.db, (tx) => rows.exists(tx), { readOnly: true });
}

/** Every organization's id, page by page, from behind `from` on. For work that goes through all of them. */
export async function* allOrganizations(
  deps: Pick<Deps, "db">,
  from: string | null = null,
): AsyncGenerator<string> {
  let afterId = from;
  do {
    const after: string | null = afterId;
    const page: readonly string[] = await withSystem(deps.db, (tx) => rows.listIds(tx, after, 500), {
      readOnly: true,
    });
    yield* page;
    afterId = page.at(-1) ?? null;
  } while (afterId !== null);
}

/** The organization after which a job goes on with its round; null: with the first one. */
export async function turnOf(deps: Pick<Deps, "db">, job: string): Promise<string | null> {
  return withSystem(deps.db, (tx) => rows.findTurn(tx, job), { readOnly: true });
}

/** Remembers how far a job has come; null when it has been to all organizations. */
export async function rememberTurn(
  deps: Pick<Deps, "db">,
  job: string,
  afterId: string | null,
): Promise<void> {
  await withSystem(deps.db, (tx) => rows.upsertTurn(tx, job, afterId));
}

/**
 * Makes a set-up code of 100 random bits and stores its keyed hash. `first`: good only until an organization exists.
 */
export async function createSetupCode(
  deps: Pick<Deps, "db" | "keys" | "log">,
  first: boolean,
): Promise<string> {
  await audit(deps, OPERATOR, { action: "setup_code.created", outcome: "success", details: { first } });
  const code = newCode(20, 5);
  const hash = deps.keys.mac("setup-code", normalizeCode(code));
  await withSystem(deps.db, async (tx) => {
    await rows.pruneSetupCodes(tx);
    await rows.insertSetupCode(tx, hash, first);
  });
  return code;
}

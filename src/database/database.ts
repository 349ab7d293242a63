/**
 * Whether the database can be trusted to keep organizations apart: asked at every start and by `satchel doctor`. A
 * server whose role could step round row-level security would work perfectly, until the day it shows one school
 * another's pupils.
 */
import { withSystem } from "../db.ts";
import type { Deps } from "../deps.ts";
import * as rows from "./repository.ts";

/** What is wrong, and what to do about it. */
export interface Finding {
  readonly finding: string;
  readonly cure: string;
}

/** Tables that `app.protect` guards; one that is missing was dropped, or its column was. */
export const LEAST_TENANT_TABLES = 53;
const MIGRATE = "Run `satchel migrate` with DATABASE_OWNER_URL set.";

interface KnownMigration {
  readonly name: string;
  readonly checksum: string;
}

/**
 * Every reason not to serve from this database: a role that could step round row-level security, a table without its
 * policies, a schema older or newer than the program. Empty when all is well. `migrations` are the program's.
 * Refuses with `database_unavailable` when it cannot be asked.
 */
export async function auditDatabase(
  deps: Pick<Deps, "db">,
  migrations: readonly KnownMigration[],
): Promise<readonly Finding[]> {
  const [roles, tables, applied] = await withSystem(
    deps.db,
    (tx) => Promise.all([rows.reachableRoles(tx), rows.tenantTables(tx), rows.appliedMigrations(tx)]),
    { readOnly: true },
  );
  return [...roleFindings(roles), ...tableFindings(tables), ...schemaFindings(applied, migrations)];
}

/** What the login may become. Any other role may read a table, a file or run a program that no policy watches. */
const NEEDED_ROLES: ReadonlySet<string> = new Set(["satchel_request", "satchel_system"]);

type Roles = Awaited<ReturnType<typeof rows.reachableRoles>>;
type Tables = Awaited<ReturnType<typeof rows.tenantTables>>;

function* roleFindings(roles: Roles): Generator<Finding> {
  const login = roles.find(({ isLogin }) => isLogin);
  const cure = "Let DATABASE_URL name the role satchel_request, as `satchel migrate` prints it.";
  if (login?.isSuperuser === true) {
    yield { finding: `${login.roleName} is a superuser, to whom row-level security does not apply`, cure };
    // A superuser is a member of every role: nothing below would tell more.
    return;
  }
  for (const role of roles) {
    const who = role.isLogin
      ? role.roleName
      : `${login?.roleName ?? "the role"} may become ${role.roleName}, which`;
    if (!role.isLogin && !NEEDED_ROLES.has(role.roleName)) {
      yield {
        finding: `${login?.roleName ?? "the role"} may become ${role.roleName}, which it does not need`,
        cure: `revoke ${role.roleName} from ${login?.roleName ?? "it"};`,
      };
    }
    if (role.isSuperuser) yield { finding: `${who} is a superuser`, cure };
    if (role.mayBypassRowSecurity)
      yield { finding: `${who} may bypass row-level security (BYPASSRLS)`, cure };
    if (role.mayCreateRoles) yield { finding: `${who} may create roles (CREATEROLE)`, cure };
    if (role.ownsTables)
      yield { finding: `${who} owns tables of Satchel and could switch their policies off`, cure };
    if (role.mayCreate) yield { finding: `${who} may create objects in the schema app`, cure };
    if (role.mayTruncate) {
      yield {
        finding: `${who} holds TRUNCATE, REFERENCES or TRIGGER on tables of Satchel, which obey no policy`,
        cure: `revoke truncate, references, trigger on all tables in schema app from ${role.roleName};`,
      };
    }
  }
}

function* tableFindings(tables: Tables): Generator<Finding> {
  if (tables.length < LEAST_TENANT_TABLES) {
    yield { finding: "tables of Satchel are missing", cure: MIGRATE };
    return;
  }
  for (const {
    tableName,
    rowSecurity,
    forced,
    ownOrganization,
    permissiveCommands,
    erasable,
    foreignPolicies,
    foreignGrantees,
  } of tables) {
    const table = `app.${tableName}`;
    const protect = `As the owner, drop what is left of its policies and run: call app.protect('${table}');`;
    if (!rowSecurity)
      yield {
        finding: `row-level security is switched off on ${table}`,
        cure: `alter table ${table} enable row level security;`,
      };
    if (!forced)
      yield {
        finding: `row-level security is not forced on ${table}`,
        cure: `alter table ${table} force row level security;`,
      };
    if (!ownOrganization) {
      yield {
        finding: `the policy that confines ${table} to one organization is missing or altered`,
        cure: protect,
      };
    }
    // a(dd), d(elete), r(ead), w(rite); pg_policy writes them so.
    if (permissiveCommands !== "adrw") {
      yield { finding: `a policy for one of the commands is missing on ${table}`, cure: protect };
    }
    if (!erasable) yield { finding: `the policy for erasing people is missing on ${table}`, cure: protect };
    if (foreignPolicies !== "") {
      yield {
        finding: `policies that are none of Satchel's were added to ${table}: ${foreignPolicies}`,
        cure: `As the owner, drop them: drop policy … on ${table};`,
      };
    }
    if (foreignGrantees !== "") {
      yield {
        finding: `other roles were given rights on ${table}: ${foreignGrantees}`,
        cure: `revoke all on ${table} from ${foreignGrantees};`,
      };
    }
  }
}

function* schemaFindings(
  applied: readonly KnownMigration[],
  known: readonly KnownMigration[],
): Generator<Finding> {
  const done = new Map(applied.map(({ name, checksum }) => [name, checksum]));
  const pending = known.filter(({ name }) => !done.has(name)).map(({ name }) => name);
  if (pending.length > 0) {
    yield {
      finding: `the schema is older than this program (${pending.join(", ")} not applied)`,
      cure: MIGRATE,
    };
  }
  const names = new Set(known.map(({ name }) => name));
  const newer = applied.filter(({ name }) => !names.has(name)).map(({ name }) => name);
  if (newer.length > 0) {
    yield {
      finding: `the schema is newer than this program (it has ${newer.join(", ")})`,
      cure: "Start the release that migrated it, or a later one.",
    };
  }
  const altered = known.filter(({ name, checksum }) => (done.get(name) ?? checksum) !== checksum);
  if (altered.length > 0) {
    yield {
      finding: `migrations were applied in another form (${altered.map(({ name }) => name).join(", ")})`,
      cure: "Start the release that applied them.",
    };
  }
}

/** What the database server is, with its clock. */
export async function describeServer(deps: Pick<Deps, "db">) {
  return withSystem(deps.db, (tx) => rows.server(tx), { readOnly: true });
}

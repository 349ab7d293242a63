import type { Deps } from "../deps.ts";
import { type OrganizationStatus, setOrganizationStatus } from "../organizations/organizations.ts";
import { allUsages, type ListedUsage, type Quota, setQuota, usageOf } from "../quotas/quotas.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { openAll, organizationNamed } from "./open.ts";
import { logOf, readSettingsOf } from "./settings.ts";

const QUOTA_OPTIONS = {
  people: "people",
  storage: "storageBytes",
  requests: "requestsPerMinute",
} as const satisfies Record<string, keyof Quota>;
type QuotaOption = keyof typeof QUOTA_OPTIONS;

const CHANGES: Readonly<Record<string, OrganizationStatus>> = {
  suspend: "suspended",
  close: "closed",
  reactivate: "active",
};

export const organizationCommand: Command = {
  name: "organization",
  summary: "list organizations, suspend them, set their quotas",
  usage:
    "list | show SLUG | suspend SLUG | close SLUG | reactivate SLUG | quota SLUG [--people N] [--storage BYTES] [--requests N]",
  details: [
    "In a suspended or closed organization nobody gets in, on any node, from the moment the command is done; nothing of",
    "it is lost. A quota that is not named stays, and none lifts it. Storage is that of lessons, and takes K, M, G or T;",
    "requests are those of a minute on each node, of all people of the organization together.",
  ].join("\n"),
  options: {
    people: { type: "string", value: "N", meaning: "how many people there may be, or none" },
    storage: { type: "string", value: "BYTES", meaning: "how much may be stored, such as 500M, or none" },
    requests: {
      type: "string",
      value: "N",
      meaning: "how many requests a minute each node answers, or none",
    },
    ...DATA_DIR,
  },
  positionals: { min: 1, max: 2 },
  run: async (call) => {
    const [action = "", slug] = call.positionals;
    const change = readQuota(call);
    if (action !== "quota" && Object.keys(change).length > 0) {
      throw new Exit(EXIT.usage, "limits are for `satchel organization quota SLUG`");
    }
    const run = readAction(call, action, slug, change);
    const config = readSettingsOf(call);
    const opened = await openAll(config, logOf(config), false);
    try {
      await run(opened.deps);
      return EXIT.ok;
    } finally {
      await opened.close();
    }
  },
};

/** What the command line asks for, known to be sound before a database is opened. */
function readAction(
  call: Call,
  action: string,
  slug: string | undefined,
  change: Partial<Quota>,
): (deps: Deps) => Promise<void> {
  if (action === "list") {
    if (slug !== undefined) throw new Exit(EXIT.usage, `what is "${slug}"?`);
    return (deps) => list(call, deps);
  }
  const status = CHANGES[action];
  if (status === undefined && action !== "show" && action !== "quota") {
    throw new Exit(EXIT.usage, `there is no "${action}"`);
  }
  if (slug === undefined) throw new Exit(EXIT.usage, "the organization's slug is missing");
  if (status !== undefined) return (deps) => turn(call, deps, slug, status);
  if (action === "show") return (deps) => show(call, deps, slug);
  if (Object.keys(change).length === 0) {
    throw new Exit(EXIT.usage, "no limit is named: --people, --storage or --requests");
  }
  return async (deps) => {
    const { organizationId } = await organizationNamed(deps, slug);
    await setQuota(deps, organizationId, change);
    await show(call, deps, slug);
  };
}

/** One line for each, between tabs, for programs: slug, status, people, storage, and their limits and that of requests. */
async function list(call: Call, deps: Deps): Promise<void> {
  call.say("slug\tstatus\tpeople\tof\tstorage bytes\tof\trequests a minute");
  for await (const organization of allUsages(deps)) call.out(lineOf(organization));
}

function lineOf({ slug, status, people, storageBytes, allowed }: ListedUsage): string {
  const limit = (value: number | null) => value ?? "-";
  return [
    slug,
    status,
    people,
    limit(allowed.people),
    storageBytes,
    limit(allowed.storageBytes),
    limit(allowed.requestsPerMinute),
  ].join("\t");
}

async function show(call: Call, deps: Deps, slug: string): Promise<void> {
  const { organizationId, status } = await organizationNamed(deps, slug);
  const { people, storageBytes, allowed } = await usageOf(deps, organizationId);
  const of = (limit: number | null) => (limit === null ? "" : ` of ${limit}`);
  call.out(`organization  ${slug} (${organizationId})`);
  call.out(`status        ${status}`);
  call.out(`people        ${people}${of(allowed.people)}`);
  call.out(`storage       ${storageBytes}${of(allowed.storageBytes)} bytes`);
  call.out(
    `requests      ${allowed.requestsPerMinute ?? deps.config.organizationRequestsPerMinute} a minute`,
  );
}

async function turn(call: Call, deps: Deps, slug: string, status: OrganizationStatus): Promise<void> {
  const { organizationId } = await organizationNamed(deps, slug);
  const turned = await setOrganizationStatus(deps, organizationId, status);
  call.out(`${slug} is ${turned ? "now" : "already"} ${status}`);
}

function readQuota(call: Call): Partial<Quota> {
  const given = (Object.keys(QUOTA_OPTIONS) as QuotaOption[]).flatMap((option) => {
    const text = call.options[option];
    return typeof text === "string" ? [[QUOTA_OPTIONS[option], readLimit(option, text)] as const] : [];
  });
  return Object.fromEntries(given);
}

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;
const INTEGER_MAXIMUM = 2 ** 31 - 1;

/** A whole number, of bytes with a unit if need be; null for `none`. Throws Exit 2 for anything else. */
function readLimit(option: QuotaOption, text: string): number | null {
  if (text === "none") return null;
  const [, digits, unit] = /^(\d{1,15})([KMGT])?$/.exec(text) ?? [];
  const value = Number(digits) * (unit === undefined ? 1 : UNITS[unit as keyof typeof UNITS]);
  const storage = option === "storage";
  const minimum = option === "requests" ? 1 : 0;
  const maximum = storage ? Number.MAX_SAFE_INTEGER : INTEGER_MAXIMUM;
  if (digits === undefined || (unit !== undefined && !storage) || value < minimum || value > maximum) {
    throw new Exit(EXIT.usage, `--${option} ${text} is no limit${storage ? " such as 500M" : ""}, nor none`);
  }
  return value;
}

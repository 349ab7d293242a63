/** Rows of imports, and the people they write, in and out. */
import * as sql from "#sql/imports";
import type { TenantTx } from "../../sql/tx.ts";
import type { Role } from "../actor.ts";
import type { PeopleFormat, PersonRecord } from "../people-file.ts";

export const IMPORT_STATES = ["waiting", "running", "finished", "failed", "cancelled"] as const;
/** Why an import was given up. */
export const IMPORT_FAILURES = [
  "organization_not_active",
  "requester_not_allowed",
  "api_key_ended",
  "not_worked_off",
] as const;
export type ImportFailure = (typeof IMPORT_FAILURES)[number];
export const LINE_OUTCOMES = ["created", "changed", "unchanged", "refused"] as const;
export type LineOutcome = (typeof LINE_OUTCOMES)[number];

/** What became of a line. */
export interface LineResult {
  readonly line: number;
  readonly outcome: LineOutcome;
  readonly externalId: string | null;
  /** Who it is about, where that is known. */
  readonly userId: string | null;
  /** Why it was refused: a slug, and a sentence. */
  readonly reason: string | null;
  readonly detail: string | null;
}

export interface Import {
  readonly id: string;
  readonly format: PeopleFormat;
  readonly dryRun: boolean;
  readonly invite: boolean;
  readonly state: (typeof IMPORT_STATES)[number];
  /** Null unless it has failed. */
  readonly failure: ImportFailure | null;
  readonly createdAt: Date;
  readonly requestedById: string | null;
  readonly finishedAt: Date | null;
  /** Lines of the file, as they are numbered: how many it has, and how many of them are done with. */
  readonly total: number;
  readonly processed: number;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
}

export interface NewImport {
  readonly source: string;
  /** Of the source. */
  readonly lineCount: number;
  readonly format: PeopleFormat;
  readonly dryRun: boolean;
  readonly invite: boolean;
  readonly proven: boolean;
  /** With which it is asked for, if with one. */
  readonly apiKeyId: string | null;
}

/** What an import may say of a person. */
export interface ImportedPerson {
  readonly email: string | null;
  readonly username: string;
  readonly fullName: string;
  readonly role: Role;
  readonly status: NonNullable<PersonRecord["status"]>;
  readonly language: string;
  readonly timeZone: string;
}

export interface KnownPerson extends ImportedPerson {
  readonly userId: string;
  readonly externalId: string;
}

export async function insert(
  tx: TenantTx,
  organizationId: string,
  importId: string,
  made: NewImport,
): Promise<void> {
  await sql.insertImport(tx, { organizationId, importId, ...made });
}

export async function find(tx: TenantTx, organizationId: string, importId: string): Promise<Import | null> {
  const row = await sql.findImport(tx, { organizationId, importId });
  if (row === null) return null;
  const { importId: id, lineCount: total, lastLine, ...rest } = row;
  // The last lines may be empty, or belong to one person.
  return { id, ...rest, total, processed: rest.state === "finished" ? total : lastLine };
}

/** Which import of the organization has not ended; null when none. */
export const findUnderWay = async (tx: TenantTx, organizationId: string): Promise<string | null> =>
  (await sql.findUnderWay(tx, { organizationId }))?.importId ?? null;

export const exists = (tx: TenantTx, organizationId: string, importId: string): Promise<boolean> =>
  sql.existsImport(tx, { organizationId, importId });

export const claim = (tx: TenantTx, organizationId: string, importId: string) =>
  sql.claimImport(tx, { organizationId, importId });

/** How an import ends. */
export type Ending =
  | { readonly state: "finished" | "cancelled"; readonly failure: null }
  | { readonly state: "failed"; readonly failure: ImportFailure };

/** False when it has ended already, or there is none. */
export const finish = async (
  tx: TenantTx,
  organizationId: string,
  importId: string,
  ending: Ending,
): Promise<boolean> => (await sql.updateFinished(tx, { organizationId, importId, ...ending })) === 1;

/** How an import has ended, once no batch of it is under way; null when there is none. */
export const lockEnded = async (tx: TenantTx, organizationId: string, importId: string) =>
  (await sql.lockEnded(tx, { organizationId, importId }))?.state ?? null;

/** What an import is allowed by, held until the transaction ends; null when it has ended. */
export async function lock(tx: TenantTx, organizationId: string, importId: string) {
  const row = await sql.lockImport(tx, { organizationId, importId });
  // The role of nobody who is active: null.
  return row === null ? null : { ...row, role: row.role as Role | null };
}

export const failStale = (tx: TenantTx, organizationId: string): Promise<number> =>
  sql.updateStaleFailed(tx, { organizationId });

export const prune = (tx: TenantTx, organizationId: string, limit: number): Promise<number> =>
  sql.pruneImports(tx, { organizationId, limit });

export async function insertLines(
  tx: TenantTx,
  organizationId: string,
  importId: string,
  results: readonly LineResult[],
): Promise<void> {
  const lines = results.map(({ externalId, userId, ...result }) => ({
    ...result,
    external_id: externalId,
    user_id: userId,
  }));
  await sql.insertLines(tx, { organizationId, importId, lines });
}

export const listLines = (
  tx: TenantTx,
  organizationId: string,
  importId: string,
  outcome: LineOutcome | null,
  afterLine: number | null,
  limit: number,
): Promise<readonly LineResult[]> =>
  sql.listLines(tx, { organizationId, importId, outcome, afterLine, limit });

/** Has what follows in the transaction planned with the keys that are looked up. */
export async function planWithKeys(tx: TenantTx): Promise<void> {
  await sql.updatePlanMode(tx);
}

/** Those who are known by these external ids, held until the transaction ends. */
export const lockPeople = (
  tx: TenantTx,
  organizationId: string,
  externalIds: readonly string[],
): Promise<readonly KnownPerson[]> => sql.lockPeople(tx, { organizationId, externalIds });

/** Who has one of these, all in small letters. */
export const listHolders = (
  tx: TenantTx,
  organizationId: string,
  emailKeys: readonly string[],
  usernameKeys: readonly string[],
) => sql.listHolders(tx, { organizationId, emailKeys, usernameKeys });

/** Adds people; gives those who were added. Whoever somebody else added at the same moment is not among them. */
export const insertPeople = (
  tx: TenantTx,
  organizationId: string,
  people: readonly KnownPerson[],
): Promise<readonly { readonly userId: string; readonly externalId: string }[]> =>
  sql.insertPeople(tx, {
    organizationId,
    people: people.map((person) => ({ ...columnsOf(person), external_id: person.externalId })),
  });

/** How many lines there were. */
export const forget = (tx: TenantTx, organizationId: string, userId: string): Promise<number> =>
  sql.updateForgotten(tx, { organizationId, userId });

export const updatePeople = (
  tx: TenantTx,
  organizationId: string,
  people: readonly KnownPerson[],
): Promise<number> => sql.updatePeople(tx, { organizationId, people: people.map(columnsOf) });

const columnsOf = ({ userId, email, username, fullName, role, status, language, timeZone }: KnownPerson) => ({
  user_id: userId,
  email,
  username,
  full_name: fullName,
  role,
  status,
  language,
  time_zone: timeZone,
});

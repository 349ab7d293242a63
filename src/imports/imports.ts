/**
 * Many people at once, from a file. Who is in the file is known by the external id: importing it again changes nothing.
 * What is in no line is left as it is; nobody is ever deleted. Roles, e-mail addresses and admins are ways to power, so
 * there are things that no line can do: see `decide`.
 */
import type { TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn } from "../audit/audit.ts";
import { changed, onConstraint, readTenant, type Tenant, withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import { once } from "../effects/effects.ts";
import { notFound, Refusal, refusal, writeConflict } from "../errors.ts";
import { sendInvitationsIn } from "../links/links.ts";
import { type MailInput, sendBulkMailIn } from "../mail/mail.ts";
import {
  importUnreadable,
  lineCountOf,
  type PeopleFormat,
  type PersonRecord,
  peopleOf,
  usernameOf,
  utf8Of,
} from "../people-file.ts";
import { mayAct } from "../permissions.ts";
import { enqueue } from "../queue.ts";
import { emailTaken, quotaPeopleReached, USER_CONSTRAINTS, usernameTaken } from "../users/users.ts";
import type { Import, ImportFailure, KnownPerson, LineOutcome, LineResult } from "./repository.ts";
import * as rows from "./repository.ts";

export {
  importUnreadable,
  PEOPLE_COLUMNS,
  PEOPLE_FORMATS,
  type PeopleFormat,
  utf8Of,
} from "../people-file.ts";
export {
  IMPORT_FAILURES,
  IMPORT_STATES,
  type Import,
  type ImportFailure,
  LINE_OUTCOMES,
  type LineOutcome,
  type LineResult,
} from "./repository.ts";

/** Of an upload, in bytes: some 100,000 people. */
export const IMPORT_BYTES = 10 * 1024 * 1024;
/**
 * Lines in one transaction and one statement. Whoever adds people meanwhile waits for it to end (app.use_quota): what comes
 * of a batch is a few statements as well, however many lines it has.
 */
const BATCH = 500;
/** How often lines are tried that somebody else wrote at the same moment. */
const ROUNDS = 3;

export const importUnderWay = refusal(
  "conflict",
  "import_under_way",
  "Another import of this organization is under way",
);

export const importEnded = refusal("conflict", "import_ended", "The import has ended already");

/** What an import is to do besides what its lines say. */
export interface ImportOptions {
  /** Checks everything and stores nothing. */
  readonly dryRun: boolean;
  /** Sends everybody it adds an invitation, if they have an e-mail address; until they accept it they are pending. */
  readonly invite: boolean;
  /** Whoever imports has proved who they are within five minutes: then roles and e-mail addresses may change. */
  readonly proven: boolean;
}

/**
 * Takes a file to be worked off by a job. Refuses with `import_unreadable`, and with `import_under_way`, which names the
 * other one, while another one of the organization is worked off.
 */
export async function requestImport(
  deps: Deps,
  actor: Actor,
  { bytes, format }: { readonly bytes: Uint8Array; readonly format: PeopleFormat },
  options: { readonly dryRun: boolean; readonly invite: boolean },
): Promise<Import> {
  const { organizationId } = actor;
  let text = "";
  for await (const piece of utf8Of(chunksOf(bytes))) text += piece;
  // The database holds no U+0000: a field that has one is refused line by line.
  const source = text.replaceAll("\0", "\ufffd");
  if (Buffer.byteLength(source) > IMPORT_BYTES) throw importUnreadable({ detail: "The file is no text." });
  // As far as the first row: what is wrong there is wrong with all of it.
  for await (const _ of peopleOf(chunksOf(Buffer.from(source)), format)) break;
  return withTenant(deps.db, actor, async (tx) => {
    await rows.failStale(tx, organizationId);
    const importId = Bun.randomUUIDv7();
    const made = {
      source,
      lineCount: lineCountOf(source, format),
      format,
      ...options,
      proven: actor.fresh,
      apiKeyId: actor.apiKeyId ?? null,
    };
    try {
      await onConstraint(tx, { import_under_way: () => importUnderWay() }, (inner) =>
        rows.insert(inner, organizationId, importId, made),
      );
    } catch (error) {
      if (!(error instanceof Refusal) || error.slug !== importUnderWay.slug) throw error;
      const other = await rows.findUnderWay(tx, organizationId);
      throw other === null ? error : importUnderWay({ detail: `The import ${other} is under way.` });
    }
    await enqueue(deps.queue, tx, "import-users", { organizationId, importId });
    return getIn(tx, organizationId, importId);
  });
}

async function getIn(tx: TenantTx, organizationId: string, importId: string): Promise<Import> {
  const found = await rows.find(tx, organizationId, importId);
  if (found === null) throw notFound();
  return found;
}

/** How far an import is. Refuses with `not_found`. */
export const getImport = (deps: Deps, actor: Actor, importId: string): Promise<Import> =>
  readTenant(deps.db, actor, (tx) => getIn(tx, actor.organizationId, importId));

/** What became of its lines so far, one more than `limit` when there are more. Refuses with `not_found`. */
export async function listImportLines(
  deps: Deps,
  actor: Actor,
  importId: string,
  outcome: LineOutcome | null,
  afterLine: number | null,
  limit: number,
): Promise<readonly LineResult[]> {
  const { organizationId } = actor;
  const [found, lines] = await readTenant(deps.db, actor, (tx) =>
    Promise.all([
      rows.exists(tx, organizationId, importId),
      rows.listLines(tx, organizationId, importId, outcome, afterLine, limit + 1),
    ]),
  );
  if (!found) throw notFound();
  return lines;
}

/**
 * Ends an import that waits or is under way: once this has returned nothing more is stored. What was stored until then
 * stays. One that was cancelled before stays so. Refuses with `not_found`, and with `import_ended` what came to another
 * end.
 */
export async function cancelImport(deps: Deps, actor: Actor, importId: string): Promise<void> {
  const { organizationId } = actor;
  await withTenant(deps.db, actor, async (tx) => {
    if (await rows.finish(tx, organizationId, importId, { state: "cancelled", failure: null })) {
      await auditEndIn(tx, organizationId, importId, "success", "cancelled");
    }
  });
  // In a transaction of its own: no batch begins any more, and the last one is waited for.
  const state = await withTenant(deps.db, actor, (tx) => rows.lockEnded(tx, organizationId, importId));
  if (state === null) throw notFound();
  if (state !== "cancelled") throw importEnded();
}

const auditEndIn = (
  tx: TenantTx,
  organizationId: string,
  importId: string,
  outcome: "success" | "refused",
  reason: string,
) =>
  auditIn(tx, organizationId, {
    action: "user.import_ended",
    outcome,
    targetType: "import",
    targetId: importId,
    details: { reason },
  });

/**
 * Works off an import that was requested, on behalf of whoever did. Doing so again, or half and again, is the same:
 * each batch says in its own transaction what became of it. It fails once whoever asked for it could no longer do so.
 */
export async function workOffImport(
  deps: Deps,
  { organizationId, importId }: { readonly organizationId: string; readonly importId: string },
  job: { readonly id: string; readonly lastAttempt: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const system = { organizationId, userId: null };
  const fail = (failure: ImportFailure) =>
    withTenant(deps.db, system, async (tx) => {
      if (!(await rows.finish(tx, organizationId, importId, { state: "failed", failure }))) return;
      await auditEndIn(tx, organizationId, importId, "refused", failure);
    });
  const claimed = await withTenant(deps.db, system, (tx) => rows.claim(tx, organizationId, importId));
  if (claimed === null) return;
  let stopped: Stopped | null;
  try {
    const { requestedById: userId, apiKeyId } = claimed;
    const tenant = { organizationId, userId, ...(apiKeyId === null ? {} : { apiKeyId }) };
    stopped = await importPeople(
      deps,
      tenant,
      chunksOf(Buffer.from(claimed.source)),
      claimed.format,
      claimed,
      {
        importId,
        jobId: job.id,
        signal: job.signal,
      },
    );
  } catch (error) {
    if (job.lastAttempt) await fail("not_worked_off");
    throw error;
  }
  if (stopped === "ended") return;
  if (stopped !== null) return fail(stopped);
  const ending = { state: "finished", failure: null } as const;
  await withTenant(deps.db, system, (tx) => rows.finish(tx, organizationId, importId, ending));
}

/** Why an import goes no further: it was cancelled or given up, or could not be asked for any more. */
type Stopped = "ended" | ImportFailure;

/** Why an import may not go on; null: it may, which then stays so until the transaction ends. */
async function stoppedIn(tx: TenantTx, organizationId: string, importId: string): Promise<Stopped | null> {
  const asked = await rows.lock(tx, organizationId, importId);
  if (asked === null) return "ended";
  const { organizationActive, role, apiKeyGood } = asked;
  if (!organizationActive) return "organization_not_active";
  // Whose it is makes no difference to who may import.
  if (role === null || !mayAct({ role, userId: "" }, "POST /v1/users/import", null))
    return "requester_not_allowed";
  return apiKeyGood ? null : "api_key_ended";
}

const CHUNK = 64 * 1024;

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

interface Numbered {
  readonly line: number;
  readonly record: PersonRecord;
}

/** What an import has to remember from line to line. */
interface Run extends ImportOptions {
  readonly importId: string | null;
  /** Who has each username and e-mail address of the file, by external id. */
  readonly claimed: Map<string, string>;
}

/** Where an import is worked off: its row, and the job that does it. */
export interface ImportJob {
  readonly importId: string;
  readonly jobId: string;
  readonly signal: AbortSignal;
}

/**
 * Imports a stream of people, batch by batch, each in one transaction with what became of it, and tells of each batch.
 * That of a job stops where it may not go on, and gives why. Refuses with `import_unreadable`.
 */
export async function importPeople(
  deps: Deps,
  tenant: Tenant,
  bytes: AsyncIterable<Uint8Array>,
  format: PeopleFormat,
  { dryRun, invite, proven }: ImportOptions,
  job: ImportJob | null = null,
  tell: (results: readonly LineResult[]) => void = () => {},
): Promise<Stopped | null> {
  const { organizationId } = tenant;
  const run: Run = { dryRun, invite, proven, importId: job?.importId ?? null, claimed: new Map() };
  const seen = new Set<string>();
  let batch: Numbered[] = [];
  let results: LineResult[] = [];

  const flush = async (): Promise<Stopped | null> => {
    if (batch.length === 0 && results.length === 0) return null;
    job?.signal.throwIfAborted();
    const [lines, refused] = [batch, results];
    [batch, results] = [[], []];
    const told = await withTenant(deps.db, tenant, async (tx) => {
      const stopped = job === null ? null : await stoppedIn(tx, organizationId, job.importId);
      if (stopped !== null) return stopped;
      let done: readonly LineResult[] = [];
      const work = async () => {
        const stored = dryRun
          ? await rehearseIn(deps, tx, organizationId, lines, run)
          : await importBatchIn(deps, tx, organizationId, lines, run);
        done = [...refused, ...stored].sort((a, b) => a.line - b.line);
        if (job !== null) await rows.insertLines(tx, organizationId, job.importId, done);
      };
      const last = lines.at(-1)?.line ?? refused.at(-1)?.line ?? 0;
      if (job === null) await work();
      else await once(tx, job.jobId, `up to line ${last}`, work);
      return done;
    });
    if (typeof told === "string") return told;
    tell(told);
    return null;
  };

  for await (const read of peopleOf(bytes, format)) {
    if ("record" in read) {
      const { line, record } = read;
      const { externalId } = record;
      if (seen.has(externalId)) results.push(refusedLine(read.line, record, null, ...REPEATED));
      else batch.push({ line, record });
      seen.add(externalId);
    } else {
      const { line, externalId, reason, detail } = read;
      results.push({ line, outcome: "refused", externalId, userId: null, reason, detail });
    }
    if (batch.length + results.length < BATCH) continue;
    const stopped = await flush();
    if (stopped !== null) return stopped;
  }
  return flush();
}

/** In place of a value: what is undone by it was meant to be. */
const rehearsed = new Error("rehearsed");

/** Imports a batch, undoes it, and gives what would have become of it. */
async function rehearseIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  lines: readonly Numbered[],
  run: Run,
): Promise<readonly LineResult[]> {
  let results: readonly LineResult[] = [];
  try {
    await onConstraint(tx, {}, async (inner) => {
      results = await importBatchIn(deps, inner, organizationId, lines, run);
      throw rehearsed;
    });
  } catch (error) {
    if (error !== rehearsed) throw error;
  }
  // Those who were added are gone again.
  return results.map((result) => (result.outcome === "created" ? { ...result, userId: null } : result));
}

async function importBatchIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  lines: readonly Numbered[],
  run: Run,
): Promise<readonly LineResult[]> {
  await rows.planWithKeys(tx);
  const results: LineResult[] = [];
  let waiting = lines;
  for (let round = 1; waiting.length > 0 && round <= ROUNDS; round++) {
    waiting = await importRoundIn(deps, tx, organizationId, waiting, run, results);
  }
  for (const { line, record } of waiting) results.push(refusedBy(line, record, null, writeConflict()));
  return results;
}

interface Stored extends Numbered {
  readonly person: KnownPerson;
  readonly before: KnownPerson | null;
}

/** Adds to `results` what became of the lines; gives those that somebody else was about to write as well. */
async function importRoundIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  lines: readonly Numbered[],
  run: Run,
  results: LineResult[],
): Promise<readonly Numbered[]> {
  const records = lines.map(({ record }) => record);
  const known = new Map(
    (
      await rows.lockPeople(
        tx,
        organizationId,
        records.map(({ externalId }) => externalId),
      )
    ).map((person) => [person.externalId, person]),
  );
  const holders = await rows.listHolders(
    tx,
    organizationId,
    records.flatMap(({ email }) => (typeof email === "string" ? [email.toLowerCase()] : [])),
    records.map(({ username, externalId }) => (username ?? externalId).toLowerCase()),
  );
  const holderOf = new Map<string, string>();
  for (const { userId, emailKey, usernameKey } of holders) {
    if (emailKey !== null) holderOf.set(`email ${emailKey}`, userId);
    holderOf.set(`username ${usernameKey}`, userId);
  }
  const created: Stored[] = [];
  const altered: Stored[] = [];
  for (const { line, record } of lines) {
    const before = known.get(record.externalId) ?? null;
    const decided = decide(record, before, run);
    if ("reason" in decided) {
      results.push(refusedLine(line, record, before, decided.reason, decided.detail));
      continue;
    }
    const { person } = decided;
    const taken = takenOf(person, before, holderOf, run.claimed);
    if (taken !== null) results.push(refusedBy(line, record, before, taken));
    else if (before === null) created.push({ line, record, person, before });
    else if (decided.differs) altered.push({ line, record, person, before });
    else results.push(doneLine("unchanged", line, person));
  }

  const refuse = ({ line, record, before }: Stored, why: Refusal) => {
    results.push(refusedBy(line, record, before, why));
  };
  const added = new Map<string, Stored>();
  const lost: Stored[] = [];
  await storeIn(tx, created, refuse, async (inner, part) => {
    const ids = await rows.insertPeople(
      inner,
      organizationId,
      part.map(({ person }) => person),
    );
    const stored = new Set(ids.map(({ userId }) => userId));
    for (const item of part) {
      if (stored.has(item.person.userId)) added.set(item.person.userId, item);
      else lost.push(item);
    }
  });
  const written: Stored[] = [];
  await storeIn(tx, altered, refuse, async (inner, part) => {
    await rows.updatePeople(
      inner,
      organizationId,
      part.map(({ person }) => person),
    );
    written.push(...part);
  });
  for (const { line, person } of added.values()) results.push(doneLine("created", line, person));
  for (const { line, person } of written) results.push(doneLine("changed", line, person));
  await tellIn(deps, tx, organizationId, [...added.values()], written, run);
  return lost;
}

/**
 * Stores all at once; if one is in the way of all, halves, so that each is refused for itself. Gives the refusal that
 * holds for whatever else is added: there is room for nobody.
 */
async function storeIn(
  tx: TenantTx,
  items: readonly Stored[],
  refuse: (item: Stored, why: Refusal) => void,
  store: (tx: TenantTx, items: readonly Stored[]) => Promise<void>,
): Promise<Refusal | null> {
  const [first] = items;
  if (first === undefined) return null;
  try {
    await onConstraint(tx, CONSTRAINTS, (inner) => store(inner, items));
    return null;
  } catch (error) {
    if (!(error instanceof Refusal) || error.kind === "unavailable") throw error;
    if (items.length === 1) {
      refuse(first, error);
      return error.slug === quotaPeopleReached.slug ? error : null;
    }
    const half = Math.ceil(items.length / 2);
    const full = await storeIn(tx, items.slice(0, half), refuse, store);
    if (full === null) return storeIn(tx, items.slice(half), refuse, store);
    for (const item of items.slice(half)) refuse(item, full);
    return full;
  }
}

const fieldRefused = refusal("invalid", "field_refused", "A field cannot have this value");

/** Besides who is in the way: what the database takes is narrower in some alphabets than what was checked. */
const CONSTRAINTS: Readonly<Record<string, () => Refusal>> = {
  ...USER_CONSTRAINTS,
  ...Object.fromEntries(
    [
      "external_id_form",
      "email_form",
      "username_form",
      "full_name_length",
      "language_form",
      "time_zone_form",
    ].map((name) => [`user_${name}`, () => fieldRefused()]),
  ),
};

const REPEATED = ["external_id_repeated", "The external id is in an earlier line."] as const;

type Decided =
  | { readonly reason: string; readonly detail: string }
  | { readonly person: KnownPerson; readonly differs: boolean };

/**
 * What a line makes of a person. Nobody becomes an admin by it, and no admin is changed by it. Another role or e-mail
 * address (the first one too) is a way into an account, and needs a fresh proof; so do a new teacher and what a teacher
 * signs in with. Whoever was suspended stays so.
 * `pending` is only for those who are new: whoever has accepted an invitation since is not put back by the same file.
 */
function decide(record: PersonRecord, before: KnownPerson | null, run: Run): Decided {
  const { externalId, fullName, username, email, role, status, language, timeZone } = record;
  if (before === null) {
    const name = username ?? usernameOf(externalId);
    if (fullName === undefined)
      return refused("field_refused", "full_name is missing, and the person is new.");
    if (name === null)
      return refused("field_refused", "username is missing, and the external id cannot be one.");
    if (role === "admin") return ADMIN;
    if (role === "teacher" && !run.proven) return UNPROVEN;
    const invited = run.invite && typeof email === "string";
    const person = {
      userId: Bun.randomUUIDv7(),
      externalId,
      fullName,
      username: name,
      email: email ?? null,
      role: role ?? "student",
      status: status ?? (invited ? "pending" : "active"),
      language: language ?? "en",
      timeZone: timeZone ?? "UTC",
    } as const;
    return { person, differs: true };
  }
  const person: KnownPerson = {
    ...before,
    fullName: fullName ?? before.fullName,
    username: username ?? before.username,
    email: email === undefined ? before.email : email,
    role: role ?? before.role,
    status: status === undefined || status === "pending" ? before.status : status,
    language: language ?? before.language,
    timeZone: timeZone ?? before.timeZone,
  };
  const differs = FIELDS.some((field) => person[field] !== before[field]);
  if (!differs) return { person, differs };
  if (before.role === "admin" || person.role === "admin") return ADMIN;
  if (before.status === "suspended" && person.status !== "suspended") {
    return refused("person_suspended", "The person is suspended, which no import ends.");
  }
  const teacher = before.role === "teacher" && ACCESS_FIELDS.some((field) => person[field] !== before[field]);
  const moved = person.role !== before.role || person.email !== before.email;
  if ((moved || teacher) && !run.proven) return UNPROVEN;
  return { person, differs };
}

const refused = (reason: string, detail: string): Decided => ({ reason, detail });
const ADMIN = refused(
  "admin_not_importable",
  "Nobody becomes an admin by an import, and no admin is changed.",
);
const UNPROVEN = refused(
  "reauthentication_required",
  "A teacher, and another role or e-mail address, need an import by somebody who has just proved who they are.",
);
const ACCESS_FIELDS = ["username", "status"] as const;
const FIELDS = ["fullName", "username", "email", "role", "status", "language", "timeZone"] as const;

/** Who is in the way: somebody else in the organization, or in an earlier line. */
function takenOf(
  person: KnownPerson,
  before: KnownPerson | null,
  holderOf: ReadonlyMap<string, string>,
  claimed: Map<string, string>,
): Refusal | null {
  const keys = [
    { key: `username ${person.username.toLowerCase()}`, taken: usernameTaken },
    ...(person.email === null ? [] : [{ key: `email ${person.email.toLowerCase()}`, taken: emailTaken }]),
  ];
  for (const { key, taken } of keys) {
    const holder = holderOf.get(key);
    const line = claimed.get(key);
    if (holder !== undefined && holder !== before?.userId) return taken();
    if (line !== undefined && line !== person.externalId) return taken();
  }
  for (const { key } of keys) claimed.set(key, person.externalId);
  return null;
}

/** Audit, notices, invitations: in the transaction of the batch. */
async function tellIn(
  deps: Deps,
  tx: TenantTx,
  organizationId: string,
  added: readonly Stored[],
  written: readonly Stored[],
  { importId, invite }: Run,
): Promise<void> {
  if (added.length + written.length > 0) changed(tx, "users");
  const target = importId === null ? {} : { targetType: "import", targetId: importId };
  for (const [outcome, items] of [["created", added] as const, ["changed", written] as const]) {
    if (items.length === 0) continue;
    await auditIn(tx, organizationId, {
      action: "user.imported",
      outcome: "success",
      subjectIds: items.map(({ person }) => person.userId),
      ...target,
      details: { outcome },
    });
  }
  const notices: MailInput[] = [];
  for (const { person, before } of written) {
    const { userId } = person;
    for (const field of ["role", "status"] as const) {
      if (before === null || before[field] === person[field]) continue;
      await auditIn(tx, organizationId, {
        action: `user.${field}_changed`,
        outcome: "success",
        subjectId: userId,
        ...target,
        details: { from: before[field], to: person[field] },
      });
    }
    const to = before?.email ?? null;
    if (to !== null && to.toLowerCase() !== person.email?.toLowerCase()) {
      notices.push({ userId, template: "email_changed", to });
    }
  }
  await sendBulkMailIn(deps, tx, organizationId, notices);
  if (!invite) return;
  const ids = added.map(({ person }) => person.userId);
  await sendInvitationsIn(deps, tx, organizationId, ids);
}

const doneLine = (outcome: LineOutcome, line: number, { externalId, userId }: KnownPerson): LineResult => ({
  line,
  outcome,
  externalId,
  userId,
  reason: null,
  detail: null,
});

const refusedLine = (
  line: number,
  { externalId }: PersonRecord,
  person: KnownPerson | null,
  reason: string,
  detail: string,
): LineResult => ({ line, outcome: "refused", externalId, userId: person?.userId ?? null, reason, detail });

const refusedBy = (line: number, record: PersonRecord, person: KnownPerson | null, why: Refusal) =>
  refusedLine(line, record, person, why.slug, why.details.detail ?? `${why.title}.`);

/**
 * Gives up imports whose job is dead, and removes those that ended a week ago, at most `limit`. Gives how many were
 * removed.
 */
export async function pruneImports(deps: Deps, organizationId: string, limit: number): Promise<number> {
  return withTenant(deps.db, { organizationId, userId: null }, async (tx) => {
    await rows.failStale(tx, organizationId);
    return rows.prune(tx, organizationId, limit);
  });
}

/**
 * Takes a person's own number out of what is told of imports, where it stands without the person: in lines of rehearsals
 * and of refusals. Their other lines are erased with them.
 */
export async function forgetPersonIn(tx: TenantTx, organizationId: string, userId: string): Promise<void> {
  await rows.forget(tx, organizationId, userId);
}

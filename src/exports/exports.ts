/**
 * All that is kept about a person, for them to read and to take along (GDPR articles 15 and 20, FERPA § 99.10). Which
 * tables and columns that is, the columns themselves say (`app.tag`); hashes, tokens and secrets are never among them.
 */
import type { Json } from "../../sql/tx.ts";
import type { Actor } from "../actor.ts";
import { auditIn, interestOf } from "../audit/audit.ts";
import { withTenant } from "../db.ts";
import type { Deps } from "../deps.ts";
import type { Origin } from "../devices.ts";
import { notFound } from "../errors.ts";
import { listMailToIn } from "../mail/mail.ts";
import { requireRight } from "../permissions.ts";
import type { Part, RecordKind } from "./repository.ts";
import * as rows from "./repository.ts";

/** Records of one table in an export, the newest: what an answer can hold. */
export const RECORDS = 5000;

export type Records = { readonly [table: string]: readonly { readonly [field: string]: Json }[] };

export interface UserExport extends Readonly<Record<RecordKind, Records>> {
  readonly organizationId: string;
  readonly userId: string;
  readonly exportedAt: Date;
  /** `made.history`: parts that hold more than is here. */
  readonly cut: readonly string[];
}

/**
 * Gathers what is kept about a person, deleted or not: `about` are the rows about them, `changes` what those were before,
 * `made` the ids of what else they made or changed. People may have their own, admins everybody's. Refuses with
 * `not_found`, `forbidden`.
 */
export async function exportUser(
  deps: Deps,
  actor: Actor,
  userId: string,
  origin: Origin | null,
): Promise<UserExport> {
  requireRight(actor, "POST /v1/users/:id/exports", userId, "GET /v1/users/:id");
  return withTenant(deps.db, actor, async (tx) => {
    const [parts, mail] = await Promise.all([
      rows.records(tx, userId, RECORDS),
      listMailToIn(deps, tx, actor.organizationId, userId, RECORDS),
    ]);
    if (!parts.some(({ kind, table, total }) => kind === "about" && table === "user" && total > 0)) {
      throw notFound();
    }
    await auditIn(tx, actor.organizationId, {
      action: "user.exported",
      outcome: "success",
      subjectId: userId,
      details: interestOf(actor),
      origin,
    });
    return {
      organizationId: actor.organizationId,
      userId,
      exportedAt: new Date(),
      about: withMail(ofKind(parts, "about"), mail),
      changes: ofKind(parts, "changes"),
      made: ofKind(parts, "made"),
      cut: parts
        .filter(({ total, records }) => total > records.length)
        .map(({ kind, table }) => `${kind}.${camel(table)}`),
    };
  });
}

function ofKind(parts: readonly Part[], kind: RecordKind): Records {
  return Object.fromEntries(
    parts
      .filter((part) => part.kind === kind && part.total > 0)
      .map(({ table, records }) => [camel(table), records.map(fields)]),
  );
}

/** Mail lies sealed in its table: here it is as it was read. */
function withMail(about: Records, mail: Awaited<ReturnType<typeof listMailToIn>>): Records {
  if (about.mail === undefined) return about;
  const texts = new Map(mail.map(({ id, ...text }) => [id, text]));
  return { ...about, mail: about.mail.map((row) => ({ ...row, ...texts.get(String(row.mailId)) })) };
}

/** Columns are named as everywhere on the wire; documents inside them stay as they are. */
const fields = (record: Part["records"][number]) =>
  Object.fromEntries(Object.entries(record).map(([column, value]) => [camel(column), value]));

const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

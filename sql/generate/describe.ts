/** What PostgreSQL says about a query: the types of its parameters and the columns of its rows. */
import type { Sql } from "postgres";
import { isNeverNull, isStar, optionalTables, resultExpressions } from "./nulls.ts";
import { type ProblemReport, type Query, toCamel } from "./query.ts";
import { type PgType, toTypeScript } from "./types.ts";

export interface Field {
  /** camelCase. */
  readonly name: string;
  /** TypeScript, with `| null` where it may be null. */
  readonly type: string;
}

export interface Described {
  readonly query: Query;
  readonly params: readonly Field[];
  readonly columns: readonly Field[];
}

interface SourceColumn {
  readonly table: string;
  readonly type: number;
  readonly notNull: boolean;
  readonly checks: readonly string[];
}

const columnName = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/** Describes one query. Null when a problem was reported. */
export async function describe(
  sql: Sql,
  types: ReadonlyMap<number, PgType>,
  query: Query,
  report: ProblemReport,
): Promise<Described | null> {
  let sound = true;
  const refuse: ProblemReport = (line, text) => {
    sound = false;
    report(line, text);
  };

  const statement = await sql
    .unsafe(query.text)
    .describe()
    .catch((error: unknown) => {
      refuse(...explain(query, error));
      return null;
    });
  if (statement === null) return null;

  const params = query.params.map((param, index): Field => {
    const mapped = toTypeScript(types, statement.types[index] ?? 0, "parameter");
    if ("refusal" in mapped) {
      refuse(null, `parameter :${param} ${mapped.refusal}.`);
      return { name: toCamel(param), type: "never" };
    }
    if (mapped.ts !== "Json")
      return { name: toCamel(param), type: orNull(mapped.ts, query.nullableParams.has(param)) };
    return { name: toCamel(param), type: query.nullableParams.has(param) ? "Json" : "Exclude<Json, null>" };
  });
  reportTwins(query.params, "parameter", refuse);

  const optional = optionalTables(query.tokens);
  const expressions = resultExpressions(query.tokens);
  if (statement.columns.length > 0 && expressions?.some(isStar))
    refuse(null, "`*` changes with the table. List the columns.");
  const aligned = expressions?.length === statement.columns.length ? expressions : null;

  const columns: Field[] = [];
  for (const [index, column] of statement.columns.entries()) {
    if (!columnName.test(column.name)) {
      refuse(
        null,
        `column ${index + 1} is called "${column.name}". Give it a name: \`… as name\`, in snake_case.`,
      );
      continue;
    }
    const source = column.table === 0 ? null : await sourceColumn(sql, column.table, column.number);
    const isCall = statement.columns.length === 1 && (query.returns === "one" || query.returns === "count");
    if (types.get(column.type)?.name === "void" && isCall) continue;
    const mapped = toTypeScript(types, source?.type ?? column.type, "column", source?.checks);
    if ("refusal" in mapped) {
      refuse(null, `column ${column.name} ${mapped.refusal}.`);
      continue;
    }
    const neverNull =
      source === null
        ? isNeverNull(aligned?.[index] ?? [])
        : source.notNull && optional !== "all" && !optional.has(source.table);
    if (neverNull && query.notNullColumns.has(column.name)) {
      refuse(null, `"not null: ${column.name}" says what is known anyway. Delete it.`);
    }
    if (!neverNull && query.nullableColumns.has(column.name)) {
      refuse(null, `"nullable: ${column.name}" says what is known anyway. Delete it.`);
    }
    const nullable = neverNull
      ? query.nullableColumns.has(column.name)
      : !query.notNullColumns.has(column.name);
    columns.push({
      name: toCamel(column.name),
      type: mapped.ts === "Json" ? "Json" : orNull(mapped.ts, nullable),
    });
  }
  const names = statement.columns.map((column) => column.name);
  reportTwins(names, "column", refuse);
  for (const name of [...query.nullableColumns, ...query.notNullColumns]) {
    if (!names.includes(name))
      refuse(null, `the header names the column ${name}, which the statement does not return.`);
  }

  if (query.returns === "count" && columns.length > 0) {
    refuse(null, "`returns: count` needs no columns. Drop `returning`, or return one, maybe or many.");
  }
  if (query.returns !== "count" && names.length === 0) {
    refuse(null, `the statement returns no columns: say \`returns: count\`, or add \`returning\`.`);
  }
  const scalar = { count: "number", exists: "boolean" }[String(query.verb)];
  if (scalar !== undefined && sound && (columns.length !== 1 || columns[0]?.type !== scalar)) {
    refuse(
      null,
      `"${query.verb}" must return one ${scalar} that is not null, not ` +
        `${columns.map((column) => `${column.name}: ${column.type}`).join(", ")}.`,
    );
  }
  return sound ? { query, params, columns } : null;
}

function orNull(ts: string, nullable: boolean): string {
  return nullable ? `${ts} | null` : ts;
}

function reportTwins(names: readonly string[], what: string, refuse: ProblemReport): void {
  const camel = names.map(toCamel);
  const twins = new Set(camel.filter((name, index) => camel.indexOf(name) !== index));
  for (const twin of twins) refuse(null, `two ${what}s are called ${twin}. Give each its own name.`);
}

/** The column a result column is taken from, or null when it is a system column. */
async function sourceColumn(sql: Sql, table: number, number: number): Promise<SourceColumn | null> {
  // The driver reads the number as unsigned, but system columns have negative ones.
  const signed = (number << 16) >> 16;
  const [row] = await sql<SourceColumn[]>`
    select c.relname as table, a.atttypid::int as type,
           a.attnotnull and not exists (
             select from pg_constraint n
              where n.conrelid = a.attrelid and n.contype = 'n' and n.conkey = array[a.attnum]
                and not n.convalidated) as "notNull",
           coalesce((select json_agg(pg_get_constraintdef(k.oid) order by k.conname) from pg_constraint k
                      where k.conrelid = a.attrelid and k.contype = 'c' and k.conkey = array[a.attnum]
                        and k.convalidated), '[]'::json) as checks
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid
     where a.attrelid = ${table} and a.attnum = ${signed}`;
  return row ?? null;
}

/** PostgreSQL's complaint, with the line it is about and, for the common ones, what to do. */
function explain(query: Query, error: unknown): [number | null, string] {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  const position = "position" in error && typeof error.position === "string" ? Number(error.position) : null;
  const hint = "hint" in error && typeof error.hint === "string" ? ` ${error.hint}` : "";
  let message = error.message.replace(/\$(\d+)/g, (whole, digits: string) => {
    const name = query.params[Number(digits) - 1];
    return name === undefined ? whole : `:${name}`;
  });
  if (error.code === "42P18" || error.code === "42725") message += ". Say which type is meant: :name::type";
  return [position === null ? null : query.lineAt(position - 1), `PostgreSQL: ${message}.${hint}`];
}

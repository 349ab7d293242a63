/** PostgreSQL's types in TypeScript, as the driver is set up to read and write them. */
import type { Sql } from "postgres";

export interface PgType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_type.typtype: b(ase), c(omposite), d(omain), e(num), m(ultirange), p(seudo), r(ange). */
  readonly kind: string;
  readonly base: number;
  /** The element's type when this is an array type, else 0. */
  readonly element: number;
  readonly labels: readonly string[];
  /** pg_get_constraintdef of a domain's checks. */
  readonly checks: readonly string[];
}

/** The type catalog of the scratch database, by oid. */
export async function readTypes(sql: Sql): Promise<ReadonlyMap<number, PgType>> {
  const rows = await sql<PgType[]>`
    select t.oid::int as oid, n.nspname as schema, t.typname as name, t.typtype as kind, t.typbasetype::int as base,
           coalesce(i.oid::int, 0) as element,
           coalesce((select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where t.typtype = 'e' and e.enumtypid = t.oid),
                    '[]'::json) as labels,
           coalesce((select json_agg(pg_get_constraintdef(c.oid)) from pg_constraint c
                      where t.typtype = 'd' and c.contypid = t.oid and c.convalidated), '[]'::json) as checks
      from pg_type t
      join pg_namespace n on n.oid = t.typnamespace
      left join pg_type i on i.oid = t.typelem and i.typarray = t.oid`;
  return new Map(rows.map((row) => [row.oid, row]));
}

const scalars: Record<string, string> = {
  bool: "boolean",
  int2: "number",
  int4: "number",
  int8: "number",
  float4: "number",
  float8: "number",
  oid: "number",
  json: "Json",
  jsonb: "Json",
  bytea: "Uint8Array",
  timestamptz: "Date",
};

// `timestamp` is no instant: as a Date it would shift with the time zone of the process.
const strings = new Set(
  [
    "text varchar bpchar char name uuid numeric date time timetz timestamp interval inet cidr macaddr macaddr8",
    "bit varbit tsvector tsquery regconfig regclass regtype regproc regprocedure regrole regnamespace jsonpath xml",
    "pg_lsn xid xid8 tid citext ltree lquery ltxtquery",
  ].flatMap((line) => line.split(" ")),
);

// The arrays that the driver reads (src/wire.ts); any other would arrive as text.
const arrayElements = new Set(
  [
    "bool bytea int2 int4 int8 oid float4 float8 numeric json jsonb text varchar bpchar char name uuid",
    "date time timetz timestamp timestamptz interval inet cidr macaddr xml",
  ].flatMap((line) => line.split(" ")),
);

/** A TypeScript type, or why there is none. */
export type Mapped = { readonly ts: string } | { readonly refusal: string };

/**
 * The TypeScript type of a PostgreSQL type, without null. Array elements are taken to be not null. `checks` are
 * the checks on the column the value comes from; one of the form `column in ('a', 'b')` makes a union.
 */
export function toTypeScript(
  types: ReadonlyMap<number, PgType>,
  oid: number,
  use: "parameter" | "column",
  checks: readonly string[] = [],
): Mapped {
  const type = types.get(oid);
  if (type === undefined) return { refusal: `has the type ${oid}, which the catalog does not know` };
  const title = type.schema === "pg_catalog" ? type.name : `${type.schema}.${type.name}`;
  if (type.element !== 0) {
    const of = types.get(type.element);
    if (of === undefined || of.schema !== "pg_catalog" || !arrayElements.has(of.name)) {
      return {
        refusal: `is an array of ${of?.name}, which the driver cannot read. Cast it to text[] or jsonb`,
      };
    }
    const element = toTypeScript(types, type.element, use);
    if ("refusal" in element) return element;
    const listed = of.name === "text" ? literals(checks, "array") : null;
    const ts = listed ?? element.ts;
    return { ts: `readonly ${ts.includes(" ") ? `(${ts})` : ts}[]` };
  }
  switch (type.kind) {
    case "e":
      return { ts: union(type.labels) };
    case "r":
    case "m":
      return { ts: "string" };
    case "d": {
      const base = toTypeScript(types, type.base, use, [...checks, ...type.checks]);
      if (use === "parameter" && "ts" in base && !/^(string|number|boolean|".*")$/.test(base.ts)) {
        const name = types.get(type.base)?.name ?? "";
        return { refusal: `has the domain ${title}, which the driver cannot write. Cast it to ${name}` };
      }
      return base;
    }
    case "c":
      return { refusal: `has the composite type ${title}. Select its fields one by one, or build jsonb` };
    case "b":
      break;
    default:
      return { refusal: `has the pseudo-type ${title}. Cast it to the type that is meant` };
  }
  const scalar = scalars[type.name];
  if (scalar !== undefined) return { ts: scalar };
  if (!strings.has(type.name)) {
    return { refusal: `has the type ${title}, which has no TypeScript type. Cast it to text or jsonb` };
  }
  // Not of citext, to which 'A' is 'a', nor of char(n), which pads.
  const listed = type.name === "text" || type.name === "varchar" ? literals(checks, "scalar") : null;
  return { ts: listed ?? "string" };
}

export function union(labels: readonly string[]): string {
  return labels.map((label) => JSON.stringify(label)).join(" | ");
}

const oneLiteral = "\\(?'(?:[^']|'')*'(?:::[a-z ]+)?\\)?(?:::text)?";
const checkForms = {
  scalar: [
    /^CHECK \(\(\(?[\w"]+\)?(?:::text)? = ANY \(\(?ARRAY\[(.*?)\]\)?(?:::text\[\])?\)\)\)$/,
    new RegExp(String.raw`^CHECK \(\(\(?[\w"]+\)?(?:::text)? = (${oneLiteral})\)\)$`),
  ],
  array: [/^CHECK \(\([\w"]+ <@ ARRAY\[(.*?)\]\)\)$/],
};

/** The union that a check constraint of the form `column in ('a', 'b')` allows, or null. */
function literals(checks: readonly string[], form: keyof typeof checkForms): string | null {
  for (const check of checks) {
    for (const pattern of checkForms[form]) {
      const list = pattern.exec(check)?.[1];
      if (list === undefined || !new RegExp(`^${oneLiteral}(?:, ${oneLiteral})*$`).test(list)) continue;
      const labels = [...list.matchAll(/'((?:[^']|'')*)'/g)].map((each) =>
        (each[1] ?? "").replaceAll("''", "'"),
      );
      return union(labels);
    }
  }
  return null;
}

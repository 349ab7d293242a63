/**
 * What may be null in a result, from the text of a statement.
 *
 * Describe says which table column a result column comes from, and the catalog says whether that column is `not
 * null`. It does not say that an outer join, a grouping set or a MERGE can still leave it empty; the rules here do.
 * They err on the side of null: `not null: column` in the header is the way to know better.
 */
import type { Token } from "./lex.ts";

/** Table names whose columns may be null although declared `not null`, or `all` where that cannot be told. */
export type Optional = "all" | ReadonlySet<string>;

const joinWords = ["join", "left", "right", "full", "inner", "cross", "natural"];

/**
 * The tables on the nullable side of an outer join. `right`, `full` and `natural` joins, grouping sets, rows that
 * MERGE returns and the `old`/`new` of RETURNING make everything nullable; a `left join` only the tables named
 * between `join` and its `on`, unless one of those is a common table expression, which could hold any table. What is
 * `lateral` may also pass on columns of tables before it.
 */
export function optionalTables(tokens: readonly Token[]): Optional {
  const named = new Set(commonTableNames(tokens));
  const optional = new Set<string>();
  const returning = tokens.findIndex((token) => is(token, "returning"));
  if (returning !== -1 && tokens.some((token) => is(token, "merge"))) return "all";
  if (returning !== -1 && is(tokens[returning + 1], "with")) return "all";
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (is(token, "rollup", "cube") && next?.text === "(") return "all";
    if (is(token, "grouping") && is(next, "sets")) return "all";
    if (index > returning && returning !== -1 && is(token, "old", "new") && next?.text === ".") return "all";
    if (!is(token, "left", "right", "full")) continue;
    const join = is(next, "outer") ? index + 2 : index + 1;
    if (!is(tokens[join], "join")) continue;
    if (!is(token, "left") || is(tokens[index - 1], "natural")) return "all";
    const end = tokens.findIndex(
      (each, at) =>
        at > join && (each.depth < token.depth || (each.depth === token.depth && is(each, "on", "using"))),
    );
    if (end === -1) return "all";
    const joined = tokens.slice(join + 1, end);
    if (joined.some((each) => each.depth === token.depth && is(each, ...joinWords))) return "all";
    const names = joined.filter(isName).map((each) => each.text);
    const passed = joined.some((each) => is(each, "lateral")) ? passedOn(tokens, joined) : [];
    if (passed === "all") return "all";
    for (const name of [...names, ...passed]) {
      if (named.has(name)) return "all";
      optional.add(name);
    }
  }
  return optional;
}

function is(token: Token | undefined, ...words: string[]): boolean {
  return token?.kind === "word" && words.includes(token.text);
}

function isName(token: Token | undefined): token is Token {
  return token?.kind === "word" || token?.kind === "quoted";
}

/**
 * The tables of all columns that select lists in `part` give away as they are. PostgreSQL takes more for a column than
 * `table.column`: `(column)`, `column::its_own_type`, `(row).column`. So what is not surely an expression may be any.
 */
function passedOn(tokens: readonly Token[], part: readonly Token[]): "all" | readonly string[] {
  const tables: string[] = [];
  for (const [index, token] of part.entries()) {
    if (!is(token, "select")) continue;
    for (const item of selectItems(part, index, token.depth)) {
      if (isExpression(item) || (item.length === 1 && isStar(item))) continue;
      const qualifier = /^(?:name\.){1,2}(?:name|\*)$/.test(item.map(shapeOf).join(""))
        ? item.at(-3)?.text
        : undefined;
      if (qualifier === undefined) return "all";
      tables.push(qualifier);
      for (const [at, each] of tokens.entries()) {
        if (!isName(each) || each.text !== qualifier || tokens[at + 1]?.text === ".") continue;
        const before = is(tokens[at - 1], "as") ? tokens[at - 2] : tokens[at - 1];
        if (before?.text === ")") return "all";
        if (isName(before)) tables.push(before.text);
      }
    }
  }
  return tables;
}

const calls = [
  "coalesce",
  "count",
  "sum",
  "min",
  "max",
  "avg",
  "bool_and",
  "bool_or",
  "array_agg",
  "string_agg",
];
const jsonCalls = ["json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"];

function isExpression(item: readonly Token[]): boolean {
  const [first, second] = item;
  if (first === undefined) return false;
  if (second?.text === "(" && is(first, ...calls, ...jsonCalls, ...neverNullCalls)) return true;
  if (["number", "string", "param"].includes(first.kind)) return true;
  return (
    !isStar(item) &&
    item.some((token) => token.depth === first.depth && /^[-+*/<>=|&%^~#@!?]$/.test(token.text))
  );
}

/** Every `name [(columns)] as [not] [materialized] (`. */
function* commonTableNames(tokens: readonly Token[]): Generator<string> {
  for (const [index, token] of tokens.entries()) {
    if (!is(token, "as")) continue;
    let open = index + 1;
    while (["not", "materialized"].includes(tokens[open]?.text ?? "")) open += 1;
    if (tokens[open]?.text !== "(") continue;
    let name = index - 1;
    if (tokens[name]?.text === ")") {
      const depth = tokens[name]?.depth;
      name =
        tokens.findLastIndex((each, at) => at < index - 1 && each.text === "(" && each.depth === depth) - 1;
    }
    const text = tokens[name]?.text;
    if (text !== undefined) yield text;
  }
}

const listEnds = [
  ...["from", "where", "group", "having", "window", "union", "intersect", "except"],
  ...["order", "limit", "offset", "fetch", "for", "into"],
];

/**
 * The expressions of the outermost select list or `returning`, each without its alias. Null where the text does not
 * say it plainly (set operations, VALUES).
 */
export function resultExpressions(tokens: readonly Token[]): readonly (readonly Token[])[] | null {
  const returning = tokens.findIndex((token) => token.depth === 0 && is(token, "returning"));
  if (returning !== -1) return selectItems(tokens, returning, 0);
  const select = tokens.findIndex((token) => token.depth === 0 && is(token, "select"));
  const again = tokens.findLastIndex((token) => token.depth === 0 && is(token, "select"));
  return select === -1 || select !== again ? null : selectItems(tokens, select, 0);
}

/** The items of the list that begins after the `select` or `returning` at `keyword`, each without its alias. */
function selectItems(
  tokens: readonly Token[],
  keyword: number,
  depth: number,
): readonly (readonly Token[])[] {
  let start = keyword + 1;
  if (is(tokens[start], "all", "distinct")) start += 1;
  if (is(tokens[start], "on") && tokens[start + 1]?.text === "(") start = closes(tokens, start + 1) + 1;
  const items: Token[][] = [[]];
  for (let index = start; index < tokens.length; index += 1) {
    const token = tokens[index];
    if (token === undefined || token.depth < depth) break;
    const before = tokens[index - 1];
    const isLabel = index > start && (is(before, "as") || before?.text === ".");
    if (!isLabel && token.depth === depth && is(token, ...listEnds)) break;
    if (token.depth === depth && token.kind === "mark" && token.text === ",") items.push([]);
    else items.at(-1)?.push(token);
  }
  return items.map(withoutAlias);
}

function withoutAlias(item: readonly Token[]): readonly Token[] {
  if (is(item.at(-2), "as")) return item.slice(0, -2);
  const last = item.at(-1);
  const before = item.at(-2);
  const isName =
    last?.kind === "quoted" || (last?.kind === "word" && !["null", "true", "false"].includes(last.text));
  const afterOperand = before !== undefined && (before.kind !== "mark" || before.text === ")");
  return isName && afterOperand ? item.slice(0, -1) : item;
}

/** Whether a select list item is `*` or `table.*`. */
export function isStar(item: readonly Token[]): boolean {
  return item.at(-1)?.text === "*" && (item.length === 1 || item.at(-2)?.text === ".");
}

const neverNullCalls = [
  ...["count", "exists", "now", "clock_timestamp", "statement_timestamp", "gen_random_uuid"],
  ...["row_number", "rank", "dense_rank", "concat", "array"],
  ...["jsonb_build_object", "jsonb_build_array", "json_build_object", "json_build_array"],
];

/**
 * Whether an expression can never be null by its form: a literal, `count(…)`, `exists (…)`, `now()` and the like,
 * `x is [not] null`, `coalesce(…, literal)`, each with or without a cast.
 */
export function isNeverNull(expression: readonly Token[]): boolean {
  const [first, second] = expression;
  const last = expression.at(-1);
  if (first === undefined || last === undefined) return false;
  const depth = first.depth;
  if (expression.length === 1) {
    return first.kind === "number" || first.kind === "string" || /^(true|false)$/.test(first.text);
  }
  if (expression.at(-2)?.text === "::" && last.kind === "word") return isNeverNull(expression.slice(0, -2));
  if (first.kind === "word" && first.text === "not" && second?.text === "exists") {
    return isNeverNull(expression.slice(1));
  }
  const words = expression.map((token) => (token.kind === "word" ? token.text : ""));
  if (
    words.at(-1) === "null" &&
    (words.at(-2) === "is" || (words.at(-2) === "not" && words.at(-3) === "is"))
  ) {
    const operand = expression.slice(0, words.at(-2) === "is" ? -2 : -3);
    // Only a bare column or parameter: in `a and b is null` the `and` can still be null.
    return /^(?:name(?:\.name)*|param)(?:::name)?$/.test(operand.map(shapeOf).join(""));
  }
  // The operand alone tells; `(select …)` never passes for one, since it may find no row.
  if (first.text === "(" && closes(expression, 0) === expression.length - 1)
    return isNeverNull(expression.slice(1, -1));
  if (first.kind !== "word") return false;
  if (first.text === "array" && second?.text === "[") return closes(expression, 1) === expression.length - 1;
  if (second?.text !== "(") return false;
  const close = closes(expression, 1);
  if (first.text === "coalesce") {
    const comma = expression.findLastIndex((token) => token.text === "," && token.depth === depth + 1);
    return close === expression.length - 1 && isNeverNull(expression.slice(comma + 1, -1));
  }
  if (!neverNullCalls.includes(first.text)) return false;
  let rest = expression.slice(close + 1);
  for (const clause of ["filter", "over"]) {
    if (rest[0]?.text !== clause) continue;
    rest = rest[1]?.text === "(" ? rest.slice(closes(rest, 1) + 1) : rest.slice(2);
  }
  return rest.length === 0;
}

function shapeOf({ kind, text }: Token): string {
  if (kind === "word" || kind === "quoted") return "name";
  return kind === "mark" ? text : kind;
}

/** The index of the mark that closes the one at `open`, or -1. */
function closes(tokens: readonly Token[], open: number): number {
  const depth = tokens[open]?.depth;
  return tokens.findIndex((token, at) => at > open && token.depth === depth && /^[)\]]$/.test(token.text));
}

/**
 * A query file: one statement with named parameters, below a header.
 *
 *     -- A sentence that says what the query is for. It becomes the function's documentation.
 *     -- returns: one | maybe | many | count
 *     -- scope: tenant | system
 *     -- nullable: :parameter, column      parameters that may be null; columns that may, against the catalog
 *     -- not null: column                  columns that are never null, though PostgreSQL cannot know
 */
import { basename, dirname } from "node:path";
import { lex, lineOf, type Token } from "./lex.ts";

/** A query file, read and checked as far as its text alone allows. */
export interface Query {
  /** Path below the query folder without the ending: `comments/list_by_content`. */
  readonly name: string;
  readonly feature: string;
  readonly functionName: string;
  readonly verb: Verb;
  readonly doc: string;
  readonly returns: Returns;
  readonly scope: "tenant" | "system";
  /** Names after `nullable:` that begin with a colon, without it. */
  readonly nullableParams: ReadonlySet<string>;
  readonly nullableColumns: ReadonlySet<string>;
  readonly notNullColumns: ReadonlySet<string>;
  /** In the order of their numbers: the first is `$1`. */
  readonly params: readonly string[];
  /** What is sent: numbered, without comments, naming its file. */
  readonly text: string;
  readonly tokens: readonly Token[];
  /** The line of the file for an offset, in characters, into `text`. */
  lineAt(position: number): number;
}

export type Returns = "one" | "maybe" | "many" | "count";

interface VerbRule {
  readonly returns: readonly Returns[];
  /** The query must not write or lock, so that it may run in a read-only transaction. */
  readonly reads: boolean;
  readonly meaning: string;
}

/** The closed list of verbs. A file is called `<verb>_<what>.sql`. */
export const verbs = {
  get: { returns: ["one"], reads: true, meaning: "a row that must exist" },
  find: { returns: ["maybe"], reads: true, meaning: "a row that may be absent" },
  list: { returns: ["many"], reads: true, meaning: "rows in an order" },
  count: { returns: ["one"], reads: true, meaning: "a number" },
  exists: { returns: ["one"], reads: true, meaning: "yes or no" },
  insert: { returns: ["one", "maybe", "many", "count"], reads: false, meaning: "new rows" },
  upsert: { returns: ["one", "maybe", "many", "count"], reads: false, meaning: "new or changed rows" },
  update: { returns: ["one", "maybe", "many", "count"], reads: false, meaning: "changed rows" },
  bump: { returns: ["one", "maybe", "many", "count"], reads: false, meaning: "counters moved on" },
  delete: { returns: ["maybe", "many", "count"], reads: false, meaning: "rows gone, or marked as gone" },
  prune: { returns: ["many", "count"], reads: false, meaning: "a batch of outdated rows gone" },
  lock: { returns: ["one", "maybe", "many"], reads: false, meaning: "rows held until the end" },
  claim: { returns: ["maybe", "many"], reads: false, meaning: "work taken by one of many" },
} as const satisfies Record<string, VerbRule>;

export type Verb = keyof typeof verbs;

/** The table of verbs, for people. */
export function verbTable(): string {
  return Object.entries(verbs)
    .map(
      ([verb, rule]) => `    ${verb.padEnd(7)} returns ${rule.returns.join("|").padEnd(21)} ${rule.meaning}`,
    )
    .join("\n");
}

const directives = ["returns", "scope", "nullable", "not null"];
const snake = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;
/** A feature is called as its folder in src/. */
const kebab = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;

export function toCamel(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

export type ProblemReport = (line: number | null, text: string) => void;

/**
 * Reads one query file. `name` is its path below the query folder, without the ending. Null when a problem was
 * reported; every problem of the file is reported, not only the first.
 */
export function readQuery(name: string, source: string, report: ProblemReport): Query | null {
  let sound = true;
  const refuse: ProblemReport = (line, text) => {
    sound = false;
    report(line, text);
  };

  const feature = dirname(name);
  const stem = basename(name);
  if (!kebab.test(feature) || ["migrations", "statements"].includes(feature)) {
    refuse(
      null,
      `a query lies in sql/queries/<feature>/, the feature in kebab-case and not called "migrations" or "statements"`,
    );
  }
  const verb = Object.keys(verbs).find((each): each is Verb => stem.startsWith(`${each}_`));
  if (verb === undefined || !snake.test(stem)) {
    refuse(null, `the file must be called <verb>_<what>.sql in snake_case. The verbs:\n${verbTable()}`);
  }

  const { tokens: all, comments, mistakes } = lex(source);
  for (const mistake of mistakes) refuse(lineOf(source, mistake.at), `${mistake.text}.`);

  const last = all.findLastIndex((token) => token.text !== ";" || token.kind !== "mark");
  const tokens = all.slice(0, last + 1);
  const first = tokens[0];
  if (first === undefined) {
    refuse(null, "the file holds no statement. Write one, or delete the file.");
    return null;
  }
  if (all.length - tokens.length > 1)
    refuse(lineOf(source, all.at(-1)?.start ?? 0), "one `;` ends a statement.");
  const second = tokens.find((token) => token.kind === "mark" && token.text === ";");
  if (second !== undefined) {
    refuse(
      lineOf(source, second.start),
      "a file holds one statement. Move what follows the `;` to its own file.",
    );
  }

  const header = readHeader(
    source,
    comments.filter((comment) => comment.end <= first.start),
    refuse,
  );

  const rule: VerbRule | undefined = verb === undefined ? undefined : verbs[verb];
  if (verb !== undefined && rule !== undefined) {
    if (header.returns !== null && !rule.returns.includes(header.returns)) {
      refuse(
        null,
        `"${verb}" must say \`returns: ${rule.returns.join("|")}\`, not ${header.returns}. The verbs:\n${verbTable()}`,
      );
    }
    checkKind(verb, rule, tokens, (token, text) => refuse(lineOf(source, token.start), text));
  }

  const params = [...new Set(tokens.filter((token) => token.kind === "param").map((token) => token.text))];
  for (const param of header.nullableParams) {
    if (!params.includes(param))
      refuse(null, `nullable: names :${param}, which the statement does not have.`);
  }

  if (!sound || verb === undefined || header.returns === null || header.scope === null) return null;
  const { text, origin } = renumber(name, source, tokens, params);
  return {
    name,
    feature,
    functionName: toCamel(stem),
    verb,
    doc: header.doc,
    returns: header.returns,
    scope: header.scope,
    nullableParams: header.nullableParams,
    nullableColumns: header.nullableColumns,
    notNullColumns: header.notNullColumns,
    params,
    text,
    tokens,
    lineAt: (position) => lineOf(source, origin(Array.from(text).slice(0, position).join("").length)),
  };
}

interface Header {
  doc: string;
  returns: Returns | null;
  scope: "tenant" | "system" | null;
  nullableParams: Set<string>;
  nullableColumns: Set<string>;
  notNullColumns: Set<string>;
}

function readHeader(
  source: string,
  comments: readonly { text: string; start: number }[],
  refuse: ProblemReport,
): Header {
  const header: Header = {
    doc: "",
    returns: null,
    scope: null,
    nullableParams: new Set(),
    nullableColumns: new Set(),
    notNullColumns: new Set(),
  };
  const doc: string[] = [];
  const seen = new Set<string>();
  for (const comment of comments) {
    const line = lineOf(source, comment.start);
    if (!comment.text.startsWith("--")) {
      refuse(line, "the header is written in `--` lines, not in a block comment.");
      continue;
    }
    const text = comment.text.slice(2).trim();
    const directive = /^([a-z][a-z -]{0,20}):(?:\s+(.*))?$/.exec(text);
    if (directive === null) {
      doc.push(text);
      if (seen.size > 0 && text !== "") refuse(line, "the sentence comes before the directives.");
      continue;
    }
    const key = directive[1] ?? "";
    const value = directive[2] ?? "";
    if (!directives.includes(key)) {
      refuse(
        line,
        `unknown directive "${key}:". There are ${directives.map((each) => `${each}:`).join(", ")}`,
      );
      continue;
    }
    if (seen.has(key)) refuse(line, `"${key}:" is given twice. Give it once, names separated by commas.`);
    seen.add(key);
    if (key === "returns") {
      if (value === "one" || value === "maybe" || value === "many" || value === "count")
        header.returns = value;
      else refuse(line, `"returns: ${value}" must be one of one, maybe, many, count.`);
      continue;
    }
    if (key === "scope") {
      if (value === "tenant" || value === "system") header.scope = value;
      else refuse(line, `"scope: ${value}" must be tenant or system.`);
      continue;
    }
    for (const name of value.split(",").map((each) => each.trim())) {
      const isParam = name.startsWith(":");
      if (!snake.test(isParam ? name.slice(1) : name) || (isParam && key === "not null")) {
        refuse(
          line,
          `"${key}: ${name}" is no ${key === "nullable" ? ":parameter or column" : "column"} name in snake_case.` +
            (isParam ? " Parameters are not null unless listed as nullable." : ""),
        );
      } else if (key === "not null") header.notNullColumns.add(name);
      else if (isParam) header.nullableParams.add(name.slice(1));
      else header.nullableColumns.add(name);
    }
  }
  header.doc = doc.join("\n").trim();
  if (!/^[A-Z]/.test(header.doc) || !/\.$/.test(header.doc)) {
    refuse(1, "the file must begin with `-- A sentence that says what the query is for.`");
  }
  if (!seen.has("returns")) refuse(1, "the header lacks `-- returns: one|maybe|many|count`.");
  if (!seen.has("scope")) refuse(1, "the header lacks `-- scope: tenant|system`.");
  return header;
}

const writes = ["insert", "update", "delete", "merge"];
const starts = ["select", "with", "values", ...writes];

function checkKind(
  verb: Verb,
  rule: VerbRule,
  tokens: readonly Token[],
  refuse: (token: Token, text: string) => void,
): void {
  const isWord = (token: Token | undefined, ...words: string[]) =>
    token?.kind === "word" && words.includes(token.text);
  const first = tokens[0];
  if (first !== undefined && !isWord(first, ...starts)) {
    refuse(
      first,
      `a query begins with ${starts.join(", ")}. Anything else belongs in a migration or in the driver.`,
    );
  }
  if (!rule.reads) return;
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    if (isWord(token, ...writes) && (before === undefined || before.text === "(")) {
      refuse(token, `"${verb}" only reads, but this is ${token.text}. Choose a verb that writes.`);
    }
    if (isWord(token, "for") && isWord(tokens[index + 1], "update", "share", "no", "key")) {
      refuse(token, `"${verb}" only reads, but this locks rows. Call it lock_… or claim_….`);
    }
  });
}

/**
 * Numbers the parameters, drops the comments and puts the file's name after the first word. Not before it:
 * PostgreSQL 18 leaves out leading comments in pg_stat_statements.
 */
function renumber(name: string, source: string, tokens: readonly Token[], params: readonly string[]) {
  let text = "";
  const marks: { text: number; source: number }[] = [];
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    if (before !== undefined) text += gap(source, before, token);
    marks.push({ text: text.length, source: token.start });
    text +=
      token.kind === "param" ? `$${params.indexOf(token.text) + 1}` : source.slice(token.start, token.end);
    if (index === 0) text += ` /* ${name} */`;
  });
  const origin = (offset: number): number => {
    const mark = marks.findLast((each) => each.text <= offset) ?? { text: 0, source: 0 };
    return mark.source;
  };
  return { text, origin };
}

/** The white space between two tokens: a line break with its indentation, one blank, or nothing. */
function gap(source: string, before: Token, after: Token): string {
  const between = source.slice(before.end, after.start);
  if (between === "") return "";
  const broken = /\n([ \t]*)$/.exec(between) ?? (between.includes("\n") ? ["", ""] : null);
  return broken === null ? " " : `\n${broken[1] ?? ""}`;
}

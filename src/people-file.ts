/**
 * A file of people, as a school's other systems and its spreadsheets write them: a table (CSV) whose first row names the
 * columns, or one JSON object a line (NDJSON). Each line is checked by itself; what is wrong with one costs no other.
 */
import { isUtf8 } from "node:buffer";
import { ROLES, type Role } from "./actor.ts";
import { type CsvRow, csvRows, linesIn } from "./csv.ts";
import { malformedJson, Refusal, refusal } from "./errors.ts";
import { parseJson } from "./json.ts";

export const PEOPLE_FORMATS = ["csv", "ndjson"] as const;
export type PeopleFormat = (typeof PEOPLE_FORMATS)[number];

export const importUnreadable = refusal("invalid", "import_unreadable", "The file cannot be read");

/** The columns there may be, and the fields of a JSON object. */
export const PEOPLE_COLUMNS = [
  "external_id",
  "full_name",
  "username",
  "email",
  "role",
  "status",
  "language",
  "time_zone",
] as const;
type Column = (typeof PEOPLE_COLUMNS)[number];

const STATUSES = ["active", "inactive", "suspended", "pending"] as const;
type Status = (typeof STATUSES)[number];

/** What a line says of a person. What it does not say is undefined; only an e-mail address can be said to be none. */
export interface PersonRecord {
  readonly externalId: string;
  readonly fullName?: string;
  readonly username?: string;
  readonly email?: string | null;
  readonly role?: Role;
  readonly status?: Status;
  readonly language?: string;
  readonly timeZone?: string;
}

export type PersonLine =
  | { readonly line: number; readonly record: PersonRecord }
  | {
      readonly line: number;
      readonly externalId: string | null;
      readonly reason: "line_malformed" | "field_refused";
      readonly detail: string;
    };

/**
 * Reads the people of a file. `line` counts from 1, the row of names included. Refuses with `import_unreadable` a table
 * whose first row does not name known columns, each once, `external_id` among them, and what `utf8Of` refuses.
 */
export async function* peopleOf(
  bytes: AsyncIterable<Uint8Array>,
  format: PeopleFormat,
): AsyncGenerator<PersonLine> {
  if (format === "csv") yield* tablePeople(csvRows(utf8Of(bytes)));
  else yield* jsonPeople(linesOf(utf8Of(bytes)));
}

const LF = 0x0a;
const CR = 0x0d;

/**
 * The text of a file, piece by piece, a byte order mark included. Refuses with `import_unreadable` at the first byte that
 * is not UTF-8, and says in which line: a file in another encoding has them wherever somebody is called José, and who
 * imported the other lines would lose these people without a word about why.
 */
export async function* utf8Of(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let lines = 0;
  let separator: number | null = null;
  // The last line so far, as far as it may hold a letter that goes on in the next piece.
  let tail = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const read = Buffer.concat([tail, chunk]);
    // Old files end their lines in CR alone.
    separator ??= read.includes(LF) ? LF : read.includes(CR) ? CR : null;
    let text: string;
    try {
      text = decoder.decode(chunk, { stream: true });
    } catch {
      throw notUtf8(lines + validLines(read, separator) + 1);
    }
    if (separator !== null) lines += countOf(chunk, separator);
    tail = read.subarray(-3);
    // What continues a letter that began before these bytes.
    while (tail[0] !== undefined && (tail[0] & 0xc0) === 0x80) tail = tail.subarray(1);
    // Counted already.
    const end = separator === null ? -1 : tail.lastIndexOf(separator);
    tail = tail.subarray(end + 1);
    yield text;
  }
  try {
    yield decoder.decode();
  } catch {
    throw notUtf8(lines + 1);
  }
}

const notUtf8 = (line: number): Refusal =>
  importUnreadable({
    detail: `Line ${line} is not UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8) and import that.`,
  });

function countOf(bytes: Uint8Array, wanted: number): number {
  let count = 0;
  for (let at = bytes.indexOf(wanted); at !== -1; at = bytes.indexOf(wanted, at + 1)) count += 1;
  return count;
}

/** How many lines there are before the first that is not UTF-8. */
function validLines(bytes: Buffer, separator: number | null): number {
  let count = 0;
  let at = 0;
  for (;;) {
    const end = separator === null ? -1 : bytes.indexOf(separator, at);
    if (end === -1 || !isUtf8(bytes.subarray(at, end))) return count;
    count += 1;
    at = end + 1;
  }
}

/** How many lines a file has, as they are numbered; empty ones at its end are none. */
export const lineCountOf = (text: string, format: PeopleFormat): number => {
  const end = text.trimEnd().length;
  if (end === 0) return 0;
  return (format === "csv" ? linesIn(text, 0, end) : countOf(Buffer.from(text.slice(0, end)), LF)) + 1;
};

async function* tablePeople(rows: AsyncIterable<CsvRow>): AsyncGenerator<PersonLine> {
  let columns: readonly Column[] | null = null;
  for await (const row of rows) {
    if (columns === null) {
      if ("problem" in row) throw importUnreadable({ detail: `The row of column names ${row.problem}.` });
      columns = columnsOf(row.cells);
      continue;
    }
    const { line } = row;
    if ("problem" in row) {
      yield { line, externalId: null, reason: "line_malformed", detail: `The line ${row.problem}.` };
      continue;
    }
    const names = columns;
    // An empty cell says nothing.
    const said = names.flatMap((name, at) => {
      const cell = row.cells[at] ?? "";
      return cell === "" ? [] : [[name, cell] as const];
    });
    if (row.cells.length > names.length && row.cells.slice(names.length).some((cell) => cell !== "")) {
      const detail = `The line has more cells than the ${names.length} columns.`;
      yield { line, externalId: null, reason: "line_malformed", detail };
      continue;
    }
    yield personOf(line, Object.fromEntries(said));
  }
  if (columns === null) throw importUnreadable({ detail: "The file is empty." });
}

/** Says the number of a column and not its name: where the row of names is missing it would be somebody's. */
function columnsOf(cells: readonly string[]): readonly Column[] {
  const columns = cells.map((cell, at): Column => {
    const plain = cell.toLowerCase().replace(/[\s_-]/g, "");
    const known = PEOPLE_COLUMNS.find((column) => column.replace("_", "") === plain);
    if (known !== undefined) return known;
    throw importUnreadable({
      detail: `Column ${at + 1} has a name that is not known. Known are ${PEOPLE_COLUMNS.join(", ")}.`,
    });
  });
  const twice = columns.find((column, at) => columns.indexOf(column) !== at);
  if (twice !== undefined) throw importUnreadable({ detail: `The column ${twice} is there twice.` });
  if (!columns.includes("external_id"))
    throw importUnreadable({ detail: "The column external_id is missing." });
  return columns;
}

const LINE_LENGTH = 16_384;

/** Splits at newlines. A line that is too long comes cut, and then is no JSON. */
async function* linesOf(
  text: AsyncIterable<string>,
): AsyncGenerator<{ readonly line: number; readonly text: string }> {
  let rest = "";
  let line = 0;
  for await (const chunk of text) {
    const parts = chunk.split("\n");
    for (const [at, part] of parts.entries()) {
      if (at > 0) {
        yield { line: ++line, text: rest };
        rest = "";
      }
      if (rest.length <= LINE_LENGTH) rest += part.slice(0, LINE_LENGTH + 1);
    }
  }
  if (rest !== "") yield { line: ++line, text: rest };
}

async function* jsonPeople(
  lines: AsyncIterable<{ readonly line: number; readonly text: string }>,
): AsyncGenerator<PersonLine> {
  for await (const { line, text } of lines) {
    const plain = (line === 1 ? text.replace(/^\ufeff/, "") : text).trim();
    if (plain === "") continue;
    const malformed = (detail: string): PersonLine => ({
      line,
      externalId: null,
      reason: "line_malformed",
      detail,
    });
    const value = plain.length > LINE_LENGTH ? malformedJson() : jsonOf(plain);
    if (value instanceof Refusal)
      yield malformed(value.details.detail ?? "The line is no strict JSON, or too long.");
    else if (typeof value !== "object" || value === null || Array.isArray(value))
      yield malformed("The line is no JSON object.");
    else yield personOf(line, value as Readonly<Record<string, unknown>>);
  }
}

/** What the line says, or why that is not to be had: a name that is there twice would say one of two things. */
function jsonOf(text: string): unknown {
  try {
    return parseJson(Buffer.from(text));
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** The e-mail addresses that the API takes, less those with letters of other alphabets. RFC 5321 §4.1.2, without quotes. */
const EMAIL =
  /^(?=.{1,254}$)(?=.{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i;
const USERNAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

type Check = (value: string) => string | null;

/** Each gives the value as it is stored, or null when it cannot be one. */
const CHECKS: Readonly<Record<Column, Check>> = {
  external_id: (value) => (/^[^\s\p{Cc}\ufffd]{1,200}$/u.test(value) ? value : null),
  full_name: (value) => {
    // A name that a spreadsheet has broken over two lines is still one.
    const name = value.replace(/\s+/g, " ").trim();
    return /^[^\p{Cc}\ufffd]{1,200}$/u.test(name) ? name : null;
  },
  username: (value) => (USERNAME.test(value) ? value : null),
  email: (value) => (EMAIL.test(value) ? value : null),
  role: (value) => ROLES.find((role) => role === value.toLowerCase()) ?? null,
  status: (value) => STATUSES.find((status) => status === value.toLowerCase()) ?? null,
  language: (value) => (/^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$/.test(value) ? value : null),
  time_zone: (value) => (/^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/.test(value) && isTimeZone(value) ? value : null),
};

/** Said together of one line they must fit into its detail of 500 characters. */
const FORMS: Readonly<Record<Column, string>> = {
  external_id: "must be 1 to 200 characters without white space",
  // U+FFFD: another program has read the file in the wrong encoding and stored what was left.
  full_name: "must be 1 to 200 characters, no control character, no U+FFFD",
  username: "must be 1 to 64 letters, digits and . _ -, a letter or digit first and last",
  email: "must be an e-mail address",
  role: `must be one of ${ROLES.join(", ")}`,
  status: `must be one of ${STATUSES.join(", ")}`,
  language: "must be a code like en or es-MX",
  time_zone: "must be a name like Europe/Madrid",
};

/** The default of who has none: an id that can be a username is one. */
export const usernameOf = (externalId: string): string | null => CHECKS.username(externalId);

function personOf(line: number, given: Readonly<Record<string, unknown>>): PersonLine {
  const id = typeof given.external_id === "string" ? CHECKS.external_id(given.external_id) : null;
  const unknown = Object.keys(given).findIndex((name) => !PEOPLE_COLUMNS.includes(name as Column));
  // All that is wrong, so that the file is mended once; never a value that was given.
  const wrong: string[] = [];
  if (unknown !== -1) wrong.push(`Field ${unknown + 1} is not known.`);
  if (given.external_id === undefined) wrong.push("external_id is missing.");
  const values: Partial<Record<Column, string>> = {};
  for (const column of PEOPLE_COLUMNS) {
    const value = given[column];
    if (value === undefined || (value === null && column === "email")) continue;
    const checked = typeof value === "string" ? CHECKS[column](value) : null;
    if (checked === null) wrong.push(`${column} ${FORMS[column]}.`);
    else values[column] = checked;
  }
  if (wrong.length > 0) return { line, externalId: id, reason: "field_refused", detail: wrong.join(" ") };
  const { full_name: fullName, username, language, time_zone: timeZone } = values;
  const email = given.email === null ? null : values.email;
  return {
    line,
    record: {
      externalId: values.external_id ?? "",
      ...(fullName === undefined ? {} : { fullName }),
      ...(username === undefined ? {} : { username }),
      ...(email === undefined ? {} : { email }),
      ...(values.role === undefined ? {} : { role: values.role as Role }),
      ...(values.status === undefined ? {} : { status: values.status as Status }),
      ...(language === undefined ? {} : { language }),
      ...(timeZone === undefined ? {} : { timeZone }),
    },
  };
}

const timeZones = new Map<string, boolean>();

/** Kept for those asked for: asking costs more than all the rest of a line. */
function isTimeZone(name: string): boolean {
  const known = timeZones.get(name);
  if (known !== undefined) return known;
  let found = true;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    found = false;
  }
  if (timeZones.size < 1000) timeZones.set(name, found);
  return found;
}

/**
 * Tables as spreadsheets write them (RFC 4180, and what is done in its place: semicolons or tabs between cells, a byte
 * order mark, lines that end in CR alone). A mistake costs its own line and no other: parsers from elsewhere that were
 * looked at take a quote in the wrong place for the beginning of a cell that lasts to the end of the file.
 */

export type CsvRow =
  | { readonly line: number; readonly cells: readonly string[] }
  | { readonly line: number; readonly problem: string };

const DELIMITERS = [",", ";", "\t"] as const;
/** A cell in quotes goes on for so many characters at most; one that is longer was never meant to. */
const ROW_LENGTH = 16_384;
const ROW_LINES = 50;

/**
 * Reads rows, one at a time. `line` is where the row begins, from 1. The delimiter is the one that the first row has most
 * of. White space around cells is dropped, and so are empty lines.
 */
export async function* csvRows(text: AsyncIterable<string>): AsyncGenerator<CsvRow> {
  let rest = "";
  let line = 1;
  let delimiter: string | null = null;
  let begun = false;
  const take = function* (ended: boolean): Generator<CsvRow> {
    if (!begun && rest !== "") {
      begun = true;
      if (rest.startsWith("\ufeff")) rest = rest.slice(1);
    }
    let at = 0;
    while (at < rest.length) {
      const end = endOfLine(rest, at, ended);
      if (end === null && !ended) break;
      delimiter ??= delimiterOf(rest.slice(at, end?.at));
      const row = readRow(rest, at, delimiter, ended);
      if (row === null) break;
      if ("problem" in row) yield { line, problem: row.problem };
      else if (row.cells.some((cell) => cell !== "")) yield { line, cells: row.cells };
      line += linesIn(rest, at, row.next);
      at = row.next;
    }
    rest = rest.slice(at);
  };
  for await (const chunk of text) {
    rest += chunk;
    yield* take(false);
  }
  yield* take(true);
}

function delimiterOf(row: string): string {
  const bare = row.replace(/"[^"]*"/g, "");
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ",";
}

type Read =
  | { readonly cells: readonly string[]; readonly next: number }
  | { readonly problem: string; readonly next: number };

/** The row that begins there, or null when more of the text is needed to know. */
function readRow(text: string, start: number, delimiter: string, ended: boolean): Read | null {
  const cells: string[] = [];
  // After a mistake the next line is read as if nothing had been.
  const wrong = (problem: string): Read => ({
    problem,
    next: endOfLine(text, start, ended)?.next ?? text.length,
  });
  let at = start;
  for (;;) {
    while (text[at] === " ") at++;
    let cell: string;
    if (text[at] === '"') {
      let close = at + 1;
      for (;;) {
        close = text.indexOf('"', close);
        if (close === -1 || text[close + 1] !== '"') break;
        close += 2;
      }
      const end = close === -1 ? text.length : close;
      if (end - start > ROW_LENGTH || linesIn(text, at, end) > ROW_LINES) return wrong(MISPLACED);
      if (close === -1) return ended ? wrong(MISPLACED) : null;
      // The last of a chunk may be the first of two quotes.
      if (close + 1 === text.length && !ended) return null;
      cell = text.slice(at + 1, close).replaceAll('""', '"');
      at = close + 1;
      while (text[at] === " ") at++;
    } else {
      const from = at;
      while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") at++;
      if (at - start > ROW_LENGTH) return wrong("is too long");
      cell = text.slice(from, at);
    }
    cells.push(cell.trim());
    if (at >= text.length) return ended ? { cells, next: at } : null;
    if (text[at] === delimiter) {
      at += 1;
      continue;
    }
    const end = endOfLine(text, at, ended);
    if (end?.at === at) return { cells, next: end.next };
    if (end === null && !ended) return null;
    return wrong(MISPLACED);
  }
}

/** Not closed, or closed before the end of its cell. */
const MISPLACED = "has a quote in the wrong place";

/** Where the line ends and the next begins; null when the text ends first, or an LF may yet follow its CR. */
function endOfLine(
  text: string,
  from: number,
  ended: boolean,
): { readonly at: number; readonly next: number } | null {
  const ending = /\r\n|\n|\r/g;
  ending.lastIndex = from;
  const found = ending.exec(text);
  if (found === null || (!ended && found[0] === "\r" && ending.lastIndex === text.length)) return null;
  return { at: found.index, next: ending.lastIndex };
}

/** How many lines end there. */
export function linesIn(text: string, from: number, to: number): number {
  return text.slice(from, to).match(/\r\n|\n|\r/g)?.length ?? 0;
}

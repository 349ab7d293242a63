/**
 * What leads from one text, list or document to another. Pure, and bounded: a body may have four megabytes, all of
 * them different, and whoever asks for the difference shares the process with everybody else.
 */
import { diffArrays, diffWordsWithSpace } from "diff";
import type { Json } from "../sql/tx.ts";

/** Lines around a change that are shown with it. */
const CONTEXT = 3;
/** A text with more lines is not compared line by line, nor are more lines between the first and the last that differ. */
const LINES_TAKEN = 100_000;
const LINES_COMPARED = 20_000;
/** A difference that shows more, of changed lines or of their characters, is told as a replacement. */
const LINES_SHOWN = 10_000;
const CHARACTERS_SHOWN = 1024 * 1024;
/**
 * How many lines that stand in both texts may still have moved before they count as two texts. The work is half the
 * square of it.
 */
const EDITS_OF_LINES = 400;
/** The same for the words of one run of changed lines, and what all runs may cost: a step, or a character to read. */
const EDITS_OF_WORDS = 200;
const STEPS_OF_WORDS = 100_000;

export interface Word {
  readonly text: string;
  readonly changed: boolean;
}

export interface Line {
  readonly change: "none" | "removed" | "added";
  /** With its line break, where it has one. */
  readonly text: string;
  /** Of a changed line: all of it in pieces, when some of it has stayed and that was cheap to find out; else null. */
  readonly words: readonly Word[] | null;
}

/** Lines that changed, with up to three unchanged ones on both sides. Lines are counted from 1. */
export interface Hunk {
  readonly beforeStart: number;
  readonly beforeLines: number;
  readonly afterStart: number;
  readonly afterLines: number;
  readonly lines: readonly Line[];
}

export type TextDiff =
  | { readonly kind: "hunks"; readonly hunks: readonly Hunk[] }
  /** They have too little in common, or are too long, to be told line by line. */
  | { readonly kind: "replaced"; readonly beforeBytes: number; readonly afterBytes: number };

/** What leads from one text to another, line by line; null when they are equal. */
export function diffText(before: string, after: string): TextDiff | null {
  if (before === after) return null;
  const runs = runsOf(before, after);
  if (runs === null) {
    const [beforeBytes, afterBytes] = [Buffer.byteLength(before), Buffer.byteLength(after)];
    return { kind: "replaced", beforeBytes, afterBytes };
  }
  return { kind: "hunks", hunks: hunksOf(runs) };
}

/** The body of a patch as `diff -u` writes it and `patch` takes it; null when the text was replaced. */
export function unified(diff: TextDiff): string | null {
  if (diff.kind === "replaced") return null;
  const mark = { none: " ", removed: "-", added: "+" };
  // Nothing stands after the line before it.
  const at = (start: number, lines: number) => `${lines === 0 ? start - 1 : start},${lines}`;
  return diff.hunks
    .map(({ beforeStart, beforeLines, afterStart, afterLines, lines }) => {
      const head = `@@ -${at(beforeStart, beforeLines)} +${at(afterStart, afterLines)} @@\n`;
      const texts = lines.map(
        ({ change, text }) =>
          `${mark[change]}${text}${text.endsWith("\n") ? "" : "\n\\ No newline at end of file\n"}`,
      );
      return head + texts.join("");
    })
    .join("");
}

/** Lines that stay (in `before`), or lines that go and lines that come where they were. */
interface Run {
  readonly same: boolean;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** The runs in their order, by turns; null when they would be too many lines, or too long to find. */
function runsOf(beforeText: string, afterText: string): readonly Run[] | null {
  const [before, after] = [linesOf(beforeText, LINES_TAKEN), linesOf(afterText, LINES_TAKEN)];
  if (before === null || after === null) return null;
  const [stays, stayed] = [new Uint8Array(before.length), new Uint8Array(after.length)];

  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  if (Math.max(before.length, after.length) - head - tail > LINES_COMPARED) return null;
  stays.fill(1, 0, head).fill(1, before.length - tail);
  stayed.fill(1, 0, head).fill(1, after.length - tail);

  // A line that stands on one side only stays nowhere: without those the library has little left to search.
  const middle = (lines: readonly string[], other: readonly string[]): readonly number[] => {
    const known = new Set(other.slice(head, other.length - tail));
    const found: number[] = [];
    for (let at = head; at < lines.length - tail; at++) if (known.has(lines[at] ?? "")) found.push(at);
    return found;
  };
  const [kept, keptAfter] = [middle(before, after), middle(after, before)];
  const parts = diffArrays(
    kept.map((at) => before[at]),
    keptAfter.map((at) => after[at]),
    { maxEditLength: EDITS_OF_LINES },
  );
  if (parts === undefined) return null;
  let [from, to] = [0, 0];
  for (const { added, removed, count } of parts) {
    if (!added && !removed) {
      for (const at of kept.slice(from, from + count)) stays[at] = 1;
      for (const at of keptAfter.slice(to, to + count)) stayed[at] = 1;
    }
    if (!added) from += count;
    if (!removed) to += count;
  }

  const runs: Run[] = [];
  let [shown, characters] = [0, 0];
  for (let [at, into] = [0, 0]; at < before.length || into < after.length; ) {
    const [start, startInto] = [at, into];
    const same = stays[at] === 1 && stayed[into] === 1;
    if (same) {
      for (; stays[at] === 1 && stayed[into] === 1; at++) into++;
      runs.push({ same, before: before.slice(start, at), after: [] });
    } else {
      while (at < before.length && stays[at] === 0) at++;
      while (into < after.length && stayed[into] === 0) into++;
      const run = { same, before: before.slice(start, at), after: after.slice(startInto, into) };
      shown += run.before.length + run.after.length;
      characters += lengthOf(run.before) + lengthOf(run.after);
      if (shown > LINES_SHOWN || characters > CHARACTERS_SHOWN) return null;
      runs.push(run);
    }
  }
  return runs;
}

function hunksOf(runs: readonly Run[]): readonly Hunk[] {
  interface Open {
    beforeStart: number;
    afterStart: number;
    lines: Line[];
  }
  const hunks: Hunk[] = [];
  let open: Open | null = null;
  let [beforeAt, afterAt] = [1, 1];
  const plain = (text: string): Line => ({ change: "none", text, words: null });
  const budget = { steps: STEPS_OF_WORDS };
  for (const [index, run] of runs.entries()) {
    if (!run.same) {
      open ??= { beforeStart: beforeAt, afterStart: afterAt, lines: [] };
      open.lines.push(...changedLines(run, budget));
    } else {
      const lines = run.before;
      const last = index === runs.length - 1;
      const joins = open !== null && !last && lines.length <= 2 * CONTEXT;
      if (open !== null) {
        open.lines.push(...(joins ? lines : lines.slice(0, CONTEXT)).map(plain));
        if (!joins) {
          hunks.push(hunkOf(open));
          open = null;
        }
      }
      if (!last && open === null) {
        const lead = lines.slice(-CONTEXT);
        const skipped = lines.length - lead.length;
        open = {
          beforeStart: beforeAt + skipped,
          afterStart: afterAt + skipped,
          lines: lead.map(plain),
        };
      }
    }
    beforeAt += run.before.length;
    afterAt += run.same ? run.before.length : run.after.length;
  }
  if (open !== null) hunks.push(hunkOf(open));
  return hunks;
}

const hunkOf = (open: Pick<Hunk, "beforeStart" | "afterStart" | "lines">): Hunk => {
  const count = (change: Line["change"]) => open.lines.filter((line) => line.change !== change).length;
  return { ...open, beforeLines: count("added"), afterLines: count("removed") };
};

/** The lines of a change, what goes before what comes, with the words that changed as far as the budget reaches. */
function changedLines({ before, after }: Run, budget: { steps: number }): readonly Line[] {
  const words = wordsOf(before, after, budget);
  return [
    ...before.map((text, at): Line => ({ change: "removed", text, words: words?.before[at] ?? null })),
    ...after.map((text, at): Line => ({ change: "added", text, words: words?.after[at] ?? null })),
  ];
}

interface ChangedWords {
  readonly before: readonly (readonly Word[] | null)[];
  readonly after: readonly (readonly Word[] | null)[];
}

/** By lines; null when nothing but white space has stayed, or it would take too long to find out. */
function wordsOf(
  before: readonly string[],
  after: readonly string[],
  budget: { steps: number },
): ChangedWords | null {
  if (before.length === 0 || after.length === 0) return null;
  const left = budget.steps - lengthOf(before) - lengthOf(after);
  if (left <= 0) return null;
  const maxEditLength = Math.min(EDITS_OF_WORDS, Math.floor(Math.sqrt(2 * left)));
  const parts = diffWordsWithSpace(before.join(""), after.join(""), { maxEditLength });
  const edits = parts?.reduce((sum, { added, removed, count }) => sum + (added || removed ? count : 0), 0);
  budget.steps = left - (edits ?? maxEditLength) ** 2 / 2;
  if (parts?.some(({ added, removed, value }) => !added && !removed && /\S/.test(value)) !== true)
    return null;
  const side = (other: "added" | "removed") => {
    const lines: Word[][] = [[]];
    for (const part of parts.filter((candidate) => !candidate[other])) {
      const changed = part.added || part.removed;
      for (const text of linesOf(part.value, Number.POSITIVE_INFINITY) ?? []) {
        const line = lines.at(-1);
        const last = line?.at(-1);
        if (last?.changed === changed) line?.splice(-1, 1, { text: last.text + text, changed });
        else line?.push({ text, changed });
        if (text.endsWith("\n")) lines.push([]);
      }
    }
    return lines.map((line) => (line.some(({ changed }) => !changed) ? line : null));
  };
  return { before: side("added"), after: side("removed") };
}

const lengthOf = (lines: readonly string[]): number => lines.reduce((sum, { length }) => sum + length, 0);

/** The lines with their line breaks; null when they are more than `most`. */
function linesOf(text: string, most: number): readonly string[] | null {
  const lines: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const next = end === -1 ? text.length : end + 1;
    if (lines.length === most) return null;
    lines.push(text.slice(at, next));
    at = next;
  }
  return lines;
}

export interface ListDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Some of those that are in both stand in another order. */
  readonly reordered: boolean;
}

/** What leads from one short list of words to another; null when they are equal. */
export function diffLists(before: readonly string[], after: readonly string[]): ListDiff | null {
  const parts = diffArrays([...before], [...after]);
  const [added, removed]: [string[], string[]] = [[], []];
  for (const part of parts) {
    if (part.added) added.push(...part.value);
    if (part.removed) removed.push(...part.value);
  }
  if (added.length + removed.length === 0) return null;
  let reordered = false;
  for (const item of [...added]) {
    const at = removed.indexOf(item);
    if (at === -1) continue;
    removed.splice(at, 1);
    added.splice(added.indexOf(item), 1);
    reordered = true;
  }
  return { added, removed, reordered };
}

/** A value of a document that is another one, was not there before, or is not there any more. */
export interface DocumentChange {
  /** RFC 6901; empty: the whole document. */
  readonly pointer: string;
  /** Absent: there was none. */
  readonly before?: Json;
  /** Absent: there is none any more. */
  readonly after?: Json;
}

/**
 * What leads from one document to another: made one after the other, the changes make the other out of the one. An
 * item that was put into an array moves the ones behind it, and each is told as changed. The order of names is no
 * difference (RFC 8259 §4).
 */
export function diffDocuments(before: Json, after: Json, pointer = ""): readonly DocumentChange[] {
  if (Array.isArray(before) && Array.isArray(after)) {
    const both = Math.min(before.length, after.length);
    return [
      ...before
        .slice(0, both)
        .flatMap((value: Json, at) => diffDocuments(value, after[at] as Json, `${pointer}/${at}`)),
      // From the last one on, so that those before keep their places.
      ...before
        .slice(both)
        .map((value: Json, at) => ({ pointer: `${pointer}/${both + at}`, before: value }))
        .reverse(),
      ...after.slice(both).map((value: Json, at) => ({ pointer: `${pointer}/${both + at}`, after: value })),
    ];
  }
  if (isObject(before) && isObject(after)) {
    const at = (name: string) => `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return [
      ...Object.entries(before).flatMap(([name, value]) =>
        Object.hasOwn(after, name)
          ? diffDocuments(value, after[name] as Json, at(name))
          : [{ pointer: at(name), before: value }],
      ),
      ...Object.entries(after)
        .filter(([name]) => !Object.hasOwn(before, name))
        .map(([name, value]) => ({ pointer: at(name), after: value })),
    ];
  }
  return before === after ? [] : [{ pointer, before, after }];
}

const isObject = (value: Json): value is { readonly [name: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

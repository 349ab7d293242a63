/** Splits SQL text into tokens, as far as the generator must understand it: PostgreSQL itself does the parsing. */

export interface Token {
  /** `word` is lower-cased; `quoted` is an identifier without its quotes; `param` is the name without the colon. */
  readonly kind: "word" | "quoted" | "string" | "number" | "param" | "mark";
  readonly text: string;
  /** Offsets into the source. */
  readonly start: number;
  readonly end: number;
  /** How many parentheses and brackets enclose it; an opening mark counts as outside, a closing one too. */
  readonly depth: number;
}

export interface Comment {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** A mistake at an offset of the source. */
export interface Mistake {
  readonly at: number;
  readonly text: string;
}

export interface Lexed {
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
  readonly mistakes: readonly Mistake[];
}

const space = /\s+/y;
const lineComment = /--[^\r\n]*/y;
const dollarTag = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const number = /(?:\d[\d_]*(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?|0[xob][\da-f_]+/iy;
const positional = /\$\d+/y;
const plainString = /'(?:[^']|'')*'/y;
const escapeString = /'(?:[^'\\]|''|\\[\s\S])*'(?:[^\S\n]*\n\s*'(?:[^'\\]|''|\\[\s\S])*')*/y;
const quotedName = /"(?:[^"]|"")*"/y;
const paramName = /:([a-z][a-z0-9]*(?:_[a-z0-9]+)*)(?![\w$])/y;
const wrongParam = /:[A-Za-z_'"][\w$'"]*/y;

/**
 * Reads `source` whole. Strings, quoted names, dollar quotes and (nested) comments are opaque; `::`, `:=` and the
 * colon of an array slice are no parameters. Unclosed quotes and comments, and parameters that are not snake_case
 * or numbered by hand, are mistakes.
 */
export function lex(source: string): Lexed {
  const tokens: Token[] = [];
  const comments: Comment[] = [];
  const mistakes: Mistake[] = [];
  const open: string[] = [];
  let at = 0;

  const match = (pattern: RegExp, from = at): string | null => {
    pattern.lastIndex = from;
    return pattern.exec(source)?.[0] ?? null;
  };
  const take = (kind: Token["kind"], text: string, length: number, depth = open.length) => {
    tokens.push({ kind, text, start: at, end: at + length, depth });
    at += length;
  };
  const unclosed = (what: string) => {
    mistakes.push({ at, text: `${what} is never closed` });
    at = source.length;
  };

  while (at < source.length) {
    const blank = match(space);
    if (blank !== null) {
      at += blank.length;
      continue;
    }
    const line = match(lineComment);
    if (line !== null) {
      comments.push({ text: line, start: at, end: at + line.length });
      at += line.length;
      continue;
    }
    if (source.startsWith("/*", at)) {
      const end = endOfBlockComment(source, at);
      if (end === null) unclosed("this comment");
      else {
        comments.push({ text: source.slice(at, end), start: at, end });
        at = end;
      }
      continue;
    }
    const char = source.charAt(at);
    if (char === "'") {
      const text = match(plainString);
      if (text === null) unclosed("this string");
      else take("string", text, text.length);
      continue;
    }
    if (char === '"') {
      const text = match(quotedName);
      if (text === null) unclosed("this quoted name");
      else take("quoted", text.slice(1, -1).replaceAll('""', '"'), text.length);
      continue;
    }
    if (char === "$") {
      const tag = match(dollarTag);
      if (tag !== null) {
        const end = source.indexOf(tag, at + tag.length);
        if (end === -1) unclosed(`the dollar quote ${tag}`);
        else take("string", source.slice(at, end + tag.length), end + tag.length - at);
        continue;
      }
      const wrong = match(positional);
      if (wrong !== null) {
        mistakes.push({
          at,
          text: `${wrong} is numbered by hand. Name it, :like_this; the generator numbers`,
        });
        at += wrong.length;
        continue;
      }
    }
    const name = match(word);
    if (name !== null) {
      if (/^e$/i.test(name) && source.charAt(at + 1) === "'") {
        const text = match(escapeString, at + 1);
        if (text === null) unclosed("this string");
        else take("string", `E${text}`, text.length + 1);
      } else if (/^u$/i.test(name) && source.startsWith('&"', at + 1)) {
        mistakes.push({ at, text: 'a name written as U&"…" is not understood here. Write it plainly' });
        at += 2;
      } else {
        // As PostgreSQL does: only the letters of ASCII.
        take(
          "word",
          name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
          name.length,
        );
      }
      continue;
    }
    const digits = match(number);
    if (digits !== null) {
      take("number", digits, digits.length);
      continue;
    }
    if (char === ":") {
      if (source.startsWith("::", at) || source.startsWith(":=", at)) {
        take("mark", source.slice(at, at + 2), 2);
        continue;
      }
      const before = tokens.at(-1);
      const operand = before?.kind !== "mark" || before.text === ")" || before.text === "]";
      const touches = before?.end === at && operand;
      if (!(open.at(-1) === "[" && touches)) {
        const param = match(paramName);
        if (param !== null) {
          take("param", param.slice(1), param.length);
          continue;
        }
        const wrong = match(wrongParam);
        if (wrong !== null) {
          mistakes.push({ at, text: `parameter ${wrong} is not snake_case. Write it :like_this` });
          at += wrong.length;
          continue;
        }
      }
    }
    if (char === ")" || char === "]") open.pop();
    take("mark", char, 1);
    if (char === "(" || char === "[") open.push(char);
  }
  return { tokens, comments, mistakes };
}

function endOfBlockComment(source: string, from: number): number | null {
  let depth = 0;
  for (let at = from; at < source.length; ) {
    if (source.startsWith("/*", at)) {
      depth += 1;
      at += 2;
    } else if (source.startsWith("*/", at)) {
      depth -= 1;
      at += 2;
      if (depth === 0) return at;
    } else at += 1;
  }
  return null;
}

/** The line of an offset, counted from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

/** Markdown files with what is said of them before the text, between two lines of dashes, as YAML. */
import { parseDocument } from "yaml";

/** Of the front matter, in characters. */
const MATTER_LIMIT = 4 * 1024 * 1024;
const OPENING = /^---[ \t]*\r?\n/;
const CLOSING = /^---[ \t]*(?:\r?\n|$)/m;

/**
 * A file whose first lines name each value, given as JSON: JSON is YAML, and a text in quotes is taken for a date, a number
 * or a truth by nobody. The body follows to the letter.
 */
export function withFrontMatter(
  values: readonly (readonly [name: string, json: string])[],
  body: string,
): string {
  return `---\n${values.map(([name, json]) => `${name}: ${escaped(json)}\n`).join("")}---\n${body}`;
}

// Characters that JSON takes and YAML does not, or takes for the end of a line.
const escaped = (json: string): string =>
  json.replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** The values and the body of such a file, or what is wrong with it. */
export function readFrontMatter(
  text: string,
): { readonly values: unknown; readonly body: string } | { readonly problem: string } {
  const begun = text.startsWith("\ufeff") ? text.slice(1) : text;
  const opening = OPENING.exec(begun);
  if (opening === null) return { problem: "does not begin with front matter between two lines of ---" };
  const rest = begun.slice(opening[0].length);
  const closing = CLOSING.exec(rest);
  if (closing === null) return { problem: "has front matter without an end" };
  if (closing.index > MATTER_LIMIT)
    return { problem: `has more than ${MATTER_LIMIT} characters of front matter` };
  const body = rest.slice(closing.index + closing[0].length);
  try {
    const document = parseDocument(rest.slice(0, closing.index), {
      version: "1.2",
      schema: "core",
      uniqueKeys: true,
      merge: false,
      prettyErrors: false,
    });
    const [error] = document.errors;
    if (error !== undefined)
      return { problem: `has front matter that is not YAML: ${firstLine(error.message)}` };
    // An alias can stand for very much.
    return { values: document.toJS({ maxAliasCount: 0 }), body };
  } catch (error) {
    return {
      problem: `has front matter that cannot be read: ${firstLine(error instanceof Error ? error.message : "")}`,
    };
  }
}

const firstLine = (text: string): string => text.split("\n")[0] ?? "";

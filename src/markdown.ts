/**
 * Markdown as HTML that may be put into any page. The text itself is stored as it was written and stays so; what is made
 * of it here is bounded in time and in size, whatever somebody wrote.
 */
import MarkdownIt, { type Env, type Token } from "markdown-it";
import sanitize from "sanitize-html";

/** Characters. What is longer is shown as it stands; the longest lesson of a textbook of physics has half of it. */
export const RENDER_LIMIT = 128 * 1024;
/** Tokens. More than that are no text but rows and items of nearly nothing: shown as it stands. */
const TOKEN_LIMIT = 20_000;
/** Bytes of HTML: what is longer could not be kept by the cache, and would be made anew for each reader. */
const HTML_LIMIT = 224 * 1024;
/**
 * Text in one paragraph, heading or cell that is still looked through for links and emphasis: that takes time with the
 * square of its length. What is longer is no paragraph anybody wrote, and is shown as it stands.
 */
const SPAN_LIMIT = 6 * 1024;
/** A reference that is used often makes much out of little; ordinary text becomes at most six times as long. */
const GROWTH = 8;
const GROWTH_FREE = 64 * 1024;
/** Tokens that are worth a look by the sanitizer at once, and characters that are looked through at once. */
const GROUP = 200;
const GROUP_LENGTH = 2 * 1024;
/** Milliseconds after which other requests get their turn. */
const TURN_MS = 8;

/** Where a link or an image may lead. Everything else (javascript:, data:, file:, addresses of this server) may not. */
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

// HTML in the text is text: it is shown, not obeyed. A lesson on physics says `a<r<b` and means it.
const OPTIONS = { html: false, linkify: false, typographer: false, maxNesting: 50 };

/** Finds the blocks: paragraphs, lists, tables. Takes time with the length of the text. */
const blocks = new MarkdownIt(OPTIONS);
blocks.core.ruler.enableOnly(["normalize", "block", "strip_references"]);

/** Thrown out of the parser, which has no other way to end before its text does. */
const TOO_MUCH = Symbol("more tokens than are rendered");
blocks.block.ruler.before(
  "table",
  "limit",
  ({ tokens }) => {
    if (tokens.length > TOKEN_LIMIT) throw TOO_MUCH;
    return false;
  },
  // Asked before each item of a list, too: an empty one is no block.
  { alt: ["list"] },
);

// Rows are filled up with cells to the width of the first: a kilobyte would make 65,000 of them, and so would the next.
blocks.block.ruler.before("table", "table_growth", (state, startLine, endLine) => {
  const line = (at: number) =>
    state.src.slice((state.bMarks[at] ?? 0) + (state.tShift[at] ?? 0), state.eMarks[at]);
  if (startLine + 2 > endLine || !line(startLine).includes("|")) return false;
  if (!/^[-:|\s]+$/.test(line(startLine + 1))) return false;
  const columns = line(startLine + 1).split("|").length;
  const env: Env & { cells?: number } = state.env;
  let end = startLine + 2;
  for (; end < endLine && !state.isEmpty(end) && (state.sCount[end] ?? 0) >= state.blkIndent; end++) {
    env.cells = (env.cells ?? 0) + columns;
  }
  // A cell is three tokens.
  if ((env.cells ?? 0) * 3 > TOKEN_LIMIT) throw TOO_MUCH;
  // A cell that was written takes two characters.
  if ((env.cells ?? 0) <= state.src.length / 2 + 1000) return false;
  state.push("text", "", 0).content = state.getLines(startLine, end, state.blkIndent, false);
  state.line = end;
  return true;
});

/** Finds what is in a block: links, emphasis, code. */
const spans = new MarkdownIt(OPTIONS);
spans.core.ruler.enableOnly(["inline", "text_join"]);
// Of both: the addresses of references are found with the blocks.
blocks.validateLink = spans.validateLink = (url) => ADDRESS.test(url);
for (const cell of ["th_open", "td_open"]) {
  spans.renderer.rules[cell] = (tokens, at, options, _env, renderer) => {
    const token = tokens[at];
    const side = /^text-align:(left|right|center)$/.exec(String(token?.attrGet("style") ?? ""))?.[1];
    if (token !== undefined) token.attrs = side === undefined ? null : [["align", side]];
    return renderer.renderToken(tokens, at, options);
  };
}

/** What may be in the HTML. Nothing that runs, loads or styles but an image from the web, and no name of a stranger's. */
const ALLOWED: sanitize.IOptions = {
  allowedTags: [
    ...["h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "code"],
    ...["ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "em", "strong", "s", "a", "img"],
  ],
  allowedAttributes: {
    a: ["href", "title", "rel"],
    img: ["src", "alt", "title", "loading", "referrerpolicy"],
    ol: ["start"],
    th: ["align"],
    td: ["align"],
  },
  allowedClasses: { code: ["language-*"] },
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesByTag: { img: ["http", "https"] },
  allowedSchemesAppliedToAttributes: ["href", "src"],
  allowProtocolRelative: false,
  transformTags: {
    a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, rel: "noopener nofollow" } }),
    // Where the pictures lie need not learn who reads which lesson.
    img: (tagName, attribs) => ({
      tagName,
      attribs: { ...attribs, loading: "lazy", referrerpolicy: "no-referrer" },
    }),
  },
};

/**
 * The text as HTML: headings, paragraphs, lists, tables, code, links (http, https and mailto) and images (http and
 * https) and nothing else. Others get their turn while a long text is rendered. Never fails: what would take too long or
 * grow too much is shown as it was written.
 */
export async function renderMarkdown(text: string): Promise<string> {
  if (text.length > RENDER_LIMIT) return written(text);
  const env: Env = {};
  const tokens = parsed(text, env);
  if (tokens === null) return written(text);
  const limit = Math.min(text.length * GROWTH + GROWTH_FREE, HTML_LIMIT);
  const parts: string[] = [];
  let size = 0;
  let turn = performance.now();
  for (const group of groupsOf(tokens)) {
    const html = htmlOf(tokens, group, env, limit - size);
    if (html === null) return written(text);
    size += Buffer.byteLength(html);
    parts.push(html);
    if (performance.now() - turn > TURN_MS) {
      await new Promise(setImmediate);
      turn = performance.now();
    }
  }
  return parts.join("");
}

/** Nothing when there are too many. */
function parsed(text: string, env: Env): Token[] | null {
  try {
    return blocks.parse(text, env);
  } catch (thrown) {
    if (thrown === TOO_MUCH) return null;
    throw thrown;
  }
}

interface Group {
  readonly from: number;
  readonly to: number;
  /** The beginning or the end alone of a table, row, list, item or quotation that is rendered in parts. */
  readonly half: boolean;
}

/** The tokens in groups of some hundred, each of which closes what it opens, but for the halves of long blocks. */
function* groupsOf(tokens: readonly Token[]): Generator<Group> {
  const halves = halvesOf(tokens);
  let [from, depth, length] = [0, 0, 0];
  for (const [at, token] of tokens.entries()) {
    const half = halves.has(at);
    if (half && from < at) yield { from, to: at, half: false };
    if (half) yield { from: at, to: at + 1, half };
    else [depth, length] = [depth + token.nesting, length + token.content.length];
    if (half) [from, length] = [at + 1, 0];
    else if (depth === 0 && (at + 1 - from >= GROUP || length >= GROUP_LENGTH)) {
      yield { from, to: at + 1, half };
      [from, length] = [at + 1, 0];
    }
  }
  if (from < tokens.length) yield { from, to: tokens.length, half: false };
}

/** Where blocks begin and end that hold more than one group. */
function halvesOf(tokens: readonly Token[]): ReadonlySet<number> {
  const halves = new Set<number>();
  const open: { readonly at: number; length: number }[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.nesting === 1) open.push({ at, length: 0 });
    const block = token.nesting === -1 ? open.pop() : undefined;
    const around = open.at(-1);
    if (block === undefined) {
      if (around !== undefined) around.length += token.content.length;
      continue;
    }
    if (at - block.at > GROUP || (block.length > GROUP_LENGTH && at - block.at > 2)) {
      halves.add(block.at).add(at);
    }
    if (around !== undefined) around.length += block.length;
  }
  return halves;
}

/** Nothing when it is longer than `limit`. */
function htmlOf(tokens: Token[], { from, to, half }: Group, env: Env, limit: number): string | null {
  const group = tokens.slice(from, to);
  for (const token of group) {
    if (token.type === "inline" && token.content.length > SPAN_LIMIT) token.type = "text";
  }
  const state = new spans.core.State("", spans, env);
  state.tokens = group;
  spans.core.process(state);
  if (weight(group) > limit) return null;
  const { renderer, options } = spans;
  let html = "";
  for (let at = from; at < to; at++) {
    const token = tokens[at];
    if (token === undefined) continue;
    // With all the tokens at hand: whether a line ends after a tag depends on what is beside it.
    if (token.type === "inline") html += renderer.renderInline(token.children ?? [], options, env);
    else {
      const rule = renderer.rules[token.type];
      html += rule ? rule(tokens, at, options, env, renderer) : renderer.renderToken(tokens, at, options);
    }
  }
  if (html.length > limit) return null;
  // The sanitizer would close what is only opened. Nobody's words are in such a tag.
  return half ? html : sanitize(html, ALLOWED);
}

/** Characters of addresses and titles: a thousand links to one reference carry its address a thousand times. */
function weight(tokens: readonly Token[]): number {
  let sum = 0;
  for (const { attrs, children } of tokens) {
    for (const [, value] of attrs ?? []) sum += String(value).length;
    if (children !== null) sum += weight(children);
  }
  return sum;
}

const written = (text: string): string => (text === "" ? "" : `<pre>${spans.utils.escapeHtml(text)}</pre>\n`);

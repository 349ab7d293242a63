/**
 * Markdown as HTML that may be put into any page. The text itself is stored as it was written and stays so; what is made
 * of it here is bounded in time and in size, whatever somebody wrote.
 */
import MarkdownIt, { type Env, type Token } from "markdown-it";
import sanitize from "sanitize-html";

/** Characters. What is longer is shown as it stands; the longest lesson of a textbook of physics has a quarter of it. */
export const RENDER_LIMIT = 256 * 1024;
/**
 * Text in one paragraph, heading or cell that is still looked through for links and emphasis: that takes time with the
 * square of its length. What is longer is no paragraph anybody wrote, and is shown as it stands.
 */
const SPAN_LIMIT = 8 * 1024;
/** A reference that is used often makes much out of little; ordinary text becomes at most six times as long. */
const GROWTH = 8;
const GROWTH_FREE = 64 * 1024;
/** Tokens that are worth a look by the sanitizer at once. */
const GROUP = 200;
/** Milliseconds after which other requests get their turn. */
const TURN_MS = 8;

/** Where a link or an image may lead. Everything else (javascript:, data:, file:, addresses of this server) may not. */
const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

// HTML in the text is text: it is shown, not obeyed. A lesson on physics says `a<r<b` and means it.
const OPTIONS = { html: false, linkify: false, typographer: false, maxNesting: 50 };

/** Finds the blocks: paragraphs, lists, tables. Takes time with the length of the text. */
const blocks = new MarkdownIt(OPTIONS);
blocks.core.ruler.enableOnly(["normalize", "block", "strip_references"]);

// Rows are filled up with cells to the width of the first: a kilobyte would make 65,000 of them, and so would the next.
blocks.block.ruler.before("table", "table_growth", (state, startLine, endLine) => {
  const [from = 0, to = 0] = [state.bMarks[startLine + 1], state.eMarks[startLine + 1]];
  const columns = state.src.slice(from, to).split("|").length;
  const env: Env & { cells?: number } = state.env;
  let end = startLine + 2;
  for (; end < endLine && !state.isEmpty(end); end++) env.cells = (env.cells ?? 0) + columns;
  // A cell that was written takes two characters.
  if ((env.cells ?? 0) <= state.src.length / 2 + 1000) return false;
  state.push("text", "", 0).content = state.getLines(startLine, end, state.blkIndent, false);
  state.line = end;
  return true;
});

/** Finds what is in a block: links, emphasis, code. */
const spans = new MarkdownIt(OPTIONS);
spans.core.ruler.enableOnly(["inline", "text_join"]);
spans.validateLink = (url) => ADDRESS.test(url);
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
  const found = blocks.parse(text, env);
  const limit = text.length * GROWTH + GROWTH_FREE;
  const parts: string[] = [];
  let size = 0;
  let turn = performance.now();
  for (const group of groupsOf(found)) {
    const html = size < limit ? htmlOf(group, env, limit - size) : plain(group);
    size += html.length;
    parts.push(html);
    if (performance.now() - turn > TURN_MS) {
      await new Promise(setImmediate);
      turn = performance.now();
    }
  }
  return parts.join("");
}

/** Blocks of the document itself, whole ones: what is in them closes what it opens. */
function* groupsOf(tokens: readonly Token[]): Generator<Token[]> {
  let group: Token[] = [];
  for (const token of tokens) {
    group.push(token);
    const whole = token.level === 0 && token.nesting !== 1;
    if (whole && group.length >= GROUP) {
      yield group;
      group = [];
    }
  }
  if (group.length > 0) yield group;
}

function htmlOf(group: Token[], env: Env, limit: number): string {
  for (const token of group) {
    if (token.type === "inline" && token.content.length > SPAN_LIMIT) token.type = "text";
  }
  const state = new spans.core.State("", spans, env);
  state.tokens = group;
  spans.core.process(state);
  if (weight(group) > limit) return plain(group);
  const html = spans.renderer.render(group, spans.options, env);
  return html.length > limit ? plain(group) : sanitize(html, ALLOWED);
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

const plain = (group: readonly Token[]): string =>
  written(group.flatMap(({ content }) => (content === "" ? [] : [content])).join("\n"));

const written = (text: string): string => (text === "" ? "" : `<pre>${spans.utils.escapeHtml(text)}</pre>\n`);

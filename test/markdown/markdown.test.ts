/** Markdown as HTML: what is safe to show, whatever somebody wrote. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Parser } from "htmlparser2";
import { RENDER_LIMIT, renderMarkdown } from "../../src/markdown.ts";
import { VECTORS } from "../fixtures/xss.ts";
import { withPage } from "../support/browser.ts";

setDefaultTimeout(60_000);

const TAGS = new Set(
  "h1 h2 h3 h4 h5 h6 p br hr blockquote pre code ul ol li table thead tbody tr th td em strong s a img".split(
    " ",
  ),
);
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ["href", "title", "rel"],
  img: ["src", "alt", "title", "loading", "referrerpolicy"],
  ol: ["start"],
  th: ["align"],
  td: ["align"],
  code: ["class"],
};

/** Everything in some HTML that may not be there, as a parser sees it that knows nothing of who wrote it. */
function offences(html: string): readonly string[] {
  const found: string[] = [];
  const parser = new Parser({
    onopentag: (name, attributes) => {
      if (!TAGS.has(name)) found.push(`<${name}>`);
      for (const [attribute, value] of Object.entries(attributes)) {
        if (!(ATTRIBUTES[name] ?? []).includes(attribute)) found.push(`${name} ${attribute}`);
        if (attribute === "class" && !/^language-[^\s]*$/.test(value)) found.push(`class ${value}`);
        if (attribute === "href" && !/^(https?:\/\/|mailto:)/i.test(value)) found.push(`href ${value}`);
        if (attribute === "src" && !/^https?:\/\//i.test(value)) found.push(`src ${value}`);
      }
      if (name === "a" && attributes.rel !== "noopener nofollow") found.push("a link without rel");
    },
    oncomment: () => found.push("a comment"),
    onprocessinginstruction: () => found.push("an instruction"),
    oncdatastart: () => found.push("CDATA"),
  });
  parser.end(html);
  return found;
}

test("the check of these tests sees what must not be there", () => {
  expect(offences('<p onclick="x">a<script>b</script><a href="javascript:c">d</a><!-- e --></p>')).toEqual([
    "p onclick",
    "<script>",
    "href javascript:c",
    "a link without rel",
    "a comment",
  ]);
});

test("nothing of OWASP's list of evasions comes through, nor what Markdown can be made to make", async () => {
  expect(VECTORS.length).toBeGreaterThan(250);
  for (const { title, text } of VECTORS) {
    for (const written of [text, `words ${text} words`, `- ${text}`, `> ${text}`, `|a|\n|-|\n|${text}|`]) {
      expect({ title, offences: offences(await renderMarkdown(written)) }).toEqual({ title, offences: [] });
    }
  }
});

test("a browser runs none of them, with nothing else to hold it back", async () => {
  const texts = await Promise.all(VECTORS.map(({ text }) => renderMarkdown(text)));
  const asked: string[] = [];
  const page = (html: string) =>
    `<!doctype html><meta charset="utf-8"><script>globalThis.runs = 0; ran = () => { runs += 1; };</script>${html}`;
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      const { pathname } = new URL(url);
      if (pathname === "/safe") return html(page(texts.join("\n")));
      if (pathname === "/bare") return html(page(VECTORS.map(({ text }) => text).join("\n")));
      if (pathname !== "/favicon.ico") asked.push(pathname);
      return new Response("ran()", { headers: { "content-type": "text/javascript" } });
    },
  });
  const html = (text: string) => new Response(text, { headers: { "content-type": "text/html" } });
  const poke = `document.querySelectorAll("*").forEach((element) => {
    for (const type of ["mouseover", "click", "focus", "error", "load", "toggle"]) {
      if (!(type === "click" && element.tagName === "A")) element.dispatchEvent(new Event(type));
    }
  })`;
  try {
    // The page without the renderer shows that the browser does run what gets through.
    await withPage(`${server.url}bare`, async ({ until }) => until("globalThis.runs > 0"));
    asked.length = 0;
    await withPage(`${server.url}safe`, async ({ evaluate, until }) => {
      await until("document.readyState === 'complete'");
      await evaluate(poke);
      expect(await evaluate("runs")).toBe(0);
      expect(await evaluate("document.scripts.length")).toBe(1);
      expect(await evaluate("location.pathname")).toBe("/safe");
    });
    expect(asked).toEqual([]);
  } finally {
    await server.stop(true);
  }
});

test("headings, lists, tables, code, links and images are what they are", async () => {
  const text = [
    "# One",
    'Some *em*, **strong**, ~~gone~~, `a < b`, a [link](https://example.org/?a=1&b=2 "T") and <mailto:a@example.org>.',
    "3. three\n4. four\n   - deeper",
    "| left | right |\n|:-----|------:|\n| 1    | `a|b` |",
    '```python\nprint("<b>")\n```',
    "> quoted\n\n---",
    '![A wheel](https://example.org/w.png "Wheel")',
  ].join("\n\n");
  expect(await renderMarkdown(text)).toBe(
    [
      "<h1>One</h1>",
      '<p>Some <em>em</em>, <strong>strong</strong>, <s>gone</s>, <code>a &lt; b</code>, a <a href="https://example.org/?a=1&amp;b=2" title="T" rel="noopener nofollow">link</a> and <a href="mailto:a@example.org" rel="noopener nofollow">mailto:a@example.org</a>.</p>',
      '<ol start="3">\n<li>three</li>\n<li>four\n<ul>\n<li>deeper</li>\n</ul>\n</li>\n</ol>',
      '<table>\n<thead>\n<tr>\n<th align="left">left</th>\n<th align="right">right</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td align="left">1</td>\n<td align="right">`a</td>\n</tr>\n</tbody>\n</table>',
      '<pre><code class="language-python">print("&lt;b&gt;")\n</code></pre>',
      "<blockquote>\n<p>quoted</p>\n</blockquote>\n<hr />",
      '<p><img src="https://example.org/w.png" alt="A wheel" title="Wheel" loading="lazy" referrerpolicy="no-referrer" /></p>\n',
    ].join("\n"),
  );
});

test("HTML and what only looks like it is shown as it was written", async () => {
  expect(await renderMarkdown("inside, for 0<r<b; and outside, r>b")).toBe(
    "<p>inside, for 0&lt;r&lt;b; and outside, r&gt;b</p>\n",
  );
  expect(await renderMarkdown('<p style="color: red">red</p>')).toBe(
    '<p>&lt;p style="color: red"&gt;red&lt;/p&gt;</p>\n',
  );
});

test("an address that leads nowhere safe leaves its words", async () => {
  expect(await renderMarkdown("[home](/index.html) and [run](javascript:alert(1))")).toBe(
    "<p>[home](/index.html) and [run](javascript:alert(1))</p>\n",
  );
});

test("a reference leads nowhere either where a link may not", async () => {
  for (const address of [
    "/v1/users/me",
    "x",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "//example.org/",
  ]) {
    expect(await renderMarkdown(`[a] ![a]\n\n[a]: ${address}`)).toBe(
      `<p>[a] ![a]</p>\n<p>[a]: ${address}</p>\n`,
    );
  }
});

test("a reference is found from anywhere in the text, also from another group of blocks", async () => {
  const html = await renderMarkdown(`${"[far]\n\n".repeat(2_000)}[far]: https://example.org/`);
  expect(html.split('href="https://example.org/"')).toHaveLength(2_001);
});

test("the words of whole textbooks survive", async () => {
  for (const book of ["lessons.en.ndjson", "lessons.es.ndjson"]) {
    for (const line of (await Bun.file(join(import.meta.dir, "../fixtures", book)).text())
      .trim()
      .split("\n")) {
      const { body } = JSON.parse(line) as { readonly body: string };
      const html = await renderMarkdown(body);
      expect(offences(html)).toEqual([]);
      let text = "";
      new Parser({
        ontext: (part) => {
          text += part;
        },
      }).end(html);
      const words = (from: string) => from.match(/[\p{L}\p{N}]+/gu) ?? [];
      expect(words(text)).toEqual(words(body));
    }
  }
});

test("empty text is empty, and characters that are none do not matter", async () => {
  expect(await renderMarkdown("")).toBe("");
  expect(await renderMarkdown("\ufeffa\r\nb\u2028c")).toContain("a\nb\u2028c");
});

const fill = (text: string) => text.repeat(Math.ceil(RENDER_LIMIT / text.length)).slice(0, RENDER_LIMIT);

/** The HTML, and for how many milliseconds at most nobody else got a turn while it was made. */
async function watched(text: string): Promise<{ readonly html: string; readonly longest: number }> {
  let [longest, last, done] = [0, performance.now(), false];
  const look = () => {
    const now = performance.now();
    [longest, last] = [Math.max(longest, now - last), now];
  };
  const watching = (async () => {
    while (!done) {
      await new Promise(setImmediate);
      look();
    }
  })();
  const html = await renderMarkdown(text);
  look();
  done = true;
  await watching;
  return { html, longest };
}

test("long tables, lists and quotations are what they are, and take no turn of anybody's", async () => {
  const rows = (count: number) => "| one | *two* | `three` | 4 |\n".repeat(count);
  const table = await watched(`|a|b|c|d|\n|-|:-:|-|-|\n${rows(600)}`);
  const row =
    '<tr>\n<td>one</td>\n<td align="center"><em>two</em></td>\n<td><code>three</code></td>\n<td>4</td>\n</tr>\n';
  expect(table.html).toBe(
    `<table>\n<thead>\n<tr>\n<th>a</th>\n<th align="center">b</th>\n<th>c</th>\n<th>d</th>\n</tr>\n</thead>\n<tbody>\n${row.repeat(600)}</tbody>\n</table>\n`,
  );
  const list = await watched("3. item **b**\n   - in\n".repeat(900));
  const item = "<li>item <strong>b</strong>\n<ul>\n<li>in</li>\n</ul>\n</li>\n";
  expect(list.html).toBe(`<ol start="3">\n${item.repeat(900)}</ol>\n`);
  const loose = await watched("> - item\n>\n>   more\n>\n".repeat(500));
  expect(loose.html).toBe(
    `<blockquote>\n<ul>\n${"<li>\n<p>item</p>\n<p>more</p>\n</li>\n".repeat(500)}</ul>\n</blockquote>\n`,
  );
  for (const { html, longest } of [table, list, loose]) {
    expect(longest).toBeLessThan(250);
    expect(offences(html)).toEqual([]);
  }
});

test("rows and items beyond count are shown as they were written", async () => {
  for (const text of [`a|b\n-|-\n${"a|b\n".repeat(20_000)}`, "*\n".repeat(60_000), "a\n\n".repeat(40_000)]) {
    const { html, longest } = await watched(text);
    expect(html).toBe(`<pre>${text}</pre>\n`);
    expect(longest).toBeLessThan(250);
  }
});

test("what becomes longer than the cache keeps is shown as it was written", async () => {
  const text = "[far] ".repeat(4_000);
  const html = await renderMarkdown(
    `${text.replaceAll(/(.{3000})/g, "$1\n\n")}\n\n[far]: https://example.org/`,
  );
  expect(html.startsWith("<pre>[far]")).toBe(true);
  expect(Buffer.byteLength(html)).toBeLessThan(256 * 1024);
});

/** Texts that make a renderer slow, or its answer long. */
const BOMBS: readonly (readonly [title: string, text: string])[] = [
  ["open brackets", fill("[")],
  ["open links", fill("[a](")],
  ["open images", fill("![")],
  ["open images in paragraphs", fill(`${"![".repeat(4_000)}\n\n`)],
  ["open emphasis", fill("*a **a ")],
  ["stars", fill("*")],
  [
    "grave accents of each length",
    fill(Array.from({ length: 300 }, (_, at) => "`".repeat(at + 1)).join(" ")),
  ],
  ["quotes in quotes", fill(`${">".repeat(60)}a\n`)],
  ["lists in lists", fill(`${"- ".repeat(60)}a\n`)],
  ["nested blocks", fill("> - > - > - a\n")],
  ["links in links", fill(`${"[".repeat(3_000)}a${"](x)".repeat(3_000)}\n\n`)],
  ["titles without an end", fill("[a]: x '\n")],
  ["ampersands", fill("&")],
  [
    "one reference with a long address",
    `[a]: https://example.org/${"y".repeat(50_000)}\n\n${fill("[a]").slice(60_000)}`,
  ],
  [
    "one reference with a long address in many paragraphs",
    `[a]: https://example.org/${"y".repeat(50_000)}\n\n${fill("[a]\n\n").slice(60_000)}`,
  ],
  [
    "one wide row over many empty ones",
    fill(`${"|a".repeat(5_000)}\n${"|-".repeat(5_000)}\n${"x\n".repeat(5_000)}\n`),
  ],
  [
    "many tables of rows without cells",
    fill(`${"|a".repeat(100)}\n${"|-".repeat(100)}\n${"x\n".repeat(655)}\n`),
  ],
  ["rows of nearly nothing", `a|b\n-|-\n${fill("a|b\n").slice(8)}`],
  ["items of nothing", fill("*\n")],
  ["items of nearly nothing", fill("- a\n")],
  ["rows just below the limit", `a|b\n-|-\n${"a|b\n".repeat(2_100)}`],
  ["open images in paragraphs just below the limit", fill(`${"![".repeat(3_000)}\n\n`)],
  ["a line that nearly divides a table", `a|b\n${fill("-").slice(8)}x`],
  ["a body of four megabytes", "a *b* ".repeat(700_000)],
];

for (const [title, text] of BOMBS) {
  test(`${title}: rendered in seconds, to not much more than was written`, async () => {
    const started = performance.now();
    const { html, longest } = await watched(text);
    // Milliseconds on a quiet machine; without the bounds minutes, or no memory left.
    expect(performance.now() - started).toBeLessThan(15_000);
    expect(longest).toBeLessThan(250);
    expect(html.length).toBeLessThan(text.length * 9 + 200_000);
    expect(offences(html)).toEqual([]);
  });
}

/** What leads from one text, list or document to another. */
import { describe, expect, test } from "bun:test";
import { applyPatch } from "diff";
import fc from "fast-check";
import type { Json } from "../../sql/tx.ts";
import {
  type DocumentChange,
  diffDocuments,
  diffLists,
  diffText,
  type Hunk,
  unified,
} from "../../src/diff.ts";
import { seed } from "../support/seed.ts";

const runs = { seed, numRuns: 500 };

/** Texts of few different lines, most of which have something in common. */
const line = fc.oneof(
  fc.constantFrom("a", "b", "", " ", "the quick fox", "the slow fox", "}", "\r", "日本語", "x\ty"),
  fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => text.replaceAll("\n", " ")),
);
const text = fc
  .tuple(fc.array(line, { maxLength: 40 }), fc.boolean())
  .map(([lines, ends]) => lines.join("\n") + (ends ? "\n" : ""));
const edited = fc
  .tuple(fc.array(line, { maxLength: 60 }), fc.array(fc.tuple(fc.nat(59), line), { maxLength: 6 }))
  .map(([lines, edits]): [string, string] => {
    const after = [...lines];
    for (const [at, word] of edits) after.splice(at % (lines.length + 1), word.length % 2, word);
    return [lines.join("\n"), after.join("\n")];
  });
const two = fc.oneof(fc.tuple(text, text), edited);

const hunksOf = (before: string, after: string): readonly Hunk[] => {
  const diff = diffText(before, after);
  if (diff?.kind === "replaced") throw new Error("it was told as a replacement");
  return diff?.hunks ?? [];
};

/** The other text, made out of the one and the hunks; throws where they are not about it. */
function applied(before: string, hunks: readonly Hunk[]): string {
  const lines = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const made: string[] = [];
  let at = 0;
  for (const { beforeStart, afterStart, beforeLines, afterLines, lines: shown } of hunks) {
    made.push(...lines.slice(at, beforeStart - 1));
    at = beforeStart - 1;
    expect(afterStart).toBe(made.length + 1);
    const [from, into] = [at, made.length];
    for (const { change, text } of shown) {
      if (change !== "added") expect(lines[at++]).toBe(text);
      if (change !== "removed") made.push(text);
    }
    expect([at - from, made.length - into]).toEqual([beforeLines, afterLines]);
  }
  return [...made, ...lines.slice(at)].join("");
}

describe("two texts [row 107]", () => {
  test("the hunks make the one out of the other, in both directions", () => {
    fc.assert(
      fc.property(two, ([before, after]) => {
        const hunks = hunksOf(before, after);
        expect(applied(before, hunks)).toBe(after);
        expect(hunks.length === 0).toBe(before === after);
        expect(applied(after, hunksOf(after, before))).toBe(before);
      }),
      runs,
    );
  });

  test("a patch of them is one that others can apply", () => {
    fc.assert(
      fc.property(two, ([before, after]) => {
        const diff = diffText(before, after);
        if (diff === null) return;
        // The library takes a carriage return for a part of the line break, which it may then adapt.
        const patched = applyPatch(before, unified(diff) ?? "", { autoConvertLineEndings: false });
        expect(patched).toBe(after);
      }),
      runs,
    );
  });

  test("the words of a line make up the line, and those that stay are the same on both sides", () => {
    fc.assert(
      fc.property(two, ([before, after]) => {
        for (const { lines } of hunksOf(before, after)) {
          for (const { change, text, words } of lines) {
            if (words === null) continue;
            expect(change).not.toBe("none");
            expect(words.map((word) => word.text).join("")).toBe(text);
          }
          const stayed = (side: "removed" | "added") =>
            lines
              .filter(({ change }) => change === side)
              .flatMap(({ words }) => words ?? [])
              .filter(({ changed, text }) => !changed && text.trim() !== "")
              .map(({ text }) => text)
              .join("")
              .replace(/\s/g, "");
          expect(stayed("removed")).toBe(stayed("added"));
        }
      }),
      runs,
    );
  });

  test("three lines stand around a change, and changes that are near share a hunk", () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at + 1}\n`);
    const change = (...numbers: number[]) =>
      lines.map((line, at) => (numbers.includes(at + 1) ? line.toUpperCase() : line)).join("");
    const spans = (...numbers: number[]) =>
      hunksOf(lines.join(""), change(...numbers)).map(({ beforeStart, beforeLines }) => [
        beforeStart,
        beforeLines,
      ]);
    expect(spans(1)).toEqual([[1, 4]]);
    expect(spans(15)).toEqual([[12, 7]]);
    expect(spans(30)).toEqual([[27, 4]]);
    expect(spans(10, 17)).toEqual([[7, 14]]);
    expect(spans(10, 18)).toEqual([
      [7, 7],
      [15, 7],
    ]);
  });

  test("a changed line shows which of its words changed, also when it was broken in two", () => {
    const [hunk] = hunksOf("The cat sat on the mat.\n", "The cat lay\non the mat.\n");
    expect(hunk?.lines).toEqual([
      {
        change: "removed",
        text: "The cat sat on the mat.\n",
        words: [
          { text: "The cat ", changed: false },
          { text: "sat ", changed: true },
          { text: "on the mat.\n", changed: false },
        ],
      },
      {
        change: "added",
        text: "The cat lay\n",
        words: [
          { text: "The cat ", changed: false },
          { text: "lay\n", changed: true },
        ],
      },
      { change: "added", text: "on the mat.\n", words: [{ text: "on the mat.\n", changed: false }] },
    ]);
  });

  test("a text that begins or ends with nothing is a change of all its lines", () => {
    expect(hunksOf("", "one\ntwo")).toEqual([
      {
        beforeStart: 1,
        beforeLines: 0,
        afterStart: 1,
        afterLines: 2,
        lines: [
          { change: "added", text: "one\n", words: null },
          { change: "added", text: "two", words: null },
        ],
      },
    ]);
    expect(unified({ kind: "hunks", hunks: hunksOf("", "one\ntwo") })).toBe(
      "@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n",
    );
  });

  test("a line without a line break at the end is not the line with one", () => {
    const [hunk] = hunksOf("a\nb", "a\nb\n");
    expect(hunk?.lines.map(({ change, text }) => [change, text])).toEqual([
      ["none", "a\n"],
      ["removed", "b"],
      ["added", "b\n"],
    ]);
  });
});

describe("two huge texts [row 107]", () => {
  const MEGABYTES = 4 * 1024 * 1024;
  const filled = (next: () => string) => {
    const lines: string[] = [];
    for (let size = 0; size < MEGABYTES; size += lines.at(-1)?.length ?? 0) lines.push(next());
    return lines;
  };
  let made = 0;
  const sentence = () =>
    `A sentence of its own, number ${(++made).toString(36)}, that nobody else has written.\n`;
  const lines = filled(sentence);
  const all = lines.join("");
  /** Far more than was measured (20 ms), far less than without bounds (minutes). */
  const quickly = (before: string, after: string) => {
    const start = performance.now();
    const diff = diffText(before, after);
    expect(performance.now() - start).toBeLessThan(1000);
    return diff;
  };

  test("of which nothing is alike are told as replaced, with their sizes", () => {
    const after = filled(sentence).join("");
    expect(quickly(all, after)).toEqual({
      kind: "replaced",
      beforeBytes: Buffer.byteLength(all),
      afterBytes: Buffer.byteLength(after),
    });
  });

  test("so are lines that all have moved, that are only breaks, and a line of four megabytes", () => {
    const moved = [...lines.slice(0, 20_000)].reverse().join("");
    expect(quickly(lines.slice(0, 20_000).join(""), moved)?.kind).toBe("replaced");
    expect(quickly(`x${"\n".repeat(MEGABYTES)}`, "\n".repeat(MEGABYTES))?.kind).toBe("replaced");
    expect(quickly("ab ".repeat(MEGABYTES / 3), "ba ".repeat(MEGABYTES / 3))?.kind).toBe("replaced");
    const coins = (by: number) =>
      Array.from({ length: 20_000 }, (_, at) => `${(at * at * by) % 7 > 3}\n`).join("");
    expect(quickly(coins(3), coins(5))).not.toBeNull();
  });

  test("and a change in the middle of one is told as such, however long it is", () => {
    const after = lines.with(lines.length >> 1, "Another one.\n").join("");
    const hunks = hunksOf(all, after);
    expect(hunks).toHaveLength(1);
    expect(hunks[0]?.beforeStart).toBe((lines.length >> 1) - 2);
    expect(applied(all, hunks)).toBe(after);
  });

  test("words are compared as far as it is cheap; the lines are told all the same", () => {
    const words = (seed: number) =>
      Array.from({ length: 4000 }, (_, at) => `${(at * seed).toString(36)} of the line ${at % 5}\n`);
    const [before, after] = [words(7919).join("k\n"), words(6007).join("k\n")];
    expect(applied(before, hunksOf(before, after))).toBe(after);
    const diff = quickly(before, after);
    expect(diff?.kind).toBe("hunks");
  });
});

describe("two lists [row 28] [row 107]", () => {
  test("say what came, what went, and whether what stayed stands in another order", () => {
    expect(diffLists(["a", "b"], ["a", "b"])).toBeNull();
    expect(diffLists(["a", "b"], ["b", "c"])).toEqual({ added: ["c"], removed: ["a"], reordered: false });
    expect(diffLists(["a", "b"], ["b", "a"])).toEqual({ added: [], removed: [], reordered: true });
    expect(diffLists(["a"], ["a", "a"])).toEqual({ added: ["a"], removed: [], reordered: false });
    expect(diffLists([], ["x"])).toEqual({ added: ["x"], removed: [], reordered: false });
  });

  test("and what came and went leads from the one to the other, in some order", () => {
    const list = fc.array(fc.constantFrom<string[]>("a", "b", "c", "d"), { maxLength: 8 });
    fc.assert(
      fc.property(list, list, (before, after) => {
        const diff = diffLists(before, after);
        if (diff === null) return expect(after).toEqual(before);
        const rest = [...before];
        for (const item of diff.removed) rest.splice(rest.indexOf(item), 1);
        expect([...rest, ...diff.added].sort()).toEqual([...after].sort());
        const removed = new Set(diff.removed);
        expect(diff.added.filter((item) => removed.has(item))).toEqual([]);
        expect(diff.reordered || diff.added.length + diff.removed.length > 0).toBe(true);
      }),
      runs,
    );
  });
});

describe("two documents [row 27] [row 107]", () => {
  type Container = { [name: string]: unknown } & unknown[];

  /** The document after the changes, made one after the other. */
  function changed(document: Json, changes: readonly DocumentChange[]): unknown {
    // Not structuredClone: what a document holds twice would stay one and the same thing.
    const copy = (value: Json): unknown => JSON.parse(JSON.stringify(value));
    const holder = { "": copy(document) } as unknown as Container;
    for (const change of changes) {
      const names = change.pointer.split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
      const last = names.pop() ?? "";
      const parent = names.reduce((at, name) => at[name] as Container, holder);
      const target = change.pointer === "" ? holder : parent;
      if (change.before === undefined) expect(Object.hasOwn(target, last)).toBe(false);
      else expect(target[last]).toEqual(change.before);
      if (change.after !== undefined) target[last] = copy(change.after);
      else if (Array.isArray(target)) {
        expect(Number(last)).toBe(target.length - 1);
        target.pop();
      } else delete target[last];
    }
    return holder[""];
  }

  const json = fc
    .jsonValue({ maxDepth: 4, noUnicodeString: false, stringUnit: "grapheme" })
    // Refused wherever a document comes in; and no JSON text says minus zero.
    .map((value) => JSON.parse(JSON.stringify(value).replaceAll("__proto__", "proto")) as Json);
  const near = fc
    .tuple(json, fc.constantFrom("a", "b/c", "d~e", "0", ""), json, json)
    .map(([common, name, left, right]): [Json, Json] => [
      { common, [name]: left, list: [common, left] },
      { [name]: right, list: [common, right, left], common },
    ]);

  test("the changes make the one out of the other, in both directions", () => {
    fc.assert(
      fc.property(fc.oneof(fc.tuple(json, json), near), ([before, after]) => {
        expect(changed(before, diffDocuments(before, after))).toEqual(after);
        expect(changed(after, diffDocuments(after, before))).toEqual(before);
        expect(diffDocuments(before, before)).toEqual([]);
      }),
      runs,
    );
  });

  test("each says where, what was there and what is there, and names are escaped as RFC 6901 says", () => {
    const before = { same: 1, gone: null, "a/b": { "m~n": [1, 2, 3] }, type: "x" };
    const after = { type: { x: 1 }, "a/b": { "m~n": [1, 5] }, same: 1, come: false };
    expect(diffDocuments(before, after)).toEqual([
      { pointer: "/gone", before: null },
      { pointer: "/a~1b/m~0n/1", before: 2, after: 5 },
      { pointer: "/a~1b/m~0n/2", before: 3 },
      { pointer: "/type", before: "x", after: { x: 1 } },
      { pointer: "/come", after: false },
    ]);
    expect(diffDocuments({ a: 1, b: 2 }, { b: 2, a: 1 })).toEqual([]);
    expect(diffDocuments([1], { 0: 1 })).toEqual([{ pointer: "", before: [1], after: { 0: 1 } }]);
  });
});

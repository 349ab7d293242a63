import { describe, expect, test } from "bun:test";
import { LANGUAGE_PATTERN, languageCode } from "../../src/languages.ts";
import { slugify } from "../../src/slugs.ts";

describe("slugs", () => {
  test.each([
    ["While loops", "while-loops"],
    ["  ¿Qué es la aceleración?  ", "que-es-la-aceleracion"],
    ["Straße & Größe", "stra-e-gro-e"],
    ["a--b__c", "a-b-c"],
    ["ﬁne ②", "fine-2"],
    ["漢字", ""],
    ["---", ""],
    ["", ""],
    ["C++ / C#", "c-c"],
  ])("%j becomes %j [row 24]", (text, slug) => expect(slugify(text)).toBe(slug));

  test("a cut never leaves a dash at the end, nor more than the limit", () => {
    const cut = slugify(`${"a".repeat(9)} b`, 10);
    expect(cut).toBe("aaaaaaaaa");
    for (const limit of [1, 2, 3, 50]) {
      const slug = slugify("x y z ".repeat(50), limit);
      expect(slug.length).toBeLessThanOrEqual(limit);
      expect(slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    }
  });
});

describe("languages", () => {
  test.each([
    ["Spanish", "es"],
    ["ES", "es"],
    ["es", "es"],
    ["pt-BR", "pt-BR"],
    ["Portuguese-BR", "pt-BR"],
    ["simple", "simple"],
    ["xx", "xx"],
    // Names that every object has.
    ["constructor", "constructor"],
    ["valueOf", "valueof"],
  ])("%s is %s [row 26]", (written, code) => expect(languageCode(written)).toBe(code));

  test("whatever the pattern lets in becomes what the database takes", () => {
    const stored = /^[a-z]{2,10}(-[A-Za-z0-9]{1,8})*$/;
    const written = new RegExp(LANGUAGE_PATTERN);
    for (const language of [
      "en",
      "indonesian",
      "Portuguese",
      "lithuanian-LT",
      "zz-Latn-1",
      "abcdefgh",
      "abcdefghi",
      "abcdefghij",
    ]) {
      if (written.test(language)) expect(languageCode(language)).toMatch(stored);
    }
  });
});

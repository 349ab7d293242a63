import { describe, expect, test } from "bun:test";
import { canonical, decode, encode, freeze } from "../../src/cacheable.ts";

const VALUES: readonly (readonly [string, unknown])[] = [
  ["null", null],
  ["numbers", [0, 1.5, -1e-9, Number.MAX_SAFE_INTEGER]],
  ["strings that look like marks", ["~", "~~", "~1700000000000", "~~~", " ~", "é\u0000\ud800"]],
  ["dates", { at: new Date(0), list: [new Date("2026-11-24T08:00:00.123Z"), null] }],
  ["empty containers", { object: {}, array: [], text: "" }],
  [
    "keys that mean something elsewhere",
    JSON.parse('{"__proto__":{"x":1},"constructor":2,"toJSON":3,"2":0,"1":1}'),
  ],
  ["deep nesting", JSON.parse(`${'{"a":'.repeat(200)}1${"}".repeat(200)}`)],
];

describe("what the cache gives", () => {
  for (const [name, value] of VALUES) {
    test(`${name}: a hit is what the miss was, in value, type and JSON [row 82]`, () => {
      const miss = freeze(value).value;
      const hit = decode(encode(miss)).value;
      expect(hit).toStrictEqual(miss);
      expect(miss).toEqual(value);
      expect(JSON.stringify(hit)).toBe(JSON.stringify(value));
    });
  }

  test("dates stay dates, in a hit as in a miss [row 82]", () => {
    const { value } = freeze({ at: new Date(5) });
    for (const row of [value, decode(encode(value)).value] as { at: Date }[]) {
      expect(row.at).toBeInstanceOf(Date);
      expect(row.at.getTime()).toBe(5);
      expect(new Date(row.at).getTime()).toBe(5);
      expect(structuredClone(row.at).getTime()).toBe(5);
    }
  });

  test("nobody can alter it, its dates included, and the loader's own value stays as it was [row 82]", () => {
    const original = { list: [{ a: 1 }], at: new Date(5) };
    for (const value of [freeze(original).value, decode(encode(original)).value] as (typeof original)[]) {
      expect(() => value.list.push({ a: 2 })).toThrow(TypeError);
      expect(() => Object.assign(value.list[0] ?? {}, { a: 2 })).toThrow(TypeError);
      expect(() => value.at.setTime(6)).toThrow("a cached date cannot be changed");
      expect(() => value.at.setUTCFullYear(1999)).toThrow("a cached date cannot be changed");
      expect(value).toEqual({ list: [{ a: 1 }], at: new Date(5) });
    }
    original.list.push({ a: 3 });
    original.at.setTime(7);
    expect(original.at.getTime()).toBe(7);
  });

  test("an undefined property is left out, in a miss as in a hit", () => {
    const miss = freeze({ a: 1, b: undefined }).value;
    expect(Object.keys(miss as object)).toEqual(["a"]);
    expect(decode(encode(miss)).value).toStrictEqual(miss);
  });

  test("JSON has no negative zero, so neither has a miss", () => {
    expect(Object.is(freeze(-0).value, 0)).toBe(true);
  });

  const REFUSED: readonly (readonly [string, unknown])[] = [
    ["undefined", undefined],
    ["a hole in a list", [undefined]],
    ["a function", { f: () => 1 }],
    ["a map", new Map()],
    ["bytes", { hash: new Uint8Array(2) }],
    ["a bigint", [1n]],
    ["a symbol", Symbol("x")],
    ["NaN", Number.NaN],
    ["infinity", [Number.POSITIVE_INFINITY]],
    ["an invalid date", new Date("x")],
    ["an instance", { error: new Error("x") }],
  ];
  for (const [name, value] of REFUSED) {
    test(`${name} is refused rather than changed in silence`, () => {
      expect(() => freeze(value)).toThrow(TypeError);
      expect(() => encode(value)).toThrow(TypeError);
    });
  }
});

describe("arguments", () => {
  test("the order of keys makes no difference, at any depth [row 86]", () => {
    expect(canonical({ a: 1, b: { c: 2, d: [3] } })).toBe(canonical({ b: { d: [3], c: 2 }, a: 1 }));
    expect(canonical({ 10: "x", 9: "y", b: 1 })).toBe(canonical({ b: 1, 9: "y", 10: "x" }));
  });

  test("any difference of value, type, order of a list or nesting makes another key [row 86]", () => {
    const all = [
      1,
      "1",
      true,
      "true",
      null,
      "null",
      [],
      {},
      "",
      [1, 2],
      [2, 1],
      [[1], 2],
      [1, [2]],
      { a: 1 },
      { a: "1" },
      { a: 1, b: null },
      { entries: [["a", 1]] },
      { a: { b: 1 } },
      { "a.b": 1 },
      { a: [1] },
      new Date(1),
      "~1",
      "\u00e9",
      "e\u0301",
      "a",
      "A",
      "a ",
    ].map(canonical);
    expect(new Set(all).size).toBe(all.length);
  });
});

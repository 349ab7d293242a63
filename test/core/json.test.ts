import { describe, expect, test } from "bun:test";
import { Refusal } from "../../src/errors.ts";
import { JSON_ARRAY, JSON_DEPTH, JSON_KEYS, parseJson } from "../../src/json.ts";
import { best } from "../support/best.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function refusedWith(input: Uint8Array | string): Refusal {
  try {
    parseJson(typeof input === "string" ? bytes(input) : input);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("it was taken");
}

describe("strict JSON", () => {
  test("what JSON.parse makes of sound documents is what comes out", () => {
    const documents = [
      "{}",
      "[]",
      '""',
      "0",
      "-1.5e-7",
      "true",
      "null",
      ' { "a" : [ 1 , { "b" : "\\"}:{[" } ] , "c\\u0041" : "\\\\" } ',
      '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}',
      '{"text":"ünï \\ud83d\\ude00 😀","emptyKey":{"":1},"":":"}',
      `{"n":${Number.MAX_SAFE_INTEGER},"m":-${Number.MAX_SAFE_INTEGER},"f":0.1}`,
      '{"constructor":1,"prototype":2,"toString":3,"hasOwnProperty":4}',
    ];
    for (const document of documents) expect(parseJson(bytes(document))).toEqual(JSON.parse(document));
  });

  test("random documents survive, and a repeated name in any of their objects does not", () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    const words = ["a", "b:", '"', "\\", "{", "}", "[", ":", "ü", "\u0001", "x y", "__proto", "\\u0061"];
    const make = (depth: number): unknown => {
      const kind = depth > 4 ? random(3) : random(5);
      if (kind === 0) return random(1000) / 10;
      if (kind === 1) return words[random(words.length)];
      if (kind === 2) return random(2) === 0;
      if (kind === 3) return Array.from({ length: random(5) }, () => make(depth + 1));
      return Object.fromEntries(
        Array.from({ length: random(5) }, () => [words[random(words.length)], make(depth + 1)]),
      );
    };
    for (let round = 0; round < 500; round++) {
      const value = make(0);
      const text = JSON.stringify(value, null, random(3));
      expect(parseJson(bytes(text))).toEqual(value);
      const twice = text.replace(/\{(\s*)("(?:[^"\\]|\\.)*")(\s*):/, "{$1$2$3:0,$2:");
      if (twice !== text) expect(refusedWith(twice).slug).toBe("malformed_json");
    }
  });

  test("a name twice is refused, also when it is written differently or far apart", () => {
    for (const document of [
      '{"a":1,"a":2}',
      '{"a":1,"\\u0061":2}',
      '{"x":{"y":[{"a":1,"b":2,"a":3}]}}',
      `{"a":1,${Array.from({ length: 100 }, (_, at) => `"k${at}":0`).join(",")},"a":2}`,
    ]) {
      const refused = refusedWith(document);
      expect([refused.slug, refused.details.detail]).toEqual([
        "malformed_json",
        "A name occurs twice in one object.",
      ]);
    }
  });

  test("__proto__ as a name is refused at any depth", () => {
    expect(refusedWith('{"a":[{"__proto__":{"admin":true}}]}').slug).toBe("malformed_json");
    expect(refusedWith('{"\\u005f_proto__":1}').slug).toBe("malformed_json");
    expect(parseJson(bytes('{"a":"__proto__"}'))).toEqual({ a: "__proto__" });
  });

  test("depth, names and arrays end exactly at their limits", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(bytes(nested(JSON_DEPTH)))).toBeArray();
    expect(refusedWith(nested(JSON_DEPTH + 1)).slug).toBe("malformed_json");
    const named = (count: number) =>
      JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`k${at}`, 0])));
    expect(parseJson(bytes(named(JSON_KEYS)))).toBeObject();
    expect(refusedWith(named(JSON_KEYS + 1)).slug).toBe("malformed_json");
    const long = (length: number) => JSON.stringify({ list: Array(length).fill(0) });
    expect(parseJson(bytes(long(JSON_ARRAY)))).toBeObject();
    expect(refusedWith(long(JSON_ARRAY + 1)).details.errors).toEqual([
      { pointer: "#/list", detail: "must have at most 1000 items" },
    ]);
  });

  test("200,000 brackets are refused before anything is parsed", async () => {
    const took = await best(50, () => {
      const started = performance.now();
      expect(refusedWith("[".repeat(200_000)).slug).toBe("malformed_json");
      expect(refusedWith('{"a":'.repeat(40_000)).slug).toBe("malformed_json");
      return performance.now() - started;
    });
    expect(took).toBeLessThan(50);
  });

  test("numbers that would lose digits are refused with their place", () => {
    for (const number of [
      "9007199254740992",
      "-9007199254740993",
      "1e400",
      "123456789012345678901234567890",
    ]) {
      expect(refusedWith(`{"a":[0,{"n":${number}}]}`).details.errors).toEqual([
        { pointer: "#/a/1/n", detail: "must be a number that can be kept exactly" },
      ]);
    }
  });

  test("NUL and lone surrogates are refused, as escapes too, in values and in names", () => {
    for (const text of ["\\u0000", "a\\u0000b", "\\ud800", "\\udc00\\ud800", "\\uD83D"]) {
      expect(refusedWith(`{"a":"${text}"}`).details.errors?.[0]?.pointer).toBe("#/a");
      expect(refusedWith(`{"a":{"${text}":1}}`).slug).toBe("invalid_request");
    }
    expect(refusedWith('{"a":"\0"}').slug).toBe("malformed_json");
  });

  test("bytes that are no UTF-8, a byte order mark and other encodings are refused", () => {
    for (const input of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xef, 0xbb, 0xbf, 0x7b, 0x7d],
      [0x7b, 0x00, 0x7d, 0x00],
    ]) {
      expect(refusedWith(new Uint8Array(input)).slug).toBe("malformed_json");
    }
  });

  test("what is no JSON is refused, however it breaks off", () => {
    const whole = '{"a":[1,{"b":"c\\"d"}],"e":-1.5}';
    for (let length = 0; length < whole.length; length++) {
      expect(refusedWith(whole.slice(0, length)).slug).toBe("malformed_json");
    }
    for (const text of [
      "NaN",
      "Infinity",
      "undefined",
      "{a:1}",
      "{'a':1}",
      "[1,]",
      "01",
      "1 2",
      "{}{}",
      "// x\n{}",
      '"\\',
    ])
      expect(refusedWith(text).slug).toBe("malformed_json");
  });

  test("a refusal repeats neither values nor names that do not look like a field's", () => {
    const secret = "correct horse battery";
    const refused = refusedWith(`{"${secret}":{"inner":"\\u0000${secret}"},"ok":{"n":1e400}}`);
    expect(refused.details.errors).toEqual([
      { pointer: "#", detail: "must not contain the character U+0000" },
      { pointer: "#/ok/n", detail: "must be a number that can be kept exactly" },
    ]);
  });
});

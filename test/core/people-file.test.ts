/** Files of people as bytes: what is UTF-8, and in which line it is not. */
import { describe, expect, test } from "bun:test";
import { lineCountOf, utf8Of } from "../../src/people-file.ts";

/** The text, cut into pieces of so many bytes; or why it was refused. */
async function read(bytes: Uint8Array, size: number): Promise<string> {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  let text = "";
  try {
    for await (const piece of utf8Of(pieces())) text += piece;
  } catch (error) {
    return String(error);
  }
  return text;
}

const SIZES = [1, 2, 3, 4, 5, 7, 64, 1000];

describe("the text of a file", () => {
  test("comes whole, however it is cut", async () => {
    const text = "\ufeffid;name\r\n1;José Ñandú\r\n2;李小龙 🦉\r\n\ufffd";
    for (const size of SIZES) expect(await read(Buffer.from(text), size)).toBe(text);
    expect(await read(Buffer.alloc(0), 1)).toBe("");
  });

  test.each([
    ["Windows-1252", Buffer.from("id;name\r\n1;Ada\r\n2;Jos\u00e9\r\n", "latin1"), 3],
    ["a letter cut by the end of its line", Buffer.from([0x41, 0x0a, 0x41, 0xc3, 0x0a, 0x41]), 2],
    ["a letter cut by the end of the file", Buffer.from([0x41, 0x0a, 0x0a, 0xe2, 0x82]), 3],
    ["lines that end in CR alone", Buffer.from([0x41, 0x0d, 0x41, 0x0d, 0xe9, 0x0d]), 3],
    ["UTF-16 with its mark", Buffer.from("\ufeffid;name\n", "utf16le"), 1],
    ["a valid letter before, in the same line", Buffer.from([0x41, 0x0a, 0xc3, 0xa9, 0xe9, 0x41]), 2],
  ])("is refused with its line, however it is cut: %s", async (_, bytes, line) => {
    for (const size of SIZES) {
      const why = await read(bytes, size);
      expect(why).toContain(
        `import_unreadable: Line ${line} is not UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8)`,
      );
    }
  });
});

test("lines are counted as they are numbered", () => {
  for (const [text, count] of [
    ["", 0],
    ["\n\n", 0],
    ["a", 1],
    ["a\r\nb\r\n\r\n", 2],
    ["a\rb\r", 2],
    ["\na\n\nb", 4],
  ] as const) {
    expect(lineCountOf(text, "csv")).toBe(count);
  }
  expect(lineCountOf('{"a":"x\ry"}\n{}\n', "ndjson")).toBe(2);
});

/** Tables as spreadsheets write them, however they arrive. */
import { describe, expect, test } from "bun:test";
import { type CsvRow, csvRows } from "../../src/csv.ts";

async function read(text: string, size = text.length || 1): Promise<CsvRow[]> {
  async function* chunks() {
    for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
  }
  const rows: CsvRow[] = [];
  for await (const row of csvRows(chunks())) rows.push(row);
  return rows;
}
const cells = (rows: readonly CsvRow[]) => rows.map((row) => ("cells" in row ? row.cells : row.problem));
const lines = (rows: readonly CsvRow[]) => rows.map(({ line }) => line);

describe("a table", () => {
  test.each([
    [
      "a,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "a;b\r\n1;2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "a\tb\r1\t2\r",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "\ufeffa,b\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      '"a;x",b\n"1,1",2',
      [
        ["a;x", "b"],
        ["1,1", "2"],
      ],
    ],
    [
      'a;b\n"1;1";"say ""hi"""',
      [
        ["a", "b"],
        ["1;1", 'say "hi"'],
      ],
    ],
    [
      'a,b\n"one\r\ntwo\nthree",2',
      [
        ["a", "b"],
        ["one\r\ntwo\nthree", "2"],
      ],
    ],
    [
      ' a , "b" \n 1 ,  "2"  ',
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      'a,b\n"",\n1,""',
      [
        ["a", "b"],
        ["1", ""],
      ],
    ],
    [
      "a,b\n\n\r\n,\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      'a,b\n1,2" wide',
      [
        ["a", "b"],
        ["1", '2" wide'],
      ],
    ],
    ["only", [["only"]]],
    ["", []],
    ["\ufeff", []],
  ] as [string, string[][]][])("%j is read as it was meant", async (text, expected) => {
    expect(cells(await read(text))).toEqual(expected);
  });

  test("says where each row begins, empty lines and quoted line ends counted", async () => {
    expect(lines(await read('a\r\n\r\n"1\n1"\n2\n\n\n3'))).toEqual([1, 3, 5, 8]);
    expect(lines(await read('a\r"1\r1"\r2'))).toEqual([1, 2, 4]);
  });

  test("a quote in the wrong place costs its own line and no other", async () => {
    const text = 'a,b\n1,"open\n2,"closed"x\n3,"fine"\n4,"never closed\n5,five\n6,six';
    const rows = await read(text);
    expect(lines(rows)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const wrong = "has a quote in the wrong place";
    expect(cells(rows)).toEqual([
      ["a", "b"],
      wrong,
      wrong,
      ["3", "fine"],
      wrong,
      ["5", "five"],
      ["6", "six"],
    ]);
  });

  test("a cell that never ends is given up after some lines, or some characters, and what follows is read", async () => {
    const many = Array.from({ length: 200 }, (_, at) => `${at},x`);
    const rows = await read(`a,b\n1,"open\n${many.join("\n")}`);
    expect(rows).toHaveLength(202);
    const long = await read(`a,b\n1,"${"x".repeat(20_000)}"\n2,${"y".repeat(20_000)}\n3,z`);
    expect(cells(long)).toEqual([["a", "b"], "has a quote in the wrong place", "is too long", ["3", "z"]]);
  });
});

test("however it is cut into pieces, the same rows come", async () => {
  // A generator of its own, so that a failure can be had again.
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  const parts = ['"', '""', ",", ";", "\n", "\r\n", "\r", " ", "a", "ñ", "小", '",', '"\n', ',"'];
  for (let round = 0; round < 400; round++) {
    const text = Array.from({ length: 1 + random(30) }, () => parts[random(parts.length)] ?? "").join("");
    const whole = await read(text);
    for (const size of [1, 2, 3, 7]) {
      expect([text, size, await read(text, size)]).toEqual([text, size, whole]);
    }
    // Nothing vanishes: every line that is not empty is in some row, or told as wrong.
    expect(lines(whole)).toEqual([...new Set(lines(whole))].sort((a, b) => a - b));
  }
});

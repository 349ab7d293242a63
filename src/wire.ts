/** PostgreSQL's text format, both ways. Pure: the driver is told of it in src/db.ts. */

/** How one type is written and read. `read` null leaves the text as it came. */
export interface WireType {
  /** OIDs of the types that are read and written like this. */
  readonly oids: readonly number[];
  readonly write: (value: unknown) => string;
  readonly read: ((text: string) => unknown) | null;
}

/** The JSON document `null`, which is not the same as no document. */
export const jsonNull = Object.freeze({ toJSON: () => null });

const json = [114, 3802];

const scalars: readonly WireType[] = [
  {
    oids: [16],
    write: (value) => (value === true ? "t" : value === false ? "f" : plain(value)),
    read: (text) => text === "t",
  },
  { oids: [17], write: bytes, read: (text) => Buffer.from(text.slice(2), "hex") },
  { oids: [20], write: plain, read: safeInteger },
  { oids: [21, 23, 26, 700, 701], write: plain, read: Number },
  { oids: json, write: document, read: (text) => JSON.parse(text) as unknown },
  // A date or a time without a zone is no instant: as a Date it would shift with the zone of the host.
  {
    oids: [1082],
    write: (value) => (value instanceof Date ? instant(value).slice(0, 10) : plain(value)),
    read: null,
  },
  { oids: [1184], write: (value) => (value instanceof Date ? instant(value) : plain(value)), read: date },
  // text, varchar, char(n), "char", name, uuid, numeric, time, timestamp, timetz, interval, inet, cidr, macaddr, xml
  {
    oids: [25, 1043, 1042, 18, 19, 2950, 1700, 1083, 1114, 1266, 1186, 869, 650, 829, 142],
    write: plain,
    read: null,
  },
];

const arrays: Readonly<Record<number, number>> = {
  16: 1000,
  17: 1001,
  18: 1002,
  19: 1003,
  20: 1016,
  21: 1005,
  23: 1007,
  25: 1009,
  26: 1028,
  114: 199,
  142: 143,
  650: 651,
  700: 1021,
  701: 1022,
  829: 1040,
  869: 1041,
  1042: 1014,
  1043: 1015,
  1082: 1182,
  1083: 1183,
  1114: 1115,
  1184: 1185,
  1186: 1187,
  1266: 1270,
  1700: 1231,
  2950: 2951,
  3802: 3807,
};

/** Every type that is known, arrays included. Of any other type a value is read and written as text. */
export const wireTypes: readonly WireType[] = [
  ...scalars,
  ...scalars.flatMap(({ oids, write, read }) =>
    oids.flatMap((oid): WireType[] => {
      const array = arrays[oid];
      if (array === undefined) return [];
      const nests = !json.includes(oid);
      return [
        {
          oids: [array],
          write: (value) => writeArray(value, write, nests),
          read: (text) => readArray(text, read ?? ((element) => element)),
        },
      ];
    }),
  ),
];

function plain(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    return String(value);
  throw new TypeError(
    `a parameter of type ${typeof value} cannot be sent where the query asks for a plain value`,
  );
}

function bytes(value: unknown): string {
  if (value instanceof Uint8Array)
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  throw new TypeError("a bytea parameter must be a Uint8Array");
}

function document(value: unknown): string {
  const text: unknown = JSON.stringify(value);
  if (typeof text === "string") return text;
  throw new TypeError(`a ${typeof value} is no JSON document`);
}

function instant(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new TypeError("an invalid Date cannot be sent");
  return value.toISOString();
}

/** Rewritten as ISO 8601: what is not, is read by each engine as it likes (the year 0001 as 2001). */
function date(text: string): Date {
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)([+-]\d\d)(?::(\d\d))?$/.exec(text);
  const value = new Date(
    parts === null ? Number.NaN : `${parts[1]}T${parts[2]}${parts[3]}:${parts[4] ?? "00"}`,
  );
  if (Number.isNaN(value.getTime())) throw new RangeError("the database gave a time that no Date can hold");
  return value;
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError("the database gave a bigint past 2^53: a number cannot hold it");
  return value;
}

function writeArray(value: unknown, write: (element: unknown) => string, nests: boolean): string {
  if (!Array.isArray(value)) throw new TypeError("the query asks for an array here");
  const elements = value.map((element: unknown) => {
    if (element === null) return "null";
    if (element === undefined) throw new TypeError("undefined cannot be an element of an array");
    if (nests && Array.isArray(element)) return writeArray(element, write, nests);
    return `"${write(element).replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${elements.join(",")}}`;
}

function readArray(text: string, read: (element: string) => unknown): unknown[] {
  // A lower bound other than one comes first: [0:2]={…}
  let at = text.indexOf("{") + 1;
  return readElements();

  function readElements(): unknown[] {
    const elements: unknown[] = [];
    for (;;) {
      const char = text[at];
      if (char === undefined) throw new SyntaxError("the array that the database gave ends too early");
      if (char === "}") {
        at++;
        return elements;
      }
      if (char === ",") at++;
      else if (char === "{") {
        at++;
        elements.push(readElements());
      } else if (char === '"') elements.push(read(quoted()));
      else {
        const word = unquoted();
        elements.push(word === "NULL" ? null : read(word));
      }
    }
  }

  function quoted(): string {
    let value = "";
    for (at++; text[at] !== '"'; at++) {
      if (text[at] === "\\") at++;
      if (at >= text.length) throw new SyntaxError("the array that the database gave ends too early");
      value += text[at];
    }
    at++;
    return value;
  }

  function unquoted(): string {
    const from = at;
    while (at < text.length && text[at] !== "," && text[at] !== "}") at++;
    return text.slice(from, at);
  }
}

import { expect, test } from "bun:test";
import { type Log, type LogLevel, openLog } from "../../src/log.ts";
import { testDatabase } from "../support/database.ts";
import { refusedBy } from "../support/domain.ts";

type Line = Record<string, unknown>;

function logged(level: LogLevel, write: (log: Log) => void): readonly Line[] {
  const lines: string[] = [];
  write(openLog({ level, write: (line) => lines.push(line) }));
  for (const line of lines) expect(line).toMatch(/^\{.*\}\n$/);
  return lines.map((line) => JSON.parse(line) as Line);
}

test("one line of JSON an event, with time and level", () => {
  const [line] = logged("info", (log) => log.info("started", { port: 3000 }));
  expect(line).toEqual({ time: expect.any(String), level: "info", event: "started", port: 3000 });
  expect(Math.abs(Date.parse(String(line?.time)) - Date.now())).toBeLessThan(10_000);
});

test("what is less than the level is not written", () => {
  const all = (log: Log) => {
    log.debug("a");
    log.info("b");
    log.warn("c");
    log.error("d");
  };
  expect(logged("debug", all).map(({ event }) => event)).toEqual(["a", "b", "c", "d"]);
  expect(logged("warn", all).map(({ event }) => event)).toEqual(["c", "d"]);
});

test("fields that are always set are on each line, and can be set anew", () => {
  const lines = logged("info", (log) => {
    const job = log.with({ job: "lockout", attempt: 1 });
    job.info("a");
    job.with({ attempt: 2 }).info("b");
    log.info("c");
  });
  expect(lines.map(({ event, job, attempt }) => [event, job, attempt])).toEqual([
    ["a", "lockout", 1],
    ["b", "lockout", 2],
    ["c", undefined, undefined],
  ]);
});

test("a field that is not on the list does not get in, wherever it comes from [row 80]", () => {
  const smuggled = { route: "/v1/users", password: "hunter2", body: { token: "hunter2" } } as Parameters<
    Log["info"]
  >[1];
  const lines = logged("info", (log) => {
    log.info("request", smuggled);
    log.with(smuggled ?? {}).info("request");
  });
  expect(JSON.stringify(lines)).not.toContain("hunter2");
  expect(lines.map(({ route }) => route)).toEqual(["/v1/users", "/v1/users"]);
});

test("an error gives its name, message, code and place, and its cause", () => {
  const error = Object.assign(new TypeError("outer", { cause: new RangeError("inner") }), { code: "E1" });
  const [line] = logged("error", (log) => log.error("failed", { error }));
  expect(line?.error).toMatchObject({
    name: "TypeError",
    message: "outer",
    code: "E1",
    cause: { error: { name: "RangeError", message: "inner" } },
  });
});

test("an error that is none, and one without end, are short", () => {
  const [text, long] = logged("error", (log) => {
    log.error("failed", { error: "hunter2" });
    log.error("failed", { error: new Error("x".repeat(100_000)) });
  });
  expect(text?.error).toBe("string");
  expect(JSON.stringify(long).length).toBeLessThan(5000);
});

test("an error that is its own cause ends", () => {
  const error = new Error("loop");
  error.cause = error;
  const [line] = logged("error", (log) => log.error("failed", { error }));
  expect(JSON.stringify(line).length).toBeLessThan(20_000);
});

test("what PostgreSQL tells of the values is cut: detail, query and the value in the message [row 80]", async () => {
  const { admin, close } = await testDatabase();
  try {
    const failures = [
      "insert into app.setup_code (code_hash, first) values (sha256('a'), true), (sha256('a'), true)",
      "select 'hunter2'::uuid",
      "select 'hunter2'::int",
      `select '{"a": hunter2}'::json`,
      "do $$ begin raise exception 'no' using detail = 'hunter2', hint = 'hunter2'; end $$",
      "insert into app.organization (name, slug) values ('hunter2', 'HUNTER 2')",
    ];
    for (const text of failures) {
      const error = await admin(text).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(await refusedBy(Promise.reject(error))).not.toBeNull();
      const [line] = logged("error", (log) => log.error("failed", { error }));
      expect(JSON.stringify(line)).not.toContain("hunter2");
      expect(JSON.stringify(line)).not.toContain("\\\\x");
      expect(line?.error).toMatchObject({ name: "PostgresError" });
    }
  } finally {
    await close();
  }
});

test("an error of PostgreSQL is named so where classes have lost their names", () => {
  const minified = Object.assign(new Error("no"), { name: "Wm", severity: "ERROR", code: "58P01" });
  const broken = Object.assign(new Error("no"), { code: "EPIPE" });
  const lines: string[] = [];
  const log = openLog({ level: "error", write: (line) => lines.push(line) });
  log.error("failed", { error: minified });
  log.error("failed", { error: broken });
  expect(lines.map((line) => JSON.parse(line).error.name)).toEqual(["PostgresError", "Error"]);
});

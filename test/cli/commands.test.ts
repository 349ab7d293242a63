/** What every command has in common, and the commands that need no database. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { version } from "../../package.json";
import { SETTINGS } from "../../src/config.ts";
import { satchel } from "../support/binary.ts";
import { tempFolder } from "../support/run.ts";

// The first one may have to build the executable.
setDefaultTimeout(60_000);

const COMMANDS = [
  ...[
    "serve",
    "work",
    "migrate",
    "import",
    "export",
    "import-users",
    "erasures",
    "setup-code",
    "organization",
  ],
  "reset-password",
  "unlock",
  "reset-second-factor",
  ...["audit", "config", "doctor", "openapi", "permissions", "version"],
];

describe("help", () => {
  test("lists every command, with help, --help and -h alike", async () => {
    const [words, long, short] = await Promise.all([satchel(["help"]), satchel(["--help"]), satchel(["-h"])]);
    expect(words).toMatchObject({ code: 0, err: "" });
    for (const name of [...COMMANDS, "help"]) expect(words.out).toMatch(new RegExp(`^ {2}${name} {2}`, "m"));
    expect([long.out, short.out]).toEqual([words.out, words.out]);
  });

  test("of a command names its usage and each of its options", async () => {
    for (const name of COMMANDS) {
      const { code, out, err } = await satchel([name, "--help"]);
      expect([name, code, err]).toEqual([name, 0, ""]);
      expect(out).toContain(`usage: satchel ${name}`);
      // What the usage line shows is explained below it.
      const usage = out.split("\n").find((line) => line.startsWith("usage:")) ?? "";
      for (const [option] of usage.matchAll(/--[a-z-]+/g))
        expect(out).toMatch(new RegExp(`^ +${option} `, "m"));
      expect((await satchel(["help", name])).out).toBe(out);
    }
  });
});

test("the help of serve names each field that the ready file can have", async () => {
  const { out } = await satchel(["help", "serve"]);
  for (const field of ["url", "docs", "pid", "mailboxPassword", "setupCode"])
    expect(out).toMatch(new RegExp(`written when ready: .*\\b${field}\\b`));
});

describe("wrong usage ends with 2 and says what is right", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["nonsense"], 'there is no command "nonsense"'],
    [["help", "nonsense"], 'there is no command "nonsense"'],
    [["serve", "--nonsense"], "--nonsense"],
    [["--nonsense"], "--nonsense"],
    [["serve", "--port"], "--port"],
    [["serve", "extra"], '"extra"'],
    [["version", "extra"], '"extra"'],
    [["import"], "an argument is missing"],
    [["import", "a.ndjson"], "--organization is missing"],
    [["import", "a.ndjson", "b.ndjson", "--organization", "x"], '"b.ndjson"'],
    [["import", "a.ndjson", "--organization", "x", "--publish=yes"], "--publish"],
    [["import-users", "a.csv"], "--organization is missing"],
    [["import-users", "a.csv", "--organization", "x", "--format", "xlsx"], "--format must be csv or ndjson"],
    [["setup-code", "extra"], '"extra"'],
    [["erasures"], "an argument is missing"],
    [["erasures", "undo"], 'what is "undo"'],
  ];
  for (const [args, complaint] of cases) {
    test(`satchel ${args.join(" ")}`, async () => {
      const { code, out, err } = await satchel(args);
      expect(code).toBe(2);
      expect(out).toBe("");
      expect(err).toContain(complaint);
      expect(err).toMatch(/help/);
      expect(err).not.toMatch(/\bat .*:\d+:\d+/);
    });
  }
});

describe("version", () => {
  test("tells the release of package.json, as a command and as a flag", async () => {
    for (const args of [["version"], ["--version"], ["-v"]]) {
      const { code, out } = await satchel(args);
      expect(code).toBe(0);
      expect(out).toStartWith(`satchel ${version} (`);
    }
  });
});

describe("config", () => {
  test("shows every setting with its meaning and default", async () => {
    const { code, out, err } = await satchel(["config"]);
    expect([code, err]).toEqual([0, ""]);
    for (const { env, meaning, fallback, secret } of SETTINGS) {
      const shown =
        fallback === null || fallback === "" || secret === true ? "not set" : `${fallback} (default)`;
      expect(out).toContain(`${env}=${shown}\n    ${meaning}`);
    }
  });

  test("shows what is set, and of a secret only that it is", async () => {
    const password = "hunter2-do-not-show";
    const folder = tempFolder();
    writeFileSync(join(folder, "secret"), "Vb8GmXq2ZtR5nKc7LwYp4HsJd9FaEu3T\n");
    const { code, out, err } = await satchel(["config"], {
      folder,
      env: {
        DATABASE_URL: `postgres://someone:${password}@db.example/satchel`,
        DATABASE_OWNER_URL: `postgres://owner:${password}@db.example/satchel`,
        REDIS_URL: `redis://:${password}@redis.example`,
        SATCHEL_METRICS_TOKEN: `${password}-metrics-token-0123456789`,
        SATCHEL_SECRET_FILE: "secret",
        SATCHEL_PORT: "4000",
      },
    });
    expect([code, err]).toEqual([0, ""]);
    expect(out).not.toContain(password);
    expect(out).not.toContain("Vb8Gm");
    expect(out).toContain("DATABASE_URL=set\n");
    expect(out).toContain("REDIS_URL=set\n");
    expect(out).toContain("SATCHEL_SECRET=from secret\n");
    expect(out).toContain("SATCHEL_PORT=4000\n");
  });

  test("ends with 78 and names every problem at once, without a value [row 53]", async () => {
    const { code, out, err } = await satchel(["config"], {
      env: {
        DATABASE_URL: "mysql://root:hunter2@db.example/satchel",
        SATCHEL_PORT: "70000",
        SATCHEL_PROT: "3000",
        SATCHEL_SECRET_FILE: "/nowhere/secret",
      },
    });
    expect(code).toBe(78);
    expect(out).toContain("SATCHEL_HOST=");
    expect(err.trim().split("\n").sort()).toEqual([
      "DATABASE_URL must be a URL that begins with postgres:// or postgresql://, not mysql://",
      "SATCHEL_PORT must be a whole number from 0 to 65535",
      "SATCHEL_PROT is not a setting; `satchel config` lists them",
      "SATCHEL_SECRET_FILE names a file that cannot be read",
    ]);
    expect(out + err).not.toContain("hunter2");
  });

  test("--markdown is a table of every setting, whatever is set here", async () => {
    const [plain, set] = await Promise.all([
      satchel(["config", "--markdown"]),
      satchel(["config", "--markdown"], { env: { SATCHEL_PORT: "4000" } }),
    ]);
    expect(plain.code).toBe(0);
    expect(set.out).toBe(plain.out);
    const rows = plain.out.trim().split("\n");
    expect(rows).toHaveLength(SETTINGS.length + 2);
    for (const row of rows) expect(row.replaceAll("\\|", "").match(/\|/g)).toHaveLength(5);
  });

  test("serve refuses a wrong setting in the same words, and names the flag where it came by one [row 53]", async () => {
    const scheme = await satchel(["serve"], { env: { DATABASE_URL: "mysql://x@y/z" } });
    expect(scheme.code).toBe(78);
    expect(scheme.err).toContain("DATABASE_URL must be a URL that begins with postgres://");
    const flag = await satchel(["serve", "--port", "many"]);
    expect(flag.code).toBe(78);
    expect(flag.err).toContain("--port must be a whole number from 0 to 65535");
  });
});

describe("openapi", () => {
  test("prints the document of test/golden/openapi.json: what clients rely on changes knowingly", async () => {
    const { code, out, err } = await satchel(["openapi"]);
    expect([code, err]).toEqual([0, ""]);
    const golden = readFileSync(join(import.meta.dir, "../golden/openapi.json"), "utf8");
    if (out !== golden) {
      const renew = "If the change is meant: bun src/main.ts openapi > test/golden/openapi.json";
      expect(`${renew}\n${out}`).toBe(`${renew}\n${golden}`);
    }
  });
});

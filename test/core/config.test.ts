import { describe, expect, test } from "bun:test";
import { type ConfigSources, readConfig, SETTINGS } from "../../src/config.ts";

const config = (sources: Partial<ConfigSources>) => {
  const read = readConfig({ env: {}, ...sources });
  if ("problems" in read) throw new Error(JSON.stringify(read.problems));
  return read.config;
};
const problems = (sources: Partial<ConfigSources>) => {
  const read = readConfig({ env: {}, ...sources });
  return "problems" in read ? read.problems : [];
};

const SECRET = "kX3vQ9pL2mZ8wR5tY7uB4nC6aD1eF0gH";

test("nothing set gives the defaults that the table names, on this machine only", () => {
  expect(config({})).toMatchObject({
    host: "127.0.0.1",
    port: 3000,
    dataDir: "satchel-data",
    databaseUrl: null,
    poolSize: 10,
    redisUrl: null,
    secrets: [],
    signUp: "code",
    jobs: "on",
    corsOrigins: [],
    trustedProxies: 0,
    metricsToken: null,
  });
});

test("every setting has a variable of its own, a meaning and a key, and each default passes its own check", () => {
  expect(new Set(SETTINGS.map(({ env }) => env)).size).toBe(SETTINGS.length);
  expect(new Set(SETTINGS.map(({ key }) => key)).size).toBe(SETTINGS.length);
  expect(SETTINGS.map(({ key }) => String(key)).sort()).toEqual(Object.keys(config({})).sort());
  for (const { meaning } of SETTINGS) expect(meaning.length).toBeGreaterThan(5);
});

test("every problem is told at once", () => {
  const env = {
    SATCHEL_PORT: "70000",
    DATABASE_POOL_SIZE: "many",
    SATCHEL_SIGN_UP: "maybe",
    DATABASE_URL: "mysql://x",
  };
  expect(
    problems({ env })
      .map(({ setting }) => setting)
      .sort(),
  ).toEqual(Object.keys(env).sort());
});

test("an unknown SATCHEL_ variable is a problem, since it is a typing mistake; any other is not ours", () => {
  expect(
    problems({ env: { SATCHEL_PROT: "3000", PORT: "x", DATABASE_FOO: "y", SATCHEL_TEST_POSTGRES: "15" } }),
  ).toEqual([{ setting: "SATCHEL_PROT", problem: "is not a setting; `satchel config` lists them" }]);
});

test("a flag wins over its variable, and an empty variable counts as absent", () => {
  expect(config({ env: { SATCHEL_PORT: "4000" }, flags: { port: "5000" } }).port).toBe(5000);
  expect(config({ env: { SATCHEL_PORT: "4000" }, flags: { port: undefined } }).port).toBe(4000);
  expect(config({ env: { SATCHEL_PORT: "" } }).port).toBe(3000);
});

describe("files", () => {
  const files: Record<string, string> = { "/run/secret": `${SECRET}\n` };
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`ENOENT ${path}`);
    return text;
  };

  test("<SETTING>_FILE names a file that holds the value, without the line's end", () => {
    expect(config({ env: { SATCHEL_SECRET_FILE: "/run/secret" }, readFile }).secrets).toEqual([SECRET]);
  });

  test("the variable itself wins over the file", () => {
    const other = SECRET.split("").reverse().join("");
    const env = { SATCHEL_SECRET_FILE: "/run/secret", SATCHEL_SECRET: other };
    expect(config({ env, readFile }).secrets).toEqual([other]);
  });

  test("a file that cannot be read is a problem, beside all others", () => {
    const env = { SATCHEL_SECRET_FILE: "/run/nothing", SATCHEL_PORT: "x" };
    expect(problems({ env, readFile }).map(({ setting }) => setting)).toEqual([
      "SATCHEL_PORT",
      "SATCHEL_SECRET_FILE",
    ]);
  });
});

describe("the database's URL", () => {
  test.each([
    "postgres://user:pass@host:5432/db",
    "postgresql://user@host/db",
    "postgres://satchel_request@/satchel?host=%2Frun%2Fpostgresql",
    "postgres://user:p%40ss@[::1]:5432/db?sslmode=require",
  ])("%s is taken [row 53]", (url) => {
    expect(config({ env: { DATABASE_URL: url } }).databaseUrl).toBe(url);
  });

  test.each([
    "mysql://hunter2@host/db",
    "http://hunter2@host",
    "hunter2",
    "postgres:hunter2",
    "postgres://user:hunter2@ho st/db",
  ])("%s is refused, the scheme named and nothing of it repeated [row 53]", (url) => {
    const [problem, ...more] = problems({ env: { DATABASE_URL: url } });
    expect(more).toEqual([]);
    expect(problem?.setting).toBe("DATABASE_URL");
    expect(problem?.problem).toMatch(/postgres:\/\/|not a readable URL/);
    expect(JSON.stringify(problem)).not.toContain("hunter2");
  });
});

test("no problem repeats what was given, whatever the setting", () => {
  const marker = "zq7-hunter2";
  for (const { key, env, secret } of SETTINGS) {
    const found = problems({ env: { [env]: marker } });
    expect(JSON.stringify(found)).not.toContain(marker);
    // A secret of eleven characters is too short for every setting that takes one. How long the key of a store is, the
    // store decides.
    if (secret === true && key !== "s3SecretAccessKey") expect(found).toHaveLength(1);
  }
});

test.each([
  ["short", "short"],
  ["one short among good ones", `${SECRET},short`],
  ["repeated characters", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
  ["nothing between commas", `${SECRET},,`],
])("a weak secret is refused: %s", (_, value) => {
  expect(problems({ env: { SATCHEL_SECRET: value } }).map(({ setting }) => setting)).toEqual([
    "SATCHEL_SECRET",
  ]);
});

test("a list of secrets keeps its order: the first one signs", () => {
  const other = SECRET.toLowerCase();
  expect(config({ env: { SATCHEL_SECRET: `${SECRET}, ${other}` } }).secrets).toEqual([SECRET, other]);
});

test("origins must be exact", () => {
  expect(
    config({ env: { SATCHEL_CORS_ORIGINS: "https://a.example, https://b.example:8443" } }).corsOrigins,
  ).toEqual(["https://a.example", "https://b.example:8443"]);
  for (const value of ["*", "https://a.example/", "a.example", "https://a.example/path"]) {
    expect(problems({ env: { SATCHEL_CORS_ORIGINS: value } })).toHaveLength(1);
  }
});

test.each(["1e3", "0x10", "3.5", " 5", "", "-1", "99999999999999999999"])("%j is no port", (value) => {
  const found = problems({ env: { SATCHEL_PORT: value } });
  expect(found).toHaveLength(value === "" ? 0 : 1);
});

test("a bucket needs its key, and an endpoint its bucket", () => {
  const bucket = { SATCHEL_S3_BUCKET: "files" };
  expect(problems({ env: bucket }).map(({ setting }) => setting)).toEqual([
    "SATCHEL_S3_ACCESS_KEY_ID",
    "SATCHEL_S3_SECRET_ACCESS_KEY",
  ]);
  expect(
    problems({ env: { SATCHEL_S3_ENDPOINT: "http://127.0.0.1:9000" } }).map(({ setting }) => setting),
  ).toEqual(["SATCHEL_S3_BUCKET"]);
  const whole = { ...bucket, SATCHEL_S3_ACCESS_KEY_ID: "id", SATCHEL_S3_SECRET_ACCESS_KEY: "key" };
  expect(config({ env: whole })).toMatchObject({
    s3Bucket: "files",
    s3Endpoint: null,
    s3Region: "us-east-1",
  });
});

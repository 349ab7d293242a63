/**
 * Every setting, its meaning, its default and its check, in one table. The only reader of the environment.
 * `readConfig` is pure: it takes what it reads and gives a whole `Config` or every problem at once.
 */
import type { LogLevel } from "./log.ts";

export type SignUp = "open" | "code" | "closed";
export type JobsMode = "on" | "off";

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly readyFile: string | null;
  readonly databaseUrl: string | null;
  readonly databaseOwnerUrl: string | null;
  readonly databasePrepare: boolean;
  readonly poolSize: number;
  readonly poolOverflow: number;
  readonly poolQueue: number;
  readonly poolTimeoutMs: number;
  readonly poolLifetimeMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly redisUrl: string | null;
  readonly cacheEntries: number;
  readonly cacheTtlSeconds: number;
  readonly secrets: readonly string[];
  readonly signUp: SignUp;
  readonly jobs: JobsMode;
  readonly logLevel: LogLevel;
  readonly publicUrl: string | null;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: number;
  readonly userRequestsPerMinute: number;
  readonly apiKeyRequestsPerMinute: number;
  readonly organizationRequestsPerMinute: number;
  readonly organizationConcurrency: number;
  readonly userConcurrency: number;
  readonly auditAnchors: string | null;
  readonly metricsToken: string | null;
  readonly erasureLedger: string | null;
  readonly smtpUrl: string | null;
  readonly mailFrom: string | null;
  readonly filesDir: string | null;
  readonly fileLimitBytes: number;
  readonly streamTimeoutMs: number;
  readonly s3Bucket: string | null;
  readonly s3Endpoint: string | null;
  readonly s3Region: string;
  readonly s3AccessKeyId: string | null;
  readonly s3SecretAccessKey: string | null;
}

type Read = { readonly value: string; readonly file: boolean };
type Parsed<T> = { readonly ok: T } | { readonly problem: string };

interface Setting<K extends keyof Config = keyof Config> {
  readonly key: K;
  readonly env: string;
  /** The command-line flag that overrides it, without the dashes. */
  readonly flag?: string;
  readonly meaning: string;
  readonly fallback: string | null;
  readonly secret?: true;
  readonly parse: (text: string) => Parsed<Config[K]>;
}

const ok = <T>(value: T): Parsed<T> => ({ ok: value });
const problem = (text: string): Parsed<never> => ({ problem: text });

const integer =
  (min: number, max: number) =>
  (text: string): Parsed<number> => {
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? ok(value) : problem(`must be a whole number from ${min} to ${max}`);
  };

const oneOf =
  <const T extends readonly string[]>(...values: T) =>
  (text: string): Parsed<T[number]> =>
    values.includes(text) ? ok(text as T[number]) : problem(`must be one of ${values.join(", ")}`);

const text = (value: string): Parsed<string> => ok(value);

const flagValue = (value: string): Parsed<boolean> =>
  value === "on" ? ok(true) : value === "off" ? ok(false) : problem("must be on or off");

const urlOf =
  (...schemes: readonly string[]) =>
  (value: string): Parsed<string> => {
    const allowed = `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(" or ")}`;
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase();
    if (scheme === undefined) return problem(allowed);
    if (!schemes.includes(scheme)) return problem(`${allowed}, not ${scheme}://`);
    // A socket URL has no host (`postgres://user@/satchel?host=/run/postgresql`), which WHATWG URL refuses.
    return URL.canParse(value.replace(/^([a-z+]+:\/\/[^/?#]*@)(?=[/?#]|$)/i, "$1localhost"))
      ? ok(value)
      : problem("is not a readable URL; write special characters in the password as %XX");
  };

const origins = (value: string): Parsed<readonly string[]> => {
  const list = value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const bad = list.find((origin) => !URL.canParse(origin) || new URL(origin).origin !== origin);
  return bad === undefined
    ? ok(list)
    : problem("must be a comma-separated list of exact origins, like https://app.example");
};

const secretList = (value: string): Parsed<readonly string[]> => {
  const list = value.split(",").map((part) => part.trim());
  if (list.some((secret) => secret.length < 32)) {
    return problem(
      "each secret must have at least 32 characters; `openssl rand -base64 48` makes a good one",
    );
  }
  if (list.some((secret) => new Set(secret).size < 10)) return problem("looks made up; use a random value");
  return ok(list);
};

const smtpUrl = (value: string): Parsed<string> => {
  const parsed = urlOf("smtp", "smtps")(value);
  if (!("ok" in parsed)) return parsed;
  const { hostname, pathname, search, hash, username, password } = new URL(value);
  if (hostname === "" || !["", "/"].includes(pathname) || search !== "" || hash !== "") {
    return problem("must hold a host, and nothing after the port");
  }
  try {
    decodeURIComponent(username + password);
    return parsed;
  } catch {
    return problem("holds a % that is not written as %25");
  }
};

const sender = (value: string): Parsed<string> =>
  /^(?:[^\p{Cc}<>"@,;]+ <[^\s\p{Cc}<>"@,;]+@[^\s\p{Cc}<>"@,;]+>|[^\s\p{Cc}<>"@,;]+@[^\s\p{Cc}<>"@,;]+)$/u.test(
    value,
  )
    ? ok(value)
    : problem("must be an address, or a name and an address in <>");

const nullable = <T>(parse: (value: string) => Parsed<T>) => parse as (value: string) => Parsed<T | null>;

function setting<K extends keyof Config>(definition: Setting<K>): Setting {
  return definition as unknown as Setting;
}

/** The table behind `satchel config`, `--help` and the README. */
export const SETTINGS: readonly Setting[] = [
  setting({
    key: "host",
    env: "SATCHEL_HOST",
    flag: "host",
    meaning: "address to listen on",
    fallback: "127.0.0.1",
    parse: text,
  }),
  setting({
    key: "port",
    env: "SATCHEL_PORT",
    flag: "port",
    meaning: "port to listen on; 0 picks a free one",
    fallback: "3000",
    parse: integer(0, 65535),
  }),
  setting({
    key: "dataDir",
    env: "SATCHEL_DATA_DIR",
    flag: "data-dir",
    meaning: "folder of the embedded database and of generated secrets",
    fallback: "satchel-data",
    parse: text,
  }),
  setting({
    key: "readyFile",
    env: "SATCHEL_READY_FILE",
    flag: "ready-file",
    meaning: `path where serve writes url, docs, pid, mailboxPassword and setupCode when ready`,
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "databaseUrl",
    env: "DATABASE_URL",
    meaning: "external PostgreSQL, as the request role; without it the embedded one is used",
    fallback: null,
    secret: true,
    parse: nullable(urlOf("postgres", "postgresql")),
  }),
  setting({
    key: "databaseOwnerUrl",
    env: "DATABASE_OWNER_URL",
    meaning:
      "external PostgreSQL, as a role that may create roles and tables; only migrate and doctor use it",
    fallback: null,
    secret: true,
    parse: nullable(urlOf("postgres", "postgresql")),
  }),
  setting({
    key: "databasePrepare",
    env: "DATABASE_PREPARE",
    meaning: "named prepared statements: on, or off behind a pooler that lacks them",
    fallback: "on",
    parse: flagValue,
  }),
  setting({
    key: "poolSize",
    env: "DATABASE_POOL_SIZE",
    meaning: "database connections kept open",
    fallback: "10",
    parse: integer(1, 1000),
  }),
  setting({
    key: "poolOverflow",
    env: "DATABASE_POOL_OVERFLOW",
    meaning: "connections opened beyond that under load and closed when idle",
    fallback: "5",
    parse: integer(0, 1000),
  }),
  setting({
    key: "poolQueue",
    env: "DATABASE_POOL_QUEUE",
    meaning: "requests that may wait for a connection; one more is refused",
    fallback: "1000",
    parse: integer(0, 100_000),
  }),
  setting({
    key: "poolTimeoutMs",
    env: "DATABASE_POOL_TIMEOUT_MS",
    meaning: "longest wait for a connection, in milliseconds",
    fallback: "5000",
    parse: integer(1, 60_000),
  }),
  setting({
    key: "poolLifetimeMs",
    env: "DATABASE_POOL_LIFETIME_MS",
    meaning: "age at which a connection is replaced, in milliseconds",
    fallback: "1800000",
    parse: integer(1000, 86_400_000),
  }),
  setting({
    key: "statementTimeoutMs",
    env: "DATABASE_STATEMENT_TIMEOUT_MS",
    meaning: "longest time of one statement, in milliseconds",
    fallback: "5000",
    parse: integer(10, 600_000),
  }),
  setting({
    key: "lockTimeoutMs",
    env: "DATABASE_LOCK_TIMEOUT_MS",
    meaning: "longest wait for a row lock, in milliseconds",
    fallback: "1000",
    parse: integer(10, 600_000),
  }),
  setting({
    key: "requestTimeoutMs",
    env: "SATCHEL_REQUEST_TIMEOUT_MS",
    meaning: "longest time of one request, in milliseconds",
    fallback: "10000",
    parse: integer(100, 600_000),
  }),
  setting({
    key: "redisUrl",
    env: "REDIS_URL",
    meaning: "Redis shared by several nodes as a second cache; off without it",
    fallback: null,
    secret: true,
    parse: nullable(urlOf("redis", "rediss")),
  }),
  setting({
    key: "cacheEntries",
    env: "SATCHEL_CACHE_ENTRIES",
    meaning: "values kept in the process; 0 turns the cache off",
    fallback: "10000",
    parse: integer(0, 10_000_000),
  }),
  setting({
    key: "cacheTtlSeconds",
    env: "SATCHEL_CACHE_TTL_SECONDS",
    meaning: "how long a cached value may be used, in seconds",
    fallback: "300",
    parse: integer(1, 86_400),
  }),
  setting({
    key: "secrets",
    env: "SATCHEL_SECRET",
    meaning:
      "key for tokens, password pepper and cursors, the same on every node; a comma-separated list rotates (first signs, all verify). Made in the data folder when absent",
    fallback: "",
    secret: true,
    parse: secretList,
  }),
  setting({
    key: "signUp",
    env: "SATCHEL_SIGN_UP",
    meaning: "who may create organizations: open, code (a set-up code) or closed",
    fallback: "code",
    parse: oneOf("open", "code", "closed"),
  }),
  setting({
    key: "jobs",
    env: "SATCHEL_JOBS",
    meaning: "background jobs inside serve: on, or off where `satchel work` runs them",
    fallback: "on",
    parse: oneOf("on", "off"),
  }),
  setting({
    key: "logLevel",
    env: "SATCHEL_LOG_LEVEL",
    flag: "log-level",
    meaning: "least important log line written: debug, info, warn or error",
    fallback: "info",
    parse: oneOf("debug", "info", "warn", "error"),
  }),
  setting({
    key: "publicUrl",
    env: "SATCHEL_PUBLIC_URL",
    meaning: "address people use, when it differs from the one listened on; https turns Secure cookies on",
    fallback: null,
    parse: nullable(urlOf("http", "https")),
  }),
  setting({
    key: "corsOrigins",
    env: "SATCHEL_CORS_ORIGINS",
    meaning: "origins whose pages may call the API with cookies, comma-separated",
    fallback: "",
    parse: origins,
  }),
  setting({
    key: "trustedProxies",
    env: "SATCHEL_TRUSTED_PROXIES",
    meaning: "how many proxies in front append to X-Forwarded-For; 0 ignores the header",
    fallback: "0",
    parse: integer(0, 10),
  }),
  setting({
    key: "userRequestsPerMinute",
    env: "SATCHEL_USER_REQUESTS_PER_MINUTE",
    meaning: "requests a minute of one user (or one address before sign-in), per node",
    fallback: "600000",
    parse: integer(1, 1_000_000_000),
  }),
  setting({
    key: "apiKeyRequestsPerMinute",
    env: "SATCHEL_API_KEY_REQUESTS_PER_MINUTE",
    meaning: "requests a minute of one API key, apart from those of people, per node",
    fallback: "60000",
    parse: integer(1, 1_000_000_000),
  }),
  setting({
    key: "organizationRequestsPerMinute",
    env: "SATCHEL_ORGANIZATION_REQUESTS_PER_MINUTE",
    meaning: "requests a minute of one organization, per node",
    fallback: "3000000",
    parse: integer(1, 1_000_000_000),
  }),
  setting({
    key: "userConcurrency",
    env: "SATCHEL_USER_CONCURRENCY",
    meaning: "requests of one user (or one address before sign-in) under way at once, per node",
    fallback: "20000",
    parse: integer(1, 1_000_000),
  }),
  setting({
    key: "organizationConcurrency",
    env: "SATCHEL_ORGANIZATION_CONCURRENCY",
    meaning: "requests of one organization under way at once, per node",
    fallback: "20000",
    parse: integer(1, 1_000_000),
  }),
  setting({
    key: "auditAnchors",
    env: "SATCHEL_AUDIT_ANCHORS",
    meaning:
      "file that the signed heads of the audit are appended to, best on other storage; without it audit-anchors.ndjson in the data folder, and the log where the database is external",
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "metricsToken",
    env: "SATCHEL_METRICS_TOKEN",
    meaning: "bearer token for /metrics; without it only loopback callers may read it",
    fallback: null,
    secret: true,
    parse: nullable((value) =>
      value.length >= 16 ? ok(value) : problem("must have at least 16 characters"),
    ),
  }),
  setting({
    key: "erasureLedger",
    env: "SATCHEL_ERASURE_LEDGER",
    meaning:
      "file that every erasure of a person is written to, and erased again from at a start after a restore; lay it where no restore touches it",
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "smtpUrl",
    env: "SATCHEL_SMTP_URL",
    meaning:
      "server that takes mail, smtp://user:password@host:port or smtps://; without it mail stays in the mailbox (`satchel mail`)",
    fallback: null,
    secret: true,
    parse: nullable(smtpUrl),
  }),
  setting({
    key: "mailFrom",
    env: "SATCHEL_MAIL_FROM",
    meaning: "sender of mail, `no-reply@school.example` or `School <no-reply@school.example>`",
    fallback: null,
    parse: nullable(sender),
  }),
  setting({
    key: "filesDir",
    env: "SATCHEL_FILES",
    meaning:
      "folder of attached files, or with SATCHEL_S3_BUCKET of uploads under way; without it `files` in the data folder",
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "fileLimitBytes",
    env: "SATCHEL_FILE_LIMIT_BYTES",
    meaning: "size of the largest file that is taken, in bytes",
    fallback: "5368709120",
    parse: integer(1, 999_999_999_999_999),
  }),
  setting({
    key: "streamTimeoutMs",
    env: "SATCHEL_STREAM_TIMEOUT_MS",
    meaning:
      "a file on its way up or down is given up when less than 32 KiB of it move in so many milliseconds",
    fallback: "30000",
    parse: integer(100, 600_000),
  }),
  setting({
    key: "s3Bucket",
    env: "SATCHEL_S3_BUCKET",
    meaning: "bucket of an S3-compatible store that keeps attached files in place of the folder",
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "s3Endpoint",
    env: "SATCHEL_S3_ENDPOINT",
    meaning: "address of that store; without it Amazon's of the region",
    fallback: null,
    parse: nullable(urlOf("http", "https")),
  }),
  setting({
    key: "s3Region",
    env: "SATCHEL_S3_REGION",
    meaning: "region of the bucket",
    fallback: "us-east-1",
    parse: text,
  }),
  setting({
    key: "s3AccessKeyId",
    env: "SATCHEL_S3_ACCESS_KEY_ID",
    meaning: "id of the key for the bucket",
    fallback: null,
    parse: nullable(text),
  }),
  setting({
    key: "s3SecretAccessKey",
    env: "SATCHEL_S3_SECRET_ACCESS_KEY",
    meaning: "that key",
    fallback: null,
    secret: true,
    parse: nullable(text),
  }),
];

export interface ConfigProblem {
  readonly setting: string;
  /** What is wrong, without the value: it may be a secret. */
  readonly problem: string;
}

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags of the command line, by name without dashes; they win over the environment. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  /** Reads the file named by `<SETTING>_FILE`, as container platforms hand secrets over. */
  readonly readFile?: (path: string) => string;
}

/**
 * Reads the configuration. A setting comes from its flag, else from its variable, else from the file that
 * `<VARIABLE>_FILE` names, else from its default. An empty variable counts as absent.
 * Gives every problem at once, unknown `SATCHEL_*` variables among them: a typing mistake must not pass unseen.
 */
export function readConfig(
  sources: ConfigSources,
): { config: Config } | { problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const config: Record<string, unknown> = {};
  for (const definition of SETTINGS) {
    const name = definition.env;
    let found: Read | null;
    try {
      found = read(definition, sources);
    } catch {
      problems.push({ setting: `${name}_FILE`, problem: "names a file that cannot be read" });
      continue;
    }
    if (found === null) {
      config[definition.key] = absent(definition);
      continue;
    }
    const parsed = definition.parse(found.value);
    if ("ok" in parsed) config[definition.key] = parsed.ok;
    else problems.push({ setting: name, problem: parsed.problem });
  }
  if (problems.length === 0 && config.smtpUrl !== null) {
    // Links in mail must lead somewhere, and servers refuse what comes from nobody.
    const needed = [
      ["mailFrom", "SATCHEL_MAIL_FROM"],
      ["publicUrl", "SATCHEL_PUBLIC_URL"],
    ] as const;
    for (const [key, name] of needed) {
      if (config[key] === null) problems.push({ setting: name, problem: "is needed with SATCHEL_SMTP_URL" });
    }
  }
  if (problems.length === 0 && config.s3Bucket !== null) {
    const needed = [
      ["s3AccessKeyId", "SATCHEL_S3_ACCESS_KEY_ID"],
      ["s3SecretAccessKey", "SATCHEL_S3_SECRET_ACCESS_KEY"],
    ] as const;
    for (const [key, name] of needed) {
      if (config[key] === null) problems.push({ setting: name, problem: "is needed with SATCHEL_S3_BUCKET" });
    }
  } else if (problems.length === 0 && config.s3Endpoint !== null) {
    problems.push({ setting: "SATCHEL_S3_BUCKET", problem: "is needed with SATCHEL_S3_ENDPOINT" });
  }
  const known = new Set(SETTINGS.flatMap(({ env }) => [env, `${env}_FILE`]));
  for (const name of Object.keys(sources.env)) {
    if (name.startsWith("SATCHEL_") && !name.startsWith("SATCHEL_TEST_") && !known.has(name)) {
      problems.push({ setting: name, problem: "is not a setting; `satchel config` lists them" });
    }
  }
  return problems.length > 0 ? { problems } : { config: config as unknown as Config };
}

function absent({ key, fallback, parse }: Setting): unknown {
  if (fallback === null) return null;
  if (fallback === "" && (key === "secrets" || key === "corsOrigins")) return [];
  const parsed = parse(fallback);
  if ("ok" in parsed) return parsed.ok;
  throw new Error(`the default of ${key} is refused by its own check: ${parsed.problem}`);
}

function read({ env, flag }: Setting, sources: ConfigSources): Read | null {
  const fromFlag = flag === undefined ? undefined : sources.flags?.[flag];
  if (fromFlag !== undefined) return { value: fromFlag, file: false };
  const direct = sources.env[env];
  if (direct !== undefined && direct !== "") return { value: direct, file: false };
  const path = sources.env[`${env}_FILE`];
  if (path === undefined || path === "" || sources.readFile === undefined) return null;
  return { value: sources.readFile(path).trim(), file: true };
}

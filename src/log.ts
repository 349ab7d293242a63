/**
 * One JSON line per event on standard error. Only the fields below can be logged: a log that takes anything ends up
 * holding a password (OWASP ASVS 5.0 V16.2.5). There is no field for a body, a token or an e-mail address.
 */

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogFields {
  readonly requestId?: string;
  readonly traceId?: string;
  readonly organizationId?: string | null;
  readonly userId?: string | null;
  readonly sessionId?: string;
  readonly method?: string;
  readonly route?: string;
  readonly status?: number;
  readonly milliseconds?: number;
  readonly slug?: string;
  readonly query?: string;
  readonly job?: string;
  readonly jobId?: string;
  readonly queue?: string;
  readonly count?: number;
  readonly attempt?: number;
  readonly address?: string;
  readonly port?: number;
  readonly path?: string;
  readonly pid?: number;
  readonly version?: string;
  readonly signal?: string;
  readonly setting?: string;
  readonly finding?: string;
  /** A signed head of the audit, where it is written to the log: a JSON document. */
  readonly anchor?: string;
  /** An error's class, message and stack. Messages of PostgreSQL are cut before DETAIL, which holds values. */
  readonly error?: unknown;
}

/** The same list at run time: a field that got past the types is left out. */
const FIELDS: Readonly<Record<Exclude<keyof LogFields, "error">, true>> = {
  requestId: true,
  traceId: true,
  organizationId: true,
  userId: true,
  sessionId: true,
  method: true,
  route: true,
  status: true,
  milliseconds: true,
  slug: true,
  query: true,
  job: true,
  jobId: true,
  queue: true,
  count: true,
  attempt: true,
  address: true,
  port: true,
  path: true,
  pid: true,
  version: true,
  signal: true,
  setting: true,
  finding: true,
  anchor: true,
};
const NAMES = Object.keys(FIELDS) as readonly (keyof typeof FIELDS)[];

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with some fields always set. */
  with(fields: LogFields): Log;
}

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };

export interface LogOptions {
  readonly level: LogLevel;
  /** Where a line goes. Standard error by default, several lines at a time. */
  readonly write?: (line: string) => void;
}

/** Opens a log that drops what is below `level`. */
export function openLog({ level, write = writeSoon }: LogOptions): Log {
  return logger(RANK[level], write, {});
}

/** How long a line may wait for others, in milliseconds. A line for each request, written by itself, costs 6 µs. */
const GATHER_MS = 20;

let gathered: string[] = [];

function writeSoon(line: string): void {
  if (gathered.length === 0) setTimeout(flush, GATHER_MS);
  gathered.push(line);
}

function flush(): void {
  const lines = gathered.join("");
  gathered = [];
  if (lines !== "") process.stderr.write(lines);
}

process.on("exit", flush);

/**
 * Warns at most once in so many seconds, with how often it happened since: what fails while a database is away fails
 * many times a second, and would bury why.
 */
export function warnSeldom(log: Log, event: string, seconds = 5): (fields: LogFields) => void {
  let next = 0;
  let count = 0;
  return (fields) => {
    count += 1;
    const now = performance.now();
    if (now < next) return;
    next = now + seconds * 1000;
    log.warn(event, { ...fields, count });
    count = 0;
  };
}

/** A log that keeps nothing. */
export const silentLog: Log = openLog({ level: "error", write: () => {} });

function logger(threshold: number, write: (line: string) => void, always: LogFields): Log {
  const at = (level: LogLevel) => (event: string, fields?: LogFields) => {
    if (RANK[level] < threshold) return;
    const given = { ...always, ...fields };
    const line: Record<string, unknown> = { time: new Date().toISOString(), level, event };
    for (const name of NAMES) if (given[name] !== undefined) line[name] = given[name];
    write(`${JSON.stringify(Object.assign(line, errorFields(given.error, 0)))}\n`);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => logger(threshold, write, { ...always, ...fields }),
  };
}

/** How deep causes are followed: an error may be its own. */
const CAUSES = 3;

/** PostgreSQL puts row values into `detail`, `where` and `query`; none of those is taken over. */
function errorFields(error: unknown, depth: number): object {
  if (error === undefined) return {};
  if (!(error instanceof Error)) return { error: typeof error };
  const { code, constraint_name, severity, cause } = error as Error & Readonly<Record<string, unknown>>;
  // Class 22, data exceptions: the message itself quotes what was sent.
  const quotes = typeof code === "string" && /^22...$/.test(code);
  const message = quotes ? error.message.replace(/".*"/s, '"…"') : error.message;
  return {
    error: {
      // The driver names its errors after their class, and the executable's classes have no names left (`Wm`).
      name: typeof severity === "string" ? "PostgresError" : error.name,
      message: message.slice(0, 500),
      ...(typeof code === "string" ? { code } : {}),
      ...(typeof constraint_name === "string" ? { constraint: constraint_name } : {}),
      // The stack begins with the message, which may be of several lines.
      stack: (error.stack ?? "")
        .split("\n")
        .map((line) => line.trim().slice(0, 300))
        .filter((line) => line.startsWith("at "))
        .slice(0, 12),
      ...(cause instanceof Error && depth < CAUSES ? { cause: errorFields(cause, depth + 1) } : {}),
    },
  };
}

/** How a database URL is read. The only reader of one: the pool and the migrations must not differ in what they accept. */

export interface ConnectionTarget {
  /** A host name or address, or the directory of a unix socket (begins with `/`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
  /** libpq's sslmode; `prefer` is read as `disable` on a socket and left to the driver elsewhere. */
  readonly sslmode: "disable" | "prefer" | "require" | "verify-full";
  /** `?prepare=false`: no named prepared statements, for a pooler that lacks them. */
  readonly prepare: boolean;
}

const SSL_MODES: readonly string[] = ["disable", "prefer", "require", "verify-full"];
const PARAMETERS = new Set(["host", "port", "sslmode", "prepare"]);

/**
 * Reads `postgres://user:password@host:port/database` and `postgres://user@/database?host=/socket/directory`.
 * Throws an Error that says what is wrong and never repeats the URL: it holds a password.
 */
export function parseDatabaseUrl(url: string): ConnectionTarget {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme !== "postgres" && scheme !== "postgresql") {
    const found = scheme === undefined ? "it has no scheme" : `it begins with ${scheme}://`;
    throw new Error(`a database URL begins with postgres:// or postgresql://, but ${found}`);
  }
  const noHost = /^[a-z]+:\/\/(?:[^/?#@]*@)?(?=[/?#]|$)/i.test(url);
  // WHATWG URL refuses a user without a host, which is how a socket is written.
  const readable = noHost ? url.replace(/^([a-z]+:\/\/(?:[^/?#@]*@)?)/i, "$1localhost") : url;
  let parsed: URL;
  try {
    parsed = new URL(readable);
  } catch {
    throw new Error("the database URL cannot be read; write special characters in the password as %XX");
  }
  for (const name of parsed.searchParams.keys()) {
    if (!PARAMETERS.has(name)) {
      // Not named: it may be the rest of a password with a question mark in it.
      throw new Error(`the database URL has an unknown parameter; known are ${[...PARAMETERS].join(", ")}`);
    }
  }
  const sslmode = parsed.searchParams.get("sslmode") ?? "prefer";
  if (!SSL_MODES.includes(sslmode)) {
    throw new Error(`the database URL's sslmode must be one of ${SSL_MODES.join(", ")}`);
  }
  const prepare = parsed.searchParams.get("prepare") ?? "true";
  if (prepare !== "true" && prepare !== "false") {
    throw new Error("the database URL's prepare must be true or false");
  }
  const port = Number(parsed.searchParams.get("port") ?? (parsed.port === "" ? 5432 : parsed.port));
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Error("the database URL's port is not a port");
  const database = decodeURIComponent(parsed.pathname.slice(1));
  if (database === "") throw new Error("the database URL names no database");
  const host =
    parsed.searchParams.get("host") ?? (noHost ? "localhost" : parsed.hostname.replace(/^\[|\]$/g, ""));
  return {
    host,
    port,
    database,
    username: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
    sslmode: sslmode as ConnectionTarget["sslmode"],
    prepare: prepare === "true",
  };
}

/** What postgres.js takes of a target. Shared, so that a socket is found the same way everywhere. */
export function driverOptions(target: ConnectionTarget) {
  const socket = target.host.startsWith("/");
  const ssl: boolean | "prefer" | "require" | "verify-full" =
    socket || target.sslmode === "disable" || target.sslmode === "prefer" ? false : target.sslmode;
  return {
    // `path` and not only `host`: the driver takes a host with a comma in it for a list of hosts.
    ...(socket
      ? { path: `${target.host}/.s.PGSQL.${target.port}`, host: target.host }
      : { host: target.host }),
    port: target.port,
    database: target.database,
    username: target.username,
    ...(target.password === "" ? {} : { password: target.password }),
    ssl,
  };
}

/** The same database for another role. */
export function urlFor(target: ConnectionTarget, username: string, password: string | null): string {
  const user = encodeURIComponent(username) + (password === null ? "" : `:${encodeURIComponent(password)}`);
  const database = encodeURIComponent(target.database);
  const parameters = new URLSearchParams();
  if (target.host.startsWith("/")) {
    parameters.set("host", target.host);
    if (target.port !== 5432) parameters.set("port", String(target.port));
    return `postgres://${user}@/${database}?${parameters}`;
  }
  if (target.sslmode !== "prefer") parameters.set("sslmode", target.sslmode);
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const query = parameters.size > 0 ? `?${parameters}` : "";
  return `postgres://${user}@${host}:${target.port}/${database}${query}`;
}

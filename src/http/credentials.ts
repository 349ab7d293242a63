/**
 * How a request says who it is: `Authorization: Bearer`, or the session cookie. Never the address: a URL ends up in
 * logs, histories and referrers.
 *
 * When both are there the bearer token counts and the cookie is ignored, even when the token is no good: somebody put
 * the header there on purpose, the browser adds the cookie by itself. It also means that CSRF is only a question where
 * the cookie is what counts.
 */

import { unauthenticated } from "../errors.ts";
import type { Cookie, CookieName } from "./endpoint.ts";
import { csrfRefused } from "./problem.ts";

export interface Site {
  /** Cookies are `Secure` and carry `__Host-`. */
  readonly secure: boolean;
  /** The origin people use, when configured. */
  readonly origin: string | null;
  readonly corsOrigins: ReadonlySet<string>;
  /** How many proxies in front append to X-Forwarded-For. */
  readonly trustedProxies: number;
}

/**
 * `__Host-` makes the browser refuse the cookie unless it is Secure, and so binds it to this host. Over plain HTTP (a
 * laptop, a LAN without certificates) a Secure cookie would never come back, so there the prefix is left off.
 */
export const cookieName = (name: CookieName, secure: boolean): string =>
  `${secure ? "__Host-" : ""}satchel-${name}`;

/** `Set-Cookie` for a value, or for clearing. Lax: a link from a mail still arrives signed in, a form post does not. */
export function setCookie(name: CookieName, cookie: Cookie | null, secure: boolean): string {
  const [value, age] =
    cookie === null ? ["", 0] : [cookie.value, Math.max(0, Math.floor(cookie.maxAgeSeconds))];
  if (!/^[A-Za-z0-9._~-]*$/.test(value))
    throw new Error(`the ${name} cookie holds characters a cookie cannot`);
  return `${cookieName(name, secure)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
}

/** A cookie's value; null when absent, empty, or there twice with different values (somebody planted one). */
export function readCookie(headers: Headers, name: CookieName, secure: boolean): string | null {
  const header = headers.get("cookie");
  if (header === null) return null;
  const wanted = `${cookieName(name, secure)}=`;
  if (!header.includes(wanted)) return null;
  let found: string | null = null;
  for (const part of header.split(";")) {
    const cookie = part.trim();
    if (!cookie.startsWith(wanted)) continue;
    const value = cookie.slice(wanted.length);
    if (found !== null && found !== value) return null;
    found = value;
  }
  return found === "" ? null : found;
}

export interface Credential {
  readonly token: string;
  readonly from: "bearer" | "cookie";
}

const TOKEN = /^[A-Za-z0-9._~+/=-]{1,512}$/;

/** The credential of a request, or null. Refuses with `unauthenticated` an Authorization that is not a bearer token. */
export function readCredential(headers: Headers, secure: boolean): Credential | null {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const token = /^bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (token === undefined || !TOKEN.test(token)) {
      throw unauthenticated({ detail: "Authorization must be `Bearer` and a token." });
    }
    return { token, from: "bearer" };
  }
  const token = readCookie(headers, "session", secure);
  return token === null || !TOKEN.test(token) ? null : { token, from: "cookie" };
}

/**
 * Refuses with `csrf_refused` a change that a page of another site may have caused. Called for every unsafe request
 * without a bearer token, public ones too: signing somebody in as another person is an attack as well.
 * `cookie`: the request is authenticated by its cookie; then one of the two headers must be there, as every browser
 * has sent them for years.
 */
export function checkOrigin(headers: Headers, site: Site, cookie: boolean): void {
  const origin = headers.get("origin");
  if (origin !== null && (site.corsOrigins.has(origin) || origin === site.origin)) return;
  const fetchSite = headers.get("sec-fetch-site");
  if (fetchSite !== null) {
    if (fetchSite === "same-origin" || fetchSite === "none") return;
    throw csrfRefused();
  }
  if (origin !== null) {
    // A browser sets both Origin and Host itself; behind a proxy that rewrites Host, SATCHEL_PUBLIC_URL says it.
    if (site.origin === null && URL.canParse(origin) && new URL(origin).host === headers.get("host")) return;
    throw csrfRefused();
  }
  if (cookie) throw csrfRefused();
}

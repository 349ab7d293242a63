/** Hands one mail to an SMTP server. The only importer of nodemailer; each mail has a connection of its own. */
import { createTransport } from "nodemailer";

export interface SmtpMail {
  /** The same in every attempt: a mailbox that is given it twice can tell (RFC 5322 §3.6.4). */
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface SmtpServer {
  /** `smtp://user:password@host:port` or `smtps://…`. */
  readonly url: string;
  /** `no-reply@school.example` or `School <no-reply@school.example>`. */
  readonly from: string;
}

/** How long a server may take, in milliseconds: to be connected to, to greet, between two answers, and in all. */
export interface SmtpLimits {
  readonly connectMs: number;
  readonly greetingMs: number;
  readonly silenceMs: number;
  readonly totalMs: number;
}

export const SMTP_LIMITS: SmtpLimits = {
  connectMs: 10_000,
  greetingMs: 10_000,
  silenceMs: 15_000,
  totalMs: 40_000,
};

/** `kind`: the server's code (`550`), or what went wrong on the way (`ETIMEDOUT`). Never what the server said. */
export type Sent =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: string; readonly permanent: boolean };

/** What stands in an address without quotes (dot-atom, RFC 5322 §3.2.3). Anything else could be read as two of them. */
const PLAIN = /^[^\s\p{Cc}<>()[\]\\,;:"@]+@[^\s\p{Cc}<>()[\]\\,;:"@]+$/u;
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/**
 * Sends a mail. `permanent`: the server refuses this mail for good (5xx to its recipient or content, RFC 5321 §4.2.1);
 * everything else, wrong credentials or a refused sender too, may work later. Never rejects, and takes no longer than
 * `limits.totalMs`. Credentials go over TLS only, unless the server is this machine.
 */
export async function sendOverSmtp(
  { url, from }: SmtpServer,
  mail: SmtpMail,
  limits: SmtpLimits,
  signal: AbortSignal,
): Promise<Sent> {
  if (!PLAIN.test(mail.to.address)) return { ok: false, kind: "EADDRESS", permanent: true };
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === "smtps:";
  const local = LOOPBACK.test(hostname);
  const auth =
    username === "" ? null : { user: decodeURIComponent(username), pass: decodeURIComponent(password) };
  const transport = createTransport({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 465 : 587) : Number(port),
    secure,
    ...(secure ? {} : local ? { ignoreTLS: true } : { requireTLS: auth !== null }),
    // Without this a server that offers no AUTH would be sent the mail as from nobody.
    ...(auth === null ? {} : { auth, forceAuth: true }),
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    dnsTimeout: limits.connectMs,
    socketTimeout: limits.silenceMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const [, sender = from] = /<([^>]+)>$/.exec(from) ?? [];
  try {
    await transport.sendMail({
      from,
      to: { ...mail.to },
      envelope: { from: sender, to: [mail.to.address] },
      messageId: `<${mail.id}@${sender.split("@")[1]}>`,
      subject: mail.subject,
      text: mail.text,
      html: mail.html,
      // No answers by machines (RFC 3834 §5.1.7).
      headers: { "Auto-Submitted": "auto-generated" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(limits.totalMs)]),
    });
    return { ok: true };
  } catch (error) {
    return { ok: false, ...classify(error) };
  } finally {
    transport.close();
  }
}

function classify(error: unknown): { readonly kind: string; readonly permanent: boolean } {
  const { code, responseCode, command, name } = (error ?? {}) as {
    readonly code?: unknown;
    readonly responseCode?: unknown;
    readonly command?: unknown;
    readonly name?: unknown;
  };
  // Who may send, from where and with which password is a matter of settings, and these can be put right.
  const aboutTheMail = typeof command === "string" && /^(?:RCPT TO|DATA)/.test(command);
  if (typeof responseCode === "number" && responseCode > 0) {
    return { kind: String(responseCode), permanent: aboutTheMail && responseCode >= 500 };
  }
  const kind = typeof code === "string" ? code : name === "TimeoutError" ? "ETIMEDOUT" : "EFAILED";
  return { kind: /^[A-Za-z0-9_]{1,40}$/.test(kind) ? kind : "EFAILED", permanent: false };
}

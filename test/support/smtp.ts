/** A real SMTP server that takes mail, or behaves as bad ones do. */
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { SMTPServer } from "smtp-server";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came: headers, an empty line, parts. */
  readonly raw: string;
  /** One header, unfolded; empty when it is missing. */
  header(name: string): string;
  /** The text, decoded. */
  readonly text: string;
}

export interface TestSmtp {
  readonly url: string;
  readonly received: readonly ReceivedMail[];
  /** Connections that were made. */
  readonly connections: () => number;
  /** Passwords that were sent to it. */
  readonly logins: () => number;
  close(): Promise<void>;
}

export interface SmtpOptions {
  /** 0 picks a free one. */
  readonly port?: number;
  /** A reply code for this recipient; 250 takes the mail. */
  readonly answer?: (recipient: string) => number;
  /** A reply code for whoever sends. */
  readonly sender?: number;
  /** `user:password` that it asks for. */
  readonly login?: readonly [user: string, password: string];
  /** Whether it offers STARTTLS, with a certificate that nobody trusts. */
  readonly startTls?: boolean;
}

/** Starts a server that speaks SMTP. */
export async function smtpServer({
  port = 0,
  answer = () => 250,
  login,
  startTls = false,
  sender = 250,
}: SmtpOptions = {}): Promise<TestSmtp> {
  const received: ReceivedMail[] = [];
  let connections = 0;
  let logins = 0;
  const server = new SMTPServer({
    hideSTARTTLS: !startTls,
    authOptional: login === undefined,
    allowInsecureAuth: true,
    onConnect: (_session, done) => {
      connections += 1;
      done();
    },
    onAuth: ({ username, password }, _session, done) => {
      logins += 1;
      if (login !== undefined && username === login[0] && password === login[1])
        done(null, { user: username });
      else done(new Error("wrong"));
    },
    onMailFrom: (_address, _session, done) =>
      done(sender === 250 ? null : Object.assign(new Error("not from here"), { responseCode: sender })),
    onRcptTo: ({ address }, _session, done) => {
      const code = answer(address);
      if (code === 250) return done();
      // As servers do, it repeats the address: that must end up nowhere.
      done(Object.assign(new Error(`<${address}> is refused`), { responseCode: code }));
    },
    onData: async (stream, { envelope }, done) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk as Uint8Array);
      const from = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
      received.push(
        parsed(
          Buffer.concat(chunks).toString("utf8"),
          from,
          envelope.rcptTo.map(({ address }) => address),
        ),
      );
      done();
    },
  });
  server.on("error", () => {});
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const listening = server.server.address() as AddressInfo;
  const user = login === undefined ? "" : `${login.map(encodeURIComponent).join(":")}@`;
  return {
    url: `smtp://${user}127.0.0.1:${listening.port}`,
    received,
    connections: () => connections,
    logins: () => logins,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** Starts a server that lets everybody connect and then does this with the socket. */
export async function brokenServer(
  behave: (socket: Socket) => void,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function parsed(raw: string, from: string, to: readonly string[]): ReceivedMail {
  const split = raw.indexOf("\r\n\r\n");
  const head = raw.slice(0, split).replace(/\r\n[ \t]+/g, " ");
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1] ?? "";
  return { from, to, raw, header, text: textOf(raw.slice(split)) };
}

/** The first part that is plain text. */
function textOf(body: string): string {
  const [, headers = "", text = ""] =
    /Content-Type: text\/plain[^\r]*((?:\r\n[^\r]+)*)\r\n\r\n([\s\S]*?)\r\n--/.exec(body) ?? [];
  const encoding = /Content-Transfer-Encoding: (\S+)/i.exec(headers)?.[1] ?? "7bit";
  if (encoding === "base64") return Buffer.from(text, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return text;
  const bytes = text
    .replace(/=\r\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

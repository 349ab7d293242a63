/** How mail gets to the SMTP server, and what becomes of it when that is none of the good ones. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { runJobs } from "../../jobs/runner.ts";
import { sendMail } from "../../jobs/send-mail.ts";
import { withTenant } from "../../src/db.ts";
import type { Deps } from "../../src/deps.ts";
import { openKeys } from "../../src/keys.ts";
import {
  deliverMail,
  findMail,
  listMail,
  type MailInput,
  pruneMail,
  resendFailedMail,
  resendMail,
  sendMailIn,
} from "../../src/mail/mail.ts";
import { SMTP_LIMITS } from "../../src/smtp.ts";
import { idle, until } from "../jobs/support.ts";
import { domain } from "../support/domain.ts";
import { brokenServer, smtpServer, type TestSmtp } from "../support/smtp.ts";

const smtp = await smtpServer({
  answer: (to) => (to.startsWith("gone") ? 550 : to.startsWith("full") ? 451 : 250),
});
const FROM = "Satchel <no-reply@satchel.example>";
const app = await domain({
  config: { smtpUrl: smtp.url, mailFrom: FROM, publicUrl: "https://school.example/base/" },
});
const { it, deps } = app;
const { admin } = app.database;
afterAll(async () => {
  await app.close();
  await smtp.close();
});

const school = await it.organization();
const LINK = "satchel_link_SECRETSECRETSECRETSECRETSECRETSECRET";
const none = new AbortController().signal;

interface Row {
  readonly mail_id: string;
  readonly state: string;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly sent_at: Date | null;
  readonly link: Uint8Array | null;
  readonly claimed: boolean;
}

const rowOf = async (id: string): Promise<Row> => {
  const [row] = await admin<Row>(
    `select mail_id, state, attempts, last_error, sent_at, link, coalesce(sending_until > now(), false) as claimed
     from app.mail where mail_id = $1`,
    [id],
  );
  if (row === undefined) throw new Error(`there is no mail ${id}`);
  return row;
};

/** Queues a mail, and gives its id. */
async function queue(
  mail: Partial<MailInput> & { readonly userId: string },
  from: Deps = deps,
): Promise<string> {
  await withTenant(deps.db, { organizationId: school.id, userId: null }, (tx) =>
    sendMailIn(from, tx, school.id, { template: "password_changed", ...mail }),
  );
  const [newest] = await listMail(deps, school.id, null, 1);
  return newest?.id ?? "";
}

/** One attempt of the job. Gives what it rejected with, or null. */
const attempt = async (
  mailId: string,
  more: {
    readonly url?: string;
    readonly jobId?: string;
    readonly last?: boolean;
    readonly limits?: object;
  } = {},
): Promise<string | null> => {
  const { url = smtp.url, jobId = Bun.randomUUIDv7(), last = false, limits = {} } = more;
  const at = { ...deps, config: { ...deps.config, smtpUrl: url } };
  const delivery = { jobId, organizationId: school.id, mailId, lastAttempt: last, signal: none };
  try {
    await deliverMail(at, delivery, { ...SMTP_LIMITS, ...limits });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : "no error";
  }
};

const servers: Pick<TestSmtp, "close">[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

describe("a mail is sent", () => {
  test("by the job that was queued with it, in the person's language, with the link for them alone", async () => {
    const user = await it.user(school, "student", { language: "es-MX", fullName: 'Zoë, "Ñ" <b>' });
    const before = smtp.received.length;
    const id = await queue({ userId: user.id, template: "reset_password", link: LINK });
    const [job] = await admin<{ data: unknown }>(
      "select data from pgboss.job where name = 'send-mail' order by created_on desc limit 1",
    );
    expect(job?.data).toEqual({ organizationId: school.id, mailId: id });
    const jobs = await runJobs(deps, { ...idle, "send-mail": sendMail }, []);
    await until(() => smtp.received.length > before);
    await jobs.stop();
    const mail = smtp.received[before];
    expect(mail?.from).toBe("no-reply@satchel.example");
    expect(mail?.to).toEqual([user.email]);
    expect(mail?.header("From")).toBe(FROM);
    expect(mail?.header("Auto-Submitted")).toBe("auto-generated");
    expect(mail?.header("Message-ID")).toMatch(/^<[0-9a-f-]{36}@satchel\.example>$/);
    expect(mail?.header("Content-Type")).toContain("multipart/alternative");
    expect(mail?.text).toContain("Elegir una contraseña nueva");
    expect(mail?.text).toContain(`https://school.example/base/links/reset-password#${LINK}`);
    expect(mail?.text).toContain('Zoë, "Ñ" <b>');
    expect(await rowOf(id)).toMatchObject({
      state: "sent",
      attempts: 1,
      last_error: null,
      link: null,
      claimed: false,
    });
    expect((await rowOf(id)).sent_at).not.toBeNull();
  });

  test("once: a second delivery of the job finds it done", async () => {
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    const jobId = Bun.randomUUIDv7();
    const before = smtp.received.length;
    expect(await attempt(id, { jobId })).toBeNull();
    expect(await attempt(id, { jobId })).toBeNull();
    expect(smtp.received.length).toBe(before + 1);
    expect(smtp.received.at(-1)?.header("Message-ID")).toBe(`<${jobId}@satchel.example>`);
  });

  test("by one worker at a time: of ten deliveries at once one sends, the others come again", async () => {
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    const before = smtp.received.length;
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => attempt(id)));
    expect(smtp.received.length).toBe(before + 1);
    expect(
      outcomes.filter((message) => message !== null && message !== "another worker is at this mail"),
    ).toEqual([]);
    expect((await rowOf(id)).state).toBe("sent");
  });

  test("with credentials, when the URL has some; wrong ones are tried again and not held against the mail", async () => {
    const server = await smtpServer({ login: ["school", "p@ss/wörd"] });
    servers.push(server);
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    expect(await attempt(id, { url: server.url.replace("school:", "other:") })).toBe(
      "a mail was not sent: 535",
    );
    expect(await rowOf(id)).toMatchObject({ state: "queued", attempts: 1, last_error: "535" });
    expect(await attempt(id, { url: server.url })).toBeNull();
    expect(server.received).toHaveLength(1);
  });

  test("to another address than the person's own where one is named, and not at all to a person without one", async () => {
    const user = await it.user(school);
    const id = await queue({ userId: user.id, template: "email_changed", to: "old@school.example" });
    expect(await attempt(id)).toBeNull();
    expect(smtp.received.at(-1)?.to).toEqual(["old@school.example"]);
    const pupil = await it.user(school, "student", { email: null });
    await queue({ userId: pupil.id });
    expect(await admin("select from app.mail where user_id = $1", [pupil.id])).toEqual([]);
  });
});

describe("a bad server", () => {
  const cases: readonly [title: string, behave: Parameters<typeof brokenServer>[0], kind: RegExp][] = [
    ["never greets", () => {}, /ETIMEDOUT/],
    ["greets and falls silent", (socket) => socket.write("220 hello\r\n"), /ETIMEDOUT/],
    ["hangs up at once", (socket) => socket.end(), /ECONNECTION|ESOCKET/],
    [
      "hangs up in the middle",
      (socket) => {
        socket.write("220 hello\r\n");
        socket.once("data", () => socket.destroy());
      },
      /ECONNECTION|ESOCKET/,
    ],
    [
      "speaks another language",
      (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
      /EPROTOCOL|ETIMEDOUT/,
    ],
    [
      "sends a byte now and then",
      (socket) => {
        const timer = setInterval(() => socket.write("2"), 20);
        socket.once("close", () => clearInterval(timer));
      },
      /EABORT|ETIMEDOUT/,
    ],
  ];

  test.each(cases)("that %s holds nobody up, and the mail is tried again", async (_title, behave, kind) => {
    const server = await brokenServer(behave);
    servers.push(server);
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    const began = performance.now();
    const limits = { connectMs: 300, greetingMs: 300, silenceMs: 300, totalMs: 600 };
    const message = await attempt(id, { url: server.url, limits });
    expect(performance.now() - began).toBeLessThan(2000);
    expect(message).toMatch(kind);
    expect(await rowOf(id)).toMatchObject({ state: "queued", attempts: 1, claimed: false });
    expect((await rowOf(id)).last_error).toMatch(kind);
  });

  test("that is down and comes back gets the mail with the next attempt", async () => {
    const down = await smtpServer();
    await down.close();
    const user = await it.user(school);
    const id = await queue({ userId: user.id, template: "reset_password", link: LINK });
    expect(await attempt(id, { url: down.url })).toMatch(/ESOCKET|ECONNECTION/);
    expect((await rowOf(id)).link).not.toBeNull();
    const back = await smtpServer({ port: Number(new URL(down.url).port) });
    servers.push(back);
    expect(await attempt(id, { url: back.url })).toBeNull();
    expect(back.received).toHaveLength(1);
    expect(await rowOf(id)).toMatchObject({ state: "sent", attempts: 2, last_error: null });
  });

  test("that says 4xx is asked again, and given up after the last attempt", async () => {
    const user = await it.user(school, "student", { email: `full-${Bun.randomUUIDv7()}@school.example` });
    const id = await queue({ userId: user.id });
    expect(await attempt(id)).toBe("a mail was not sent: 451");
    expect(await rowOf(id)).toMatchObject({ state: "queued", attempts: 1, last_error: "451" });
    expect(await attempt(id, { last: true })).toBe("a mail was not sent: 451");
    expect(await rowOf(id)).toMatchObject({ state: "failed", attempts: 2, last_error: "451" });
  });

  test("that has recovered gets a mail that was given up, once its job is brought back", async () => {
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    const down = await brokenServer((socket) => socket.end());
    servers.push(down);
    expect(await attempt(id, { url: down.url, last: true })).not.toBeNull();
    expect(await rowOf(id)).toMatchObject({ state: "failed" });
    expect(await attempt(id)).toBeNull();
    expect(await rowOf(id)).toMatchObject({ state: "sent", last_error: null });
  });

  test("that says 5xx has the last word: the mail has failed at once, and the job is done", async () => {
    const user = await it.user(school, "student", { email: `gone-${Bun.randomUUIDv7()}@school.example` });
    const id = await queue({ userId: user.id });
    expect(await attempt(id)).toBeNull();
    expect(await rowOf(id)).toMatchObject({ state: "failed", attempts: 1, last_error: "550" });
    // The line names the organization and the kind, and no address.
    expect(
      app.lines.find(({ event, finding }) => event === "mail_failed" && finding === "550"),
    ).toMatchObject({
      organizationId: school.id,
      finding: "550",
    });
    expect(JSON.stringify(app.lines)).not.toContain(user.email);
  });
});

describe("sent again by the operator", () => {
  const failed = async (more: Partial<MailInput> = {}) => {
    const user = await it.user(school);
    const id = await queue({ userId: user.id, ...more });
    await admin("update app.mail set state = 'failed', last_error = '550' where mail_id = $1", [id]);
    return id;
  };
  const queued = () =>
    admin<{ data: { mailId: string } }>(
      "select data from pgboss.job where name = 'send-mail' and data ->> 'organizationId' = $1 order by created_on, id",
      [school.id],
    ).then((jobs) => jobs.map(({ data }) => data.mailId));

  test("a mail that failed is in line again, and arrives; one that waits, was sent or has ended is left alone", async () => {
    const id = await failed();
    const waiting = await queue({ userId: (await it.user(school)).id });
    const ended = await failed({
      template: "reset_password",
      link: LINK,
      expiresAt: new Date(Date.now() - 60_000),
    });
    await admin("delete from pgboss.job");
    expect(await resendMail(deps, school.id, id)).toBe(true);
    expect(await rowOf(id)).toMatchObject({ state: "queued", last_error: null });
    expect(await queued()).toEqual([id]);
    expect(await attempt(id)).toBeNull();
    const other = await it.organization();
    for (const none of [id, waiting, ended, Bun.randomUUIDv7()]) {
      expect(await resendMail(deps, school.id, none)).toBe(false);
    }
    expect(await resendMail(deps, other.id, await failed())).toBe(false);
    expect(await queued()).toHaveLength(2);
    expect((await rowOf(ended)).state).toBe("failed");
  });

  test("one that was kept while there was no server is sent too, once it is named", async () => {
    const user = await it.user(school);
    const without = { ...deps, config: { ...deps.config, smtpUrl: null } };
    const id = await queue({ userId: user.id }, without);
    expect((await rowOf(id)).state).toBe("kept");
    expect(await resendMail(deps, school.id, id)).toBe(true);
    expect(await attempt(id)).toBeNull();
    expect((await rowOf(id)).state).toBe("sent");
  });

  test("all that failed, of one organization, however many", async () => {
    await admin("update app.mail set state = 'queued' where state = 'failed'");
    const id = await failed();
    await admin(
      `insert into app.mail (organization_id, user_id, template, language, content, address_hash, state)
       select organization_id, user_id, template, language, content, address_hash, 'failed'
       from app.mail, generate_series(1, 204) where mail_id = $1`,
      [id],
    );
    const other = await it.organization();
    expect(await resendFailedMail(deps, other.id)).toBe(0);
    await admin("delete from pgboss.job");
    expect(await resendFailedMail(deps, school.id)).toBe(205);
    expect(new Set(await queued()).size).toBe(205);
    expect(await resendFailedMail(deps, school.id)).toBe(0);
    await admin("delete from app.mail where state = 'queued'");
  });
});

test("no name stands beside an address that nobody has confirmed", async () => {
  const user = await it.user(school, "student", { fullName: "You are locked out, see evil.example" });
  for (const template of ["confirm_sign_up", "confirm_email"] as const) {
    const id = await queue({ userId: user.id, template, to: "anybody@home.example", link: LINK });
    expect(await attempt(id)).toBeNull();
    expect(smtp.received.at(-1)?.header("To")).toBe("anybody@home.example");
    expect(smtp.received.at(-1)?.text).not.toContain("locked");
  }
});

describe("whose fault it is", () => {
  test("a server that refuses the sender is a matter of settings: no mail is lost by it", async () => {
    const server = await smtpServer({ sender: 553 });
    servers.push(server);
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    expect(await attempt(id, { url: server.url })).toBe("a mail was not sent: 553");
    expect((await rowOf(id)).state).toBe("queued");
  });

  test("an address that SMTP cannot carry is the mail's: it has failed at once, and goes to nobody else", async () => {
    const before = smtp.received.length;
    const addresses = [
      "a<b@school.example",
      "one,two@school.example",
      "a@school.example>\r\nRCPT TO:<b@school.example",
    ];
    for (const to of addresses) {
      const user = await it.user(school);
      const id = await queue({ userId: user.id, to });
      expect(await attempt(id)).toBeNull();
      expect(await rowOf(id)).toMatchObject({ state: "failed", last_error: "EADDRESS" });
    }
    expect(smtp.received.length).toBe(before);
  });
});

describe("a server that is not this machine", () => {
  // Linux takes it for this machine, and nothing else does.
  const elsewhere = (url: string) => url.replace("127.0.0.1", "0.0.0.0");

  test("is never sent a password in the clear", async () => {
    const server = await smtpServer({ login: ["school", "secret"] });
    servers.push(server);
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    expect(await attempt(id, { url: elsewhere(server.url) })).toMatch(
      /^a mail was not sent: (?:ETLS|ESOCKET|5\d\d)$/,
    );
    expect([server.logins(), server.received.length]).toEqual([0, 0]);
    expect((await rowOf(id)).state).toBe("queued");
  });

  test("must show a certificate that can be trusted, where it speaks TLS", async () => {
    const server = await smtpServer({ startTls: true });
    servers.push(server);
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    for (const url of [elsewhere(server.url), server.url.replace("smtp:", "smtps:")]) {
      expect(await attempt(id, { url, limits: { greetingMs: 500 } })).toMatch(
        /ETLS|ESOCKET|ETIMEDOUT|ECONNECTION/,
      );
    }
    expect(server.received).toHaveLength(0);
  });
});

describe("a mail that makes no sense any more is not sent", () => {
  test("when its link has ended meanwhile, when its person was deleted, when its secret is gone", async () => {
    const before = smtp.received.length;
    const [first, second, third] = [await it.user(school), await it.user(school), await it.user(school)];
    const expired = await queue({
      userId: first.id,
      template: "reset_password",
      link: LINK,
      expiresAt: new Date(0),
    });
    expect(await attempt(expired)).toBeNull();
    expect(await rowOf(expired)).toMatchObject({ state: "failed", last_error: "EXPIRED" });
    const orphan = await queue({ userId: second.id });
    await app.request("DELETE", `/v1/users/${second.id}`, { token: school.token });
    expect(await attempt(orphan)).toBeNull();
    expect(await rowOf(orphan)).toMatchObject({ state: "failed", last_error: "DELETED" });
    const strange = { ...deps, keys: openKeys(["another secret that nobody has any more, 0123456789"]) };
    const unreadable = await queue({ userId: third.id }, strange);
    expect(await attempt(unreadable)).toBeNull();
    expect(await rowOf(unreadable)).toMatchObject({ state: "failed", last_error: "UNREADABLE" });
    expect(smtp.received.length).toBe(before);
  });

  test("when the row is gone: the job ends without a word", async () => {
    expect(await attempt(Bun.randomUUIDv7())).toBeNull();
  });

  test("a template with a link is not queued without one, nor another with one", async () => {
    const user = await it.user(school);
    expect(queue({ userId: user.id, template: "invitation" })).rejects.toThrow("invitation: its link");
    expect(queue({ userId: user.id, template: "new_device", link: LINK })).rejects.toThrow(
      "new_device: its link",
    );
  });
});

describe("at rest", () => {
  test("neither recipient, values nor link are in the tables in clear, and other keys open none of them", async () => {
    const user = await it.user(school);
    const to = "somebody.secret@school.example";
    const id = await queue({
      userId: user.id,
      template: "confirm_email",
      to,
      link: LINK,
      values: { device: "Canary device" },
    });
    const [{ dump } = { dump: "" }] = await admin<{ dump: string }>(
      `select coalesce((select string_agg(encode(content, 'escape') || coalesce(encode(link, 'escape'), '') || m::text, ' ') from app.mail m), '')
         || coalesce((select string_agg(j::text, ' ') from pgboss.job j), '') as dump`,
    );
    for (const secret of [to, LINK, "Canary device"]) expect(dump).not.toContain(secret);
    expect((await findMail(deps, school.id, id))?.to).toBe(to);
    const strange = { ...deps, keys: openKeys(["another secret that nobody has any more, 0123456789"]) };
    expect((await findMail(strange, school.id, id))?.to).toBeNull();
  });

  test("a sealed part that is moved to another row opens there no more", async () => {
    const user = await it.user(school);
    const [one, two] = [await queue({ userId: user.id }), await queue({ userId: user.id })];
    await admin(
      "update app.mail set content = (select content from app.mail where mail_id = $1) where mail_id = $2",
      [one, two],
    );
    expect((await findMail(deps, school.id, one))?.to).toBe(user.email);
    expect((await findMail(deps, school.id, two))?.to).toBeNull();
  });

  test("another organization finds and sends none of it [row 45]", async () => {
    const other = await it.organization();
    const user = await it.user(school);
    const id = await queue({ userId: user.id });
    expect(await findMail(deps, other.id, id)).toBeNull();
    expect((await listMail(deps, other.id, null, 100)).map((mail) => mail.id)).not.toContain(id);
    await deliverMail(deps, {
      jobId: Bun.randomUUIDv7(),
      organizationId: other.id,
      mailId: id,
      lastAttempt: true,
      signal: none,
    });
    expect(await rowOf(id)).toMatchObject({ state: "queued", attempts: 0 });
  });

  test("mail of thirty days ago is removed, whatever became of it; younger mail stays", async () => {
    const user = await it.user(school);
    const [old, young] = [await queue({ userId: user.id }), await queue({ userId: user.id })];
    await admin("alter table app.mail disable trigger touch");
    await admin("update app.mail set created_at = now() - interval '31 days' where mail_id = $1", [old]);
    await admin("alter table app.mail enable trigger touch");
    const other = await it.organization();
    expect(await pruneMail(deps, other.id, 100)).toBe(0);
    expect(await pruneMail(deps, school.id, 100)).toBe(1);
    expect(await findMail(deps, school.id, old)).toBeNull();
    expect((await rowOf(young)).state).toBe("queued");
  });
});

/** Mail as the executable sends and keeps it. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { ask, type Founded, found, until } from "../support/http.ts";
import { smtpServer } from "../support/smtp.ts";

setDefaultTimeout(60_000);

const smtp = await smtpServer();
afterAll(smtp.close);

/** Founds a school and adds a person with an address; gives what asks for another password. */
async function person(node: RunningSatchel, slug: string): Promise<{ founded: Founded; email: string }> {
  const founded = await found(node.url, slug, node.setupCode);
  const email = `ada@${slug}.example`;
  const body = { fullName: "Ada", username: "ada", email, password: "six tall herons watch the tide" };
  const { status } = await ask(node.url, "POST", "/v1/users", { token: founded.token, body });
  expect(status).toBe(201);
  const asked = await ask(node.url, "POST", "/v1/password-resets", {
    body: { organization: slug, login: email },
  });
  expect(asked.status).toBe(202);
  return { founded, email };
}

const NEXT = "nine patient otters paint the harbour";

test("without an SMTP server it keeps mail, which the operator reads by command and on a page", async () => {
  const node = await startSatchel();
  const { email } = await person(node, "kept");
  const run = (...words: string[]) => satchel([...words], { folder: node.folder });
  const listed = await run("mail");
  expect([listed.code, listed.err]).toEqual([0, ""]);
  expect(listed.out.trim().split("\n")).toHaveLength(1);
  expect(listed.out).toMatch(/^\S{36} {2}\S+ {2}kept +reset_password/);
  expect(listed.out).toContain(email);
  expect((await run("mail", "--organization", "kept", "--limit", "1")).out).toBe(listed.out);
  for (const [flag, value] of [
    ["--to", email.toUpperCase()],
    ["--kind", "reset_password"],
  ] as const) {
    expect((await run("mail", flag, value)).out).toBe(listed.out);
  }
  for (const [flag, value] of [
    ["--to", "else@kept.example"],
    ["--kind", "invitation"],
  ] as const) {
    const none = await run("mail", flag, value);
    expect([none.code, none.out, none.err]).toEqual([0, "", "There is no such mail.\n"]);
  }
  const nobody = await run("mail", "--organization", "other");
  expect([nobody.code, nobody.err]).toEqual([1, 'satchel: there is no organization "other"\n']);
  const shown = await run("mail", "show", listed.out.slice(0, 36));
  expect(shown.out).toContain(`To:       ${email}`);
  // Nobody but the server knows which port it has picked.
  const nowhere = await satchel(["mail", "show", listed.out.slice(0, 36)], {
    folder: node.folder,
    env: { SATCHEL_PORT: "0" },
  });
  expect(nowhere.out).toContain("http://SATCHEL_PUBLIC_URL/links/reset-password#");
  for (const { err } of [shown, nowhere]) expect(err).toContain("or set SATCHEL_PUBLIC_URL");
  const token = /#(satchel_link_\S+)/.exec(shown.out)?.[1];
  const consumed = await ask(node.url, "POST", "/v1/password-resets/consume", {
    body: { token, newPassword: NEXT },
  });
  expect(consumed.status).toBe(204);
  // There is newer mail of another kind.
  expect((await run("mail", "--limit", "1")).out).toMatch(/^\S{36} {2}\S+ {2}kept +password_changed/);
  expect((await run("mail", "--kind", "reset_password", "--limit", "1")).out).toBe(listed.out);
  for (const [words, code] of [
    [["mail", "show"], 2],
    [["mail", "list"], 2],
    [["mail", "--limit", "0"], 2],
    [["mail", "show", "x"], 1],
    [["mail", "show", "--failed"], 2],
    [["mail", "--failed"], 2],
    [["mail", "--kind", "postcard"], 2],
    [["mail", "show", "x", "--to", "x@kept.example"], 2],
    [["mail", "resend"], 2],
    [["mail", "resend", "x", "--failed"], 2],
    // There is no server.
    [["mail", "resend", "--failed"], 78],
  ] as const) {
    expect((await run(...words)).code).toBe(code);
  }
  const password = /\(operator, (\S+);/.exec(node.log())?.[1] ?? "";
  const headers = { authorization: `Basic ${Buffer.from(`operator:${password}`).toString("base64")}` };
  expect((await fetch(`${node.url}/mail/`, { headers })).status).toBe(200);
  expect((await fetch(`${node.url}/mail/`)).status).toBe(401);
  expect(node.log()).not.toContain("satchel_link_");
  expect(await node.stop()).toBe(0);
});

test("with one it sends, and the link is in no log", async () => {
  const env = {
    SATCHEL_SMTP_URL: smtp.url,
    SATCHEL_MAIL_FROM: "School <no-reply@school.example>",
    SATCHEL_PUBLIC_URL: "https://school.example",
    SATCHEL_LOG_LEVEL: "debug",
  };
  const node = await startSatchel({ env });
  const { email } = await person(node, "sent");
  await until(
    "the mail",
    async () => smtp.received.length,
    (count) => count > 0,
  );
  const [mail] = smtp.received;
  expect(mail?.to).toEqual([email]);
  const token = /https:\/\/school\.example\/links\/reset-password#(satchel_link_\S+)/.exec(
    mail?.text ?? "",
  )?.[1];
  const consumed = await ask(node.url, "POST", "/v1/password-resets/consume", {
    body: { token, newPassword: NEXT },
  });
  expect(consumed.status).toBe(204);
  await until(
    "the notice",
    async () => smtp.received.length,
    (count) => count > 1,
  );
  expect(smtp.received[1]?.header("Subject")).toContain("was changed");
  const run = (...words: string[]) => satchel(words, { folder: node.folder, env });
  const none = await run("mail", "resend", "--failed");
  expect([none.code, none.err]).toEqual([0, "0 mails are in line again; serve or work sends them.\n"]);
  const sent = (await run("mail")).out.slice(0, 36);
  for (const id of [sent, "x"]) expect((await run("mail", "resend", id)).code).toBe(1);
  const log = node.log();
  expect(log).toContain('"event":"job_done"');
  for (const secret of [token ?? "?", email, NEXT]) expect(log).not.toContain(secret);
  expect(await node.stop()).toBe(0);
});

test("mail settings that do not fit together are refused before anything starts", async () => {
  const alone = await satchel(["config"], { env: { SATCHEL_SMTP_URL: "smtp://127.0.0.1:25" } });
  expect(alone.code).toBe(78);
  expect(alone.err).toContain("SATCHEL_MAIL_FROM");
  expect(alone.err).toContain("SATCHEL_PUBLIC_URL");
  for (const wrong of [
    "http://mail.example",
    "smtp://mail.example/x",
    "smtp://mail.example?a=b",
    "smtp://u:%zz@mail.example",
  ]) {
    const { code, err } = await satchel(["config"], { env: { SATCHEL_SMTP_URL: wrong } });
    expect([code, err.includes(wrong)]).toEqual([78, false]);
  }
  const from = await satchel(["config"], { env: { SATCHEL_MAIL_FROM: "a@b.example, c@d.example" } });
  expect(from.code).toBe(78);
});

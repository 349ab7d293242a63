/** Secrets that are planted everywhere, and looked for everywhere they must not be. */
import { hotp, stepAt } from "../../src/totp.ts";
import { satchel, startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { testDatabase } from "../support/database.ts";
import { found } from "../support/http.ts";
import { secretOf } from "./guessing.ts";
import { environment, type Line, must, type Options, SECRET } from "./stage.ts";

const mark = () => crypto.randomUUID().replaceAll("-", "");

export async function secrets(_: Options): Promise<readonly Line[]> {
  const database = await testDatabase();
  const env = { ...environment, DATABASE_URL: database.requestUrl };
  const server = await startSatchel({ env });
  const planted = new Map<string, string>([["the server's secret", SECRET]]);
  const plant = (what: string, value: string) => {
    planted.set(`${what} ${planted.size}`, value);
    return value;
  };
  const answers: string[] = [];
  const own = client(server.url, 30_000);
  const request: typeof own.request = async (method, path, sent) => {
    const answer = await own.request<never>(method, path, sent);
    // An answer that gives a secret out is meant to; a refusal is not.
    if (answer.status >= 400) answers.push(JSON.stringify([...answer.headers, answer.body]));
    return answer;
  };
  try {
    const { slug, token: admin } = await found(server.url, `planted-${process.pid.toString(36)}`);
    plant("a session token", admin);
    const password = plant("a password", `correct horse ${mark()}`);
    const username = `planted-${process.pid.toString(36)}`;
    const email = `${username}@school.example`;
    const { id } = must(
      await request<{ id: string }>("POST", "/v1/users", {
        token: admin,
        body: { fullName: "Planted", username, email, password },
      }),
      201,
    );
    const login = { organization: slug, login: username };
    const inside = must(
      await request<{ token: string; deviceToken: string }>("POST", "/v1/sessions", {
        body: { ...login, password },
      }),
      201,
    );
    const { token } = inside;
    plant("a session token", token);
    plant("a device token", inside.deviceToken);

    // Every way a secret can be refused: wrong, too long, in the wrong place, as no JSON, in a path and a query.
    for (let n = 0; n < 6; n++) {
      const wrong = plant("a wrong password", `wrong horse ${mark()}`);
      await request("POST", "/v1/sessions", { body: { ...login, password: wrong } });
    }
    const wrong = () => plant("a wrong password", `wrong horse ${mark()}`);
    const stray = (what: string) => plant(what, `satchel_${mark()}${mark()}`);
    await request("POST", "/v1/sessions", { body: { ...login, password: wrong().repeat(20) } });
    await request("POST", "/v1/sessions", { body: { ...login, passwort: wrong() } });
    await request("POST", "/v1/sessions", { body: `{"password":"${wrong()}` });
    await request("POST", "/v1/sessions", {
      body: { organization: slug, login: wrong(), password: wrong() },
    });
    await request("POST", `/v1/sessions?password=${encodeURIComponent(wrong())}`, { body: {} });
    await request("GET", `/v1/users?cursor=${encodeURIComponent(wrong())}`, { token });
    await request("GET", `/v1/${stray("a token in a path")}`, { token });
    await request("GET", "/v1/me", { token: stray("a token") });
    await request("GET", "/v1/me", { headers: { cookie: `satchel-session=${stray("a cookie")}` } });
    await request("GET", "/v1/me", { token, headers: { "x-forwarded-for": stray("a header") } });
    await request("POST", "/v1/sessions/refresh", { body: { refreshToken: stray("a refresh token") } });
    await request("POST", "/v1/sessions/second-factor", {
      body: { challenge: stray("a challenge"), code: "123456" },
    });
    await request("POST", "/v1/password-resets/consume", {
      body: { token: stray("a reset token"), newPassword: wrong() },
    });
    await request("POST", "/v1/users", {
      token: admin,
      body: { fullName: "Twice", username, password: wrong() },
    });
    await request("POST", "/v1/users", {
      token: admin,
      body: { fullName: "Common", username: "common", password: "password" },
    });
    await request("PUT", "/v1/me/password", {
      token,
      body: { currentPassword: wrong(), newPassword: wrong() },
    });
    await request("POST", "/v1/sessions/current/reauthentication", { token, body: { password: wrong() } });

    // What is made and kept: a second factor, recovery codes, a link, refresh tokens, a key of the API.
    const { secret } = must(
      await request<{ secret: string }>("POST", "/v1/me/second-factor", { token }),
      201,
    );
    plant("a second factor", secret);
    plant("a second factor", Buffer.from(secretOf(secret)).toString("hex"));
    const { recoveryCodes } = must(
      await request<{ recoveryCodes: readonly string[] }>("POST", "/v1/me/second-factor/confirmation", {
        token,
        body: { code: hotp(secretOf(secret), stepAt(Date.now())) },
      }),
      200,
    );
    for (const code of recoveryCodes) {
      plant("a recovery code", code);
      plant("a recovery code", code.replaceAll("-", ""));
    }
    await request("POST", "/v1/users/unlock", { token: admin });
    must(await request("POST", `/v1/users/${id}/unlock`, { token: admin }), 204);
    const { challenge } = must(
      await request<{ challenge: string }>("POST", "/v1/sessions", { body: { ...login, password } }),
      202,
    );
    plant("a challenge", challenge);
    must(await request("POST", "/v1/password-resets", { body: login }), 202);
    const mailbox = await mailed(env, slug, "reset_password");
    plant("a reset token", mailbox);
    const key = await request<{ key?: string; token?: string }>("POST", "/v1/api-keys", {
      token: admin,
      body: { name: "Planted", scopes: ["users:read"] },
    });
    const apiKey = key.body?.key ?? key.body?.token;
    if (apiKey !== undefined) {
      plant("a key of the API", apiKey);
      await request("DELETE", "/v1/me", { token: apiKey });
    }
    const next = plant("a new password", `proper horse ${mark()}`);
    must(
      await request("POST", "/v1/password-resets/consume", { body: { token: mailbox, newPassword: next } }),
      204,
    );
    await request("POST", "/v1/password-resets/consume", { body: { token: mailbox, newPassword: wrong() } });

    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    await server.stop();
    const tables = await database.admin<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c
       where c.relkind in ('r', 'p') and c.relnamespace in ('app'::regnamespace, 'pgboss'::regnamespace) order by 1`,
    );
    const rows: [string, string][] = [];
    for (const { name } of tables) {
      const [all] = await database.admin<{ text: string | null }>(
        `select string_agg(t::text, e'\\n') as text from ${name} t`,
      );
      rows.push([`the table ${name}`, all?.text ?? ""]);
    }
    const places = new Map<string, string>([
      ["the log", server.log()],
      ["refusals", answers.join("\n")],
      ["metrics", metrics],
      ...rows,
    ]);
    const finds: string[] = [];
    for (const [what, value] of planted) {
      for (const form of formsOf(value)) {
        for (const [place, text] of places) if (text.includes(form)) finds.push(`${what} in ${place}`);
      }
    }
    // The control: what is looked through is what was written, and the search does find.
    const control =
      (places.get("the table app.user") ?? places.get('the table app."user"') ?? "").includes(username) &&
      server.log().length > 1000 &&
      metrics.includes("satchel") &&
      (places.get("the table app.audit_event") ?? "").includes("session.refused");
    const size = [...places.values()].reduce((sum, text) => sum + text.length, 0);
    return [
      {
        line: `${planted.size} planted secrets in the log, ${answers.length} refusals, metrics, ${rows.length} tables`,
        goal: "0 found",
        figure: `${finds.length} found in ${(size / 1024).toFixed(0)} KiB${finds.length > 0 ? `: ${[...new Set(finds)].slice(0, 5).join("; ")}` : ""}${control ? "" : "; the control found nothing"}`,
        ok: finds.length === 0 && control,
      },
    ];
  } finally {
    await server.stop();
    await database.close();
  }
}

/** As it is, and in the two ways in which PostgreSQL and JavaScript write bytes. */
const formsOf = (value: string): readonly string[] => [
  value,
  Buffer.from(value).toString("hex"),
  Buffer.from(value).toString("base64").replace(/=+$/, "").slice(0, -1),
  encodeURIComponent(value),
];

/** The token of the newest mail of this kind, as the operator reads it. */
export async function mailed(
  env: Readonly<Record<string, string>>,
  slug: string,
  template: string,
  more: { readonly folder?: string } = {},
): Promise<string> {
  const { out, err } = await satchel(["mail", "--organization", slug], { env, ...more });
  const line = out.split("\n").find((text) => text.includes(template));
  const id = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(line ?? "")?.[0];
  if (id === undefined) throw new Error(`there is no mail of ${template}: ${out}${err}`);
  const shown = await satchel(["mail", "show", id, "--organization", slug], { env, ...more });
  const token = /#(\S+)/.exec(shown.out)?.[1];
  if (token === undefined) throw new Error(`the mail has no link: ${shown.out}${shown.err}`);
  return token;
}

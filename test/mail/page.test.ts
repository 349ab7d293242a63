/** The mailbox as a page, and the pages that links lead to. */
import { afterAll, describe, expect, test } from "bun:test";
import { withTenant } from "../../src/db.ts";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { sendMailIn } from "../../src/mail/mail.ts";
import { domain } from "../support/domain.ts";
import { mailTo } from "../support/mailbox.ts";

const app = await domain();
const { it, deps } = app;
const { endpoints } = app.app;
const mailbox = { user: "operator", password: "0123456789abcdefABCDEF" } as const;
const withPage = buildApp({ deps, endpoints, authenticate, probes: { ready: async () => true }, mailbox });
afterAll(async () => {
  withPage.close();
  await app.close();
});

const school = await it.organization();
const user = await it.user(school, "student", { fullName: "<script>alert(1)</script> & Co" });
const LINK = "satchel_link_ONLYFOREYES";
await withTenant(deps.db, { organizationId: school.id, userId: null }, (tx) =>
  sendMailIn(deps, tx, school.id, { userId: user.id, template: "reset_password", link: LINK }),
);
const [mail] = await mailTo(deps, school.id, user.id);
const page = `/mail/${school.id}/${mail?.id}`;

const basic = (password: string, name = "operator") => ({
  authorization: `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`,
});

const get = async (
  path: string,
  headers: Readonly<Record<string, string>> = {},
  address = "127.0.0.1",
  from = withPage,
) => {
  const response = await from.handle(new Request(`http://localhost:4321${path}`, { headers }), {
    requestIP: () => ({ address }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
};

describe("the mailbox page", () => {
  test("lists mail and shows one with its link, to who has the password", async () => {
    expect((await get("/mail")).headers.get("location")).toBe("/mail/");
    const list = await get("/mail/", basic(mailbox.password));
    expect(list.status).toBe(200);
    expect(list.text).toContain(user.email);
    expect(list.text).toContain(`href="${page}"`);
    expect(list.text).not.toContain(LINK);
    const one = await get(page, basic(mailbox.password));
    expect(one.status).toBe(200);
    expect(one.text).toContain(`href="http://localhost:4321/links/reset-password#${LINK}"`);
  });

  test("escapes what people are called, and runs, loads, frames and sends nothing", async () => {
    const { text, headers } = await get(page, basic(mailbox.password));
    expect(text).not.toContain("<script");
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toStartWith("default-src 'none'; style-src 'sha256-");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    // The one style is the one that the policy names.
    const [, style = ""] = /<style>([^<]*)<\/style>/.exec(text) ?? [];
    expect(policy).toContain(new Bun.CryptoHasher("sha256").update(style).digest("base64"));
  });

  test("asks who has no password or a wrong one, and tells them nothing", async () => {
    const wrong = [
      {},
      basic("wrong"),
      basic(mailbox.password, "root"),
      { authorization: `Bearer ${school.token}` },
    ];
    for (const headers of wrong) {
      for (const path of ["/mail/", page]) {
        const refused = await get(path, headers);
        expect(refused.status).toBe(401);
        expect(refused.headers.get("www-authenticate")).toStartWith("Basic ");
        expect(refused.text).not.toContain(user.email);
      }
    }
  });

  test("is not there for other machines, through a proxy, or where it was not switched on", async () => {
    const headers = basic(mailbox.password);
    for (const path of ["/mail/", page]) {
      expect((await get(path, headers, "203.0.113.7")).status).toBe(404);
      expect((await get(path, { ...headers, "x-forwarded-for": "127.0.0.1" })).status).toBe(404);
      expect((await get(path, headers, "127.0.0.1", app.app)).status).toBe(404);
    }
    expect((await get("/mail", {}, "127.0.0.1", app.app)).status).toBe(404);
  });

  test("a mail that does not exist is not found, whatever the id looks like", async () => {
    const other = await it.organization();
    for (const path of [
      `/mail/${other.id}/${mail?.id}`,
      `/mail/${school.id}/${school.id}`,
      "/mail/x/y",
      "/mail/1/'",
    ]) {
      expect((await get(path, basic(mailbox.password))).status).toBe(404);
    }
  });
});

describe("the pages of links", () => {
  test("each link in a mail leads to one, which holds no token and can run only what comes with it", async () => {
    for (const name of ["verify-email", "confirm-sign-up", "invitation", "reset-password", "confirm-email"]) {
      const { status, headers, text } = await get(`/links/${name}`, {}, "203.0.113.7");
      expect(status).toBe(200);
      expect(headers.get("content-security-policy")).toContain("script-src 'self'");
      expect(headers.get("content-security-policy")).not.toContain("unsafe");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(text).toContain('src="/links/page.js"');
    }
    expect((await get("/links/other")).status).toBe(404);
  });

  interface Pressed {
    readonly requests: readonly (readonly [path: string, body: unknown])[];
    /** The address once the page has run. */
    readonly address: string;
    readonly told: string;
    readonly formHidden: boolean;
  }

  /** Runs the page's program as a browser would, and presses the button. */
  async function press(
    path: string,
    options: { readonly password?: string; readonly language?: string; readonly answer: Response },
  ): Promise<Pressed & { readonly button: string; readonly field: boolean }> {
    const { text } = await get("/links/page.js");
    const element = () => ({ textContent: "", hidden: false, disabled: false, value: "" });
    const elements = new Map<string, ReturnType<typeof element>>();
    const at = (id: string) => {
      const known = elements.get(id) ?? element();
      elements.set(id, known);
      return known;
    };
    let submit: (event: { preventDefault(): void }) => Promise<void> = async () => {};
    const form = Object.assign(at("form"), {
      addEventListener: (_: string, listener: typeof submit) => {
        submit = listener;
      },
    });
    elements.set("form", form);
    at("password").value = options.password ?? "";
    const requests: [string, unknown][] = [];
    const { pathname, hash } = new URL(`https://school.example${path}`);
    let address = `${pathname}${hash}`;
    const history = {
      replaceState: (_state: unknown, _title: string, url: string) => {
        address = url;
      },
    };
    const send = async (url: string, { method, body }: { method: string; body: string }) => {
      requests.push([`${method} ${url}`, JSON.parse(body)]);
      return options.answer;
    };
    const run = new Function("document", "location", "history", "navigator", "fetch", text);
    const document = { getElementById: at, documentElement: { lang: "" }, title: "" };
    run(document, { pathname, hash }, history, { language: options.language ?? "en-GB" }, send);
    const field = !at("field").hidden;
    const button = at("button").textContent;
    if (!form.hidden) await submit({ preventDefault: () => {} });
    return { requests, address, told: at("told").textContent, formHidden: form.hidden, button, field };
  }

  test("whoever presses the button there uses the token up, with the password they chose", async () => {
    const done = await press(`/links/reset-password#${LINK}`, {
      password: "nine patient otters",
      answer: new Response(null, { status: 204 }),
    });
    expect(done.requests).toEqual([
      ["POST /v1/password-resets/consume", { token: LINK, newPassword: "nine patient otters" }],
    ]);
    expect(done.address).toBe("/links/reset-password");
    expect([done.field, done.formHidden]).toEqual([true, true]);
    expect(done.told).toContain("Your password is changed");
    const verified = await press(`/links/verify-email#${LINK}`, {
      language: "es-MX",
      answer: new Response(null, { status: 204 }),
    });
    expect(verified.requests).toEqual([["POST /v1/email-verifications/consume", { token: LINK }]]);
    expect([verified.field, verified.button]).toEqual([false, "Confirmar"]);
    expect(verified.told).toContain("está confirmado");
  });

  test("a password that is refused can be tried again, with the reason; a link that is refused cannot", async () => {
    const detail = "It must have at least 15 characters.";
    const short = await press(`/links/invitation#${LINK}`, {
      password: "short",
      answer: Response.json({ detail }, { status: 422 }),
    });
    expect(short.requests).toEqual([["POST /v1/invitations/consume", { token: LINK, password: "short" }]]);
    expect([short.told, short.formHidden]).toEqual([detail, false]);
    const used = await press(`/links/confirm-email#${LINK}`, { answer: new Response("{}", { status: 403 }) });
    expect([used.told.includes("not valid"), used.formHidden]).toEqual([true, true]);
    const busy = await press(`/links/confirm-email#${LINK}`, {
      answer: new Response("<html>", { status: 503 }),
    });
    expect([busy.told.includes("Try again"), busy.formHidden]).toEqual([true, false]);
    const without = await press("/links/confirm-email", { answer: new Response(null, { status: 204 }) });
    expect([without.requests.length, without.formHidden]).toEqual([0, true]);
  });

  test("its program knows endpoints that exist", async () => {
    const { text } = await get("/links/page.js");
    const consumed = [...text.matchAll(/"consume":"([^"]+)"/g)].map(([, path]) => `POST ${path}`);
    expect(consumed).toHaveLength(5);
    const known = endpoints.map(({ method, path }) => `${method} ${path}`);
    expect(consumed.filter((route) => !known.includes(route))).toEqual([]);
    expect(text).not.toContain("innerHTML");
  });
});

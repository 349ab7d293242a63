/** The mailbox and the pages of links in a real browser, as somebody uses them who has signed up. */
import { afterAll, expect, test } from "bun:test";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { listen } from "../../src/http/listen.ts";
import { type Page, withPage } from "../support/browser.ts";
import { domain } from "../support/domain.ts";
import { PASSWORD } from "../support/given.ts";
import { tokenFor } from "../support/mailbox.ts";

const app = await domain();
const { it, deps, request } = app;
const mailbox = { user: "operator", password: "0123456789abcdefABCDEF" } as const;
const served = buildApp({
  deps,
  endpoints: app.app.endpoints,
  authenticate,
  probes: { ready: async () => true },
  mailbox,
});
const server = listen({ app: served, host: "127.0.0.1", port: 0 });
afterAll(async () => {
  await server.stop(1000);
  served.close();
  await app.close();
});

const told = (page: Page, text: string) =>
  page.until(`document.getElementById("told")?.textContent.includes(${JSON.stringify(text)}) === true`);
const press = (page: Page) => page.evaluate(`document.getElementById("button").click()`);
const enter = async (page: Page, password: string) => {
  await page.evaluate(
    `(() => { const field = document.getElementById("password"); field.value = ""; field.focus() })()`,
  );
  await page.type(password);
  await press(page);
};
/** Of the browser to who writes pages; `error` and `warning` are none. */
const ADVICE = /"level":"verbose"/;
/** Nothing is asked of anybody else, no token is in the address any more, and the page complains of nothing unexpected. */
const isQuiet = async (page: Page, expected = /^$/) => {
  const elsewhere = page.requested.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:"));
  expect(elsewhere).toEqual([]);
  expect(await page.evaluate("location.hash")).toBe("");
  expect(page.complaints.filter((complaint) => !ADVICE.test(complaint) && !expected.test(complaint))).toEqual(
    [],
  );
};

test("somebody signs up, finds the mail in the mailbox, and confirms with the password they chose", async () => {
  const school = await it.organization();
  await request("PATCH", "/v1/organization", {
    token: school.token,
    headers: { "if-match": "*" },
    body: { settings: { signUp: "open" } },
  });
  const body = {
    organization: school.slug,
    username: "lovelace",
    fullName: "Ada Lovelace",
    email: "ada@home.example",
    password: PASSWORD,
  };
  expect((await request("POST", "/v1/sign-ups", { body })).status).toBe(202);
  const basic = Buffer.from(`${mailbox.user}:${mailbox.password}`).toString("base64");
  const options = { headers: { authorization: `Basic ${basic}` } };
  const use = async (page: Page) => {
    await page.until(`document.querySelector("table a") !== null`);
    await page.evaluate(`document.querySelector("table a").click()`);
    await page.until(`document.querySelector("pre a") !== null`);
    expect(await page.evaluate("document.querySelector('pre').textContent")).toContain("Username: lovelace");
    await page.evaluate(`document.querySelector("pre a").click()`);
    await page.until(`document.getElementById("title")?.textContent === "Confirm your e-mail address"`);
    expect(await page.evaluate("document.getElementById('password').autocomplete")).toBe("current-password");
    await enter(page, "another password than that");
    await told(page, "not the password of that account");
    await enter(page, PASSWORD);
    await told(page, "is confirmed");
    expect(await page.evaluate("document.getElementById('form').checkVisibility()")).toBe(false);
    await isQuiet(page, /422 \(Unprocessable/);
  };
  await withPage(`${server.url}/mail`, use, options);
  const signedIn = await request("POST", "/v1/sessions", {
    body: { organization: school.slug, login: body.email, password: PASSWORD },
  });
  expect(signedIn.status).toBe(201);
}, 60_000);

test("somebody who has forgotten their password chooses another one, in their language", async () => {
  const school = await it.organization();
  const user = await it.user(school);
  await request("POST", "/v1/password-resets", {
    body: { organization: school.slug, login: user.username },
  });
  const token = await tokenFor(deps, school.id, user.id, "reset_password");
  const use = async (page: Page) => {
    await page.until(`document.getElementById("title")?.textContent === "Elige una contraseña nueva"`);
    expect(await page.evaluate("document.documentElement.lang")).toBe("es");
    await enter(page, "corta");
    await told(page, "at least 15 characters");
    await enter(page, "nueve nutrias pintan el puerto");
    await told(page, "Tu contraseña ha cambiado");
    await isQuiet(page, /422 \(Unprocessable/);
    // Once: who comes back to the page has no link any more.
    await page.evaluate("location.reload()");
    await told(page, "El enlace no vale");
  };
  await withPage(`${server.url}/links/reset-password#${token}`, use, { language: "es-MX" });
}, 60_000);

/** The documentation page in a real browser that can reach nothing but this server. */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen } from "../../src/http/listen.ts";
import { shell } from "./support.ts";
import { things } from "./things.ts";

const browser = Bun.which("chromium") ?? Bun.which("google-chrome") ?? Bun.which("chromium-browser");

interface Page {
  /** Runs an expression in the page; waits when it is a promise. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true in the page. */
  until(expression: string): Promise<void>;
  readonly complaints: readonly string[];
  readonly requested: readonly string[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [key: string]: unknown };
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: unknown };
}

/** Opens a page by the browser's own protocol. */
async function withPage(executable: string, url: string, use: (page: Page) => Promise<void>): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), "satchel-browser-"));
  const child = Bun.spawn(
    [
      executable,
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  try {
    const port = await eventually(() => {
      try {
        return readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n")[0] ?? null;
      } catch {
        return null;
      }
    });
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly {
      readonly type: string;
      readonly webSocketDebuggerUrl: string;
    }[];
    const socket = new WebSocket(targets.find(({ type }) => type === "page")?.webSocketDebuggerUrl ?? "");
    await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
    const complaints: string[] = [];
    const requested: string[] = [];
    const waiting = new Map<number, (message: Message) => void>();
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as Message;
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      if (message.method === "Log.entryAdded" || message.method === "Runtime.exceptionThrown") {
        complaints.push(JSON.stringify(message.params));
      }
      if (message.method === "Network.requestWillBeSent") {
        requested.push(String((message.params?.request as { readonly url?: unknown })?.url));
      }
    });
    let sent = 0;
    const call = (method: string, params: object = {}): Promise<Message> =>
      new Promise((resolve) => {
        const id = ++sent;
        waiting.set(id, resolve);
        socket.send(JSON.stringify({ id, method, params }));
      });
    const evaluate = async (expression: string): Promise<unknown> => {
      const { result } = await call("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (result?.exceptionDetails !== undefined) throw new Error(JSON.stringify(result.exceptionDetails));
      return result?.result?.value;
    };
    for (const domain of ["Log", "Runtime", "Network", "Page"]) await call(`${domain}.enable`);
    await call("Page.navigate", { url });
    const until = async (expression: string): Promise<void> => {
      await eventually(async () => ((await evaluate(expression)) === true ? true : null), expression);
    };
    await use({ evaluate, until, complaints, requested });
    socket.close();
  } finally {
    child.kill();
    await child.exited;
    rmSync(profile, { recursive: true, force: true });
  }
}

async function eventually<T>(ask: () => Promise<T | null> | T | null, what = "the browser"): Promise<T> {
  const until = performance.now() + 20_000;
  while (performance.now() < until) {
    const answer = await ask();
    if (answer !== null) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited too long for ${what}`);
}

// Looked at as text in docs.test.ts wherever there is no browser.
if (browser !== null) {
  test("the page shows every route, signs in and stays signed in, and asks nobody else [row 95]", async () => {
    const app = shell(things);
    const server = listen({ app, host: "127.0.0.1", port: 0 });
    try {
      await withPage(browser, `${server.url}/docs`, async (page) => {
        await page.until("document.querySelectorAll('.opblock').length > 0");
        expect(await page.evaluate("document.querySelectorAll('.opblock').length")).toBe(things.length);
        expect(await page.evaluate("document.querySelectorAll('.errors-wrapper').length")).toBe(0);

        const run = async (id: string): Promise<string> => {
          const block = `document.querySelector('[id$="-${id}"]')`;
          await page.evaluate(`${block}.querySelector('.opblock-summary-control').click()`);
          await page.until(`${block}.querySelector('.try-out__btn') !== null`);
          await page.evaluate(`${block}.querySelector('.try-out__btn').click()`);
          await page.until(`${block}.querySelector('.execute') !== null`);
          await page.evaluate(`${block}.querySelector('.execute').click()`);
          const code = `${block}.querySelector('.live-responses-table tbody .response-col_status')`;
          await page.until(`${code} !== null`);
          return String(await page.evaluate(`${code}.textContent.trim()`));
        };
        expect(await run("deleteSession")).toStartWith("401");
        expect(await run("postSession")).toStartWith("201");
        expect(await run("getThings")).toStartWith("200");
        expect(await page.evaluate("document.cookie")).toBe("");

        expect(
          page.requested.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:")),
        ).toEqual([]);
        const unexpected = page.complaints.filter((complaint) => !complaint.includes("401 (Unauthorized)"));
        expect(unexpected).toEqual([]);
      });
    } finally {
      await server.stop(1000);
    }
  }, 60_000);
}

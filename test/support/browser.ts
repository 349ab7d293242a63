/** A real browser, Debian's Chromium, that can reach nothing but this machine, driven by its own protocol. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "./debian.ts";

export interface Page {
  /** Runs an expression in the page; waits when it is a promise. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true in the page. */
  until(expression: string): Promise<void>;
  /** Presses keys for each character, as somebody who has put the cursor there. */
  type(text: string): Promise<void>;
  /** The page as it looks, as a PNG. */
  screenshot(): Promise<Uint8Array>;
  readonly complaints: readonly string[];
  readonly requested: readonly string[];
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [key: string]: unknown };
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: unknown;
    readonly data?: string;
  };
}

export interface PageOptions {
  /** Sent with each request, to a page that asks who one is. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly language?: string;
}

/** Opens a page in a fresh profile, and gives it to `use`. */
export async function withPage(
  url: string,
  use: (page: Page) => Promise<void>,
  { headers, language = "en-GB" }: PageOptions = {},
): Promise<void> {
  const { path, env } = await program("chromium");
  const profile = mkdtempSync(join(tmpdir(), "satchel-browser-"));
  const child = Bun.spawn(
    [
      path,
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--accept-lang=${language}`,
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    { env, stdout: "ignore", stderr: "ignore" },
  );
  try {
    const port = await eventually(() => {
      try {
        // It is there for a moment before anything is in it.
        return readFileSync(join(profile, "DevToolsActivePort"), "utf8").split("\n")[0] || null;
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
    if (headers !== undefined) await call("Network.setExtraHTTPHeaders", { headers });
    await call("Page.navigate", { url });
    const until = async (expression: string): Promise<void> => {
      await eventually(async () => ((await evaluate(expression)) === true ? true : null), expression);
    };
    const type = async (text: string): Promise<void> => {
      await call("Input.insertText", { text });
    };
    const screenshot = async (): Promise<Uint8Array> =>
      Buffer.from((await call("Page.captureScreenshot")).result?.data ?? "", "base64");
    await use({ evaluate, until, type, screenshot, complaints, requested });
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

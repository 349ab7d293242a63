/** The documentation page in a real browser that can reach nothing but this server. */
import { expect, test } from "bun:test";
import { listen } from "../../src/http/listen.ts";
import { withPage } from "../support/browser.ts";
import { shell } from "./support.ts";
import { things } from "./things.ts";

test("the page shows every route, signs in and stays signed in, and asks nobody else [row 95]", async () => {
  const app = shell(things);
  const server = listen({ app, host: "127.0.0.1", port: 0 });
  try {
    await withPage(`${server.url}/docs`, async (page) => {
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

      expect(page.requested.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:"))).toEqual(
        [],
      );
      const unexpected = page.complaints.filter((complaint) => !complaint.includes("401 (Unauthorized)"));
      expect(unexpected).toEqual([]);
    });
  } finally {
    await server.stop(1000);
  }
}, 60_000);

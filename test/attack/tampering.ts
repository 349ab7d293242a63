/** Tampering with the audit by somebody who has every right in the database: not over HTTP, so it is a test that is run. */
import type { Line, Options } from "./stage.ts";

export async function tampering({ quick }: Options): Promise<readonly Line[]> {
  const child = Bun.spawn([process.execPath, "test", "test/audit/chain.test.ts", "-t", "tampers"], {
    cwd: `${import.meta.dir}/../..`,
    env: { ...process.env, SATCHEL_TEST_LONG: quick ? "0" : "1" },
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = await new Response(child.stderr).text();
  const [, outcome, count] = /^\((pass|fail)\) .*?([\d,]+) tampers/m.exec(said) ?? [];
  const ok = (await child.exited) === 0 && outcome === "pass" && (quick || count === "1,000");
  return [
    {
      line: "tampering with the audit",
      goal: "every one is found",
      figure: ok ? `${count} of ${count} found` : said.slice(-2000),
      ok,
    },
  ];
}

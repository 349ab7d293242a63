/**
 * A process that owns an embedded PostgreSQL, to be killed: `owner.ts FOLDER [--without-setpriv]`. Prints one line of
 * JSON when it is ready, or `{"refused","cure"}`; its log goes to standard error. Stops when its standard input ends.
 */
import { EmbeddedError, startEmbedded } from "../../src/embedded/index.ts";
import { openLog } from "../../src/log.ts";

const [folder = "", flag] = process.argv.slice(2);
if (flag === "--without-setpriv") Bun.which = () => null;
try {
  const { ownerUrl, pid, stop } = await startEmbedded({ dataDir: folder, log: openLog({ level: "info" }) });
  console.log(JSON.stringify({ ownerUrl, server: pid }));
  await Bun.stdin.text();
  await stop();
} catch (error) {
  if (!(error instanceof EmbeddedError)) throw error;
  console.log(JSON.stringify({ refused: error.message, cure: error.cure }));
}

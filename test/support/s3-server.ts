/** A process of its own that speaks S3 over a folder: `s3-server.ts <folder> <bucket>` writes its port and runs on. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
// Its logger's libraries clash with others of the tree, and nobody reads what it says.
const logger = require.resolve("s3rver/lib/middleware/logger.js");
const silent = { debug() {}, info() {}, warn() {}, error: console.error };
require.cache[logger] = Object.assign(Object.create(null), {
  id: logger,
  filename: logger,
  loaded: true,
  exports: (app: { logger: unknown; context: { logger: unknown } }) => {
    app.logger = silent;
    app.context.logger = silent;
    return (_: unknown, next: () => unknown) => next();
  },
});

interface Server {
  run(): Promise<{ readonly port: number }>;
}
const S3rver = require("s3rver") as new (options: object) => Server;

const [folder = "", bucket = ""] = process.argv.slice(2);
const server = new S3rver({
  port: 0,
  address: "127.0.0.1",
  directory: folder,
  silent: true,
  configureBuckets: [{ name: bucket, configs: [] }],
});
const { port } = await server.run();
process.stdout.write(`${port}\n`);

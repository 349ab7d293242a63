/** What a use case may need, opened in order by `main` and closed in reverse. */
import type { Cache } from "./cache.ts";
import type { Config } from "./config.ts";
import type { Db } from "./db.ts";
import type { Gate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import type { Passwords } from "./passwords.ts";
import type { Queue } from "./queue.ts";

export interface Deps {
  readonly config: Config;
  readonly db: Db;
  readonly cache: Cache;
  readonly queue: Queue;
  readonly keys: Keys;
  readonly passwords: Passwords;
  readonly gate: Gate;
  readonly log: Log;
}

/** What a use case may need, opened in order and closed in reverse. */
import { type Cache, openCache } from "./cache.ts";
import type { Config } from "./config.ts";
import type { Db } from "./db.ts";
import { type Gate, openGate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import { openPasswords, type Passwords } from "./passwords.ts";
import { openQueue, type Queue } from "./queue.ts";
import { openStorage, type Storage } from "./storage.ts";

export interface Deps {
  readonly config: Config;
  readonly db: Db;
  readonly cache: Cache;
  readonly queue: Queue;
  readonly keys: Keys;
  readonly passwords: Passwords;
  readonly gate: Gate;
  readonly storage: Storage;
  readonly log: Log;
}

/** Attempts to sign in with one login that are looked at at once, and that may wait: what is served within a second. */
const SIGN_INS = { perKey: 4, line: 500 };

/** Opens what stands on the database, which the caller has opened and closes. Refuses as `openQueue` does. */
export async function openDeps(
  base: Pick<Deps, "config" | "db" | "keys" | "log"> & { readonly release: string },
): Promise<Deps> {
  const { config, db, keys, log, release } = base;
  const queue = await openQueue({ db, log });
  const cache = await openCache({
    redisUrl: config.redisUrl,
    entries: config.cacheEntries,
    ttlSeconds: config.cacheTtlSeconds,
    release,
    keys,
    log,
  });
  const [passwords, gate, storage] = [openPasswords(keys), openGate(SIGN_INS), openStorage(config)];
  return { config, db, cache, queue, keys, passwords, gate, storage, log };
}

/** Closes what `openDeps` opened. */
export async function closeDeps(deps: Deps): Promise<void> {
  await deps.cache.close();
  await deps.queue.close();
}

/**
 * A bounded pool that lends each connection to one caller at a time.
 *
 * It knows nothing of PostgreSQL: a connection is anything that can be opened, can be lost, and can be ended. It
 * never repairs one: what is lost is dropped, and another is opened when somebody waits for it.
 */
import { databaseBusy, databaseUnavailable, type Refusal } from "./errors.ts";

export interface PoolSettings {
  /** Connections kept open once they have been needed. */
  readonly size: number;
  /** How many more may be opened while all others are lent. They are ended when idle for `idleMs`. */
  readonly overflow: number;
  /** How long a caller waits for a connection before `database_busy`. Milliseconds; looked at by `tidy`. */
  readonly acquireTimeoutMs: number;
  /** How many callers may wait; one more is refused with `database_busy` at once. */
  readonly maxWaiting: number;
  /** A connection is ended after this long, at most; up to a fifth earlier, so that they do not all go at once. */
  readonly lifetimeMs: number;
  /** How long an overflow connection may lie idle. */
  readonly idleMs: number;
}

export interface PoolStats {
  /** Open connections: lent and idle. */
  readonly size: number;
  readonly busy: number;
  readonly idle: number;
  /** Callers waiting for a connection. */
  readonly waiting: number;
  /** Connections opened so far. */
  readonly opened: number;
  /** Connections dropped so far: lost, given up, or at the end of their life. */
  readonly discarded: number;
}

export interface Pool<C> {
  /**
   * Lends a connection on behalf of a party, such as an organization: of those who wait, the one whose party holds the
   * fewest comes next. Refuses with `database_busy` or `database_unavailable`.
   */
  acquire(party?: string): Promise<C>;
  /** Takes a lent connection back. One that was lost meanwhile is ignored. */
  release(connection: C): void;
  /** Says that a connection has closed or was given up: it is never lent again. */
  lost(connection: C): void;
  /** Refuses everybody who waits, because the server is known not to answer. */
  refuseWaiting(refusal: Refusal): void;
  /** Refuses who has waited too long, ends idle connections that are too old or too many. Called now and then. */
  tidy(now: number): void;
  idle(): Iterable<C>;
  stats(): PoolStats;
  /** Lets those lent and those waiting finish for up to `drainMs`, then ends every connection. */
  close(drainMs: number): Promise<void>;
}

export interface PoolDriver<C> {
  open(): Promise<C>;
  /** Ends a connection in an orderly way. Never rejects, never hangs. */
  end(connection: C): Promise<void>;
}

interface Membership {
  readonly expiresAt: number;
  idleSince: number;
  /** On whose behalf it is lent; null while it is idle. */
  lentTo: string | null;
}

interface Waiter<C> {
  readonly until: number;
  readonly party: string;
  give(connection: C): void;
  refuse(refusal: Refusal): void;
}

export function makePool<C extends object>(driver: PoolDriver<C>, settings: PoolSettings): Pool<C> {
  const { size, overflow, acquireTimeoutMs, maxWaiting, lifetimeMs, idleMs } = settings;
  const members = new Map<C, Membership>();
  // Last in, first out: what is not needed stays idle and can be ended.
  const idle: C[] = [];
  const waiters = new Set<Waiter<C>>();
  /** How many connections each party has been lent. */
  const held = new Map<string, number>();
  const ending = new Set<Promise<void>>();
  let opening = 0;
  let opened = 0;
  let discarded = 0;
  let closed = false;
  let drained: (() => void) | null = null;

  function acquire(party = ""): Promise<C> {
    if (closed) return Promise.reject(databaseUnavailable({ detail: "Satchel is shutting down." }));
    const connection = idle.pop();
    if (connection !== undefined) {
      lend(connection, party);
      return Promise.resolve(connection);
    }
    // Those for whom a connection can be opened do not wait for somebody else's.
    if (waiters.size >= maxWaiting + size + overflow - members.size)
      return Promise.reject(busy("Too many requests are waiting for it."));
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiters.delete(waiter);
        settle();
      };
      const waiter: Waiter<C> = {
        until: performance.now() + acquireTimeoutMs,
        party,
        give(given) {
          leave();
          lend(given, party);
          resolve(given);
        },
        refuse(refusal) {
          leave();
          reject(refusal);
        },
      };
      waiters.add(waiter);
      openForWaiters();
    });
  }

  function lend(connection: C, party: string): void {
    const membership = members.get(connection);
    if (membership === undefined) return;
    membership.lentTo = party;
    held.set(party, (held.get(party) ?? 0) + 1);
  }

  function takeBack(membership: Membership): void {
    const party = membership.lentTo;
    if (party === null) return;
    membership.lentTo = null;
    const left = (held.get(party) ?? 1) - 1;
    if (left === 0) held.delete(party);
    else held.set(party, left);
  }

  /** Whoever holds the fewest connections comes next, so that a busy school cannot keep the others waiting. */
  function nextWaiter(): Waiter<C> | undefined {
    let next: Waiter<C> | undefined;
    let fewest = Number.POSITIVE_INFINITY;
    for (const waiter of waiters) {
      const count = held.get(waiter.party) ?? 0;
      if (count >= fewest) continue;
      next = waiter;
      fewest = count;
      if (count === 0) break;
    }
    return next;
  }

  function openForWaiters(): void {
    while (opening < waiters.size && members.size + opening < size + overflow) {
      opening++;
      driver.open().then(admit, openingFailed);
    }
  }

  function admit(connection: C): void {
    opening--;
    opened++;
    const now = performance.now();
    members.set(connection, {
      expiresAt: now + lifetimeMs * (1 - Math.random() / 5),
      idleSince: now,
      lentTo: null,
    });
    offer(connection);
  }

  function openingFailed(error: unknown): void {
    opening--;
    // With others still at work the waiters may yet be served; with none they would only wait for the same failure.
    if (members.size === 0) refuseWaiting(asRefusal(error));
    settle();
  }

  function release(connection: C): void {
    const membership = members.get(connection);
    if (membership === undefined) return;
    // Given back twice it would be lent twice, to two tenants at once.
    if (membership.lentTo === null) throw new Error("a connection was given back that was not lent");
    takeBack(membership);
    if (performance.now() < membership.expiresAt) {
      offer(connection);
      return;
    }
    drop(connection);
    openForWaiters();
    settle();
  }

  function offer(connection: C): void {
    const next = nextWaiter();
    if (next !== undefined) {
      next.give(connection);
      return;
    }
    const membership = members.get(connection);
    if (membership === undefined) return;
    membership.idleSince = performance.now();
    idle.push(connection);
    settle();
  }

  function lost(connection: C): void {
    const membership = members.get(connection);
    if (membership === undefined) return;
    takeBack(membership);
    members.delete(connection);
    discarded++;
    remove(idle, connection);
    openForWaiters();
    settle();
  }

  function drop(connection: C): void {
    const membership = members.get(connection);
    if (membership !== undefined) takeBack(membership);
    members.delete(connection);
    remove(idle, connection);
    discarded++;
    const ended = driver.end(connection).finally(() => ending.delete(ended));
    ending.add(ended);
  }

  function refuseWaiting(refusal: Refusal): void {
    for (const waiter of [...waiters]) waiter.refuse(refusal);
  }

  function tidy(now: number): void {
    // The longest waiting come first. No timer for each: most wait for less than a millisecond.
    for (const waiter of waiters) {
      if (waiter.until > now) break;
      waiter.refuse(busy("Waited too long for it."));
    }
    // The longest idle come first.
    for (const connection of [...idle]) {
      const membership = members.get(connection);
      if (membership === undefined) continue;
      const surplus = members.size > size && now - membership.idleSince >= idleMs;
      if (surplus || now >= membership.expiresAt) drop(connection);
    }
  }

  function settle(): void {
    if (waiters.size === 0 && opening === 0 && idle.length === members.size) drained?.();
  }

  async function close(drainMs: number): Promise<void> {
    closed = true;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, drainMs);
      drained = () => {
        clearTimeout(timer);
        resolve();
      };
      settle();
    });
    refuseWaiting(databaseUnavailable({ detail: "Satchel is shutting down." }));
    for (const connection of [...members.keys()]) drop(connection);
    await Promise.all(ending);
  }

  return {
    acquire,
    release,
    lost,
    refuseWaiting,
    tidy,
    close,
    idle: () => idle,
    stats: () => ({
      size: members.size,
      busy: members.size - idle.length,
      idle: idle.length,
      waiting: waiters.size,
      opened,
      discarded,
    }),
  };
}

function busy(detail: string): Refusal {
  return databaseBusy({ detail, retryAfter: 1 });
}

function asRefusal(error: unknown): Refusal {
  const refusal = databaseUnavailable({ retryAfter: 1 });
  refusal.cause = error;
  return refusal;
}

function remove<T>(items: T[], item: T): void {
  const at = items.indexOf(item);
  if (at !== -1) items.splice(at, 1);
}

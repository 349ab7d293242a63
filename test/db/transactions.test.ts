import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { setTimeout as sleep } from "node:timers/promises";
import { one, type Statement, type TenantTx, type Tx } from "../../sql/tx.ts";
import {
  afterCommit,
  changed,
  onConstraint,
  openDb,
  rawSend,
  readTenant,
  withSystem,
  withTenant,
} from "../../src/db.ts";
import { type Refusal, refusal } from "../../src/errors.ts";
import { silentLog } from "../../src/log.ts";
import type { TestDatabase } from "../support/database.ts";
import {
  addNote,
  failure,
  type Note,
  noteDatabase,
  notes,
  ours,
  query,
  tapWire,
  tenants,
  theirs,
  until,
} from "./fixture.ts";

let database: TestDatabase;
const statements: string[] = [];

beforeAll(async () => {
  database = await noteDatabase({
    pool: { size: 4, overflow: 0 },
    onStatement: (name) => statements.push(name),
  });
});

afterAll(() => database.close());

const textTaken = refusal("conflict", "test_text_taken", "That text is taken");

const stored = async (text: string) =>
  (await database.admin("select 1 from app.note where text = $1", [text])).length;

describe("a transaction", () => {
  test("commits when its callback resolves [row 40]", async () => {
    const { db } = database;
    const { rows } = await withTenant(db, ours, (tx) => addNote(tx, ours, "kept", 3));
    expect(rows).toEqual([
      { organizationId: ours.organizationId, id: expect.any(String), text: "kept", position: 3 },
    ]);
    expect(await stored("kept")).toBe(1);
  });

  test("rolls back wholly when its callback rejects, and gives the connection back [rows 39, 41]", async () => {
    const { db } = database;
    const error = await failure(
      withTenant(db, ours, async (tx) => {
        await addNote(tx, ours, "undone");
        throw new Error("no");
      }),
    );
    expect(error.message).toBe("no");
    expect(await stored("undone")).toBe(0);
    expect(db.stats().busy).toBe(0);
  });

  test("gives the connection back when a statement fails [row 39]", async () => {
    const { db } = database;
    for (let n = 0; n < 10; n++) {
      expect((await failure(withTenant(db, ours, (tx) => query(tx, "select 1/0")))).code).toBe("22012");
    }
    await until(() => db.stats().busy === 0, "the connections are back");
    expect(db.stats().discarded).toBe(0);
  });

  test("whose statement failed unnoticed is not reported as committed [row 41]", async () => {
    const swallowed = withTenant(database.db, ours, async (tx) => {
      await addNote(tx, ours, "swallowed");
      await query(tx, "select 1/0").catch(() => {});
      return "fine";
    });
    expect((await failure(swallowed)).code).toBe("22012");
    const unawaited = withTenant(database.db, ours, async (tx) => {
      await addNote(tx, ours, "swallowed");
      void query(tx, "select 1/0");
    });
    expect((await failure(unawaited)).code).toBe("22012");
    expect(await stored("swallowed")).toBe(0);
  });

  test("tells the first failure, not that the transaction is aborted", async () => {
    const error = await failure(
      withTenant(database.db, ours, async (tx) => {
        const [, second] = await Promise.allSettled([query(tx, "select 1/0"), query(tx, "select 1")]);
        if (second.status === "rejected") throw second.reason;
      }),
    );
    expect(error.code).toBe("22012");
  });

  test("refuses a statement after its end, and never sends it", async () => {
    let leaked: TenantTx | undefined;
    await withTenant(database.db, ours, async (tx) => {
      leaked = tx;
    });
    if (leaked === undefined) throw new Error("the callback did not run");
    expect((await failure(addNote(leaked, ours, "late"))).message).toMatch(/after its transaction had ended/);
    expect(await stored("late")).toBe(0);
  });

  test("cannot be opened from inside another one [row 43]", async () => {
    const { db } = database;
    const openers = [
      () => withTenant(db, theirs, async () => 1),
      () => readTenant(db, theirs, async () => 1),
      () => withSystem(db, async () => 1),
    ];
    for (const open of openers) {
      const error = await failure(
        withTenant(db, ours, async (tx) => {
          await query(tx, "select 1");
          await open();
        }),
      );
      expect(error.message).toMatch(/cannot be opened from inside another/);
    }
    // What the callback merely started may open its own once the transaction is over.
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    let later: Promise<number> | undefined;
    await withTenant(db, ours, async () => {
      later = gate.then(() => withTenant(db, theirs, async () => 2));
    });
    release();
    expect(await later).toBe(2);
  });

  test("refuses undefined as a parameter", async () => {
    const error = await failure(
      withTenant(database.db, ours, (tx) => query(tx, "select $1::text", undefined)),
    );
    expect(error.message).toMatch(/parameter 1 is undefined/);
  });

  test("that is over, or read only, has nothing to commit and says so", async () => {
    let over: TenantTx | undefined;
    await withTenant(database.db, ours, async (tx) => {
      over = tx;
    });
    const tx = over;
    if (tx === undefined) throw new Error("the callback did not run");
    expect(() => changed(tx, "users")).toThrow(/has ended/);
    expect(() => afterCommit(tx, () => {})).toThrow(/has ended/);
    const readOnly = readTenant(database.db, ours, async (reading) => changed(reading, "users"));
    expect((await failure(readOnly)).message).toMatch(/read only/);
  });

  test("lets the world know only after the commit", async () => {
    const seen: string[] = [];
    await withTenant(database.db, ours, async (tx) => {
      afterCommit(tx, () => seen.push("committed"));
      await addNote(tx, ours, "announced");
      seen.push("sent");
    });
    await failure(
      withTenant(database.db, ours, async (tx) => {
        afterCommit(tx, () => seen.push("never"));
        throw new Error("no");
      }),
    );
    expect(seen).toEqual(["sent", "committed"]);
  });

  test("tells of every statement, with its name", async () => {
    statements.length = 0;
    await withTenant(database.db, ours, (tx) => query(tx, "select 4711"));
    expect(statements).toEqual(["tx/begin", "tx/enter", "test/select 4711", "tx/commit"]);
  });

  test("that is read only takes no writes, and gives its result before the commit is answered", async () => {
    const error = await failure(
      withTenant(database.db, ours, (tx) => addNote(tx, ours, "read only"), { readOnly: true }),
    );
    expect(error.code).toBe("25006");
    expect(
      await withTenant(database.db, ours, (tx) => one<{ n: number }>(tx, n, []), { readOnly: true }),
    ).toEqual({ n: 7 });
    await until(() => database.db.stats().busy === 0, "the connection is back");
  });

  test("wraps its callback in what must commit with it", async () => {
    const order: string[] = [];
    const tenant = {
      ...ours,
      around: async <T>(tx: TenantTx, run: () => Promise<T>) => {
        await addNote(tx, ours, "around");
        order.push("before");
        const result = await run();
        order.push("after");
        return result;
      },
    };
    const found = await withTenant(database.db, tenant, async (tx) => {
      order.push("inside");
      return (await notes(tx)).filter(({ text }) => text === "around").length;
    });
    expect(found).toBe(1);
    expect(order).toEqual(["before", "inside", "after"]);
  });
});

const n: Statement = { name: "test/n", text: "select 7 as n" };

describe("a tenant", () => {
  test("sees its own rows alone, through any statement [rows 42, 45]", async () => {
    const { db } = database;
    await withTenant(db, ours, (tx) => addNote(tx, ours, "private"));
    await withTenant(db, theirs, (tx) => addNote(tx, theirs, "foreign"));
    const texts = (tx: Tx) => notes(tx).then((rows) => rows.map(({ text }) => text));
    expect(await withTenant(db, ours, texts)).toContain("private");
    expect(await withTenant(db, ours, texts)).not.toContain("foreign");
    expect(await readTenant(db, theirs, texts)).toEqual(["foreign"]);
    const counted = "select count(*)::int4 as n from app.note where text in ('private', 'foreign')";
    expect((await readTenant(db, ours, (tx) => query(tx, counted))).rows).toEqual([{ n: 1 }]);
  });

  test("cannot write another organization's row [row 45]", async () => {
    const { db } = database;
    const insert = await failure(withTenant(db, ours, (tx) => addNote(tx, theirs, "smuggled")));
    expect(insert.code).toBe("42501");
    const { count } = await withTenant(db, ours, (tx) =>
      query(tx, "update app.note set text = 'stolen' where organization_id = $1", theirs.organizationId),
    );
    expect(count).toBe(0);
    expect(await stored("smuggled")).toBe(0);
  });

  test("cannot be changed within a transaction [row 43]", async () => {
    const error = await failure(
      withTenant(database.db, ours, (tx) =>
        query(tx, "select app.enter($1::uuid, null)", theirs.organizationId),
      ),
    );
    expect(error.message).toMatch(/entered another organization/);
  });

  test("that was not entered shows no rows and takes none [row 44]", async () => {
    const { db } = database;
    await withTenant(db, ours, (tx) => addNote(tx, ours, "closed"));
    // The system role may read notes, the request role itself has no tenant in a system transaction.
    const none = await withSystem(db, async (tx) => {
      await query(tx, "reset role");
      return notes(tx);
    });
    expect(none).toEqual([]);
    const error = await failure(
      withSystem(db, async (tx) => {
        await query(tx, "reset role");
        await addNote(tx, ours, "nobody's");
      }),
    );
    expect(error.code).toBe("42501");
  });

  test("is left with the transaction: the next borrower of the connection starts without one [row 44]", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, pool: { size: 1, overflow: 0 } });
    await withTenant(db, ours, (tx) => query(tx, "select 1"));
    await failure(withTenant(db, ours, (tx) => query(tx, "select 1/0")));
    const { rows } = await withSystem(db, (tx) =>
      query(tx, "select app.org() as org, pg_backend_pid() as pid"),
    );
    expect(rows).toEqual([{ org: null, pid: expect.any(Number) }]);
    expect(db.stats().opened).toBe(1);
    await db.close();
  });

  test("that is no UUID is refused before anything runs", async () => {
    const error = await failure(withTenant(database.db, { organizationId: "x", userId: null }, notes));
    expect(error.code).toBe("22P02");
  });

  test("never mixes with another among a thousand concurrent tasks [row 43]", async () => {
    const { db } = database;
    const task = async (at: number) => {
      const tenant = tenants[at % tenants.length] ?? ours;
      const seen: unknown[] = [];
      const look = async (tx: Tx) => {
        const { rows } = await query<{ org: string }>(tx, "select app.org() as org");
        seen.push(rows[0]?.org);
      };
      if (at % 3 === 0) await readTenant(db, tenant, look);
      else {
        await withTenant(db, tenant, async (tx) => {
          await look(tx);
          await sleep(at % 5);
          await addNote(tx, tenant, `task ${at}`);
          await look(tx);
          if (at % 7 === 0) throw new Error("on purpose");
        }).catch((error: Error) => {
          if (error.message !== "on purpose") throw error;
        });
      }
      return seen.every((org) => org === tenant.organizationId);
    };
    const right = await Promise.all(Array.from({ length: 1000 }, (_, at) => task(at)));
    expect(right.filter((ok) => !ok)).toHaveLength(0);
    const [found] = await database.admin<{ n: number; wrong: number }>(
      `select count(*)::int4 as n,
              count(*) filter (where organization_id <>
                ('00000000-0000-7000-8000-0000000000' || lpad((substring(text from '[0-9]+')::int % 10)::text, 2, '0'))::uuid
              )::int4 as wrong
       from app.note where text like 'task %'`,
    );
    const expected = Array.from({ length: 1000 }, (_, at) => at).filter(
      (at) => at % 3 !== 0 && at % 7 !== 0,
    ).length;
    expect(found).toEqual({ n: expected, wrong: 0 });
  });
});

describe("readTenant", () => {
  test("costs one round trip, with everything it sends at once", async () => {
    const wire = await tapWire(database.requestUrl);
    const db = await openDb({ url: wire.url, log: silentLog, pool: { size: 1, overflow: 0 } });
    const both = (tx: TenantTx) =>
      Promise.all([
        query(tx, "select text from app.note where text = $1", "kept"),
        query(tx, "select $1::int4 + 1 as n", 41),
      ]);
    // The first time PostgreSQL is asked for the types of the parameters.
    await readTenant(db, ours, both);
    await until(() => db.stats().busy === 0, "the commit is answered");
    wire.roundTrips();
    const [kept, sum] = await readTenant(db, ours, both);
    expect([kept.rows, sum.rows]).toEqual([[{ text: "kept" }], [{ n: 42 }]]);
    expect(wire.roundTrips()).toBe(1);
    expect((await readTenant(db, theirs, both))[0].rows).toEqual([]);
    expect(wire.roundTrips()).toBe(1);
    // Two for a write: the last is the commit, which is waited for.
    await withTenant(db, ours, both);
    expect(wire.roundTrips()).toBe(2);
    await db.close();
    await wire.close();
  });

  test("costs one round trip without named statements too, once the types are known", async () => {
    const wire = await tapWire(database.requestUrl);
    const db = await openDb({
      url: `${wire.url}&prepare=false`,
      log: silentLog,
      pool: { size: 1, overflow: 0 },
    });
    const read = (tx: TenantTx) =>
      query(tx, "select text from app.note where text = $1 and position < $2", "kept", 9);
    await readTenant(db, ours, read);
    await until(() => db.stats().busy === 0, "the commit is answered");
    wire.roundTrips();
    expect((await readTenant(db, ours, read)).rows).toEqual([{ text: "kept" }]);
    expect(wire.roundTrips()).toBe(1);
    await db.close();
    await wire.close();
  });

  test("refuses what is sent after its callback has returned", async () => {
    const late = failure(
      readTenant(database.db, ours, async (tx) => {
        await query(tx, "select 1");
        await query(tx, "select 2");
      }),
    );
    expect((await late).message).toMatch(/send everything at once, or use withTenant/);
  });

  test("takes no writes", async () => {
    expect((await failure(readTenant(database.db, ours, (tx) => addNote(tx, ours, "burst")))).code).toBe(
      "25006",
    );
  });

  test("tells why a statement failed, and gives the connection back [row 39]", async () => {
    const error = await failure(readTenant(database.db, ours, (tx) => query(tx, "select 1/0")));
    expect(error.code).toBe("22012");
    await until(() => database.db.stats().busy === 0, "the connection is back");
  });
});

describe("changed", () => {
  test("raises the generation of each topic once, in the order of their names, at the commit", async () => {
    await database.admin(
      "insert into app.organization (organization_id, slug, name, type) values ($1, 'ours', 'Ours', 'school')",
      [ours.organizationId],
    );
    const generations = () =>
      database.admin(
        "select topic, generation::int4 from app.generation where organization_id = $1 order by topic",
        [ours.organizationId],
      );
    statements.length = 0;
    for (let round = 0; round < 2; round++) {
      await withTenant(database.db, ours, async (tx) => {
        changed(tx, "users");
        changed(tx, "contents");
        changed(tx, "users");
        await query(tx, "select 1");
      });
    }
    expect(await generations()).toEqual([
      { topic: "contents", generation: 2 },
      { topic: "users", generation: 2 },
    ]);
    expect(statements.slice(-2)).toEqual(["tx/bump_generations", "tx/commit"]);
  });

  test("leaves the generation alone when the transaction is rolled back", async () => {
    const before = await database.admin("select * from app.generation");
    await failure(
      withTenant(database.db, ours, async (tx) => {
        changed(tx, "users");
        throw new Error("no");
      }),
    );
    expect(await database.admin("select * from app.generation")).toEqual(before);
  });

  test("that fails takes the whole transaction with it", async () => {
    const error = await failure(
      withTenant(database.db, ours, async (tx) => {
        await addNote(tx, ours, "with a bad topic");
        changed(tx, "no such topic");
      }),
    );
    expect(error.code).toBe("23514");
    expect(await stored("with a bad topic")).toBe(0);
  });

  test("adds no round trip", async () => {
    const wire = await tapWire(database.requestUrl);
    const db = await openDb({ url: wire.url, log: silentLog, pool: { size: 1, overflow: 0 } });
    const write = () =>
      withTenant(db, ours, async (tx) => {
        changed(tx, "users");
        await query(tx, "select 1");
      });
    await write();
    wire.roundTrips();
    await write();
    expect(wire.roundTrips()).toBe(2);
    await db.close();
    await wire.close();
  });
});

describe("onConstraint", () => {
  const refusals = { note_text_unique: () => textTaken() };

  test("turns a violation into its refusal and lets the transaction go on [row 66]", async () => {
    const { db } = database;
    const outcome = await withTenant(db, ours, async (tx) => {
      await addNote(tx, ours, "twice");
      const refused = (await failure(
        onConstraint(tx, refusals, async () => {
          await addNote(tx, ours, "only inside");
          await addNote(tx, ours, "twice");
        }),
      )) as Refusal;
      await addNote(tx, ours, "afterwards");
      return refused.slug;
    });
    expect(outcome).toBe("test_text_taken");
    expect([await stored("twice"), await stored("only inside"), await stored("afterwards")]).toEqual([
      1, 0, 1,
    ]);
  });

  test("undoes what it did whenever it rejects, other statements behind the failed one included", async () => {
    await withTenant(database.db, ours, async (tx) => {
      const error = await failure(
        onConstraint(tx, refusals, () =>
          Promise.all([
            addNote(tx, ours, "negative", -1),
            addNote(tx, ours, "behind"),
            addNote(tx, ours, "it"),
          ]),
        ),
      );
      expect(error.code).toBe("23514");
      const own = await failure(
        onConstraint(tx, refusals, async () => {
          await addNote(tx, ours, "own error");
          throw new Error("own");
        }),
      );
      expect(own.message).toBe("own");
      await addNote(tx, ours, "goes on");
    });
    expect([await stored("behind"), await stored("own error"), await stored("goes on")]).toEqual([0, 0, 1]);
  });

  test("nests", async () => {
    await withTenant(database.db, ours, async (tx) => {
      await onConstraint(tx, refusals, async () => {
        await addNote(tx, ours, "outer");
        await failure(onConstraint(tx, refusals, () => addNote(tx, ours, "outer")));
        await addNote(tx, ours, "outer too");
      });
    });
    expect([await stored("outer"), await stored("outer too")]).toEqual([1, 1]);
  });

  test("refuses two at once", async () => {
    const both = withTenant(database.db, ours, (tx) =>
      Promise.all([
        onConstraint(tx, refusals, () => addNote(tx, ours, "left")),
        onConstraint(tx, refusals, () => addNote(tx, ours, "right")),
      ]),
    );
    expect((await failure(both)).message).toMatch(/ran at once/);
    expect([await stored("left"), await stored("right")]).toEqual([0, 0]);
  });

  test("that is left behind touches nothing once its transaction has ended", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, pool: { size: 1, overflow: 0 } });
    const { promise: gate, resolve: release } = Promise.withResolvers<void>();
    let leftBehind: Promise<Error>[] = [];
    await withTenant(db, ours, async (tx) => {
      const slow = onConstraint(tx, refusals, () => gate.then(() => Promise.reject(new Error("late"))));
      leftBehind = [failure(slow)];
      await query(tx, "select 1");
    });
    // The same connection, with a savepoint of the same name.
    await withTenant(db, theirs, async (tx) => {
      await onConstraint(tx, refusals, async () => {
        await addNote(tx, theirs, "untouched");
        release();
        const [late] = await Promise.all(leftBehind);
        expect(late?.message).toBe("late");
        await query(tx, "select 1");
      });
    });
    expect(await stored("untouched")).toBe(1);
    expect(db.stats()).toMatchObject({ opened: 1, discarded: 0 });
    await db.close();
  });

  test("adds no round trip when nothing is violated", async () => {
    const wire = await tapWire(database.requestUrl);
    const db = await openDb({ url: wire.url, log: silentLog, pool: { size: 1, overflow: 0 } });
    const write = () => withTenant(db, ours, (tx) => onConstraint(tx, refusals, () => query(tx, "select 1")));
    await write();
    wire.roundTrips();
    await write();
    expect(wire.roundTrips()).toBe(2);
    await db.close();
    await wire.close();
  });
});

describe("a transaction that loses a race", () => {
  test("is run again, whole, after a deadlock", async () => {
    const { db } = database;
    let runs = 0;
    const add = (first: number, second: number, gate: () => Promise<void>) =>
      withTenant(db, ours, async (tx) => {
        runs++;
        await query(tx, "set local deadlock_timeout = '20ms'");
        await query(tx, "update app.tally set total = total + 1 where id = $1", first);
        await gate();
        await query(tx, "update app.tally set total = total + 1 where id = $1", second);
      });
    await database.admin("update app.tally set total = 0");
    await database.admin("grant set on parameter deadlock_timeout to satchel_request");
    // Each waits until the other holds its first row; only the first time round.
    let waiting = 2;
    const { promise: met, resolve } = Promise.withResolvers<void>();
    const gate = async () => {
      if (--waiting === 0) resolve();
      if (waiting >= 0) await met;
    };
    await Promise.all([add(1, 2, gate), add(2, 1, gate)]);
    expect(await database.admin("select total::int4 from app.tally order by id")).toEqual([
      { total: 2 },
      { total: 2 },
    ]);
    // Two, and once more for who was told to give way; again when he was back before the other had woken up.
    expect(runs).toBeGreaterThan(2);
  });

  test("is refused as a write conflict after the fourth time", async () => {
    let runs = 0;
    const error = await failure(
      withTenant(database.db, ours, async (tx) => {
        runs++;
        await query(tx, "do $$ begin raise exception 'lost' using errcode = '40001'; end $$");
      }),
    );
    expect([error.slug, runs]).toEqual(["write_conflict", 4]);
  });

  test("is run again even when the callback hid why it failed", async () => {
    let runs = 0;
    const result = await withTenant(database.db, ours, async (tx) => {
      if (++runs > 1) return runs;
      await query(tx, "do $$ begin raise exception 'lost' using errcode = '40001'; end $$").catch(() => {});
      throw textTaken();
    });
    expect(result).toBe(2);
  });

  test("is run again when a migration changed a table under a prepared statement", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, pool: { size: 1, overflow: 0 } });
    const read = (tx: TenantTx) => query<Note>(tx, "select * from app.note where text = $1", "kept");
    await readTenant(db, ours, read);
    expect(Object.keys((await readTenant(db, ours, read)).rows[0] ?? {})).not.toContain("addedColumn");
    await database.admin("alter table app.note add column added_column int4 not null default 5");
    // In the burst as in the long form: never on its own, behind the commit and without a tenant.
    expect((await readTenant(db, ours, read)).rows).toMatchObject([{ text: "kept", addedColumn: 5 }]);
    await database.admin("alter table app.note drop column added_column");
    expect(Object.keys((await withTenant(db, ours, read)).rows[0] ?? {})).not.toContain("addedColumn");
    await db.close();
  });
});

describe("a statement", () => {
  test("that takes too long is refused as a timeout by the server's own deadline", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, statementTimeoutMs: 100 });
    const error = await failure(withTenant(db, ours, (tx) => query(tx, "select pg_sleep(5)")));
    expect(error.slug).toBe("database_timeout");
    expect(db.stats().discarded).toBe(0);
    await db.close();
  });

  test("that outlives the server's deadline too costs its connection", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, statementTimeoutMs: 100 });
    const error = await failure(
      withTenant(db, ours, async (tx) => {
        await query(tx, "set local statement_timeout = 0");
        await query(tx, "select pg_sleep(30)");
      }),
    );
    expect(error.slug).toBe("database_timeout");
    expect(db.stats()).toMatchObject({ discarded: 1, busy: 0 });
    await db.close();
  });

  test("that waits too long for a lock is refused with when to try again", async () => {
    const db = await openDb({ url: database.requestUrl, log: silentLog, lockTimeoutMs: 50 });
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const holder = withTenant(db, ours, async (tx) => {
      await query(tx, "update app.tally set total = 0 where id = 1");
      hold();
      await done;
    });
    await held;
    const error = (await failure(
      withTenant(db, ours, (tx) => query(tx, "update app.tally set total = 1 where id = 1")),
    )) as Refusal;
    release();
    await holder;
    expect([error.slug, error.details.retryAfter]).toEqual(["database_locked", 1]);
    await db.close();
  });
});

describe("rawSend", () => {
  test("binds as node-postgres does and leaves column names alone", async () => {
    const { rows, count } = await withTenant(database.db, ours, (tx) =>
      rawSend(
        tx,
        "select $1::jsonb as some_doc, $2::text as t, $3::jsonb ->> 'k' as k, $4::text[] as list, $5::int4 as none",
        ['{"a":1}', "text", { k: "v" }, ["x", null], undefined],
      ),
    );
    expect(rows).toEqual([{ some_doc: { a: 1 }, t: "text", k: "v", list: ["x", null], none: null }]);
    expect(count).toBe(1);
  });

  test("takes a script of several statements, and rolls back with its transaction", async () => {
    const error = await failure(
      withTenant(database.db, ours, async (tx) => {
        const { rows } = await rawSend(tx, "select 1 as a; select 2 as b; update app.tally set total = 99");
        expect(rows).toEqual([{ a: 1 }, { b: 2 }]);
        throw new Error("no");
      }),
    );
    expect(error.message).toBe("no");
    expect(await database.admin("select 1 from app.tally where total = 99")).toEqual([]);
  });
});

test("the URL is validated, and no message repeats it [row 53]", async () => {
  const wrong: [string, RegExp][] = [
    ["mysql://root:hunter2@localhost/satchel", /postgres:\/\/ or postgresql:\/\/.*mysql/],
    ["localhost:5432/satchel", /postgres:\/\//],
    ["postgres://u:hunter2@localhost", /names no database/],
    ["postgres://u:hunter2@localhost:99999/satchel", /read|port/],
    ["postgres://u:hunter2@localhost/satchel?sslmode=maybe", /sslmode/],
    ["postgres://u:12?hunter2@localhost/satchel", /unknown parameter|read|port/],
    ["postgres://u:hun#ter2@localhost/satchel", /read|database/],
  ];
  for (const [url, message] of wrong) {
    const error = await failure(openDb({ url, log: silentLog }));
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/hunter2|ter2/);
  }
});

/**
 * The chain: that it is one, that it stays one, and that whoever alters it is found out. SATCHEL_TEST_LONG=1, and `bun run
 * attack tampering`, tamper a thousand times.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { audit, auditIn } from "../../src/audit/audit.ts";
import { type Anchor, SYSTEM_CHAIN } from "../../src/chain.ts";
import { signHead } from "../../src/chains/chains.ts";
import { changed, onConstraint, withTenant } from "../../src/db.ts";
import { domain, refusedBy, run } from "../support/domain.ts";
import { brokenAt, eventOf, fill, origin, rechain } from "./support.ts";

const app = await domain();
const { deps, as } = app;
const { admin, db } = app.database;
afterAll(app.close);

const TAMPERS = process.env.SATCHEL_TEST_LONG === "1" ? 1000 : 150;

const people = Array.from({ length: 4 }, () => Bun.randomUUIDv7());
const [person = ""] = people;

const sequencesOf = async (organizationId: string) =>
  (
    await admin<{ n: number }>(
      "select sequence::int as n from app.audit_event where organization_id = $1 order by 1",
      [organizationId],
    )
  ).map(({ n }) => n);
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);

describe("what is written [row 113]", () => {
  test("200 transactions at once, with other writes and in any order of the calls, leave no gap, no fork and no deadlock", async () => {
    const organizationId = (await app.it.organization()).id;
    const before = (await sequencesOf(organizationId)).length;
    await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        n % 5 === 0
          ? audit(deps, { organizationId, userId: null }, { ...eventOf(n, people), outcome: "success" })
          : withTenant(db, { organizationId, userId: person }, async (tx) => {
              if (n % 2 === 0) changed(tx, "users");
              await auditIn(tx, organizationId, eventOf(n, people));
              await run(tx, "select");
              if (n % 2 === 1) changed(tx, "contents");
              if (n % 3 === 0) await auditIn(tx, organizationId, eventOf(n + 1, people));
            }),
      ),
    );
    const twice = Array.from({ length: 200 }, (_, n) => n).filter((n) => n % 5 !== 0 && n % 3 === 0).length;
    expect(await sequencesOf(organizationId)).toEqual(upTo(before + 200 + twice));
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("the first event of a chain has one place, however many begin it at once", async () => {
    const organizationId = Bun.randomUUIDv7();
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        withTenant(db, { organizationId, userId: null }, (tx) =>
          auditIn(tx, organizationId, eventOf(n, people)),
        ),
      ),
    );
    expect(await sequencesOf(organizationId)).toEqual(upTo(50));
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("what a transaction undoes was never there, whole or from a savepoint on", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 3);
    const undone = withTenant(db, { organizationId, userId: null }, async (tx) => {
      await auditIn(tx, organizationId, eventOf(0, people));
      throw new Error("undo");
    });
    await expect(undone).rejects.toThrow("undo");
    await withTenant(db, { organizationId, userId: null }, async (tx) => {
      await auditIn(tx, organizationId, { action: "user.created", outcome: "success", subjectId: person });
      await onConstraint(tx, {}, async (inner) => {
        await auditIn(inner, organizationId, { action: "user.deleted", outcome: "success" });
        await run(inner, "select 1 / 0");
      }).catch(() => {});
      await auditIn(tx, organizationId, { action: "user.restored", outcome: "success", subjectId: person });
    });
    const rows = await admin<{ action: string }>(
      "select action from app.audit_event where organization_id = $1 order by sequence offset 3",
      [organizationId],
    );
    expect(rows.map(({ action }) => action)).toEqual(["user.created", "user.restored"]);
    expect(await sequencesOf(organizationId)).toEqual(upTo(5));
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("a thousand events of one transaction are chained together", async () => {
    const organizationId = Bun.randomUUIDv7();
    await withTenant(db, { organizationId, userId: person }, async (tx) => {
      for (let n = 0; n < 1000; n++) await auditIn(tx, organizationId, eventOf(n, people));
    });
    expect(await sequencesOf(organizationId)).toEqual(upTo(1000));
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("an event of another organization undoes its transaction", async () => {
    const organizationId = Bun.randomUUIDv7();
    const astray = withTenant(db, { organizationId, userId: null }, (tx) =>
      auditIn(tx, Bun.randomUUIDv7(), eventOf(0, people)),
    );
    expect((await refusedBy(astray))?.code).toBe("55000");
    expect(await sequencesOf(organizationId)).toEqual([]);
  });

  test("what a person could have typed does not get in, nor what is no id", async () => {
    const organizationId = Bun.randomUUIDv7();
    const bad = [
      { details: { email: "ada@school.example" } },
      { details: { why: 'It\'s about "her"' } },
      { details: { count: 0.5 } },
      { details: { "not a name": 1 } },
      { subjectId: "ada" },
      { targetId: "ada@school.example" },
      { subjectIds: Array.from({ length: 1001 }, () => Bun.randomUUIDv7()) },
    ];
    for (const part of bad) {
      const given = { action: "user.changed", outcome: "success", ...part } as const;
      await expect(audit(deps, { organizationId, userId: null }, given)).rejects.toThrow("user.changed");
    }
    expect(await sequencesOf(organizationId)).toEqual([]);
  });

  test("what concerns no organization has a chain of its own", async () => {
    await audit(
      deps,
      { organizationId: SYSTEM_CHAIN, userId: null },
      { action: "setup_code.created", outcome: "success" },
    );
    expect((await sequencesOf(SYSTEM_CHAIN)).length).toBeGreaterThan(0);
    expect(await brokenAt(deps, SYSTEM_CHAIN)).toBeNull();
  });
});

describe("what fails [row 113]", () => {
  test("a refusal that cannot be written is logged and answered all the same; anything else is not shown", async () => {
    const organizationId = Bun.randomUUIDv7();
    await admin("revoke execute on function app.append_audit(jsonb) from satchel_request");
    try {
      const doer = { organizationId, userId: null };
      await audit(deps, doer, { action: "session.refused", outcome: "refused", origin });
      await expect(audit(deps, doer, { action: "user.read", outcome: "success" })).rejects.toThrow();
    } finally {
      await admin("grant execute on function app.append_audit(jsonb) to satchel_request");
    }
    const lines = app.lines.splice(0);
    expect(lines.map(({ event, slug }) => [event, slug])).toEqual([["audit_not_written", "session.refused"]]);
    await audit(
      deps,
      { organizationId, userId: null },
      { action: "session.refused", outcome: "refused", origin },
    );
    expect(await sequencesOf(organizationId)).toEqual([1]);
  });

  test("audit inside a transaction is a mistake, and says so", async () => {
    const organizationId = Bun.randomUUIDv7();
    const inside = withTenant(db, { organizationId, userId: null }, () =>
      audit(deps, { organizationId, userId: null }, eventOf(0, people)),
    );
    await expect(inside).rejects.toThrow("auditIn");
  });
});

describe("the rights [row 113] [row 103]", () => {
  test("the request role can neither change, remove, empty nor write past the chain, and the owner is stopped by a trigger", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 5);
    const seal =
      "select app.seal_audit(1, 2, now(), now(), now(), sha256(''), sha256(''), '{}', repeat('a', 43), repeat('a', 86))";
    for (const table of ["audit_event", "audit_head", "audit_subject", "audit_origin", "audit_seal"]) {
      for (const text of [
        `update app.${table} set created_at = now()`,
        `delete from app.${table}`,
        `truncate app.${table}`,
        `insert into app.${table} (organization_id) values (app.org())`,
      ]) {
        expect([text, (await refusedBy(as(organizationId, text)))?.code]).toEqual([text, "42501"]);
      }
    }
    expect((await refusedBy(as(organizationId, seal)))?.code).toBe("55000");
    for (const text of ["update app.audit_event set action = 'x.y'", "delete from app.audit_event"]) {
      expect((await refusedBy(admin(text)))?.code).toBe("42501");
    }
    expect((await refusedBy(admin("truncate app.audit_event")))?.code).toBe("42501");
    // The setting that lets the sealing through gives nobody a right.
    const set = "select set_config('app.sealing', 'on', true)";
    const trick = withTenant(db, { organizationId, userId: null }, async (tx) => {
      await run(tx, set);
      await run(tx, "delete from app.audit_event");
    });
    expect((await refusedBy(trick))?.code).toBe("42501");
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("another organization's events are out of sight", async () => {
    const [one, other] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    await fill(db, one, people, 5);
    await fill(db, other, people, 5);
    for (const table of ["audit_event", "audit_head", "audit_subject", "audit_origin"]) {
      const seen = await as(one, `select distinct organization_id from app.${table}`);
      expect(seen).toEqual([{ organizationId: one }]);
    }
  });
});

describe("who alters it [row 113]", () => {
  const organizationId = Bun.randomUUIDv7();
  const length = 48;
  const tables = ["audit_event", "audit_head", "audit_subject", "audit_origin", "audit_anchor"];
  const anchors: Anchor[] = [];
  beforeAll(async () => {
    await fill(db, organizationId, people, length);
    const signed = await signHead(deps, organizationId);
    if (signed === null) throw new Error("the head was not signed");
    anchors.push(signed);
    await admin(
      `insert into app.audit_anchor (organization_id, sequence, created_at, hash, public_key, signature)
     values ($1, $2, $3, decode($4, 'hex'), $5, $6)`,
      [organizationId, signed.sequence, signed.at, signed.hash, signed.publicKey, signed.signature],
    );
    await admin("alter table app.audit_event disable trigger keep");
    for (const table of tables) {
      await admin(`create table public.${table} as select * from app.${table} where organization_id = $1`, [
        organizationId,
      ]);
    }
  });
  /** In one transaction: a thousand times ten would take minutes. */
  const restore = () =>
    admin(
      tables
        .map(
          (table) =>
            `delete from app.${table} where organization_id in ('${organizationId}', '${elsewhere}');
             insert into app.${table} select * from public.${table};`,
        )
        .join("\n"),
    );
  const elsewhere = Bun.randomUUIDv7();

  let state = 20_261_124;
  /** A whole number below `n`: the same ones in every run (mulberry32). */
  const random = (n: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * n);
  };
  const pick = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  const one = "organization_id = $1 and sequence = $2";
  /** An event, or a row beside one. */
  const rowOf = async (table: string): Promise<number> => {
    const rows = await admin<{ n: number }>(
      `select sequence::int as n from app.${table} where organization_id = $1 order by 1`,
      [organizationId],
    );
    return pick(rows).n;
  };
  const sets: Readonly<Record<string, readonly string[]>> = {
    audit_event: [
      "action = 'user.forged'",
      "outcome = case outcome when 'success' then 'refused' else 'success' end",
      "actor_id = app.uuidv7()",
      "actor_id = case when actor_id is null then app.uuidv7() end",
      "session_id = app.uuidv7(), api_key_id = null",
      "session_id = null, api_key_id = app.uuidv7()",
      "subject_ids = subject_ids || app.uuidv7()",
      "target_type = 'forged'",
      "target_id = 'forged'",
      `details = '{"forged":true}'`,
      "details = (details::text || ' ')::json",
      "created_at = created_at - interval '1 second'",
      "created_at = created_at + interval '1 second'",
      "origin_hash = sha256('forged')",
      "origin_hash = case when origin_hash is null then sha256('') end",
      "hash = sha256('forged')",
      "sequence = 1000000",
      `organization_id = '${elsewhere}'`,
    ],
    audit_subject: [
      "subject_id = app.uuidv7()",
      "action = 'user.forged'",
      "created_at = created_at + interval '1 second'",
      "sequence = 1000000",
      `organization_id = '${elsewhere}'`,
    ],
    audit_origin: [
      "address = '198.51.100.1'",
      "user_agent = 'Forged/1.0'",
      "salt = decode(repeat('00', 16), 'hex')",
      "person_id = app.uuidv7()",
      "created_at = created_at + interval '1 second'",
      "sequence = 1000000",
      `organization_id = '${elsewhere}'`,
    ],
    audit_head: [
      "sequence = sequence - 1",
      "sequence = sequence + 1",
      "hash = sha256('forged')",
      "created_at = created_at + interval '1 second'",
      `organization_id = '${elsewhere}'`,
    ],
    audit_anchor: [
      "sequence = sequence - 1",
      "sequence = sequence + 1",
      "hash = sha256('forged')",
      "created_at = created_at + interval '1 second'",
      "public_key = repeat('a', 43)",
      "signature = repeat('a', 86)",
    ],
  };
  /** Nothing of what stands in the database is left to compare with: only what was kept elsewhere. */
  const withoutAnchor = () =>
    admin("delete from app.audit_anchor where organization_id = $1", [organizationId]);

  const tampers: readonly (readonly [string, number, () => Promise<string>])[] = [
    [
      "edit",
      60,
      async () => {
        const table = pick(["audit_event", "audit_event", "audit_event", ...tables]);
        const set = pick(sets[table] ?? []);
        const byNumber = table !== "audit_head" && table !== "audit_anchor";
        if (byNumber) {
          const row = await rowOf(table);
          const which =
            table === "audit_subject" ? `ctid = (select min(ctid) from app.${table} where ${one})` : one;
          await admin(`update app.${table} set ${set} where ${which}`, [organizationId, row]);
          return `${table} ${row}: ${set}`;
        }
        await admin(`update app.${table} set ${set} where organization_id = $1`, [organizationId]);
        return `${table}: ${set}`;
      },
    ],
    [
      "delete",
      15,
      async () => {
        const table = pick(["audit_event", "audit_subject", "audit_origin"]);
        const row = await rowOf(table);
        await admin(`delete from app.${table} where ${one}`, [organizationId, row]);
        return `${table} ${row}`;
      },
    ],
    [
      "swap",
      8,
      async () => {
        const a = 1 + random(length - 1);
        const b = a + 1 + random(length - a);
        for (const [from, to] of [
          [a, 1_000_000],
          [b, a],
          [1_000_000, b],
        ]) {
          await admin(`update app.audit_event set sequence = $3 where ${one}`, [organizationId, from, to]);
        }
        return `${a} and ${b}`;
      },
    ],
    [
      "insert",
      7,
      async () => {
        const at = pick([length + 1, length + 2]);
        await admin(
          `insert into app.audit_event (organization_id, sequence, action, outcome, hash, created_at)
           values ($1, $2, 'user.forged', 'success', sha256('forged'), date_trunc('milliseconds', now()))`,
          [organizationId, at],
        );
        return `at ${at}`;
      },
    ],
    [
      "cut the tail",
      5,
      async () => {
        const from = 2 + random(length - 1);
        for (const table of ["audit_event", "audit_subject", "audit_origin"]) {
          await admin(`delete from app.${table} where organization_id = $1 and sequence >= $2`, [
            organizationId,
            from,
          ]);
        }
        await rechain(admin, organizationId);
        await withoutAnchor();
        return `from ${from}`;
      },
    ],
    [
      "rewrite all",
      5,
      async () => {
        const row = 1 + random(length);
        const set = pick([
          "action = 'user.forged'",
          "actor_id = app.uuidv7()",
          `details = '{"forged":true}'`,
        ]);
        await admin(`update app.audit_event set ${set} where ${one}`, [organizationId, row]);
        await admin(
          "update app.audit_subject set action = 'user.forged' where organization_id = $1 and sequence = $2 and $3",
          [organizationId, row, set.startsWith("action")],
        );
        await admin(
          `update app.audit_origin o set person_id = coalesce(e.actor_id, e.subject_ids[1]) from app.audit_event e
           where e.organization_id = $1 and e.sequence = $2 and o.organization_id = $1 and o.sequence = $2`,
          [organizationId, row],
        );
        await rechain(admin, organizationId);
        await withoutAnchor();
        return `${row}: ${set}`;
      },
    ],
  ];

  test(`${TAMPERS.toLocaleString("en")} tampers by the superuser, edits, deletions, swaps, insertions, cut tails and rewritten chains, are all found`, async () => {
    expect(await brokenAt(deps, organizationId, anchors)).toBeNull();
    const weights = tampers.flatMap(([, weight], at) => Array.from({ length: weight }, () => at));
    const undetected: string[] = [];
    const counts: Record<string, number> = {};
    for (let round = 0; round < TAMPERS; round++) {
      const [name, , tamper] = tampers[pick(weights)] ?? ["", 0, async () => ""];
      const what = await tamper();
      counts[name] = (counts[name] ?? 0) + 1;
      if ((await brokenAt(deps, organizationId, anchors)) === null) undetected.push(`${name} ${what}`);
      await restore();
    }
    expect(undetected).toEqual([]);
    expect(Object.keys(counts).sort()).toEqual(tampers.map(([name]) => name).sort());
    expect(await brokenAt(deps, organizationId, anchors)).toBeNull();
  }, 180_000);

  test("without what was kept elsewhere a cut tail and a rewritten chain would pass, and the anchor finds nothing else", async () => {
    for (const name of ["cut the tail", "rewrite all"]) {
      const tamper = tampers.find(([other]) => other === name)?.[2];
      await tamper?.();
      expect(await brokenAt(deps, organizationId)).toBeNull();
      expect(await brokenAt(deps, organizationId, anchors)).not.toBeNull();
      await restore();
    }
  });

  test("the first bad place is named", async () => {
    await admin(`update app.audit_event set action = 'user.forged' where ${one}`, [organizationId, 17]);
    expect(await brokenAt(deps, organizationId, anchors)).toEqual({
      sequence: 17,
      what: "the event was altered",
    });
    await restore();
    await admin(`delete from app.audit_event where ${one}`, [organizationId, 9]);
    expect(await brokenAt(deps, organizationId, anchors)).toEqual({ sequence: 9, what: "it is missing" });
    await restore();
  });

  test("a head that does not hold is not signed, and the operator is told", async () => {
    await admin(`update app.audit_event set action = 'user.forged' where ${one}`, [organizationId, 40]);
    await withoutAnchor();
    expect(await signHead(deps, organizationId)).toBeNull();
    expect(app.lines.splice(0)).toMatchObject([
      { event: "audit_broken", organizationId, finding: "event 40: the event was altered" },
    ]);
    await restore();
    expect(await signHead(deps, organizationId)).toBeNull();
    expect(app.lines).toEqual([]);
  });
});

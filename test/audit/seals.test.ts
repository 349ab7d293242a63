/** What becomes of events that were kept long enough, and of where they came from. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sealAudit } from "../../jobs/seal-audit.ts";
import { type AuditKind, auditIn } from "../../src/audit/audit.ts";
import type { Anchor, Link } from "../../src/chain.ts";
import { readChain, sealOutdated, signHead } from "../../src/chains/chains.ts";
import { withTenant } from "../../src/db.ts";
import { domain } from "../support/domain.ts";
import { age, brokenAt, eventOf, fill, origin } from "./support.ts";

const app = await domain();
const { deps } = app;
const { admin, db } = app.database;
afterAll(app.close);

const people = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
const [person = ""] = people;
/** With these the session events of a year ago are outdated, and nothing else is. */
const KEPT: Readonly<Record<AuditKind, number | null>> = {
  session: 365,
  security: 730,
  record: 1825,
  disclosure: 1825,
  erasure: null,
};
const ALL = { ...KEPT, security: 365, record: 365, disclosure: 365 };

beforeAll(() => admin("alter table app.audit_event disable trigger keep"));

async function sealAll(organizationId: string, days = KEPT): Promise<number> {
  let count = 0;
  for (let sealed = -1; sealed !== 0; count += sealed)
    sealed = await sealOutdated(deps, organizationId, days);
  return count;
}

interface Row {
  readonly first: number;
  readonly last: number;
  readonly actions: Readonly<Record<string, number>>;
}
const sealsOf = (organizationId: string) =>
  admin<Row>(
    `select first_sequence::int as first, last_sequence::int as last, actions from app.audit_seal
     where organization_id = $1 order by 1`,
    [organizationId],
  );
const countOf = async (table: string, organizationId: string) =>
  (
    await admin<{ n: number }>(`select count(*)::int as n from app.${table} where organization_id = $1`, [
      organizationId,
    ])
  )[0]?.n;

describe("sealing [row 113]", () => {
  test("puts one signed row in the place of each run of outdated events, with what lay beside them, and the chain holds", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await age(admin, organizationId, 400);
    // Every fifth is a session event; the other four are kept for longer.
    expect(await sealAll(organizationId)).toBe(4);
    expect(await sealsOf(organizationId)).toMatchObject(
      [1, 6, 11, 16].map((at) => ({ first: at, last: at, actions: { "session.opened": 1 } })),
    );
    expect(await countOf("audit_event", organizationId)).toBe(16);
    const beside = await admin(
      `select from app.audit_subject s full join app.audit_origin o using (organization_id, sequence)
       where organization_id = $1 and sequence in (1, 6, 11, 16)`,
      [organizationId],
    );
    expect(beside).toEqual([]);
    expect(await brokenAt(deps, organizationId)).toBeNull();
    expect(await sealAll(organizationId)).toBe(0);
  });

  test("joins neighbours once what stood between them is outdated too", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await age(admin, organizationId, 400);
    await sealAll(organizationId);
    expect(await sealAll(organizationId, ALL)).toBe(16);
    expect(await sealsOf(organizationId)).toMatchObject([
      {
        first: 1,
        last: 20,
        actions: {
          "session.opened": 4,
          "session.refused": 4,
          "user.listed": 4,
          "user.changed": 4,
          "api_key.created": 4,
        },
      },
    ]);
    expect(await countOf("audit_event", organizationId)).toBe(0);
    expect(await brokenAt(deps, organizationId)).toBeNull();
    // What comes later follows the seal.
    await fill(db, organizationId, people, 5);
    expect(await brokenAt(deps, organizationId)).toBeNull();
  });

  test("leaves alone what is younger, what is kept for ever, and other organizations", async () => {
    const [organizationId, other] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    for (const each of [organizationId, other]) {
      await fill(db, each, people, 10);
      await withTenant(db, { organizationId: each, userId: null }, (tx) =>
        auditIn(tx, each, { action: "erasure.finished", outcome: "success", subjectId: Bun.randomUUIDv7() }),
      );
      await fill(db, each, people, 5);
      await age(admin, each, 400, 11);
    }
    expect(await sealAll(organizationId, ALL)).toBe(10);
    expect(await sealsOf(organizationId)).toMatchObject([{ first: 1, last: 10 }]);
    expect(await countOf("audit_event", organizationId)).toBe(6);
    expect(await countOf("audit_event", other)).toBe(16);
    expect(await brokenAt(deps, organizationId)).toBeNull();
    // The database itself lets nothing go that is younger than a month, whatever it is told.
    const none = { session: 0, security: 0, record: 0, disclosure: 0, erasure: null };
    await expect(sealOutdated(deps, organizationId, none)).rejects.toThrow("cannot be sealed");
    expect(await countOf("audit_event", organizationId)).toBe(6);
  });

  test("does not make a broken chain look whole", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await age(admin, organizationId, 400);
    await admin(
      "update app.audit_event set actor_id = app.uuidv7() where organization_id = $1 and sequence = 6",
      [organizationId],
    );
    expect(await sealAll(organizationId, ALL)).toBe(0);
    expect(app.lines.splice(0)).toMatchObject([
      { event: "audit_broken", organizationId, finding: "event 6: the event was altered" },
    ]);
    expect(await brokenAt(deps, organizationId)).toMatchObject({ sequence: 6 });
  });

  test("every change of a seal is found, and one that is taken away", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await age(admin, organizationId, 400, 10);
    await sealAll(organizationId, ALL);
    const where = `where organization_id = '${organizationId}'`;
    await admin(`create table public.seal as select * from app.audit_seal ${where}`);
    const forged = [
      "first_sequence = 2",
      "last_sequence = 9",
      "created_at = created_at - interval '1 second'",
      "first_at = first_at - interval '1 second'",
      "last_at = last_at + interval '1 second'",
      "previous = sha256('')",
      "hash = sha256('')",
      `actions = '{"session.opened":10}'`,
      "public_key = repeat('a', 43)",
      "signature = repeat('a', 86)",
    ];
    for (const set of forged) {
      await admin(`update app.audit_seal set ${set} ${where}`);
      expect([set, await brokenAt(deps, organizationId)]).not.toEqual([set, null]);
      await admin(
        `delete from app.audit_seal ${where}; insert into app.audit_seal select * from public.seal`,
      );
    }
    expect(await brokenAt(deps, organizationId)).toBeNull();
    await admin(`delete from app.audit_seal ${where}`);
    expect(await brokenAt(deps, organizationId)).toEqual({ sequence: 1, what: "it is missing" });
  });

  test("anchors of before still hold: at the end of a seal they are compared, within one its signature answers", async () => {
    const organizationId = Bun.randomUUIDv7();
    const anchors: Anchor[] = [];
    const sign = async () => {
      const signed = await signHead(deps, organizationId);
      if (signed !== null) anchors.push(signed);
    };
    await fill(db, organizationId, people, 10);
    await age(admin, organizationId, 400);
    await sign();
    await sealAll(organizationId, ALL);
    await fill(db, organizationId, people, 10);
    await sign();
    expect(anchors.map(({ sequence }) => sequence)).toEqual([10, 20]);
    expect(await brokenAt(deps, organizationId, anchors)).toBeNull();
    const [first] = anchors as [Anchor];
    expect(await brokenAt(deps, organizationId, [{ ...first, hash: "0".repeat(64) }])).toMatchObject({
      sequence: 10,
    });
  });

  test("the job seals by what each organization has settled", async () => {
    const [long, short] = [await app.it.organization(), await app.it.organization()];
    for (const { id, token } of [long, short]) {
      if (id === short.id) {
        await app.request("PATCH", "/v1/organization", {
          token,
          headers: { "if-match": "*" },
          body: { settings: { auditSessionDays: 30 } },
        });
      }
      await age(admin, id, 40);
    }
    await sealAudit(deps, {
      id: Bun.randomUUIDv7(),
      payload: {},
      attempt: 1,
      lastAttempt: false,
      signal: new AbortController().signal,
    });
    expect(await sealsOf(long.id)).toEqual([]);
    expect((await sealsOf(short.id)).map(({ actions }) => actions)).toEqual([{ "session.opened": 1 }]);
    expect(await brokenAt(deps, short.id)).toBeNull();
  });
});

describe("where it came from [row 113]", () => {
  const chainOf = async (organizationId: string) => {
    const links: Link[] = [];
    for await (const link of readChain(deps, organizationId)) links.push(link);
    return links;
  };

  test("may be taken out for a person who is erased, and the chain tells nothing of it any more", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await withTenant(db, { organizationId, userId: person }, (tx) =>
      auditIn(tx, organizationId, { ...eventOf(0, people), origin: { ...origin, address: "198.51.100.77" } }),
    );
    await withTenant(db, { organizationId, userId: null }, (tx) =>
      auditIn(tx, organizationId, { action: "erasure.requested", outcome: "success", subjectId: person }),
    );
    await admin("delete from app.audit_origin where organization_id = $1 and person_id = $2", [
      organizationId,
      person,
    ]);
    expect(await brokenAt(deps, organizationId)).toBeNull();
    expect(JSON.stringify(await chainOf(organizationId))).not.toContain("198.51.100.77");
    // Of the others it is still there, and still bound.
    expect(await countOf("audit_origin", organizationId)).toBeGreaterThan(0);
    await admin("update app.audit_origin set address = '198.51.100.1' where organization_id = $1", [
      organizationId,
    ]);
    expect(await brokenAt(deps, organizationId)).toMatchObject({ what: "where it came from was altered" });
  });

  test("that is gone although nobody was erased is found", async () => {
    const organizationId = Bun.randomUUIDv7();
    await fill(db, organizationId, people, 20);
    await admin("delete from app.audit_origin where organization_id = $1 and person_id = $2", [
      organizationId,
      person,
    ]);
    expect(await brokenAt(deps, organizationId)).toMatchObject({
      what: "where it came from is gone, and nobody was erased",
    });
  });
});

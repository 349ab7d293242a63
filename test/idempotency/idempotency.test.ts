import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import type { Statement, TenantTx } from "../../sql/tx.ts";
import type { Actor } from "../../src/actor.ts";
import { openDb, withTenant } from "../../src/db.ts";
import { refusal } from "../../src/errors.ts";
import type { App } from "../../src/http/app.ts";
import { answer, endpointFor } from "../../src/http/endpoint.ts";
import { uuid } from "../../src/http/wire.ts";
import { prune } from "../../src/idempotency/idempotency.ts";
import { openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";
import { EVERYBODY, type Got, ORGANIZATION, OTHER, type Sent, send, shell, slugOf } from "../http/support.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";

const tooShort = refusal("invalid", "idempotency_test_too_short", "Too short");

let database: TestDatabase;
const opened: App[] = [];
/** How often the effect was tried in a transaction, committed or not. */
let tried = 0;

const insert: Statement = {
  name: "test/insert_trial",
  text: "insert into app.trial (organization_id, trial_id, title) values (app.org(), $1, $2)",
};
const store = (tx: TenantTx, id: string, title: string) => tx.send(insert, [id, title]);

const trial = Type.Object({ id: uuid(), title: Type.String(), token: Type.String() });

const make = endpointFor(EVERYBODY, {
  method: "POST",
  path: "/v1/trials",
  tag: "trials",
  summary: "Make a trial",
  body: Type.Object({ title: Type.String() }),
  answers: { 201: trial },
  versioned: false,
  refusals: [tooShort],
  handle: ({ deps, actor, body }) =>
    withTenant(deps.db, actor, async (tx) => {
      tried++;
      const id = Bun.randomUUIDv7();
      await store(tx, id, body.title);
      if (body.title === "short") throw tooShort();
      return { id, title: body.title, token: `token-of-${id}` };
    }),
  present: (row) =>
    answer(row, {
      headers: { location: `/v1/trials/${row.id}` },
      cookies: { session: { value: row.token, maxAgeSeconds: 60 } },
    }),
});

const found = endpointFor("public", {
  method: "POST",
  path: "/v1/foundations",
  tag: "trials",
  summary: "Make an organization",
  body: Type.Object({ title: Type.String() }),
  answers: { 201: Type.Object({ id: uuid() }) },
  handle: ({ deps, body, newId, around }) => {
    const organizationId = newId();
    const tenant = { organizationId, userId: null, ...(around === undefined ? {} : { around }) };
    return withTenant(deps.db, tenant, async (tx) => {
      tried++;
      await store(tx, organizationId, body.title);
      return { id: organizationId };
    });
  },
  present: (made) => made,
});

const leaky = endpointFor(EVERYBODY, {
  method: "POST",
  path: "/v1/leaks",
  tag: "trials",
  summary: "Answer what is not declared",
  answers: { 201: Type.Object({ id: uuid() }) },
  handle: ({ deps, actor }) =>
    withTenant(deps.db, actor, async (tx) => {
      await store(tx, Bun.randomUUIDv7(), "leak");
      return { id: "not an id" };
    }),
  present: (made) => made,
});

const actors: Record<string, Actor> = {};
for (const [token, organizationId, userId] of [
  ["ada", ORGANIZATION, "01931e5a-0000-7000-8000-0000000000a1"],
  ["bob", ORGANIZATION, "01931e5a-0000-7000-8000-0000000000b1"],
  ["eve", OTHER, "01931e5a-0000-7000-8000-0000000000e1"],
] as const) {
  const generations = { organization: 1, users: 1, contents: 1 };
  actors[token] = {
    organizationId,
    userId,
    role: "teacher",
    credential: "session",
    sessionId: userId,
    scopes: null,
    fresh: true,
    freshUntil: new Date(),
    mustEnrol: false,
    requestsPerMinute: null,
    generations,
  };
}

const SECRET = "the first secret of these tests 0123456789";
const NEXT = "the second secret of these tests 9876543210";

function node(secrets = [SECRET], db = database.db): App {
  const app = shell([make, found, leaky], {
    deps: { db, keys: openKeys(secrets) },
    authenticate: async (_, token) => actors[token] ?? null,
  });
  opened.push(app);
  return app;
}

let app: App;
beforeAll(async () => {
  database = await testDatabase({ lockTimeoutMs: 300 });
  await database.admin(
    "create table app.trial (organization_id uuid not null, trial_id uuid primary key, title text not null)",
  );
  await database.admin("grant select, insert on app.trial to satchel_request");
  app = node();
});
afterEach(async () => {
  tried = 0;
  await database.admin("truncate app.trial, app.idempotency");
});
afterAll(async () => {
  for (const each of opened) each.close();
  await database.close();
});

const post = (
  key: string | null,
  title: string,
  sent: Sent = {},
  to = app,
  path = "/v1/trials",
): Promise<Got> =>
  send(to, path, {
    token: "ada",
    json: { title },
    ...sent,
    headers: { ...(key === null ? {} : { "idempotency-key": key }), ...sent.headers },
  });

const stored = async (): Promise<number> => {
  const [row] = await database.admin<{ n: number }>("select count(*)::int as n from app.trial");
  return row?.n ?? -1;
};
const replayed = ({ headers }: Got) => headers.get("idempotency-replayed");

describe("a POST with an Idempotency-Key", () => {
  test("takes effect once, and is answered alike: status, body, headers and cookies [row 108]", async () => {
    const first = await post("k1", "one");
    const second = await post("k1", "one");
    expect([first.status, replayed(first)]).toEqual([201, null]);
    expect([second.status, replayed(second)]).toEqual([201, "true"]);
    expect(second.text).toBe(first.text);
    for (const name of ["location", "content-type"])
      expect(second.headers.get(name)).toBe(first.headers.get(name));
    expect(second.headers.getSetCookie()).toEqual(first.headers.getSetCookie());
    expect(second.headers.getSetCookie()[0]).toContain(String(first.json.token));
    expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
    expect([await stored(), tried]).toEqual([1, 1]);
  });

  test("without one takes effect each time", async () => {
    await post(null, "one");
    await post(null, "one");
    expect(await stored()).toBe(2);
  });

  test("that comes again with another body is refused, and changes nothing [row 108]", async () => {
    await post("k1", "one");
    const other = await post("k1", "two");
    expect([other.status, slugOf(other)]).toEqual([422, "idempotency_key_reused"]);
    expect([await stored(), tried]).toEqual([1, 1]);
  });

  test("of another person, organization or route is another key [row 108]", async () => {
    const answers = [
      await post("k1", "one"),
      await post("k1", "one", { token: "bob" }),
      await post("k1", "one", { token: "eve" }),
      await post("k1", "one", { token: null }, app, "/v1/foundations"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(answers.map(replayed)).toEqual([null, null, null, null]);
    expect(await stored()).toBe(4);
  });

  test("that was refused leaves nothing behind and is looked at again", async () => {
    for (let at = 0; at < 2; at++) {
      const got = await post("k1", "short");
      expect([got.status, slugOf(got)]).toEqual([422, "idempotency_test_too_short"]);
    }
    expect([tried, await stored()]).toEqual([2, 0]);
    expect(await database.admin("select from app.idempotency")).toEqual([]);
    expect((await post("k1", "long enough")).status).toBe(201);
  });

  test("whose answer does not fit its schema is rolled back with it", async () => {
    const got = await send(app, "/v1/leaks", {
      token: "ada",
      method: "POST",
      headers: { "idempotency-key": "k1" },
    });
    expect(got.status).toBe(500);
    expect(await stored()).toBe(0);
  });

  test("must be 1 to 255 visible characters", async () => {
    for (const key of ["", "a b", "x".repeat(256), "ü"]) {
      const got = await post(key, "one");
      expect([key, got.status, slugOf(got)]).toEqual([key, 400, "malformed_header"]);
    }
    expect((await post("x".repeat(255), "one")).status).toBe(201);
  });
});

describe("many at once", () => {
  test("1,000 equal requests have one effect and one answer [row 108]", async () => {
    const answers = await Promise.all(Array.from({ length: 1000 }, () => post("k1", "one")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((got) => replayed(got) === null)).toHaveLength(1);
    expect([await stored(), tried]).toEqual([1, 1]);
  }, 20_000);

  test("on several nodes they have one effect too [row 108] [row 116]", async () => {
    const pools = await Promise.all(
      [0, 1, 2].map(() => openDb({ url: database.requestUrl, log: silentLog, lockTimeoutMs: 2000 })),
    );
    const nodes = pools.map((db) => node([SECRET], db));
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(
        nodes.flatMap((each) => [0, 1].map(() => post(`k${round}`, "one", {}, each))),
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201]);
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    }
    expect(await stored()).toBe(20);
    await Promise.all(pools.map((db) => db.close()));
  }, 20_000);

  test("when the first is refused the next one is tried, one after the other", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => post("k1", "short")));
    expect(new Set(answers.map(slugOf))).toEqual(new Set(["idempotency_test_too_short"]));
    expect([tried, await stored()]).toEqual([20, 0]);
  });

  test("while another node works on it for long, the caller is told so", async () => {
    await post("k1", "one");
    const [row] = await database.admin<{
      organization_id: string;
      key_hash: Uint8Array;
      request_hash: Uint8Array;
    }>("delete from app.idempotency returning organization_id, key_hash, request_hash");
    const { promise, resolve } = Promise.withResolvers<void>();
    const claimed = Promise.withResolvers<void>();
    // A node that has claimed the key and not committed yet.
    const other = withTenant(database.db, { organizationId: ORGANIZATION, userId: null }, async (tx) => {
      await tx.send(
        {
          name: "test/claim",
          text: "insert into app.idempotency (organization_id, key_hash, request_hash) values (app.org(), $1, $2)",
        },
        [row?.key_hash, row?.request_hash],
      );
      claimed.resolve();
      await promise;
      throw tooShort();
    }).catch(() => null);
    await claimed.promise;
    const got = await post("k1", "one");
    resolve();
    await other;
    expect([got.status, slugOf(got)]).toEqual([409, "idempotency_key_in_use"]);
    expect((await post("k1", "one")).status).toBe(201);
  });
});

describe("who is nobody yet", () => {
  test("gets the same organization again: its id is made from the key", async () => {
    const ask = (key: string, title: string) => post(key, title, { token: null }, app, "/v1/foundations");
    const first = await ask("k1", "one");
    const second = await ask("k1", "one");
    expect([second.status, replayed(second), second.text]).toEqual([201, "true", first.text]);
    expect(first.json.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(slugOf(await ask("k1", "two"))).toBe("idempotency_key_reused");
    expect((await ask("k2", "one")).json.id).not.toBe(first.json.id);
    expect(await stored()).toBe(2);
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask("k3", "three")));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await stored()).toBe(3);
  });
});

describe("what is kept", () => {
  test("tells nothing without the caller's own key: neither the answer nor the key can be read", async () => {
    const first = await post("a-rather-secret-key", "one");
    const [row] = await database.admin<{
      key_hash: Uint8Array;
      request_hash: Uint8Array;
      answer: Uint8Array;
    }>("select * from app.idempotency");
    const all = Buffer.concat(
      [row?.key_hash ?? [], row?.request_hash ?? [], row?.answer ?? []].map(Buffer.from),
    );
    for (const secret of [String(first.json.token), "a-rather-secret-key", "one", "location"]) {
      expect(all.includes(secret)).toBe(false);
      expect(all.toString("base64").includes(Buffer.from(secret).toString("base64").replace(/=+$/, ""))).toBe(
        false,
      );
    }
    const bodyHash = new Bun.CryptoHasher("sha256").update(JSON.stringify({ title: "one" })).digest();
    expect(Buffer.from(row?.request_hash ?? []).equals(bodyHash)).toBe(false);
  });

  test("cannot be moved to another key: it is sealed to its own", async () => {
    await post("k1", "one");
    await post("k2", "one");
    await database.admin(
      "update app.idempotency set answer = (select answer from app.idempotency i where i.key_hash <> app.idempotency.key_hash)",
    );
    expect((await post("k1", "one")).status).toBe(500);
  });

  test("survives the rotation of the secret", async () => {
    const first = await post("k1", "one");
    const rotated = node([NEXT, SECRET]);
    const again = await post("k1", "one", {}, rotated);
    expect([again.status, replayed(again), again.text]).toEqual([201, "true", first.text]);
    expect(slugOf(await post("k1", "two", {}, rotated))).toBe("idempotency_key_reused");
    await post("k2", "one", {}, rotated);
    expect(replayed(await post("k2", "one", {}, node([NEXT])))).toBe("true");
    expect(await stored()).toBe(2);
  });

  test("is removed after a day, in batches, of the own organization only", async () => {
    for (const key of ["k1", "k2", "k3", "k4"]) await post(key, key);
    await post("k1", "one", { token: "eve" });
    await database.admin("update app.idempotency set created_at = now() - interval '25 hours'");
    await post("k5", "new");
    const tenant = { organizationId: ORGANIZATION, userId: null };
    const once = (limit: number) =>
      withTenant(database.db, tenant, (tx) => prune(tx, { organizationId: ORGANIZATION, limit }));
    expect(await once(3)).toBe(3);
    expect(await once(3)).toBe(1);
    expect(await once(3)).toBe(0);
    const left = await database.admin<{ organization_id: string }>(
      "select organization_id from app.idempotency order by organization_id",
    );
    expect(left.map(({ organization_id }) => organization_id)).toEqual([ORGANIZATION, OTHER]);
  });
});

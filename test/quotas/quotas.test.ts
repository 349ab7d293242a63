/** What an organization may use: counted exactly, held exactly, also when everybody comes at once. */
import { afterAll, describe, expect, test } from "bun:test";
import { importContents } from "../../src/contents/contents.ts";
import { openDb, withTenant } from "../../src/db.ts";
import { closeDeps, openDeps } from "../../src/deps.ts";
import { endpoints } from "../../src/endpoints.ts";
import { Refusal } from "../../src/errors.ts";
import { buildApp } from "../../src/http/app.ts";
import { authenticate } from "../../src/http/authentication.ts";
import { importPeople } from "../../src/imports/imports.ts";
import { allUsages, requirePeopleQuotaIn, setQuota, usageOf } from "../../src/quotas/quotas.ts";
import { requestOf } from "../support/app.ts";
import { domain, refusedBy } from "../support/domain.ts";
import type { GivenOrganization } from "../support/given.ts";

const app = await domain();
const { it, request, deps } = app;
const { admin } = app.database;
afterAll(app.close);

const db = await openDb({ url: app.database.requestUrl, log: deps.log });
const there = await openDeps({ config: deps.config, db, keys: deps.keys, log: deps.log, release: "test" });
const otherNode = buildApp({ deps: there, endpoints, authenticate, probes: { ready: () => db.check(200) } });
afterAll(async () => {
  otherNode.close();
  await closeDeps(there);
  await db.close();
});

let n = 0;
const newcomer = () => ({ fullName: "New", username: `new-${++n}` });
const add = (token: string, body: object = newcomer()) =>
  request<{ id: string; type?: string }>("POST", "/v1/users", { token, body });
const slugOf = (answer: { body: { type?: string } }) => answer.body.type?.replace("urn:satchel:problem:", "");
const usage = async ({ token }: GivenOrganization) =>
  (
    await request<{
      people: { used: number; allowed: number | null };
      storageBytes: { used: number; allowed: number | null };
      requestsPerMinute: { used: number; allowed: number | null };
    }>("GET", "/v1/organization/usage", { token })
  ).body;

/** Asks as often as it takes: 503 says that nothing was done, and to try again. */
async function answered(ask: () => Promise<number>): Promise<number> {
  for (;;) {
    const status = await ask();
    if (status !== 503) return status;
  }
}

/** What is there, counted the long way. */
async function counted(organizationId: string) {
  const [row] = await admin<{ people: number; bytes: number }>(
    `select (select count(*)::int from app.user where organization_id = $1 and deleted_at is null) as people,
       (select coalesce(sum(octet_length(title) + octet_length(description) + octet_length(body)
          + octet_length(metadata::text) + octet_length(settings::text)), 0)::int
        from app.content where organization_id = $1 and deleted_at is null) as bytes`,
    [organizationId],
  );
  return row;
}

describe("people", () => {
  test("are counted as they come, go and come back, whoever writes, and not when nothing comes of it", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    expect((await usage(house)).people).toEqual({ used: 1, allowed: null });
    const { id } = (await add(house.token)).body;
    await add(house.token, { ...newcomer(), status: "pending" });
    expect((await usage(house)).people.used).toBe(3);
    await request("DELETE", `/v1/users/${id}`, { token: house.token });
    expect((await usage(house)).people.used).toBe(2);
    await request("POST", `/v1/users/${id}/restore`, { token: house.token });
    expect((await usage(house)).people.used).toBe(3);
    // Refused, and rolled back.
    await add(house.token, { fullName: "X", username: house.admin.username });
    const fails = withTenant(deps.db, { organizationId: house.id, userId: null }, async () => {
      throw new Error("never mind");
    });
    await expect(fails).rejects.toThrow("never mind");
    expect((await usage(house)).people.used).toBe(3);
    // Past every door.
    await app.as(
      house.id,
      "insert into app.user (organization_id, username, full_name) select $1, 'raw-' || i, 'Raw' from generate_series(1, 50) i",
      [house.id],
    );
    await app.as(
      house.id,
      `update app.user set deleted_at = now(), deletion_id = app.uuidv7()
       where organization_id = $1 and username in ('raw-1', 'raw-2')`,
      [house.id],
    );
    await admin("delete from app.user where organization_id = $1 and username in ('raw-2', 'raw-3')", [
      house.id,
    ]);
    expect((await usage(house)).people.used).toBe(50);
    expect((await counted(house.id))?.people).toBe(50);
    expect((await usage(other)).people.used).toBe(1);
  });

  test("up to the quota are let in, and not one more, by adding or by bringing back; leaving makes room", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    await setQuota(deps, house.id, { people: 3 });
    const first = await add(house.token);
    const second = await add(house.token);
    expect([first.status, second.status]).toEqual([201, 201]);
    const third = await add(house.token);
    expect([third.status, slugOf(third)]).toEqual([409, "quota_people_reached"]);
    await request("DELETE", `/v1/users/${first.body.id}`, { token: house.token });
    expect((await add(house.token)).status).toBe(201);
    const back = await request<{ type: string }>("POST", `/v1/users/${first.body.id}/restore`, {
      token: house.token,
    });
    expect([back.status, slugOf(back)]).toEqual([409, "quota_people_reached"]);
    expect((await usage(house)).people).toEqual({ used: 3, allowed: 3 });
    expect((await add(other.token)).status).toBe(201);
  });

  test("two hundred at once, over two nodes, against ten places are ten", async () => {
    const house = await it.organization();
    await setQuota(deps, house.id, { people: 11 });
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, at) => {
        if (at % 2 === 0) return (await add(house.token)).status;
        const sent = requestOf("POST", { token: house.token, body: newcomer() });
        return (await otherNode.handle(new Request("http://localhost/v1/users", sent))).status;
      }),
    );
    // Who found no connection in time was neither let in nor refused.
    expect(answers.filter((status) => ![201, 409, 503].includes(status))).toEqual([]);
    expect(answers.filter((status) => status === 201)).toHaveLength(10);
    expect((await counted(house.id))?.people).toBe(11);
    expect((await usage(house)).people).toEqual({ used: 11, allowed: 11 });
  });

  test("of a batch that is one too large, none", async () => {
    const house = await it.organization();
    await setQuota(deps, house.id, { people: 5 });
    const batch = (count: number) =>
      app.as(
        house.id,
        "insert into app.user (organization_id, username, full_name) select $1, 'b-' || i, 'B' from generate_series(1, $2::int) i",
        [house.id, count],
      );
    expect(await refusedBy(batch(5))).toEqual({ code: "23514", constraint: "quota_people_reached" });
    expect((await counted(house.id))?.people).toBe(1);
    expect(await refusedBy(batch(4))).toBeNull();
    const requiring = (adding: number) =>
      withTenant(deps.db, { organizationId: house.id, userId: null }, (tx) =>
        requirePeopleQuotaIn(tx, house.id, adding),
      );
    await requiring(0);
    await expect(requiring(1)).rejects.toThrow("quota_people_reached");
  });

  test("beyond a quota that was lowered stay, change and leave; only nobody comes", async () => {
    const house = await it.organization();
    const { id } = (await add(house.token)).body;
    await add(house.token);
    await setQuota(deps, house.id, { people: 1 });
    expect(slugOf(await add(house.token))).toBe("quota_people_reached");
    const headers = { "if-match": "*" };
    const changed = await request("PATCH", `/v1/users/${id}`, {
      token: house.token,
      headers,
      body: { fullName: "Other" },
    });
    expect(changed.status).toBe(200);
    expect((await request("DELETE", `/v1/users/${id}`, { token: house.token })).status).toBe(204);
    expect((await usage(house)).people).toEqual({ used: 2, allowed: 1 });
    await setQuota(deps, house.id, { people: null });
    expect((await add(house.token)).status).toBe(201);
  });
});

describe("storage", () => {
  const lesson = (token: string, body: object) =>
    request<{ id: string; type?: string }>("POST", "/v1/contents", {
      token,
      body: { title: `Lesson ${++n}`, ...body },
    });

  test("is that of live lessons, by the byte, however they are written", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    const same = async () =>
      expect((await usage(house)).storageBytes.used).toBe((await counted(house.id))?.bytes ?? -1);
    const { id } = (await lesson(house.token, { body: "ñandú ".repeat(20_000), metadata: { a: 1 } })).body;
    await same();
    const headers = { "if-match": "*" };
    const patch = (body: object) =>
      request("PATCH", `/v1/contents/${id}`, { token: house.token, headers, body });
    await patch({ body: "short", settings: { long: "x".repeat(500) } });
    await same();
    await request("POST", `/v1/contents/${id}/publish`, { token: house.token, headers });
    await same();
    await importContents(
      deps,
      { organizationId: house.id, userId: null },
      Array.from({ length: 30 }, (_, at) => ({
        sourceId: `s${at}`,
        title: `T${at}`,
        slug: `t-${at}`,
        description: "",
        body: "b".repeat(at),
        language: "en",
        tags: [],
        metadata: { at },
      })),
      { publish: true, dryRun: false },
    );
    await same();
    await request("DELETE", `/v1/contents/${id}`, { token: house.token });
    await same();
    await request("POST", `/v1/contents/${id}/restore`, { token: house.token });
    await same();
    expect((await usage(house)).storageBytes.used).toBeGreaterThan(500);
    expect((await usage(other)).storageBytes.used).toBe(0);
  });

  test("is refused beyond the quota, when a lesson is added, made longer or brought back; never when made shorter", async () => {
    const house = await it.organization();
    const { id } = (await lesson(house.token, { body: "x".repeat(1000) })).body;
    await setQuota(deps, house.id, { storageBytes: (await usage(house)).storageBytes.used + 100 });
    const headers = { "if-match": "*" };
    const resize = (length: number) =>
      request<{ type: string }>("PATCH", `/v1/contents/${id}`, {
        token: house.token,
        headers,
        body: { body: "x".repeat(length) },
      });
    expect((await resize(1100)).status).toBe(200);
    const longer = await resize(1101);
    expect([longer.status, slugOf(longer)]).toEqual([409, "quota_storage_reached"]);
    expect(slugOf(await lesson(house.token, { body: "" }))).toBe("quota_storage_reached");
    await setQuota(deps, house.id, { storageBytes: 10 });
    expect((await resize(900)).status).toBe(200);
    await request("DELETE", `/v1/contents/${id}`, { token: house.token });
    expect((await usage(house)).storageBytes.used).toBe(0);
    const back = await request<{ type: string }>("POST", `/v1/contents/${id}/restore`, {
      token: house.token,
    });
    expect([back.status, slugOf(back)]).toEqual([409, "quota_storage_reached"]);
  });

  test("a hundred lessons at once stay within the quota, and as many as fit are there", async () => {
    const house = await it.organization();
    await setQuota(deps, house.id, { storageBytes: 10_000 });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        answered(async () => (await lesson(house.token, { title: "Title", body: "x".repeat(491) })).status),
      ),
    );
    expect(answers.filter((status) => ![201, 409].includes(status))).toEqual([]);
    // 5 of the title, 491 of the body, and two empty documents.
    expect(answers.filter((status) => status === 201)).toHaveLength(20);
    expect((await usage(house)).storageBytes).toEqual({ used: 10_000, allowed: 10_000 });
  });
});

describe("the operator's limits", () => {
  test("are set one by one, kept when not named, lifted by null, and recorded and audited with old and new [row 9]", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    expect(await setQuota(deps, house.id, { people: 10, storageBytes: 2 ** 40 })).toEqual({
      people: 10,
      storageBytes: 2 ** 40,
      requestsPerMinute: null,
    });
    expect(await setQuota(deps, house.id, { requestsPerMinute: 600, people: null })).toEqual({
      people: null,
      storageBytes: 2 ** 40,
      requestsPerMinute: 600,
    });
    expect((await usage(house)).requestsPerMinute).toEqual({ used: expect.any(Number), allowed: 600 });
    expect((await usage(other)).requestsPerMinute).toEqual({
      used: expect.any(Number),
      allowed: deps.config.organizationRequestsPerMinute,
    });
    expect((await usageOf(deps, other.id)).allowed).toEqual({
      people: null,
      storageBytes: null,
      requestsPerMinute: null,
    });
    expect(
      await admin(
        `select action, before, after from app.history
         where organization_id = $1 and table_name = 'quota' order by history_id`,
        [house.id],
      ),
    ).toMatchObject([
      { action: "insert", before: null, after: { people: 10, storage_bytes: 2 ** 40 } },
      {
        action: "update",
        before: { people: 10, requests_per_minute: null },
        after: { people: null, requests_per_minute: 600 },
      },
    ]);
    const events = await admin<{ details: Record<string, unknown> }>(
      `select details::jsonb as details from app.audit_event
       where organization_id = $1 and action = 'quota.set' order by sequence`,
      [house.id],
    );
    expect(events.map(({ details }) => details)).toEqual([
      {
        peopleBefore: null,
        peopleAfter: 10,
        storageBytesBefore: null,
        storageBytesAfter: 2 ** 40,
        requestsPerMinuteBefore: null,
        requestsPerMinuteAfter: null,
      },
      {
        peopleBefore: 10,
        peopleAfter: null,
        storageBytesBefore: 2 ** 40,
        storageBytesAfter: 2 ** 40,
        requestsPerMinuteBefore: null,
        requestsPerMinuteAfter: 600,
      },
    ]);
  });

  test("of requests hold from the next request on, for everybody of the organization and nobody else", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    const pupil = await it.member(house);
    const ask = (token: string) => request<{ type?: string }>("GET", "/v1/me", { token });
    await setQuota(deps, house.id, { requestsPerMinute: 5 });
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, at) => ask(at % 2 === 0 ? house.token : pupil.token)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refused = await ask(pupil.token);
    expect([refused.status, slugOf(refused)]).toEqual([429, "too_many_requests"]);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    expect((await ask(other.token)).status).toBe(200);
    await setQuota(deps, house.id, { requestsPerMinute: null });
    expect((await ask(pupil.token)).status).toBe(200);
  });

  test("of requests are told beside what is used of them on the node that answers", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    await setQuota(deps, house.id, { requestsPerMinute: 50 });
    const pupil = await it.member(house);
    const before = (await usage(house)).requestsPerMinute.used;
    for (let asked = 0; asked < 9; asked++) await request("GET", "/v1/me", { token: pupil.token });
    const { used, allowed } = (await usage(house)).requestsPerMinute;
    // Some may have come back meanwhile, one in 1.2 seconds.
    expect(used - before).toBeGreaterThan(4);
    expect(used - before).toBeLessThanOrEqual(10);
    expect(allowed).toBe(50);
    expect((await usage(other)).requestsPerMinute.used).toBeLessThan(5);
  });

  test("and what is used are for admins to read, and for nobody to write", async () => {
    const house = await it.organization();
    for (const role of ["student", "teacher", "parent"] as const) {
      const { token } = await it.member(house, role);
      expect((await request("GET", "/v1/organization/usage", { token })).status).toBe(403);
    }
    const forge = app.as(house.id, "update app.usage set people = 0 where organization_id = $1", [house.id]);
    await expect(forge).rejects.toThrow("permission denied");
    const count = app.as(house.id, "select app.use_quota($1::uuid, -100, 0)", [house.id]);
    await expect(count).rejects.toThrow("permission denied");
  });

  test("are listed for every organization, once", async () => {
    const house = await it.organization();
    await setQuota(deps, house.id, { people: 7 });
    const listed: string[] = [];
    for await (const { organizationId, ...row } of allUsages(deps)) {
      listed.push(organizationId);
      if (organizationId !== house.id) continue;
      expect(row).toEqual({
        slug: house.slug,
        status: "active",
        people: 1,
        storageBytes: 0,
        allowed: { people: 7, storageBytes: null, requestsPerMinute: null },
      });
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toContain(house.id);
  });
});

describe("everything at once", () => {
  test("adding, signing up, importing, deleting and bringing back keep the count exact and the quota held", async () => {
    const house = await it.organization();
    await request("PATCH", "/v1/organization", {
      token: house.token,
      headers: { "if-match": "*" },
      body: { settings: { signUp: "code" } },
    });
    const { code } = (
      await request<{ code: string }>("POST", "/v1/organization/sign-up-codes", {
        token: house.token,
        body: { role: "student", uses: 100 },
      })
    ).body;
    const ids: string[] = [];
    for (let count = 0; count < 20; count++) ids.push((await add(house.token)).body.id);
    const [gone, there] = [ids.slice(0, 10), ids.slice(10)];
    for (const id of gone) await request("DELETE", `/v1/users/${id}`, { token: house.token });
    await setQuota(deps, house.id, { people: 25 });
    const tenant = { organizationId: house.id, userId: null };
    const file = (from: number) =>
      ["external_id,full_name", ...Array.from({ length: 8 }, (_, at) => `i${from + at},Imported`)].join("\n");
    const source = async function* (from: number) {
      yield new TextEncoder().encode(file(from));
    };
    const options = { dryRun: false, invite: false, proven: true };
    const { token } = house;
    const statusOf = async (...asked: Parameters<typeof request>) => (await request(...asked)).status;
    const imported = (from: number) =>
      importPeople(deps, tenant, source(from), "csv", options).then(
        () => 200,
        (error: unknown) => {
          if (error instanceof Refusal && error.kind === "unavailable") return 503;
          throw error;
        },
      );
    const outcomes = await Promise.all([
      ...gone.map((id) => answered(() => statusOf("POST", `/v1/users/${id}/restore`, { token }))),
      ...there.map((id) => answered(() => statusOf("DELETE", `/v1/users/${id}`, { token }))),
      ...Array.from({ length: 20 }, newcomer).map((body) =>
        answered(() => statusOf("POST", "/v1/users", { token, body })),
      ),
      ...Array.from({ length: 10 }, newcomer).map((person) => {
        const body = { organization: house.slug, code, password: "seven quiet herons cross the weir" };
        return answered(() => statusOf("POST", "/v1/sign-ups", { body: { ...person, ...body } }));
      }),
      answered(() => imported(0)),
      answered(() => imported(4)),
    ]);
    expect(outcomes.filter((status) => ![200, 201, 202, 204, 409].includes(status))).toEqual([]);
    const { people } = await usage(house);
    expect(people.used).toBe((await counted(house.id))?.people ?? -1);
    expect(people.used).toBeLessThanOrEqual(25);
  });

  test("an import takes the places there are, says of each other line that there is none, and again when rehearsed", async () => {
    const house = await it.organization();
    await setQuota(deps, house.id, { people: 8 });
    const lines = Array.from({ length: 20 }, (_, at) => `p${at},Person ${at}`);
    const run = async (dryRun: boolean) => {
      const reasons: (string | null)[] = [];
      const bytes = async function* () {
        yield new TextEncoder().encode(["external_id,full_name", ...lines].join("\n"));
      };
      const tenant = { organizationId: house.id, userId: null };
      const options = { dryRun, invite: false, proven: true };
      await importPeople(deps, tenant, bytes(), "csv", options, null, (results) => {
        for (const { outcome, reason } of results) reasons.push(outcome === "created" ? null : reason);
      });
      return reasons;
    };
    const expected = [...Array(7).fill(null), ...Array(13).fill("quota_people_reached")];
    expect(await run(true)).toEqual(expected);
    expect((await usage(house)).people.used).toBe(1);
    expect(await run(false)).toEqual(expected);
    expect((await usage(house)).people.used).toBe(8);
  });
});

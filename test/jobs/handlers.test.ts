/** What the jobs do to the rows, handed to their handlers as the queue would: once, twice, late. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { lockOut } from "../../jobs/lock-out.ts";
import { pruneSessionsJob } from "../../jobs/prune-sessions.ts";
import { reindexSearch } from "../../jobs/reindex-search.ts";
import type { Job, JobName, JobPayloads } from "../../src/queue.ts";
import { pruneSecurityEvents } from "../../src/security/security.ts";
import { domain } from "../support/domain.ts";
import type { GivenOrganization, GivenUser } from "../support/given.ts";

const app = await domain();
const { deps, it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
const WRONG = "not what it was at all";

interface Queued {
  readonly id: string;
  readonly data: Record<string, unknown>;
  /** Seconds until it may be taken. */
  readonly wait: number;
}
const queued = (name: JobName) =>
  admin<Queued>(
    "select id, data, extract(epoch from start_after - now())::float8 as wait from pgboss.job where name = $1 order by created_on, id",
    [name],
  );
beforeEach(() => admin("delete from pgboss.job"));

function job<N extends JobName>(
  payload: JobPayloads[N],
  id: string = crypto.randomUUID(),
  signal = new AbortController().signal,
): Job<N> {
  return { id, payload, attempt: 1, lastAttempt: false, signal };
}

describe("lockout [row 99]", () => {
  const fail = async (
    house: GivenOrganization,
    user: Pick<GivenUser, "username">,
    times = 5,
    deviceToken?: string,
  ) => {
    for (let n = 0; n < times; n++) {
      const body = {
        organization: house.slug,
        login: user.username,
        password: WRONG,
        ...(deviceToken === undefined ? {} : { deviceToken }),
      };
      expect((await request("POST", "/v1/sessions", { body })).status).toBe(401);
    }
  };
  const events = async (token: string) =>
    (await request<{ items: readonly Record<string, unknown>[] }>("GET", "/v1/security/events", { token }))
      .body.items;
  const locked = async (house: GivenOrganization, user: Pick<GivenUser, "username">) => {
    await admin("delete from pgboss.job");
    await fail(house, user);
    const [found, ...more] = await queued("lockout");
    if (found === undefined || more.length > 0) throw new Error(`${more.length + 1} jobs`);
    return { id: found.id, payload: found.data as JobPayloads["lockout"] };
  };
  const guard = async (user: GivenUser) =>
    (
      await admin<{ locked_until: Date | null; failed: number }>(
        "select locked_until, (sequence - forgiven_sequence)::int as failed from app.login_guard where user_id = $1",
        [user.id],
      )
    )[0];

  test("the fifth failure enqueues one job, in the transaction that locks; further attempts none", async () => {
    const user = await it.user(school);
    await fail(school, user, 4);
    expect(await queued("lockout")).toEqual([]);
    await fail(school, user, 3);
    const jobs = await queued("lockout");
    expect(jobs).toHaveLength(1);
    expect(jobs[0]?.data).toEqual({
      organizationId: school.id,
      guardKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      device: "",
      step: "locked",
    });
    // Ids and nothing about the person.
    expect(JSON.stringify(jobs)).not.toContain(user.username);
  });

  test("delivered twice it writes one event, for the right person and the right organization, and schedules one end", async () => {
    const user = await it.user(school);
    const { id, payload } = await locked(school, user);
    await admin("delete from pgboss.job");
    await lockOut(deps, job<"lockout">(payload, id));
    await lockOut(deps, job<"lockout">(payload, id));
    const mine = (await events(school.token)).filter(({ userId }) => userId === user.id);
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({ kind: "login_locked", knownDevice: false, attempts: 5 });
    expect(mine[0]?.lockedUntil).toBe((await guard(user))?.locked_until?.toISOString());
    expect(await events(other.token)).toEqual([]);
    const [end, ...more] = await queued("lockout");
    expect(more).toEqual([]);
    expect(end?.data).toEqual({ ...payload, step: "expired" });
    expect(end?.wait).toBeGreaterThan(1790);
    expect(end?.wait).toBeLessThan(1805);
  });

  test("delivered twice at the same time it writes one event as well", async () => {
    const user = await it.user(school);
    const { id, payload } = await locked(school, user);
    await admin("delete from pgboss.job");
    await Promise.all(Array.from({ length: 4 }, () => lockOut(deps, job<"lockout">(payload, id))));
    expect((await events(school.token)).filter(({ userId }) => userId === user.id)).toHaveLength(1);
    expect(await queued("lockout")).toHaveLength(1);
  });

  test("the end lifts a lock whose time is over, leaves one attempt, and is seen once", async () => {
    const user = await it.user(school);
    const { payload } = await locked(school, user);
    await admin("update app.login_guard set locked_until = now() - interval '1 second' where user_id = $1", [
      user.id,
    ]);
    const id = crypto.randomUUID();
    for (let n = 0; n < 2; n++) await lockOut(deps, job<"lockout">({ ...payload, step: "expired" }, id));
    expect(await guard(user)).toEqual({ locked_until: null, failed: 4 });
    const mine = (await events(school.token)).filter(({ userId }) => userId === user.id);
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({ kind: "login_unlocked", attempts: 5, lockedUntil: null });
  });

  test("the end of an earlier lock leaves a later one alone, and says nothing", async () => {
    const user = await it.user(school);
    const { payload } = await locked(school, user);
    const before = await guard(user);
    await lockOut(deps, job<"lockout">({ ...payload, step: "expired" }));
    expect(await guard(user)).toEqual(before);
    expect((await events(school.token)).filter(({ userId }) => userId === user.id)).toEqual([]);
  });

  test("a lock that was lifted by a success meanwhile is no event", async () => {
    const user = await it.user(school);
    const { id, payload } = await locked(school, user);
    await admin(
      "update app.login_guard set locked_until = null, forgiven_sequence = sequence where user_id = $1",
      [user.id],
    );
    await admin("delete from pgboss.job");
    await lockOut(deps, job<"lockout">(payload, id));
    await lockOut(deps, job<"lockout">({ ...payload, step: "expired" }));
    expect((await events(school.token)).filter(({ userId }) => userId === user.id)).toEqual([]);
    expect(await queued("lockout")).toEqual([]);
  });

  test("a guard that is gone, and one of another organization, are left to rest", async () => {
    const user = await it.user(school);
    const { payload } = await locked(school, user);
    const before = await guard(user);
    const foreign = { ...payload, organizationId: other.id };
    await lockOut(deps, job<"lockout">(foreign));
    await lockOut(deps, job<"lockout">({ ...payload, guardKey: "00".repeat(32) }));
    expect(await guard(user)).toEqual(before);
    expect(await events(other.token)).toEqual([]);
  });

  test("a login that nobody has is told without a person, a known device as such, one without end without an end", async () => {
    const house = await it.organization();
    const nobody = await locked(house, { username: `nobody-${crypto.randomUUID()}` });
    await lockOut(deps, job<"lockout">(nobody.payload, nobody.id));
    const user = await it.user(house);
    const { body } = await request<{ deviceToken: string }>("POST", "/v1/sessions", {
      body: { organization: house.slug, login: user.username, password: user.password },
    });
    await admin("delete from pgboss.job");
    await fail(house, user, 5, body.deviceToken);
    const [device] = await queued("lockout");
    await lockOut(deps, job<"lockout">(device?.data as JobPayloads["lockout"], device?.id));
    expect((await events(house.token)).map(({ userId, knownDevice }) => ({ userId, knownDevice }))).toEqual([
      { userId: user.id, knownDevice: true },
      { userId: null, knownDevice: false },
    ]);
    await admin(
      "update app.login_guard set locked_until = '9999-12-31 00:00:00+00' where user_id = $1 and bucket <> ''",
      [user.id],
    );
    await admin("delete from pgboss.job");
    await lockOut(deps, job<"lockout">(device?.data as JobPayloads["lockout"]));
    expect(await queued("lockout")).toEqual([]);
  });
});

describe("prune-sessions [row 78]", () => {
  test("removes what ended or expired a week ago, in batches, in every organization, and tells how many", async () => {
    const houses = [await it.organization(), await it.organization()];
    const add = (id: string, user: string, count: number, expired: string, ended: string | null) =>
      admin(
        `insert into app.session (organization_id, user_id, token_hash, created_at, expires_at, ended_at, end_reason)
         select $1, $2, sha256(uuid_send(gen_random_uuid())), now() - interval '60 days', now() + $4::interval,
           now() + $5::interval, case when $5::text is null then null else 'signed_out' end
         from generate_series(1, $3)`,
        [id, user, count, expired, ended],
      );
    const live = new Map<string, number>();
    for (const [n, house] of houses.entries()) {
      await add(house.id, house.admin.id, 1200 + n, "-8 days", null);
      await add(house.id, house.admin.id, 30, "1 day", "-8 days");
      // All of these stay.
      await add(house.id, house.admin.id, 3, "-6 days", null);
      await add(house.id, house.admin.id, 4, "1 day", "-6 days");
      await add(house.id, house.admin.id, 5, "1 day", null);
      live.set(house.id, 3 + 4 + 5 + 1);
    }
    const lines: Record<string, unknown>[] = [];
    const log = {
      ...deps.log,
      info: (event: string, fields?: object) => void lines.push({ event, ...fields }),
    };
    await pruneSessionsJob({ ...deps, log }, job<"prune-sessions">({}));
    for (const [id, count] of live) {
      expect(
        await admin("select count(*)::int as count from app.session where organization_id = $1", [id]),
      ).toEqual([{ count }]);
    }
    expect(lines).toEqual([{ event: "pruned", job: "prune-sessions", count: 1200 + 1201 + 60 }]);
    expect(await it.session(houses[0] ?? school, (houses[0] ?? school).admin)).toStartWith("satchel_");
    // Nothing left: nothing to tell.
    lines.length = 0;
    await pruneSessionsJob({ ...deps, log }, job<"prune-sessions">({}));
    expect(lines).toEqual([]);
  });

  test("removes counters, kept answers and marks of jobs once nobody can ask for them, and none before", async () => {
    const house = await it.organization();
    const key = (n: number) => `decode(repeat('${String(n).padStart(2, "0")}', 32), 'hex')`;
    await admin(`insert into app.login_guard (organization_id, guard_key, bucket, door, sequence, success_sequence, last_attempt_at, locked_until) values
      ('${house.id}', ${key(1)}, '', 'password', 3, 0, now() - interval '2 days', null),
      ('${house.id}', ${key(2)}, '', 'password', 5, 0, now() - interval '2 days', now() - interval '1 day'),
      ('${house.id}', ${key(3)}, '', 'password', 3, 0, now() - interval '23 hours', null),
      ('${house.id}', ${key(4)}, '', 'password', 5, 0, now() - interval '2 days', now() + interval '1 hour'),
      ('${house.id}', ${key(5)}, '', 'password', 60, 0, now() - interval '2 days', null)`);
    await admin(`insert into app.idempotency (organization_id, key_hash, request_hash, created_at) values
      ('${house.id}', ${key(1)}, ${key(1)}, now() - interval '25 hours'), ('${house.id}', ${key(2)}, ${key(2)}, now() - interval '23 hours')`);
    await admin(`insert into app.effect (organization_id, job_id, step, created_at) values
      ('${house.id}', gen_random_uuid(), 'old', now() - interval '181 days'), ('${house.id}', gen_random_uuid(), 'young', now() - interval '179 days')`);
    await pruneSessionsJob(deps, job<"prune-sessions">({}));
    const left = (table: string, column: string) =>
      admin(`select ${column} as left from app.${table} where organization_id = $1 order by 1`, [house.id]);
    expect(await left("login_guard", "substr(encode(guard_key, 'hex'), 1, 2)")).toEqual([
      { left: "03" },
      { left: "04" },
      { left: "05" },
    ]);
    expect(await left("idempotency", "substr(encode(key_hash, 'hex'), 1, 2)")).toEqual([{ left: "02" }]);
    expect(await left("effect", "step")).toEqual([{ left: "young" }]);
  });

  test("removes locks of logins and their ends after ninety days, of this organization and none other", async () => {
    const houses = [await it.organization(), await it.organization()];
    for (const { id } of houses) {
      await admin(
        `insert into app.security_event (organization_id, security_event_id, created_at, kind, door, known_device, attempts)
         select $1, app.uuidv7(), now() - make_interval(days => 91 - n % 2 * 2), 'login_locked', 'password', false, n
         from generate_series(1, 40) n`,
        [id],
      );
    }
    await pruneSecurityEvents(deps, houses[0]?.id ?? "", 500);
    const left = async () =>
      Promise.all(
        houses.map(async ({ id }) =>
          (
            await admin<{ n: number }>(
              "select count(*)::int as n from app.security_event where organization_id = $1",
              [id],
            )
          ).map(({ n }) => n),
        ),
      );
    expect(await left()).toEqual([[20], [40]]);
    await pruneSessionsJob(deps, job<"prune-sessions">({}));
    expect(await left()).toEqual([[20], [20]]);
  });

  test("what fails in one organization is logged, and holds up neither the rest of it nor the others", async () => {
    const houses = [await it.organization(), await it.organization()];
    const bad = houses[0]?.id ?? "";
    await admin(`create function public.poisoned() returns trigger language plpgsql as $$
      begin
        if old.organization_id = '${bad}' then raise exception 'poisoned'; end if;
        return old;
      end $$`);
    await admin(
      "create trigger poisoned before delete on app.session for each row execute function public.poisoned()",
    );
    for (const house of houses) {
      await admin(
        `insert into app.session (organization_id, user_id, token_hash, created_at, expires_at)
         values ($1, $2, sha256(uuid_send(gen_random_uuid())), now() - interval '60 days', now() - interval '8 days')`,
        [house.id, house.admin.id],
      );
      await admin(
        `insert into app.effect (organization_id, job_id, step, created_at) values ($1, gen_random_uuid(), 'old', now() - interval '181 days')`,
        [house.id],
      );
    }
    const left = (table: string) =>
      admin<{ id: string }>(
        `select organization_id::text as id from app.${table}
         where organization_id = any($1) and created_at < now() - interval '59 days' order by 1`,
        [houses.map(({ id }) => id)],
      );
    app.lines.length = 0;
    try {
      await pruneSessionsJob(deps, job<"prune-sessions">({}));
    } finally {
      await admin("drop trigger poisoned on app.session");
      await admin("drop function public.poisoned()");
    }
    expect(app.lines.splice(0)).toMatchObject([
      { event: "organization_passed_over", job: "prune-sessions", organizationId: bad },
    ]);
    expect(await left("session")).toEqual([{ id: bad }]);
    expect(await left("effect")).toEqual([]);
    await pruneSessionsJob(deps, job<"prune-sessions">({}));
    expect(await left("session")).toEqual([]);
  });

  test("stops where it is when it no longer holds the job", async () => {
    const stopped = AbortSignal.abort();
    await expect(
      pruneSessionsJob(deps, job<"prune-sessions">({}, crypto.randomUUID(), stopped)),
    ).rejects.toThrow();
  });
});

describe("reindex-search [row 25] [row 99]", () => {
  const documents = (organizationId: string) =>
    admin<{ id: string; version: number; language: string; words: string }>(
      "select content_id as id, version, language, document::text as words from app.content_search where organization_id = $1 order by content_id",
      [organizationId],
    );
  const run = (payload: JobPayloads["reindex-search"], id?: string) =>
    reindexSearch(deps, job<"reindex-search">(payload, id));

  test("publishing enqueues it with the lesson's id alone, writing a draft does not", async () => {
    const house = await it.organization();
    const draft = await it.content(house.token);
    expect(await queued("reindex-search")).toEqual([]);
    await request("POST", `/v1/contents/${draft.id}/publish`, { token: house.token });
    expect((await queued("reindex-search")).map(({ data }) => data)).toEqual([
      { organizationId: house.id, contentIds: [draft.id] },
    ]);
  });

  test("puts published lessons in, in their language, and no draft, no deleted one, none of another organization", async () => {
    const house = await it.organization();
    const token = house.token;
    const english = await it.published(token, { title: "Running rivers" });
    const spanish = await it.published(token, { title: "Aceleraciones", language: "es" });
    const draft = await it.content(token);
    const deleted = await it.published(token);
    await request("DELETE", `/v1/contents/${deleted.id}`, { token });
    const foreign = await it.published(other.token);
    await run({
      organizationId: house.id,
      contentIds: [english, spanish, draft, deleted, foreign].map(({ id }) => id),
    });
    const found = await documents(house.id);
    expect(found.map(({ id, version, language }) => ({ id, version, language }))).toEqual([
      { id: english.id, version: 2, language: "en" },
      { id: spanish.id, version: 2, language: "es" },
    ]);
    expect(found[0]?.words).toContain("'run':1A");
    expect(found[1]?.words).toContain("'aceler':1A");
    expect(await documents(other.id)).toEqual([]);
  });

  test("a lesson that was withdrawn meanwhile goes out, whatever was enqueued", async () => {
    const house = await it.organization();
    const lesson = await it.published(house.token);
    await run({ organizationId: house.id, contentIds: [lesson.id] });
    expect(await documents(house.id)).toHaveLength(1);
    await admin("update app.content set status = 'archived', published_at = null where content_id = $1", [
      lesson.id,
    ]);
    await run({ organizationId: house.id, contentIds: [lesson.id] });
    expect(await documents(house.id)).toEqual([]);
  });

  test("an older version never overwrites a newer one, and a job that is delivered twice works once", async () => {
    const house = await it.organization();
    const lesson = await it.published(house.token, { title: "Old" });
    const id = crypto.randomUUID();
    await run({ organizationId: house.id, contentIds: [lesson.id] }, id);
    await admin("update app.content_search set version = 9, document = 'newer' where content_id = $1", [
      lesson.id,
    ]);
    await run({ organizationId: house.id, contentIds: [lesson.id] }, id);
    await run({ organizationId: house.id, contentIds: [lesson.id] });
    expect((await documents(house.id))[0]).toMatchObject({ version: 9, words: "'newer'" });
  });

  test("all of an organization, in batches, and of no other", async () => {
    const house = await it.organization();
    await admin(
      `insert into app.content (organization_id, title, slug, status, published_at)
       select $1, 'Lesson ' || i, 'lesson-' || i, case when i % 5 = 0 then 'draft' else 'published' end, case when i % 5 = 0 then null else now() end
       from generate_series(1, 60) i`,
      [house.id],
    );
    const beside = await documents(school.id);
    await run({ organizationId: house.id, all: true });
    expect(await documents(house.id)).toHaveLength(48);
    expect(await documents(school.id)).toEqual(beside);
  });

  test("the longest lesson there can be is indexed by its beginning", async () => {
    const house = await it.organization();
    const lesson = await it.published(house.token, { title: "Long" });
    // Every word another one: as many lexemes as such a text can hold.
    await admin(
      `update app.content set body = (select left(string_agg(md5(i::text), ' '), 4194304) from generate_series(1, 130000) i) where content_id = $1`,
      [lesson.id],
    );
    await run({ organizationId: house.id, contentIds: [lesson.id] });
    const [found] = await documents(house.id);
    expect(found?.words).toContain(new Bun.CryptoHasher("md5").update("1").digest("hex"));
  });

  test("stops between batches when it no longer holds the job", async () => {
    const stopped = AbortSignal.abort();
    const payload = { organizationId: school.id, contentIds: [crypto.randomUUID()] };
    await expect(
      reindexSearch(deps, job<"reindex-search">(payload, crypto.randomUUID(), stopped)),
    ).rejects.toThrow();
  });
});

/** What the audit shows of what people do, over HTTP. */
import { afterAll, describe, expect, test } from "bun:test";
import { audit, recordPassedOver } from "../../src/audit/audit.ts";
import { AUDIT_ACTIONS } from "../../src/audit-actions.ts";
import { domain } from "../support/domain.ts";
import { age, brokenAt } from "./support.ts";

const ROOT = `${import.meta.dir}/../..`;
const app = await domain();
const { it, request } = app;
afterAll(app.close);

interface Event {
  readonly sequence: number;
  readonly at: string;
  readonly action: string;
  readonly outcome: string;
  readonly actorId: string | null;
  readonly subjectIds: readonly string[];
  readonly targetId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly origin: { readonly address: string; readonly userAgent: string | null } | null;
}
interface Page {
  readonly items: readonly Event[];
  readonly nextCursor: string | null;
}
const eventsOf = async (token: string, query = "") =>
  (await request<Page>("GET", `/v1/audit-events?limit=100${query}`, { token })).body.items;

const school = await it.organization();
const teacher = await it.member(school, "teacher");
const student = await it.member(school);

describe("the list [row 113]", () => {
  test("begins with the founding, and each event says who, what, to whom and from where", async () => {
    const house = await it.founded();
    const events = (await eventsOf(house.token)).toReversed();
    expect(events.map(({ action }) => action)).toEqual([
      "organization.created",
      "user.created",
      "session.opened",
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(events[0]).toMatchObject({ outcome: "success", actorId: null, targetId: house.id });
    expect(events[2]).toMatchObject({ subjectIds: [house.admin.id] });
    expect(events[2]?.origin?.address).toBeString();
  });

  test("is narrowed by each of its filters, alone and together", async () => {
    const all = await eventsOf(school.token);
    const since = all.at(-3)?.at ?? "";
    const cases: readonly (readonly [string, (event: Event) => boolean])[] = [
      ["&action=session.opened", ({ action }) => action === "session.opened"],
      ["&outcome=refused", ({ outcome }) => outcome === "refused"],
      [`&actor=${school.admin.id}`, ({ actorId }) => actorId === school.admin.id],
      [`&subject=${student.user.id}`, ({ subjectIds }) => subjectIds.includes(student.user.id)],
      [`&target=${school.id}`, ({ targetId }) => targetId === school.id],
      [`&since=${since}`, ({ at }) => at >= since],
      [`&until=${since}`, ({ at }) => at < since],
      [
        `&action=session.opened&subject=${student.user.id}&since=2020-01-01T00:00:00Z`,
        ({ action, subjectIds }) => action === "session.opened" && subjectIds.includes(student.user.id),
      ],
      ["&since=2999-01-01T00:00:00Z", () => false],
    ];
    for (const [query, fits] of cases) {
      const upTo = all[0]?.sequence ?? 0;
      const found = (await eventsOf(school.token, query)).filter(({ sequence }) => sequence <= upTo);
      expect([query, ...found.map(({ sequence }) => sequence)]).toEqual([
        query,
        ...all.filter(fits).map(({ sequence }) => sequence),
      ]);
    }
    const wrong = await request("GET", "/v1/audit-events?action=no.such", { token: school.token });
    expect(wrong.status).toBe(422);
  });

  test("is read page by page without a gap, also while it grows", async () => {
    const first = await request<Page>("GET", "/v1/audit-events?limit=3", { token: school.token });
    const seen = first.body.items.map(({ sequence }) => sequence);
    const top = seen[0] ?? 0;
    await it.user(school);
    for (let cursor = first.body.nextCursor; cursor !== null; ) {
      const page = await request<Page>("GET", `/v1/audit-events?limit=3&cursor=${cursor}`, {
        token: school.token,
      });
      seen.push(...page.body.items.map(({ sequence }) => sequence));
      cursor = page.body.nextCursor;
    }
    expect(seen).toEqual(Array.from({ length: top }, (_, at) => top - at));
  });

  test("is for admins, and knows nothing of another organization", async () => {
    const other = await it.organization();
    for (const { token } of [teacher, student]) {
      expect((await request("GET", "/v1/audit-events", { token })).status).toBe(403);
    }
    const ids = new Set([school.admin.id, teacher.user.id, student.user.id]);
    const events = await eventsOf(other.token);
    expect(
      events.some(({ subjectIds, actorId }) => [...subjectIds, actorId ?? ""].some((id) => ids.has(id))),
    ).toBe(false);
    expect(await eventsOf(other.token, `&subject=${student.user.id}`)).toEqual([]);
    expect(await eventsOf(other.token, `&actor=${school.admin.id}`)).toEqual([]);
  });
});

describe("who was refused [row 113]", () => {
  test("is recorded with what was asked for, and the refusal is answered as ever", async () => {
    const member = await it.member(school);
    const refused = await request("GET", "/v1/users", { token: member.token });
    expect([refused.status, refused.body.type]).toEqual([403, "urn:satchel:problem:forbidden"]);
    const [event] = await eventsOf(school.token, `&action=access.refused&actor=${member.user.id}`);
    expect(event).toMatchObject({
      outcome: "refused",
      actorId: member.user.id,
      targetId: "GET /v1/users",
      details: { refusal: "forbidden", role: "student", credential: "session" },
    });
  });

  test("a storm leaves ten a minute of a kind, and how many more there were is written once a minute", async () => {
    const member = await it.member(school);
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        Array.from({ length: 10 }, () => request("GET", "/v1/users", { token: member.token })),
      );
    }
    await request("GET", "/v1/users/statistics", { token: member.token });
    await recordPassedOver(app.deps);
    const events = await eventsOf(school.token, `&action=access.refused&actor=${member.user.id}`);
    expect(events[0]?.targetId).toBe("GET /v1/users/statistics");
    // Twenty, should a minute have ended in between.
    expect(events.length).toBeLessThanOrEqual(21);
    const told = `&action=refusals.passed_over&actor=${member.user.id}`;
    const [passed, ...more] = await eventsOf(school.token, told);
    expect(passed).toMatchObject({ outcome: "refused", details: { count: 51 - events.length } });
    await recordPassedOver(app.deps);
    expect(more).toEqual([]);
    expect(await eventsOf(school.token, told)).toHaveLength(1);
  });

  test("is not hidden by a storm of strangers, nor by one of somebody else", async () => {
    const house = await it.organization();
    const [one, other] = [await it.member(house), await it.member(house)];
    const refused = { action: "session.refused", outcome: "refused" } as const;
    for (let n = 0; n < 1000; n++) await audit(app.deps, { organizationId: house.id, userId: null }, refused);
    const storm = { organizationId: house.id, userId: other.user.id };
    for (let n = 0; n < 1000; n++) {
      const event = { action: "access.refused", outcome: "refused", targetType: "operation" } as const;
      await audit(app.deps, storm, { ...event, targetId: `GET /v1/${n}` });
    }
    await request("GET", "/v1/users", { token: one.token });
    expect(await eventsOf(house.token, `&actor=${one.user.id}&outcome=refused`)).toHaveLength(1);
    expect((await eventsOf(house.token, `&actor=${other.user.id}&outcome=refused`)).length).toBeLessThan(100);
  });
});

test("a storm of strangers is bounded for the whole organization, whoever they try to be [row 113]", async () => {
  const house = await it.organization();
  const nobody = { organizationId: house.id, userId: null };
  const refused = { action: "session.refused", outcome: "refused" } as const;
  for (let n = 0; n < 1000; n++) {
    const subjectId = n % 2 === 0 ? null : Bun.randomUUIDv7();
    await audit(app.deps, nobody, { ...refused, subjectId });
  }
  const written = await app.database.admin<{ known: number; unknown: number }>(
    `select (count(*) filter (where subject_ids <> '{}'))::int as known, (count(*) filter (where subject_ids = '{}'))::int as unknown
     from app.audit_event where organization_id = $1 and action = 'session.refused'`,
    [house.id],
  );
  const { known = 0, unknown = 0 } = written[0] ?? {};
  expect(known + unknown).toBeGreaterThanOrEqual(600);
  expect(known + unknown).toBeLessThan(800);
  // One as often as the other: neither is answered sooner for not being written.
  expect(Math.abs(known - unknown)).toBeLessThanOrEqual(200);
});

describe("who looked at a person [row 113]", () => {
  interface Disclosure {
    readonly action: string;
    readonly what: string;
    readonly actorId: string | null;
    readonly role: string | null;
    readonly purpose: string | null;
  }
  const disclosuresOf = async (id: string, token: string) =>
    request<{ items: readonly Disclosure[] }>("GET", `/v1/users/${id}/disclosures`, { token });

  test("names everybody else who was shown them, alone or in a list, and why", async () => {
    const pupil = await it.member(school);
    await request("GET", "/v1/me", { token: pupil.token });
    await request("GET", `/v1/users/${pupil.user.id}`, { token: pupil.token });
    expect((await disclosuresOf(pupil.user.id, pupil.token)).body.items).toEqual([]);
    await request("GET", `/v1/users/${pupil.user.id}`, { token: teacher.token });
    await request("GET", "/v1/users?limit=100", { token: school.token });
    await request("GET", `/v1/users/${pupil.user.id}/sign-in`, { token: school.token });
    await request("GET", `/v1/users/${pupil.user.id}/sessions`, { token: school.token });
    const { items } = (await disclosuresOf(pupil.user.id, pupil.token)).body;
    expect(
      items.map(({ action, what, actorId, role, purpose }) => [action, what, actorId, role, purpose]),
    ).toEqual([
      ["user.read", "sessions", school.admin.id, "admin", "administration"],
      ["user.read", "sign_in", school.admin.id, "admin", "administration"],
      ["user.listed", "record", school.admin.id, "admin", "administration"],
      ["user.read", "record", teacher.user.id, "teacher", "instruction"],
    ]);
  });

  test("names everybody else who changed something of theirs, also when they are gone, and nobody for a link", async () => {
    const pupil = await it.member(school);
    const { id } = pupil.user;
    const match = { "if-match": "*" };
    const patch = (token: string, body: object, path = `/v1/users/${id}`) =>
      request("PATCH", path, { token, body, headers: match });
    await patch(pupil.token, { fullName: "By Themselves" }, "/v1/me");
    await patch(school.token, { fullName: "By An Admin" });
    await patch(school.token, { status: "suspended" });
    await request("POST", `/v1/users/${id}/unlock`, { token: school.token });
    await request("DELETE", `/v1/users/${id}`, { token: school.token });
    const { status, body } = await disclosuresOf(id, school.token);
    expect(status).toBe(200);
    const done = body.items.filter(({ action }) => !["user.read", "user.listed"].includes(action));
    expect(done.map(({ action, actorId }) => [action, actorId])).toEqual(
      ["user.deleted", "login.unlocked", "user.status_changed", "user.changed"].map((action) => [
        action,
        school.admin.id,
      ]),
    );
    expect((await disclosuresOf(id, student.token)).status).toBe(404);
    expect((await disclosuresOf(id, (await it.organization()).token)).status).toBe(404);
  });

  test("are written once a day of each person, of one way of looking by one session or program, and no less", async () => {
    const house = await it.organization();
    const colleague = await it.member(house, "teacher");
    const pupils = [await it.user(house), await it.user(house)];
    const [one, two] = pupils.map(({ id }) => id);
    const events = async () =>
      (
        await app.database.admin<{ action: string; who: string; whom: number }>(
          `select action, actor_id::text as who, cardinality(subject_ids) as whom from app.audit_event
           where organization_id = $1 and action in ('user.read', 'user.listed') order by sequence`,
          [house.id],
        )
      ).map(({ action, who, whom }) => [action, who === house.admin.id ? "admin" : "teacher", whom]);
    const look = async (token: string) => {
      await request("GET", `/v1/users/${one}`, { token });
      await request("GET", "/v1/users?limit=100&role=student", { token });
      await request("GET", `/v1/users/${one}/sign-in`, { token });
    };
    for (let round = 0; round < 5; round++) await look(house.token);
    const ofAdmin = [
      ["user.read", "admin", 1],
      ["user.listed", "admin", 2],
      ["user.read", "admin", 1],
    ];
    expect(await events()).toEqual(ofAdmin);
    // Of somebody new on the page alone.
    await it.user(house);
    await look(house.token);
    expect((await events()).slice(3)).toEqual([["user.listed", "admin", 1]]);
    // Somebody else, and the same person in another session, looks anew.
    const again = await it.session(house, house.admin);
    for (const token of [colleague.token, again]) await request("GET", `/v1/users/${two}`, { token });
    expect((await events()).slice(4)).toEqual([
      ["user.read", "teacher", 1],
      ["user.read", "admin", 1],
    ]);
    expect((await disclosuresOf(one ?? "", house.token)).body.items).toHaveLength(3);
    expect((await disclosuresOf(two ?? "", house.token)).body.items).toHaveLength(3);
    // The next day.
    const { admin } = app.database;
    await admin("alter table app.audit_event disable trigger keep");
    await age(admin, house.id, 1);
    await admin("alter table app.audit_event enable trigger keep");
    await look(again);
    await look(again);
    expect((await events()).slice(8)).toEqual([
      ["user.read", "admin", 1],
      ["user.listed", "admin", 3],
      ["user.read", "admin", 1],
    ]);
    expect(await brokenAt(app.deps, house.id)).toBeNull();
  });

  test("a hundred pages of the same hundred people cost less than 100 kB", async () => {
    const house = await it.organization();
    await app.database.admin(
      `insert into app.user (organization_id, username, full_name, role, status)
       select $1, 'pupil-' || n, 'A pupil', 'student', 'active' from generate_series(1, 100) n`,
      [house.id],
    );
    const size = async () =>
      (
        await app.database.admin<{ bytes: number }>(
          `select sum(pg_total_relation_size('app.' || t))::int as bytes
           from unnest(array['audit_event', 'audit_subject', 'audit_origin']) t`,
        )
      )[0]?.bytes ?? 0;
    const before = await size();
    for (let page = 0; page < 100; page++) {
      const { body } = await request<Page>("GET", "/v1/users?limit=100&role=student", { token: house.token });
      expect(body.items).toHaveLength(100);
    }
    expect((await size()) - before).toBeLessThan(100_000);
  });

  test("leaves out whoever was on another page, and who was looked for in vain", async () => {
    const pupil = await it.member(school);
    await request("GET", "/v1/users?limit=1", { token: teacher.token });
    const elsewhere = await it.organization();
    expect((await request("GET", `/v1/users/${pupil.user.id}`, { token: elsewhere.token })).status).toBe(404);
    expect((await request("GET", `/v1/users/${pupil.user.id}`, { token: student.token })).status).toBe(404);
    expect((await disclosuresOf(pupil.user.id, pupil.token)).body.items).toEqual([]);
  });

  test("is for the person and for admins, whose looking is recorded too", async () => {
    const pupil = await it.member(school);
    expect((await disclosuresOf(pupil.user.id, teacher.token)).status).toBe(403);
    expect((await disclosuresOf(pupil.user.id, student.token)).status).toBe(404);
    expect((await disclosuresOf(pupil.user.id, (await it.organization()).token)).status).toBe(404);
    expect((await disclosuresOf(pupil.user.id, school.token)).body.items).toEqual([]);
    expect((await disclosuresOf(pupil.user.id, pupil.token)).body.items).toMatchObject([
      { what: "disclosures", actorId: school.admin.id },
    ]);
  });
});

test("all of it is one whole chain [row 113]", async () => {
  expect(await brokenAt(app.deps, school.id)).toBeNull();
});

test("each action of the list is recorded somewhere [row 113]", async () => {
  const texts: string[] = [];
  for (const pattern of ["src/**/*.ts", "jobs/*.ts"]) {
    for await (const path of new Bun.Glob(pattern).scan(ROOT)) {
      if (path !== "src/audit-actions.ts") texts.push(await Bun.file(`${ROOT}/${path}`).text());
    }
  }
  const text = texts.join("\n");
  expect(AUDIT_ACTIONS.filter((action) => !text.includes(`"${action}"`))).toEqual([]);
});

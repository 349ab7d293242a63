/** Asking for an erasure, doing it, and what it must leave alone. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { withTenant } from "../../src/db.ts";
import { replayErasures } from "../../src/erasures/erasures.ts";
import { domain, refusedBy, run } from "../support/domain.ts";
import type { GivenUser } from "../support/given.ts";
import { deliver, doErase, requestErasure, settle, versionOf } from "./support.ts";

const app = await domain();
const { it, request, as } = app;
const { admin, db } = app.database;
afterAll(app.close);

const [school, other] = [await it.organization(), await it.organization()];
beforeEach(() => admin("delete from pgboss.job"));

const erasureOf = (userId: string, token = school.token) =>
  request("GET", `/v1/users/${userId}/erasure`, { token });
const jobs = () =>
  admin<{ data: unknown }>("select data from pgboss.job where name = 'erase-user' order by id");
const sessionsOf = async (userId: string) =>
  (await admin<{ n: number }>("select count(*)::int as n from app.session where user_id = $1", [userId]))[0]
    ?.n;
/** So many sessions that one batch does not hold them. */
const manySessions = (user: GivenUser, organizationId: string, n: number) =>
  admin(
    `insert into app.session (organization_id, user_id, token_hash, expires_at, user_agent)
     select $1::uuid, $2::uuid, sha256((random()::text || i)::bytea), now() + interval '1 day', 'a bird'
     from generate_series(1, $3::int) i`,
    [organizationId, user.id, n],
  );

test("what was mailed to their address for somebody else goes with them; other people's and other organizations' stays", async () => {
  const victim = await it.user(school, "student", { email: `Victim.${Bun.randomUUIDv7()}@home.example` });
  const far = await it.user(other, "student", { email: victim.email });
  const { token } = await it.member(school);
  const { token: farToken } = await it.member(other);
  const change = (session: string, email: string) =>
    request("PUT", "/v1/me/email", { token: session, body: { email } });
  // Before the address was theirs: afterwards nothing is mailed.
  await admin("update app.user set email = null where user_id = any($1)", [[victim.id, far.id]]);
  await change(token, victim.email.toLowerCase());
  await change(farToken, victim.email);
  await change((await it.member(school)).token, `other-${victim.email}`);
  await admin("update app.user set email = $2 where user_id = any($1)", [[victim.id, far.id], victim.email]);
  const kept = () =>
    admin<{ links: number; mails: number }>(
      `select (select count(*)::int from app.link where organization_id = any($1) and kind = 'email_change') as links,
         (select count(*)::int from app.mail where organization_id = any($1) and template = 'confirm_email') as mails`,
      [[school.id, other.id]],
    );
  expect(await kept()).toEqual([{ links: 3, mails: 3 }]);
  await requestErasure(app, school.token, victim.id);
  await doErase(app, school.id, victim.id);
  expect(await kept()).toEqual([{ links: 2, mails: 2 }]);
  const left = await admin<{ email: string }>(
    "select email from app.link where organization_id = any($1) and kind = 'email_change' order by email",
    [[school.id, other.id]],
  );
  expect(left.map(({ email }) => email).sort()).toEqual([victim.email, `other-${victim.email}`].sort());
});

describe("asking", () => {
  test("signs the person out at once, puts one job into the queue, and shows the state [row 20] [row 8]", async () => {
    const { user, token } = await it.member(school);
    const asked = await requestErasure(app, school.token, user.id);
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({ userId: user.id, state: "requested", startedAt: null });
    expect((await request("GET", "/v1/me", { token })).status).toBe(401);
    expect((await request("GET", `/v1/users/${user.id}`, { token: school.token })).status).toBe(404);
    expect(await jobs()).toEqual([{ data: { organizationId: school.id, userId: user.id } }]);
    await doErase(app, school.id, user.id);
    expect((await erasureOf(user.id)).body).toMatchObject({
      state: "erased",
      startedAt: expect.any(String),
      finishedAt: expect.any(String),
    });
  });

  test("needs the version that was read, and cannot be done twice nor taken back [row 62]", async () => {
    const user = await it.user(school);
    const path = `/v1/users/${user.id}/erasure`;
    expect((await request("POST", path, { token: school.token })).status).toBe(428);
    const old = await request("POST", path, { token: school.token, headers: { "if-match": '"99"' } });
    expect(old.status).toBe(412);
    expect((await erasureOf(user.id)).status).toBe(404);
    expect((await requestErasure(app, school.token, user.id)).status).toBe(202);
    const again = await requestErasure(app, school.token, user.id);
    expect(again.status).toBe(409);
    expect(again.body).toMatchObject({ type: "urn:satchel:problem:erasure_requested" });
    const version = await versionOf(app, user.id);
    const restored = await request("POST", `/v1/users/${user.id}/restore`, {
      token: school.token,
      headers: { "if-match": `"${version}"` },
    });
    expect(restored.status).toBe(409);
    expect(restored.body).toMatchObject({ type: "urn:satchel:problem:erasure_requested" });
    expect(await versionOf(app, user.id)).toBe(version);
    expect(await jobs()).toHaveLength(1);
  });

  test("is also for somebody who was deleted before, whom it does not delete again [row 8]", async () => {
    const user = await it.user(school);
    const deleted = await request("DELETE", `/v1/users/${user.id}`, { token: school.token });
    expect(deleted.status).toBe(204);
    const version = await versionOf(app, user.id);
    expect((await requestErasure(app, school.token, user.id)).status).toBe(202);
    expect(await versionOf(app, user.id)).toBe(version);
  });

  test("needs a fresh proof of who asks, as an export does", async () => {
    const [user, { user: asking, token }] = [await it.user(school), await it.member(school, "admin")];
    await admin("update app.session set authenticated_at = now() - interval '6 minutes' where user_id = $1", [
      asking.id,
    ]);
    for (const answer of [
      await requestErasure(app, token, user.id),
      await request("POST", `/v1/users/${user.id}/exports`, { token }),
    ]) {
      expect(answer.status).toBe(403);
      expect(answer.body).toMatchObject({ type: "urn:satchel:problem:reauthentication_required" });
    }
    expect((await erasureOf(user.id)).status).toBe(404);
  });

  test("spares the last admin", async () => {
    const lonely = await it.organization();
    const answer = await requestErasure(app, lonely.token, lonely.admin.id);
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({ type: "urn:satchel:problem:last_admin" });
    expect((await request("GET", "/v1/me", { token: lonely.token })).status).toBe(200);
  });

  test("is for admins of the organization: another organization's person does not exist [row 45]", async () => {
    const user = await it.user(school);
    expect((await requestErasure(app, other.token, user.id)).status).toBe(404);
    expect((await erasureOf(user.id, other.token)).status).toBe(404);
    for (const role of ["teacher", "student", "parent"] as const) {
      const { token } = await it.member(school, role);
      expect((await requestErasure(app, token, user.id)).status).toBe(403);
      expect((await erasureOf(user.id, token)).status).toBe(403);
      expect((await request("GET", "/v1/erasures", { token })).status).toBe(403);
    }
    expect((await request("GET", `/v1/users/${user.id}`, { token: school.token })).status).toBe(200);
  });

  test("is listed page by page, the latest first, for one organization alone [row 56]", async () => {
    const house = await it.organization();
    const people = [await it.user(house), await it.user(house), await it.user(house)];
    for (const { id } of people) await requestErasure(app, house.token, id);
    type Page = { items: readonly { userId: string }[]; nextCursor: string | null };
    const first = await request<Page>("GET", "/v1/erasures?limit=2", { token: house.token });
    const second = await request<Page>("GET", `/v1/erasures?limit=2&cursor=${first.body.nextCursor}`, {
      token: house.token,
    });
    expect([...first.body.items, ...second.body.items].map(({ userId }) => userId)).toEqual(
      people.map(({ id }) => id).reverse(),
    );
    expect(second.body.nextCursor).toBeNull();
    expect((await request<Page>("GET", "/v1/erasures", { token: other.token })).body.items).toEqual([]);
  });
});

describe("erasing", () => {
  test("goes on where it was stopped, and a second and a third delivery change nothing [row 111]", async () => {
    const user = await it.user(school);
    await manySessions(user, school.id, 1200);
    await requestErasure(app, school.token, user.id);
    const stopping = new AbortController();
    const id = crypto.randomUUID();
    let batches = 0;
    const signal = {
      throwIfAborted: () => {
        if (batches++ === 1) stopping.abort(new Error("killed"));
        stopping.signal.throwIfAborted();
      },
    } as AbortSignal;
    await expect(deliver(app, school.id, user.id, { id, signal })).rejects.toThrow("killed");
    expect(await sessionsOf(user.id)).toBe(700);
    expect((await erasureOf(user.id)).body).toMatchObject({ state: "running", finishedAt: null });
    await settle(app, user.id);
    await Promise.all([deliver(app, school.id, user.id, { id }), deliver(app, school.id, user.id, { id })]);
    expect(await sessionsOf(user.id)).toBe(0);
    const whole = (await erasureOf(user.id)).body;
    expect(whole).toMatchObject({ state: "erased" });
    const rows = () =>
      admin(
        "select (select version from app.user where user_id = $1), (select count(*)::int from app.history)",
        [user.id],
      );
    const before = await rows();
    await deliver(app, school.id, user.id, { id });
    await deliver(app, school.id, user.id);
    expect(await rows()).toEqual(before);
    expect((await erasureOf(user.id)).body).toEqual(whole);
  });

  test("comes back once for what a request from before has written meanwhile, and then says that it is finished", async () => {
    const user = await it.user(school);
    await requestErasure(app, school.token, user.id);
    await admin("delete from pgboss.job");
    const id = crypto.randomUUID();
    await deliver(app, school.id, user.id, { id });
    await deliver(app, school.id, user.id, { id });
    expect((await erasureOf(user.id)).body).toMatchObject({ state: "running" });
    const later = await admin<{ data: unknown; wait: number }>(
      "select data, extract(epoch from start_after - now())::float8 as wait from pgboss.job where name = 'erase-user'",
    );
    expect(later).toEqual([
      { data: { organizationId: school.id, userId: user.id }, wait: expect.closeTo(15, 0) },
    ]);
    // A sign-in that had read the person before they were deleted, and commits only now.
    await manySessions(user, school.id, 1);
    await settle(app, user.id);
    await deliver(app, school.id, user.id);
    expect(await sessionsOf(user.id)).toBe(0);
    expect((await erasureOf(user.id)).body).toMatchObject({ state: "erased" });
    expect(await jobs()).toHaveLength(1);
  });

  test("does nothing without having been asked for", async () => {
    const { user, token } = await it.member(school);
    await doErase(app, school.id, user.id);
    expect((await request("GET", "/v1/me", { token })).body).toMatchObject({ email: user.email });
  });
});

describe("the function that erases", () => {
  const erase = (organizationId: string, userId: string) =>
    refusedBy(as(organizationId, "select app.erase_person($1, 100)", [userId]));
  const UNDER_WAY = { code: "55000", constraint: null };

  test("takes nobody whose erasure is not under way, and nobody of another organization [row 45]", async () => {
    const user = await it.user(school);
    expect(await erase(school.id, user.id)).toMatchObject(UNDER_WAY);
    await requestErasure(app, school.token, user.id);
    // Asked for, not begun; begun, but another organization has been entered.
    expect(await erase(school.id, user.id)).toMatchObject(UNDER_WAY);
    await as(school.id, "update app.erasure set started_at = now() where user_id = $1", [user.id]);
    expect(await erase(other.id, user.id)).toMatchObject(UNDER_WAY);
    const [row] = await admin("select email from app.user where user_id = $1", [user.id]);
    expect(row).toEqual({ email: user.email });
    // Begun, but somebody has brought the person back.
    await admin("update app.user set deleted_at = null, deletion_id = null where user_id = $1", [user.id]);
    expect(await erase(school.id, user.id)).toMatchObject(UNDER_WAY);
  });

  test("gives the request role no other way to alter history or to remove a person [row 9]", async () => {
    const user = await it.user(school);
    for (const text of [
      "update app.history set after = null where row_id = $1",
      "delete from app.history where row_id = $1",
      "delete from app.user where user_id = $1",
      "delete from app.credential where user_id = $1",
      "select set_config('role', 'satchel_eraser', true) where $1::uuid is not null",
    ]) {
      expect(await refusedBy(as(school.id, text, [user.id]))).toMatchObject({ code: "42501" });
    }
  });

  test("an erasure of another organization can neither be made nor be seen", async () => {
    const user = await it.user(school);
    const made = as(
      other.id,
      "insert into app.erasure (organization_id, user_id, started_at) values ($1, $2, now())",
      [school.id, user.id],
    );
    expect(await refusedBy(made)).toMatchObject({ code: "42501" });
    await requestErasure(app, school.token, user.id);
    expect(await as(other.id, "select from app.erasure where user_id = $1", [user.id])).toEqual([]);
  });

  test("an organization that nobody has entered has nobody to erase [row 44]", async () => {
    const user = await it.user(school);
    await requestErasure(app, school.token, user.id);
    await as(school.id, "update app.erasure set started_at = now() where user_id = $1", [user.id]);
    const outside = withTenant(db, { organizationId: Bun.randomUUIDv7(), userId: null }, (tx) =>
      run(tx, "select app.erase_person($1, 100)", [user.id]),
    );
    expect(await refusedBy(outside)).toMatchObject(UNDER_WAY);
  });
});

describe("the ledger", () => {
  const entry = (userId: string, organizationId = school.id) => ({
    organizationId,
    userId,
    requestedAt: new Date("2026-03-04T05:06:07Z"),
  });

  test("asks again for whoever a backup has brought back, and for nobody else [row 114] [row 115]", async () => {
    const [back, erased, untouched] = [await it.user(school), await it.user(school), await it.user(school)];
    await requestErasure(app, school.token, erased.id);
    await doErase(app, school.id, erased.id);
    const never = Bun.randomUUIDv7();
    await admin("delete from pgboss.job");
    const entries = [
      entry(back.id),
      entry(erased.id),
      entry(never),
      // Nobody of theirs: an id of one organization under the name of another.
      entry(untouched.id, other.id),
      entry(never, Bun.randomUUIDv7()),
    ];
    expect(await replayErasures(app.deps, entries)).toBe(1);
    expect(await jobs()).toEqual([{ data: { organizationId: school.id, userId: back.id } }]);
    expect((await erasureOf(back.id)).body).toMatchObject({
      state: "requested",
      requestedById: null,
      requestedAt: "2026-03-04T05:06:07.000Z",
    });
    await doErase(app, school.id, back.id);
    expect((await erasureOf(back.id)).body).toMatchObject({ state: "erased" });
    expect(await replayErasures(app.deps, entries)).toBe(0);
    expect((await request("GET", `/v1/users/${untouched.id}`, { token: school.token })).status).toBe(200);
  });

  test("takes also the last admin, whom nobody could have spared", async () => {
    const lonely = await it.organization();
    expect(await replayErasures(app.deps, [entry(lonely.admin.id, lonely.id)])).toBe(1);
    expect((await request("GET", "/v1/me", { token: lonely.token })).status).toBe(401);
  });

  test("asks again for one that was under way when the backup was made", async () => {
    const user = await it.user(school);
    await requestErasure(app, school.token, user.id);
    await as(school.id, "update app.erasure set started_at = now() where user_id = $1", [user.id]);
    await admin("delete from pgboss.job");
    expect(await replayErasures(app.deps, [entry(user.id)])).toBe(1);
    expect(await jobs()).toHaveLength(1);
    await doErase(app, school.id, user.id);
    expect(await replayErasures(app.deps, [entry(user.id)])).toBe(0);
  });
});

/** Nodes that are killed while they erase somebody. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { readLedger } from "../../src/ledger.ts";
import { until } from "../jobs/support.ts";
import { domain } from "../support/domain.ts";
import { endWithRun, tempFolder } from "../support/run.ts";
import { requestErasure } from "./support.ts";

test("kill -9 half-way through an erasure: another node goes on, and it is finished once [row 111] [row 114]", async () => {
  const app = await domain();
  const { admin, requestUrl } = app.database;
  const path = join(tempFolder("ledger"), "erasures");
  const school = await app.it.organization();
  const [user, other] = [await app.it.user(school), await app.it.user(school)];
  await admin("delete from pgboss.job");
  await admin("update pgboss.queue set retry_delay = 0, retry_backoff = false where name = 'erase-user'");
  for (const { id } of [user, other]) {
    await admin(
      `insert into app.session (organization_id, user_id, token_hash, expires_at)
       select $1::uuid, $2::uuid, sha256((random()::text || i)::bytea), now() + interval '1 day'
       from generate_series(1, 20000) i`,
      [school.id, id],
    );
  }
  const left = async (userId: string) =>
    (await admin<{ n: number }>("select count(*)::int as n from app.session where user_id = $1", [userId]))[0]
      ?.n ?? 0;
  expect((await requestErasure(app, school.token, user.id)).status).toBe(202);

  const node = () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "worker.ts"), requestUrl, path], {
      stdout: "inherit",
      stderr: "inherit",
      stdin: "ignore",
    });
    endWithRun(child.pid, "KILL");
    return child;
  };
  let killed = 0;
  for (let bound = 20_000; killed < 2; killed++) {
    const child = node();
    await until(async () => (await left(user.id)) < bound);
    child.kill("SIGKILL");
    await child.exited;
    bound = await left(user.id);
    await admin("update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'");
    if (bound === 0) break;
  }
  const last = node();
  const finished = async () =>
    (await admin("select from app.erasure where user_id = $1 and finished_at is not null", [user.id])).length;
  await until(async () => (await finished()) === 1);
  last.kill("SIGKILL");
  await last.exited;

  expect(killed).toBeGreaterThanOrEqual(1);
  expect(await left(user.id)).toBe(0);
  expect(await left(other.id)).toBe(20_000);
  const told = await admin<{ action: string }>(
    "select action from app.audit_event where action like 'erasure.%' order by sequence",
  );
  expect(told.map(({ action }) => action)).toEqual(["erasure.requested", "erasure.finished"]);
  expect(new Set(readLedger(path).entries.map(({ userId }) => userId))).toEqual(new Set([user.id]));
  await app.close();
}, 90_000);

/** Two nodes and a Redis that hangs: what one node has taken away, the other must not grant. */
import { startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { PASSWORD } from "../support/given.ts";
import { found } from "../support/http.ts";
import { startRedis } from "../support/redis.ts";
import { flood } from "./flood.ts";
import { environment, type Line, must, type Options } from "./stage.ts";
import { tally } from "./statistics.ts";

/** Ways to take a right away. */
const WAYS = ["sign out", "change the password", "change the role", "suspend"] as const;

export async function nodes({ quick }: Options): Promise<readonly Line[]> {
  const each = (quick ? 400 : 10_000) / WAYS.length;
  const database = await testDatabase();
  const redis = await startRedis();
  const env = {
    ...environment,
    DATABASE_URL: database.requestUrl,
    REDIS_URL: redis.url,
    SATCHEL_JOBS: "off",
  };
  const [one, two] = await Promise.all([startSatchel({ env }), startSatchel({ env })]);
  try {
    return await play(one.url, two.url, each, redis, database);
  } finally {
    redis.resume();
    await Promise.all([one.stop(), two.stop()]);
    await redis.close();
    await database.close();
  }
}

async function play(
  one: string,
  two: string,
  each: number,
  redis: { pause(): void; resume(): void },
  _database: TestDatabase,
): Promise<readonly Line[]> {
  const school = await found(one, `nodes-${process.pid.toString(36)}`);
  const here = client(one, 60_000);
  const there = client(two, 60_000);
  const victim = async (way: string) => {
    const username = way.replaceAll(" ", "-");
    const body = { fullName: "A Victim", username, password: PASSWORD, role: "teacher" };
    const { id } = must(
      await here.request<{ id: string }>("POST", "/v1/users", { token: school.token, body }),
      201,
    );
    const login = { organization: school.slug, login: username, password: PASSWORD };
    const { token } = must(
      await here.request<{ token: string }>("POST", "/v1/sessions", { body: login }),
      201,
    );
    // Warm on the other node, so that whatever it remembers it does.
    for (let n = 0; n < 20; n++) must(await there.request("GET", "/v1/users?limit=10", { token }), 200);
    return { id, token, login };
  };
  const victims = new Map<string, Awaited<ReturnType<typeof victim>>>();
  for (const way of WAYS) victims.set(way, await victim(way));

  const lines: Line[] = [];
  redis.pause();
  try {
    for (const way of WAYS) {
      const person = victims.get(way);
      if (person === undefined) continue;
      const { id, token, login } = person;
      // A second session of theirs, which must end with what is done in the first.
      const acting = must(
        await here.request<{ token: string }>("POST", "/v1/sessions", { body: login }),
        201,
      ).token;
      const byAdmin = { token: school.token, headers: { "if-match": "*" } };
      const done =
        way === "sign out"
          ? await here.request("DELETE", "/v1/sessions/current", { token })
          : way === "change the password"
            ? await here.request("PUT", "/v1/me/password", {
                token: acting,
                body: { currentPassword: PASSWORD, newPassword: `${PASSWORD} anew` },
              })
            : way === "change the role"
              ? await here.request("PUT", `/v1/users/${id}/role`, { ...byAdmin, body: { role: "student" } })
              : await here.request("PATCH", `/v1/users/${id}`, { ...byAdmin, body: { status: "suspended" } });
      if (done.status >= 300) throw new Error(`${way}: ${done.status} ${JSON.stringify(done.body)}`);
      const requests = Array.from({ length: each }, (_, n) => ({
        method: "GET",
        path: n % 2 === 0 ? "/v1/users?limit=10" : "/v1/me",
        token,
      }));
      const statuses = (await flood({ url: two, requests, concurrency: 200 })).map(({ status }) => status);
      const accepted = statuses.filter((status) => status < 300).length;
      lines.push({
        line: `${way} on one node, ${each} requests on the other, Redis hung`,
        goal: "0 accepted with the old right",
        figure: `${accepted} accepted, ${tally(statuses)}`,
        ok: accepted === 0 && statuses.every((status) => status === 401),
      });
    }
  } finally {
    redis.resume();
  }
  return lines;
}

/** `satchel reset-second-factor`, beside a running server: the way back for an admin who has nobody to ask. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { codeOf } from "../second-factors/support.ts";
import { type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { type Client, client } from "../support/client.ts";
import { type Given, given } from "../support/given.ts";
import { tempFolder } from "../support/run.ts";

setDefaultTimeout(60_000);

let folder: string;
let node: RunningSatchel;
let api: Client;
let it: Given;

beforeAll(async () => {
  folder = tempFolder("school");
  node = await startSatchel({ folder, env: { SATCHEL_SIGN_UP: "open" } });
  api = client(node.url);
  it = given(api);
});
afterAll(() => node.stop());

const reset = (...args: readonly string[]) => satchel(["reset-second-factor", ...args], { folder });

async function enrol(token: string): Promise<void> {
  const begun = await api.request<{ secret: string }>("POST", "/v1/me/second-factor", { token });
  const body = { code: codeOf(begun.body.secret) };
  const confirmed = await api.request("POST", "/v1/me/second-factor/confirmation", { token, body });
  expect(confirmed.status).toBe(200);
}

test("takes away what the admin has lost, and nobody else's, and is in the audit", async () => {
  const [house, other] = [await it.organization(), await it.organization()];
  const { user, token } = await it.member(house, "teacher");
  for (const each of [house.token, other.token, token]) await enrol(each);
  const signIn = async (
    { slug }: { slug: string },
    { username, password }: { username: string; password: string },
  ) =>
    (await api.request("POST", "/v1/sessions", { body: { organization: slug, login: username, password } }))
      .status;
  expect(await signIn(house, house.admin)).toBe(202);
  const done = await reset(house.admin.username, "--organization", house.slug);
  expect(done).toMatchObject({ code: 0, out: `${house.admin.username} has no second factor any more\n` });
  expect(await signIn(house, house.admin)).toBe(201);
  expect([await signIn(other, other.admin), await signIn(house, user)]).toEqual([202, 202]);
  const events = await api.request<{ items: readonly Readonly<Record<string, unknown>>[] }>(
    "GET",
    "/v1/audit-events?action=second_factor.reset",
    { token: house.token },
  );
  expect(events.body.items).toHaveLength(1);
  expect(events.body.items[0]).toMatchObject({ actorId: null, outcome: "success" });
});

test("says what it cannot do, and changes nothing", async () => {
  const [house, other] = [await it.organization(), await it.organization()];
  await enrol(other.token);
  const { username } = house.admin;
  const cases: readonly [readonly string[], number, string][] = [
    [[username], 2, "--organization is missing"],
    [["--organization", house.slug], 2, "an argument is missing"],
    [[username, "--organization", "no-such-school"], 1, "there is no organization no-such-school"],
    [[username, "--organization", house.slug], 1, "has no second factor"],
    [[other.admin.username, "--organization", house.slug], 1, "is nobody in"],
  ];
  for (const [args, code, said] of cases) {
    const ended = await reset(...args);
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toContain(said);
  }
  expect((await api.request("GET", "/v1/me/second-factor", { token: other.token })).body).toMatchObject({
    enabled: true,
  });
});

/**
 * What the operator does for one person, beside a running server: the ways back for an admin who has nobody to ask.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
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
const slugOf = (body: unknown) => (body as { type: string } | null)?.type.replace("urn:satchel:problem:", "");
const audited = async (token: string, action: string) =>
  (
    await api.request<{ items: readonly Readonly<Record<string, unknown>>[] }>(
      "GET",
      `/v1/audit-events?action=${action}`,
      { token },
    )
  ).body.items;

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
  const events = await audited(house.token, "second_factor.reset");
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ actorId: null, outcome: "success" });
});

describe("reset-password prints a link", () => {
  const consume = (token: string, newPassword: string) =>
    api.request("POST", "/v1/password-resets/consume", { body: { token, newPassword } });
  const signIn = (slug: string, login: string, password: string) =>
    api.request("POST", "/v1/sessions", { body: { organization: slug, login, password } });

  test.each([
    ["without a mailbox", false],
    ["with one", true],
  ])("by which an admin %s chooses another, once, past a hundred failures", async (_, mailbox) => {
    const [house, other] = [await it.organization(), await it.organization()];
    const { admin } = house;
    if (!mailbox) {
      await api.request("PATCH", `/v1/users/${admin.id}`, {
        token: house.token,
        headers: { "if-match": "*" },
        body: { email: null },
      });
    }
    for (let n = 0; n < 5; n++) await signIn(house.slug, admin.username, "not the one I have");
    expect((await signIn(house.slug, admin.username, admin.password)).status).toBe(401);
    const printed = await satchel(["reset-password", admin.username, "--organization", house.slug], {
      folder,
      env: { SATCHEL_PUBLIC_URL: "https://school.example" },
    });
    expect([printed.code, printed.err]).toEqual([0, ""]);
    const [url = "", until = ""] = printed.out.trimEnd().split("\n");
    expect(url).toStartWith("https://school.example/links/reset-password#satchel_link_");
    const minutes = (Date.parse(until.replace(/^good until (\S+), once$/, "$1")) - Date.now()) / 60_000;
    expect(minutes).toBeGreaterThan(28);
    expect(minutes).toBeLessThan(31);
    const token = new URL(url).hash.slice(1);
    const NEW = "a field of seventeen sunflowers";
    expect((await consume(token, NEW)).status).toBe(204);
    expect(slugOf((await consume(token, `${NEW} again`)).body)).toBe("link_refused");
    expect((await api.request("GET", "/v1/me", { token: house.token })).status).toBe(401);
    const entered = await signIn(house.slug, admin.username, NEW);
    expect(entered.status).toBe(201);
    expect((await signIn(other.slug, other.admin.username, other.admin.password)).status).toBe(201);
    const { token: own } = entered.body as { token: string };
    expect(await audited(own, "link.sent")).toMatchObject([
      { actorId: null, subjectIds: [admin.id], details: { kind: "reset", mailed: false } },
    ]);
    expect(await audited(own, "password.reset")).toMatchObject([{ subjectIds: [admin.id] }]);
  });

  test("that ends with the next one, and when the person gets another address", async () => {
    const house = await it.organization();
    const print = async () => {
      const args = ["reset-password", house.admin.username, "--organization", house.slug];
      return new URL((await satchel(args, { folder })).out.split("\n")[0] ?? "").hash.slice(1);
    };
    const [first, second] = [await print(), await print()];
    const body = { email: "another@school.example" };
    const changing = { token: house.token, headers: { "if-match": "*" }, body };
    expect((await api.request("PATCH", `/v1/users/${house.admin.id}`, changing)).status).toBe(200);
    for (const token of [first, second]) {
      expect(slugOf((await consume(token, "a field of seventeen sunflowers")).body)).toBe("link_refused");
    }
  });
});

test("unlock opens a login that guesses have locked, nobody else's, and leaves the password", async () => {
  const house = await it.organization();
  const [{ user: one, token }, { user: beside }] = [await it.member(house), await it.member(house)];
  const enter = async ({ username }: { username: string }, password: string) =>
    (
      await api.request("POST", "/v1/sessions", {
        body: { organization: house.slug, login: username, password },
      })
    ).status;
  for (const user of [one, beside]) {
    for (let n = 0; n < 5; n++) await enter(user, "not the one I have");
    expect(await enter(user, user.password)).toBe(401);
  }
  const done = await satchel(["unlock", one.email.toUpperCase(), "--organization", house.slug], { folder });
  expect(done).toMatchObject({
    code: 0,
    out: `${one.email.toUpperCase()} may try to sign in again\n`,
    err: "",
  });
  expect([await enter(one, one.password), await enter(beside, beside.password)]).toEqual([201, 401]);
  expect((await api.request("GET", "/v1/me", { token })).status).toBe(200);
  expect(await audited(house.token, "login.unlocked")).toMatchObject([
    { actorId: null, subjectIds: [one.id], outcome: "success" },
  ]);
});

test.each([
  ["reset-second-factor", "has no second factor"],
  ["reset-password", "is not active"],
  ["unlock", "was deleted"],
])("%s says what it cannot do, and changes nothing", async (command, otherwise) => {
  const [house, other] = [await it.organization(), await it.organization()];
  await enrol(other.token);
  const gone = await it.user(house);
  await api.request("DELETE", `/v1/users/${gone.id}`, { token: house.token });
  const { username } = house.admin;
  const cases: readonly [readonly string[], number, string][] = [
    [[username], 2, "--organization is missing"],
    [["--organization", house.slug], 2, "an argument is missing"],
    [[username, "--organization", "no-such-school"], 1, 'there is no organization "no-such-school"'],
    [[gone.username, "--organization", house.slug], 1, otherwise],
    [[other.admin.username, "--organization", house.slug], 1, "is nobody in"],
  ];
  for (const [args, code, said] of cases) {
    const ended = await satchel([command, ...args], { folder });
    expect([ended.code, ended.out]).toEqual([code, ""]);
    expect(ended.err).toContain(said);
  }
  for (const action of ["link.sent", "login.unlocked", "second_factor.reset"]) {
    expect(await audited(house.token, action)).toEqual([]);
  }
  expect((await api.request("GET", "/v1/me/second-factor", { token: other.token })).body).toMatchObject({
    enabled: true,
  });
});

/** `satchel organization`, beside a running server: what the operator says holds there at once. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
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

const organization = (...args: readonly string[]) => satchel(["organization", ...args], { folder });
const me = async (token: string) => (await api.request("GET", "/v1/me", { token })).status;

describe("suspend, close and reactivate", () => {
  test("take effect on the running server at once, for that organization alone, and say what holds [row 12]", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    for (const [action, status] of [
      ["suspend", "suspended"],
      ["close", "closed"],
    ] as const) {
      expect(await me(house.token)).toBe(200);
      const done = await organization(action, house.slug);
      expect(done).toMatchObject({ code: 0, out: `${house.slug} is now ${status}\n`, err: "" });
      expect([await me(house.token), await me(other.token)]).toEqual([401, 200]);
      expect((await organization(action, house.slug)).out).toBe(`${house.slug} is already ${status}\n`);
      expect((await organization("reactivate", house.slug)).out).toBe(`${house.slug} is now active\n`);
    }
    expect(await me(house.token)).toBe(200);
  });
});

describe("quota", () => {
  test("sets what is named, shows what holds, and is held by the running server", async () => {
    const [house, other] = [await it.organization(), await it.organization()];
    const set = await organization("quota", house.slug, "--people", "2", "--storage", "5M");
    expect([set.code, set.err]).toEqual([0, ""]);
    const requests: string = expect.stringMatching(/^requests {6}\d+ a minute$/);
    expect(set.out.split("\n")).toEqual([
      `organization  ${house.slug} (${house.id})`,
      "status        active",
      "people        1 of 2",
      "storage       0 of 5242880 bytes",
      requests,
      "",
    ]);
    await it.user(house);
    const body = { username: "third", fullName: "Third" };
    const third = await api.request<{ type: string }>("POST", "/v1/users", { token: house.token, body });
    expect([third.status, third.body.type]).toEqual([409, "urn:satchel:problem:quota_people_reached"]);
    await it.user(other);
    const lifted = await organization("quota", house.slug, "--people", "none", "--requests", "300");
    expect(lifted.out).toContain(
      "people        2\nstorage       0 of 5242880 bytes\nrequests      300 a minute\n",
    );
    expect((await api.request("POST", "/v1/users", { token: house.token, body })).status).toBe(201);
    expect((await organization("show", house.slug)).out).toContain("people        3\n");
  });
});

test("list tells of every organization in a line of its own, for programs", async () => {
  const [house, other] = [await it.organization(), await it.organization()];
  await organization("quota", house.slug, "--people", "9", "--requests", "60");
  await organization("suspend", other.slug);
  const { code, out, err } = await organization("list");
  expect(code).toBe(0);
  expect(err).toBe("slug\tstatus\tpeople\tof\tstorage bytes\tof\trequests a minute\n");
  const lines = out.trimEnd().split("\n");
  expect(lines).toContain([house.slug, "active", 1, 9, 0, "-", 60].join("\t"));
  expect(lines).toContain([other.slug, "suspended", 1, "-", 0, "-", "-"].join("\t"));
});

describe("what makes no sense", () => {
  test("is refused with 2, and an organization that is not there with 1", async () => {
    const wrong: readonly (readonly [readonly string[], string])[] = [
      [[], "an argument is missing"],
      [["found", "x"], 'there is no "found"'],
      [["list", "x"], 'what is "x"?'],
      [["show"], "the organization's slug is missing"],
      [["suspend"], "the organization's slug is missing"],
      [["quota", "x"], "no limit is named"],
      [["suspend", "x", "--people", "1"], "limits are for"],
      [["quota", "x", "--people", "-1"], "--people"],
      [["quota", "x", "--people", "1K"], "--people 1K is no limit"],
      [["quota", "x", "--people", "3000000000"], "--people 3000000000 is no limit"],
      [["quota", "x", "--requests", "0"], "--requests 0 is no limit"],
      [["quota", "x", "--storage", "much"], "--storage much is no limit such as 500M"],
      [["quota", "x", "--storage", "99999T"], "--storage 99999T is no limit"],
    ];
    for (const [args, complaint] of wrong) {
      const { code, out, err } = await organization(...args);
      expect([args, code, out]).toEqual([args, 2, ""]);
      expect(err).toContain(complaint);
    }
    for (const args of [
      ["show", "no-such-school"],
      ["suspend", "no-such-school"],
      ["quota", "no-such-school", "--people", "1"],
    ]) {
      const { code, out, err } = await organization(...args);
      expect([args, code, out]).toEqual([args, 1, ""]);
      expect(err).toContain('there is no organization "no-such-school"');
    }
  });
});

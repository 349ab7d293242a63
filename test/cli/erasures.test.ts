/** `satchel erasures`, and the ledger that a restored backup is held against. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "bun";
import { folderOf, type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { client } from "../support/client.ts";
import { given } from "../support/given.ts";
import { until } from "../support/http.ts";

setDefaultTimeout(90_000);

test("people who were erased are erased again after an older backup is restored, by the ledger that is set or by hand [row 114] [row 115]", async () => {
  const folder = folderOf(null);
  const [file, exported] = [join(folderOf(null), "ledger"), join(folderOf(null), "exported")];
  // An erasure is finished once no request from before can go on.
  const limits = { SATCHEL_REQUEST_TIMEOUT_MS: "2000", DATABASE_STATEMENT_TIMEOUT_MS: "2000" };
  const env = { SATCHEL_ERASURE_LEDGER: file, SATCHEL_SIGN_UP: "open", ...limits };
  const state = (node: RunningSatchel, token: string, userId: string) =>
    client(node.url).request<{ state?: string }>("GET", `/v1/users/${userId}/erasure`, { token });
  const erased = (node: RunningSatchel, token: string, userId: string) =>
    until(
      "the erasure",
      () => state(node, token, userId),
      ({ body }) => body.state === "erased",
    );
  const erase = async (node: RunningSatchel, token: string, userId: string) => {
    const answer = await client(node.url).request("POST", `/v1/users/${userId}/erasure`, {
      token,
      headers: { "if-match": "*" },
    });
    expect(answer.status).toBe(202);
  };

  let node = await startSatchel({ folder, env });
  const it = given(client(node.url));
  const school = await it.organization();
  const [ada, ben] = [await it.user(school), await it.user(school)];
  const named = async (at: RunningSatchel) => {
    const { body } = await client(at.url).request<{ items: readonly { username: string }[] }>(
      "GET",
      "/v1/users?includeDeleted=true",
      { token: school.token },
    );
    return body.items.map(({ username }) => username).filter((name) => name !== school.admin.username);
  };
  expect(await named(node)).toEqual([ada.username, ben.username]);
  await node.stop();
  const backups = [folderOf(null), folderOf(null)] as const;
  // With its owners, as a backup is: where root runs the tests, PostgreSQL is somebody else.
  for (const backup of backups) await $`cp -a ${folder}/. ${backup}`.quiet();

  node = await startSatchel({ folder, env });
  await erase(node, school.token, ada.id);
  await erased(node, school.token, ada.id);
  const told = await satchel(["erasures", "export"], { folder });
  expect(told).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(told.out)).toEqual({
    organizationId: school.id,
    userId: ada.id,
    requestedAt: expect.any(String),
  });
  expect((await satchel(["erasures", "export", exported], { folder })).code).toBe(0);
  expect(readFileSync(exported, "utf8")).toBe(told.out);
  // The same that the node has written by itself, once for each time that the job was at it.
  expect([...new Set(readFileSync(file, "utf8").split("\n").filter(Boolean))]).toEqual([told.out.trim()]);
  await node.stop();

  // Restored, and started as ever.
  node = await startSatchel({ folder: backups[0], env });
  expect((await erased(node, school.token, ada.id)).body.state).toBe("erased");
  expect(await named(node)).toEqual([`erased-${ada.id}`, ben.username]);
  expect(node.log()).toContain("erasures_replayed");
  await node.stop();

  // Restored without the setting: by hand, beside the running server.
  node = await startSatchel({ folder: backups[1], env: limits });
  expect((await state(node, school.token, ada.id)).status).toBe(404);
  writeFileSync(exported, "nonsense\n", { flag: "a" });
  const replayed = await satchel(["erasures", "replay", exported], { folder: backups[1] });
  expect(replayed.code).toBe(1);
  expect(replayed.err).toContain("line 2");
  expect(replayed.err).toContain("1 of 1");
  expect((await erased(node, school.token, ada.id)).body.state).toBe("erased");
  expect(await named(node)).toEqual([`erased-${ada.id}`, ben.username]);
  const again = await satchel(["erasures", "replay", exported], { folder: backups[1] });
  expect(again.err).toContain("0 of 1");
  await node.stop();
});

test("wrong usage is told, and a file that cannot be read before anything is opened", async () => {
  const wrong = await satchel(["erasures", "undo"]);
  expect(wrong).toMatchObject({ code: 2, out: "" });
  expect(wrong.err).toContain("export [FILE] | replay FILE");
  expect((await satchel(["erasures", "replay"])).code).toBe(2);
  const missing = await satchel(["erasures", "replay", "/nowhere/at/all"]);
  expect(missing).toMatchObject({ code: 1, out: "" });
  expect(missing.err).toContain("ENOENT");
});

/** Serve, and what runs beside it, on the embedded database, as a person uses them. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import {
  folderOf,
  ordinaryUser,
  type RunningSatchel,
  satchel,
  startCommand,
  startSatchel,
  type User,
} from "../support/binary.ts";
import { client } from "../support/client.ts";
import { PASSWORD } from "../support/given.ts";
import { tempFolder } from "../support/run.ts";

setDefaultTimeout(60_000);

/** As who runs the tests, and as an ordinary user where that is root. */
const USERS: readonly (readonly [string, User | null])[] = [
  ["as who runs the tests", null],
  ...(process.getuid?.() === 0 ? [["as an ordinary user", ordinaryUser()] as const] : []),
];

for (const [name, user] of USERS) {
  describe(`serve ${name}`, () => {
    // A folder as people have them, named from where one is.
    const dataDir = "./my data, año";
    const args = ["--data-dir", dataDir];
    let folder: string;
    let node: RunningSatchel;
    const run = (...words: string[]) => satchel([...words, ...args], { folder, user });

    beforeAll(async () => {
      folder = folderOf(user, "a school");
      node = await startSatchel({ folder, user, args });
    });

    afterAll(() => node.stop());

    test("says for people where it is, and for programs in the ready file", async () => {
      expect(node.log()).toContain(`Satchel`);
      expect(node.log()).toContain(`is ready: ${node.url}`);
      expect(node.log()).toContain(`${node.url}/docs`);
      expect(node.log()).toContain(node.setupCode ?? "no code");
      expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    });

    test("keeps everything in its folder, readable by nobody else [row 93]", () => {
      expect(readdirSync(folder)).toEqual(["my data, año"]);
      expect(statSync(join(node.dataDir, "secret")).mode & 0o777).toBe(0o600);
      expect(statSync(join(node.dataDir, "postgres")).mode & 0o077).toBe(0);
    });

    test("refuses a second one on the same folder and goes on", async () => {
      const second = await run("serve", "--port", "0");
      expect(second.code).toBe(75);
      expect(second.err).toContain(String(node.pid));
      expect(second.err).not.toMatch(/\bat .*:\d+:\d+/);
      expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    });

    test("is joined by setup-code, doctor and work", async () => {
      const code = await run("setup-code");
      expect(code).toMatchObject({ code: 0, err: "" });
      const { request } = client(node.url);
      const found = (setupCode: string, slug: string) =>
        request("POST", "/v1/organizations", {
          body: {
            setupCode,
            name: "A school",
            slug,
            admin: { fullName: "An admin", username: "admin", email: "admin@a.example", password: PASSWORD },
          },
        });
      expect((await found(code.out.trim(), "school-a")).status).toBe(201);
      // Once.
      expect((await found(code.out.trim(), "school-b")).status).toBe(403);
      // The one of the first start was only for the first organization.
      expect((await found(node.setupCode ?? "", "school-c")).status).toBe(403);

      const doctor = await run("doctor");
      expect(doctor).toMatchObject({ code: 0, err: "" });
      expect(doctor.out).toContain("(embedded)");

      const work = await startCommand(["work", ...args], { folder, user });
      while (!work.err().includes("Working on background jobs")) await Bun.sleep(5);
      work.kill("SIGTERM");
      expect((await work.ended).code).toBe(0);
      expect((await fetch(`${node.url}/readyz`)).status).toBe(200);
    });

    test("starts again after kill -9, with what it had and no set-up code any more", async () => {
      // Far above what it takes (test/bench/start.ts): a busy machine is no failure, waiting for a timeout is.
      expect(node.startMs).toBeLessThan(20_000);
      await node.stop("SIGKILL");
      node = await startSatchel({ folder, user, args });
      expect(node.startMs).toBeLessThan(10_000);
      expect(node.setupCode).toBeNull();
      const { request } = client(node.url);
      const body = { organization: "school-a", login: "admin", password: PASSWORD };
      expect((await request("POST", "/v1/sessions", { body })).status).toBe(201);
    });

    test("stops on SIGINT, and leaves no process and no lock behind", async () => {
      const postmaster = Number(
        readFileSync(join(node.dataDir, "postgres/postmaster.pid"), "utf8").split("\n")[0],
      );
      expect(await node.stop("SIGINT")).toBe(0);
      expect(() => process.kill(postmaster, 0)).toThrow();
      const alone = await run("doctor");
      expect(alone.code).toBe(0);
    });
  });
}

describe("where there is no database", () => {
  test("doctor, work, setup-code and import do not make one", async () => {
    for (const command of [["doctor"], ["work"], ["setup-code"], ["import", "-", "--organization", "x"]]) {
      const folder = tempFolder();
      const { code, err } = await satchel(command, { folder });
      expect([command[0], code]).toEqual([command[0], 78]);
      expect(err).toContain("there is no database in satchel-data");
      expect(err).toContain("--data-dir");
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe("serve refuses, and says what to do", () => {
  test("a port that is taken, by another program or by another Satchel", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = other.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const folder = tempFolder();
    const taken = await satchel(["serve", "--port", String(address.port)], { folder });
    other.close();
    expect(taken.code).toBe(75);
    expect(taken.err).toContain(`127.0.0.1:${address.port} is in use`);
    expect(taken.err).toContain("--port 0");
    expect(existsSync(join(folder, "satchel-data/postgres/postmaster.pid"))).toBe(false);

    const node = await startSatchel();
    const second = await satchel(["serve", "--port", new URL(node.url).port], { folder });
    expect(second.code).toBe(75);
    expect(second.err).toContain("is in use");
    expect(await node.stop()).toBe(0);
  });

  test("an address that is not this machine's", async () => {
    for (const host of ["203.0.113.7", "no such host"]) {
      const { code, err } = await satchel(["serve", "--port", "0", "--host", host]);
      expect(code).toBe(78);
      expect(err).toContain(`not possible to listen on ${host}`);
    }
  });

  test("a ready file that cannot be written, before anything is started", async () => {
    const folder = tempFolder();
    const { code, err } = await satchel(["serve", "--port", "0", "--ready-file", "no/such/folder"], {
      folder,
    });
    expect(code).toBe(78);
    expect(err).toContain("the ready file no/such/folder cannot be written");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a data folder that cannot be made or written", async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, "file"), "");
    const inFile = await satchel(["serve", "--data-dir", "file/data"], { folder });
    expect(inFile.code).toBe(78);
    expect(inFile.err).toContain("--data-dir");
    chmodSync(folder, 0o755);
    const user = ordinaryUser();
    if (user.uid !== process.getuid?.()) {
      const foreign = await satchel(["serve"], { folder, user });
      expect(foreign.code).toBe(78);
      expect(foreign.err).toContain("--data-dir");
      expect(foreign.err).not.toMatch(/\bat .*:\d+:\d+/);
    }
  });

  test("a folder whose name PostgreSQL's programs cannot take", async () => {
    for (const name of ['a"b', "a$b", "a`b", "a\\b", "a\nb"]) {
      const { code, err } = await satchel(["serve", "--port", "0", "--data-dir", name]);
      expect([name, code]).toEqual([name, 78]);
      expect(err).toContain("--data-dir");
      expect(err).not.toContain("initdb");
    }
  });

  test("a secret file that is broken, rather than make another secret", async () => {
    const folder = tempFolder();
    const node = await startSatchel({ folder });
    expect(await node.stop()).toBe(0);
    writeFileSync(join(node.dataDir, "secret"), "");
    const { code, err } = await satchel(["serve", "--port", "0"], { folder });
    expect(code).toBe(78);
    expect(err).toContain("holds no secret");
  });
});

test("a ready file of the last run is gone before this one is ready", async () => {
  const folder = tempFolder();
  const readyFile = join(folder, "ready.json");
  writeFileSync(readyFile, '{"url":"http://127.0.0.1:1"}');
  const serve = await startCommand(["serve", "--port", "0", "--ready-file", readyFile], { folder });
  let text = "";
  while (text === "") {
    if (existsSync(readyFile)) text = readFileSync(readyFile, "utf8");
    if (text.includes('127.0.0.1:1"')) text = "";
    await Bun.sleep(2);
  }
  const ready = JSON.parse(text) as { url: string; docs: string; pid: number; setupCode: string };
  expect(Object.keys(ready)).toEqual(["url", "docs", "pid", "mailboxPassword", "setupCode"]);
  expect(ready.pid).toBe(serve.pid);
  expect(ready.docs).toBe(`${ready.url}/docs`);
  expect(statSync(readyFile).mode & 0o777).toBe(0o600);
  serve.kill("SIGTERM");
  expect((await serve.ended).code).toBe(0);
});

test("the document of /openapi.json is the one that `satchel openapi` prints, but for the address", async () => {
  const node = await startSatchel();
  const served = (await (await fetch(`${node.url}/openapi.json`)).json()) as Record<string, unknown>;
  const printed = JSON.parse((await satchel(["openapi"])).out) as Record<string, unknown>;
  expect({ ...served, servers: null }).toEqual({ ...printed, servers: null });
  expect(await node.stop()).toBe(0);
});

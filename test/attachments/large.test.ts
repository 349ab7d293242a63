/**
 * Large files through the executable, on disk and in a bucket, while other requests go on. SATCHEL_TEST_LONG=1 sends two
 * gigabytes where otherwise 128 MB are sent.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { collectFilesJob } from "../../jobs/collect-files.ts";
import { closeDeps, type Deps, openDeps } from "../../src/deps.ts";
import { openKeys } from "../../src/keys.ts";
import { silentLog } from "../../src/log.ts";
import { testConfig } from "../support/app.ts";
import { best } from "../support/best.ts";
import { folderOf, type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { type TestDatabase, testDatabase } from "../support/database.ts";
import { ask, type Founded, found, until } from "../support/http.ts";
import { endWithRun } from "../support/run.ts";
import { type TestBucket, testBucket } from "../support/s3.ts";
import { ELF } from "./support.ts";

setDefaultTimeout(600_000);

const MB = 1024 ** 2;
const LONG = process.env.SATCHEL_TEST_LONG === "1";
const SIZE = LONG ? 2 * 1024 * MB + 1 : 128 * MB + 1;
/** Faster than a school's line; what the machine can do at most would measure who else runs on it. */
const BYTES_A_SECOND = 40 * MB;
const GROWTH = 64 * MB;
const SECRET = "the-same-for-the-job-and-long-enough-0123456789";

interface Sent {
  readonly status: number;
  readonly sha256: string;
  readonly answer: { readonly id: string; readonly sha256: string; readonly size: number };
  readonly bytes: number;
}

function sender(...args: readonly (string | number)[]) {
  // What is another machine's work in a school takes only what this one has left.
  const child = Bun.spawn(
    ["nice", "-n", "19", process.execPath, join(import.meta.dir, "sender.ts"), ...args.map(String)],
    {
      stdout: "pipe",
      stderr: "ignore",
    },
  );
  endWithRun(child.pid, "KILL");
  return {
    result: (async () => JSON.parse(await new Response(child.stdout).text()) as Sent)(),
    kill: () => child.kill("SIGKILL"),
  };
}

const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;

let bucket: TestBucket;
beforeAll(async () => {
  bucket = await testBucket();
});
afterAll(() => bucket.close());

describe.each(["a folder", "a bucket"])("in %s", (kind) => {
  let database: TestDatabase;
  let deps: Deps;
  let env: Readonly<Record<string, string>>;
  let server: RunningSatchel;
  let school: Founded;
  let contentId: string;
  let files: string;

  beforeAll(async () => {
    database = await testDatabase();
    files = folderOf(null, "files");
    const inBucket = kind === "a bucket";
    env = {
      DATABASE_URL: database.requestUrl,
      SATCHEL_SECRET: SECRET,
      SATCHEL_SIGN_UP: "open",
      SATCHEL_JOBS: "off",
      SATCHEL_LOG_LEVEL: "warn",
      SATCHEL_FILES: files,
      ...(inBucket ? bucket.env : {}),
    };
    const config = testConfig({ secrets: [SECRET], filesDir: files, ...(inBucket ? bucket.config : {}) });
    deps = await openDeps({
      config,
      db: database.db,
      keys: openKeys([SECRET]),
      log: silentLog,
      release: "test",
    });
    server = await startSatchel({ env });
    school = await found(server.url, `large-${inBucket ? "bucket" : "folder"}`);
    const made = await ask<{ id: string }>(server.url, "POST", "/v1/contents", {
      token: school.token,
      body: { title: "Films" },
    });
    contentId = made.body.id;
  });
  afterAll(async () => {
    await server.stop();
    await closeDeps(deps);
    await database.close();
  });

  const uploadTo = (name: string) => `${server.url}/v1/contents/${contentId}/attachments?name=${name}`;
  const bytesAt = (id: string) => `${server.url}/v1/attachments/${id}/bytes`;
  const upload = (name: string, size: number, seed: number, rate = BYTES_A_SECOND) =>
    sender("up", uploadTo(name), school.token, size, seed, rate);

  /** The 99th percentile of reading a lesson, in milliseconds, until `while_` has ended. */
  async function p99(while_: Promise<unknown>): Promise<number> {
    let over = false;
    void while_.finally(() => {
      over = true;
    });
    const times: number[] = [];
    const reader = async () => {
      while (!over) {
        const began = performance.now();
        const { status } = await ask(server.url, "GET", `/v1/contents/${contentId}`, { token: school.token });
        if (status !== 200) throw new Error(`a reader got ${status}`);
        times.push(performance.now() - began);
        await Bun.sleep(5);
      }
    };
    await Promise.all([reader(), reader(), reader(), reader()]);
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length * 0.99)] ?? Number.POSITIVE_INFINITY;
  }

  test("two gigabytes go up and down, equal, within 64 MB, and nobody else waits twice as long [row 62]", async () => {
    // What a first transfer and first readers bring into memory for good.
    const warm = await upload("warm.bin", 32 * MB, 999).result;
    await sender("down", bytesAt(warm.answer.id), school.token, BYTES_A_SECOND).result;
    await p99(Bun.sleep(500));
    let grown = 0;
    const ratio = await best(2, async (round) => {
      const quiet = await p99(Bun.sleep(1500));
      const before = residentOf(server.pid);
      const timer = setInterval(() => {
        grown = Math.max(grown, residentOf(server.pid) - before);
      }, 10);
      const transfer = (async () => {
        const up = await upload(`film-${round}.bin`, SIZE, round + 1).result;
        expect(up.status).toBe(201);
        expect([up.answer.sha256, up.answer.size]).toEqual([up.sha256, SIZE]);
        const down = await sender("down", bytesAt(up.answer.id), school.token, BYTES_A_SECOND).result;
        expect([down.status, down.sha256, down.bytes]).toEqual([200, up.sha256, SIZE]);
      })();
      const busy = await p99(transfer);
      await transfer;
      clearInterval(timer);
      if (LONG) console.log(kind, { quiet, busy, grownMB: grown / MB });
      return busy / quiet;
    });
    expect(grown).toBeLessThan(GROWTH);
    expect(ratio).toBeLessThan(2);
  });

  test("killed in the middle, an upload leaves no row, and no orphan once it was collected", async () => {
    const [before] = await database.admin<{ n: number }>("select count(*)::int as n from app.file");
    const half = upload("half.bin", SIZE, 77);
    half.result.catch(() => {});
    const uploads = join(files, "uploads");
    const sizes = () => readdirSync(uploads).map((name) => statSync(join(uploads, name)).size);
    await until(
      "the first bytes",
      async () => sizes(),
      (found) => found.some((size) => size > 4 * MB),
    );
    await server.stop("SIGKILL");
    half.kill();
    expect(sizes().length).toBe(1);
    const rows = () =>
      database.admin<{ files: number; attachments: number }>(
        `select (select count(*)::int from app.file) as files,
           (select count(*)::int from app.attachment where name = 'half.bin') as attachments`,
      );
    expect(await rows()).toEqual([{ files: before?.n ?? -1, attachments: 0 }]);
    const collect = () =>
      collectFilesJob(deps, {
        id: Bun.randomUUIDv7(),
        payload: {},
        attempt: 1,
        lastAttempt: false,
        signal: new AbortController().signal,
      });
    // Somebody might still be writing to it.
    await collect();
    expect(sizes().length).toBe(1);
    const then = new Date(Date.now() - 3_700_000);
    for (const name of readdirSync(uploads)) utimesSync(join(uploads, name), then, then);
    await collect();
    expect(sizes()).toEqual([]);
    const [organization] = await database.admin<{ id: string }>(
      "select organization_id as id from app.organization",
    );
    const kept: string[] = [];
    for await (const batch of deps.storage.list(organization?.id ?? ""))
      kept.push(...batch.map(({ fileId }) => fileId));
    const known = await database.admin<{ id: string }>("select file_id as id from app.file order by 1");
    expect(kept.sort()).toEqual(known.map(({ id }) => id));
    server = await startSatchel({ env });
    expect((await upload("again.bin", 5 * MB, 78).result).status).toBe(201);
  });

  test("a sender that is killed leaves nothing, without any collecting", async () => {
    const half = upload("half.bin", SIZE, 79);
    half.result.catch(() => {});
    const uploads = join(files, "uploads");
    await until(
      "the first bytes",
      async () => readdirSync(uploads),
      (found) => found.length > 0,
    );
    half.kill();
    await until(
      "its end",
      async () => readdirSync(uploads),
      (found) => found.length === 0,
    );
  });

  test("a server that could not keep files does not start, and says what to do", async () => {
    for (const [wrong, cure] of [
      [{ SATCHEL_FILES: "/dev/null/files" }, "SATCHEL_FILES"],
      ...(kind === "a bucket"
        ? [[{ SATCHEL_S3_ENDPOINT: "http://127.0.0.1:1" }, "SATCHEL_S3_ENDPOINT"] as const]
        : []),
    ] as const) {
      const { code, err } = await satchel(["serve", "--port", "0"], { env: { ...env, ...wrong } });
      expect([code, err.includes("files cannot be written"), err.includes(cure)]).toEqual([78, true, true]);
      const doctor = await satchel(["doctor"], { env: { ...env, ...wrong } });
      expect([doctor.code, doctor.out.includes("files cannot be written")]).toEqual([1, true]);
    }
  });

  test("a renamed executable is refused as an image", async () => {
    const response = await fetch(uploadTo("leaf.png"), {
      method: "POST",
      headers: { authorization: `Bearer ${school.token}`, "content-type": "image/png" },
      body: ELF,
    });
    expect([response.status, ((await response.json()) as { type: string }).type]).toEqual([
      422,
      "urn:satchel:problem:attachment_type_mismatch",
    ]);
  });
});

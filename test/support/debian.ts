/**
 * Programs that only the tests need: the machine's own, or else Debian's, unpacked into a cache folder.
 *
 * Nothing is installed, also not as root: `apt-get install redis-server` or `postgresql-15` would start a service on
 * the developer's machine, and unpacking is the one way that an ordinary user has as well. apt keeps its lists in the
 * cache folder too, checks signatures as ever, and is not asked again once a program is there (so: offline).
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";

const PROGRAMS = {
  "redis-server": { packages: ["redis-server", "redis-tools"], folder: "usr/bin", binary: "redis-server" },
  postgres: {
    packages: ["postgresql-15", "postgresql-client-15"],
    folder: "usr/lib/postgresql/15/bin",
    binary: "postgres",
  },
  pgbouncer: { packages: ["pgbouncer"], folder: "usr/sbin", binary: "pgbouncer" },
  curl: { packages: ["curl"], folder: "usr/bin", binary: "curl" },
  chromium: { packages: ["chromium", "chromium-common"], folder: "usr/lib/chromium", binary: "chromium" },
} as const;

export type ProgramName = keyof typeof PROGRAMS;

export interface Program {
  /** The program itself; `postgres` is always Debian 12's PostgreSQL 15. */
  readonly path: string;
  /** The folder it is in, where its siblings are (`initdb`, `psql`, `redis-cli`). Readable for every user. */
  readonly folder: string;
  /** The environment to start it with: this process's own, and where its libraries are. */
  readonly env: Readonly<Record<string, string>>;
}

const found = new Map<ProgramName, Promise<Program>>();

/** Finds the program or gets it. Throws with what to do when neither works (no Debian, or no network the first time). */
export function program(name: ProgramName): Promise<Program> {
  let promise = found.get(name);
  if (promise === undefined) {
    promise = find(name);
    found.set(name, promise);
  }
  return promise;
}

async function find(name: ProgramName): Promise<Program> {
  const { folder } = PROGRAMS[name];
  // SATCHEL_TEST_UNPACK=1 passes over the machine's own programs, to test what a bare machine does.
  if (process.env.SATCHEL_TEST_UNPACK !== "1") {
    const own = at(name, "/");
    if (await runs(own)) return own;
    const onPath = name === "postgres" ? null : Bun.which(PROGRAMS[name].binary);
    if (onPath !== null) {
      const elsewhere = { path: onPath, folder: join(onPath, ".."), env: environment() };
      if (await runs(elsewhere)) return elsewhere;
    }
  }
  const root = join(cacheFolder(), name);
  const cached = at(name, root);
  if (await runs(cached)) return cached;
  await unpack(name, root);
  if (await runs(cached)) return cached;
  throw new Error(`${name} was unpacked into ${root}, but ${join(root, folder)} does not run here`);
}

function at(name: ProgramName, root: string): Program {
  const { folder, binary } = PROGRAMS[name];
  const env = root === "/" ? environment() : { ...environment(), ...unpackedEnvironment(root) };
  return { path: join(root, folder, binary), folder: join(root, folder), env };
}

async function runs({ path, env }: Program): Promise<boolean> {
  if (!existsSync(path)) return false;
  const child = Bun.spawn([path, "--version"], { env, stdout: "ignore", stderr: "ignore", stdin: "ignore" });
  return (await child.exited) === 0;
}

const environment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

function unpackedEnvironment(root: string): Record<string, string> {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const libraries = [`usr/lib/${triplet}`, `lib/${triplet}`, `usr/lib/${triplet}/pulseaudio`];
  return {
    LD_LIBRARY_PATH: libraries.map((folder) => join(root, folder)).join(":"),
    FONTCONFIG_FILE: join(root, "fonts.conf"),
  };
}

/** As root not below /root, which the user that PostgreSQL runs as may not enter. */
function cacheFolder(): string {
  const { SATCHEL_TEST_CACHE: chosen, XDG_CACHE_HOME: cache, HOME: home } = process.env;
  if (chosen !== undefined && chosen !== "") return chosen;
  if (process.getuid?.() === 0) return "/var/cache/satchel-test";
  if (cache !== undefined && cache !== "") return join(cache, "satchel-test");
  return home === undefined || home === ""
    ? join(import.meta.dir, "../../node_modules/.cache/satchel-test")
    : join(home, ".cache/satchel-test");
}

async function unpack(name: ProgramName, root: string): Promise<void> {
  const { packages } = PROGRAMS[name];
  if (Bun.which("apt-get") === null || Bun.which("dpkg-deb") === null) {
    throw new Error(
      `The tests need ${name} and this is no Debian to take ${packages.join(" and ")} from: install it and put it on PATH`,
    );
  }
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  // Made under another name and renamed when complete: an interrupted or concurrent run leaves no half of it.
  const work = mkdtempSync(join(cache, `${name}.`));
  process.stderr.write(`getting ${packages.join(" and ")} from Debian into ${root}\n`);
  try {
    for (const folder of ["lists/partial", "apt/archives/partial", "packages", "root"]) {
      mkdirSync(join(work, folder), { recursive: true });
    }
    const apt = (...args: string[]) =>
      run(["apt-get", ...options(work), ...args], { cwd: join(work, "packages") });
    await apt("update");
    const plan = await apt("install", "--simulate", "--no-install-recommends", "--no-remove", ...packages);
    await apt("download", ...wanted(plan, packages));
    for (const file of readdirSync(join(work, "packages"))) {
      await run(["dpkg-deb", "--extract", join("packages", file), "root"], { cwd: work });
    }
    const fonts = `<fontconfig><dir>${root}/usr/share/fonts</dir><cachedir>${root}/fonts</cachedir></fontconfig>`;
    writeFileSync(join(work, "root/fonts.conf"), fonts);
    chmodSync(join(work, "root"), 0o755);
    rmSync(root, { recursive: true, force: true });
    try {
      renameSync(join(work, "root"), root);
    } catch (error) {
      if (!existsSync(root)) throw error; // another run was faster
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** apt with its own lists and archives, so that it needs neither root nor the machine's lock. */
function options(work: string): string[] {
  const settings = {
    "Dir::State::Lists": join(work, "lists"),
    "Dir::State::extended_states": join(work, "extended_states"),
    "Dir::Cache": join(work, "apt"),
    "Dir::Log": work,
    "Debug::NoLocking": "1",
    "APT::Sandbox::User": "root",
    "Acquire::Retries": "3",
  };
  return ["-q", ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}

/** The asked packages, the libraries they miss here and fonts; not what only their installation scripts need. */
function wanted(plan: string, packages: readonly string[]): string[] {
  const inst = [...plan.matchAll(/^Inst (\S+)(?: \[\S+\])? \((\S+) /gm)];
  const names = new Set<string>(packages);
  for (const [, name = ""] of inst) {
    if (/^(lib|font|xkb-data)/.test(name) && !/^lib(llvm|perl|z3|c-l10n|pam)/.test(name)) names.add(name);
  }
  return [...names];
}

async function run(command: readonly string[], { cwd }: { cwd: string }): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...environment(), LC_ALL: "C.UTF-8", DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) {
    throw new Error(`${basename(command[0] ?? "")} ended with ${code}: ${err.trim() || out.trim()}`);
  }
  return out;
}

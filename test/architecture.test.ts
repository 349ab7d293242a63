import { expect, test } from "bun:test";
import { join } from "node:path";
import { explain, findings } from "./support/architecture.ts";

const ROOT = join(import.meta.dir, "..");
const TEXT = /\.(?:ts|sql|json|md|toml|ya?ml|sh)$|(?:^|\/)(?:Dockerfile|run|LICENSE|\.[a-z]+ignore)$/;

/** Everything git knows or would know; without git (an unpacked archive) everything but what tools write. */
async function tree(): Promise<Map<string, string>> {
  const git = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: ROOT });
  const paths = git.success
    ? git.stdout.toString().split("\n")
    : [...new Bun.Glob("**/*").scanSync({ cwd: ROOT, dot: true })].filter(
        (path) => !/^(?:node_modules|dist|coverage|satchel-data|\.git)\//.test(path),
      );
  const files = new Map<string, string>();
  for (const path of paths.filter((candidate) => candidate !== "")) {
    const file = Bun.file(join(ROOT, path));
    if (await file.exists()) files.set(path, TEXT.test(path) ? await file.text() : "");
  }
  return files;
}

test("every file is where it belongs and imports only what it may [row 54] [row 97]", async () => {
  const files = await tree();
  expect(files.size).toBeGreaterThan(50);
  expect(findings(files).map(explain)).toEqual([]);
});

/** One file that breaks a rule, and a word of the finding. */
const PLANTED: readonly [title: string, path: string, text: string, offence: RegExp][] = [
  ["a folder at the root that nobody knows", "lib/a.ts", "", /root of the tree/],
  ["a fourth file in a feature folder", "src/users/helpers.ts", "", /feature folder holds users\.ts/],
  ["a path of one machine", "docs/start.md", "cd /work/main", /folder of one machine/],
  ["a path outside the repository", "README.md", "see ../shared/DESIGN.md", /outside the repository/],
  ["the environment read in a door", "src/users/users.ts", "const a = process.env.HOME;", /environment/],
  ["the environment read in core", "src/db.ts", "const a = Bun.env.HOME;", /environment/],
  ["SQL in a repository", "src/users/repository.ts", 'const q = "select 1 from app.user";', /holds SQL/],
  ["SQL in a job", "jobs/prune.ts", "const q = `\n  delete from app.session`;", /holds SQL/],
  ["a second driver", "src/users/users.ts", "const sql = new Bun.SQL(url);", /another driver/],
  ["raw statements in a feature", "src/users/repository.ts", "rawSend(tx, text);", /past the typed queries/],
  ["an unfinished place", "src/users/users.ts", `// ${"TO"}${"DO"} later`, /says TO/],
  [
    "postgres outside db.ts",
    "src/users/repository.ts",
    'import postgres from "postgres";',
    /library postgres/,
  ],
  [
    "the type of postgres in core",
    "src/cache.ts",
    'import type { Sql } from "postgres";',
    /library postgres/,
  ],
  ["redis outside cache.ts", "src/queue.ts", 'import { createClient } from "redis";', /library redis/],
  ["pg-boss in a feature", "src/users/users.ts", 'const b = await import("pg-boss");', /library pg-boss/],
  ["elysia in a door", "src/users/users.ts", 'import { t } from "elysia";', /library elysia/],
  ["a library nobody wraps", "src/log.ts", 'import pino from "pino";', /library pino/],
  [
    "sql that knows src",
    "sql/migrate.ts",
    'import { log } from "../src/log.ts";',
    /sql imports src\/log\.ts/,
  ],
  [
    "generated code that knows src",
    "sql/generated/users.ts",
    'import "../../src/log.ts";',
    /generated SQL imports/,
  ],
  [
    "core that knows a feature",
    "src/db.ts",
    'import { get } from "./users/users.ts";',
    /core imports src\/users/,
  ],
  ["core that knows HTTP", "src/deps.ts", 'import { app } from "./http/app.ts";', /core imports src\/http/],
  [
    "a foreign feature's queries",
    "src/users/repository.ts",
    'import { a } from "#sql/sessions";',
    /repository imports/,
  ],
  ["a door that reads queries", "src/users/users.ts", 'import { a } from "#sql/users";', /door imports sql/],
  [
    "a door that reads a foreign repository",
    "src/users/users.ts",
    'import { a } from "../sessions/repository.ts";',
    /door imports src\/sessions\/repository/,
  ],
  [
    "a door that knows HTTP",
    "src/users/users.ts",
    'import { p } from "../http/page.ts";',
    /door imports src\/http/,
  ],
  ["a route that reads rows", "src/users/routes.ts", 'import { a } from "./repository.ts";', /route imports/],
  [
    "a route that calls another door",
    "src/users/routes.ts",
    'import { a } from "../sessions/sessions.ts";',
    /route imports/,
  ],
  [
    "a feature that imports jobs",
    "src/users/users.ts",
    'import { j } from "../../jobs/index.ts";',
    /door imports jobs/,
  ],
  ["a job that reads rows", "jobs/a.ts", 'import { a } from "../src/users/repository.ts";', /job imports/],
  ["a job that knows HTTP", "jobs/a.ts", 'import {\n  a,\n} from "../src/http/app.ts";', /job imports/],
  ["a re-export", "jobs/a.ts", 'export { a } from "../src/http/app.ts";', /job imports/],
  [
    "the shell that reads rows",
    "src/http/app.ts",
    'import { a } from "../users/repository.ts";',
    /shell imports/,
  ],
];

for (const [title, path, text, offence] of PLANTED) {
  test(`the check finds ${title}`, () => {
    const found = findings(new Map([[path, text]]));
    expect(found).toHaveLength(1);
    expect(found[0]?.offence).toMatch(offence);
    expect(found[0]?.remedy.length).toBeGreaterThan(20);
  });
}

test("the check finds doors that import each other in a circle, and lets a type pass", () => {
  const circle = new Map([
    ["src/users/users.ts", 'import { a } from "../sessions/sessions.ts";'],
    ["src/sessions/sessions.ts", 'import { b } from "../audit/audit.ts";'],
    ["src/audit/audit.ts", 'import { c } from "../users/users.ts";'],
  ]);
  expect(findings(circle).map(({ offence }) => offence)).toEqual([
    "doors import each other: src/users/users.ts → src/sessions/sessions.ts → src/audit/audit.ts → src/users/users.ts",
  ]);
  circle.set("src/audit/audit.ts", 'import type { C } from "../users/users.ts";');
  expect(findings(circle)).toEqual([]);
});

test("the check lets pass what the rules allow", () => {
  const allowed = new Map([
    ["src/main.ts", 'import { startJobs } from "../jobs/index.ts";\nconst { env } = process.env;'],
    ["src/db.ts", 'import postgres from "postgres";\nconst begin = "set local role satchel_system";'],
    [
      "src/users/repository.ts",
      'import { findUser } from "#sql/users";\nimport { one } from "../../sql/tx.ts";',
    ],
    [
      "src/users/users.ts",
      'import * as rows from "./repository.ts";\n// select what is needed\nconst a = "Select a user";',
    ],
    ["src/users/routes.ts", 'import { t } from "elysia";\nimport { endpoint } from "../http/endpoint.ts";'],
    ["jobs/index.ts", 'import { prune } from "../src/sessions/sessions.ts";'],
  ]);
  expect(findings(allowed).map(explain)).toEqual([]);
});

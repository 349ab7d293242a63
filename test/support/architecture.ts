/**
 * The rules of the tree: which file may import which, what may stand where. Pure: it is given the files, so that it
 * can be shown what breaks each rule. A finding names the offence and the remedy.
 */
import { dirname, join } from "node:path/posix";

/** Path from the repository's root → text. */
export type Tree = ReadonlyMap<string, string>;

export interface Finding {
  readonly path: string;
  readonly offence: string;
  readonly remedy: string;
}

export function findings(tree: Tree): readonly Finding[] {
  return [...tree]
    .flatMap(([path, text]) => [
      ...places(path),
      ...words(path, text),
      ...code(path, text),
      ...imports(path, text),
    ])
    .concat(cycles(tree));
}

export const explain = ({ path, offence, remedy }: Finding): string => `${path}: ${offence}. ${remedy}.`;

// Places

/** What a reader may expect at the root. A folder ends with a slash. */
const ROOT = [
  ...["src/", "sql/", "jobs/", "test/", "docs/", "patches/", ".ci/", ".github/"],
  ...["package.json", "bun.lock", "bunfig.toml", "tsconfig.json", "biome.json", "Dockerfile", "compose.yaml"],
  ...["README.md", "CHANGELOG.md", "LICENSE", ".gitignore", ".dockerignore", ".env.example"],
];

/** Folders of src/ that are no feature. */
const SHARED = ["cli", "embedded", "http"];
const LAYERS = ["routes.ts", "repository.ts"];

function* places(path: string): Generator<Finding> {
  const [top = "", second = "", third = ""] = path.split("/");
  if (!ROOT.includes(second === "" ? top : `${top}/`)) {
    yield {
      path,
      offence: "nothing of that name belongs at the root of the tree",
      remedy: "Put it below src/, sql/, jobs/, test/ or docs/, or add it to the design and to this list",
    };
  }
  const feature = featureOf(path);
  if (feature !== null && ![`${feature}.ts`, ...LAYERS].includes(third)) {
    yield {
      path,
      offence: `a feature folder holds ${feature}.ts, routes.ts and repository.ts only`,
      remedy: "Move it into one of the three, or into a file of src/ that every feature may use",
    };
  }
}

/** The feature whose folder a file is in, or null. */
function featureOf(path: string): string | null {
  const [, feature] = /^src\/([^/]+)\/./.exec(path) ?? [];
  return feature === undefined || SHARED.includes(feature) ? null : feature;
}

// Words

const FOREIGN: readonly [RegExp, string][] = [
  [/(?:^|[\s"'`(=])\/work\//m, "names a folder of one machine"],
  [/\.\.\/shared\//, "names a folder outside the repository"],
];

function* words(path: string, text: string): Generator<Finding> {
  if (path === "test/support/architecture.ts" || path === "test/architecture.test.ts") return;
  for (const [pattern, offence] of FOREIGN) {
    if (pattern.test(text)) {
      yield {
        path,
        offence,
        remedy: "Nobody else has it: use what is in the repository or a temporary folder",
      };
    }
  }
}

// Code

const isCode = (path: string) => /^(?:src|sql|jobs|test)\/.*\.ts$/.test(path) && !path.endsWith(".d.ts");
const isProduct = (path: string) => isCode(path) && /^(?:src|jobs)\//.test(path);
const isEntry = (path: string) =>
  path === "src/main.ts" || path === "src/build.ts" || path.startsWith("src/cli/");

/** Who speaks SQL of the connection itself, before there is a schema, or to a person who is to run it. */
const SPEAKS_SQL = ["src/db.ts", "src/embedded/cluster.ts", "src/database/database.ts"];

/** A literal that begins like a statement: `Select a user` does not, `select id` and `SELECT id` do. */
const STATEMENT =
  /["'`]\s*(select\s|insert\s+into\s|update\s+[\w.]+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s|(?:create|alter|drop)\s+(?:table|role|database|index|schema|type|function)\s|set\s+(?:local|role)\s|truncate\s)/gi;

const holdsSql = (text: string) =>
  [...text.matchAll(STATEMENT)].some(([, verb = ""]) => {
    const word = verb.split(/\s/)[0] ?? "";
    return word === word.toLowerCase() || word === word.toUpperCase();
  });

function* code(path: string, text: string): Generator<Finding> {
  if (!isProduct(path)) return;
  const bare = withoutComments(text);
  if (/\bprocess\.env\b|\bBun\.env\b|import\.meta\.env\b/.test(bare) && !isEntry(path)) {
    yield {
      path,
      offence: "reads the environment",
      remedy: "Add a setting to src/config.ts and take it from deps.config",
    };
  }
  if (holdsSql(bare) && !SPEAKS_SQL.includes(path)) {
    yield {
      path,
      offence: "holds SQL",
      remedy:
        "Write it to sql/queries/<feature>/<verb>_<what>.sql, run `bun run sql` and import the function",
    };
  }
  if (/\bBun\.(?:SQL|sql)\b/.test(bare)) {
    yield {
      path,
      offence: "uses another driver",
      remedy: "Take a transaction from withTenant or withSystem",
    };
  }
  if (/\brawSend\b/.test(bare) && !["src/db.ts", "src/queue.ts"].includes(path)) {
    yield {
      path,
      offence: "sends text past the typed queries",
      remedy: "Only the job queue may, whose statements are its library's. Write a query file",
    };
  }
  const marker = /\b(?:TODO|FIXME|XXX)\b/.exec(text)?.[0];
  if (marker !== undefined) {
    yield { path, offence: `says ${marker}`, remedy: "Do it, or leave it out and say so in the docs" };
  }
}

// Imports

interface Import {
  /** A path in the tree, `npm:<package>` or `builtin:<name>`. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** The one library each of these wraps; nothing else imports it. */
const WRAPPED: Readonly<Record<string, (path: string) => boolean>> = {
  postgres: (path) => path === "src/db.ts" || path.startsWith("sql/"),
  redis: (path) => path === "src/cache.ts",
  "@zxcvbn-ts/language-common": (path) => path === "src/passwords.ts",
  "file-type": (path) => path === "src/media-types.ts",
  bowser: (path) => path === "src/devices.ts",
  diff: (path) => path === "src/diff.ts",
  "markdown-it": (path) => path === "src/markdown.ts",
  yaml: (path) => path === "src/front-matter.ts",
  "tar-stream": (path) => path === "src/tar.ts",
  "sanitize-html": (path) => path === "src/markdown.ts",
  nodemailer: (path) => path === "src/smtp.ts",
  "pg-boss": (path) => path === "src/queue.ts" || path.startsWith("jobs/"),
  elysia: (path) => path.startsWith("src/http/") || path.endsWith("/routes.ts"),
  "@elysiajs/swagger": (path) => path === "src/http/docs.ts",
  "swagger-ui-dist": (path) => path.startsWith("src/http/"),
};

const OPEN_LIBRARIES = ["@sinclair/typebox"];

interface Layer {
  readonly name: string;
  readonly has: (path: string) => boolean;
  /** Whether a file of this layer may import one at `target`; `own` is its feature. */
  readonly may: (target: string, own: string | null, at: { path: string; typeOnly: boolean }) => boolean;
  readonly remedy: string;
}

const isCore = (path: string) =>
  /^src\/[^/]+\.ts$/.test(path) && !isEntry(path) && path !== "src/endpoints.ts";
const isDoor = (path: string) => path === `src/${featureOf(path)}/${featureOf(path)}.ts`;
const isHttp = (path: string) => path.startsWith("src/http/");
const isEmbedded = (path: string) => path.startsWith("src/embedded/");
const isSqlBase = (path: string) => path === "sql/tx.ts" || path === "sql/connection.ts";

const LAYERS_OF_CODE: readonly Layer[] = [
  {
    name: "generated SQL",
    has: (path) => path.startsWith("sql/generated/"),
    may: (target) => target === "sql/tx.ts" || /^sql\/(?:queries|migrations|generated)\//.test(target),
    remedy: "It is written by `bun run sql`; change sql/generate",
  },
  {
    name: "sql",
    has: (path) => path.startsWith("sql/"),
    may: (target, _own, { path }) =>
      target.startsWith("sql/") ||
      (path.startsWith("sql/generate") && (isEmbedded(target) || target === "src/log.ts")),
    remedy: "What PostgreSQL knows depends on nothing above it: pass it in as an argument",
  },
  {
    name: "entry",
    has: isEntry,
    may: () => true,
    remedy: "",
  },
  {
    name: "the list of endpoints",
    has: (path) => path === "src/endpoints.ts",
    may: (target) => isHttp(target) || target.endsWith("/routes.ts"),
    remedy: "It only lists what each feature's routes.ts exports",
  },
  {
    name: "core",
    has: isCore,
    may: (target) => isCore(target) || isSqlBase(target),
    remedy: "Core is below the features: pass it in as an argument, or move the code up",
  },
  {
    name: "the embedded database",
    has: isEmbedded,
    may: (target) => isEmbedded(target) || isCore(target) || isSqlBase(target),
    remedy: "It starts a server and knows nothing of what is kept in it",
  },
  {
    name: "the HTTP shell",
    has: isHttp,
    may: (target) => isHttp(target) || isCore(target) || isDoor(target) || target === "package.json",
    remedy: "Call the feature's door",
  },
  {
    name: "a repository",
    has: (path) => featureOf(path) !== null && path.endsWith("/repository.ts"),
    // The nouns are the door's, so a repository may name their types.
    may: (target, own, { typeOnly }) =>
      target === `sql/generated/${own}.ts` ||
      (typeOnly && target === `src/${own}/${own}.ts`) ||
      isCore(target) ||
      isSqlBase(target),
    remedy: "A repository reads its own feature's queries; another feature is asked through its door",
  },
  {
    name: "a route",
    has: (path) => featureOf(path) !== null && path.endsWith("/routes.ts"),
    may: (target, own) =>
      target === `src/${own}/${own}.ts` || isHttp(target) || isCore(target) || isSqlBase(target),
    remedy: "A route calls its own feature's door and nothing deeper",
  },
  {
    name: "a door",
    has: (path) => featureOf(path) !== null,
    may: (target, own) =>
      target === `src/${own}/repository.ts` || isDoor(target) || isCore(target) || isSqlBase(target),
    remedy:
      "Rows come from the own repository, other features through their door, and HTTP stays in routes.ts",
  },
  {
    name: "a job",
    has: (path) => path.startsWith("jobs/"),
    may: (target) => target.startsWith("jobs/") || isDoor(target) || isCore(target) || isSqlBase(target),
    remedy: "A job calls a feature's door, like HTTP",
  },
];

function* imports(path: string, text: string): Generator<Finding> {
  const layer = LAYERS_OF_CODE.find(({ has }) => has(path));
  if (layer === undefined || !isCode(path)) return;
  for (const { target, typeOnly } of importsOf(path, text)) {
    if (target.startsWith("builtin:")) continue;
    if (target.startsWith("npm:")) {
      const name = target.slice("npm:".length);
      const wrapped = WRAPPED[name];
      const allowed = wrapped === undefined ? OPEN_LIBRARIES.includes(name) : wrapped(path);
      if (!allowed) {
        yield {
          path,
          offence: `imports the library ${name}`,
          remedy:
            "Each library has one place that wraps it (src/db.ts, src/cache.ts, src/queue.ts, src/http): use that",
        };
      }
    } else if (
      !/\.(?:sql|zst|json)$/.test(target) &&
      !layer.may(target, featureOf(path), { path, typeOnly })
    ) {
      yield { path, offence: `${layer.name} imports ${target}`, remedy: layer.remedy };
    }
  }
}

/** Doors may call each other, but not in a circle: nobody could read one without the other. */
function cycles(tree: Tree): readonly Finding[] {
  const doors = new Map(
    [...tree]
      .filter(([path]) => isDoor(path))
      .map(([path, text]) => {
        const targets = importsOf(path, text).filter(({ target, typeOnly }) => isDoor(target) && !typeOnly);
        return [path, targets.map(({ target }) => target)] as const;
      }),
  );
  const found: Finding[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]): void => {
    const start = above.indexOf(path);
    if (start >= 0) {
      const circle = [...above.slice(start), path].join(" → ");
      found.push({
        path,
        offence: `doors import each other: ${circle}`,
        remedy: "Move what both need into the lower one, or into a file of src/",
      });
      return;
    }
    if (done.has(path)) return;
    for (const target of doors.get(path) ?? []) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of doors.keys()) visit(path, []);
  return found;
}

const IMPORT =
  /(?:^|[;\n}])\s*(import|export)\s+(type\s)?(?:[^;'"]*?\bfrom\s*)?["']([^"'\n]+)["']|\bimport\(\s*["'`]([^"'`\n]+)["'`]/g;

function importsOf(path: string, text: string): readonly Import[] {
  return [...withoutComments(text).matchAll(IMPORT)].map(([, , type, named, called]) => ({
    target: resolve(path, named ?? called ?? ""),
    typeOnly: type !== undefined,
  }));
}

function resolve(path: string, specifier: string): string {
  if (specifier.startsWith("#sql/")) return `sql/generated/${specifier.slice("#sql/".length)}.ts`;
  if (specifier.startsWith(".")) return join(dirname(path), specifier);
  if (/^(?:node|bun):|^bun$/.test(specifier)) return `builtin:${specifier}`;
  const [scope = "", name = ""] = specifier.split("/");
  return `npm:${scope.startsWith("@") ? `${scope}/${name}` : scope}`;
}

/** Comments may say what code may not. Good enough for this house's formatting; strings keep their `//`. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\/|(?:^|\s)\/\/.*$/gm, "");
}

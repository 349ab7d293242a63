import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TSchema, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type Anchor, type Break, type Link, lineOf, SYSTEM_CHAIN, type Trust, walk } from "../chain.ts";
import { readChain, verifyChain } from "../chains/chains.ts";
import type { Config } from "../config.ts";
import type { Deps } from "../deps.ts";
import { openKeys } from "../keys.ts";
import { allOrganizations } from "../organizations/organizations.ts";
import { type Call, type Command, DATA_DIR, EXIT, Exit } from "./command.ts";
import { linesOf } from "./lines.ts";
import { openAll, organizationNamed } from "./open.ts";
import { logOf, readSettingsOf, secretsOf } from "./settings.ts";

export const auditCommand: Command = {
  name: "audit",
  summary: "show that nothing of the audit was altered; export it; print the key that it is signed with",
  usage:
    "verify [FILE] [--organization SLUG] [--anchor FILE] [--public-key KEY] | export [--organization SLUG] | key",
  details: [
    "verify recomputes every chain, or the one of an organization, and compares it with the signed heads that were kept",
    "outside the database: those of this installation, and those in the file that --anchor names. It names the first",
    "event of each organization that is not as it was written; then the exit code is 1. With FILE it reads what export",
    "has written, and needs no database. What export writes holds addresses and browsers of people.",
  ].join("\n"),
  options: {
    ...DATA_DIR,
    organization: { type: "string", value: "SLUG", meaning: "only the chain of this organization" },
    anchor: { type: "string", value: "FILE", meaning: "signed heads to compare the chains with" },
    "public-key": { type: "string", value: "KEY", meaning: "of another secret whose signatures count" },
  },
  positionals: { min: 1, max: 2 },
  run: async (call) => {
    const [verb, file] = call.positionals;
    const options = Object.keys(call.options);
    const takes =
      verb === "verify"
        ? ["organization", "anchor", "public-key"]
        : verb === "export"
          ? ["organization"]
          : [];
    if (verb !== "verify" && verb !== "export" && verb !== "key")
      throw wrongUsage(`there is no "audit ${verb}"`);
    if (file !== undefined && verb !== "verify") throw wrongUsage(`what is "${file}"?`);
    if (file !== undefined && options.includes("organization")) {
      throw wrongUsage("--organization is for the database; a file is verified whole");
    }
    const idle = ["organization", "anchor", "public-key"].find(
      (name) => options.includes(name) && !takes.includes(name),
    );
    if (idle !== undefined) throw wrongUsage(`--${idle} has no meaning for "audit ${verb}"`);
    givenKeys(call);
    const config = readSettingsOf(call);
    if (verb === "verify" && file !== undefined) return verifyFile(call, config, file);
    const opened = await openAll(config, logOf({ ...config, logLevel: "error" }), false);
    try {
      if (verb === "verify") return await verifyStored(call, opened.deps);
      if (verb === "export") return await exportChains(call, opened.deps);
      for (const key of opened.deps.keys.publicKeys) call.out(key);
      return EXIT.ok;
    } finally {
      await opened.close();
    }
  },
};

const wrongUsage = (message: string) => new Exit(EXIT.usage, message);

/** The one chain that is asked for, or all of them. */
async function* chosen(call: Call, deps: Deps): AsyncGenerator<string> {
  const slug = call.options.organization;
  if (typeof slug !== "string") {
    yield SYSTEM_CHAIN;
    yield* allOrganizations(deps);
    return;
  }
  yield (await organizationNamed(deps, slug)).organizationId;
}

async function exportChains(call: Call, deps: Deps): Promise<number> {
  let code: number = EXIT.ok;
  for await (const organizationId of chosen(call, deps)) {
    let last: Link | null = null;
    for await (const link of readChain(deps, organizationId)) {
      call.out(lineOf(link));
      last = link;
    }
    if (last === null || last.type === "anchor") continue;
    call.say(`${organizationId}: not signed, for it does not hold; \`satchel audit verify\` tells where`);
    code = EXIT.failed;
  }
  return code;
}

async function verifyStored(call: Call, deps: Deps): Promise<number> {
  const { auditAnchors, dataDir } = deps.config;
  const kept = auditAnchors ?? join(dataDir, "audit-anchors.ndjson");
  const named = call.options.anchor;
  const files = [...(existsSync(kept) ? [kept] : []), ...(typeof named === "string" ? [named] : [])];
  const { anchors, damaged } = await readAnchors(call, [...new Set(files)]);
  const trust = trusting([...deps.keys.publicKeys, ...givenKeys(call)]);
  const seen = new Set<string>();
  let broken = damaged;
  for await (const organizationId of chosen(call, deps)) {
    seen.add(organizationId);
    const found = await verifyChain(deps, organizationId, trust, anchors);
    if (tell(call, organizationId, found.broken, found)) broken += 1;
  }
  if (call.options.organization === undefined) broken += tellMissing(call, anchors, seen);
  return broken === 0 ? EXIT.ok : EXIT.failed;
}

/** Chains that were signed once and of which nothing is left; gives how many. */
function tellMissing(call: Call, anchors: readonly Anchor[], seen: ReadonlySet<string>): number {
  const missing = new Set(
    anchors.map(({ organizationId }) => organizationId).filter((organizationId) => !seen.has(organizationId)),
  );
  for (const organizationId of missing) {
    tell(call, organizationId, { sequence: 1, what: "the whole chain is missing, and was anchored" }, null);
  }
  return missing.size;
}

interface Counts {
  readonly events: number;
  readonly sealed: number;
  readonly anchors: number;
}

/** Prints how a chain stands. Gives whether it is broken. */
function tell(call: Call, organizationId: string, broken: Break | null, counts: Counts | null): boolean {
  const name = organizationId === SYSTEM_CHAIN ? "system" : organizationId;
  if (broken !== null) call.out(`BROKEN  ${name}  event ${broken.sequence}: ${broken.what}`);
  else if (counts !== null) {
    call.out(`whole   ${name}  ${counts.events} events, ${counts.sealed} sealed, ${counts.anchors} anchors`);
  }
  return broken !== null;
}

async function verifyFile(call: Call, config: Config, path: string): Promise<number> {
  const known =
    config.secrets.length > 0 || existsSync(join(config.dataDir, "secret"))
      ? openKeys(secretsOf(config)).publicKeys
      : [];
  const keys = [...known, ...givenKeys(call)];
  if (keys.length === 0) {
    throw wrongUsage(
      "whose signature counts? Name the key that `satchel audit key` prints, with --public-key",
    );
  }
  const trust = trusting(keys);
  const named = call.options.anchor;
  const { anchors, damaged } = await readAnchors(call, typeof named === "string" ? [named] : []);
  const chains = new Map<
    string,
    { walked: ReturnType<typeof walk>; broken: Break | null; signed: boolean }
  >();
  let unreadable = 0;
  for await (const { number, link } of readLinks(path)) {
    if (link === null) {
      call.say(`${path}, line ${number}: is no line of an export`);
      unreadable += 1;
      continue;
    }
    const { organizationId } = link;
    const chain = chains.get(organizationId) ?? {
      walked: walk(organizationId, trust, anchors),
      broken: null,
      signed: false,
    };
    chains.set(organizationId, chain);
    chain.broken ??= chain.walked.take(link);
    chain.signed = link.type === "anchor";
  }
  let broken = damaged + unreadable;
  for (const [organizationId, { walked, broken: found, signed }] of chains) {
    const unsigned = signed
      ? null
      : { sequence: walked.head().sequence, what: "the end of it is not signed" };
    if (tell(call, organizationId, found ?? walked.end() ?? unsigned, walked.counts())) broken += 1;
  }
  if (chains.size === 0) {
    call.say(`there is no chain in ${path}`);
    return EXIT.failed;
  }
  return broken === 0 ? EXIT.ok : EXIT.failed;
}

const trusting =
  (keys: readonly string[]): Trust =>
  (publicKey) =>
    keys.includes(publicKey);

function givenKeys(call: Call): readonly string[] {
  const given = call.options["public-key"];
  if (typeof given !== "string") return [];
  const keys = given.split(",");
  if (keys.some((key) => !/^[A-Za-z0-9_-]{43}$/.test(key))) {
    throw wrongUsage("--public-key must be a key as `satchel audit key` prints it");
  }
  return keys;
}

/** Signed heads of files. Half a last line is left by a node that was killed while it wrote; any other is damage. */
async function readAnchors(
  call: Call,
  paths: readonly string[],
): Promise<{ readonly anchors: readonly Anchor[]; readonly damaged: number }> {
  const anchors: Anchor[] = [];
  let damaged = 0;
  for (const path of paths) {
    let doubtful: number | null = null;
    for await (const { number, link } of readLinks(path)) {
      if (doubtful !== null) damaged += complain(call, path, doubtful);
      doubtful = null;
      if (link?.type === "anchor") anchors.push(link);
      else doubtful = number;
    }
  }
  return { anchors, damaged };
}

function complain(call: Call, path: string, line: number): number {
  call.say(`${path}, line ${line}: is no signed head`);
  return 1;
}

const LINE_BYTES = 1024 * 1024;

async function* readLinks(
  path: string,
): AsyncGenerator<{ readonly number: number; readonly link: Link | null }> {
  const file = path === "-" ? null : Bun.file(path);
  if (file !== null && !(await file.exists())) throw new Exit(EXIT.failed, `there is no file ${path}`);
  for await (const { number, text } of linesOf((file ?? Bun.stdin).stream(), LINE_BYTES)) {
    yield { number, link: text === null ? null : readLink(text) };
  }
}

const whole = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const hash = Type.String({ pattern: "^[0-9a-f]{64}$" });
const id = Type.String({ pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" });
const moment = Type.String({ pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$" });
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const exactly = { additionalProperties: false };
const signed = {
  publicKey: Type.String({ pattern: "^[A-Za-z0-9_-]{43}$" }),
  signature: Type.String({ pattern: "^[A-Za-z0-9_-]{86}$" }),
};

/** A name that nobody knows would be verified by nobody. */
const shape = TypeCompiler.Compile(
  Type.Union([
    Type.Object(
      {
        type: Type.Literal("event"),
        action: Type.String(),
        actorId: orNull(id),
        apiKeyId: orNull(id),
        at: moment,
        details: Type.Record(
          Type.String(),
          Type.Union([Type.String(), Type.Integer(), Type.Boolean(), Type.Null()]),
        ),
        hash,
        organizationId: id,
        origin: orNull(hash),
        outcome: Type.String(),
        previous: hash,
        sequence: whole,
        sessionId: orNull(id),
        source: orNull(
          Type.Object(
            { address: Type.String(), salt: Type.String(), userAgent: orNull(Type.String()) },
            exactly,
          ),
        ),
        subjectIds: Type.Array(id),
        targetId: orNull(Type.String()),
        targetType: orNull(Type.String()),
      },
      exactly,
    ),
    Type.Object(
      {
        type: Type.Literal("seal"),
        actions: Type.Record(Type.String(), whole),
        firstAt: moment,
        firstSequence: whole,
        hash,
        lastAt: moment,
        lastSequence: whole,
        organizationId: id,
        previous: hash,
        sealedAt: moment,
        ...signed,
      },
      exactly,
    ),
    Type.Object(
      { type: Type.Literal("anchor"), at: moment, hash, organizationId: id, sequence: whole, ...signed },
      exactly,
    ),
  ]),
);

/** One line of an export or of a file of anchors, or null when it is none. */
function readLink(text: string): Link | null {
  try {
    const value: unknown = JSON.parse(text);
    return shape.Check(value) ? value : null;
  } catch {
    return null;
  }
}

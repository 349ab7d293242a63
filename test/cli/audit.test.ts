/** `satchel audit`: against a database, and with nothing but what it has exported. */
import { afterAll, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { anchorAudit } from "../../jobs/anchor-audit.ts";
import { auditIn } from "../../src/audit/audit.ts";
import { type Link, lineOf, SYSTEM_CHAIN } from "../../src/chain.ts";
import { sealOutdated } from "../../src/chains/chains.ts";
import { auditCommand } from "../../src/cli/audit.ts";
import { Exit, readArguments } from "../../src/cli/command.ts";
import { withTenant } from "../../src/db.ts";
import { age, fill, rechain } from "../audit/support.ts";
import { domain } from "../support/domain.ts";
import { tempFolder } from "../support/run.ts";

const folder = tempFolder();
const anchorsPath = join(folder, "anchors.ndjson");
const secrets = ["one that only these tests know: 0123456789 abcdef"];
const app = await domain({ config: { auditAnchors: anchorsPath, secrets } });
const { deps } = app;
const { admin, db, requestUrl } = app.database;
afterAll(app.close);

const school = await app.it.organization();
const other = await app.it.organization();
const people = [Bun.randomUUIDv7(), Bun.randomUUIDv7()];
await fill(db, school.id, people, 20);
await admin("alter table app.audit_event disable trigger keep");

const env = {
  DATABASE_URL: requestUrl,
  SATCHEL_SECRET: secrets.join(","),
  SATCHEL_AUDIT_ANCHORS: anchorsPath,
};
/** Without a database, and without the secret. */
const outside = { SATCHEL_DATA_DIR: join(folder, "nothing") };

async function run(argv: readonly string[], given: Readonly<Record<string, string>> = env) {
  const out: string[] = [];
  const err: string[] = [];
  const { options, positionals } = readArguments(auditCommand, argv);
  const call = {
    options,
    positionals,
    env: given,
    out: (line: string) => out.push(line),
    say: (line: string) => err.push(line),
  };
  try {
    return { code: await auditCommand.run(call), out, err };
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    return { code: error.code, out, err: [...err, error.message, error.cure ?? ""] };
  }
}
const anchor = () =>
  anchorAudit(deps, {
    id: Bun.randomUUIDv7(),
    payload: {},
    attempt: 1,
    lastAttempt: false,
    signal: new AbortController().signal,
  });
const anchorLines = () => readFileSync(anchorsPath, "utf8").trimEnd().split("\n");
const brokenLine = (organizationId: string, out: readonly string[]) =>
  out.find((line) => line.startsWith("BROKEN") && line.includes(organizationId));
const key = (await run(["key"])).out[0] ?? "";

describe("anchors [row 113]", () => {
  test("the job writes the head of each chain that has grown, signed, and no other", async () => {
    await anchor();
    const lines = anchorLines().map((line) => JSON.parse(line) as Link);
    expect(lines.map(({ type, organizationId }) => [type, organizationId]).sort()).toEqual(
      [school.id, other.id].map((id) => ["anchor", id]).sort(),
    );
    await anchor();
    expect(anchorLines()).toHaveLength(2);
    await fill(db, other.id, people, 1);
    await anchor();
    expect(anchorLines()).toHaveLength(3);
  });

  test("without a file they go to the log where the database is external", async () => {
    const lines: string[] = [];
    const log = {
      ...deps.log,
      info: (event: string, fields?: object) => lines.push(JSON.stringify({ event, ...fields })),
    };
    await fill(db, school.id, people, 1);
    await anchorAudit(
      {
        ...deps,
        log,
        config: { ...deps.config, auditAnchors: null, databaseUrl: requestUrl },
      } as typeof deps,
      { id: "", payload: {}, attempt: 1, lastAttempt: false, signal: new AbortController().signal },
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("audit_anchor");
    // They count as written: here the file has them as well.
    const { anchor: line } = JSON.parse(lines[0] ?? "{}") as { readonly anchor: string };
    appendFileSync(anchorsPath, `${line}\n`);
  });
});

describe("verify [row 113]", () => {
  test("says of every chain that it is whole, and ends with 0", async () => {
    const { code, out, err } = await run(["verify"]);
    expect([code, err]).toEqual([0, []]);
    expect(out.map((line) => line.replace(/ {2}\d+ events.*/, ""))).toEqual([
      "whole   system",
      ...[school.id, other.id].sort().map((id) => `whole   ${id}`),
    ]);
  });

  test("names the first bad event of each organization, ends with 1, and can be asked for one", async () => {
    const where = "where organization_id = $1 and sequence in (6, 9)";
    const alter = `update app.audit_event set target_id = concat(target_id, 'x') ${where}`;
    const restore = `update app.audit_event set target_id = nullif(left(target_id, -1), '') ${where}`;
    await admin(alter, [school.id]);
    const all = await run(["verify"]);
    expect(all.code).toBe(1);
    expect(brokenLine(school.id, all.out)).toEndWith("event 6: the event was altered");
    expect(brokenLine(other.id, all.out)).toBeUndefined();
    expect((await run(["verify", "--organization", school.slug])).code).toBe(1);
    expect(await run(["verify", "--organization", other.slug])).toMatchObject({ code: 0 });
    await admin(restore, [school.id]);
    expect((await run(["verify"])).code).toBe(0);
  });

  test("finds a cut tail, and a chain that is missing altogether, by what was kept outside", async () => {
    const saved = ["audit_event", "audit_head", "audit_subject", "audit_origin", "audit_anchor"];
    for (const table of saved) await admin(`create table public.${table} as select * from app.${table}`);
    const restore = async () => {
      for (const table of saved) {
        await admin(`delete from app.${table}; insert into app.${table} select * from public.${table}`);
      }
    };
    for (const table of ["audit_event", "audit_subject", "audit_origin"]) {
      await admin(`delete from app.${table} where organization_id = $1 and sequence > 10`, [school.id]);
    }
    await admin("delete from app.audit_anchor");
    await rechain(admin, school.id);
    const found = await run(["verify"]);
    expect(found.code).toBe(1);
    expect(brokenLine(school.id, found.out)).toContain("event 11: it is missing, and was anchored");
    // Without them nobody could tell; named by hand they are found again.
    const bare = { ...env, SATCHEL_AUDIT_ANCHORS: join(folder, "none.ndjson") };
    expect((await run(["verify"], bare)).code).toBe(0);
    expect((await run(["verify", "--anchor", anchorsPath], bare)).code).toBe(1);
    for (const table of saved)
      await admin(`delete from app.${table} where organization_id = $1`, [school.id]);
    expect(brokenLine(school.id, (await run(["verify"])).out)).toContain("event 1: ");
    await restore();
    expect((await run(["verify"])).code).toBe(0);
  });

  test("tells of a damaged or forged anchor, and lets half a last line pass", async () => {
    const sound = readFileSync(anchorsPath, "utf8");
    const forged = sound.replace(/"hash":"[0-9a-f]{8}/, '"hash":"00000000');
    writeFileSync(join(folder, "forged.ndjson"), forged);
    expect((await run(["verify", "--anchor", join(folder, "forged.ndjson")])).code).toBe(1);
    writeFileSync(join(folder, "damaged.ndjson"), `nonsense\n${sound}`);
    const damaged = await run(["verify", "--anchor", join(folder, "damaged.ndjson")]);
    expect([damaged.code, damaged.err.join()]).toEqual([1, expect.stringContaining("line 1")]);
    writeFileSync(join(folder, "half.ndjson"), sound + sound.slice(0, 100));
    expect(await run(["verify", "--anchor", join(folder, "half.ndjson")])).toMatchObject({
      code: 0,
      err: [],
    });
    expect((await run(["verify", "--anchor", join(folder, "no-such-file")])).code).toBe(1);
  });
});

describe("export [row 113]", () => {
  const path = join(folder, "export.ndjson");
  let lines: readonly string[] = [];

  test("writes every chain, sealed parts included, signed at its end", async () => {
    await age(admin, school.id, 400, 12);
    await admin("delete from app.audit_anchor");
    writeFileSync(anchorsPath, "");
    const kept = { session: 365, security: 365, record: 365, disclosure: 1825, erasure: null };
    expect(await sealOutdated(deps, school.id, kept)).toBeGreaterThan(0);
    await withTenant(db, { organizationId: school.id, userId: null }, (tx) =>
      auditIn(tx, school.id, {
        action: "erasure.requested",
        outcome: "success",
        subjectId: people[0] ?? null,
      }),
    );
    await admin("delete from app.audit_origin where organization_id = $1 and person_id = $2", [
      school.id,
      people[0],
    ]);
    const { code, out } = await run(["export"]);
    lines = out;
    writeFileSync(path, `${lines.join("\n")}\n`);
    expect(code).toBe(0);
    const links = lines.map((line) => JSON.parse(line) as Link);
    expect(links.map(lineOf)).toEqual([...lines]);
    expect(new Set(links.map(({ type }) => type))).toEqual(new Set(["event", "seal", "anchor"]));
    const one = await run(["export", "--organization", other.slug]);
    expect(one.out.slice(0, -1)).toEqual(
      lines.filter((line) => line.includes(other.id) && !line.includes('"type":"anchor"')),
    );
    expect(lines.some((line) => line.includes(SYSTEM_CHAIN))).toBe(false);
  });

  test("is verified without database or secret, by the key alone", async () => {
    expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const { code, out, err } = await run(["verify", path, "--public-key", key], outside);
    expect([code, err]).toEqual([0, []]);
    expect(out).toHaveLength(2);
    expect(existsSync(outside.SATCHEL_DATA_DIR)).toBe(false);
    expect((await run(["verify", path], outside)).code).toBe(2);
    expect((await run(["verify", path, "--public-key", "a".repeat(43)], outside)).code).toBe(1);
  });

  test("any change to any line is found: taken out, twice, swapped, altered, cut off", async () => {
    const own = lines.filter((line) => (JSON.parse(line) as Link).organizationId === school.id);
    const bad: (readonly string[])[] = [own.slice(0, -1), own.slice(1)];
    for (let at = 0; at < own.length; at++) {
      const line = own[at] ?? "";
      bad.push(own.toSpliced(at, 1));
      // That its end is signed twice alters nothing.
      if (at < own.length - 1) bad.push(own.toSpliced(at, 0, line));
      if (at > 0) bad.push(own.toSpliced(at - 1, 2, line, own[at - 1] ?? ""));
      for (const [member, value] of Object.entries(JSON.parse(line) as Record<string, unknown>)) {
        const altered =
          typeof value === "number"
            ? value + 1
            : value === null
              ? people[1]
              : typeof value === "string"
                ? `${value.slice(0, -1)}${value.endsWith("a") ? "b" : "a"}`
                : { forged: 1 };
        bad.push(own.toSpliced(at, 1, lineOf({ ...JSON.parse(line), [member]: altered } as Link)));
      }
    }
    const changed = join(folder, "changed.ndjson");
    const undetected: string[] = [];
    for (const [at, content] of bad.entries()) {
      writeFileSync(changed, `${content.join("\n")}\n`);
      const { code } = await run(["verify", changed, "--public-key", key], outside);
      if (code !== 1) undetected.push(`${at}: ${content.find((line, n) => line !== own[n])}`);
    }
    expect(bad.length).toBeGreaterThan(250);
    expect(undetected).toEqual([]);
  });

  test("of a chain that does not hold is not signed, and says so", async () => {
    const alter =
      "update app.audit_event set outcome = 'refused' where organization_id = $1 and action = 'user.created'";
    await admin(alter, [other.id]);
    const { code, out, err } = await run(["export", "--organization", other.slug]);
    expect([code, err.join()]).toEqual([1, expect.stringContaining("not signed")]);
    expect(out.length).toBeGreaterThan(0);
    expect(out.some((line) => line.includes('"type":"anchor"'))).toBe(false);
    await admin(alter.replace("'refused'", "'success'"), [other.id]);
    expect((await run(["export", "--organization", other.slug])).code).toBe(0);
  });

  const python = Bun.which("python3");
  const able =
    python !== null && Bun.spawnSync([python, "-c", "import cryptography"], { stderr: "ignore" }).success;
  // A check of the documentation, by what only some machines have. What the product itself verifies is tested everywhere.
  if (able) {
    test("is verified by the thirty lines of Python in the documentation", async () => {
      const docs = readFileSync(join(import.meta.dir, "../../docs/audit.md"), "utf8");
      const script = /```python\n(.*?)```/s.exec(docs)?.[1] ?? "";
      const verify = (file: string) => Bun.spawnSync([python ?? "", "-c", script, file, key]);
      const whole = verify(path);
      expect([whole.exitCode, whole.stderr.toString()]).toEqual([0, ""]);
      expect(whole.stdout.toString()).toStartWith("whole: ");
      for (const at of [0, 3, lines.length - 1]) {
        const cut = join(folder, "cut.ndjson");
        writeFileSync(
          cut,
          `${lines.toSpliced(at, 1, (lines[at] ?? "").replace(/"hash":"./, '"hash":"x')).join("\n")}\n`,
        );
        expect(verify(cut).exitCode).toBe(1);
      }
    });
  }
});

describe("wrong usage [row 113]", () => {
  test("ends with 2", async () => {
    for (const argv of [
      ["nonsense"],
      ["export", "file"],
      ["key", "--organization", "x"],
      ["verify", "file", "--organization", "x"],
      ["export", "--anchor", "x"],
      ["verify", "file", "--public-key", "short"],
    ]) {
      expect([argv, (await run(argv)).code]).toEqual([argv, 2]);
    }
    expect(await run(["verify", "--organization", "no-such-school"])).toMatchObject({ code: 1 });
  });
});

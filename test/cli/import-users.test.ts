/** `satchel import-users`, beside a running server. SATCHEL_TEST_LONG=1 imports 10,000 people where otherwise 2,000 do. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, type RunningSatchel, satchel, startSatchel } from "../support/binary.ts";
import { type Client, client } from "../support/client.ts";
import { type GivenOrganization, given } from "../support/given.ts";
import { until } from "../support/http.ts";
import { tempFolder } from "../support/run.ts";

setDefaultTimeout(120_000);

const PEOPLE = process.env.SATCHEL_TEST_LONG === "1" ? 10_000 : 2_000;
const MINUTE = 60;

const pupil = (n: number, name = `Pupil Number ${n}`) => `s-${n};"${name}";s-${n}@school.example;student;es`;
const table = (count: number) =>
  [
    "external_id;full_name;email;role;language",
    ...Array.from({ length: count }, (_, at) => pupil(at + 1)),
  ].join("\r\n");

let folder: string;
let node: RunningSatchel;
let api: Client;
let school: GivenOrganization;

beforeAll(async () => {
  folder = tempFolder("people");
  node = await startSatchel({ folder, env: { SATCHEL_SIGN_UP: "open" } });
  api = client(node.url);
  school = await given(api).organization();
});

afterAll(() => node.stop());

const feed = (input: string, ...flags: string[]) =>
  satchel(["import-users", "-", "--organization", school.slug, ...flags], { folder, input });

/** The last line of an import. */
function summaryOf({ out }: Pick<Ended, "out">) {
  const [, verb = "", ...numbers] =
    /^(Imported|Would import) (\d+) people: (\d+) added, (\d+) changed, (\d+) unchanged, (\d+) refused \(([\d.]+) s, \d+ people\/s\)\n$/.exec(
      out,
    ) ?? [];
  const [total = -1, added = -1, changed = -1, unchanged = -1, refused = -1, seconds = -1] =
    numbers.map(Number);
  expect(added + changed + unchanged).toBe(total);
  return { verb, added, changed, unchanged, refused, seconds };
}

const countOf = async (query: string) =>
  (
    await api.request<{ count: number }>("GET", `/v1/users/count?role=student${query}`, {
      token: school.token,
    })
  ).body.count;

test(`${PEOPLE} people come from a table in their share of a minute, one bad line in the middle costs nobody else, and twice is no change [row 59]`, async () => {
  const lines = table(PEOPLE).split("\r\n");
  const middle = PEOPLE / 2;
  lines.splice(middle, 0, `bad;"no end;;;`);
  const file = join(folder, "people.csv");
  writeFileSync(file, `\ufeff${lines.join("\r\n")}\r\n`);
  const run = () => satchel(["import-users", file, "--organization", school.slug], { folder });

  const rehearsal = await satchel(["import-users", file, "--organization", school.slug, "--dry-run"], {
    folder,
  });
  expect(summaryOf(rehearsal)).toMatchObject({ verb: "Would import", added: PEOPLE, refused: 1 });
  expect(await countOf("")).toBe(0);

  const first = await run();
  expect(first.code).toBe(1);
  expect(first.err).toBe(`line ${middle + 1}: line_malformed: The line has a quote in the wrong place.\n`);
  const imported = summaryOf(first);
  expect(imported).toMatchObject({ verb: "Imported", added: PEOPLE, changed: 0, unchanged: 0, refused: 1 });
  expect(imported.seconds).toBeLessThan((MINUTE * PEOPLE) / 10_000);
  expect(await countOf("")).toBe(PEOPLE);
  expect(await countOf(`&text=s-${PEOPLE}@school`)).toBe(1);

  const again = summaryOf(await run());
  expect(again).toMatchObject({ added: 0, changed: 0, unchanged: PEOPLE, refused: 1 });
  const { body } = await api.request<{ version: number }>("GET", "/v1/users/lookup?externalId=s-1", {
    token: school.token,
  });
  expect(body.version).toBe(1);
  console.info(
    `import-users: ${PEOPLE} people added in ${imported.seconds} s, found unchanged in ${again.seconds} s`,
  );
});

test("JSON lines are read by the ending of the file or by --format, and a role may be changed by who runs the machine", async () => {
  const line = JSON.stringify({ external_id: "json-1", full_name: "From JSON" });
  const file = join(folder, "people.ndjson");
  writeFileSync(file, line);
  expect(
    summaryOf(await satchel(["import-users", file, "--organization", school.slug], { folder })),
  ).toMatchObject({ added: 1 });
  expect(summaryOf(await feed(line, "--format", "ndjson"))).toMatchObject({ unchanged: 1 });
  expect(summaryOf(await feed("external_id,role\njson-1,teacher\n"))).toMatchObject({ changed: 1 });
  const done = await feed("external_id,role\njson-1,admin\n");
  expect(done.code).toBe(1);
  expect(done.err).toBe(
    "line 2: admin_not_importable: Nobody becomes an admin by an import, and no admin is changed.\n",
  );
});

test("a file in another encoding stores nobody, not even those of the lines before", async () => {
  const lines = [
    "external_id,full_name",
    ...Array.from({ length: 600 }, (_, at) => `enc-${at},Ada`),
    "enc,Jos\u00e9",
  ];
  const file = join(folder, "windows-1252.csv");
  writeFileSync(file, Buffer.from(lines.join("\r\n"), "latin1"));
  const before = await countOf("");
  const done = await satchel(["import-users", file, "--organization", school.slug], { folder });
  expect([done.code, done.out]).toEqual([1, ""]);
  expect(done.err).toBe(
    "satchel: The file cannot be read: Line 602 is not UTF-8. Save it as UTF-8 (in Excel: CSV UTF-8) and import that.\n",
  );
  expect(await countOf("")).toBe(before);
});

test("a file that cannot be read and an organization that is not there are told, and store nobody", async () => {
  const strange = await feed("name,shoe size\nAda,39\n");
  expect([strange.code, strange.out]).toEqual([1, ""]);
  expect(strange.err).toStartWith("satchel: The file cannot be read: Column 1 has a name that is not known.");
  const nowhere = await satchel(["import-users", "-", "--organization", "nowhere"], { folder, input: "x" });
  expect([nowhere.code, nowhere.err]).toEqual([
    1,
    'satchel: there is no organization "nowhere"\nPOST /v1/organizations creates one.\n',
  ]);
});

test("over HTTP a worker of the same executable works the file off", async () => {
  const response = await fetch(`${node.url}/v1/users/import`, {
    method: "POST",
    headers: { authorization: `Bearer ${school.token}`, "content-type": "text/csv; charset=utf-8" },
    body: table(300).replaceAll("s-", "h-"),
  });
  expect(response.status).toBe(202);
  const { id } = (await response.json()) as { id: string };
  const path = `/v1/users/imports/${id}`;
  const { body } = await until(
    "the end of the import",
    () => api.request<{ state: string; created: number }>("GET", path, { token: school.token }),
    ({ body: { state } }) => state === "finished" || state === "failed",
  );
  expect(body).toMatchObject({ state: "finished", created: 300 });
});

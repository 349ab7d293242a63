/** A thousand writers at once, over sockets: no update lost, one effect for one key. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { type RunningSatchel, startSatchel } from "../support/binary.ts";
import { type Client, client } from "../support/client.ts";
import { type GivenOrganization, given } from "../support/given.ts";

setDefaultTimeout(120_000);

const WRITERS = 1000;

let node: RunningSatchel;
let api: Client;
let organization: GivenOrganization;

beforeAll(async () => {
  node = await startSatchel({ env: { SATCHEL_SIGN_UP: "open", SATCHEL_LOG_LEVEL: "error" } });
  api = client(node.url, 60_000);
  organization = await given(api).organization();
});

afterAll(() => node.stop());

function tally(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

test("of 1,000 writers who all read the same version one is let in [row 108]", async () => {
  const { token } = organization;
  const { id, version } = await given(api).content(token);
  const answers = await Promise.all(
    Array.from({ length: WRITERS }, (_, writer) =>
      api.request<{ title?: string }>("PATCH", `/v1/contents/${id}`, {
        token,
        headers: { "if-match": `"${version}"` },
        body: { title: `By writer ${writer}` },
      }),
    ),
  );
  const counts = tally(answers.map(({ status }) => status));
  expect(counts[200]).toBe(1);
  // A crowd may also be told that another is writing, or that there is no free connection.
  expect(Object.keys(counts).filter((status) => !["200", "409", "412", "503"].includes(status))).toEqual([]);
  const winner = answers.find(({ status }) => status === 200);
  const now = await api.request<{ title: string; version: number }>("GET", `/v1/contents/${id}`, { token });
  expect(now.body).toMatchObject({ title: winner?.body.title, version: version + 1 });
});

test("writers who read, add one and try again until they are let in lose no update [row 108]", async () => {
  const { token } = organization;
  const { id } = await given(api).content(token, { metadata: { count: 0 } });
  interface Counted {
    readonly metadata: { readonly count: number };
  }
  const addOne = async (): Promise<void> => {
    for (;;) {
      const read = await api.request<Counted>("GET", `/v1/contents/${id}`, { token });
      const { status } = await api.request("PATCH", `/v1/contents/${id}`, {
        token,
        headers: { "if-match": read.headers.get("etag") ?? "" },
        body: { metadata: { count: read.body.metadata.count + 1 } },
      });
      if (status === 200) return;
      expect([409, 412, 503]).toContain(status);
    }
  };
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let round = 0; round < 20; round++) await addOne();
    }),
  );
  const { body } = await api.request<Counted & { version: number }>("GET", `/v1/contents/${id}`, { token });
  expect(body).toMatchObject({ metadata: { count: 200 }, version: 201 });
});

test("1,000 POSTs with one Idempotency-Key make one lesson [row 108]", async () => {
  const { token } = organization;
  const body = { title: "Once", sourceId: "once" };
  const headers = { "idempotency-key": "a-thousand-times" };
  const answers = await Promise.all(
    Array.from({ length: WRITERS }, () =>
      api.request<{ id: string }>("POST", "/v1/contents", { token, headers, body }),
    ),
  );
  const counts = tally(answers.map(({ status }) => status));
  // While the first is under way the others may be told so, or that there is no free connection.
  expect(Object.keys(counts).filter((status) => !["201", "409", "503"].includes(status))).toEqual([]);
  expect(counts[201]).toBeGreaterThan(0);
  const ids = new Set(answers.filter(({ status }) => status === 201).map(({ body: { id } }) => id));
  expect(ids.size).toBe(1);
  const again = await api.request<{ id: string }>("POST", "/v1/contents", { token, headers, body });
  expect([again.status, again.body.id]).toEqual([201, [...ids][0] ?? ""]);
});

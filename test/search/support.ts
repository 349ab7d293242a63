/** What the tests of the search share: the jobs that publishing has enqueued, run when the test wants them to. */
import { reindexSearch } from "../../jobs/reindex-search.ts";
import type { Job, JobPayloads } from "../../src/queue.ts";
import type { TestApp } from "../support/app.ts";

type Payload = JobPayloads["reindex-search"];

export interface Found {
  readonly id: string;
  readonly title: string;
  readonly language: string;
  readonly score: number;
  readonly snippet: string;
}
export interface FoundPage {
  readonly items: readonly Found[];
  readonly nextCursor: string | null;
}

const job = (payload: Payload, id: string): Job<"reindex-search"> => ({
  id,
  payload,
  attempt: 1,
  lastAttempt: false,
  signal: new AbortController().signal,
});

/** Does one job. */
export const reindex = ({ deps }: TestApp, payload: Payload): Promise<void> =>
  reindexSearch(deps, job(payload, crypto.randomUUID()));

/** Takes the jobs that are waiting, does each, and tells how many there were. */
export async function runReindexing({ deps, database }: TestApp): Promise<number> {
  const jobs = await database.admin<{ id: string; data: Payload }>(
    "delete from pgboss.job where name = 'reindex-search' returning id, data",
  );
  for (const { id, data } of jobs) await reindexSearch(deps, job(data, id));
  return jobs.length;
}

/** The answer to one search, whatever it is. */
export const ask = (
  { request }: Pick<TestApp, "request">,
  token: string,
  query: Readonly<Record<string, string>>,
) => request<FoundPage>("GET", `/v1/search?${new URLSearchParams(query)}`, { token });

/** What one search finds, on all its pages. Throws when it is answered with anything but 200. */
export async function findAll(
  app: Pick<TestApp, "request">,
  token: string,
  query: Readonly<Record<string, string>>,
): Promise<Found[]> {
  const found: Found[] = [];
  let cursor: string | null = null;
  do {
    const more: Record<string, string> = cursor === null ? {} : { cursor };
    const { status, body } = await ask(app, token, { ...query, ...more });
    if (status !== 200) throw new Error(`search answers ${status}: ${JSON.stringify(body)}`);
    // An empty page that is not the last would never end.
    if (body.items.length === 0 && body.nextCursor !== null)
      throw new Error("an empty page says there is more");
    found.push(...body.items);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return found;
}

/** One refresh token that many use at once, and again later. */
import { flood } from "./flood.ts";
import {
  ATTACKER,
  CLASSROOM,
  from,
  type Line,
  must,
  type Options,
  type School,
  type SignedIn,
  type Stage,
  signIn,
} from "./stage.ts";
import { tally } from "./statistics.ts";

/** Until a used token counts as stolen rather than as sent twice. */
const GRACE_MS = 10_500;

interface Family {
  readonly first: SignedIn;
  readonly refreshToken: string;
  readonly child: { readonly token: string; readonly refreshToken: string };
  readonly statuses: readonly number[];
}

async function family(stage: Stage, school: School): Promise<Family> {
  const [person] = await school.people(1);
  if (person === undefined) throw new Error("nobody was added");
  const first = await signIn(school, person, { longLived: true });
  const refreshToken = first.refreshToken ?? "";
  const request = { method: "POST", path: "/v1/sessions/refresh", headers: from(CLASSROOM) };
  const answers = await flood({
    url: stage.server.url,
    requests: Array.from({ length: 200 }, () => ({ ...request, body: { refreshToken } })),
    keep: [200],
  });
  const statuses = answers.map(({ status }) => status);
  const body = answers.find(({ status }) => status === 200)?.body ?? "{}";
  return { first, refreshToken, child: JSON.parse(body) as Family["child"], statuses };
}

async function replay(stage: Stage, { refreshToken, child }: Family): Promise<readonly number[]> {
  const path = "/v1/sessions/refresh";
  const before = await stage.request("GET", "/v1/me", { token: child.token });
  const replayed = await stage.request("POST", path, { headers: from(ATTACKER), body: { refreshToken } });
  const after = await stage.request("GET", "/v1/me", { token: child.token });
  const body = { refreshToken: child.refreshToken };
  const successor = await stage.request("POST", path, { headers: from(CLASSROOM), body });
  return [before, replayed, after, successor].map(({ status }) => status);
}

/** Restarts the server between the use and the replay of the second. */
export async function refreshing(stage: Stage, { quick }: Options): Promise<readonly Line[]> {
  const school = await stage.school({ longLivedSessionDays: 30 });
  const families = [await family(stage, school), await family(stage, school)];
  const [first, second] = families;
  if (first === undefined || second === undefined) throw new Error("there are no families");
  const lines: Line[] = families.map(({ statuses, child }, index) => ({
    line: `200 refreshes of one token at once${index === 0 ? "" : ", of another session"}`,
    goal: "exactly 1 child",
    figure: tally(statuses),
    ok:
      statuses.filter((status) => status === 200).length === 1 &&
      statuses.every((status) => status === 200 || status === 409 || status === 429) &&
      typeof child.refreshToken === "string",
  }));
  await Bun.sleep(GRACE_MS);
  const ended = (statuses: readonly number[]) => statuses.join(" ") === "200 401 401 401";
  const plain = await replay(stage, first);
  lines.push({
    line: "the used token again, later",
    goal: "the whole family ends",
    figure: `before, replay, child, successor: ${plain.join(" ")}`,
    ok: ended(plain),
  });
  if (!quick) {
    await stage.restart();
    const restarted = await replay(stage, second);
    lines.push({
      line: "the same after a restart of the server",
      goal: "the whole family ends",
      figure: `before, replay, child, successor: ${restarted.join(" ")}`,
      ok: ended(restarted),
    });
  }
  const audited = must(
    await stage.request<{ items: readonly unknown[] }>(
      "GET",
      "/v1/audit-events?action=session.reused&limit=10",
      { token: school.token },
    ),
    200,
  ).items.length;
  lines.push({
    line: "what an admin reads of it",
    goal: "each replay is in the audit",
    figure: `${audited} events`,
    ok: audited === (quick ? 1 : 2),
  });
  return lines;
}

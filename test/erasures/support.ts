/** A person who can be found: each thing that is kept about them is a word that stands nowhere else. */
import { eraseUser } from "../../jobs/erase-user.ts";
import { importUsersJob } from "../../jobs/import-users.ts";
import type { JobPayloads } from "../../src/queue.ts";
import type { TestApp } from "../support/app.ts";
import { type Given, type GivenOrganization, PASSWORD } from "../support/given.ts";

export interface Planted {
  readonly id: string;
  readonly username: string;
  readonly token: string;
  /** What is kept about the person, by what it is. */
  readonly canaries: Readonly<Record<string, string>>;
  /** A lesson by them, which outlives them. */
  readonly contentId: string;
  readonly title: string;
}

let planted = 0;

/** Makes a person through the API, changes them, and leaves traces of them wherever the API keeps any. */
export async function plant(
  app: Pick<TestApp, "request" | "deps" | "database">,
  it: Given,
  school: GivenOrganization,
): Promise<Planted> {
  const n = ++planted;
  const word = (what: string) => `canary${what}${process.pid.toString(36)}x${n}x`;
  const canaries = {
    email: `${word("email")}@school.example`,
    formerEmail: `${word("former")}@school.example`,
    username: word("username"),
    formerUsername: word("formerusername"),
    fullName: `${word("name")} Lovelace`,
    formerName: `${word("formername")} Byron`,
    avatar: `https://example.org/${word("avatar")}`,
    bio: `What ${word("bio")} tells.`,
    formerBio: `What ${word("formerbio")} told.`,
    birthday: `19${50 + n}-03-1${n % 10}`,
    phone: `+34 699 ${String(100 + n)} ${String(process.pid % 1000).padStart(3, "0")} 77`,
    website: `https://example.org/${word("website")}`,
    code: `https://example.org/${word("code")}`,
    professional: `https://example.org/${word("professional")}`,
    skill: word("skill"),
    interest: word("interest"),
    externalId: word("number"),
    wantedEmail: `${word("wanted")}@school.example`,
    keyName: word("apikey"),
    review: `How ${word("review")} helped.`,
    formerReview: `How ${word("formerreview")} did not.`,
    comment: `As ${word("comment")} says.`,
    formerComment: `As ${word("formercomment")} said.`,
    deletedComment: `As ${word("deletedcomment")} had said.`,
    withdrawnReview: `Never mind ${word("withdrawnreview")}.`,
    userAgent: `Mozilla/5.0 (X11; Linux x86_64) ${word("agent")}/1.0`,
    address: `203.0.113.${n}`,
  };
  const headers = { "user-agent": canaries.userAgent, "x-forwarded-for": canaries.address };
  const asked = async <Body = { readonly version: number }>(
    method: string,
    path: string,
    sent: Parameters<TestApp["request"]>[2],
  ): Promise<Body> => {
    const answer = await app.request<Body>(method, path, sent);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  /** As the office does it, and the queue after it. */
  const imported = async (query: string) => {
    await asked("POST", `/v1/users/import${query}`, {
      token: school.token,
      headers: { "content-type": "text/csv" },
      body: `external_id,full_name,role\n${canaries.externalId},${canaries.formerName},admin\n`,
    });
    const [job] = await app.database.admin<{ id: string; data: JobPayloads["import-users"] }>(
      "select id, data from pgboss.job where name = 'import-users' order by created_on desc limit 1",
    );
    if (job === undefined) throw new Error("the import has no job");
    const { signal } = new AbortController();
    await importUsersJob(app.deps, { id: job.id, payload: job.data, attempt: 1, lastAttempt: false, signal });
  };
  // Of somebody who is not there yet its lines name nobody.
  await imported("?dryRun=true");
  const { id, version } = await asked<{ id: string; version: number }>("POST", "/v1/users", {
    token: school.token,
    // The answer is kept, encrypted, for whoever repeats this.
    headers: { "idempotency-key": word("key") },
    body: {
      externalId: canaries.externalId,
      username: canaries.formerUsername,
      email: canaries.formerEmail,
      fullName: canaries.formerName,
      password: PASSWORD,
      avatarUrl: canaries.avatar,
      role: "admin",
      timeZone: "Antarctica/Troll",
      profile: {
        bio: canaries.formerBio,
        dateOfBirth: canaries.birthday,
        phone: canaries.phone,
        website: canaries.website,
        codeUrl: canaries.code,
        professionalUrl: canaries.professional,
        skills: [canaries.skill],
        interests: [canaries.interest],
      },
    },
  });
  await asked("PATCH", `/v1/users/${id}`, {
    token: school.token,
    headers: { "if-match": `"${version}"` },
    body: { username: canaries.username, email: canaries.email, fullName: canaries.fullName },
  });
  const login = { organization: school.slug, login: canaries.username, password: PASSWORD };
  await app.request("POST", "/v1/sessions", { headers, body: { ...login, password: "not what it is" } });
  const { token } = await asked<{ token: string }>("POST", "/v1/sessions", { headers, body: login });
  await imported("");
  await asked("PUT", "/v1/me/email", { token, body: { email: canaries.wantedEmail } });
  await asked("POST", "/v1/api-keys", {
    token,
    body: {
      name: canaries.keyName,
      scopes: ["users:read"],
      expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    },
  });
  await asked("POST", "/v1/me/second-factor", { token });
  const me = await asked("GET", "/v1/me", { token });
  await asked("PATCH", "/v1/me", {
    token,
    headers: { "if-match": `"${me.version}"` },
    body: { profile: { bio: canaries.bio } },
  });
  const title = `How ${word("lesson").replace("canary", "")} works`;
  const content = await it.published(token, { title });
  await asked("GET", `/v1/contents/${content.id}`, { token });
  const read = await it.published(school.token);
  const rating = `/v1/contents/${read.id}/rating`;
  const rate = (review: string) => asked("PUT", rating, { token, body: { stars: 4, review } });
  await rate(canaries.withdrawnReview);
  await asked("DELETE", rating, { token });
  await rate(canaries.formerReview);
  await rate(canaries.review);
  const comment = async (body: string) =>
    asked<{ id: string; version: number }>("POST", `/v1/contents/${content.id}/comments`, {
      token,
      body: { body },
    });
  const deleted = await comment(canaries.deletedComment);
  await asked("DELETE", `/v1/comments/${deleted.id}`, { token });
  const edited = await comment(canaries.formerComment);
  await asked("PATCH", `/v1/comments/${edited.id}`, {
    token,
    headers: { "if-match": `"${edited.version}"` },
    body: { body: canaries.comment },
  });
  return { id, username: canaries.username, token, canaries, contentId: content.id, title };
}

export async function versionOf(app: Pick<TestApp, "database">, userId: string): Promise<number> {
  const [row] = await app.database.admin<{ version: number }>(
    "select version from app.user where user_id = $1",
    [userId],
  );
  return row?.version ?? 0;
}

/** Asks for an erasure as the admin does. */
export async function requestErasure(
  app: Pick<TestApp, "database" | "request">,
  token: string,
  userId: string,
) {
  return app.request<{ id: string; state: string }>("POST", `/v1/users/${userId}/erasure`, {
    token,
    headers: { "if-match": `"${await versionOf(app, userId)}"` },
  });
}

/** Hands the job to its handler, as the queue would. */
export const deliver = (
  app: Pick<TestApp, "deps">,
  organizationId: string,
  userId: string,
  { id = crypto.randomUUID() as string, signal = new AbortController().signal } = {},
) => eraseUser(app.deps, { id, payload: { organizationId, userId }, attempt: 1, lastAttempt: false, signal });

/** Lets the time go by after which no request from before goes on writing. */
export const settle = (app: Pick<TestApp, "database">, userId: string) =>
  app.database.admin(
    "update app.erasure set started_at = started_at - interval '1 hour' where user_id = $1",
    [userId],
  );

/** All of an erasure that was asked for: the job, and the job that it leaves for later. */
export async function doErase(
  app: Pick<TestApp, "deps" | "database">,
  organizationId: string,
  userId: string,
) {
  await deliver(app, organizationId, userId);
  await settle(app, userId);
  await deliver(app, organizationId, userId);
}

/** Every row of every table of ours and of the queue, as text; bytes as hexadecimal digits. */
export async function dump({ admin }: TestApp["database"]): Promise<string> {
  const tables = await admin<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
     where c.relnamespace in ('app'::regnamespace, 'pgboss'::regnamespace) and c.relkind = 'r'`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const rows = await admin<{ text: string }>(`select t::text as text from ${name} t`);
    texts.push(...rows.map(({ text }) => `${name} ${text}`));
  }
  return texts.join("\n");
}

/** Which of these words are in a text, in any case, as they are or as hexadecimal digits. */
export function foundIn(text: string, canaries: Readonly<Record<string, string>>): readonly string[] {
  const lower = text.toLowerCase();
  return Object.entries(canaries)
    .filter(
      ([, word]) =>
        lower.includes(word.toLowerCase()) || lower.includes(Buffer.from(word, "utf8").toString("hex")),
    )
    .map(([name]) => name);
}

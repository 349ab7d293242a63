/** Every list of the product: how many statements it takes does not depend on how many rows it shows. */
import { afterAll, describe, expect, test } from "bun:test";
import type { TSchema } from "@sinclair/typebox";
import { endpoints } from "../../src/endpoints.ts";
import { domain } from "../support/domain.ts";

const statements: string[] = [];
const app = await domain({ db: { onStatement: (name) => statements.push(name) } });
const { it, request } = app;
const { admin } = app.database;
afterAll(app.close);

const school = await it.organization();
const [teacher, pupil] = [await it.member(school, "teacher"), await it.member(school)];
const MANY = 31;

await admin(
  `insert into app.user (organization_id, username, full_name)
   select $1, 'person-' || i, 'Person ' || i from generate_series(1, ${MANY}) i`,
  [school.id],
);
await admin(
  `insert into app.profile (organization_id, user_id, skills)
   select organization_id, user_id, array['skill-' || substr(username, 8)] from app.user
   where organization_id = $1 and username like 'person-%'`,
  [school.id],
);
await admin(
  `insert into app.content (organization_id, title, slug, status, published_at, tags, created_by_id)
   select $1, 'Lesson ' || i, 'lesson-' || i, 'published', now(), array['tag-' || i], user_id
   from generate_series(1, ${MANY}) i join app.user on username = 'person-' || i and organization_id = $1`,
  [school.id],
);
// Of each of those, and of one lesson as many.
const lesson = await it.published(teacher.token, { tags: ["one"] });
const PAIRS = `
  select c.organization_id, c.content_id, u.user_id, row_number() over () as i
  from app.content c join app.user u using (organization_id)
  where organization_id = $1 and u.username like 'person-%' and (c.content_id = $2 or c.slug = 'lesson-' || substr(u.username, 8))`;
await admin(
  `insert into app.rating (organization_id, content_id, user_id, stars, review)
   select organization_id, content_id, user_id, 3, 'Good.' from (${PAIRS}) pair`,
  [school.id, lesson.id],
);
await admin(
  `insert into app.completion (organization_id, content_id, user_id)
   select organization_id, content_id, user_id from (${PAIRS}) pair
   union select organization_id, content_id, $3 from (${PAIRS}) pair`,
  [school.id, lesson.id, pupil.user.id],
);
await admin(
  `with made as (
     insert into app.file (organization_id, sha256, size, stored_at) values ($1, sha256('f'), 1, now()) returning file_id
   )
   insert into app.attachment (organization_id, content_id, file_id, name, media_type, position)
   select organization_id, content_id, file_id, 'leaf-' || i || '.png', 'image/png', i from (${PAIRS}) pair, made`,
  [school.id, lesson.id],
);
const comment = async (state: string) =>
  admin(
    `insert into app.comment (organization_id, content_id, author_id, body, state)
     select organization_id, content_id, user_id, 'Why?', '${state}' from (${PAIRS}) pair`,
    [school.id, lesson.id],
  );
await comment("approved");
await comment("waiting");
await admin(
  `insert into app.comment (organization_id, content_id, author_id, body, state)
   select $1, $2, $3, 'Mine ' || i, 'approved' from generate_series(1, ${MANY}) i`,
  [school.id, lesson.id, pupil.user.id],
);
const [thread] = await admin<{ id: string }>(
  "select comment_id as id from app.comment where organization_id = $1 and author_id = $2 limit 1",
  [school.id, pupil.user.id],
);
for (const parent of ["$4", "comment_id"]) {
  await admin(
    `insert into app.comment (organization_id, content_id, author_id, body, state, parent_id)
     select organization_id, content_id, author_id, 'Because.', 'approved', ${parent}::uuid from app.comment
     where organization_id = $1 and content_id = $2 and author_id <> $3 and parent_id is null and comment_id <> $4
       and state = 'approved'`,
    [school.id, lesson.id, pupil.user.id, thread?.id],
  );
}
await admin(
  `insert into app.comment_flag (organization_id, comment_id, user_id, reason)
   select organization_id, $2, user_id, 'spam' from app.user where organization_id = $1 and username like 'person-%'`,
  [school.id, thread?.id],
);
await admin(
  `insert into app.content_search (organization_id, content_id, version, language, document)
   select organization_id, content_id, version, language, to_tsvector('english', title) from app.content where organization_id = $1`,
  [school.id],
);

/** Does what it says over and over, each time in a statement of its own: history keeps one record of each. */
const again = (statement: string) =>
  admin(`do $$ begin for i in 1..${MANY} loop ${statement}; end loop; end $$`);

/** What the `:id` of a list stands for, with thirty rows and one below it. By default what is given above. */
const BELOW: Readonly<Record<string, () => Promise<string>>> = {
  "/v1/users/:id/sessions": async () => {
    await admin(
      `insert into app.session (organization_id, user_id, token_hash, expires_at)
       select $1, $2, sha256(convert_to('u' || i, 'utf8')), now() + interval '1 day' from generate_series(1, ${MANY}) i`,
      [school.id, pupil.user.id],
    );
    return pupil.user.id;
  },
  "/v1/users/:id/disclosures": async () => {
    const user = await it.user(school);
    for (let n = 0; n < MANY; n++) {
      const headers = { "if-match": "*" };
      const body = { fullName: `Name ${n}` };
      await request("PATCH", `/v1/users/${user.id}`, { token: school.token, headers, body });
    }
    return user.id;
  },
  "/v1/users/imports/:id/lines": async () => {
    const [made] = await admin<{ id: string }>(
      `insert into app.import (organization_id, format, dry_run, invite, proven, state, finished_at)
       values ($1, 'csv', false, false, false, 'finished', now()) returning import_id as id`,
      [school.id],
    );
    await admin(
      `insert into app.import_line (organization_id, import_id, line, outcome, user_id)
       select $1, $2, row_number() over (), 'created', user_id from app.user where organization_id = $1`,
      [school.id, made?.id],
    );
    return made?.id ?? "";
  },
  "/v1/contents/:id/history": async () => {
    await again(`update app.content set title = 'T' || i where content_id = '${lesson.id}'`);
    return lesson.id;
  },
  "/v1/contents/:id/reviews": async () => {
    await admin(
      `insert into app.review (organization_id, content_id, number, state, decided_at)
       select $1, $2, 1, 'approved', now() from generate_series(1, ${MANY})`,
      [school.id, lesson.id],
    );
    return lesson.id;
  },
  "/v1/contents/:id/versions": async () => {
    await again(`update app.content set body = 'B' || i where content_id = '${lesson.id}'`);
    return lesson.id;
  },
  "/v1/contents/:id/ratings": async () => lesson.id,
  "/v1/contents/:id/completions": async () => lesson.id,
  "/v1/contents/:id/comments": async () => lesson.id,
  "/v1/contents/:id/attachments": async () => lesson.id,
  "/v1/comments/:id/replies": async () => thread?.id ?? "",
  "/v1/comments/:id/flags": async () => thread?.id ?? "",
  "/v1/comments/:id/history": async () => {
    await again(`update app.comment set body = 'B' || i where comment_id = '${thread?.id}'`);
    return thread?.id ?? "";
  },
};

/** Rows of lists that the above brings none into. */
const ROWS: Readonly<Record<string, () => Promise<unknown>>> = {
  "/v1/organization/sign-up-codes": () =>
    admin(
      `insert into app.sign_up_code (organization_id, code_hash, role, uses_allowed, expires_at)
       select $1, sha256(convert_to('c' || i, 'utf8')), 'student', 1, now() + interval '1 day' from generate_series(1, ${MANY}) i`,
      [school.id],
    ),
  "/v1/sessions": () =>
    admin(
      `insert into app.session (organization_id, user_id, token_hash, expires_at)
       select $1, u, sha256(convert_to(u::text || i, 'utf8')), now() + interval '1 day'
       from generate_series(1, ${MANY}) i, unnest($2::text[]::uuid[]) u`,
      [school.id, `{${[school.admin.id, pupil.user.id, teacher.user.id].join(",")}}`],
    ),
  "/v1/erasures": () =>
    admin(
      "insert into app.erasure (organization_id, user_id) select organization_id, user_id from app.user where organization_id = $1",
      [school.id],
    ),
  "/v1/api-keys": () =>
    admin(
      `insert into app.api_key (organization_id, user_id, role, name, token_hash, hint, scopes, expires_at)
       select $1, $2, 'admin', 'Key', sha256(convert_to('k' || i, 'utf8')), 'abcd', '{users:read}', now() + interval '1 day'
       from generate_series(1, ${MANY}) i`,
      [school.id, school.admin.id],
    ),
  "/v1/reviews": () =>
    admin(
      `insert into app.review (organization_id, content_id, number, reviewer_id)
       select organization_id, content_id, 1, $2 from app.content where organization_id = $1`,
      [school.id, school.admin.id],
    ),
  "/v1/security/events": () =>
    admin(
      `insert into app.security_event (organization_id, kind, door, known_device, attempts)
       select $1, 'login_locked', 'password', false, 5 from generate_series(1, ${MANY})`,
      [school.id],
    ),
  "/v1/security/attacks": () =>
    admin(
      `insert into app.attack (organization_id, kind, accounts, attempts, first_seen_at, last_seen_at, ended_at)
       select $1, 'spray', 50, 50, now(), now(), now() from generate_series(1, ${MANY})`,
      [school.id],
    ),
  "/v1/audit-events": async () => {
    for (let n = 0; n < MANY; n++) await it.user(school);
  },
};

/** Where the admin's own list would be empty. */
const AS_PUPIL = ["/v1/me/completions", "/v1/me/comments", "/v1/sessions"];
const QUERIES: Readonly<Record<string, string>> = {
  "/v1/search": "q=lesson",
  "/v1/comments": "state=waiting",
};

const listOf = (schema: TSchema | null | undefined): boolean =>
  ((schema?.properties ?? {}) as Readonly<Record<string, TSchema>>).items?.type === "array";
const wordsOf = (schema: TSchema | undefined): readonly string[] => {
  const items = schema?.items as TSchema | undefined;
  const options = (items?.anyOf ?? (items === undefined ? [] : [items])) as readonly TSchema[];
  return options.map((option) => String(option.const));
};
const lists = endpoints.filter(
  ({ method, page, answers }) => method === "GET" && (page !== undefined || listOf(answers.get(200))),
);

test("the lists that are looked at are all there are", () => {
  expect(lists.length).toBeGreaterThan(20);
  expect(lists.filter(({ page }) => page === undefined).map(({ path }) => path)).toEqual([
    // All attachments of a lesson, of which there may be a hundred at most.
    "/v1/contents/:id/attachments",
  ]);
});

describe("a list takes as many statements for thirty rows as for one", () => {
  for (const { path, query, page } of lists) {
    const includes = wordsOf(query?.properties.include);
    const ways = ["", ...includes, ...(includes.length > 1 ? [includes.join(",")] : [])];

    test(`${path}${includes.length === 0 ? "" : `, with ${includes.join(", ")} and all of them`} [row 67]`, async () => {
      const id = path.includes(":id") ? await BELOW[path]?.() : "";
      if (id === undefined) throw new Error(`${path}: say in BELOW what has thirty rows`);
      await ROWS[path]?.();
      const token = AS_PUPIL.includes(path) ? pupil.token : school.token;
      const ask = async (limit: number, include: string) => {
        const asked = [
          ...(QUERIES[path] === undefined ? [] : [QUERIES[path]]),
          ...(include === "" ? [] : [`include=${include}`]),
          ...(page === undefined ? [] : [`limit=${limit}`]),
        ].join("&");
        statements.length = 0;
        const answer = await request<{ items: unknown[] }>("GET", `${path.replace(":id", id)}?${asked}`, {
          token,
        });
        expect(answer.status).toBe(200);
        // The commit of a read is not waited for: it may be counted with the next one.
        const all = statements.filter((name) => !name.startsWith("tx/"));
        // Whom else somebody was shown today is asked once for all of them, and not at all where it is only themselves.
        const disclosures = all.filter((name) => /^audit\/(exists_disclosure|list_undisclosed)$/.test(name));
        expect(disclosures.length).toBeLessThanOrEqual(1);
        const sent = all.filter((name) => !disclosures.includes(name)).sort();
        return { rows: answer.body.items.length, sent };
      };
      for (const include of ways) {
        // Who was shown whom is written once a day, and when somebody was last seen once in a while.
        await ask(31, include);
        if (page === undefined) {
          const all = await ask(0, include);
          await admin(
            `update app.attachment set deleted_at = now(), deletion_id = app.uuidv7()
             where organization_id = $1 and content_id = $2 and position > 1`,
            [school.id, lesson.id],
          );
          const one = await ask(0, include);
          expect([include, one, all.rows]).toEqual([include, { rows: 1, sent: all.sent }, MANY]);
          continue;
        }
        const [one, thirty] = [await ask(1, include), await ask(30, include)];
        expect([include, one.rows, thirty.rows]).toEqual([include, 1, 30]);
        expect([include, thirty.sent]).toEqual([include, one.sent]);
        expect(one.sent.length).toBeLessThanOrEqual(8);
      }
    });
  }
});

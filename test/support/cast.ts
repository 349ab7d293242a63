/**
 * People, and what is theirs, straight into the tables: the tests that go through every operation need thousands, and how
 * they come about through the API is shown elsewhere.
 */
import { randomBytes } from "node:crypto";
import type { Role } from "../../src/actor.ts";
import { newToken } from "../../src/tokens.ts";
import type { TestApp } from "./app.ts";

export interface Person {
  readonly id: string;
  readonly organizationId: string;
}

export interface Credential {
  readonly id: string;
  readonly token: string;
}

export interface Cast {
  person(organizationId: string, role: Role): Promise<Person>;
  /** A session that is live for an hour, proved just now. */
  session(person: Person): Promise<Credential>;
  /** A key as the person in this role would have made it. */
  apiKey(person: Person, role: Role, scopes: readonly string[]): Promise<Credential>;
  /** Makes what the `:id` of a path stands for; null when it has none. */
  thingOf(path: string): ((owner: Person) => Promise<string>) | null;
}

export function cast({
  database: { admin },
  deps: { keys },
}: Pick<TestApp, "database"> & { readonly deps: Pick<TestApp["deps"], "keys"> }): Cast {
  let made = 0;
  const session: Cast["session"] = async ({ organizationId, id: userId }) => {
    const [id, token] = [Bun.randomUUIDv7(), newToken("session", organizationId)];
    await admin(
      `insert into app.session (organization_id, session_id, user_id, token_hash, expires_at)
       values ($1, $2, $3, $4, now() + interval '1 hour')`,
      [organizationId, id, userId, keys.mac("token", token)],
    );
    return { id, token };
  };
  const apiKey: Cast["apiKey"] = async ({ organizationId, id: userId }, role, scopes) => {
    const [id, token] = [Bun.randomUUIDv7(), newToken("api_key", organizationId)];
    await admin(
      `insert into app.api_key (organization_id, api_key_id, user_id, role, name, token_hash, hint, scopes, expires_at)
       values ($1, $2, $3, $4, 'cast', $5, 'abcd', $6, now() + interval '1 hour')`,
      [organizationId, id, userId, role, keys.mac("api-key", token), scopes],
    );
    return { id, token };
  };
  const importOf = async ({ organizationId }: Person): Promise<string> => {
    const id = Bun.randomUUIDv7();
    await admin(
      `insert into app.import
         (organization_id, import_id, format, dry_run, invite, proven, state, finished_at)
       values ($1, $2, 'csv', false, false, false, 'finished', now())`,
      [organizationId, id],
    );
    return id;
  };
  const renameOf = async ({ organizationId }: Person, subject: string): Promise<string> => {
    const id = Bun.randomUUIDv7();
    await admin(
      `insert into app.rename (organization_id, rename_id, subject, from_words, to_word, state, finished_at)
       values ($1, $2, $3, '{loop}', 'loops', 'finished', now())`,
      [organizationId, id, subject],
    );
    return id;
  };
  const things: Readonly<Record<string, (owner: Person) => Promise<string>>> = {
    "/v1/users/:id/second-factor": async ({ organizationId, id }) => {
      await admin(
        `insert into app.second_factor (organization_id, user_id, secret, confirmed_at)
         values ($1, $2, $3, now() - interval '1 day')`,
        [organizationId, id, randomBytes(48)],
      );
      return id;
    },
    "/v1/users/:id/erasure": async ({ organizationId, id }) => {
      await admin("insert into app.erasure (organization_id, user_id) values ($1, $2)", [organizationId, id]);
      return id;
    },
    "/v1/users/imports/:id": importOf,
    "/v1/tags/renames/:id": (owner) => renameOf(owner, "tags"),
    "/v1/skills/renames/:id": (owner) => renameOf(owner, "skills"),
    "/v1/users/:id": async ({ id }) => id,
    "/v1/sessions/:id": async (owner) => (await session(owner)).id,
    "/v1/api-keys/:id": async (owner) => (await apiKey(owner, "student", ["users:read"])).id,
    "/v1/organization/sign-up-codes/:id": async ({ organizationId }) => {
      const id = Bun.randomUUIDv7();
      await admin(
        `insert into app.sign_up_code
           (organization_id, sign_up_code_id, code_hash, role, uses_allowed, expires_at)
         values ($1, $2, $3, 'student', 1, now() + interval '1 hour')`,
        [organizationId, id, randomBytes(32)],
      );
      return id;
    },
    // On a lesson of the author's, and there for everybody.
    "/v1/comments/:id": async (owner) => {
      const [id, contentId] = [Bun.randomUUIDv7(), await things["/v1/contents/:id"]?.(owner)];
      await admin(
        `insert into app.comment (organization_id, comment_id, content_id, author_id, body, state)
         values ($1, $2, $3, $4, 'Cast', 'approved')`,
        [owner.organizationId, id, contentId, owner.id],
      );
      return id;
    },
    "/v1/attachments/:id": async ({ organizationId, id: userId }) => {
      const contentId = await things["/v1/contents/:id"]?.({ organizationId, id: userId });
      const [row] = await admin<{ id: string }>(
        `with made as (
           insert into app.file (organization_id, sha256, size, stored_at)
           values ($1, sha256(convert_to($4, 'utf8')), 0, now()) returning file_id
         )
         insert into app.attachment (organization_id, content_id, file_id, name, media_type, position, created_by_id)
         select $1, $2, file_id, 'cast.png', 'image/png', 1, $3 from made returning attachment_id as id`,
        [organizationId, contentId, userId, `cast-${++made}`],
      );
      return row?.id ?? "";
    },
    // Published: a draft is hidden from pupils whosever it is.
    "/v1/contents/:id": async ({ organizationId, id: userId }) => {
      const id = Bun.randomUUIDv7();
      await admin(
        `insert into app.content (organization_id, content_id, title, slug, status, published_at, created_by_id)
         values ($1, $2, 'Cast', $3, 'published', now(), $4)`,
        [organizationId, id, `cast-${++made}`, userId],
      );
      return id;
    },
    // Somebody else's, of a lesson of theirs: nobody votes on their own.
    "/v1/ratings/:id": async (owner) => {
      const [id, contentId] = [Bun.randomUUIDv7(), await things["/v1/contents/:id"]?.(owner)];
      await admin(
        `with rater as (
           insert into app.user (organization_id, username, full_name) values ($1, $4, $4) returning user_id
         )
         insert into app.rating (organization_id, rating_id, content_id, user_id, stars, review)
         select $1, $2, $3, user_id, 4, 'It helped.' from rater`,
        [owner.organizationId, id, contentId, `cast-${++made}`],
      );
      return id;
    },
  };
  return {
    session,
    apiKey,
    person: async (organizationId, role) => {
      const id = Bun.randomUUIDv7();
      const name = `cast-${++made}`;
      await admin(
        `with person as (
           insert into app.user (organization_id, user_id, username, full_name, email, role)
           values ($1, $2, $3, $3, $3 || '@school.example', $4) returning 1
         ) insert into app.profile (organization_id, user_id) select $1, $2 from person`,
        [organizationId, id, name, role],
      );
      return { id, organizationId };
    },
    thingOf: (path) => {
      if (!path.includes("/:")) return null;
      const prefix = Object.keys(things).find((start) => path === start || path.startsWith(`${start}/`));
      const thing = prefix === undefined ? undefined : things[prefix];
      if (thing === undefined)
        throw new Error(`${path}: say in test/support/cast.ts how to make what its id stands for`);
      return thing;
    },
  };
}

/** A row in every table that belongs to an organization: for the tests that go through all tables. */
import type { TestApp } from "./app.ts";
import { type GivenOrganization, given } from "./given.ts";

/**
 * Gives an organization a row in each of its tables: through the API what comes about by it, by hand what nobody in the
 * tests does. Once for an organization: the hashes are no others the second time.
 */
export async function rowOfEach(
  { request, database: { admin } }: Pick<TestApp, "request" | "database">,
  school: GivenOrganization,
): Promise<void> {
  const it = given({ request });
  const { id } = school;
  const { token } = await it.member(school, "teacher");
  await it.published(token, { body: "photosynthesis", tags: ["plants"] });
  await admin("insert into app.effect (organization_id, job_id, step) values ($1, app.uuidv7(), 's')", [id]);
  await admin(
    "insert into app.idempotency (organization_id, key_hash, request_hash) values ($1, sha256('k'), sha256('r'))",
    [id],
  );
  await admin(
    "insert into app.security_event (organization_id, kind, door, known_device, attempts) values ($1, 'login_locked', 'password', false, 5)",
    [id],
  );
  await admin(
    "insert into app.login_guard (organization_id, guard_key, bucket, door) values ($1, sha256('g'), '', 'password')",
    [id],
  );
  await admin(
    "insert into app.attack (organization_id, kind, accounts, attempts, first_seen_at, last_seen_at) values ($1, 'spray', 50, 50, now(), now())",
    [id],
  );
  await admin(
    `with person as (
       select organization_id, user_id, now() + interval '1 hour' as later from app.user
       where organization_id = $1 order by user_id limit 1
     ), key as (
       insert into app.api_key (organization_id, user_id, role, name, token_hash, hint, scopes, expires_at)
       select organization_id, user_id, 'admin', 'Key', sha256('t'), 'abcd', '{users:read}', later from person
     ), erasure as (
       insert into app.erasure (organization_id, user_id) select organization_id, user_id from person
     ), link as (
       insert into app.link (organization_id, kind, user_id, token_hash, email, expires_at)
       select organization_id, 'reset', user_id, sha256('t'), 'a@school.example', later from person
     ), mail as (
       insert into app.mail (organization_id, user_id, template, language, content, address_hash, state)
       select organization_id, user_id, 'new_device', 'en', 'sealed', sha256('a'), 'kept' from person
     ), factor as (
       insert into app.second_factor (organization_id, user_id, secret)
       select organization_id, user_id, sha256('s') || substring(sha256('s') for 16) from person
       returning organization_id, user_id
     ), code as (
       insert into app.recovery_code (organization_id, user_id, code_hash)
       select organization_id, user_id, sha256('c') from factor
     ), challenge as (
       insert into app.sign_in_challenge (organization_id, token_hash, user_id, long_lived, expires_at)
       select organization_id, sha256('t'), user_id, false, later from person
     ), refresh as (
       insert into app.refresh_token (organization_id, token_hash, session_id)
       select organization_id, sha256('t'), session_id from app.session where organization_id = $1 limit 1
     ), signed_up as (
       insert into app.sign_up (organization_id, user_id) select organization_id, user_id from person
     ), attempt as (
       insert into app.sign_up_attempt (organization_id, network) values ($1, sha256('n'))
     ), sign_up_code as (
       insert into app.sign_up_code (organization_id, code_hash, role, uses_allowed, expires_at)
       select organization_id, sha256('c'), 'student', 30, later from person
     )
     insert into app.quota (organization_id, people) values ($1, 1000)`,
    [id],
  );
  await admin(
    `insert into app.review (organization_id, content_id, number)
     select organization_id, content_id, 1 from app.content where organization_id = $1 limit 1`,
    [id],
  );
  await admin(
    `with comment as (
       insert into app.comment (organization_id, content_id, author_id, body, state)
       select c.organization_id, c.content_id, u.user_id, 'Why?', 'approved'
       from app.content c join app.user u using (organization_id) where organization_id = $1 limit 1
       returning organization_id, comment_id, author_id
     ), flag as (
       insert into app.comment_flag (organization_id, comment_id, user_id, reason)
       select organization_id, comment_id, author_id, 'spam' from comment
     )
     insert into app.comment_upvote (organization_id, comment_id, user_id)
     select organization_id, comment_id, author_id from comment`,
    [id],
  );
  await admin(
    `with made as (
       insert into app.file (organization_id, sha256, size, stored_at) values ($1, sha256('f'), 1, now())
       returning organization_id, file_id
     )
     insert into app.attachment (organization_id, content_id, file_id, name, media_type, position)
     select organization_id, content_id, file_id, 'leaf.png', 'image/png', 1
     from made join app.content using (organization_id) limit 1`,
    [id],
  );
  await admin(
    `with made as (
       insert into app.import (organization_id, source, format, dry_run, invite, proven)
       values ($1, 'external_id', 'csv', false, false, false) returning organization_id, import_id
     )
     insert into app.import_line (organization_id, import_id, line, outcome)
     select organization_id, import_id, 2, 'unchanged' from made`,
    [id],
  );
  await admin(
    "insert into app.rename (organization_id, subject, from_words, to_word) values ($1, 'tags', '{loop}', 'loops')",
    [id],
  );
  await admin(
    "insert into app.audit_anchor values ($1, 1, date_trunc('second', now()), sha256('h'), repeat('k', 43), repeat('s', 86))",
    [id],
  );
  await admin(
    `insert into app.audit_seal
     select $1, 1000, 1001, s, s, s, sha256('p'), sha256('h'), '{}', repeat('k', 43), repeat('s', 86)
     from date_trunc('second', now()) s`,
    [id],
  );
  await admin(
    `with person as (
       select organization_id, content_id, user_id from app.content join app.user using (organization_id)
       where organization_id = $1 limit 1
     ), rated as (
       insert into app.rating (organization_id, content_id, user_id, stars)
       select organization_id, content_id, user_id, 5 from person returning organization_id, rating_id, user_id
     ), vote as (
       insert into app.helpful_vote (organization_id, rating_id, user_id) select * from rated
     ), seen as (
       insert into app.content_view (organization_id, content_id, user_id, last_hour)
       select organization_id, content_id, user_id, date_trunc('hour', now()) from person
     ), completed as (
       insert into app.completion (organization_id, content_id, user_id)
       select organization_id, content_id, user_id from person
     )
     insert into app.content_tally (organization_id, content_id, views, viewers)
     select organization_id, content_id, 3, 2 from person`,
    [id],
  );
  await admin(
    `insert into app.content_search (organization_id, content_id, version, language, document)
     select organization_id, content_id, version, language, to_tsvector('english', body) from app.content where organization_id = $1`,
    [id],
  );
}

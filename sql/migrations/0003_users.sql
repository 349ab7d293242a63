-- The people of an organization. What signs a person in lies apart from what describes them.

create function app.fold(words text) returns text
language sql immutable parallel safe
return lower(regexp_replace(normalize(words, NFKD), U&'[\0300-\036F]', '', 'g'));
comment on function app.fold(text) is 'The text in small letters without accents: how names are looked for and put in order.';

create table app.user (
  like template.tenant,
  user_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  like template.soft_delete including constraints,
  -- Pupils need none.
  email text constraint user_email_form check (
    email ~ '^[^@[:space:][:cntrl:]]{1,64}@[^@[:space:][:cntrl:]]+\.[^@.[:space:][:cntrl:]]{2,}$'
    and email !~ '\.\.|^\.|\.@|@\.|@-' and char_length(email) <= 254
  ),
  -- Without @: a username must never be read as somebody else's e-mail address.
  username text not null constraint user_username_form check (username ~ '^[[:alnum:]]([[:alnum:]._-]{0,62}[[:alnum:]])?$'),
  full_name text not null constraint user_full_name_length check (char_length(full_name) between 1 and 200),
  avatar_url text constraint user_avatar_url_form check (avatar_url ~ '^https?://[^[:space:]]+$' and char_length(avatar_url) <= 2048),
  role text not null default 'student' constraint user_role check (role in ('student', 'teacher', 'admin', 'parent')),
  status text not null default 'active'
    constraint user_status check (status in ('active', 'inactive', 'suspended', 'pending')),
  email_verified_at timestamptz,
  -- The number of the person in the school's other systems: what an import knows them by.
  external_id text constraint user_external_id_form check (
    external_id ~ '^[^[:space:][:cntrl:]]+$' and char_length(external_id) <= 200
  ),
  time_zone text not null default 'UTC' constraint user_time_zone_form check (time_zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{1,63}$'),
  language text not null default 'en' constraint user_language_form check (language ~ '^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$'),
  -- Stored, and compared with = and >: under a policy no index serves `lower(email) = …`, since lower() is not leakproof,
  -- and everybody who signs in would have the whole school read (2.2 ms against 0.03 ms with 10,000 people).
  email_key text generated always as (lower(email)) stored,
  username_key text not null generated always as (lower(username)) stored,
  name_key text collate "C" not null generated always as (left(app.fold(full_name), 100)) stored,
  constraint user_pkey primary key (organization_id, user_id),
  constraint user_organization_fkey foreign key (organization_id) references app.organization,
  constraint user_created_by_fkey foreign key (organization_id, created_by_id) references app.user on delete set null (created_by_id),
  constraint user_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user on delete set null (updated_by_id),
  constraint user_deleted_by_fkey foreign key (organization_id, deleted_by_id) references app.user on delete set null (deleted_by_id)
);
comment on table app.user is 'A person of one organization. Another organization knows nothing of them.';
create unique index user_email_unique on app.user (organization_id, email_key) where deleted_at is null;
create unique index user_username_unique on app.user (organization_id, username_key) where deleted_at is null;
create unique index user_external_id_unique on app.user (organization_id, external_id) where deleted_at is null;
create index user_name on app.user (organization_id, name_key, user_id);
-- Active means status active and not deleted; the list of active people by role reads this index alone.
create index user_active on app.user (organization_id, role, user_id) where status = 'active' and deleted_at is null;
create index user_created_by on app.user (organization_id, created_by_id);
create index user_updated_by on app.user (organization_id, updated_by_id);
create index user_deleted_by on app.user (organization_id, deleted_by_id);
call app.protect('app.user');
call app.audit('app.user', 'user_id', array['email_key', 'username_key', 'name_key']);
call app.tag('app.user', 'personal, person', 'user_id');
call app.tag('app.user', 'personal, null', 'email', 'avatar_url', 'email_verified_at', 'external_id');
call app.tag('app.user', 'derived', 'email_key', 'username_key', 'name_key');
call app.tag('app.user', 'personal, becomes ''erased-'' || user_id', 'username');
call app.tag('app.user', 'personal, becomes ''Erased person''', 'full_name');
call app.tag('app.user', 'personal, becomes ''UTC''', 'time_zone');
call app.tag('app.user', 'personal, becomes ''en''', 'language');
call app.tag('app.user', 'personal, kept', 'role', 'status');
grant select, insert, update on app.user to satchel_request;
grant execute on function app.fold(text) to satchel_request, satchel_search, satchel_eraser;

-- Looking for people by the beginnings of words in their name, username and e-mail address. As with lessons, the operator
-- is not leakproof, so a function that sees nothing but these columns finds the candidates by the index, and the caller
-- joins them back to the protected table.
create function app.user_words(full_name text, username text, email text) returns tsvector
language sql immutable parallel safe
return array_to_tsvector(
  array_remove(
    string_to_array(
      regexp_replace(
        app.fold(full_name || ' ' || username || ' ' || coalesce(email, '')), '[[:space:]]+', ' ', 'g'
      ), ' '
    ), ''
  )
);
comment on function app.user_words(text, text, text) is 'What a person is found by.';
-- No list of pending entries: after an import every search would read it whole.
create index user_words on app.user using gin (organization_id, app.user_words(full_name, username, email))
  with (fastupdate = off);
create policy search_select on app.user for select to satchel_search using (true);
grant select (organization_id, user_id, full_name, username, email) on app.user to satchel_search;
grant execute on function app.user_words(text, text, text) to satchel_request, satchel_search, satchel_eraser;

create function app.search_users(words text) returns table (user_id uuid)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  terms tsquery;
begin
  select string_agg(format('''%s'':*', replace(replace(word, '\', '\\'), '''', '''''')), ' & ')::tsquery into terms
  from (
    select distinct word
    from regexp_split_to_table(app.fold(words), '[[:space:]]+') word where word <> '' limit 10
  ) asked;
  return query
    select u.user_id from app."user" u
    where u.organization_id = organization and app.user_words(u.full_name, u.username, u.email) @@ terms;
end
$$;
comment on function app.search_users(text) is 'Finds people of the entered organization by the beginnings of words: their ids, nothing else.';
grant execute on function app.search_users(text) to satchel_request;
grant create on schema app to satchel_search;
alter function app.search_users(text) owner to satchel_search;
revoke create on schema app from satchel_search;

-- Apart from app.user, so that no list of people can ever carry a hash, and so that signing in changes no version.
create table app.credential (
  like template.tenant,
  user_id uuid not null,
  like template.timestamps including defaults,
  password_hash text constraint credential_password_hash_form check (
    password_hash ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43,}$'
  ),
  -- Which secret peppered the hash.
  pepper_key_id text,
  password_changed_at timestamptz,
  -- Who gave it to them, and so knows it; null when they chose it themselves.
  password_set_by_id uuid,
  last_login_at timestamptz,
  last_login_ip inet,
  constraint credential_pkey primary key (organization_id, user_id),
  constraint credential_pepper check ((password_hash is null) = (pepper_key_id is null)),
  constraint credential_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade,
  constraint credential_password_set_by_fkey foreign key (organization_id, password_set_by_id) references app.user
    on delete set null (password_set_by_id)
);
comment on table app.credential is 'How a person signs in, and when and from where they last did.';
create index credential_password_set_by on app.credential (organization_id, password_set_by_id);
call app.protect('app.credential');
call app.keep_time('app.credential');
call app.tag('app.credential', 'personal, row', 'user_id');
call app.tag('app.credential', 'personal, secret', 'password_hash', 'pepper_key_id');
call app.tag('app.credential', 'personal', 'password_changed_at', 'last_login_at', 'last_login_ip');
call app.tag('app.credential', 'personal, reference', 'password_set_by_id');
grant select, insert, update on app.credential to satchel_request;

-- Whoever was given a password by a teacher must not become that teacher's way to be an admin.
create function app.void_given_password() returns trigger
language plpgsql
as $$
begin
  update app.credential
  set password_hash = null, pepper_key_id = null, password_set_by_id = null, password_changed_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and password_set_by_id is not null;
  return null;
end
$$;
comment on function app.void_given_password() is
  'Takes away a password that somebody else knows when the person is given power over others.';
create trigger void_given_password after update on app.user for each row
  when (new.role <> old.role and (new.role = 'admin' or (new.role = 'teacher' and old.role <> 'admin')))
  execute function app.void_given_password();
grant execute on function app.void_given_password() to satchel_request;

create table app.profile (
  like template.tenant,
  user_id uuid not null,
  like template.timestamps including defaults,
  bio text constraint profile_bio_length check (char_length(bio) <= 5000),
  date_of_birth date constraint profile_date_of_birth_range check (date_of_birth >= '1900-01-01'),
  phone text constraint profile_phone_form check (phone ~ '^\+?[0-9][0-9 ()./-]{3,30}$'),
  website text constraint profile_website_form check (website ~ '^https?://[^[:space:]]+$' and char_length(website) <= 2048),
  code_url text constraint profile_code_url_form check (code_url ~ '^https?://[^[:space:]]+$' and char_length(code_url) <= 2048),
  professional_url text constraint profile_professional_url_form check (professional_url ~ '^https?://[^[:space:]]+$' and char_length(professional_url) <= 2048),
  skills text[] not null default '{}' constraint profile_skills_count check (cardinality(skills) <= 100),
  interests text[] not null default '{}' constraint profile_interests_count check (cardinality(interests) <= 100),
  -- At most one profile a person: their id is its key.
  constraint profile_pkey primary key (organization_id, user_id),
  constraint profile_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.profile is 'What a person tells about themselves.';
call app.protect('app.profile');
call app.keep_time('app.profile');
call app.record_history('app.profile', 'user_id');
call app.tag('app.profile', 'personal, row', 'user_id');
call app.tag('app.profile', 'personal', 'bio', 'date_of_birth', 'phone', 'website', 'code_url', 'professional_url', 'skills', 'interests');
grant select, insert, update on app.profile to satchel_request;

-- The tenant itself, its cache generations, and the codes that allow one to be founded.

create table app.organization (
  organization_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  name text not null constraint organization_name_length check (char_length(name) between 1 and 200),
  slug text not null constraint organization_slug_form check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) between 2 and 63),
  type text not null default 'school'
    constraint organization_type check (type in ('school', 'district', 'university', 'company', 'other')),
  status text not null default 'active'
    constraint organization_status check (status in ('active', 'suspended', 'closed')),
  -- json, not jsonb: what was written comes back with its keys in the order they were written.
  settings json not null default '{}' constraint organization_settings_object check (json_typeof(settings) = 'object'),
  constraint organization_pkey primary key (organization_id)
);
comment on table app.organization is 'A tenant: a school or another body whose data nobody else may see.';
-- The one unique key that spans organizations: before sign-in the slug is all that is known.
create unique index organization_slug_unique on app.organization (slug);
call app.protect('app.organization');
call app.audit('app.organization', 'organization_id');
call app.tag('app.organization', 'none', 'name', 'slug', 'type', 'status', 'settings');
grant select, insert, update on app.organization to satchel_request;
-- The system role finds an organization by its slug and walks through all of them; their settings are not its business.
create policy system_select on app.organization for select to satchel_system using (true);
grant select (organization_id, slug, status) on app.organization to satchel_system;

-- Bumped last in a writing transaction and read together with the session: a cache key that holds the generation can
-- never answer with a state older than the last acknowledged write.
create table app.generation (
  like template.tenant,
  topic text not null constraint generation_topic check (topic in ('organization', 'users', 'contents')),
  generation bigint not null default 1 constraint generation_positive check (generation > 0),
  constraint generation_pkey primary key (organization_id, topic),
  constraint generation_organization_fkey foreign key (organization_id) references app.organization
    on delete cascade deferrable initially deferred
);
comment on table app.generation is 'How often what is cached under a topic has changed.';
call app.protect('app.generation');
call app.tag('app.generation', 'none', 'topic', 'generation');
grant select, insert, update on app.generation to satchel_request;

-- In the order of the topics, so that two transactions can never wait for each other here.
create function app.bump_generations(topics text[]) returns void
language sql volatile
begin atomic
  insert into app.generation as g (organization_id, topic)
  select app.org(), topic from unnest(topics) as topic order by topic
  on conflict (organization_id, topic) do update set generation = g.generation + 1;
end;
comment on function app.bump_generations(text[]) is 'Marks topics of the entered organization as changed.';
grant execute on function app.bump_generations(text[]) to satchel_request;

create table app.setup_code (
  code_hash bytea not null constraint setup_code_hash_length check (octet_length(code_hash) = 32),
  -- Made by a start without any organization; the first organization ends all such codes.
  first boolean not null,
  created_at timestamptz not null default now(),
  consumed_at timestamptz,
  constraint setup_code_pkey primary key (code_hash)
);
comment on table app.setup_code is 'Single-use codes that allow an organization to be founded. Only their keyed hash is kept.';
call app.tag('app.setup_code', 'none', 'code_hash', 'first', 'created_at', 'consumed_at');
grant select, update (consumed_at) on app.setup_code to satchel_request;
grant select (first, consumed_at, created_at), insert, delete on app.setup_code to satchel_system;

create table app.secret_key (
  key_id text not null constraint secret_key_id_form check (key_id ~ '^[0-9a-f]{12}$'),
  created_at timestamptz not null default now(),
  constraint secret_key_pkey primary key (key_id)
);
comment on table app.secret_key is
  'Names of the secrets this database was used with. A node with an unknown secret would refuse every session.';
call app.tag('app.secret_key', 'none', 'key_id', 'created_at');
grant select, insert on app.secret_key to satchel_system;

-- What happened to the organization and its people, who did it and from where: appended only, numbered without a gap and
-- chained by hashes, so that whoever alters it later must alter all that came after, and the anchors kept elsewhere.

-- One row for each organization, held from its update to the commit. Whoever appends waits here, so that numbers have no
-- gap and no two events follow the same one.
create table app.audit_head (
  like template.tenant,
  sequence bigint not null default 0 constraint audit_head_sequence_counts check (sequence >= 0),
  hash bytea not null default decode(repeat('00', 32), 'hex') constraint audit_head_hash_length check (octet_length(hash) = 32),
  -- Of the last event.
  created_at timestamptz not null default now(),
  constraint audit_head_pkey primary key (organization_id)
);
comment on table app.audit_head is 'The last event of each organization''s chain.';
call app.protect('app.audit_head');
call app.tag('app.audit_head', 'none', 'sequence', 'hash');
grant select on app.audit_head to satchel_request;

-- People by their ids alone, and no references: an event outlives whom it names, and erasing a person breaks no chain.
create table app.audit_event (
  like template.tenant,
  sequence bigint not null constraint audit_event_sequence_counts check (sequence > 0),
  -- Whole milliseconds, never before the event before: what is hashed is exactly what a reader gets.
  created_at timestamptz not null default now()
    constraint audit_event_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  action text not null constraint audit_event_action_form check (action ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'),
  outcome text not null constraint audit_event_outcome check (outcome in ('success', 'refused')),
  actor_id uuid,
  -- By which session or API key; both null for whoever has none.
  session_id uuid,
  api_key_id uuid constraint audit_event_credential_one check (session_id is null or api_key_id is null),
  subject_ids uuid[] not null default '{}' constraint audit_event_subject_ids_count check (cardinality(subject_ids) <= 1000),
  target_type text constraint audit_event_target_type_form check (target_type ~ '^[a-z][a-z_]{0,62}$'),
  target_id text constraint audit_event_target_id_form check (target_id ~ '^[A-Za-z0-9 ._:/-]{1,200}$'),
  -- json, not jsonb: the text that was hashed.
  details json not null default '{}' constraint audit_event_details_object check (json_typeof(details) = 'object'),
  -- Binds the row in app.audit_origin, without telling what it holds.
  origin_hash bytea constraint audit_event_origin_hash_length check (octet_length(origin_hash) = 32),
  hash bytea not null constraint audit_event_hash_length check (octet_length(hash) = 32),
  constraint audit_event_pkey primary key (organization_id, sequence)
);
comment on table app.audit_event is 'Who did what to whom, in the order in which it was done.';
create index audit_event_time on app.audit_event (organization_id, created_at, sequence);
create index audit_event_action on app.audit_event (organization_id, action, sequence);
create index audit_event_actor on app.audit_event (organization_id, actor_id, sequence);
create index audit_event_api_key on app.audit_event (organization_id, api_key_id, sequence) where api_key_id is not null;
create index audit_event_target on app.audit_event (organization_id, target_id, sequence);
call app.protect('app.audit_event');
call app.tag('app.audit_event', 'none',
  'sequence', 'session_id', 'api_key_id', 'outcome', 'target_type', 'target_id', 'details', 'origin_hash', 'hash');
call app.tag('app.audit_event', 'none, label', 'action');
call app.tag('app.audit_event', 'personal, reference', 'actor_id', 'subject_ids');
grant select on app.audit_event to satchel_request;

-- Whom an event is about, by person: a list of people is one event that names a page of them.
create table app.audit_subject (
  like template.tenant,
  subject_id uuid not null,
  sequence bigint not null constraint audit_subject_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now(),
  action text not null,
  constraint audit_subject_pkey primary key (organization_id, subject_id, sequence)
);
comment on table app.audit_subject is 'The events about each person: an index of app.audit_event.';
create index audit_subject_event on app.audit_subject (organization_id, sequence);
call app.protect('app.audit_subject');
call app.tag('app.audit_subject', 'personal, person', 'subject_id');
call app.tag('app.audit_subject', 'none', 'sequence', 'action');
grant select on app.audit_subject to satchel_request;

-- Apart, because it must be possible to erase it. The salt goes with it: what is left in the chain tells nothing, not even
-- to somebody who tries every address there is.
create table app.audit_origin (
  like template.tenant,
  sequence bigint not null constraint audit_origin_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now(),
  -- Who acted, or whom somebody unknown tried to be. Null when that is nobody.
  person_id uuid,
  salt bytea not null constraint audit_origin_salt_length check (octet_length(salt) = 16),
  address text not null constraint audit_origin_address_length check (char_length(address) <= 64),
  user_agent text constraint audit_origin_user_agent_length check (char_length(user_agent) <= 512),
  constraint audit_origin_pkey primary key (organization_id, sequence)
);
comment on table app.audit_origin is 'From where the events of the audit came, as long as that is kept.';
create index audit_origin_person on app.audit_origin (organization_id, person_id);
call app.protect('app.audit_origin');
call app.tag('app.audit_origin', 'none', 'sequence');
call app.tag('app.audit_origin', 'personal, row', 'person_id');
call app.tag('app.audit_origin', 'personal', 'address', 'user_agent');
call app.tag('app.audit_origin', 'personal, secret', 'salt');
grant select on app.audit_origin to satchel_request;

-- What is left of events that have been kept for as long as they must: how many there were of each action, and the hashes
-- on both sides, signed, so that the chain is still whole and nobody else could have taken them out.
create table app.audit_seal (
  like template.tenant,
  first_sequence bigint not null constraint audit_seal_sequence_counts check (first_sequence > 0),
  last_sequence bigint not null,
  created_at timestamptz not null default now()
    constraint audit_seal_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  first_at timestamptz not null constraint audit_seal_first_at_whole check (first_at = date_trunc('milliseconds', first_at)),
  last_at timestamptz not null constraint audit_seal_last_at_whole check (last_at = date_trunc('milliseconds', last_at)),
  -- Of the event before, and of the last of these.
  previous bytea not null constraint audit_seal_previous_length check (octet_length(previous) = 32),
  hash bytea not null constraint audit_seal_hash_length check (octet_length(hash) = 32),
  actions json not null constraint audit_seal_actions_object check (json_typeof(actions) = 'object'),
  public_key text not null constraint audit_seal_public_key_form check (public_key ~ '^[A-Za-z0-9_-]{43}$'),
  signature text not null constraint audit_seal_signature_form check (signature ~ '^[A-Za-z0-9_-]{86}$'),
  constraint audit_seal_pkey primary key (organization_id, first_sequence),
  constraint audit_seal_order check (first_sequence <= last_sequence and first_at <= last_at)
);
comment on table app.audit_seal is 'Runs of events that were kept long enough, each replaced by one signed row.';
create unique index audit_seal_last on app.audit_seal (organization_id, last_sequence);
call app.protect('app.audit_seal');
call app.tag('app.audit_seal', 'none',
  'first_sequence', 'last_sequence', 'first_at', 'last_at', 'previous', 'hash', 'actions', 'public_key', 'signature');
grant select on app.audit_seal to satchel_request;

-- The head as it was last signed and written outside the database, so that an unchanged one is not written again.
create table app.audit_anchor (
  like template.tenant,
  sequence bigint not null constraint audit_anchor_sequence_counts check (sequence > 0),
  created_at timestamptz not null default now()
    constraint audit_anchor_created_at_whole check (created_at = date_trunc('milliseconds', created_at)),
  hash bytea not null constraint audit_anchor_hash_length check (octet_length(hash) = 32),
  public_key text not null constraint audit_anchor_public_key_form check (public_key ~ '^[A-Za-z0-9_-]{43}$'),
  signature text not null constraint audit_anchor_signature_form check (signature ~ '^[A-Za-z0-9_-]{86}$'),
  constraint audit_anchor_pkey primary key (organization_id)
);
comment on table app.audit_anchor is 'The last signed head of each chain.';
call app.protect('app.audit_anchor');
call app.tag('app.audit_anchor', 'none', 'sequence', 'hash', 'public_key', 'signature');
grant select, insert, update on app.audit_anchor to satchel_request;

-- The functions below write with the owner's rights, whom FORCE binds as well, and in the entered organization only.
do $$
declare
  target text;
begin
  foreach target in array array['audit_head', 'audit_event', 'audit_subject', 'audit_origin', 'audit_seal'] loop
    execute format(
      'create policy chain on app.%I for all to satchel_owner
         using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
  end loop;
end
$$;

-- A second lock: not even the owner alters the chain by mistake.
create function app.keep_audit() returns trigger
language plpgsql
as $$
begin
  -- For the statement in app.seal_audit alone: the setting gives nobody a right.
  if tg_op = 'DELETE' and current_setting('app.sealing', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit is only ever appended to' using errcode = 'insufficient_privilege';
end
$$;
comment on function app.keep_audit() is 'Refuses to change or remove an event of the audit.';
create trigger keep before update or delete or truncate on app.audit_event for each statement execute function app.keep_audit();

-- The one way to write here. Called last before the commit, with all the events of the transaction: what is locked here
-- stays locked for no longer than the commit takes.
create function app.append_audit(events jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  head app.audit_head;
  moment timestamptz;
  event jsonb;
  actor uuid;
  subjects uuid[];
  canonical text;
begin
  select * into head from app.audit_head where organization_id = organization for update;
  if not found then
    insert into app.audit_head (organization_id) values (organization) on conflict do nothing;
    select * into head from app.audit_head where organization_id = organization for update;
  end if;
  moment := greatest(date_trunc('milliseconds', clock_timestamp()), date_trunc('milliseconds', head.created_at));
  for event in select e.value from jsonb_array_elements(events) with ordinality e order by e.ordinality loop
    if event ->> 'organizationId' is distinct from organization::text then
      raise exception 'an event of another organization' using errcode = 'object_not_in_prerequisite_state';
    end if;
    actor := case when event ? 'actorId' then (event ->> 'actorId')::uuid else app.actor() end;
    subjects := array(select s.value::uuid from jsonb_array_elements_text(event -> 'subjectIds') s);
    head.sequence := head.sequence + 1;
    -- Keys in their order and no space: RFC 8785. None of these values has anything to escape but `details`, which comes
    -- in this form already. What is stored is what is hashed, column by column.
    canonical := concat(
      '{"action":"', event ->> 'action',
      '","actorId":', coalesce('"' || actor || '"', 'null'),
      ',"apiKeyId":', coalesce('"' || (event ->> 'apiKeyId') || '"', 'null'),
      ',"at":"', to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      '","details":', event ->> 'details',
      ',"organizationId":"', organization,
      '","origin":', coalesce('"' || (event ->> 'originHash') || '"', 'null'),
      ',"outcome":"', event ->> 'outcome',
      '","previous":"', encode(head.hash, 'hex'),
      '","sequence":', head.sequence,
      ',"sessionId":', coalesce('"' || (event ->> 'sessionId') || '"', 'null'),
      ',"subjectIds":', to_json(subjects),
      ',"targetId":', coalesce('"' || (event ->> 'targetId') || '"', 'null'),
      ',"targetType":', coalesce('"' || (event ->> 'targetType') || '"', 'null'), '}');
    head.hash := sha256(convert_to(canonical, 'UTF8'));
    insert into app.audit_event (
      organization_id, sequence, created_at, action, outcome, actor_id, session_id, api_key_id, subject_ids, target_type,
      target_id, details, origin_hash, hash
    ) values (
      organization, head.sequence, moment, event ->> 'action', event ->> 'outcome', actor, (event ->> 'sessionId')::uuid,
      (event ->> 'apiKeyId')::uuid, subjects, event ->> 'targetType', event ->> 'targetId', (event ->> 'details')::json, decode(event ->> 'originHash', 'hex'), head.hash
    );
    if cardinality(subjects) > 0 then
      insert into app.audit_subject (organization_id, subject_id, sequence, created_at, action)
      select organization, subject, head.sequence, moment, event ->> 'action' from unnest(subjects) subject;
    end if;
    if event ? 'salt' then
      insert into app.audit_origin (organization_id, sequence, created_at, person_id, salt, address, user_agent)
      values (
        organization, head.sequence, moment, coalesce(actor, subjects[1]), decode(event ->> 'salt', 'hex'),
        event ->> 'address', event ->> 'userAgent'
      );
    end if;
  end loop;
  update app.audit_head set sequence = head.sequence, hash = head.hash, created_at = moment
  where organization_id = organization;
end
$$;
comment on function app.append_audit(jsonb) is 'Appends events to the chain of the entered organization.';
grant execute on function app.append_audit(jsonb) to satchel_request;

-- Puts a signed row in the place of events that were kept long enough, and of seals among them. Which ones those are, and
-- whether the chain was whole before, is for the caller to say; what nobody may take out is what is younger than a month.
create function app.seal_audit(
  first bigint, last bigint, sealed_at timestamptz, first_at timestamptz, last_at timestamptz, previous bytea, hash bytea,
  actions json, public_key text, signature text
) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  organization uuid := app.org();
  covered bigint;
  youngest timestamptz;
begin
  -- Two at once would both find the events there.
  perform from app.audit_head h where h.organization_id = organization for update;
  select count(*), max(e.created_at) into covered, youngest
  from app.audit_event e where e.organization_id = organization and e.sequence between first and last;
  select covered + coalesce(sum(s.last_sequence - s.first_sequence + 1), 0), greatest(youngest, max(s.last_at))
  into covered, youngest
  from app.audit_seal s
  where s.organization_id = organization and s.first_sequence >= first and s.last_sequence <= last;
  if covered <> last - first + 1 or youngest > now() - interval '30 days' then
    raise exception 'these events cannot be sealed' using errcode = 'object_not_in_prerequisite_state';
  end if;
  delete from app.audit_origin o where o.organization_id = organization and o.sequence between first and last;
  delete from app.audit_subject s where s.organization_id = organization and s.sequence between first and last;
  delete from app.audit_seal s
  where s.organization_id = organization and s.first_sequence >= first and s.last_sequence <= last;
  perform set_config('app.sealing', 'on', true);
  delete from app.audit_event e where e.organization_id = organization and e.sequence between first and last;
  perform set_config('app.sealing', '', true);
  insert into app.audit_seal (
    organization_id, first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key,
    signature
  ) values (
    organization, seal_audit.first, seal_audit.last, sealed_at, seal_audit.first_at, seal_audit.last_at,
    seal_audit.previous, seal_audit.hash, seal_audit.actions, seal_audit.public_key, seal_audit.signature
  );
end
$$;
comment on function app.seal_audit(bigint, bigint, timestamptz, timestamptz, timestamptz, bytea, bytea, json, text, text) is
  'Replaces events of the entered organization that were kept long enough by one signed row.';
grant execute on function
  app.seal_audit(bigint, bigint, timestamptz, timestamptz, timestamptz, bytea, bytea, json, text, text) to satchel_request;

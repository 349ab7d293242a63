-- Written by `bun run sql` from the catalog of a migrated database. Do not edit.

create role satchel_eraser nologin noinherit;
grant satchel_eraser to satchel_owner;

create role satchel_owner nologin noinherit;

create role satchel_request login noinherit;
alter role satchel_request set jit=off;

create role satchel_search nologin noinherit;
grant satchel_search to satchel_owner;

create role satchel_system nologin noinherit;
grant satchel_system to satchel_request;

grant connect on database (this one) to public;
grant create, temporary on database (this one) to satchel_owner;
grant connect on database (this one) to satchel_request;

create schema app authorization satchel_owner;
comment on schema app is 'Everything of Satchel.';
grant usage on schema app to satchel_eraser;
grant usage on schema app to satchel_request;
grant usage on schema app to satchel_search;
grant usage on schema app to satchel_system;

create schema public authorization pg_database_owner;

create schema template authorization satchel_owner;
comment on schema template is 'Column groups that tables are made of. Never holds a row.';

create extension btree_gin schema app;

create table app.api_key (
  organization_id uuid not null,
  api_key_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  user_id uuid not null,
  role text not null,
  name text not null,
  token_hash bytea not null,
  hint text not null,
  scopes text[] not null,
  expires_at timestamp with time zone not null,
  last_used_at timestamp with time zone,
  last_used_ip inet,
  revoked_at timestamp with time zone,
  revoked_by_id uuid,
  revoke_reason text,
  constraint api_key_pkey PRIMARY KEY (organization_id, api_key_id),
  constraint api_key_expiry CHECK (((expires_at > created_at) AND (expires_at <= (created_at + '366 days'::interval)))),
  constraint api_key_hint_length CHECK ((char_length(hint) = 4)),
  constraint api_key_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 100))),
  constraint api_key_revoke_reason CHECK ((revoke_reason = ANY (ARRAY['revoked'::text, 'role_changed'::text, 'status_changed'::text, 'user_deleted'::text, 'password_changed'::text]))),
  constraint api_key_revoked_whole CHECK (((revoked_at IS NULL) = (revoke_reason IS NULL))),
  constraint api_key_role CHECK ((role = ANY (ARRAY['student'::text, 'teacher'::text, 'admin'::text, 'parent'::text]))),
  constraint api_key_scopes_some CHECK (((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 50))),
  constraint api_key_token_hash_length CHECK ((octet_length(token_hash) = 32)),
  constraint api_key_revoked_by_fkey FOREIGN KEY (organization_id, revoked_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (revoked_by_id),
  constraint api_key_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.api_key owner to satchel_owner;
comment on table app.api_key is 'What a program shows instead of a session, until it expires or is revoked.';
comment on column app.api_key.organization_id is 'none';
comment on column app.api_key.api_key_id is 'none';
comment on column app.api_key.created_at is 'none';
comment on column app.api_key.updated_at is 'none';
comment on column app.api_key.user_id is 'personal, row';
comment on column app.api_key.role is 'none';
comment on column app.api_key.name is 'personal';
comment on column app.api_key.token_hash is 'personal, secret';
comment on column app.api_key.hint is 'personal, secret';
comment on column app.api_key.scopes is 'none';
comment on column app.api_key.expires_at is 'none';
comment on column app.api_key.last_used_at is 'personal';
comment on column app.api_key.last_used_ip is 'personal';
comment on column app.api_key.revoked_at is 'personal';
comment on column app.api_key.revoked_by_id is 'personal, reference';
comment on column app.api_key.revoke_reason is 'personal';
CREATE INDEX api_key_person ON app.api_key USING btree (organization_id, user_id);
CREATE INDEX api_key_revoked_by ON app.api_key USING btree (organization_id, revoked_by_id);
CREATE UNIQUE INDEX api_key_token_unique ON app.api_key USING btree (organization_id, token_hash);
CREATE TRIGGER touch BEFORE UPDATE ON app.api_key FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.api_key enable row level security;
alter table app.api_key force row level security;
create policy erase on app.api_key as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.api_key as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.api_key as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.api_key as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.api_key as permissive for select to satchel_request
  using (true);
create policy request_update on app.api_key as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.api_key to satchel_eraser;
grant delete, insert, select, update on app.api_key to satchel_request;

create table app.attachment (
  organization_id uuid not null,
  attachment_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  content_id uuid not null,
  file_id uuid not null,
  name text not null,
  description text not null default ''::text,
  media_type text not null,
  "position" integer not null,
  constraint attachment_pkey PRIMARY KEY (organization_id, attachment_id),
  constraint attachment_description_length CHECK ((char_length(description) <= 1000)),
  constraint attachment_media_type_form CHECK ((media_type ~ '^[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}$'::text)),
  constraint attachment_name_form CHECK ((((char_length(name) >= 1) AND (char_length(name) <= 255)) AND (name !~ '[[:cntrl:]/\\]'::text))),
  constraint attachment_position_positive CHECK (("position" > 0)),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint version_positive CHECK ((version > 0)),
  constraint attachment_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id),
  constraint attachment_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint attachment_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint attachment_file_fkey FOREIGN KEY (organization_id, file_id) REFERENCES app.file(organization_id, file_id),
  constraint attachment_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id),
  constraint attachment_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id)
);
alter table app.attachment owner to satchel_owner;
comment on table app.attachment is 'A file as it hangs on a lesson.';
comment on column app.attachment.organization_id is 'none';
comment on column app.attachment.attachment_id is 'none';
comment on column app.attachment.created_at is 'none';
comment on column app.attachment.updated_at is 'none';
comment on column app.attachment.version is 'none';
comment on column app.attachment.created_by_id is 'personal, reference';
comment on column app.attachment.updated_by_id is 'personal, reference';
comment on column app.attachment.deleted_at is 'none';
comment on column app.attachment.deleted_by_id is 'personal, reference';
comment on column app.attachment.deletion_id is 'none';
comment on column app.attachment.content_id is 'none';
comment on column app.attachment.file_id is 'none';
comment on column app.attachment.name is 'none, label';
comment on column app.attachment.description is 'none';
comment on column app.attachment.media_type is 'none';
comment on column app.attachment."position" is 'none';
CREATE INDEX attachment_content ON app.attachment USING btree (organization_id, content_id, "position", attachment_id);
CREATE INDEX attachment_created_by ON app.attachment USING btree (organization_id, created_by_id);
CREATE INDEX attachment_deleted ON app.attachment USING btree (organization_id, deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX attachment_deleted_by ON app.attachment USING btree (organization_id, deleted_by_id);
CREATE INDEX attachment_file ON app.attachment USING btree (organization_id, file_id);
CREATE INDEX attachment_updated_by ON app.attachment USING btree (organization_id, updated_by_id);
CREATE TRIGGER history_delete AFTER DELETE ON app.attachment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('attachment_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.attachment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('attachment_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.attachment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('attachment_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.attachment FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
CREATE TRIGGER usage_delete AFTER DELETE ON app.attachment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_files();
CREATE TRIGGER usage_insert AFTER INSERT ON app.attachment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_files();
CREATE TRIGGER usage_update AFTER UPDATE ON app.attachment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_files();
alter table app.attachment enable row level security;
alter table app.attachment force row level security;
create policy erase on app.attachment as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.attachment as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.attachment as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.attachment as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.attachment as permissive for select to satchel_request
  using (true);
create policy request_update on app.attachment as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.attachment to satchel_eraser;
grant delete, insert, select, update on app.attachment to satchel_request;

create table app.attack (
  organization_id uuid not null,
  attack_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  kind text not null,
  network inet,
  user_id uuid,
  accounts integer not null,
  attempts integer not null,
  first_seen_at timestamp with time zone not null,
  last_seen_at timestamp with time zone not null,
  notified_at timestamp with time zone,
  ended_at timestamp with time zone,
  constraint attack_pkey PRIMARY KEY (organization_id, attack_id),
  constraint attack_accounts_counts CHECK ((accounts > 0)),
  constraint attack_attempts_counts CHECK ((attempts > 0)),
  constraint attack_kind CHECK ((kind = ANY (ARRAY['spray'::text, 'enumeration'::text, 'guessing'::text]))),
  constraint attack_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE,
  constraint attack_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.attack owner to satchel_owner;
comment on table app.attack is 'Sprays, guesses and enumerations of logins, open and ended.';
comment on column app.attack.organization_id is 'none';
comment on column app.attack.attack_id is 'none';
comment on column app.attack.created_at is 'none';
comment on column app.attack.updated_at is 'none';
comment on column app.attack.kind is 'none';
comment on column app.attack.network is 'personal, expires';
comment on column app.attack.user_id is 'personal, row';
comment on column app.attack.accounts is 'none';
comment on column app.attack.attempts is 'none';
comment on column app.attack.first_seen_at is 'none';
comment on column app.attack.last_seen_at is 'none';
comment on column app.attack.notified_at is 'none';
comment on column app.attack.ended_at is 'none';
CREATE INDEX attack_ended ON app.attack USING btree (organization_id, ended_at) WHERE (ended_at IS NOT NULL);
CREATE UNIQUE INDEX attack_open_unique ON app.attack USING btree (organization_id, network, user_id) NULLS NOT DISTINCT WHERE (ended_at IS NULL);
CREATE INDEX attack_user ON app.attack USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.attack FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.attack enable row level security;
alter table app.attack force row level security;
create policy erase on app.attack as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.attack as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.attack as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.attack as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.attack as permissive for select to satchel_request
  using (true);
create policy request_update on app.attack as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.attack to satchel_eraser;
grant delete, insert, select, update on app.attack to satchel_request;

create table app.audit_anchor (
  organization_id uuid not null,
  sequence bigint not null,
  created_at timestamp with time zone not null default now(),
  hash bytea not null,
  public_key text not null,
  signature text not null,
  constraint audit_anchor_pkey PRIMARY KEY (organization_id),
  constraint audit_anchor_created_at_whole CHECK ((created_at = date_trunc('milliseconds'::text, created_at))),
  constraint audit_anchor_hash_length CHECK ((octet_length(hash) = 32)),
  constraint audit_anchor_public_key_form CHECK ((public_key ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint audit_anchor_sequence_counts CHECK ((sequence > 0)),
  constraint audit_anchor_signature_form CHECK ((signature ~ '^[A-Za-z0-9_-]{86}$'::text))
);
alter table app.audit_anchor owner to satchel_owner;
comment on table app.audit_anchor is 'The last signed head of each chain.';
comment on column app.audit_anchor.organization_id is 'none';
comment on column app.audit_anchor.sequence is 'none';
comment on column app.audit_anchor.created_at is 'none';
comment on column app.audit_anchor.hash is 'none';
comment on column app.audit_anchor.public_key is 'none';
comment on column app.audit_anchor.signature is 'none';
alter table app.audit_anchor enable row level security;
alter table app.audit_anchor force row level security;
create policy erase on app.audit_anchor as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_anchor as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_anchor as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_anchor as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_anchor as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_anchor as permissive for update to satchel_request
  using (true)
  with check (true);
grant insert, select, update on app.audit_anchor to satchel_request;

create table app.audit_event (
  organization_id uuid not null,
  sequence bigint not null,
  created_at timestamp with time zone not null default now(),
  action text not null,
  outcome text not null,
  actor_id uuid,
  session_id uuid,
  api_key_id uuid,
  subject_ids uuid[] not null default '{}'::uuid[],
  target_type text,
  target_id text,
  details json not null default '{}'::json,
  origin_hash bytea,
  hash bytea not null,
  constraint audit_event_pkey PRIMARY KEY (organization_id, sequence),
  constraint audit_event_action_form CHECK ((action ~ '^[a-z][a-z_]*\.[a-z][a-z_]*$'::text)),
  constraint audit_event_created_at_whole CHECK ((created_at = date_trunc('milliseconds'::text, created_at))),
  constraint audit_event_credential_one CHECK (((session_id IS NULL) OR (api_key_id IS NULL))),
  constraint audit_event_details_object CHECK ((json_typeof(details) = 'object'::text)),
  constraint audit_event_hash_length CHECK ((octet_length(hash) = 32)),
  constraint audit_event_origin_hash_length CHECK ((octet_length(origin_hash) = 32)),
  constraint audit_event_outcome CHECK ((outcome = ANY (ARRAY['success'::text, 'refused'::text]))),
  constraint audit_event_sequence_counts CHECK ((sequence > 0)),
  constraint audit_event_subject_ids_count CHECK ((cardinality(subject_ids) <= 1000)),
  constraint audit_event_target_id_form CHECK ((target_id ~ '^[A-Za-z0-9 ._:/-]{1,200}$'::text)),
  constraint audit_event_target_type_form CHECK ((target_type ~ '^[a-z][a-z_]{0,62}$'::text))
);
alter table app.audit_event owner to satchel_owner;
comment on table app.audit_event is 'Who did what to whom, in the order in which it was done.';
comment on column app.audit_event.organization_id is 'none';
comment on column app.audit_event.sequence is 'none';
comment on column app.audit_event.created_at is 'none';
comment on column app.audit_event.action is 'none, label';
comment on column app.audit_event.outcome is 'none';
comment on column app.audit_event.actor_id is 'personal, reference';
comment on column app.audit_event.session_id is 'none';
comment on column app.audit_event.api_key_id is 'none';
comment on column app.audit_event.subject_ids is 'personal, reference';
comment on column app.audit_event.target_type is 'none';
comment on column app.audit_event.target_id is 'none';
comment on column app.audit_event.details is 'none';
comment on column app.audit_event.origin_hash is 'none';
comment on column app.audit_event.hash is 'none';
CREATE INDEX audit_event_action ON app.audit_event USING btree (organization_id, action, sequence);
CREATE INDEX audit_event_actor ON app.audit_event USING btree (organization_id, actor_id, sequence);
CREATE INDEX audit_event_api_key ON app.audit_event USING btree (organization_id, api_key_id, sequence) WHERE (api_key_id IS NOT NULL);
CREATE INDEX audit_event_target ON app.audit_event USING btree (organization_id, target_id, sequence);
CREATE INDEX audit_event_time ON app.audit_event USING btree (organization_id, created_at, sequence);
CREATE TRIGGER keep BEFORE DELETE OR UPDATE OR TRUNCATE ON app.audit_event FOR EACH STATEMENT EXECUTE FUNCTION app.keep_audit();
alter table app.audit_event enable row level security;
alter table app.audit_event force row level security;
create policy chain on app.audit_event as permissive for all to satchel_owner
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy erase on app.audit_event as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_event as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_event as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_event as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_event as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_event as permissive for update to satchel_request
  using (true)
  with check (true);
grant select on app.audit_event to satchel_request;

create table app.audit_head (
  organization_id uuid not null,
  sequence bigint not null default 0,
  hash bytea not null default decode(repeat('00'::text, 32), 'hex'::text),
  created_at timestamp with time zone not null default now(),
  constraint audit_head_pkey PRIMARY KEY (organization_id),
  constraint audit_head_hash_length CHECK ((octet_length(hash) = 32)),
  constraint audit_head_sequence_counts CHECK ((sequence >= 0))
);
alter table app.audit_head owner to satchel_owner;
comment on table app.audit_head is 'The last event of each organization''s chain.';
comment on column app.audit_head.organization_id is 'none';
comment on column app.audit_head.sequence is 'none';
comment on column app.audit_head.hash is 'none';
comment on column app.audit_head.created_at is 'none';
alter table app.audit_head enable row level security;
alter table app.audit_head force row level security;
create policy chain on app.audit_head as permissive for all to satchel_owner
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy erase on app.audit_head as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_head as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_head as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_head as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_head as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_head as permissive for update to satchel_request
  using (true)
  with check (true);
grant select on app.audit_head to satchel_request;

create table app.audit_origin (
  organization_id uuid not null,
  sequence bigint not null,
  created_at timestamp with time zone not null default now(),
  person_id uuid,
  salt bytea not null,
  address text not null,
  user_agent text,
  constraint audit_origin_pkey PRIMARY KEY (organization_id, sequence),
  constraint audit_origin_address_length CHECK ((char_length(address) <= 64)),
  constraint audit_origin_salt_length CHECK ((octet_length(salt) = 16)),
  constraint audit_origin_sequence_counts CHECK ((sequence > 0)),
  constraint audit_origin_user_agent_length CHECK ((char_length(user_agent) <= 512))
);
alter table app.audit_origin owner to satchel_owner;
comment on table app.audit_origin is 'From where the events of the audit came, as long as that is kept.';
comment on column app.audit_origin.organization_id is 'none';
comment on column app.audit_origin.sequence is 'none';
comment on column app.audit_origin.created_at is 'none';
comment on column app.audit_origin.person_id is 'personal, row';
comment on column app.audit_origin.salt is 'personal, secret';
comment on column app.audit_origin.address is 'personal';
comment on column app.audit_origin.user_agent is 'personal';
CREATE INDEX audit_origin_person ON app.audit_origin USING btree (organization_id, person_id);
alter table app.audit_origin enable row level security;
alter table app.audit_origin force row level security;
create policy chain on app.audit_origin as permissive for all to satchel_owner
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy erase on app.audit_origin as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_origin as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_origin as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_origin as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_origin as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_origin as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.audit_origin to satchel_eraser;
grant select on app.audit_origin to satchel_request;

create table app.audit_seal (
  organization_id uuid not null,
  first_sequence bigint not null,
  last_sequence bigint not null,
  created_at timestamp with time zone not null default now(),
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  previous bytea not null,
  hash bytea not null,
  actions json not null,
  public_key text not null,
  signature text not null,
  constraint audit_seal_pkey PRIMARY KEY (organization_id, first_sequence),
  constraint audit_seal_actions_object CHECK ((json_typeof(actions) = 'object'::text)),
  constraint audit_seal_created_at_whole CHECK ((created_at = date_trunc('milliseconds'::text, created_at))),
  constraint audit_seal_first_at_whole CHECK ((first_at = date_trunc('milliseconds'::text, first_at))),
  constraint audit_seal_hash_length CHECK ((octet_length(hash) = 32)),
  constraint audit_seal_last_at_whole CHECK ((last_at = date_trunc('milliseconds'::text, last_at))),
  constraint audit_seal_order CHECK (((first_sequence <= last_sequence) AND (first_at <= last_at))),
  constraint audit_seal_previous_length CHECK ((octet_length(previous) = 32)),
  constraint audit_seal_public_key_form CHECK ((public_key ~ '^[A-Za-z0-9_-]{43}$'::text)),
  constraint audit_seal_sequence_counts CHECK ((first_sequence > 0)),
  constraint audit_seal_signature_form CHECK ((signature ~ '^[A-Za-z0-9_-]{86}$'::text))
);
alter table app.audit_seal owner to satchel_owner;
comment on table app.audit_seal is 'Runs of events that were kept long enough, each replaced by one signed row.';
comment on column app.audit_seal.organization_id is 'none';
comment on column app.audit_seal.first_sequence is 'none';
comment on column app.audit_seal.last_sequence is 'none';
comment on column app.audit_seal.created_at is 'none';
comment on column app.audit_seal.first_at is 'none';
comment on column app.audit_seal.last_at is 'none';
comment on column app.audit_seal.previous is 'none';
comment on column app.audit_seal.hash is 'none';
comment on column app.audit_seal.actions is 'none';
comment on column app.audit_seal.public_key is 'none';
comment on column app.audit_seal.signature is 'none';
CREATE UNIQUE INDEX audit_seal_last ON app.audit_seal USING btree (organization_id, last_sequence);
alter table app.audit_seal enable row level security;
alter table app.audit_seal force row level security;
create policy chain on app.audit_seal as permissive for all to satchel_owner
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy erase on app.audit_seal as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_seal as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_seal as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_seal as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_seal as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_seal as permissive for update to satchel_request
  using (true)
  with check (true);
grant select on app.audit_seal to satchel_request;

create table app.audit_subject (
  organization_id uuid not null,
  subject_id uuid not null,
  sequence bigint not null,
  created_at timestamp with time zone not null default now(),
  action text not null,
  constraint audit_subject_pkey PRIMARY KEY (organization_id, subject_id, sequence),
  constraint audit_subject_sequence_counts CHECK ((sequence > 0))
);
alter table app.audit_subject owner to satchel_owner;
comment on table app.audit_subject is 'The events about each person: an index of app.audit_event.';
comment on column app.audit_subject.organization_id is 'none';
comment on column app.audit_subject.subject_id is 'personal, person';
comment on column app.audit_subject.sequence is 'none';
comment on column app.audit_subject.created_at is 'none';
comment on column app.audit_subject.action is 'none';
CREATE INDEX audit_subject_event ON app.audit_subject USING btree (organization_id, sequence);
alter table app.audit_subject enable row level security;
alter table app.audit_subject force row level security;
create policy chain on app.audit_subject as permissive for all to satchel_owner
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy erase on app.audit_subject as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.audit_subject as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.audit_subject as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.audit_subject as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.audit_subject as permissive for select to satchel_request
  using (true);
create policy request_update on app.audit_subject as permissive for update to satchel_request
  using (true)
  with check (true);
grant select on app.audit_subject to satchel_request;

create table app.comment (
  organization_id uuid not null,
  comment_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  content_id uuid not null,
  parent_id uuid,
  under_id uuid not null generated always as (COALESCE(parent_id, content_id)) stored,
  path bytea not null,
  author_id uuid not null,
  body text,
  edited_at timestamp with time zone,
  state text not null,
  constraint comment_pkey PRIMARY KEY (organization_id, comment_id),
  constraint comment_content_unique UNIQUE (organization_id, content_id, comment_id),
  constraint comment_body_length CHECK (((char_length(body) >= 1) AND (char_length(body) <= 10000))),
  constraint comment_depth CHECK ((octet_length(path) <= 80)),
  constraint comment_state CHECK ((state = ANY (ARRAY['waiting'::text, 'approved'::text, 'rejected'::text]))),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint version_positive CHECK ((version > 0)),
  constraint comment_author_fkey FOREIGN KEY (organization_id, author_id) REFERENCES app."user"(organization_id, user_id),
  constraint comment_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id),
  constraint comment_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint comment_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint comment_parent_fkey FOREIGN KEY (organization_id, content_id, parent_id) REFERENCES app.comment(organization_id, content_id, comment_id),
  constraint comment_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id)
);
alter table app.comment owner to satchel_owner;
comment on table app.comment is 'What somebody has written under a lesson, or in answer to another comment there.';
comment on column app.comment.organization_id is 'none';
comment on column app.comment.comment_id is 'none';
comment on column app.comment.created_at is 'none';
comment on column app.comment.updated_at is 'none';
comment on column app.comment.version is 'none';
comment on column app.comment.created_by_id is 'personal, reference';
comment on column app.comment.updated_by_id is 'personal, reference';
comment on column app.comment.deleted_at is 'none';
comment on column app.comment.deleted_by_id is 'personal, reference';
comment on column app.comment.deletion_id is 'none';
comment on column app.comment.content_id is 'none';
comment on column app.comment.parent_id is 'none';
comment on column app.comment.under_id is 'derived';
comment on column app.comment.path is 'none';
comment on column app.comment.author_id is 'personal, person';
comment on column app.comment.body is 'personal, null';
comment on column app.comment.edited_at is 'none';
comment on column app.comment.state is 'none';
CREATE INDEX comment_author ON app.comment USING btree (organization_id, author_id, comment_id);
CREATE INDEX comment_created_by ON app.comment USING btree (organization_id, created_by_id);
CREATE INDEX comment_deleted ON app.comment USING btree (organization_id, comment_id) WHERE (deleted_at IS NOT NULL);
CREATE INDEX comment_deleted_by ON app.comment USING btree (organization_id, deleted_by_id);
CREATE INDEX comment_parent ON app.comment USING btree (organization_id, content_id, parent_id);
CREATE INDEX comment_unapproved ON app.comment USING btree (organization_id, state, comment_id) WHERE ((deleted_at IS NULL) AND (state <> 'approved'::text));
CREATE INDEX comment_under ON app.comment USING btree (organization_id, under_id, comment_id);
CREATE INDEX comment_updated_by ON app.comment USING btree (organization_id, updated_by_id);
CREATE INDEX comment_visible ON app.comment USING btree (organization_id, content_id, path) WHERE ((deleted_at IS NULL) AND (state = 'approved'::text) AND (body IS NOT NULL));
CREATE TRIGGER begin_score AFTER INSERT ON app.comment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.begin_comment_score();
CREATE TRIGGER history_delete AFTER DELETE ON app.comment REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('comment_id', 'under_id', 'path');
CREATE TRIGGER history_insert AFTER INSERT ON app.comment REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('comment_id', 'under_id', 'path');
CREATE TRIGGER history_update AFTER UPDATE ON app.comment REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('comment_id', 'under_id', 'path');
CREATE TRIGGER place BEFORE INSERT ON app.comment FOR EACH ROW EXECUTE FUNCTION app.place_comment();
CREATE TRIGGER touch BEFORE UPDATE ON app.comment FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
alter table app.comment enable row level security;
alter table app.comment force row level security;
create policy erase on app.comment as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.comment as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.comment as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.comment as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.comment as permissive for select to satchel_request
  using (true);
create policy request_update on app.comment as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update (body) on app.comment to satchel_eraser;
grant insert, select, update (deleted_at, deleted_by_id, deletion_id, body, edited_at, state) on app.comment to satchel_request;

create table app.comment_flag (
  organization_id uuid not null,
  comment_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  reason text not null,
  flagged_at timestamp with time zone not null default now(),
  resolved_at timestamp with time zone,
  resolved_by_id uuid,
  resolution text,
  constraint comment_flag_pkey PRIMARY KEY (organization_id, comment_id, user_id),
  constraint comment_flag_reason CHECK ((reason = ANY (ARRAY['spam'::text, 'abuse'::text, 'personal_data'::text, 'off_topic'::text, 'other'::text]))),
  constraint comment_flag_resolution CHECK ((resolution = ANY (ARRAY['dismissed'::text, 'upheld'::text]))),
  constraint comment_flag_resolved_whole CHECK (((resolved_at IS NULL) = (resolution IS NULL))),
  constraint comment_flag_comment_fkey FOREIGN KEY (organization_id, comment_id) REFERENCES app.comment(organization_id, comment_id),
  constraint comment_flag_resolved_by_fkey FOREIGN KEY (organization_id, resolved_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (resolved_by_id),
  constraint comment_flag_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id)
);
alter table app.comment_flag owner to satchel_owner;
comment on table app.comment_flag is 'Who finds that a comment should not stand there: one flag a person, open until a moderator has looked.';
comment on column app.comment_flag.organization_id is 'none';
comment on column app.comment_flag.comment_id is 'none';
comment on column app.comment_flag.user_id is 'personal, person';
comment on column app.comment_flag.created_at is 'none';
comment on column app.comment_flag.updated_at is 'none';
comment on column app.comment_flag.reason is 'none';
comment on column app.comment_flag.flagged_at is 'none';
comment on column app.comment_flag.resolved_at is 'none';
comment on column app.comment_flag.resolved_by_id is 'personal, reference';
comment on column app.comment_flag.resolution is 'none';
CREATE INDEX comment_flag_open ON app.comment_flag USING btree (organization_id, comment_id) WHERE (resolved_at IS NULL);
CREATE INDEX comment_flag_resolved_by ON app.comment_flag USING btree (organization_id, resolved_by_id);
CREATE INDEX comment_flag_user ON app.comment_flag USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.comment_flag FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.comment_flag enable row level security;
alter table app.comment_flag force row level security;
create policy erase on app.comment_flag as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.comment_flag as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.comment_flag as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.comment_flag as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.comment_flag as permissive for select to satchel_request
  using (true);
create policy request_update on app.comment_flag as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.comment_flag to satchel_eraser;
grant insert, select, update (reason, flagged_at, resolved_at, resolved_by_id, resolution) on app.comment_flag to satchel_request;

create table app.comment_score (
  organization_id uuid not null,
  comment_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  under_id uuid not null,
  upvotes integer not null default 0,
  constraint comment_score_pkey PRIMARY KEY (organization_id, comment_id),
  constraint comment_score_upvotes_counts CHECK ((upvotes >= 0)),
  constraint comment_score_comment_fkey FOREIGN KEY (organization_id, comment_id) REFERENCES app.comment(organization_id, comment_id)
);
alter table app.comment_score owner to satchel_owner;
comment on table app.comment_score is 'How many agree with a comment.';
comment on column app.comment_score.organization_id is 'none';
comment on column app.comment_score.comment_id is 'none';
comment on column app.comment_score.created_at is 'none';
comment on column app.comment_score.updated_at is 'none';
comment on column app.comment_score.under_id is 'derived';
comment on column app.comment_score.upvotes is 'none';
CREATE INDEX comment_score_order ON app.comment_score USING btree (organization_id, under_id, upvotes, comment_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.comment_score FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.comment_score enable row level security;
alter table app.comment_score force row level security;
create policy erase on app.comment_score as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.comment_score as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.comment_score as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.comment_score as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.comment_score as permissive for select to satchel_request
  using (true);
create policy request_update on app.comment_score as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update (upvotes) on app.comment_score to satchel_eraser;
grant insert, select, update (upvotes) on app.comment_score to satchel_request;

create table app.comment_upvote (
  organization_id uuid not null,
  comment_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint comment_upvote_pkey PRIMARY KEY (organization_id, comment_id, user_id),
  constraint comment_upvote_comment_fkey FOREIGN KEY (organization_id, comment_id) REFERENCES app.comment(organization_id, comment_id),
  constraint comment_upvote_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id)
);
alter table app.comment_upvote owner to satchel_owner;
comment on table app.comment_upvote is 'Who agrees with a comment: one vote a person.';
comment on column app.comment_upvote.organization_id is 'none';
comment on column app.comment_upvote.comment_id is 'none';
comment on column app.comment_upvote.user_id is 'personal, person';
comment on column app.comment_upvote.created_at is 'none';
CREATE INDEX comment_upvote_user ON app.comment_upvote USING btree (organization_id, user_id);
CREATE TRIGGER count_given AFTER INSERT ON app.comment_upvote REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION app.count_upvotes();
CREATE TRIGGER count_taken AFTER DELETE ON app.comment_upvote REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION app.count_upvotes();
alter table app.comment_upvote enable row level security;
alter table app.comment_upvote force row level security;
create policy erase on app.comment_upvote as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.comment_upvote as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.comment_upvote as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.comment_upvote as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.comment_upvote as permissive for select to satchel_request
  using (true);
create policy request_update on app.comment_upvote as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.comment_upvote to satchel_eraser;
grant delete, insert, select on app.comment_upvote to satchel_request;

create table app.completion (
  organization_id uuid not null,
  completion_id uuid not null default app.uuidv7(),
  content_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint completion_pkey PRIMARY KEY (organization_id, content_id, user_id),
  constraint completion_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id),
  constraint completion_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.completion owner to satchel_owner;
comment on table app.completion is 'Who has completed a lesson, and when.';
comment on column app.completion.organization_id is 'none';
comment on column app.completion.completion_id is 'none';
comment on column app.completion.content_id is 'none';
comment on column app.completion.user_id is 'personal, row';
comment on column app.completion.created_at is 'none';
CREATE INDEX completion_of_content ON app.completion USING btree (organization_id, content_id, completion_id);
CREATE INDEX completion_of_user ON app.completion USING btree (organization_id, user_id, completion_id);
alter table app.completion enable row level security;
alter table app.completion force row level security;
create policy erase on app.completion as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.completion as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.completion as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.completion as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.completion as permissive for select to satchel_request
  using (true);
create policy request_update on app.completion as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.completion to satchel_eraser;
grant delete, insert, select, update (completion_id) on app.completion to satchel_request;

create table app.content (
  organization_id uuid not null,
  content_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  source_id text,
  title text not null,
  slug text not null,
  description text not null default ''::text,
  body text not null default ''::text,
  content_type text not null default 'lesson'::text,
  difficulty_level text not null default 'beginner'::text,
  status text not null default 'draft'::text,
  language text not null default 'en'::text,
  tags text[] not null default '{}'::text[],
  prerequisites text[] not null default '{}'::text[],
  learning_objectives text[] not null default '{}'::text[],
  metadata json not null default '{}'::json,
  settings json not null default '{}'::json,
  estimated_duration_minutes integer,
  published_at timestamp with time zone,
  reviewed_at timestamp with time zone,
  reviewed_by_id uuid,
  latest_number integer not null default 1,
  live_number integer,
  restored_from_number integer,
  publish_at timestamp with time zone,
  unpublish_at timestamp with time zone,
  constraint content_pkey PRIMARY KEY (organization_id, content_id),
  constraint content_body_length CHECK ((octet_length(body) <= 4194304)),
  constraint content_description_length CHECK ((char_length(description) <= 5000)),
  constraint content_difficulty_level CHECK ((difficulty_level = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'advanced'::text, 'expert'::text]))),
  constraint content_estimated_duration_range CHECK (((estimated_duration_minutes >= 1) AND (estimated_duration_minutes <= 100000))),
  constraint content_language_form CHECK ((language ~ '^[a-z]{2,10}(-[A-Za-z0-9]{1,8})*$'::text)),
  constraint content_learning_objectives_count CHECK ((cardinality(learning_objectives) <= 100)),
  constraint content_live_known CHECK ((live_number <= latest_number)),
  constraint content_live_status CHECK (
CASE status
    WHEN 'published'::text THEN ((live_number IS NOT NULL) AND (live_number = latest_number))
    WHEN 'archived'::text THEN (live_number IS NULL)
    ELSE true
END),
  constraint content_live_time CHECK (((live_number IS NULL) = (published_at IS NULL))),
  constraint content_metadata_object CHECK ((json_typeof(metadata) = 'object'::text)),
  constraint content_prerequisites_count CHECK ((cardinality(prerequisites) <= 100)),
  constraint content_schedule_live CHECK (((unpublish_at IS NULL) OR (live_number IS NOT NULL) OR (publish_at IS NOT NULL))),
  constraint content_schedule_order CHECK ((unpublish_at > publish_at)),
  constraint content_schedule_status CHECK (((publish_at IS NULL) OR (status = 'approved'::text))),
  constraint content_settings_object CHECK ((json_typeof(settings) = 'object'::text)),
  constraint content_slug_form CHECK (((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND (char_length(slug) <= 200))),
  constraint content_source_id_length CHECK (((char_length(source_id) >= 1) AND (char_length(source_id) <= 200))),
  constraint content_status CHECK ((status = ANY (ARRAY['draft'::text, 'pending_review'::text, 'approved'::text, 'rejected'::text, 'published'::text, 'archived'::text]))),
  constraint content_tags_count CHECK ((cardinality(tags) <= 100)),
  constraint content_title_length CHECK (((char_length(title) >= 1) AND (char_length(title) <= 300))),
  constraint content_type CHECK ((content_type = ANY (ARRAY['lesson'::text, 'tutorial'::text, 'exercise'::text, 'quiz'::text, 'project'::text, 'reference'::text]))),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint version_positive CHECK ((version > 0)),
  constraint content_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint content_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint content_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id),
  constraint content_reviewed_by_fkey FOREIGN KEY (organization_id, reviewed_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (reviewed_by_id),
  constraint content_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id)
);
alter table app.content owner to satchel_owner;
comment on table app.content is 'A lesson, tutorial, exercise, quiz, project or reference in its latest version.';
comment on column app.content.organization_id is 'none';
comment on column app.content.content_id is 'none';
comment on column app.content.created_at is 'none';
comment on column app.content.updated_at is 'none';
comment on column app.content.version is 'none';
comment on column app.content.created_by_id is 'personal, reference';
comment on column app.content.updated_by_id is 'personal, reference';
comment on column app.content.deleted_at is 'none';
comment on column app.content.deleted_by_id is 'personal, reference';
comment on column app.content.deletion_id is 'none';
comment on column app.content.source_id is 'none';
comment on column app.content.title is 'none, label';
comment on column app.content.slug is 'none';
comment on column app.content.description is 'none';
comment on column app.content.body is 'none';
comment on column app.content.content_type is 'none';
comment on column app.content.difficulty_level is 'none';
comment on column app.content.status is 'none';
comment on column app.content.language is 'none';
comment on column app.content.tags is 'none';
comment on column app.content.prerequisites is 'none';
comment on column app.content.learning_objectives is 'none';
comment on column app.content.metadata is 'none';
comment on column app.content.settings is 'none';
comment on column app.content.estimated_duration_minutes is 'none';
comment on column app.content.published_at is 'none';
comment on column app.content.reviewed_at is 'none';
comment on column app.content.reviewed_by_id is 'personal, reference';
comment on column app.content.latest_number is 'none';
comment on column app.content.live_number is 'none';
comment on column app.content.restored_from_number is 'none';
comment on column app.content.publish_at is 'none';
comment on column app.content.unpublish_at is 'none';
CREATE INDEX content_created_by ON app.content USING btree (organization_id, created_by_id);
CREATE INDEX content_deleted_by ON app.content USING btree (organization_id, deleted_by_id);
CREATE INDEX content_due ON app.content USING btree (organization_id, LEAST(publish_at, unpublish_at)) WHERE ((publish_at IS NOT NULL) OR (unpublish_at IS NOT NULL));
CREATE INDEX content_live ON app.content USING btree (organization_id, content_id) WHERE (deleted_at IS NULL);
CREATE INDEX content_published ON app.content USING btree (organization_id, content_id) WHERE ((status = 'published'::text) AND (deleted_at IS NULL));
CREATE INDEX content_reviewed_by ON app.content USING btree (organization_id, reviewed_by_id);
CREATE UNIQUE INDEX content_slug_unique ON app.content USING btree (organization_id, slug) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX content_source_unique ON app.content USING btree (organization_id, source_id) WHERE (deleted_at IS NULL);
CREATE INDEX content_updated_by ON app.content USING btree (organization_id, updated_by_id);
CREATE TRIGGER deletion_attachment AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.follow_deletion('app.attachment');
CREATE TRIGGER deletion_comment AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.follow_deletion('app.comment');
CREATE TRIGGER deletion_publication AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.follow_deletion('app.publication');
CREATE TRIGGER deletion_rating AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.follow_deletion('app.rating');
CREATE TRIGGER deletion_review AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.follow_deletion('app.review');
CREATE TRIGGER history_delete AFTER DELETE ON app.content REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('content_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('content_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('content_id');
CREATE TRIGGER listing_insert AFTER INSERT ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.list_contents('staff');
CREATE TRIGGER listing_update AFTER UPDATE ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.list_contents('staff');
CREATE TRIGGER number_version BEFORE INSERT OR UPDATE ON app.content FOR EACH ROW EXECUTE FUNCTION app.number_version();
CREATE TRIGGER review_update AFTER UPDATE ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.close_reviews();
CREATE TRIGGER touch BEFORE UPDATE ON app.content FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
CREATE TRIGGER usage_delete AFTER DELETE ON app.content REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_storage();
CREATE TRIGGER usage_insert AFTER INSERT ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_storage();
CREATE TRIGGER usage_update AFTER UPDATE ON app.content REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_storage();
CREATE TRIGGER version_insert AFTER INSERT ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_versions();
CREATE TRIGGER version_update AFTER UPDATE ON app.content REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_versions();
alter table app.content enable row level security;
alter table app.content force row level security;
create policy erase on app.content as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.content as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content as permissive for select to satchel_request
  using (true);
create policy request_update on app.content as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.content to satchel_eraser;
grant insert, select, update on app.content to satchel_request;

create table app.content_listing (
  organization_id uuid not null,
  content_id uuid not null,
  audience text not null,
  created_at timestamp with time zone not null default now(),
  changed_at timestamp with time zone not null,
  published_at timestamp with time zone not null,
  title_key text collate "C" not null,
  live boolean not null,
  status text not null,
  content_type text not null,
  difficulty_level text not null,
  language text not null,
  author_id uuid,
  source_id text,
  slug text not null,
  tags text[] not null,
  constraint content_listing_pkey PRIMARY KEY (organization_id, content_id, audience),
  constraint content_listing_audience CHECK ((audience = ANY (ARRAY['staff'::text, 'readers'::text]))),
  constraint content_listing_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id) ON DELETE CASCADE
);
alter table app.content_listing owner to satchel_owner;
comment on table app.content_listing is 'What lists of lessons are filtered by and put in order by: a copy, apart from the texts.';
comment on column app.content_listing.organization_id is 'none';
comment on column app.content_listing.content_id is 'derived';
comment on column app.content_listing.audience is 'derived';
comment on column app.content_listing.created_at is 'none';
comment on column app.content_listing.changed_at is 'derived';
comment on column app.content_listing.published_at is 'derived';
comment on column app.content_listing.title_key is 'derived';
comment on column app.content_listing.live is 'derived';
comment on column app.content_listing.status is 'derived';
comment on column app.content_listing.content_type is 'derived';
comment on column app.content_listing.difficulty_level is 'derived';
comment on column app.content_listing.language is 'derived';
comment on column app.content_listing.author_id is 'derived';
comment on column app.content_listing.source_id is 'derived';
comment on column app.content_listing.slug is 'derived';
comment on column app.content_listing.tags is 'derived';
CREATE INDEX content_listing_author ON app.content_listing USING btree (organization_id, audience, author_id, content_id);
CREATE INDEX content_listing_changed ON app.content_listing USING btree (organization_id, audience, live, changed_at, content_id);
CREATE INDEX content_listing_created ON app.content_listing USING btree (organization_id, audience, live, created_at, content_id);
CREATE INDEX content_listing_kinds ON app.content_listing USING btree (organization_id, audience, live, status, content_type, difficulty_level, language, content_id);
CREATE INDEX content_listing_published ON app.content_listing USING btree (organization_id, audience, live, published_at, content_id);
CREATE INDEX content_listing_slug ON app.content_listing USING btree (organization_id, audience, slug, content_id);
CREATE INDEX content_listing_source ON app.content_listing USING btree (organization_id, audience, source_id, content_id);
CREATE INDEX content_listing_title ON app.content_listing USING btree (organization_id, audience, live, title_key, content_id);
alter table app.content_listing enable row level security;
alter table app.content_listing force row level security;
create policy erase on app.content_listing as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_listing as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.content_listing as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.content_listing as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_listing as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_listing as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_listing as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.content_listing to satchel_eraser;
grant select on app.content_listing to satchel_request;

create table app.content_listing_tag (
  organization_id uuid not null,
  tag text not null,
  audience text not null,
  content_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint content_listing_tag_pkey PRIMARY KEY (organization_id, audience, tag, content_id),
  constraint content_listing_tag_listing_fkey FOREIGN KEY (organization_id, content_id, audience) REFERENCES app.content_listing(organization_id, content_id, audience) ON DELETE CASCADE
);
alter table app.content_listing_tag owner to satchel_owner;
comment on table app.content_listing_tag is 'Which lessons carry a tag, as staff and as readers see them.';
comment on column app.content_listing_tag.organization_id is 'none';
comment on column app.content_listing_tag.tag is 'derived';
comment on column app.content_listing_tag.audience is 'derived';
comment on column app.content_listing_tag.content_id is 'derived';
comment on column app.content_listing_tag.created_at is 'none';
CREATE INDEX content_listing_tag_listing ON app.content_listing_tag USING btree (organization_id, content_id, audience);
alter table app.content_listing_tag enable row level security;
alter table app.content_listing_tag force row level security;
create policy erase on app.content_listing_tag as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_listing_tag as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.content_listing_tag as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.content_listing_tag as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_listing_tag as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_listing_tag as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_listing_tag as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.content_listing_tag to satchel_eraser;
grant select on app.content_listing_tag to satchel_request;

create table app.content_search (
  organization_id uuid not null,
  content_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null,
  language text not null,
  document tsvector not null,
  constraint content_search_pkey PRIMARY KEY (organization_id, content_id),
  constraint content_search_version_positive CHECK ((version > 0)),
  constraint content_search_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id) ON DELETE CASCADE
);
alter table app.content_search owner to satchel_owner;
comment on table app.content_search is 'The words of each published lesson.';
comment on column app.content_search.organization_id is 'none';
comment on column app.content_search.content_id is 'none';
comment on column app.content_search.created_at is 'none';
comment on column app.content_search.updated_at is 'none';
comment on column app.content_search.version is 'none';
comment on column app.content_search.language is 'none';
comment on column app.content_search.document is 'derived';
CREATE INDEX content_search_document ON app.content_search USING gin (organization_id, document) WITH (fastupdate=off);
CREATE INDEX content_search_language ON app.content_search USING btree (organization_id, language);
CREATE TRIGGER touch BEFORE UPDATE ON app.content_search FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.content_search enable row level security;
alter table app.content_search force row level security;
create policy erase on app.content_search as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_search as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.content_search as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_search as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_search as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_search as permissive for update to satchel_request
  using (true)
  with check (true);
create policy search_select on app.content_search as permissive for select to satchel_search
  using (true);
grant delete, select on app.content_search to satchel_eraser;
grant delete, insert, select, update on app.content_search to satchel_request;
grant select (organization_id, content_id, language, document) on app.content_search to satchel_search;

create table app.content_tally (
  organization_id uuid not null,
  content_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  views bigint not null,
  viewers bigint not null,
  constraint content_tally_pkey PRIMARY KEY (organization_id, content_id),
  constraint content_tally_viewers_counts CHECK ((viewers >= 0)),
  constraint content_tally_views_counts CHECK ((views >= 0)),
  constraint content_tally_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id)
);
alter table app.content_tally owner to satchel_owner;
comment on table app.content_tally is 'How often, and by how many, a lesson was read of whom no row is left.';
comment on column app.content_tally.organization_id is 'none';
comment on column app.content_tally.content_id is 'none';
comment on column app.content_tally.created_at is 'none';
comment on column app.content_tally.updated_at is 'none';
comment on column app.content_tally.views is 'none';
comment on column app.content_tally.viewers is 'none';
CREATE TRIGGER touch BEFORE UPDATE ON app.content_tally FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.content_tally enable row level security;
alter table app.content_tally force row level security;
create policy erase on app.content_tally as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_tally as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.content_tally as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.content_tally as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_tally as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_tally as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_tally as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.content_tally to satchel_eraser;
grant select on app.content_tally to satchel_request;

create table app.content_version (
  organization_id uuid not null,
  content_id uuid not null,
  number integer not null,
  created_at timestamp with time zone not null default now(),
  created_by_id uuid default app.actor(),
  restored_from_number integer,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null,
  difficulty_level text not null,
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  constraint content_version_pkey PRIMARY KEY (organization_id, content_id, number),
  constraint content_version_difficulty_level CHECK ((difficulty_level = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'advanced'::text, 'expert'::text]))),
  constraint content_version_number_positive CHECK ((number > 0)),
  constraint content_version_type CHECK ((content_type = ANY (ARRAY['lesson'::text, 'tutorial'::text, 'exercise'::text, 'quiz'::text, 'project'::text, 'reference'::text]))),
  constraint content_version_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id) ON DELETE CASCADE,
  constraint content_version_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id)
);
alter table app.content_version owner to satchel_owner;
comment on table app.content_version is 'Every text that a lesson has had. Nobody may write here but the trigger of app.content, and nobody may change a row.';
comment on column app.content_version.organization_id is 'none';
comment on column app.content_version.content_id is 'none';
comment on column app.content_version.number is 'none';
comment on column app.content_version.created_at is 'none';
comment on column app.content_version.created_by_id is 'personal, reference';
comment on column app.content_version.restored_from_number is 'none';
comment on column app.content_version.title is 'none, label';
comment on column app.content_version.slug is 'none';
comment on column app.content_version.description is 'none';
comment on column app.content_version.body is 'none';
comment on column app.content_version.content_type is 'none';
comment on column app.content_version.difficulty_level is 'none';
comment on column app.content_version.language is 'none';
comment on column app.content_version.tags is 'none';
comment on column app.content_version.prerequisites is 'none';
comment on column app.content_version.learning_objectives is 'none';
comment on column app.content_version.metadata is 'none';
comment on column app.content_version.settings is 'none';
comment on column app.content_version.estimated_duration_minutes is 'none';
CREATE INDEX content_version_created_by ON app.content_version USING btree (organization_id, created_by_id) WHERE (created_by_id IS NOT NULL);
alter table app.content_version enable row level security;
alter table app.content_version force row level security;
create policy erase on app.content_version as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_version as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.content_version as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.content_version as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_version as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_version as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_version as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.content_version to satchel_eraser;
grant select on app.content_version to satchel_request;

create table app.content_view (
  organization_id uuid not null,
  content_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  views integer not null default 1,
  last_hour timestamp with time zone not null,
  constraint content_view_pkey PRIMARY KEY (organization_id, content_id, user_id),
  constraint content_view_last_hour_whole CHECK (((EXTRACT(epoch FROM last_hour) % (3600)::numeric) = (0)::numeric)),
  constraint content_view_views_positive CHECK ((views > 0)),
  constraint content_view_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id),
  constraint content_view_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.content_view owner to satchel_owner;
comment on table app.content_view is 'How often a person has read a lesson: at most once in each hour, and when last.';
comment on column app.content_view.organization_id is 'none';
comment on column app.content_view.content_id is 'none';
comment on column app.content_view.user_id is 'personal, row';
comment on column app.content_view.created_at is 'none';
comment on column app.content_view.updated_at is 'none';
comment on column app.content_view.views is 'personal';
comment on column app.content_view.last_hour is 'personal';
CREATE INDEX content_view_last_hour ON app.content_view USING btree (organization_id, last_hour);
CREATE INDEX content_view_user ON app.content_view USING btree (organization_id, user_id);
CREATE TRIGGER tally_delete AFTER DELETE ON app.content_view REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_tally();
CREATE TRIGGER touch BEFORE UPDATE ON app.content_view FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.content_view enable row level security;
alter table app.content_view force row level security;
create policy erase on app.content_view as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.content_view as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.content_view as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.content_view as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.content_view as permissive for select to satchel_request
  using (true);
create policy request_update on app.content_view as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.content_view to satchel_eraser;
grant delete, insert, select, update (views, last_hour) on app.content_view to satchel_request;

create table app.credential (
  organization_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  password_hash text,
  pepper_key_id text,
  password_changed_at timestamp with time zone,
  password_set_by_id uuid,
  last_login_at timestamp with time zone,
  last_login_ip inet,
  constraint credential_pkey PRIMARY KEY (organization_id, user_id),
  constraint credential_password_hash_form CHECK ((password_hash ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43,}$'::text)),
  constraint credential_pepper CHECK (((password_hash IS NULL) = (pepper_key_id IS NULL))),
  constraint credential_password_set_by_fkey FOREIGN KEY (organization_id, password_set_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (password_set_by_id),
  constraint credential_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.credential owner to satchel_owner;
comment on table app.credential is 'How a person signs in, and when and from where they last did.';
comment on column app.credential.organization_id is 'none';
comment on column app.credential.user_id is 'personal, row';
comment on column app.credential.created_at is 'none';
comment on column app.credential.updated_at is 'none';
comment on column app.credential.password_hash is 'personal, secret';
comment on column app.credential.pepper_key_id is 'personal, secret';
comment on column app.credential.password_changed_at is 'personal';
comment on column app.credential.password_set_by_id is 'personal, reference';
comment on column app.credential.last_login_at is 'personal';
comment on column app.credential.last_login_ip is 'personal';
CREATE INDEX credential_password_set_by ON app.credential USING btree (organization_id, password_set_by_id);
CREATE TRIGGER end_links AFTER UPDATE ON app.credential FOR EACH ROW WHEN ((new.password_changed_at IS DISTINCT FROM old.password_changed_at)) EXECUTE FUNCTION app.end_links('invitation', 'reset', 'email_change');
CREATE TRIGGER end_links_at_first AFTER INSERT ON app.credential FOR EACH ROW WHEN ((new.password_hash IS NOT NULL)) EXECUTE FUNCTION app.end_links('invitation', 'reset', 'email_change');
CREATE TRIGGER revoke_api_keys AFTER UPDATE ON app.credential FOR EACH ROW WHEN ((new.password_changed_at IS DISTINCT FROM old.password_changed_at)) EXECUTE FUNCTION app.revoke_api_keys_of_password();
CREATE TRIGGER touch BEFORE UPDATE ON app.credential FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.credential enable row level security;
alter table app.credential force row level security;
create policy erase on app.credential as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.credential as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.credential as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.credential as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.credential as permissive for select to satchel_request
  using (true);
create policy request_update on app.credential as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.credential to satchel_eraser;
grant insert, select, update on app.credential to satchel_request;

create table app.effect (
  organization_id uuid not null,
  job_id uuid not null,
  step text not null,
  created_at timestamp with time zone not null default now(),
  constraint effect_pkey PRIMARY KEY (organization_id, job_id, step),
  constraint effect_step_length CHECK (((char_length(step) >= 1) AND (char_length(step) <= 100)))
);
alter table app.effect owner to satchel_owner;
comment on table app.effect is 'Steps of jobs whose effect is stored.';
comment on column app.effect.organization_id is 'none';
comment on column app.effect.job_id is 'none';
comment on column app.effect.step is 'none';
comment on column app.effect.created_at is 'none';
CREATE INDEX effect_created ON app.effect USING btree (organization_id, created_at);
alter table app.effect enable row level security;
alter table app.effect force row level security;
create policy erase on app.effect as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.effect as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.effect as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.effect as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.effect as permissive for select to satchel_request
  using (true);
create policy request_update on app.effect as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select on app.effect to satchel_request;

create table app.erasure (
  organization_id uuid not null,
  erasure_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  user_id uuid not null,
  requested_by_id uuid default app.actor(),
  requested_at timestamp with time zone not null default now(),
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  constraint erasure_pkey PRIMARY KEY (organization_id, erasure_id),
  constraint erasure_order CHECK (((finished_at IS NULL) OR (started_at IS NOT NULL))),
  constraint erasure_requested_by_fkey FOREIGN KEY (organization_id, requested_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (requested_by_id),
  constraint erasure_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id)
);
alter table app.erasure owner to satchel_owner;
comment on table app.erasure is 'People whose erasure was asked for, and how far it is.';
comment on column app.erasure.organization_id is 'none';
comment on column app.erasure.erasure_id is 'none';
comment on column app.erasure.created_at is 'none';
comment on column app.erasure.updated_at is 'none';
comment on column app.erasure.user_id is 'personal, person';
comment on column app.erasure.requested_by_id is 'personal, reference';
comment on column app.erasure.requested_at is 'none';
comment on column app.erasure.started_at is 'none';
comment on column app.erasure.finished_at is 'none';
CREATE INDEX erasure_requested_by ON app.erasure USING btree (organization_id, requested_by_id);
CREATE UNIQUE INDEX erasure_user_unique ON app.erasure USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.erasure FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.erasure enable row level security;
alter table app.erasure force row level security;
create policy erase on app.erasure as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.erasure as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.erasure as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.erasure as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.erasure as permissive for select to satchel_request
  using (true);
create policy request_update on app.erasure as permissive for update to satchel_request
  using (true)
  with check (true);
grant select on app.erasure to satchel_eraser;
grant insert, select, update on app.erasure to satchel_request;

create table app.file (
  organization_id uuid not null,
  file_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  sha256 bytea not null,
  size bigint not null,
  stored_at timestamp with time zone,
  uses integer not null default 0,
  constraint file_pkey PRIMARY KEY (organization_id, file_id),
  constraint file_sha256_length CHECK ((octet_length(sha256) = 32)),
  constraint file_size_range CHECK (((size >= 0) AND (size <= '9007199254740991'::bigint))),
  constraint file_used_when_stored CHECK (((uses = 0) OR (stored_at IS NOT NULL))),
  constraint file_uses_counts CHECK ((uses >= 0)),
  constraint file_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id)
);
alter table app.file owner to satchel_owner;
comment on table app.file is 'Bytes of an organization, kept once however many attachments they are.';
comment on column app.file.organization_id is 'none';
comment on column app.file.file_id is 'none';
comment on column app.file.created_at is 'none';
comment on column app.file.updated_at is 'none';
comment on column app.file.sha256 is 'none';
comment on column app.file.size is 'none';
comment on column app.file.stored_at is 'none';
comment on column app.file.uses is 'none';
CREATE UNIQUE INDEX file_sha256_unique ON app.file USING btree (organization_id, sha256) WHERE (stored_at IS NOT NULL);
CREATE INDEX file_unused ON app.file USING btree (organization_id, file_id) WHERE (uses = 0);
CREATE TRIGGER touch BEFORE UPDATE ON app.file FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.file enable row level security;
alter table app.file force row level security;
create policy erase on app.file as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.file as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.file as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.file as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.file as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.file as permissive for select to satchel_request
  using (true);
create policy request_update on app.file as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, insert (organization_id, file_id, sha256, size), update (stored_at) on app.file to satchel_request;

create table app.generation (
  organization_id uuid not null,
  topic text not null,
  generation bigint not null default 1,
  constraint generation_pkey PRIMARY KEY (organization_id, topic),
  constraint generation_positive CHECK ((generation > 0)),
  constraint generation_topic CHECK ((topic = ANY (ARRAY['organization'::text, 'users'::text, 'contents'::text]))),
  constraint generation_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
);
alter table app.generation owner to satchel_owner;
comment on table app.generation is 'How often what is cached under a topic has changed.';
comment on column app.generation.organization_id is 'none';
comment on column app.generation.topic is 'none';
comment on column app.generation.generation is 'none';
alter table app.generation enable row level security;
alter table app.generation force row level security;
create policy erase on app.generation as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.generation as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.generation as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.generation as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.generation as permissive for select to satchel_request
  using (true);
create policy request_update on app.generation as permissive for update to satchel_request
  using (true)
  with check (true);
grant insert, select, update on app.generation to satchel_request;

create table app.helpful_vote (
  organization_id uuid not null,
  rating_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint helpful_vote_pkey PRIMARY KEY (organization_id, rating_id, user_id),
  constraint helpful_vote_rating_fkey FOREIGN KEY (organization_id, rating_id) REFERENCES app.rating(organization_id, rating_id),
  constraint helpful_vote_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id)
);
alter table app.helpful_vote owner to satchel_owner;
comment on table app.helpful_vote is 'Who found the review of a rating helpful.';
comment on column app.helpful_vote.organization_id is 'none';
comment on column app.helpful_vote.rating_id is 'none';
comment on column app.helpful_vote.user_id is 'personal, person';
comment on column app.helpful_vote.created_at is 'none';
CREATE INDEX helpful_vote_user ON app.helpful_vote USING btree (organization_id, user_id);
CREATE TRIGGER count_given AFTER INSERT ON app.helpful_vote REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION app.count_helpful();
CREATE TRIGGER count_taken AFTER DELETE ON app.helpful_vote REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION app.count_helpful();
alter table app.helpful_vote enable row level security;
alter table app.helpful_vote force row level security;
create policy erase on app.helpful_vote as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.helpful_vote as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.helpful_vote as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.helpful_vote as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.helpful_vote as permissive for select to satchel_request
  using (true);
create policy request_update on app.helpful_vote as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.helpful_vote to satchel_eraser;
grant delete, insert, select on app.helpful_vote to satchel_request;

create table app.history (
  organization_id uuid not null,
  history_id uuid not null default app.uuidv7(),
  table_name text not null,
  row_id uuid not null,
  version integer,
  action text not null,
  actor_id uuid default app.actor(),
  before jsonb,
  after jsonb,
  created_at timestamp with time zone not null default now(),
  constraint history_pkey PRIMARY KEY (organization_id, history_id),
  constraint history_action CHECK ((action = ANY (ARRAY['insert'::text, 'update'::text, 'delete'::text])))
);
alter table app.history owner to satchel_owner;
comment on table app.history is 'Every change of every audited row: who, when, before, after.';
comment on column app.history.organization_id is 'none';
comment on column app.history.history_id is 'none';
comment on column app.history.table_name is 'none, label';
comment on column app.history.row_id is 'derived';
comment on column app.history.version is 'none';
comment on column app.history.action is 'none';
comment on column app.history.actor_id is 'personal, reference';
comment on column app.history.before is 'derived';
comment on column app.history.after is 'derived';
comment on column app.history.created_at is 'none';
CREATE INDEX history_actor ON app.history USING btree (organization_id, actor_id, history_id) WHERE (actor_id IS NOT NULL);
CREATE INDEX history_row ON app.history USING btree (organization_id, table_name, row_id, history_id);
alter table app.history enable row level security;
alter table app.history force row level security;
create policy erase on app.history as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.history as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_insert on app.history as permissive for insert to satchel_owner
  with check (true);
create policy request_delete on app.history as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.history as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.history as permissive for select to satchel_request
  using (true);
create policy request_update on app.history as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update (before, after) on app.history to satchel_eraser;
grant select on app.history to satchel_request;

create table app.idempotency (
  organization_id uuid not null,
  key_hash bytea not null,
  request_hash bytea not null,
  answer bytea,
  created_at timestamp with time zone not null default now(),
  constraint idempotency_pkey PRIMARY KEY (organization_id, key_hash),
  constraint idempotency_key_hash_length CHECK ((octet_length(key_hash) = 32)),
  constraint idempotency_request_hash_length CHECK ((octet_length(request_hash) = 32))
);
alter table app.idempotency owner to satchel_owner;
comment on table app.idempotency is 'What was answered to a request that carried an Idempotency-Key.';
comment on column app.idempotency.organization_id is 'none';
comment on column app.idempotency.key_hash is 'none';
comment on column app.idempotency.request_hash is 'none';
comment on column app.idempotency.answer is 'personal, expires';
comment on column app.idempotency.created_at is 'none';
CREATE INDEX idempotency_created ON app.idempotency USING btree (organization_id, created_at);
alter table app.idempotency enable row level security;
alter table app.idempotency force row level security;
create policy erase on app.idempotency as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.idempotency as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.idempotency as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.idempotency as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.idempotency as permissive for select to satchel_request
  using (true);
create policy request_update on app.idempotency as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select, update on app.idempotency to satchel_request;

create table app.import (
  organization_id uuid not null,
  import_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  requested_by_id uuid default app.actor(),
  api_key_id uuid,
  source text,
  format text not null,
  dry_run boolean not null,
  invite boolean not null,
  proven boolean not null,
  state text not null default 'waiting'::text,
  failure text,
  line_count integer not null default 0,
  finished_at timestamp with time zone,
  constraint import_pkey PRIMARY KEY (organization_id, import_id),
  constraint import_failed_whole CHECK (((state = 'failed'::text) = (failure IS NOT NULL))),
  constraint import_failure CHECK ((failure = ANY (ARRAY['organization_not_active'::text, 'requester_not_allowed'::text, 'api_key_ended'::text, 'not_worked_off'::text]))),
  constraint import_finished_whole CHECK ((((state = ANY (ARRAY['finished'::text, 'failed'::text, 'cancelled'::text])) = (finished_at IS NOT NULL)) AND ((source IS NULL) = (finished_at IS NOT NULL)))),
  constraint import_format CHECK ((format = ANY (ARRAY['csv'::text, 'ndjson'::text]))),
  constraint import_line_count_counts CHECK ((line_count >= 0)),
  constraint import_source_length CHECK ((octet_length(source) <= 10485760)),
  constraint import_state CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'finished'::text, 'failed'::text, 'cancelled'::text]))),
  constraint import_api_key_fkey FOREIGN KEY (organization_id, api_key_id) REFERENCES app.api_key(organization_id, api_key_id) ON DELETE SET NULL (api_key_id),
  constraint import_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id),
  constraint import_requested_by_fkey FOREIGN KEY (organization_id, requested_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (requested_by_id)
);
alter table app.import owner to satchel_owner;
comment on table app.import is 'A file of people, how it is to be read, and how far it is worked off.';
comment on column app.import.organization_id is 'none';
comment on column app.import.import_id is 'none';
comment on column app.import.created_at is 'none';
comment on column app.import.updated_at is 'none';
comment on column app.import.requested_by_id is 'personal, reference';
comment on column app.import.api_key_id is 'none';
comment on column app.import.source is 'personal, expires';
comment on column app.import.format is 'none';
comment on column app.import.dry_run is 'none';
comment on column app.import.invite is 'none';
comment on column app.import.proven is 'none';
comment on column app.import.state is 'none';
comment on column app.import.failure is 'none';
comment on column app.import.line_count is 'none';
comment on column app.import.finished_at is 'none';
CREATE INDEX import_api_key ON app.import USING btree (organization_id, api_key_id);
CREATE INDEX import_requested_by ON app.import USING btree (organization_id, requested_by_id);
CREATE UNIQUE INDEX import_under_way ON app.import USING btree (organization_id) WHERE (finished_at IS NULL);
CREATE TRIGGER touch BEFORE UPDATE ON app.import FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.import enable row level security;
alter table app.import force row level security;
create policy erase on app.import as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.import as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.import as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.import as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.import as permissive for select to satchel_request
  using (true);
create policy request_update on app.import as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select, update on app.import to satchel_request;

create table app.import_line (
  organization_id uuid not null,
  import_id uuid not null,
  line integer not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  outcome text not null,
  external_id text,
  user_id uuid,
  reason text,
  detail text,
  constraint import_line_pkey PRIMARY KEY (organization_id, import_id, line),
  constraint import_line_detail_length CHECK ((char_length(detail) <= 500)),
  constraint import_line_external_id_length CHECK ((char_length(external_id) <= 200)),
  constraint import_line_from_one CHECK ((line >= 1)),
  constraint import_line_outcome CHECK ((outcome = ANY (ARRAY['created'::text, 'changed'::text, 'unchanged'::text, 'refused'::text]))),
  constraint import_line_reason_form CHECK ((reason ~ '^[a-z][a-z0-9_]*$'::text)),
  constraint import_line_refused_whole CHECK (((outcome = 'refused'::text) = (reason IS NOT NULL))),
  constraint import_line_import_fkey FOREIGN KEY (organization_id, import_id) REFERENCES app.import(organization_id, import_id) ON DELETE CASCADE,
  constraint import_line_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.import_line owner to satchel_owner;
comment on table app.import_line is 'What became of each line of an import.';
comment on column app.import_line.organization_id is 'none';
comment on column app.import_line.import_id is 'none';
comment on column app.import_line.line is 'none';
comment on column app.import_line.created_at is 'none';
comment on column app.import_line.updated_at is 'none';
comment on column app.import_line.outcome is 'none';
comment on column app.import_line.external_id is 'personal';
comment on column app.import_line.user_id is 'personal, row';
comment on column app.import_line.reason is 'none';
comment on column app.import_line.detail is 'none';
CREATE INDEX import_line_outcome ON app.import_line USING btree (organization_id, import_id, outcome, line);
CREATE INDEX import_line_user ON app.import_line USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.import_line FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.import_line enable row level security;
alter table app.import_line force row level security;
create policy erase on app.import_line as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.import_line as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.import_line as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.import_line as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.import_line as permissive for select to satchel_request
  using (true);
create policy request_update on app.import_line as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.import_line to satchel_eraser;
grant delete, insert, select, update on app.import_line to satchel_request;

create table app.link (
  organization_id uuid not null,
  link_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  kind text not null,
  user_id uuid not null,
  token_hash bytea not null,
  email text not null,
  network inet,
  session_id uuid,
  expires_at timestamp with time zone not null,
  consumed_at timestamp with time zone,
  ended_at timestamp with time zone,
  mailed boolean not null default false,
  constraint link_pkey PRIMARY KEY (organization_id, link_id),
  constraint link_ends_once CHECK (((consumed_at IS NULL) OR (ended_at IS NULL))),
  constraint link_expiry_later CHECK ((expires_at > created_at)),
  constraint link_kind CHECK ((kind = ANY (ARRAY['verification'::text, 'invitation'::text, 'reset'::text, 'email_change'::text]))),
  constraint link_token_hash_length CHECK ((octet_length(token_hash) = 32)),
  constraint link_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.link owner to satchel_owner;
comment on table app.link is 'Single-use links mailed to people.';
comment on column app.link.organization_id is 'none';
comment on column app.link.link_id is 'none';
comment on column app.link.created_at is 'none';
comment on column app.link.updated_at is 'none';
comment on column app.link.kind is 'none';
comment on column app.link.user_id is 'personal, row';
comment on column app.link.token_hash is 'personal, secret';
comment on column app.link.email is 'personal';
comment on column app.link.network is 'personal';
comment on column app.link.session_id is 'none';
comment on column app.link.expires_at is 'none';
comment on column app.link.consumed_at is 'personal';
comment on column app.link.ended_at is 'personal';
comment on column app.link.mailed is 'none';
CREATE INDEX link_email ON app.link USING btree (organization_id, lower(email), created_at);
CREATE INDEX link_expiry ON app.link USING btree (organization_id, expires_at);
CREATE INDEX link_network ON app.link USING btree (organization_id, network, created_at) WHERE (network IS NOT NULL);
CREATE UNIQUE INDEX link_open_unique ON app.link USING btree (organization_id, user_id, kind) WHERE ((consumed_at IS NULL) AND (ended_at IS NULL));
CREATE UNIQUE INDEX link_token_unique ON app.link USING btree (organization_id, token_hash);
CREATE INDEX link_user ON app.link USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.link FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.link enable row level security;
alter table app.link force row level security;
create policy erase on app.link as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.link as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.link as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.link as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.link as permissive for select to satchel_request
  using (true);
create policy request_update on app.link as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.link to satchel_eraser;
grant delete, insert, select, update on app.link to satchel_request;

create table app.login_guard (
  organization_id uuid not null,
  guard_key bytea not null,
  bucket bytea not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  door text not null,
  user_id uuid,
  network inet,
  sequence bigint not null default 0,
  forgiven_sequence bigint not null default 0,
  success_sequence bigint not null default 0,
  turned_away bigint not null default 0,
  locks integer not null default 0,
  locked_until timestamp with time zone,
  last_attempt_at timestamp with time zone not null default now(),
  constraint login_guard_pkey PRIMARY KEY (organization_id, guard_key, bucket),
  constraint login_guard_bucket_length CHECK ((octet_length(bucket) = ANY (ARRAY[0, 16]))),
  constraint login_guard_door CHECK ((door = ANY (ARRAY['password'::text, 'second_factor'::text, 'recovery_code'::text, 'reset'::text, 'invitation'::text]))),
  constraint login_guard_forgiven_range CHECK (((forgiven_sequence >= 0) AND (forgiven_sequence <= sequence))),
  constraint login_guard_key_length CHECK ((octet_length(guard_key) = 32)),
  constraint login_guard_locks_counts CHECK ((locks >= 0)),
  constraint login_guard_sequence_counts CHECK ((sequence >= 0)),
  constraint login_guard_success_range CHECK (((success_sequence >= 0) AND (success_sequence <= sequence))),
  constraint login_guard_turned_away_counts CHECK ((turned_away >= 0)),
  constraint login_guard_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE,
  constraint login_guard_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.login_guard owner to satchel_owner;
comment on table app.login_guard is 'Attempts to get in, counted before they are verified.';
comment on column app.login_guard.organization_id is 'none';
comment on column app.login_guard.guard_key is 'personal, secret';
comment on column app.login_guard.bucket is 'personal, secret';
comment on column app.login_guard.created_at is 'none';
comment on column app.login_guard.updated_at is 'none';
comment on column app.login_guard.door is 'none';
comment on column app.login_guard.user_id is 'personal, row';
comment on column app.login_guard.network is 'personal';
comment on column app.login_guard.sequence is 'none';
comment on column app.login_guard.forgiven_sequence is 'none';
comment on column app.login_guard.success_sequence is 'none';
comment on column app.login_guard.turned_away is 'none';
comment on column app.login_guard.locks is 'none';
comment on column app.login_guard.locked_until is 'personal';
comment on column app.login_guard.last_attempt_at is 'personal';
CREATE INDEX login_guard_last_attempt ON app.login_guard USING btree (organization_id, last_attempt_at);
CREATE INDEX login_guard_user ON app.login_guard USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.login_guard FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.login_guard enable row level security;
alter table app.login_guard force row level security;
create policy erase on app.login_guard as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.login_guard as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.login_guard as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.login_guard as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.login_guard as permissive for select to satchel_request
  using (true);
create policy request_update on app.login_guard as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.login_guard to satchel_eraser;
grant delete, insert, select, update on app.login_guard to satchel_request;

create table app.mail (
  organization_id uuid not null,
  mail_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  user_id uuid not null,
  template text not null,
  language text not null,
  content bytea not null,
  address_hash bytea not null,
  link bytea,
  state text not null,
  attempts integer not null default 0,
  last_error text,
  sending_until timestamp with time zone,
  sent_at timestamp with time zone,
  expires_at timestamp with time zone,
  constraint mail_pkey PRIMARY KEY (organization_id, mail_id),
  constraint mail_address_hash_length CHECK ((octet_length(address_hash) = 32)),
  constraint mail_attempts_counts CHECK ((attempts >= 0)),
  constraint mail_language CHECK ((language = ANY (ARRAY['en'::text, 'es'::text]))),
  constraint mail_last_error_form CHECK ((last_error ~ '^[A-Za-z0-9_]{1,40}$'::text)),
  constraint mail_sent_link CHECK (((state <> 'sent'::text) OR (link IS NULL))),
  constraint mail_sent_time CHECK (((state = 'sent'::text) = (sent_at IS NOT NULL))),
  constraint mail_state CHECK ((state = ANY (ARRAY['queued'::text, 'kept'::text, 'sent'::text, 'failed'::text]))),
  constraint mail_template CHECK ((template = ANY (ARRAY['verify_email'::text, 'invitation'::text, 'reset_password'::text, 'confirm_email'::text, 'email_changed'::text, 'password_changed'::text, 'new_device'::text, 'login_locked'::text, 'second_factor_changed'::text, 'attack_suspected'::text, 'session_reused'::text, 'already_registered'::text, 'confirm_sign_up'::text, 'api_key_created'::text]))),
  constraint mail_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.mail owner to satchel_owner;
comment on table app.mail is 'Mail to people: queued, kept in the mailbox, sent or failed.';
comment on column app.mail.organization_id is 'none';
comment on column app.mail.mail_id is 'none';
comment on column app.mail.created_at is 'none';
comment on column app.mail.updated_at is 'none';
comment on column app.mail.user_id is 'personal, row';
comment on column app.mail.template is 'none';
comment on column app.mail.language is 'personal';
comment on column app.mail.content is 'personal, secret';
comment on column app.mail.address_hash is 'personal, secret';
comment on column app.mail.link is 'personal, secret';
comment on column app.mail.state is 'none';
comment on column app.mail.attempts is 'none';
comment on column app.mail.last_error is 'none';
comment on column app.mail.sending_until is 'none';
comment on column app.mail.sent_at is 'personal';
comment on column app.mail.expires_at is 'none';
CREATE INDEX mail_address ON app.mail USING btree (organization_id, address_hash);
CREATE INDEX mail_created ON app.mail USING btree (organization_id, created_at);
CREATE INDEX mail_user ON app.mail USING btree (organization_id, user_id);
CREATE TRIGGER touch BEFORE UPDATE ON app.mail FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.mail enable row level security;
alter table app.mail force row level security;
create policy erase on app.mail as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.mail as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.mail as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.mail as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.mail as permissive for select to satchel_request
  using (true);
create policy request_update on app.mail as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.mail to satchel_eraser;
grant delete, insert, select, update on app.mail to satchel_request;

create table app.migration (
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint migration_pkey PRIMARY KEY (name)
);
alter table app.migration owner to satchel_owner;
comment on table app.migration is 'Migrations that were applied, with the checksum of their text.';
comment on column app.migration.name is 'none';
comment on column app.migration.checksum is 'none';
comment on column app.migration.applied_at is 'none';
grant select on app.migration to satchel_request;
grant select on app.migration to satchel_system;

create table app.organization (
  organization_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  name text not null,
  slug text not null,
  type text not null default 'school'::text,
  status text not null default 'active'::text,
  settings json not null default '{}'::json,
  constraint organization_pkey PRIMARY KEY (organization_id),
  constraint organization_name_length CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
  constraint organization_settings_object CHECK ((json_typeof(settings) = 'object'::text)),
  constraint organization_slug_form CHECK (((slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND ((char_length(slug) >= 2) AND (char_length(slug) <= 63)))),
  constraint organization_status CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text, 'closed'::text]))),
  constraint organization_type CHECK ((type = ANY (ARRAY['school'::text, 'district'::text, 'university'::text, 'company'::text, 'other'::text]))),
  constraint version_positive CHECK ((version > 0))
);
alter table app.organization owner to satchel_owner;
comment on table app.organization is 'A tenant: a school or another body whose data nobody else may see.';
comment on column app.organization.organization_id is 'none';
comment on column app.organization.created_at is 'none';
comment on column app.organization.updated_at is 'none';
comment on column app.organization.version is 'none';
comment on column app.organization.created_by_id is 'personal, reference';
comment on column app.organization.updated_by_id is 'personal, reference';
comment on column app.organization.name is 'none';
comment on column app.organization.slug is 'none';
comment on column app.organization.type is 'none';
comment on column app.organization.status is 'none';
comment on column app.organization.settings is 'none';
CREATE UNIQUE INDEX organization_slug_unique ON app.organization USING btree (slug);
CREATE TRIGGER history_delete AFTER DELETE ON app.organization REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.organization REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.organization REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.organization FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
alter table app.organization enable row level security;
alter table app.organization force row level security;
create policy erase on app.organization as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.organization as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.organization as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.organization as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.organization as permissive for select to satchel_request
  using (true);
create policy request_update on app.organization as permissive for update to satchel_request
  using (true)
  with check (true);
create policy system_select on app.organization as permissive for select to satchel_system
  using (true);
grant insert, select, update on app.organization to satchel_request;
grant select (organization_id, slug, status) on app.organization to satchel_system;

create table app.profile (
  organization_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  bio text,
  date_of_birth date,
  phone text,
  website text,
  code_url text,
  professional_url text,
  skills text[] not null default '{}'::text[],
  interests text[] not null default '{}'::text[],
  constraint profile_pkey PRIMARY KEY (organization_id, user_id),
  constraint profile_bio_length CHECK ((char_length(bio) <= 5000)),
  constraint profile_code_url_form CHECK (((code_url ~ '^https?://[^[:space:]]+$'::text) AND (char_length(code_url) <= 2048))),
  constraint profile_date_of_birth_range CHECK ((date_of_birth >= '1900-01-01'::date)),
  constraint profile_interests_count CHECK ((cardinality(interests) <= 100)),
  constraint profile_phone_form CHECK ((phone ~ '^\+?[0-9][0-9 ()./-]{3,30}$'::text)),
  constraint profile_professional_url_form CHECK (((professional_url ~ '^https?://[^[:space:]]+$'::text) AND (char_length(professional_url) <= 2048))),
  constraint profile_skills_count CHECK ((cardinality(skills) <= 100)),
  constraint profile_website_form CHECK (((website ~ '^https?://[^[:space:]]+$'::text) AND (char_length(website) <= 2048))),
  constraint profile_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.profile owner to satchel_owner;
comment on table app.profile is 'What a person tells about themselves.';
comment on column app.profile.organization_id is 'none';
comment on column app.profile.user_id is 'personal, row';
comment on column app.profile.created_at is 'none';
comment on column app.profile.updated_at is 'none';
comment on column app.profile.bio is 'personal';
comment on column app.profile.date_of_birth is 'personal';
comment on column app.profile.phone is 'personal';
comment on column app.profile.website is 'personal';
comment on column app.profile.code_url is 'personal';
comment on column app.profile.professional_url is 'personal';
comment on column app.profile.skills is 'personal';
comment on column app.profile.interests is 'personal';
CREATE TRIGGER history_delete AFTER DELETE ON app.profile REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.profile REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.profile REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.profile FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.profile enable row level security;
alter table app.profile force row level security;
create policy erase on app.profile as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.profile as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.profile as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.profile as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.profile as permissive for select to satchel_request
  using (true);
create policy request_update on app.profile as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.profile to satchel_eraser;
grant insert, select, update on app.profile to satchel_request;

create table app.publication (
  organization_id uuid not null,
  content_id uuid not null,
  created_at timestamp with time zone not null default now(),
  created_by_id uuid default app.actor(),
  updated_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  number integer not null,
  version integer not null,
  source_id text,
  title text not null,
  slug text not null,
  description text not null,
  body text not null,
  content_type text not null,
  difficulty_level text not null,
  language text not null,
  tags text[] not null,
  prerequisites text[] not null,
  learning_objectives text[] not null,
  metadata json not null,
  settings json not null,
  estimated_duration_minutes integer,
  published_at timestamp with time zone not null,
  constraint publication_pkey PRIMARY KEY (organization_id, content_id),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint publication_difficulty_level CHECK ((difficulty_level = ANY (ARRAY['beginner'::text, 'intermediate'::text, 'advanced'::text, 'expert'::text]))),
  constraint publication_type CHECK ((content_type = ANY (ARRAY['lesson'::text, 'tutorial'::text, 'exercise'::text, 'quiz'::text, 'project'::text, 'reference'::text]))),
  constraint publication_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id) ON DELETE CASCADE,
  constraint publication_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint publication_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id)
);
alter table app.publication owner to satchel_owner;
comment on table app.publication is 'What readers see of each lesson: a copy of the live version, apart from the drafts, so that no query can show one by mistake.';
comment on column app.publication.organization_id is 'none';
comment on column app.publication.content_id is 'none';
comment on column app.publication.created_at is 'none';
comment on column app.publication.created_by_id is 'personal, reference';
comment on column app.publication.updated_at is 'none';
comment on column app.publication.deleted_at is 'none';
comment on column app.publication.deleted_by_id is 'personal, reference';
comment on column app.publication.deletion_id is 'none';
comment on column app.publication.number is 'none';
comment on column app.publication.version is 'none';
comment on column app.publication.source_id is 'none';
comment on column app.publication.title is 'none, label';
comment on column app.publication.slug is 'none';
comment on column app.publication.description is 'none';
comment on column app.publication.body is 'none';
comment on column app.publication.content_type is 'none';
comment on column app.publication.difficulty_level is 'none';
comment on column app.publication.language is 'none';
comment on column app.publication.tags is 'none';
comment on column app.publication.prerequisites is 'none';
comment on column app.publication.learning_objectives is 'none';
comment on column app.publication.metadata is 'none';
comment on column app.publication.settings is 'none';
comment on column app.publication.estimated_duration_minutes is 'none';
comment on column app.publication.published_at is 'none';
CREATE INDEX publication_created_by ON app.publication USING btree (organization_id, created_by_id) WHERE (created_by_id IS NOT NULL);
CREATE INDEX publication_deleted_by ON app.publication USING btree (organization_id, deleted_by_id) WHERE (deleted_by_id IS NOT NULL);
CREATE INDEX publication_live ON app.publication USING btree (organization_id, content_id) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX publication_slug_unique ON app.publication USING btree (organization_id, slug) WHERE (deleted_at IS NULL);
CREATE INDEX publication_source ON app.publication USING btree (organization_id, source_id) WHERE ((deleted_at IS NULL) AND (source_id IS NOT NULL));
CREATE TRIGGER listing_delete AFTER DELETE ON app.publication REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.list_contents('readers');
CREATE TRIGGER listing_insert AFTER INSERT ON app.publication REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.list_contents('readers');
CREATE TRIGGER listing_update AFTER UPDATE ON app.publication REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.list_contents('readers');
CREATE TRIGGER touch BEFORE UPDATE ON app.publication FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.publication enable row level security;
alter table app.publication force row level security;
create policy erase on app.publication as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.publication as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.publication as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.publication as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.publication as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.publication as permissive for select to satchel_request
  using (true);
create policy request_update on app.publication as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.publication to satchel_eraser;
grant select, update (deleted_at, deleted_by_id, deletion_id, version, tags) on app.publication to satchel_request;

create table app.publication_period (
  organization_id uuid not null,
  content_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  number integer not null,
  published_at timestamp with time zone not null,
  ended_at timestamp with time zone,
  constraint publication_period_pkey PRIMARY KEY (organization_id, content_id, published_at),
  constraint publication_period_order CHECK ((ended_at >= published_at)),
  constraint publication_period_version_fkey FOREIGN KEY (organization_id, content_id, number) REFERENCES app.content_version(organization_id, content_id, number) ON DELETE CASCADE
);
alter table app.publication_period owner to satchel_owner;
comment on table app.publication_period is 'When readers saw which version: from published_at up to, and without, ended_at. A deleted lesson is seen by nobody.';
comment on column app.publication_period.organization_id is 'none';
comment on column app.publication_period.content_id is 'none';
comment on column app.publication_period.created_at is 'none';
comment on column app.publication_period.updated_at is 'none';
comment on column app.publication_period.number is 'none';
comment on column app.publication_period.published_at is 'none';
comment on column app.publication_period.ended_at is 'none';
CREATE UNIQUE INDEX publication_period_open_unique ON app.publication_period USING btree (organization_id, content_id) WHERE (ended_at IS NULL);
CREATE INDEX publication_period_version ON app.publication_period USING btree (organization_id, content_id, number);
CREATE TRIGGER touch BEFORE UPDATE ON app.publication_period FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.publication_period enable row level security;
alter table app.publication_period force row level security;
create policy erase on app.publication_period as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.publication_period as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.publication_period as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.publication_period as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.publication_period as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.publication_period as permissive for select to satchel_request
  using (true);
create policy request_update on app.publication_period as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.publication_period to satchel_eraser;
grant select on app.publication_period to satchel_request;

create table app.quota (
  organization_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  people integer,
  storage_bytes bigint,
  requests_per_minute integer,
  constraint quota_pkey PRIMARY KEY (organization_id),
  constraint quota_people_counts CHECK ((people >= 0)),
  constraint quota_requests_per_minute_positive CHECK ((requests_per_minute > 0)),
  constraint quota_storage_bytes_counts CHECK ((storage_bytes >= 0)),
  constraint quota_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE
);
alter table app.quota owner to satchel_owner;
comment on table app.quota is 'What the operator allows an organization.';
comment on column app.quota.organization_id is 'none';
comment on column app.quota.created_at is 'none';
comment on column app.quota.updated_at is 'none';
comment on column app.quota.people is 'none';
comment on column app.quota.storage_bytes is 'none';
comment on column app.quota.requests_per_minute is 'none';
CREATE TRIGGER history_delete AFTER DELETE ON app.quota REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.quota REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.quota REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('organization_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.quota FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.quota enable row level security;
alter table app.quota force row level security;
create policy erase on app.quota as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.quota as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_select on app.quota as permissive for select to satchel_owner
  using (true);
create policy request_delete on app.quota as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.quota as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.quota as permissive for select to satchel_request
  using (true);
create policy request_update on app.quota as permissive for update to satchel_request
  using (true)
  with check (true);
create policy system_select on app.quota as permissive for select to satchel_system
  using (true);
grant insert, select, update on app.quota to satchel_request;
grant select (organization_id, people, storage_bytes, requests_per_minute) on app.quota to satchel_system;

create table app.rating (
  organization_id uuid not null,
  rating_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  content_id uuid not null,
  user_id uuid not null,
  stars integer not null,
  review text,
  hidden_at timestamp with time zone,
  hidden_by_id uuid,
  helpful_count integer not null default 0,
  constraint rating_pkey PRIMARY KEY (organization_id, rating_id),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint rating_helpful_count_counts CHECK ((helpful_count >= 0)),
  constraint rating_review_length CHECK (((char_length(review) >= 1) AND (char_length(review) <= 5000))),
  constraint rating_stars_range CHECK (((stars >= 1) AND (stars <= 5))),
  constraint rating_content_fkey FOREIGN KEY (organization_id, content_id) REFERENCES app.content(organization_id, content_id),
  constraint rating_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint rating_hidden_by_fkey FOREIGN KEY (organization_id, hidden_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (hidden_by_id),
  constraint rating_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id)
);
alter table app.rating owner to satchel_owner;
comment on table app.rating is 'What a person thinks of a lesson: one to five stars, and perhaps a few words.';
comment on column app.rating.organization_id is 'none';
comment on column app.rating.rating_id is 'none';
comment on column app.rating.created_at is 'none';
comment on column app.rating.updated_at is 'none';
comment on column app.rating.deleted_at is 'none';
comment on column app.rating.deleted_by_id is 'personal, reference';
comment on column app.rating.deletion_id is 'none';
comment on column app.rating.content_id is 'none';
comment on column app.rating.user_id is 'personal, person';
comment on column app.rating.stars is 'personal, kept';
comment on column app.rating.review is 'personal, null';
comment on column app.rating.hidden_at is 'none';
comment on column app.rating.hidden_by_id is 'personal, reference';
comment on column app.rating.helpful_count is 'none';
CREATE INDEX rating_content ON app.rating USING btree (organization_id, content_id, deletion_id);
CREATE INDEX rating_deleted_by ON app.rating USING btree (organization_id, deleted_by_id);
CREATE INDEX rating_hidden_by ON app.rating USING btree (organization_id, hidden_by_id);
CREATE INDEX rating_most_helpful ON app.rating USING btree (organization_id, content_id, helpful_count, rating_id) WHERE ((deleted_at IS NULL) AND (review IS NOT NULL));
CREATE INDEX rating_newest ON app.rating USING btree (organization_id, content_id, rating_id) WHERE ((deleted_at IS NULL) AND (review IS NOT NULL));
CREATE UNIQUE INDEX rating_person_unique ON app.rating USING btree (organization_id, content_id, user_id) WHERE (deleted_at IS NULL);
CREATE INDEX rating_stars ON app.rating USING btree (organization_id, content_id, stars) WHERE (deleted_at IS NULL);
CREATE INDEX rating_user ON app.rating USING btree (organization_id, user_id);
CREATE TRIGGER history_delete AFTER DELETE ON app.rating REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('rating_id', 'helpful_count');
CREATE TRIGGER history_insert AFTER INSERT ON app.rating REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('rating_id', 'helpful_count');
CREATE TRIGGER history_update AFTER UPDATE ON app.rating REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('rating_id', 'helpful_count');
CREATE TRIGGER touch BEFORE UPDATE ON app.rating FOR EACH ROW WHEN ((old.helpful_count = new.helpful_count)) EXECUTE FUNCTION app.touch();
alter table app.rating enable row level security;
alter table app.rating force row level security;
create policy erase on app.rating as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.rating as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.rating as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.rating as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.rating as permissive for select to satchel_request
  using (true);
create policy request_update on app.rating as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update (review, helpful_count) on app.rating to satchel_eraser;
grant insert, select, update (deleted_at, deleted_by_id, deletion_id, stars, review, hidden_at, hidden_by_id, helpful_count) on app.rating to satchel_request;

create table app.recovery_code (
  organization_id uuid not null,
  user_id uuid not null,
  code_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  used_at timestamp with time zone,
  constraint recovery_code_pkey PRIMARY KEY (organization_id, user_id, code_hash),
  constraint recovery_code_hash_length CHECK ((octet_length(code_hash) = 32)),
  constraint recovery_code_factor_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app.second_factor(organization_id, user_id) ON DELETE CASCADE
);
alter table app.recovery_code owner to satchel_owner;
comment on table app.recovery_code is 'Single-use codes that stand in for a second factor that was lost.';
comment on column app.recovery_code.organization_id is 'none';
comment on column app.recovery_code.user_id is 'personal, row';
comment on column app.recovery_code.code_hash is 'personal, secret';
comment on column app.recovery_code.created_at is 'none';
comment on column app.recovery_code.used_at is 'personal';
alter table app.recovery_code enable row level security;
alter table app.recovery_code force row level security;
create policy erase on app.recovery_code as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.recovery_code as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.recovery_code as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.recovery_code as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.recovery_code as permissive for select to satchel_request
  using (true);
create policy request_update on app.recovery_code as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.recovery_code to satchel_eraser;
grant delete, insert, select, update on app.recovery_code to satchel_request;

create table app.refresh_token (
  organization_id uuid not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  session_id uuid not null,
  used_at timestamp with time zone,
  constraint refresh_token_pkey PRIMARY KEY (organization_id, token_hash),
  constraint refresh_token_hash_length CHECK ((octet_length(token_hash) = 32)),
  constraint refresh_token_session_fkey FOREIGN KEY (organization_id, session_id) REFERENCES app.session(organization_id, session_id) ON DELETE CASCADE
);
alter table app.refresh_token owner to satchel_owner;
comment on table app.refresh_token is 'What a long-lived client renews its session with, and everything it has used up.';
comment on column app.refresh_token.organization_id is 'none';
comment on column app.refresh_token.token_hash is 'derived';
comment on column app.refresh_token.created_at is 'none';
comment on column app.refresh_token.session_id is 'derived';
comment on column app.refresh_token.used_at is 'derived';
CREATE INDEX refresh_token_session ON app.refresh_token USING btree (organization_id, session_id);
CREATE UNIQUE INDEX refresh_token_unused ON app.refresh_token USING btree (organization_id, session_id) WHERE (used_at IS NULL);
alter table app.refresh_token enable row level security;
alter table app.refresh_token force row level security;
create policy erase on app.refresh_token as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.refresh_token as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.refresh_token as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.refresh_token as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.refresh_token as permissive for select to satchel_request
  using (true);
create policy request_update on app.refresh_token as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select, update on app.refresh_token to satchel_request;

create table app.rename (
  organization_id uuid not null,
  rename_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  requested_by_id uuid default app.actor(),
  api_key_id uuid,
  subject text not null,
  from_words text[] not null,
  to_word text not null,
  state text not null default 'waiting'::text,
  failure text,
  pass integer not null default 1,
  after_id uuid,
  pass_count integer not null default 0,
  changed_count integer not null default 0,
  finished_at timestamp with time zone,
  constraint rename_pkey PRIMARY KEY (organization_id, rename_id),
  constraint rename_changed_count_counts CHECK ((changed_count >= 0)),
  constraint rename_failed_whole CHECK (((state = 'failed'::text) = (failure IS NOT NULL))),
  constraint rename_failure CHECK ((failure = ANY (ARRAY['organization_not_active'::text, 'requester_not_allowed'::text, 'api_key_ended'::text, 'not_worked_off'::text]))),
  constraint rename_finished_whole CHECK (((state = ANY (ARRAY['finished'::text, 'failed'::text])) = (finished_at IS NOT NULL))),
  constraint rename_from_words_count CHECK (((cardinality(from_words) >= 1) AND (cardinality(from_words) <= 100))),
  constraint rename_pass_count_counts CHECK ((pass_count >= 0)),
  constraint rename_pass_positive CHECK ((pass > 0)),
  constraint rename_state CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'finished'::text, 'failed'::text]))),
  constraint rename_subject CHECK ((subject = ANY (ARRAY['tags'::text, 'skills'::text]))),
  constraint rename_to_word_length CHECK (((char_length(to_word) >= 1) AND (char_length(to_word) <= 100))),
  constraint rename_api_key_fkey FOREIGN KEY (organization_id, api_key_id) REFERENCES app.api_key(organization_id, api_key_id) ON DELETE SET NULL (api_key_id),
  constraint rename_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id),
  constraint rename_requested_by_fkey FOREIGN KEY (organization_id, requested_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (requested_by_id)
);
alter table app.rename owner to satchel_owner;
comment on table app.rename is 'A renaming or merging of tags or skills, and how far it is worked off.';
comment on column app.rename.organization_id is 'none';
comment on column app.rename.rename_id is 'none';
comment on column app.rename.created_at is 'none';
comment on column app.rename.updated_at is 'none';
comment on column app.rename.requested_by_id is 'personal, reference';
comment on column app.rename.api_key_id is 'none';
comment on column app.rename.subject is 'none';
comment on column app.rename.from_words is 'personal, expires';
comment on column app.rename.to_word is 'personal, expires';
comment on column app.rename.state is 'none';
comment on column app.rename.failure is 'none';
comment on column app.rename.pass is 'none';
comment on column app.rename.after_id is 'none';
comment on column app.rename.pass_count is 'none';
comment on column app.rename.changed_count is 'none';
comment on column app.rename.finished_at is 'none';
CREATE INDEX rename_api_key ON app.rename USING btree (organization_id, api_key_id);
CREATE INDEX rename_requested_by ON app.rename USING btree (organization_id, requested_by_id);
CREATE UNIQUE INDEX rename_under_way ON app.rename USING btree (organization_id, subject) WHERE (finished_at IS NULL);
CREATE TRIGGER touch BEFORE UPDATE ON app.rename FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.rename enable row level security;
alter table app.rename force row level security;
create policy erase on app.rename as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.rename as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.rename as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.rename as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.rename as permissive for select to satchel_request
  using (true);
create policy request_update on app.rename as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select, update on app.rename to satchel_request;

create table app.review (
  organization_id uuid not null,
  review_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  content_id uuid not null,
  number integer not null,
  reviewer_id uuid,
  note text,
  state text not null default 'pending'::text,
  decided_at timestamp with time zone,
  decided_by_id uuid,
  reason text,
  constraint review_pkey PRIMARY KEY (organization_id, review_id),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint review_decided CHECK (((state = 'pending'::text) = (decided_at IS NULL))),
  constraint review_note_length CHECK (((char_length(note) >= 1) AND (char_length(note) <= 2000))),
  constraint review_reason_length CHECK (((char_length(reason) >= 1) AND (char_length(reason) <= 2000))),
  constraint review_rejected_reason CHECK (((state <> 'rejected'::text) OR (reason IS NOT NULL))),
  constraint review_state CHECK ((state = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text]))),
  constraint version_positive CHECK ((version > 0)),
  constraint review_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint review_decided_by_fkey FOREIGN KEY (organization_id, decided_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (decided_by_id),
  constraint review_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint review_reviewer_fkey FOREIGN KEY (organization_id, reviewer_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (reviewer_id),
  constraint review_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id),
  constraint review_version_fkey FOREIGN KEY (organization_id, content_id, number) REFERENCES app.content_version(organization_id, content_id, number) ON DELETE CASCADE
);
alter table app.review owner to satchel_owner;
comment on table app.review is 'Requests to review a lesson, and their answers.';
comment on column app.review.organization_id is 'none';
comment on column app.review.review_id is 'none';
comment on column app.review.created_at is 'none';
comment on column app.review.updated_at is 'none';
comment on column app.review.version is 'none';
comment on column app.review.created_by_id is 'personal, reference';
comment on column app.review.updated_by_id is 'personal, reference';
comment on column app.review.deleted_at is 'none';
comment on column app.review.deleted_by_id is 'personal, reference';
comment on column app.review.deletion_id is 'none';
comment on column app.review.content_id is 'none';
comment on column app.review.number is 'none';
comment on column app.review.reviewer_id is 'personal, reference';
comment on column app.review.note is 'none';
comment on column app.review.state is 'none';
comment on column app.review.decided_at is 'none';
comment on column app.review.decided_by_id is 'personal, reference';
comment on column app.review.reason is 'none';
CREATE INDEX review_content ON app.review USING btree (organization_id, content_id, review_id);
CREATE INDEX review_created_by ON app.review USING btree (organization_id, created_by_id) WHERE (created_by_id IS NOT NULL);
CREATE INDEX review_decided_by ON app.review USING btree (organization_id, decided_by_id) WHERE (decided_by_id IS NOT NULL);
CREATE INDEX review_deleted_by ON app.review USING btree (organization_id, deleted_by_id) WHERE (deleted_by_id IS NOT NULL);
CREATE UNIQUE INDEX review_open_unique ON app.review USING btree (organization_id, content_id) WHERE (state = 'pending'::text);
CREATE INDEX review_pending ON app.review USING btree (organization_id, review_id) WHERE ((state = 'pending'::text) AND (deleted_at IS NULL));
CREATE INDEX review_reviewer ON app.review USING btree (organization_id, reviewer_id, review_id) WHERE (reviewer_id IS NOT NULL);
CREATE INDEX review_updated_by ON app.review USING btree (organization_id, updated_by_id) WHERE (updated_by_id IS NOT NULL);
CREATE INDEX review_version ON app.review USING btree (organization_id, content_id, number);
CREATE TRIGGER history_delete AFTER DELETE ON app.review REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('review_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.review REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('review_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.review REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('review_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.review FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
alter table app.review enable row level security;
alter table app.review force row level security;
create policy erase on app.review as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.review as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.review as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.review as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.review as permissive for select to satchel_request
  using (true);
create policy request_update on app.review as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select on app.review to satchel_eraser;
grant insert, select, update on app.review to satchel_request;

create table app.second_factor (
  organization_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  secret bytea not null,
  confirmed_at timestamp with time zone,
  last_step integer not null default 0,
  constraint second_factor_pkey PRIMARY KEY (organization_id, user_id),
  constraint second_factor_last_step_counts CHECK ((last_step >= 0)),
  constraint second_factor_secret_length CHECK ((octet_length(secret) = 48)),
  constraint second_factor_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.second_factor owner to satchel_owner;
comment on table app.second_factor is 'The secret that a person''s authenticator app shares with us.';
comment on column app.second_factor.organization_id is 'none';
comment on column app.second_factor.user_id is 'personal, row';
comment on column app.second_factor.created_at is 'none';
comment on column app.second_factor.updated_at is 'none';
comment on column app.second_factor.secret is 'personal, secret';
comment on column app.second_factor.confirmed_at is 'personal';
comment on column app.second_factor.last_step is 'personal, secret';
CREATE TRIGGER touch BEFORE UPDATE ON app.second_factor FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.second_factor enable row level security;
alter table app.second_factor force row level security;
create policy erase on app.second_factor as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.second_factor as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.second_factor as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.second_factor as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.second_factor as permissive for select to satchel_request
  using (true);
create policy request_update on app.second_factor as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.second_factor to satchel_eraser;
grant delete, insert, select, update on app.second_factor to satchel_request;

create table app.secret_key (
  key_id text not null,
  created_at timestamp with time zone not null default now(),
  constraint secret_key_pkey PRIMARY KEY (key_id),
  constraint secret_key_id_form CHECK ((key_id ~ '^[0-9a-f]{12}$'::text))
);
alter table app.secret_key owner to satchel_owner;
comment on table app.secret_key is 'Names of the secrets this database was used with. A node with an unknown secret would refuse every session.';
comment on column app.secret_key.key_id is 'none';
comment on column app.secret_key.created_at is 'none';
grant insert, select on app.secret_key to satchel_system;

create table app.security_event (
  organization_id uuid not null,
  security_event_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  kind text not null,
  door text not null,
  user_id uuid,
  known_device boolean not null,
  attempts integer not null,
  locked_until timestamp with time zone,
  constraint security_event_pkey PRIMARY KEY (organization_id, security_event_id),
  constraint security_event_attempts_counts CHECK ((attempts >= 0)),
  constraint security_event_door CHECK ((door = ANY (ARRAY['password'::text, 'second_factor'::text, 'recovery_code'::text, 'reset'::text, 'invitation'::text]))),
  constraint security_event_kind CHECK ((kind = ANY (ARRAY['login_locked'::text, 'login_unlocked'::text]))),
  constraint security_event_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.security_event owner to satchel_owner;
comment on table app.security_event is 'Locks of logins and their ends.';
comment on column app.security_event.organization_id is 'none';
comment on column app.security_event.security_event_id is 'none';
comment on column app.security_event.created_at is 'none';
comment on column app.security_event.kind is 'none';
comment on column app.security_event.door is 'none';
comment on column app.security_event.user_id is 'personal, person';
comment on column app.security_event.known_device is 'personal, kept';
comment on column app.security_event.attempts is 'personal, kept';
comment on column app.security_event.locked_until is 'personal, kept';
CREATE INDEX security_event_user ON app.security_event USING btree (organization_id, user_id);
alter table app.security_event enable row level security;
alter table app.security_event force row level security;
create policy erase on app.security_event as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.security_event as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.security_event as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.security_event as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.security_event as permissive for select to satchel_request
  using (true);
create policy request_update on app.security_event as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select on app.security_event to satchel_request;

create table app.session (
  organization_id uuid not null,
  session_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  user_id uuid not null,
  token_hash bytea not null,
  ip inet,
  user_agent text,
  device_type text not null default 'unknown'::text,
  device_id uuid,
  last_active_at timestamp with time zone not null default now(),
  authenticated_at timestamp with time zone not null default now(),
  expires_at timestamp with time zone not null,
  token_expires_at timestamp with time zone,
  idle_timeout interval,
  ended_at timestamp with time zone,
  end_reason text,
  constraint session_pkey PRIMARY KEY (organization_id, session_id),
  constraint session_device_type CHECK ((device_type = ANY (ARRAY['desktop'::text, 'mobile'::text, 'tablet'::text, 'bot'::text, 'unknown'::text]))),
  constraint session_end_reason CHECK ((end_reason = ANY (ARRAY['signed_out'::text, 'ended_by_user'::text, 'ended_by_admin'::text, 'password_changed'::text, 'email_changed'::text, 'role_changed'::text, 'status_changed'::text, 'user_deleted'::text, 'too_many'::text, 'token_reused'::text]))),
  constraint session_ended_whole CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
  constraint session_expiry_later CHECK ((expires_at > created_at)),
  constraint session_idle_timeout_positive CHECK ((idle_timeout > '00:00:00'::interval)),
  constraint session_token_hash_length CHECK ((octet_length(token_hash) = 32)),
  constraint session_user_agent_length CHECK ((char_length(user_agent) <= 512)),
  constraint session_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.session owner to satchel_owner;
comment on table app.session is 'A device on which a person is signed in, until it ends, idles out or expires.';
comment on column app.session.organization_id is 'none';
comment on column app.session.session_id is 'none';
comment on column app.session.created_at is 'none';
comment on column app.session.updated_at is 'none';
comment on column app.session.user_id is 'personal, row';
comment on column app.session.token_hash is 'personal, secret';
comment on column app.session.ip is 'personal';
comment on column app.session.user_agent is 'personal';
comment on column app.session.device_type is 'derived';
comment on column app.session.device_id is 'personal';
comment on column app.session.last_active_at is 'personal';
comment on column app.session.authenticated_at is 'personal';
comment on column app.session.expires_at is 'none';
comment on column app.session.token_expires_at is 'none';
comment on column app.session.idle_timeout is 'none';
comment on column app.session.ended_at is 'personal';
comment on column app.session.end_reason is 'personal';
CREATE INDEX session_expiry ON app.session USING btree (organization_id, expires_at);
CREATE INDEX session_live ON app.session USING btree (organization_id, user_id, session_id) WHERE (ended_at IS NULL);
CREATE INDEX session_person ON app.session USING btree (organization_id, user_id);
CREATE UNIQUE INDEX session_token_unique ON app.session USING btree (organization_id, token_hash);
CREATE TRIGGER touch BEFORE UPDATE ON app.session FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.session enable row level security;
alter table app.session force row level security;
create policy erase on app.session as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.session as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.session as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.session as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.session as permissive for select to satchel_request
  using (true);
create policy request_update on app.session as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.session to satchel_eraser;
grant delete, insert, select, update on app.session to satchel_request;

create table app.setup_code (
  code_hash bytea not null,
  first boolean not null,
  created_at timestamp with time zone not null default now(),
  consumed_at timestamp with time zone,
  constraint setup_code_pkey PRIMARY KEY (code_hash),
  constraint setup_code_hash_length CHECK ((octet_length(code_hash) = 32))
);
alter table app.setup_code owner to satchel_owner;
comment on table app.setup_code is 'Single-use codes that allow an organization to be founded. Only their keyed hash is kept.';
comment on column app.setup_code.code_hash is 'none';
comment on column app.setup_code.first is 'none';
comment on column app.setup_code.created_at is 'none';
comment on column app.setup_code.consumed_at is 'none';
grant select, update (consumed_at) on app.setup_code to satchel_request;
grant delete, insert, select (first, created_at, consumed_at) on app.setup_code to satchel_system;

create table app.sign_in_challenge (
  organization_id uuid not null,
  token_hash bytea not null,
  created_at timestamp with time zone not null default now(),
  user_id uuid not null,
  password_changed_at timestamp with time zone,
  long_lived boolean not null,
  expires_at timestamp with time zone not null,
  consumed_at timestamp with time zone,
  constraint sign_in_challenge_pkey PRIMARY KEY (organization_id, token_hash),
  constraint sign_in_challenge_hash_length CHECK ((octet_length(token_hash) = 32)),
  constraint sign_in_challenge_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.sign_in_challenge owner to satchel_owner;
comment on table app.sign_in_challenge is 'A password was right, and the second factor is still to be proved.';
comment on column app.sign_in_challenge.organization_id is 'none';
comment on column app.sign_in_challenge.token_hash is 'personal, secret';
comment on column app.sign_in_challenge.created_at is 'none';
comment on column app.sign_in_challenge.user_id is 'personal, row';
comment on column app.sign_in_challenge.password_changed_at is 'personal';
comment on column app.sign_in_challenge.long_lived is 'none';
comment on column app.sign_in_challenge.expires_at is 'none';
comment on column app.sign_in_challenge.consumed_at is 'personal';
CREATE INDEX sign_in_challenge_expiry ON app.sign_in_challenge USING btree (organization_id, expires_at);
CREATE INDEX sign_in_challenge_user ON app.sign_in_challenge USING btree (organization_id, user_id);
alter table app.sign_in_challenge enable row level security;
alter table app.sign_in_challenge force row level security;
create policy erase on app.sign_in_challenge as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.sign_in_challenge as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.sign_in_challenge as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.sign_in_challenge as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.sign_in_challenge as permissive for select to satchel_request
  using (true);
create policy request_update on app.sign_in_challenge as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.sign_in_challenge to satchel_eraser;
grant delete, insert, select, update on app.sign_in_challenge to satchel_request;

create table app.sign_up (
  organization_id uuid not null,
  user_id uuid not null,
  created_at timestamp with time zone not null default now(),
  constraint sign_up_pkey PRIMARY KEY (organization_id, user_id),
  constraint sign_up_user_fkey FOREIGN KEY (organization_id, user_id) REFERENCES app."user"(organization_id, user_id) ON DELETE CASCADE
);
alter table app.sign_up owner to satchel_owner;
comment on table app.sign_up is 'Accounts that people made without a code within the last days.';
comment on column app.sign_up.organization_id is 'none';
comment on column app.sign_up.user_id is 'personal, row';
comment on column app.sign_up.created_at is 'none';
CREATE INDEX sign_up_created ON app.sign_up USING btree (organization_id, created_at);
alter table app.sign_up enable row level security;
alter table app.sign_up force row level security;
create policy erase on app.sign_up as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.sign_up as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.sign_up as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.sign_up as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.sign_up as permissive for select to satchel_request
  using (true);
create policy request_update on app.sign_up as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, select, update on app.sign_up to satchel_eraser;
grant delete, insert, select, update on app.sign_up to satchel_request;

create table app.sign_up_attempt (
  organization_id uuid not null,
  network bytea not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  since timestamp with time zone not null default now(),
  attempts integer not null default 1,
  constraint sign_up_attempt_pkey PRIMARY KEY (organization_id, network),
  constraint sign_up_attempt_counts CHECK ((attempts > 0)),
  constraint sign_up_attempt_network_length CHECK ((octet_length(network) = 32)),
  constraint sign_up_attempt_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE
);
alter table app.sign_up_attempt owner to satchel_owner;
comment on table app.sign_up_attempt is 'How often accounts were asked for from one network within the hour, without a code that is good.';
comment on column app.sign_up_attempt.organization_id is 'none';
comment on column app.sign_up_attempt.network is 'personal, expires';
comment on column app.sign_up_attempt.created_at is 'none';
comment on column app.sign_up_attempt.updated_at is 'none';
comment on column app.sign_up_attempt.since is 'none';
comment on column app.sign_up_attempt.attempts is 'none';
CREATE INDEX sign_up_attempt_since ON app.sign_up_attempt USING btree (organization_id, since);
CREATE TRIGGER touch BEFORE UPDATE ON app.sign_up_attempt FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.sign_up_attempt enable row level security;
alter table app.sign_up_attempt force row level security;
create policy erase on app.sign_up_attempt as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.sign_up_attempt as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.sign_up_attempt as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.sign_up_attempt as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.sign_up_attempt as permissive for select to satchel_request
  using (true);
create policy request_update on app.sign_up_attempt as permissive for update to satchel_request
  using (true)
  with check (true);
grant delete, insert, select, update on app.sign_up_attempt to satchel_request;

create table app.sign_up_code (
  organization_id uuid not null,
  sign_up_code_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  code_hash bytea not null,
  role text not null,
  uses_allowed integer not null,
  uses integer not null default 0,
  expires_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  constraint sign_up_code_pkey PRIMARY KEY (organization_id, sign_up_code_id),
  constraint sign_up_code_hash_length CHECK ((octet_length(code_hash) = 32)),
  constraint sign_up_code_role CHECK ((role = ANY (ARRAY['student'::text, 'teacher'::text, 'parent'::text]))),
  constraint sign_up_code_uses_allowed_range CHECK (((uses_allowed >= 1) AND (uses_allowed <= 10000))),
  constraint sign_up_code_uses_range CHECK (((uses >= 0) AND (uses <= uses_allowed))),
  constraint version_positive CHECK ((version > 0)),
  constraint sign_up_code_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint sign_up_code_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE,
  constraint sign_up_code_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id)
);
alter table app.sign_up_code owner to satchel_owner;
comment on table app.sign_up_code is 'Codes by which people make accounts for themselves.';
comment on column app.sign_up_code.organization_id is 'none';
comment on column app.sign_up_code.sign_up_code_id is 'none';
comment on column app.sign_up_code.created_at is 'none';
comment on column app.sign_up_code.updated_at is 'none';
comment on column app.sign_up_code.version is 'none';
comment on column app.sign_up_code.created_by_id is 'personal, reference';
comment on column app.sign_up_code.updated_by_id is 'personal, reference';
comment on column app.sign_up_code.code_hash is 'none';
comment on column app.sign_up_code.role is 'none';
comment on column app.sign_up_code.uses_allowed is 'none';
comment on column app.sign_up_code.uses is 'none';
comment on column app.sign_up_code.expires_at is 'none';
comment on column app.sign_up_code.revoked_at is 'none';
CREATE INDEX sign_up_code_created_by ON app.sign_up_code USING btree (organization_id, created_by_id);
CREATE UNIQUE INDEX sign_up_code_hash_unique ON app.sign_up_code USING btree (organization_id, code_hash);
CREATE INDEX sign_up_code_updated_by ON app.sign_up_code USING btree (organization_id, updated_by_id);
CREATE TRIGGER history_delete AFTER DELETE ON app.sign_up_code REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('sign_up_code_id');
CREATE TRIGGER history_insert AFTER INSERT ON app.sign_up_code REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('sign_up_code_id');
CREATE TRIGGER history_update AFTER UPDATE ON app.sign_up_code REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('sign_up_code_id');
CREATE TRIGGER touch BEFORE UPDATE ON app.sign_up_code FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
alter table app.sign_up_code enable row level security;
alter table app.sign_up_code force row level security;
create policy erase on app.sign_up_code as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.sign_up_code as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app.sign_up_code as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.sign_up_code as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.sign_up_code as permissive for select to satchel_request
  using (true);
create policy request_update on app.sign_up_code as permissive for update to satchel_request
  using (true)
  with check (true);
grant insert, select, update on app.sign_up_code to satchel_request;

create table app.turn (
  job text not null,
  after_id uuid,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint turn_pkey PRIMARY KEY (job),
  constraint turn_job_form CHECK ((job ~ '^[a-z][a-z-]{0,62}$'::text))
);
alter table app.turn owner to satchel_owner;
comment on table app.turn is 'The organization each round of a job has come to.';
comment on column app.turn.job is 'none';
comment on column app.turn.after_id is 'none';
comment on column app.turn.created_at is 'none';
comment on column app.turn.updated_at is 'none';
CREATE TRIGGER touch BEFORE UPDATE ON app.turn FOR EACH ROW EXECUTE FUNCTION app.touch();
grant insert, select, update on app.turn to satchel_system;

create table app.usage (
  organization_id uuid not null,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  people bigint not null default 0,
  storage_bytes bigint not null default 0,
  constraint usage_pkey PRIMARY KEY (organization_id),
  constraint usage_people_counts CHECK ((people >= 0)),
  constraint usage_storage_bytes_counts CHECK ((storage_bytes >= 0)),
  constraint usage_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id) ON DELETE CASCADE
);
alter table app.usage owner to satchel_owner;
comment on table app.usage is 'What an organization uses of its quota: people who are not deleted, bytes of what is not deleted.';
comment on column app.usage.organization_id is 'none';
comment on column app.usage.created_at is 'none';
comment on column app.usage.updated_at is 'none';
comment on column app.usage.people is 'none';
comment on column app.usage.storage_bytes is 'none';
CREATE TRIGGER touch BEFORE UPDATE ON app.usage FOR EACH ROW EXECUTE FUNCTION app.touch();
alter table app.usage enable row level security;
alter table app.usage force row level security;
create policy erase on app.usage as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app.usage as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy owner_all on app.usage as permissive for all to satchel_owner
  using (true)
  with check (true);
create policy request_delete on app.usage as permissive for delete to satchel_request
  using (true);
create policy request_insert on app.usage as permissive for insert to satchel_request
  with check (true);
create policy request_select on app.usage as permissive for select to satchel_request
  using (true);
create policy request_update on app.usage as permissive for update to satchel_request
  using (true)
  with check (true);
create policy system_select on app.usage as permissive for select to satchel_system
  using (true);
grant select on app.usage to satchel_request;
grant select (organization_id, people, storage_bytes) on app.usage to satchel_system;

create table app."user" (
  organization_id uuid not null,
  user_id uuid not null default app.uuidv7(),
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  email text,
  username text not null,
  full_name text not null,
  avatar_url text,
  role text not null default 'student'::text,
  status text not null default 'active'::text,
  email_verified_at timestamp with time zone,
  external_id text,
  time_zone text not null default 'UTC'::text,
  language text not null default 'en'::text,
  email_key text generated always as (lower(email)) stored,
  username_key text not null generated always as (lower(username)) stored,
  name_key text collate "C" not null generated always as ("left"(app.fold(full_name), 100)) stored,
  constraint user_pkey PRIMARY KEY (organization_id, user_id),
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL))),
  constraint user_avatar_url_form CHECK (((avatar_url ~ '^https?://[^[:space:]]+$'::text) AND (char_length(avatar_url) <= 2048))),
  constraint user_email_form CHECK (((email ~ '^[^@[:space:][:cntrl:]]{1,64}@[^@[:space:][:cntrl:]]+\.[^@.[:space:][:cntrl:]]{2,}$'::text) AND (email !~ '\.\.|^\.|\.@|@\.|@-'::text) AND (char_length(email) <= 254))),
  constraint user_external_id_form CHECK (((external_id ~ '^[^[:space:][:cntrl:]]+$'::text) AND (char_length(external_id) <= 200))),
  constraint user_full_name_length CHECK (((char_length(full_name) >= 1) AND (char_length(full_name) <= 200))),
  constraint user_language_form CHECK ((language ~ '^[a-z]{2,8}(-[A-Za-z0-9]{1,8})*$'::text)),
  constraint user_role CHECK ((role = ANY (ARRAY['student'::text, 'teacher'::text, 'admin'::text, 'parent'::text]))),
  constraint user_status CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'suspended'::text, 'pending'::text]))),
  constraint user_time_zone_form CHECK ((time_zone ~ '^[A-Za-z][A-Za-z0-9_+/-]{1,63}$'::text)),
  constraint user_username_form CHECK ((username ~ '^[[:alnum:]]([[:alnum:]._-]{0,62}[[:alnum:]])?$'::text)),
  constraint version_positive CHECK ((version > 0)),
  constraint user_created_by_fkey FOREIGN KEY (organization_id, created_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (created_by_id),
  constraint user_deleted_by_fkey FOREIGN KEY (organization_id, deleted_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (deleted_by_id),
  constraint user_organization_fkey FOREIGN KEY (organization_id) REFERENCES app.organization(organization_id),
  constraint user_updated_by_fkey FOREIGN KEY (organization_id, updated_by_id) REFERENCES app."user"(organization_id, user_id) ON DELETE SET NULL (updated_by_id)
);
alter table app."user" owner to satchel_owner;
comment on table app."user" is 'A person of one organization. Another organization knows nothing of them.';
comment on column app."user".organization_id is 'none';
comment on column app."user".user_id is 'personal, person';
comment on column app."user".created_at is 'none';
comment on column app."user".updated_at is 'none';
comment on column app."user".version is 'none';
comment on column app."user".created_by_id is 'personal, reference';
comment on column app."user".updated_by_id is 'personal, reference';
comment on column app."user".deleted_at is 'none';
comment on column app."user".deleted_by_id is 'personal, reference';
comment on column app."user".deletion_id is 'none';
comment on column app."user".email is 'personal, null';
comment on column app."user".username is 'personal, becomes ''erased-'' || user_id';
comment on column app."user".full_name is 'personal, becomes ''Erased person''';
comment on column app."user".avatar_url is 'personal, null';
comment on column app."user".role is 'personal, kept';
comment on column app."user".status is 'personal, kept';
comment on column app."user".email_verified_at is 'personal, null';
comment on column app."user".external_id is 'personal, null';
comment on column app."user".time_zone is 'personal, becomes ''UTC''';
comment on column app."user".language is 'personal, becomes ''en''';
comment on column app."user".email_key is 'derived';
comment on column app."user".username_key is 'derived';
comment on column app."user".name_key is 'derived';
CREATE INDEX user_active ON app."user" USING btree (organization_id, role, user_id) WHERE ((status = 'active'::text) AND (deleted_at IS NULL));
CREATE INDEX user_created_by ON app."user" USING btree (organization_id, created_by_id);
CREATE INDEX user_deleted_by ON app."user" USING btree (organization_id, deleted_by_id);
CREATE UNIQUE INDEX user_email_unique ON app."user" USING btree (organization_id, email_key) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX user_external_id_unique ON app."user" USING btree (organization_id, external_id) WHERE (deleted_at IS NULL);
CREATE INDEX user_name ON app."user" USING btree (organization_id, name_key, user_id);
CREATE INDEX user_updated_by ON app."user" USING btree (organization_id, updated_by_id);
CREATE UNIQUE INDEX user_username_unique ON app."user" USING btree (organization_id, username_key) WHERE (deleted_at IS NULL);
CREATE INDEX user_words ON app."user" USING gin (organization_id, app.user_words(full_name, username, email)) WITH (fastupdate=off);
CREATE TRIGGER end_links AFTER UPDATE ON app."user" FOR EACH ROW WHEN ((((new.deleted_at IS NOT NULL) AND (old.deleted_at IS NULL)) OR (lower(new.email) IS DISTINCT FROM lower(old.email)) OR ((new.status <> old.status) AND (new.status = ANY (ARRAY['inactive'::text, 'suspended'::text]))))) EXECUTE FUNCTION app.end_links('verification', 'invitation', 'reset', 'email_change');
CREATE TRIGGER end_sessions AFTER UPDATE ON app."user" FOR EACH ROW WHEN ((((new.deleted_at IS NOT NULL) AND (old.deleted_at IS NULL)) OR (new.role <> old.role) OR ((new.status <> old.status) AND (new.status <> 'active'::text)))) EXECUTE FUNCTION app.end_sessions();
CREATE TRIGGER history_delete AFTER DELETE ON app."user" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id', 'email_key', 'username_key', 'name_key');
CREATE TRIGGER history_insert AFTER INSERT ON app."user" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id', 'email_key', 'username_key', 'name_key');
CREATE TRIGGER history_update AFTER UPDATE ON app."user" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.keep_history('user_id', 'email_key', 'username_key', 'name_key');
CREATE TRIGGER revoke_api_keys AFTER UPDATE ON app."user" FOR EACH ROW WHEN ((((new.deleted_at IS NOT NULL) AND (old.deleted_at IS NULL)) OR (new.role <> old.role) OR ((new.status <> old.status) AND (new.status <> 'active'::text)))) EXECUTE FUNCTION app.revoke_api_keys();
CREATE TRIGGER touch BEFORE UPDATE ON app."user" FOR EACH ROW EXECUTE FUNCTION app.touch_audited();
CREATE TRIGGER usage_delete AFTER DELETE ON app."user" REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_people();
CREATE TRIGGER usage_insert AFTER INSERT ON app."user" REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_people();
CREATE TRIGGER usage_update AFTER UPDATE ON app."user" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION app.count_people();
CREATE TRIGGER void_given_password AFTER UPDATE ON app."user" FOR EACH ROW WHEN (((new.role <> old.role) AND ((new.role = 'admin'::text) OR ((new.role = 'teacher'::text) AND (old.role <> 'admin'::text))))) EXECUTE FUNCTION app.void_given_password();
alter table app."user" enable row level security;
alter table app."user" force row level security;
create policy erase on app."user" as permissive for all to satchel_eraser
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy own_organization on app."user" as restrictive for all to satchel_request
  using ((organization_id = ( SELECT app.org() AS org)))
  with check ((organization_id = ( SELECT app.org() AS org)));
create policy request_delete on app."user" as permissive for delete to satchel_request
  using (true);
create policy request_insert on app."user" as permissive for insert to satchel_request
  with check (true);
create policy request_select on app."user" as permissive for select to satchel_request
  using (true);
create policy request_update on app."user" as permissive for update to satchel_request
  using (true)
  with check (true);
create policy search_select on app."user" as permissive for select to satchel_search
  using (true);
grant delete, select, update (email, username, full_name, avatar_url, email_verified_at, external_id, time_zone, language) on app."user" to satchel_eraser;
grant insert, select, update on app."user" to satchel_request;
grant select (organization_id, user_id, email, username, full_name) on app."user" to satchel_search;

create table template.audit (
  version integer not null default 1,
  created_by_id uuid default app.actor(),
  updated_by_id uuid default app.actor(),
  constraint version_positive CHECK ((version > 0))
);
alter table template.audit owner to satchel_owner;
comment on column template.audit.version is 'none';
comment on column template.audit.created_by_id is 'personal, reference';
comment on column template.audit.updated_by_id is 'personal, reference';

create table template.soft_delete (
  deleted_at timestamp with time zone,
  deleted_by_id uuid,
  deletion_id uuid,
  constraint deleted_whole CHECK (((deleted_at IS NULL) = (deletion_id IS NULL)))
);
alter table template.soft_delete owner to satchel_owner;
comment on column template.soft_delete.deleted_at is 'none';
comment on column template.soft_delete.deleted_by_id is 'personal, reference';
comment on column template.soft_delete.deletion_id is 'none';

create table template.tenant (
  organization_id uuid not null
);
alter table template.tenant owner to satchel_owner;
comment on column template.tenant.organization_id is 'none';

create table template.timestamps (
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now()
);
alter table template.timestamps owner to satchel_owner;
comment on column template.timestamps.created_at is 'none';
comment on column template.timestamps.updated_at is 'none';

CREATE OR REPLACE FUNCTION app.actor()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.user_id'::text, true), ''::text))::uuid;
alter function app.actor() owner to satchel_owner;
comment on function app.actor() is 'The user on whose behalf this transaction acts, or null for the system.';
grant execute on function app.actor() to satchel_eraser;
grant execute on function app.actor() to satchel_request;

CREATE OR REPLACE FUNCTION app.append_audit(events jsonb)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
alter function app.append_audit(events jsonb) owner to satchel_owner;
comment on function app.append_audit(events jsonb) is 'Appends events to the chain of the entered organization.';
grant execute on function app.append_audit(events jsonb) to satchel_request;

CREATE OR REPLACE PROCEDURE app.audit(IN target regclass, IN id_column text, IN derived text[] DEFAULT '{}'::text[])
 LANGUAGE plpgsql
AS $procedure$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch_audited()', target);
  call app.record_history(target, id_column, derived);
end
$procedure$;
alter procedure app.audit(IN target regclass, IN id_column text, IN derived text[]) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.begin_comment_score()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into app.comment_score (organization_id, comment_id, under_id) select organization_id, comment_id, under_id from new_rows;
  return null;
end
$function$;
alter function app.begin_comment_score() owner to satchel_owner;
comment on function app.begin_comment_score() is 'Gives new comments the score they begin with.';
grant execute on function app.begin_comment_score() to satchel_request;

CREATE OR REPLACE FUNCTION app.bump_generations(topics text[])
 RETURNS void
 LANGUAGE sql
BEGIN ATOMIC
 INSERT INTO app.generation AS g (organization_id, topic)  SELECT app.org() AS org,
             topic.topic
            FROM unnest(bump_generations.topics) topic(topic)
           ORDER BY topic.topic ON CONFLICT(organization_id, topic) DO UPDATE SET generation = (g.generation + 1);
END;
alter function app.bump_generations(topics text[]) owner to satchel_owner;
comment on function app.bump_generations(topics text[]) is 'Marks topics of the entered organization as changed.';
grant execute on function app.bump_generations(topics text[]) to satchel_request;

CREATE OR REPLACE FUNCTION app.close_reviews()
 RETURNS trigger
 LANGUAGE plpgsql
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
declare
  open record;
begin
  for open in
    select n.organization_id, n.status, r.review_id, r.state
    from new_rows n
    cross join lateral (
      select r.review_id, r.state
      from app.review r
      where r.organization_id = n.organization_id and r.content_id = n.content_id and r.state = 'pending'
      offset 0
    ) r
    where n.status <> 'pending_review'
  loop
    update app.review r
    set state = case when open.status in ('approved', 'published') then 'approved' else 'withdrawn' end,
      decided_at = now(), decided_by_id = app.actor()
    where r.organization_id = open.organization_id and r.review_id = open.review_id and r.state = open.state;
  end loop;
  return null;
end
$function$;
alter function app.close_reviews() owner to satchel_owner;
comment on function app.close_reviews() is 'Closes the open request of a lesson that waits no longer.';

CREATE OR REPLACE FUNCTION app.count_files()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  organizations uuid[];
  files uuid[];
  more integer[];
  c record;
begin
  if tg_op = 'INSERT' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, count(*)::integer as n from new_rows where deleted_at is null group by 1, 2
    ) d;
  elsif tg_op = 'DELETE' then
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, -count(*)::integer as n from old_rows where deleted_at is null group by 1, 2
    ) d;
  else
    select array_agg(organization_id), array_agg(file_id), array_agg(n) into organizations, files, more
    from (
      select organization_id, file_id, sum(sign)::integer as n
      from (
        select 1 as sign, organization_id, file_id from new_rows where deleted_at is null
        union all
        select -1, organization_id, file_id from old_rows where deleted_at is null
      ) r
      group by 1, 2 having sum(sign) <> 0
    ) d;
  end if;
  if files is null then
    return null;
  end if;
  perform from app.file f
  where (f.organization_id, f.file_id) in (select * from unnest(organizations, files))
  order by f.organization_id, f.file_id
  for update;
  for c in
    with counted as (
      update app.file f set uses = f.uses + d.n
      from unnest(organizations, files, more) d (organization_id, file_id, n)
      where f.organization_id = d.organization_id and f.file_id = d.file_id
      returning f.organization_id, f.size, f.uses, d.n
    )
    select organization_id, sum(case when uses = 0 then -size when uses = n then size else 0 end)::bigint as bytes
    from counted group by 1 order by 1
  loop
    perform app.use_quota(c.organization_id, 0, c.bytes);
  end loop;
  return null;
end
$function$;
alter function app.count_files() owner to satchel_owner;
comment on function app.count_files() is 'Counts the attachments of one statement into app.file, and their bytes into app.usage.';

CREATE OR REPLACE FUNCTION app.count_helpful()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.rating r
  set helpful_count = r.helpful_count + case when tg_op = 'INSERT' then v.votes else -v.votes end
  from (select organization_id, rating_id, count(*)::int as votes from touched group by 1, 2) v
  where r.organization_id = v.organization_id and r.rating_id = v.rating_id;
  return null;
end
$function$;
alter function app.count_helpful() owner to satchel_owner;
comment on function app.count_helpful() is 'Counts the votes of one statement into the ratings they are about.';
grant execute on function app.count_helpful() to satchel_request;

CREATE OR REPLACE FUNCTION app.count_people()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    perform app.use_quota(c.organization_id, c.people, 0)
    from (select organization_id, count(*) as people from new_rows where deleted_at is null group by 1 order by 1) c;
  elsif tg_op = 'DELETE' then
    perform app.use_quota(c.organization_id, -c.people, 0)
    from (select organization_id, count(*) as people from old_rows where deleted_at is null group by 1 order by 1) c;
  else
    perform app.use_quota(c.organization_id, c.people, 0)
    from (
      select organization_id, sum(sign)::bigint as people
      from (
        select 1 as sign, organization_id from new_rows where deleted_at is null
        union all
        select -1, organization_id from old_rows where deleted_at is null
      ) r
      group by 1 order by 1
    ) c;
  end if;
  return null;
end
$function$;
alter function app.count_people() owner to satchel_owner;
comment on function app.count_people() is 'Counts the people of one statement into app.usage.';

CREATE OR REPLACE FUNCTION app.count_replies(organization uuid, lesson uuid, above bytea)
 RETURNS integer
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (SELECT (count(*))::integer AS count FROM app.comment c WHERE ((c.organization_id = count_replies.organization) AND (c.content_id = count_replies.lesson) AND (c.path > count_replies.above) AND (c.path < (count_replies.above || '\xff'::bytea)) AND (c.deleted_at IS NULL) AND (c.state = 'approved'::text) AND (c.body IS NOT NULL)));
alter function app.count_replies(organization uuid, lesson uuid, above bytea) owner to satchel_owner;
comment on function app.count_replies(organization uuid, lesson uuid, above bytea) is 'How many comments that everybody sees stand below one, at any depth.';
grant execute on function app.count_replies(organization uuid, lesson uuid, above bytea) to satchel_request;

CREATE OR REPLACE FUNCTION app.count_storage()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  if tg_op = 'INSERT' then
    perform app.use_quota(c.organization_id, 0, c.bytes)
    from (
      select organization_id, sum(app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from new_rows where deleted_at is null group by 1 order by 1
    ) c;
  elsif tg_op = 'DELETE' then
    perform app.use_quota(c.organization_id, 0, -c.bytes)
    from (
      select organization_id, sum(app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from old_rows where deleted_at is null group by 1 order by 1
    ) c;
  else
    perform app.use_quota(c.organization_id, 0, c.bytes)
    from (
      select organization_id, sum(sign * app.lesson_bytes(title, description, body, metadata, settings))::bigint as bytes
      from (
        select 1 as sign, organization_id, title, description, body, metadata, settings from new_rows where deleted_at is null
        union all
        select -1, organization_id, title, description, body, metadata, settings from old_rows where deleted_at is null
      ) r
      group by 1 order by 1
    ) c;
  end if;
  return null;
end
$function$;
alter function app.count_storage() owner to satchel_owner;
comment on function app.count_storage() is 'Counts the bytes of the lessons of one statement into app.usage.';

CREATE OR REPLACE FUNCTION app.count_upvotes()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.comment_score s
  set upvotes = s.upvotes + case when tg_op = 'INSERT' then v.votes else -v.votes end
  from (select organization_id, comment_id, count(*)::integer as votes from touched group by 1, 2) v
  where s.organization_id = v.organization_id and s.comment_id = v.comment_id;
  return null;
end
$function$;
alter function app.count_upvotes() owner to satchel_owner;
comment on function app.count_upvotes() is 'Keeps the score of comments equal to their votes.';
grant execute on function app.count_upvotes() to satchel_request;

CREATE OR REPLACE FUNCTION app.discard_sign_ups(older_than interval, at_most integer)
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  organization uuid := app.org();
  strangers uuid[];
begin
  select array_agg(w.user_id) into strangers
  from (
    select s.user_id
    from app.sign_up s
    join app."user" u on u.organization_id = s.organization_id and u.user_id = s.user_id
    join app.credential c on c.organization_id = s.organization_id and c.user_id = s.user_id
    where s.organization_id = organization and s.created_at < now() - older_than
      and u.status = 'pending' and u.email is null and u.deleted_at is null and c.last_login_at is null
    order by s.created_at
    limit at_most
    for update of s, u skip locked
  ) w;
  delete from app."user" u where u.organization_id = organization and u.user_id = any (strangers);
  delete from app.history h
  where h.organization_id = organization and h.row_id = any (strangers)
    and h.table_name = any (array(
      select p.table_name from app.personal_tables() p where p.is_theirs is not null and p.has_history
    ));
  return query select unnest(strangers);
end
$function$;
alter function app.discard_sign_ups(older_than interval, at_most integer) owner to satchel_eraser;
comment on function app.discard_sign_ups(older_than interval, at_most integer) is 'Removes, at most so many, accounts of the entered organization that somebody made and never confirmed; gives their ids.';
grant execute on function app.discard_sign_ups(older_than interval, at_most integer) to satchel_request;

CREATE OR REPLACE FUNCTION app.end_links()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.link set ended_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and kind = any(tg_argv)
    and consumed_at is null and ended_at is null;
  return null;
end
$function$;
alter function app.end_links() owner to satchel_owner;
comment on function app.end_links() is 'Ends what was mailed to a person, of the kinds that its arguments name.';
grant execute on function app.end_links() to satchel_request;

CREATE OR REPLACE FUNCTION app.end_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.session
  set ended_at = now(), end_reason = case
    when new.deleted_at is not null then 'user_deleted'
    when new.status <> old.status then 'status_changed'
    else 'role_changed'
  end
  where organization_id = new.organization_id and user_id = new.user_id and ended_at is null;
  return null;
end
$function$;
alter function app.end_sessions() owner to satchel_owner;
comment on function app.end_sessions() is 'Signs a person out everywhere when they are deleted, get another role or are no longer active.';
grant execute on function app.end_sessions() to satchel_request;

CREATE OR REPLACE FUNCTION app.enter(organization uuid, actor uuid)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
begin
  if organization is null then
    raise exception 'an organization must be named' using errcode = 'null_value_not_allowed';
  end if;
  if coalesce(current_setting('app.org_id', true), '') not in ('', organization::text) then
    raise exception 'this transaction has entered another organization'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform set_config('app.org_id', organization::text, true),
          set_config('app.user_id', coalesce(actor::text, ''), true);
end
$function$;
alter function app.enter(organization uuid, actor uuid) owner to satchel_owner;
comment on function app.enter(organization uuid, actor uuid) is 'Enters an organization until the transaction ends. Refuses to change to another one.';
grant execute on function app.enter(organization uuid, actor uuid) to satchel_request;

CREATE OR REPLACE FUNCTION app.erase_person(person uuid, at_most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  organization uuid := app.org();
  part record;
  changes text;
  differs text;
  rows_of text;
  touched integer;
  total integer := 0;
begin
  if at_most is null or at_most < 1 then
    raise exception 'at least one row must be erased at once' using errcode = 'invalid_parameter_value';
  end if;
  perform from app.erasure e
  join app."user" u on u.organization_id = e.organization_id and u.user_id = e.user_id
  where e.organization_id = organization and e.user_id = person
    and e.started_at is not null and e.finished_at is null and u.deleted_at is not null;
  if not found then
    raise exception 'no erasure of this person is under way' using errcode = 'object_not_in_prerequisite_state';
  end if;
  for part in select * from app.personal_tables() where is_theirs is not null order by deletes desc, table_name loop
    if part.deletes then
      execute format(
        'delete from %1$s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $2 and (%2$s) limit $3
         ))', part.target, part.is_theirs)
        using person, organization, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    elsif cardinality(part.changed_columns) > 0 then
      select string_agg(format('%I = %s', name, replacement), ', '),
        string_agg(format('t.%I is distinct from (%s)', name, replacement), ' or ')
      into changes, differs
      from unnest(part.changed_columns, part.changed_values) as u (name, value)
      cross join lateral (select regexp_replace(value, '^becomes ', '') as replacement) r;
      execute format(
        'update %1$s set %2$s where ctid = any (array(
           select t.ctid from %1$s t where t.organization_id = $2 and (%3$s) and (%4$s) limit $3
         ))', part.target, changes, part.is_theirs, differs)
        using person, organization, at_most;
      get diagnostics touched = row_count;
      total := total + touched;
    end if;
  end loop;
  -- After all else, which leaves its own history. Which rows were theirs, their key or the history itself says.
  for part in select * from app.personal_tables() where is_theirs is not null and has_history loop
    if part.key_columns <@ part.person_columns then
      rows_of := 'h.row_id = $1';
    else
      select format(
        'h.row_id in (
           select o.row_id from app.history o where o.organization_id = $2 and o.table_name = $4 and (%s))',
        string_agg(format('o.before ->> %1$L = $1::text or o.after ->> %1$L = $1::text', name), ' or '))
      into rows_of from unnest(part.person_columns) name;
    end if;
    execute format(
      'update app.history set before = before - $5, after = after - $5 where ctid = any (array(
         select h.ctid from app.history h
         where h.organization_id = $2 and h.table_name = $4 and %s and (h.before ?| $5 or h.after ?| $5) limit $3
       ))', rows_of)
      using person, organization, at_most, part.table_name, part.erased_columns;
    get diagnostics touched = row_count;
    total := total + touched;
  end loop;
  return total;
end
$function$;
alter function app.erase_person(person uuid, at_most integer) owner to satchel_eraser;
comment on function app.erase_person(person uuid, at_most integer) is 'Erases what is personal of a person of the entered organization whose erasure is under way; gives how many rows it took.';
grant execute on function app.erase_person(person uuid, at_most integer) to satchel_request;

CREATE OR REPLACE FUNCTION app.fold(words text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN lower(regexp_replace(NORMALIZE(words, NFKD), '[̀-ͯ]'::text, ''::text, 'g'::text));
alter function app.fold(words text) owner to satchel_owner;
comment on function app.fold(words text) is 'The text in small letters without accents: how names are looked for and put in order.';
grant execute on function app.fold(words text) to satchel_eraser;
grant execute on function app.fold(words text) to satchel_request;
grant execute on function app.fold(words text) to satchel_search;

CREATE OR REPLACE FUNCTION app.follow_deletion()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
declare
  -- The lessons that are deleted now and were not, or the other way round.
  moved constant text :=
    'with moved as materialized (
       select organization_id, content_id, (array_agg(deleted_at) filter (where is_new))[1] as deleted_at,
         (array_agg(deleted_by_id) filter (where is_new))[1] as deleted_by_id,
         (array_agg(deletion_id) filter (where is_new))[1] as deletion_id,
         (array_agg(deletion_id) filter (where not is_new))[1] as was
       from (
         select true as is_new, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from new_rows
         union all
         select false, organization_id, content_id, deleted_at, deleted_by_id, deletion_id from old_rows
       ) r
       group by organization_id, content_id
       having count(deletion_id) = 1
     ) ';
begin
  -- Of a thousand rows, too, in one look over each table: a join might compare each row with each other one.
  if not exists (
    select organization_id, content_id, deletion_id from new_rows
    except select organization_id, content_id, deletion_id from old_rows
  ) then
    return null;
  end if;
  -- What was deleted before has a mark of its own, by which the second statement leaves it alone.
  execute format(moved ||
    'update %s f
     set deleted_at = m.deleted_at, deleted_by_id = m.deleted_by_id, deletion_id = m.deletion_id
     from moved m
     where m.was is null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id is null', tg_argv[0]);
  execute format(moved ||
    'update %s f
     set deleted_at = null, deleted_by_id = null, deletion_id = null
     from moved m
     where m.was is not null and f.organization_id = m.organization_id and f.content_id = m.content_id
       and f.deletion_id = m.was', tg_argv[0]);
  return null;
end
$function$;
alter function app.follow_deletion() owner to satchel_owner;
comment on function app.follow_deletion() is 'Deletes and restores the rows of the table it names with the lessons they belong to, under the same mark.';
grant execute on function app.follow_deletion() to satchel_request;

CREATE OR REPLACE PROCEDURE app.follow_deletion_of_content(IN follower regclass)
 LANGUAGE plpgsql
AS $procedure$
begin
  execute format(
    'create trigger %I after update on app.content referencing old table as old_rows new table as new_rows
       for each statement execute function app.follow_deletion(%L)',
    'deletion_' || (select relname from pg_class where oid = follower), follower::text);
end
$procedure$;
alter procedure app.follow_deletion_of_content(IN follower regclass) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.keep_audit()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  -- For the statement in app.seal_audit alone: the setting gives nobody a right.
  if tg_op = 'DELETE' and current_setting('app.sealing', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit is only ever appended to' using errcode = 'insufficient_privilege';
end
$function$;
alter function app.keep_audit() owner to satchel_owner;
comment on function app.keep_audit() is 'Refuses to change or remove an event of the audit.';

CREATE OR REPLACE FUNCTION app.keep_history()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_nestloop TO 'off'
AS $function$
begin
  if tg_op = 'INSERT' then
    insert into app.history (organization_id, table_name, row_id, version, action, after)
    select n.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'insert', doc
    from new_rows n cross join lateral (select to_jsonb(n) - tg_argv[1:] as doc) d;
  elsif tg_op = 'DELETE' then
    insert into app.history (organization_id, table_name, row_id, version, action, before)
    select o.organization_id, tg_table_name, (doc ->> tg_argv[0])::uuid, (doc ->> 'version')::integer, 'delete', doc
    from old_rows o cross join lateral (select to_jsonb(o) - tg_argv[1:] as doc) d;
  else
    -- Only the columns that changed: a corrected typing mistake in a title must not store the body twice more.
    -- Materialized: otherwise each row would be turned into a document once for each of its columns.
    insert into app.history (organization_id, table_name, row_id, version, action, before, after)
    with
      n as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from new_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
      ),
      o as materialized (
        select r.organization_id, (doc ->> tg_argv[0])::uuid as id, doc
        from old_rows r cross join lateral (select to_jsonb(r) - tg_argv[1:] as doc) d
      )
    select organization_id, tg_table_name, id, (coalesce(n.doc, o.doc) ->> 'version')::integer,
      case when o.doc is null then 'insert' when n.doc is null then 'delete' else 'update' end,
      case when n.doc is null then o.doc when o.doc is not null then changed.before end,
      case when o.doc is null then n.doc when n.doc is not null then changed.after end
    from n
    -- Full: a row that is given another id is gone under the old one and new under the other.
    full join o using (organization_id, id)
    cross join lateral (
      select jsonb_object_agg(b.key, b.value) as before, jsonb_object_agg(b.key, n.doc -> b.key) as after
      from jsonb_each(o.doc) b
      where b.value is distinct from n.doc -> b.key
    ) changed
    where o.doc is null or n.doc is null or changed.before is not null;
  end if;
  return null;
end
$function$;
alter function app.keep_history() owner to satchel_owner;
comment on function app.keep_history() is 'Writes app.history for one statement. Its arguments name the id column, and columns that follow from others.';

CREATE OR REPLACE FUNCTION app.keep_tally()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into app.content_tally as t (organization_id, content_id, views, viewers)
  select organization_id, content_id, sum(views), count(*) from old_rows group by 1, 2 order by 1, 2
  on conflict (organization_id, content_id) do update
    set views = t.views + excluded.views, viewers = t.viewers + excluded.viewers;
  return null;
end
$function$;
alter function app.keep_tally() owner to satchel_owner;
comment on function app.keep_tally() is 'Adds what the removed rows of app.content_view counted to the tally of their lessons.';

CREATE OR REPLACE PROCEDURE app.keep_time(IN target regclass)
 LANGUAGE plpgsql
AS $procedure$
begin
  execute format('create trigger touch before update on %s for each row execute function app.touch()', target);
end
$procedure$;
alter procedure app.keep_time(IN target regclass) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.keep_versions()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
begin
  -- The time of each is the lesson's own, which moves with every update, also where a transaction that began earlier writes
  -- later: versions follow each other in the order of their numbers, and no two periods overlap.
  insert into app.content_version
    (organization_id, content_id, number, created_at, restored_from_number, title, slug, description, body, content_type,
     difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
  select n.organization_id, n.content_id, n.latest_number, n.updated_at, n.restored_from_number, n.title, n.slug,
    n.description, n.body, n.content_type, n.difficulty_level, n.language, n.tags, n.prerequisites, n.learning_objectives,
    n.metadata, n.settings, n.estimated_duration_minutes
  from new_rows n
  where not exists (
    select from app.content_version v
    where v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.latest_number
  );
  -- Taken away first and then put back: two lessons that exchange their slugs may be published together.
  delete from app.publication p
  using new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id
    and (p.number, p.published_at) is distinct from (n.live_number, n.published_at);
  insert into app.publication
    (organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, number, version, source_id,
     title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives,
     metadata, settings, estimated_duration_minutes, published_at)
  select n.organization_id, n.content_id, n.created_at, n.created_by_id, n.deleted_at, n.deleted_by_id, n.deletion_id,
    v.number, n.version, n.source_id, v.title, v.slug, v.description, v.body, v.content_type, v.difficulty_level, v.language,
    v.tags, v.prerequisites, v.learning_objectives, v.metadata, v.settings, v.estimated_duration_minutes, n.published_at
  from new_rows n
  join app.content_version v
    on v.organization_id = n.organization_id and v.content_id = n.content_id and v.number = n.live_number
  where not exists (
    select from app.publication p where p.organization_id = n.organization_id and p.content_id = n.content_id
  );
  -- The name where it comes from is no text: the rest of what readers see stays, also what a renamed tag has become there.
  update app.publication p
  set source_id = n.source_id, version = n.version
  from new_rows n
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.source_id is distinct from n.source_id;
  update app.publication_period p
  set ended_at = n.updated_at
  from new_rows n
  cross join lateral (
    select o.published_at
    from app.publication_period o
    where o.organization_id = n.organization_id and o.content_id = n.content_id and o.ended_at is null
    offset 0
  ) o
  where p.organization_id = n.organization_id and p.content_id = n.content_id and p.published_at = o.published_at
    and p.number is distinct from case when n.deleted_at is null then n.live_number end;
  insert into app.publication_period (organization_id, content_id, number, published_at)
  select n.organization_id, n.content_id, n.live_number, n.updated_at
  from new_rows n
  where n.live_number is not null and n.deleted_at is null
    and not exists (
      select from app.publication_period p
      where p.organization_id = n.organization_id and p.content_id = n.content_id and p.ended_at is null
      offset 0
    );
  return null;
end
$function$;
alter function app.keep_versions() owner to satchel_owner;
comment on function app.keep_versions() is 'Writes app.content_version, app.publication and app.publication_period for one statement.';

CREATE OR REPLACE FUNCTION app.lesson_bytes(title text, description text, body text, metadata json, settings json)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN ((((octet_length(title) + octet_length(description)) + octet_length(body)) + octet_length((metadata)::text)) + octet_length((settings)::text));
alter function app.lesson_bytes(title text, description text, body text, metadata json, settings json) owner to satchel_owner;
comment on function app.lesson_bytes(title text, description text, body text, metadata json, settings json) is 'What a lesson counts for in the quota of storage: its texts and documents.';

CREATE OR REPLACE FUNCTION app.list_contents()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
begin
  if tg_op = 'DELETE' then
    delete from app.content_listing l
    using (select organization_id, content_id, 'readers' as audience from old_rows offset 0) o
    where l.organization_id = o.organization_id and l.content_id = o.content_id and l.audience = o.audience;
    return null;
  end if;
  if tg_table_name = 'content' then
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'staff', created_at, updated_at, coalesce(published_at, 'epoch'),
      left(app.fold(title), 100), deleted_at is null, status, content_type, difficulty_level, language, created_by_id,
      source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, status = excluded.status, content_type = excluded.content_type,
      difficulty_level = excluded.difficulty_level, language = excluded.language, author_id = excluded.author_id,
      source_id = excluded.source_id, slug = excluded.slug, tags = excluded.tags;
  else
    insert into app.content_listing as l
      (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
       difficulty_level, language, author_id, source_id, slug, tags)
    select organization_id, content_id, 'readers', created_at, updated_at, published_at, left(app.fold(title), 100),
      deleted_at is null, 'published', content_type, difficulty_level, language, created_by_id, source_id, slug, tags
    from new_rows
    on conflict (organization_id, content_id, audience) do update
    set changed_at = excluded.changed_at, published_at = excluded.published_at, title_key = excluded.title_key,
      live = excluded.live, content_type = excluded.content_type, difficulty_level = excluded.difficulty_level,
      language = excluded.language, author_id = excluded.author_id, source_id = excluded.source_id, slug = excluded.slug,
      tags = excluded.tags;
  end if;
  delete from app.content_listing_tag t
  using (select organization_id, content_id, tg_argv[0] as audience, tags from new_rows offset 0) n
  where tg_op = 'UPDATE' and t.organization_id = n.organization_id and t.content_id = n.content_id
    and t.audience = n.audience and t.tag <> all (n.tags);
  insert into app.content_listing_tag (organization_id, audience, tag, content_id)
  select distinct n.organization_id, tg_argv[0], tag, n.content_id
  from new_rows n cross join lateral unnest(n.tags) tag
  on conflict do nothing;
  return null;
end
$function$;
alter function app.list_contents() owner to satchel_owner;
comment on function app.list_contents() is 'Writes app.content_listing and app.content_listing_tag for one statement. Its argument is the audience.';

CREATE OR REPLACE FUNCTION app.number_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'INSERT' then
    new.latest_number := 1;
    new.live_number := null;
    new.restored_from_number := null;
  else
    new.live_number := old.live_number;
    if (new.title, new.slug, new.description, new.body, new.content_type, new.difficulty_level, new.language, new.tags,
        new.prerequisites, new.learning_objectives, new.metadata::text, new.settings::text, new.estimated_duration_minutes)
      is distinct from
       (old.title, old.slug, old.description, old.body, old.content_type, old.difficulty_level, old.language, old.tags,
        old.prerequisites, old.learning_objectives, old.metadata::text, old.settings::text, old.estimated_duration_minutes) then
      new.latest_number := old.latest_number + 1;
      -- Restoring the same version twice in a row changes no text: whoever names the same one again does so by leaving it.
      if new.restored_from_number is not distinct from old.restored_from_number then
        new.restored_from_number := null;
      end if;
    else
      new.latest_number := old.latest_number;
      new.restored_from_number := old.restored_from_number;
    end if;
  end if;
  if new.published_at is null then
    new.live_number := null;
  elsif new.status = 'published' then
    new.live_number := new.latest_number;
  end if;
  if new.status <> 'approved' then
    new.publish_at := null;
  end if;
  if new.live_number is null and new.publish_at is null then
    new.unpublish_at := null;
  end if;
  return new;
end
$function$;
alter function app.number_version() owner to satchel_owner;
comment on function app.number_version() is 'Numbers the versions of a lesson, and says which of them is live.';

CREATE OR REPLACE FUNCTION app.org()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN (NULLIF(current_setting('app.org_id'::text, true), ''::text))::uuid;
alter function app.org() owner to satchel_owner;
comment on function app.org() is 'The organization that this transaction has entered, or null.';
grant execute on function app.org() to satchel_eraser;
grant execute on function app.org() to satchel_request;
grant execute on function app.org() to satchel_search;
grant execute on function app.org() to satchel_system;

CREATE OR REPLACE FUNCTION app.person_records(person uuid, at_most integer)
 RETURNS TABLE(kind text, table_name text, total integer, records json)
 LANGUAGE plpgsql
 STABLE
AS $function$
declare
  part record;
  rows_of text;
begin
  for part in select * from app.personal_tables() loop
    table_name := part.table_name;
    if part.is_theirs is not null then
      kind := 'about';
      execute format(
        'select count(*)::int, coalesce(json_agg(
             (select coalesce(jsonb_object_agg(e.key, e.value), ''{}'') from jsonb_each(f.doc) e
              where e.key <> all ($3) or e.value = to_jsonb($1))
             order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n, to_jsonb(t) - $4 as doc
           from %s t where t.organization_id = app.org() and (%s)
         ) f', part.target, part.is_theirs)
        into total, records
        using person, at_most, part.reference_columns, part.secret_columns || 'organization_id'::text;
      return next;
    end if;
    if part.is_theirs is not null and part.has_history then
      kind := 'changes';
      if part.key_columns <@ part.person_columns then
        rows_of := 'h.row_id = $1';
      else
        select format(
          'h.row_id in (
             select o.row_id from app.history o where o.organization_id = app.org() and o.table_name = $3 and (%s))',
          string_agg(format('o.before ->> %1$L = $1::text or o.after ->> %1$L = $1::text', name), ' or '))
        into rows_of from unnest(part.person_columns) name;
      end if;
      execute format(
        'select count(*)::int, coalesce(json_agg(json_build_object(
             ''row_id'', f.row_id, ''action'', f.action, ''created_at'', f.created_at,
             ''by_themselves'', f.actor_id is not distinct from $1, ''before'', f.before - $4, ''after'', f.after - $4
           ) order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by h.history_id desc) as n, h.* from app.history h
           where h.organization_id = app.org() and h.table_name = $3 and %s
         ) f', rows_of)
        into total, records
        using person, at_most, part.table_name, part.secret_columns || part.reference_columns || 'organization_id'::text;
      return next;
    end if;
    if part.is_named is not null then
      kind := 'made';
      execute format(
        'select count(*)::int, coalesce(json_agg(f.doc order by f.n) filter (where f.n <= $2), ''[]'')
         from (
           select row_number() over (order by t.created_at desc) as n,
             jsonb_build_object(''created_at'', t.created_at%s) as doc
           from %s t where t.organization_id = app.org() and (%s) and not (%s)
         ) f',
        (select string_agg(format(', %1$L, t.%1$I', name), '')
         from unnest(part.key_columns || part.label_column) name where name is not null),
        part.target, part.is_named, coalesce(part.is_theirs, 'false'))
        into total, records
        using person, at_most;
      return next;
    end if;
  end loop;
end
$function$;
alter function app.person_records(person uuid, at_most integer) owner to satchel_owner;
comment on function app.person_records(person uuid, at_most integer) is 'All that is kept about a person of the entered organization, table by table, the newest rows of each.';
grant execute on function app.person_records(person uuid, at_most integer) to satchel_request;

CREATE OR REPLACE FUNCTION app.personal_tables()
 RETURNS TABLE(target regclass, table_name text, key_columns text[], person_columns text[], is_theirs text, reference_columns text[], is_named text, secret_columns text[], erased_columns text[], changed_columns text[], changed_values text[], label_column text, deletes boolean, has_history boolean)
 LANGUAGE sql
 STABLE
BEGIN ATOMIC
 SELECT t.target,
     t.table_name,
     ARRAY( SELECT (k.attname)::text AS attname
            FROM (pg_index x
              JOIN pg_attribute k ON (((k.attrelid = x.indrelid) AND (k.attnum = ANY ((x.indkey)::smallint[])))))
           WHERE ((x.indrelid = (t.target)::oid) AND x.indisprimary AND (k.attname <> 'organization_id'::name))
           ORDER BY k.attnum) AS "array",
     t.person_columns,
     t.is_theirs,
     t.reference_columns,
     t.is_named,
     t.secret_columns,
     t.erased_columns,
     t.changed_columns,
     t.changed_values,
     t.label_column,
     t.deletes,
     (EXISTS ( SELECT
            FROM (pg_trigger h
              JOIN pg_proc p ON ((p.oid = h.tgfoid)))
           WHERE ((h.tgrelid = (t.target)::oid) AND (p.proname = 'keep_history'::name)))) AS "exists"
    FROM ( SELECT (c.oid)::regclass AS target,
             (c.relname)::text AS table_name,
             COALESCE(array_agg(a.name ORDER BY a.attnum) FILTER (WHERE (a.tag = ANY (ARRAY['personal, row'::text, 'personal, person'::text]))), '{}'::text[]) AS person_columns,
             string_agg(a.is_person, ' or '::text ORDER BY a.attnum) FILTER (WHERE (a.tag = ANY (ARRAY['personal, row'::text, 'personal, person'::text]))) AS is_theirs,
             COALESCE(array_agg(a.name ORDER BY a.attnum) FILTER (WHERE (a.tag = 'personal, reference'::text)), '{}'::text[]) AS reference_columns,
             string_agg(a.is_person, ' or '::text ORDER BY a.attnum) FILTER (WHERE (a.tag = 'personal, reference'::text)) AS is_named,
             COALESCE(array_agg(a.name ORDER BY a.attnum) FILTER (WHERE (a.tag ~~ 'personal, secret%'::text)), '{}'::text[]) AS secret_columns,
             COALESCE(array_agg(a.name ORDER BY a.attnum) FILTER (WHERE (a.tag ~ '^(derived|personal(, (secret|null|becomes .+))*)$'::text)), '{}'::text[]) AS erased_columns,
             COALESCE(array_agg(a.name ORDER BY a.attnum) FILTER (WHERE (a.tag ~ ', (null|becomes .+)$'::text)), '{}'::text[]) AS changed_columns,
             COALESCE(array_agg("substring"(a.tag, '(null|becomes .+)$'::text) ORDER BY a.attnum) FILTER (WHERE (a.tag ~ ', (null|becomes .+)$'::text)), '{}'::text[]) AS changed_values,
             min(a.name) FILTER (WHERE (a.tag = 'none, label'::text)) AS label_column,
             bool_or((a.tag = 'personal, row'::text)) AS deletes
            FROM (pg_class c
              JOIN ( SELECT pg_attribute.attrelid,
                     pg_attribute.attnum,
                     (pg_attribute.attname)::text AS name,
                     col_description(pg_attribute.attrelid, (pg_attribute.attnum)::integer) AS tag,
                     format(
                         CASE
                             WHEN (pg_attribute.attndims > 0) THEN '$1 = any (t.%I)'::text
                             ELSE 't.%I = $1'::text
                         END, pg_attribute.attname) AS is_person
                    FROM pg_attribute
                   WHERE ((pg_attribute.attnum > 0) AND (NOT pg_attribute.attisdropped))) a ON ((a.attrelid = c.oid)))
           WHERE ((c.relnamespace = ( SELECT pg_namespace.oid
                    FROM pg_namespace
                   WHERE (pg_namespace.nspname = 'app'::name))) AND (c.relkind = ANY (ARRAY['r'::"char", 'p'::"char"])))
           GROUP BY c.oid, c.relname) t
   WHERE ((cardinality(t.person_columns) + cardinality(t.reference_columns)) > 0)
   ORDER BY t.table_name;
END;
alter function app.personal_tables() owner to satchel_owner;
comment on function app.personal_tables() is 'The tables that know people, and what of them: read from the tags of their columns.';
grant execute on function app.personal_tables() to satchel_eraser;
grant execute on function app.personal_tables() to satchel_request;

CREATE OR REPLACE FUNCTION app.place_comment()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  -- A parent of another lesson gives no path, and is refused by its reference.
  new.path := coalesce((
    select c.path from app.comment c
    where c.organization_id = new.organization_id and c.content_id = new.content_id and c.comment_id = new.parent_id
  ), ''::bytea) || uuid_send(new.comment_id);
  return new;
end
$function$;
alter function app.place_comment() owner to satchel_owner;
comment on function app.place_comment() is 'Gives a new comment its path, whoever inserts it.';
grant execute on function app.place_comment() to satchel_request;

CREATE OR REPLACE FUNCTION app.plain_punctuation(words text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN translate(words, (((''::text || ''::text) || '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'::text) || '­​‎‏‪‫‬‭‮⁠⁦⁧⁨⁩﻿'::text), ((repeat(' '::text, 28) || ''::text) || ''::text));
alter function app.plain_punctuation(words text) owner to satchel_owner;
comment on function app.plain_punctuation(words text) is 'The text with control characters for its typographic marks, and without what cannot be seen.';
grant execute on function app.plain_punctuation(words text) to satchel_request;
grant execute on function app.plain_punctuation(words text) to satchel_search;

CREATE OR REPLACE PROCEDURE app.protect(IN target regclass)
 LANGUAGE plpgsql
AS $procedure$
declare
  shared record;
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy request_select on %s for select to satchel_request using (true)', target);
  execute format('create policy request_insert on %s for insert to satchel_request with check (true)', target);
  execute format('create policy request_update on %s for update to satchel_request using (true) with check (true)', target);
  execute format('create policy request_delete on %s for delete to satchel_request using (true)', target);
  execute format(
    'create policy own_organization on %s as restrictive for all to satchel_request
       using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
  -- Erasing a person is confined to the organization like everything else; what it may touch is granted by app.tag.
  execute format(
    'create policy erase on %s for all to satchel_eraser
       using (organization_id = (select app.org())) with check (organization_id = (select app.org()))', target);
  for shared in
    select own.attname::text as name, col_description(part.attrelid, part.attnum) as tag
    from pg_attribute own
    join pg_attribute part on part.attname = own.attname and part.attnum > 0
    join pg_class c on c.oid = part.attrelid and c.relnamespace = 'template'::regnamespace
    where own.attrelid = target and own.attnum > 0 and not own.attisdropped
  loop
    call app.tag(target, shared.tag, shared.name);
  end loop;
end
$procedure$;
alter procedure app.protect(IN target regclass) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.purge_content(lesson uuid, at_most integer)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  organization uuid := app.org();
  part record;
  gone uuid[];
  touched integer;
  total integer := 0;
begin
  if at_most is null or at_most < 1 then
    raise exception 'at least one row must be removed at once' using errcode = 'invalid_parameter_value';
  end if;
  perform from app.content c where c.organization_id = organization and c.content_id = lesson;
  if not found then
    return 0;
  end if;
  perform from app.content c
  where c.organization_id = organization and c.content_id = lesson and c.deleted_at is not null;
  if not found then
    raise exception 'only a deleted lesson is removed for good' using errcode = 'object_not_in_prerequisite_state';
  end if;
  for part in
    select target, above, above_key, history_key, coalesce('order by ' || leaves_first, '') as leaves_first
    from (values
      -- The scores first, or each vote that goes would be taken off them.
      (1, 'comment_score', 'comment', 'comment_id', null, null),
      (2, 'comment_upvote', 'comment', 'comment_id', null, null),
      (3, 'comment_flag', 'comment', 'comment_id', null, null),
      (4, 'comment', null, null, 'comment_id', 't.path desc'),
      (5, 'helpful_vote', 'rating', 'rating_id', null, null),
      (6, 'rating', null, null, 'rating_id', null),
      (7, 'attachment', null, null, 'attachment_id', null),
      (8, 'completion', null, null, null, null),
      -- What is taken off the views is added to the tally.
      (9, 'content_view', null, null, null, null),
      (10, 'content_tally', null, null, null, null),
      (11, 'content_search', null, null, null, null),
      (12, 'publication', null, null, null, null),
      (13, 'publication_period', null, null, null, null),
      (14, 'review', null, null, 'review_id', null),
      (15, 'content_listing_tag', null, null, null, null),
      (16, 'content_listing', null, null, null, null),
      (17, 'content_version', null, null, null, null)
    ) p (place, target, above, above_key, history_key, leaves_first)
    order by place
  loop
    -- Which rows they are is asked before they are gone: history knows them by nothing else.
    if part.history_key is not null then
      execute format(
        'select array_agg(w.id) from (
           select t.%2$I as id from app.%1$I t where t.organization_id = $1 and t.content_id = $2 %3$s limit $3
         ) w', part.target, part.history_key, part.leaves_first)
        into gone using organization, lesson, at_most - total;
      execute format(
        'delete from app.%1$I t where t.organization_id = $1 and t.%2$I = any ($2)', part.target, part.history_key)
        using organization, gone;
      get diagnostics touched = row_count;
      delete from app.history h
      where h.organization_id = organization and h.table_name = part.target and h.row_id = any (gone);
    else
      execute format(
        'delete from app.%1$I where ctid = any (array(
           select t.ctid from app.%1$I t where t.organization_id = $1 and %2$s limit $3
         ))', part.target,
        case when part.above is null then 't.content_id = $2' else format(
          't.%2$I in (select a.%2$I from app.%1$I a where a.organization_id = $1 and a.content_id = $2)',
          part.above, part.above_key) end)
        using organization, lesson, at_most - total;
      get diagnostics touched = row_count;
    end if;
    total := total + touched;
    if total >= at_most then
      return total;
    end if;
  end loop;
  delete from app.content c where c.organization_id = organization and c.content_id = lesson;
  -- That it was written, changed and removed, when and by whom, is still told; the text is not.
  update app.history h set before = null, after = null
  where h.organization_id = organization and h.table_name = 'content' and h.row_id = lesson;
  return total + 1;
end
$function$;
alter function app.purge_content(lesson uuid, at_most integer) owner to satchel_eraser;
comment on function app.purge_content(lesson uuid, at_most integer) is 'Removes, some rows at a time, a deleted lesson of the entered organization with all that hangs on it; gives how many it took.';
grant execute on function app.purge_content(lesson uuid, at_most integer) to satchel_request;

CREATE OR REPLACE PROCEDURE app.record_history(IN target regclass, IN id_column text, IN derived text[] DEFAULT '{}'::text[])
 LANGUAGE plpgsql
AS $procedure$
declare
  arguments text := array_to_string(array(select quote_literal(a) from unnest(id_column || derived) a), ', ');
begin
  execute format(
    'create trigger history_insert after insert on %s referencing new table as new_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
  execute format(
    'create trigger history_update after update on %s referencing old table as old_rows new table as new_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
  execute format(
    'create trigger history_delete after delete on %s referencing old table as old_rows
       for each statement execute function app.keep_history(%s)', target, arguments);
end
$procedure$;
alter procedure app.record_history(IN target regclass, IN id_column text, IN derived text[]) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.rename_words(words text[], from_words text[], to_word text)
 RETURNS text[]
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN (words && from_words) THEN (SELECT array_agg(r.word ORDER BY r.place) AS array_agg FROM (SELECT m.place, m.meant, CASE WHEN m.meant THEN rename_words.to_word ELSE m.word END AS word, row_number() OVER (PARTITION BY m.meant ORDER BY m.place) AS nth FROM (SELECT w.word, w.place, ((w.word = rename_words.to_word) OR (w.word = ANY (rename_words.from_words))) AS meant FROM unnest(rename_words.words) WITH ORDINALITY w(word, place)) m) r WHERE ((NOT r.meant) OR (r.nth = 1))) ELSE words END;
alter function app.rename_words(words text[], from_words text[], to_word text) owner to satchel_owner;
comment on function app.rename_words(words text[], from_words text[], to_word text) is 'The words with each of the second list called by the third, which is in it once, where the first of them was.';
grant execute on function app.rename_words(words text[], from_words text[], to_word text) to satchel_request;

CREATE OR REPLACE FUNCTION app.revoke_api_keys()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.api_key
  set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = case
    when new.deleted_at is not null then 'user_deleted'
    when new.status <> old.status then 'status_changed'
    else 'role_changed'
  end
  where organization_id = new.organization_id and user_id = new.user_id and revoked_at is null;
  return null;
end
$function$;
alter function app.revoke_api_keys() owner to satchel_owner;
comment on function app.revoke_api_keys() is 'Revokes a person''s API keys when they are deleted, get another role or are no longer active.';
grant execute on function app.revoke_api_keys() to satchel_request;

CREATE OR REPLACE FUNCTION app.revoke_api_keys_of_password()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.api_key
  set revoked_at = now(), revoked_by_id = app.actor(), revoke_reason = 'password_changed'
  where organization_id = new.organization_id and user_id = new.user_id and revoked_at is null;
  return null;
end
$function$;
alter function app.revoke_api_keys_of_password() owner to satchel_owner;
comment on function app.revoke_api_keys_of_password() is 'Revokes a person''s API keys when they get another password, whoever sets it.';
grant execute on function app.revoke_api_keys_of_password() to satchel_request;

CREATE OR REPLACE FUNCTION app.seal_audit(first bigint, last bigint, sealed_at timestamp with time zone, first_at timestamp with time zone, last_at timestamp with time zone, previous bytea, hash bytea, actions json, public_key text, signature text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
alter function app.seal_audit(first bigint, last bigint, sealed_at timestamp with time zone, first_at timestamp with time zone, last_at timestamp with time zone, previous bytea, hash bytea, actions json, public_key text, signature text) owner to satchel_owner;
comment on function app.seal_audit(first bigint, last bigint, sealed_at timestamp with time zone, first_at timestamp with time zone, last_at timestamp with time zone, previous bytea, hash bytea, actions json, public_key text, signature text) is 'Replaces events of the entered organization that were kept long enough by one signed row.';
grant execute on function app.seal_audit(first bigint, last bigint, sealed_at timestamp with time zone, first_at timestamp with time zone, last_at timestamp with time zone, previous bytea, hash bytea, actions json, public_key text, signature text) to satchel_request;

CREATE OR REPLACE FUNCTION app.search_configuration(language text)
 RETURNS regconfig
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE split_part(language, '-'::text, 1) WHEN 'ar'::text THEN 'arabic'::regconfig WHEN 'hy'::text THEN 'armenian'::regconfig WHEN 'eu'::text THEN 'basque'::regconfig WHEN 'ca'::text THEN 'catalan'::regconfig WHEN 'da'::text THEN 'danish'::regconfig WHEN 'nl'::text THEN 'dutch'::regconfig WHEN 'en'::text THEN 'english'::regconfig WHEN 'fi'::text THEN 'finnish'::regconfig WHEN 'fr'::text THEN 'french'::regconfig WHEN 'de'::text THEN 'german'::regconfig WHEN 'el'::text THEN 'greek'::regconfig WHEN 'hi'::text THEN 'hindi'::regconfig WHEN 'hu'::text THEN 'hungarian'::regconfig WHEN 'id'::text THEN 'indonesian'::regconfig WHEN 'ga'::text THEN 'irish'::regconfig WHEN 'it'::text THEN 'italian'::regconfig WHEN 'lt'::text THEN 'lithuanian'::regconfig WHEN 'ne'::text THEN 'nepali'::regconfig WHEN 'no'::text THEN 'norwegian'::regconfig WHEN 'nb'::text THEN 'norwegian'::regconfig WHEN 'nn'::text THEN 'norwegian'::regconfig WHEN 'pt'::text THEN 'portuguese'::regconfig WHEN 'ro'::text THEN 'romanian'::regconfig WHEN 'ru'::text THEN 'russian'::regconfig WHEN 'sr'::text THEN 'serbian'::regconfig WHEN 'es'::text THEN 'spanish'::regconfig WHEN 'sv'::text THEN 'swedish'::regconfig WHEN 'ta'::text THEN 'tamil'::regconfig WHEN 'tr'::text THEN 'turkish'::regconfig WHEN 'yi'::text THEN 'yiddish'::regconfig ELSE 'simple'::regconfig END;
alter function app.search_configuration(language text) owner to satchel_owner;
comment on function app.search_configuration(language text) is 'The text search configuration of a language (ISO 639-1): how its words are stemmed. `simple` where there is none.';
grant execute on function app.search_configuration(language text) to satchel_request;
grant execute on function app.search_configuration(language text) to satchel_search;

CREATE OR REPLACE FUNCTION app.search_contents(query text, in_language text, after_score real, after_id uuid, at_most integer)
 RETURNS TABLE(content_id uuid, score real)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  organization uuid := app.org();
  tongue text;
  terms tsquery;
begin
  for tongue in
    with recursive tongues as (
      (select s.language from app.content_search s
       where s.organization_id = organization and in_language is null order by s.language limit 1)
      union all
      (select (select s.language from app.content_search s
               where s.organization_id = organization and s.language > t.language order by s.language limit 1)
       from tongues t where t.language is not null)
    )
    select t.language from tongues t where t.language is not null
    union all select in_language where in_language is not null
  loop
    terms := websearch_to_tsquery(app.search_configuration(tongue), app.search_text(query));
    continue when numnode(terms) = 0;
    return query
      select found.content_id, found.score
      from (
        select s.content_id, ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', s.document, terms, 1) as score
        from app.content_search s
        where s.organization_id = organization and s.language = tongue and s.document @@ terms
      ) found
      where after_score is null or (found.score, found.content_id) < (after_score, after_id)
      order by found.score desc, found.content_id desc
      limit at_most;
  end loop;
end
$function$;
alter function app.search_contents(query text, in_language text, after_score real, after_id uuid, at_most integer) owner to satchel_search;
comment on function app.search_contents(query text, in_language text, after_score real, after_id uuid, at_most integer) is 'Finds lessons of the entered organization by their words: ids and scores, nothing else.';
grant execute on function app.search_contents(query text, in_language text, after_score real, after_id uuid, at_most integer) to satchel_request;

CREATE OR REPLACE FUNCTION app.search_text(words text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN translate(app.plain_punctuation(words), ((('‐‑'::text || '              　'::text) || '„‚‹›‒―§¶©®™¬←↑↓↔⇐⇒⇔∂∇∏∝∠∥∬∮∴∼≃≅≡≪≫⊥⋅⋯∙∓″‖†‡〈'::text) || '〉⟨⟩、。，：；！？（）「」『』《》【】・،؛؟۔।॥״׳'::text), ('--'::text || repeat(' '::text, 88)));
alter function app.search_text(words text) owner to satchel_owner;
comment on function app.search_text(words text) is 'The text as it is indexed and asked for: its words, apart.';
grant execute on function app.search_text(words text) to satchel_request;
grant execute on function app.search_text(words text) to satchel_search;

CREATE OR REPLACE FUNCTION app.search_users(words text)
 RETURNS TABLE(user_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$;
alter function app.search_users(words text) owner to satchel_search;
comment on function app.search_users(words text) is 'Finds people of the entered organization by the beginnings of words: their ids, nothing else.';
grant execute on function app.search_users(words text) to satchel_request;

CREATE OR REPLACE PROCEDURE app.tag(IN target regclass, IN tag text, VARIADIC columns text[])
 LANGUAGE plpgsql
AS $procedure$
declare
  name text;
begin
  if tag !~ '^(none(, label)?|derived|personal(, (row|person|reference|kept|expires|(secret(, )?)?(null|becomes .+)?))?)$' then
    raise exception '% is no tag', tag using errcode = 'invalid_parameter_value';
  end if;
  foreach name in array columns loop
    execute format('comment on column %s.%I is %L', target, name, tag);
    if tag = 'personal, row' then
      -- Update for the triggers of the person's row, which mark what is deleted a moment later.
      execute format('grant select, update, delete on %s to satchel_eraser', target);
    elsif tag ~ ', (null|becomes .+)$' then
      execute format('grant select, update (%I) on %s to satchel_eraser', name, target);
    end if;
  end loop;
end
$procedure$;
alter procedure app.tag(IN target regclass, IN tag text, VARIADIC columns text[]) owner to satchel_owner;

CREATE OR REPLACE FUNCTION app.touch()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.created_at := old.created_at;
  -- now() stands still within a transaction; a second update in it must still be seen as later.
  new.updated_at := greatest(now(), old.updated_at + interval '1 microsecond');
  return new;
end
$function$;
alter function app.touch() owner to satchel_owner;
comment on function app.touch() is 'Moves updated_at on every update, raw SQL included.';
grant execute on function app.touch() to satchel_request;

CREATE OR REPLACE FUNCTION app.touch_audited()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.created_at := old.created_at;
  -- An author may be forgotten (a reference does so when the person is removed), never replaced.
  if new.created_by_id is not null then
    new.created_by_id := old.created_by_id;
  end if;
  new.updated_at := greatest(now(), old.updated_at + interval '1 microsecond');
  new.updated_by_id := app.actor();
  new.version := old.version + 1;
  return new;
end
$function$;
alter function app.touch_audited() owner to satchel_owner;
comment on function app.touch_audited() is 'Moves updated_at and version and records the acting user on every update.';
grant execute on function app.touch_audited() to satchel_request;

CREATE OR REPLACE FUNCTION app.typographic_punctuation(words text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN translate(words, (''::text || ''::text), '“”‘’«»–—…¿¡−→×÷°·±′•≤≥≠≈∞∑∫√'::text);
alter function app.typographic_punctuation(words text) owner to satchel_owner;
comment on function app.typographic_punctuation(words text) is 'Undoes app.plain_punctuation, but for what it left out.';
grant execute on function app.typographic_punctuation(words text) to satchel_request;
grant execute on function app.typographic_punctuation(words text) to satchel_search;

CREATE OR REPLACE FUNCTION app.use_quota(organization uuid, more_people bigint, more_bytes bigint)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
declare
  used app.usage;
  allowed app.quota;
begin
  if more_people = 0 and more_bytes = 0 then
    return;
  end if;
  update app.usage
  set people = people + more_people, storage_bytes = storage_bytes + more_bytes
  where organization_id = organization
  returning * into used;
  if not found then
    insert into app.usage as u (organization_id, people, storage_bytes)
    values (organization, greatest(more_people, 0), greatest(more_bytes, 0))
    on conflict (organization_id) do update
      set people = u.people + excluded.people, storage_bytes = u.storage_bytes + excluded.storage_bytes
    returning * into used;
  end if;
  select * into allowed from app.quota where organization_id = organization;
  -- Only who adds is refused: below a quota that was lowered, what there is stays and may become less.
  if more_people > 0 and used.people > allowed.people then
    raise exception 'the quota of people is used up' using errcode = 'check_violation', constraint = 'quota_people_reached';
  end if;
  if more_bytes > 0 and used.storage_bytes > allowed.storage_bytes then
    raise exception 'the quota of storage is used up' using errcode = 'check_violation', constraint = 'quota_storage_reached';
  end if;
end
$function$;
alter function app.use_quota(organization uuid, more_people bigint, more_bytes bigint) owner to satchel_owner;
comment on function app.use_quota(organization uuid, more_people bigint, more_bytes bigint) is 'Counts what came and went. Refuses what is beyond the quota as the constraint quota_people_reached or quota_storage_reached.';

CREATE OR REPLACE FUNCTION app.user_words(full_name text, username text, email text)
 RETURNS tsvector
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(array_remove(string_to_array(regexp_replace(app.fold(((((full_name || ' '::text) || username) || ' '::text) || COALESCE(email, ''::text))), '[[:space:]]+'::text, ' '::text, 'g'::text), ' '::text), ''::text));
alter function app.user_words(full_name text, username text, email text) owner to satchel_owner;
comment on function app.user_words(full_name text, username text, email text) is 'What a person is found by.';
grant execute on function app.user_words(full_name text, username text, email text) to satchel_eraser;
grant execute on function app.user_words(full_name text, username text, email text) to satchel_request;
grant execute on function app.user_words(full_name text, username text, email text) to satchel_search;

CREATE OR REPLACE FUNCTION app.uuidv7()
 RETURNS uuid
 LANGUAGE sql
 PARALLEL SAFE
RETURN (SELECT (encode(OVERLAY(uuid_send(gen_random_uuid()) PLACING (SUBSTRING(int8send((clock.microseconds / 1000)) FROM 3) || int2send(((28672 + (((clock.microseconds % (1000)::bigint) * 4096) / 1000)))::smallint)) FROM 1 FOR 8), 'hex'::text))::uuid AS encode FROM (SELECT ((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint AS microseconds) clock);
alter function app.uuidv7() owner to satchel_owner;
comment on function app.uuidv7() is 'A version 7 UUID (RFC 9562 §5.7). PostgreSQL has one of its own only from 18 on.';
grant execute on function app.uuidv7() to satchel_request;

CREATE OR REPLACE FUNCTION app.void_given_password()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  update app.credential
  set password_hash = null, pepper_key_id = null, password_set_by_id = null, password_changed_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and password_set_by_id is not null;
  return null;
end
$function$;
alter function app.void_given_password() owner to satchel_owner;
comment on function app.void_given_password() is 'Takes away a password that somebody else knows when the person is given power over others.';
grant execute on function app.void_given_password() to satchel_request;

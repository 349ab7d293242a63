-- How people make accounts for themselves: the codes that let them, and how often strangers try.

create table app.sign_up_code (
  like template.tenant,
  sign_up_code_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  like template.audit including defaults including constraints,
  -- A keyed hash: who reads this table can join nothing.
  code_hash bytea not null constraint sign_up_code_hash_length check (octet_length(code_hash) = 32),
  -- Nobody becomes an admin by a code that is written on a blackboard.
  role text not null constraint sign_up_code_role check (role in ('student', 'teacher', 'parent')),
  uses_allowed integer not null constraint sign_up_code_uses_allowed_range check (uses_allowed between 1 and 10000),
  uses integer not null default 0 constraint sign_up_code_uses_range check (uses between 0 and uses_allowed),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  constraint sign_up_code_pkey primary key (organization_id, sign_up_code_id),
  constraint sign_up_code_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint sign_up_code_created_by_fkey foreign key (organization_id, created_by_id) references app.user
    on delete set null (created_by_id),
  constraint sign_up_code_updated_by_fkey foreign key (organization_id, updated_by_id) references app.user
    on delete set null (updated_by_id)
);
comment on table app.sign_up_code is 'Codes by which people make accounts for themselves.';
create unique index sign_up_code_hash_unique on app.sign_up_code (organization_id, code_hash);
create index sign_up_code_created_by on app.sign_up_code (organization_id, created_by_id);
create index sign_up_code_updated_by on app.sign_up_code (organization_id, updated_by_id);
call app.protect('app.sign_up_code');
call app.audit('app.sign_up_code', 'sign_up_code_id');
call app.tag(
  'app.sign_up_code', 'none', 'sign_up_code_id', 'code_hash', 'role', 'uses_allowed', 'uses', 'expires_at', 'revoked_at'
);
grant select, insert, update on app.sign_up_code to satchel_request;

-- Who signed up without a code and has an account that waits for an address to be confirmed. Nobody else is here.
create table app.sign_up (
  like template.tenant,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  constraint sign_up_pkey primary key (organization_id, user_id),
  constraint sign_up_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.sign_up is 'Accounts that people made without a code within the last days.';
create index sign_up_created on app.sign_up (organization_id, created_at);
call app.protect('app.sign_up');
call app.tag('app.sign_up', 'personal, row', 'user_id');
call app.tag('app.sign_up', 'none', 'created_at');
grant select, insert, update, delete on app.sign_up to satchel_request;

-- Counted before anything is looked at, in one statement under the row's lock, so that the limit is exact over all nodes.
create table app.sign_up_attempt (
  like template.tenant,
  -- A keyed hash of the network the attempt came from.
  network bytea not null constraint sign_up_attempt_network_length check (octet_length(network) = 32),
  like template.timestamps including defaults,
  since timestamptz not null default now(),
  attempts integer not null default 1 constraint sign_up_attempt_counts check (attempts > 0),
  constraint sign_up_attempt_pkey primary key (organization_id, network),
  constraint sign_up_attempt_organization_fkey foreign key (organization_id) references app.organization on delete cascade
);
comment on table app.sign_up_attempt is 'How often accounts were asked for from one network within the hour, without a code that is good.';
create index sign_up_attempt_since on app.sign_up_attempt (organization_id, since);
call app.protect('app.sign_up_attempt');
call app.keep_time('app.sign_up_attempt');
call app.tag('app.sign_up_attempt', 'personal, expires', 'network');
call app.tag('app.sign_up_attempt', 'none', 'since', 'attempts');
grant select, insert, update, delete on app.sign_up_attempt to satchel_request;

-- Nobody ever came in with such an account, so nothing else can have come of it: it goes whole, with what history has of
-- it, and no ledger of erased people grows with every stranger.
create function app.discard_sign_ups(older_than interval, at_most integer) returns setof uuid
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function app.discard_sign_ups(interval, integer) is
  'Removes, at most so many, accounts of the entered organization that somebody made and never confirmed; gives their ids.';
grant delete on app.user, app.history to satchel_eraser;
grant execute on function app.discard_sign_ups(interval, integer) to satchel_request;
grant create on schema app to satchel_eraser;
alter function app.discard_sign_ups(interval, integer) owner to satchel_eraser;
revoke create on schema app from satchel_eraser;

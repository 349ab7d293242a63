-- Links that are mailed to people: to confirm an address, to accept an invitation, to choose another password. Whoever
-- has the token is taken for who reads that mailbox, once.

create table app.link (
  like template.tenant,
  link_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  kind text not null constraint link_kind check (kind in ('verification', 'invitation', 'reset', 'email_change')),
  user_id uuid not null,
  -- A keyed hash: who reads this table has no link.
  token_hash bytea not null constraint link_token_hash_length check (octet_length(token_hash) = 32),
  -- Where it was mailed to. It proves something about this address and no other.
  email text not null,
  -- From where it was asked for by nobody who was signed in: the address, or the /64 of one of IPv6.
  network inet,
  -- Of a person who asked for themselves: it goes on when the others end. No foreign key: one that is gone is no other.
  session_id uuid,
  expires_at timestamptz not null,
  consumed_at timestamptz,
  -- A newer link of its kind, or another address of the person, has ended it.
  ended_at timestamptz,
  constraint link_pkey primary key (organization_id, link_id),
  constraint link_expiry_later check (expires_at > created_at),
  constraint link_ends_once check (consumed_at is null or ended_at is null),
  constraint link_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.link is 'Single-use links mailed to people.';
create unique index link_token_unique on app.link (organization_id, token_hash);
-- At most one of a kind is open at a time.
create unique index link_open_unique on app.link (organization_id, user_id, kind) where consumed_at is null and ended_at is null;
create index link_user on app.link (organization_id, user_id);
create index link_expiry on app.link (organization_id, expires_at);
create index link_network on app.link (organization_id, network, created_at) where network is not null;
create index link_email on app.link (organization_id, lower(email), created_at);
call app.protect('app.link');
call app.keep_time('app.link');
call app.tag('app.link', 'personal, row', 'user_id');
call app.tag('app.link', 'none', 'link_id', 'kind', 'session_id', 'expires_at');
call app.tag('app.link', 'personal', 'email', 'network', 'consumed_at', 'ended_at');
call app.tag('app.link', 'personal, secret', 'token_hash');
grant select, insert, update, delete on app.link to satchel_request;

-- A trigger and not a statement of each use case: a link proves something about a mailbox, and is worth nothing once
-- that is no longer the person's, or the person is shut out, whoever writes it. And whoever gets an account back by
-- another password must not lose it to a change of address that a thief asked for before.
create function app.end_links() returns trigger
language plpgsql
as $$
begin
  update app.link set ended_at = now()
  where organization_id = new.organization_id and user_id = new.user_id and kind = any(tg_argv)
    and consumed_at is null and ended_at is null;
  return null;
end
$$;
comment on function app.end_links() is 'Ends what was mailed to a person, of the kinds that its arguments name.';
create trigger end_links after update on app.user for each row
  when (
    (new.deleted_at is not null and old.deleted_at is null)
    or lower(new.email) is distinct from lower(old.email)
    or (new.status <> old.status and new.status in ('inactive', 'suspended'))
  )
  execute function app.end_links('verification', 'invitation', 'reset', 'email_change');
create trigger end_links after update on app.credential for each row
  -- By its date and not by its hash: the same password is hashed anew once its parameters are out of date.
  when (new.password_changed_at is distinct from old.password_changed_at)
  execute function app.end_links('invitation', 'reset', 'email_change');
create trigger end_links_at_first after insert on app.credential for each row
  when (new.password_hash is not null)
  execute function app.end_links('invitation', 'reset', 'email_change');
grant execute on function app.end_links() to satchel_request;

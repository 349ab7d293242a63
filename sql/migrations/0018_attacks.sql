-- Attacks on the logins of an organization, as its admins see them. Written by a job from what the guard has counted:
-- nobody is ever refused because of a row here.
create table app.attack (
  like template.tenant,
  attack_id uuid not null default app.uuidv7(),
  like template.timestamps including defaults,
  kind text not null constraint attack_kind check (kind in ('spray', 'enumeration', 'guessing')),
  -- Where it comes from: an address, or the /64 of one of IPv6. Null when it comes from many.
  network inet,
  -- Whose login is guessed at; null when it is many people's, or nobody's.
  user_id uuid,
  -- The most at any one time: logins tried in vain, and attempts at them.
  accounts integer not null constraint attack_accounts_counts check (accounts > 0),
  attempts integer not null constraint attack_attempts_counts check (attempts > 0),
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  notified_at timestamptz,
  ended_at timestamptz,
  constraint attack_pkey primary key (organization_id, attack_id),
  constraint attack_organization_fkey foreign key (organization_id) references app.organization on delete cascade,
  constraint attack_user_fkey foreign key (organization_id, user_id) references app.user on delete cascade
);
comment on table app.attack is 'Sprays, guesses and enumerations of logins, open and ended.';
-- One of a kind goes on at a time from one place or at one person.
create unique index attack_open_unique on app.attack (organization_id, network, user_id) nulls not distinct
  where ended_at is null;
create index attack_user on app.attack (organization_id, user_id);
create index attack_ended on app.attack (organization_id, ended_at) where ended_at is not null;
call app.protect('app.attack');
call app.keep_time('app.attack');
call app.tag('app.attack', 'personal, row', 'user_id');
call app.tag('app.attack', 'none', 'attack_id', 'kind', 'accounts', 'attempts');
call app.tag('app.attack', 'personal, expires', 'network');
call app.tag('app.attack', 'none', 'first_seen_at', 'last_seen_at', 'notified_at', 'ended_at');
grant select, insert, update, delete on app.attack to satchel_request;

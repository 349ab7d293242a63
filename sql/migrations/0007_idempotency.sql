-- Answers kept for a repeated request. The row goes in first, in the transaction of the effect: the second of two
-- equal requests waits for it and then finds the answer.

create table app.idempotency (
  like template.tenant,
  key_hash bytea not null constraint idempotency_key_hash_length check (octet_length(key_hash) = 32),
  request_hash bytea not null constraint idempotency_request_hash_length check (octet_length(request_hash) = 32),
  -- Encrypted under a key that is derived from the caller's own key, of which only a hash is stored.
  answer bytea,
  created_at timestamptz not null default now(),
  constraint idempotency_pkey primary key (organization_id, key_hash)
);
comment on table app.idempotency is 'What was answered to a request that carried an Idempotency-Key.';
create index idempotency_created on app.idempotency (organization_id, created_at);
call app.protect('app.idempotency');
call app.tag('app.idempotency', 'none', 'key_hash', 'request_hash');
-- Encrypted under a key that is not here, and removed after a day.
call app.tag('app.idempotency', 'personal, expires', 'answer');
grant select, insert, update, delete on app.idempotency to satchel_request;

-- A renaming that has not ended, held until the transaction ends, and whether whoever asked for it may still do so: what
-- takes the right away waits for the batch to end, and then nothing more comes of it.
-- returns: maybe
-- scope: tenant
-- not null: api_key_good
with asked as materialized (
  select subject, from_words, to_word, pass, after_id, pass_count, requested_by_id, api_key_id from app.rename
  where organization_id = :organization_id and rename_id = :rename_id and finished_at is null
  for update
), school as materialized (
  select status from app.organization where organization_id = :organization_id
  for share
), person as materialized (
  select role from app.user
  where organization_id = :organization_id and user_id = (select requested_by_id from asked)
    and status = 'active' and deleted_at is null
  for share
), key as materialized (
  select api_key_id from app.api_key
  where organization_id = :organization_id and api_key_id = (select api_key_id from asked)
    and revoked_at is null and expires_at > now()
  for share
)
select
  asked.subject, asked.from_words, asked.to_word, asked.pass, asked.after_id, asked.pass_count,
  coalesce((select status = 'active' from school), false) as organization_active,
  (select role from person) as role,
  asked.api_key_id is null or exists (select from key) as api_key_good
from asked

-- How far a renaming is.
-- returns: maybe
-- scope: tenant
select rename_id, subject, from_words, to_word, state, failure, changed_count, created_at, requested_by_id, finished_at
from app.rename
where organization_id = :organization_id and subject = :subject and rename_id = :rename_id

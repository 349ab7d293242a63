-- Keeps what is to be renamed until that is worked off. At most one of a kind and organization is under way.
-- returns: one
-- scope: tenant
-- nullable: :api_key_id
insert into app.rename (organization_id, rename_id, subject, from_words, to_word, api_key_id)
values (:organization_id, :rename_id, :subject, :from_words::text[], :to_word, :api_key_id)
returning rename_id, subject, from_words, to_word, state, failure, changed_count, created_at, requested_by_id, finished_at

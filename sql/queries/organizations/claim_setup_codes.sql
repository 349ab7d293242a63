-- Uses up the code with one of these hashes, and with it every first code: an organization is about to exist.
-- returns: many
-- scope: tenant
update app.setup_code
set consumed_at = now()
where consumed_at is null and (code_hash = any(:code_hashes::bytea[]) or first)
returning code_hash

-- Ends a code for good. One that was revoked before stays as it was, and is found all the same.
-- returns: maybe
-- scope: tenant
update app.sign_up_code
set revoked_at = coalesce(revoked_at, now())
where organization_id = :organization_id and sign_up_code_id = :sign_up_code_id
returning sign_up_code_id

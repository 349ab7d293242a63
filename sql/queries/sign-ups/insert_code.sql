-- Stores a code by its keyed hash.
-- returns: one
-- scope: tenant
insert into app.sign_up_code (organization_id, sign_up_code_id, code_hash, role, uses_allowed, expires_at)
values (:organization_id, :sign_up_code_id, :code_hash, :role, :uses_allowed, now() + make_interval(days => :days::int))
returning sign_up_code_id, role, uses_allowed, uses, expires_at, revoked_at, created_by_id, created_at

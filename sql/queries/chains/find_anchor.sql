-- The last signed head of a chain.
-- returns: maybe
-- scope: tenant
select sequence, created_at, hash, public_key, signature
from app.audit_anchor
where organization_id = :organization_id

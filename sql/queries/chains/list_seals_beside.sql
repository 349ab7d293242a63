-- The seals that end right before a run of events and begin right after it.
-- returns: many
-- scope: tenant
select first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
from app.audit_seal
where organization_id = :organization_id and (last_sequence = :first::bigint - 1 or first_sequence = :last::bigint + 1)
order by first_sequence

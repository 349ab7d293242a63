-- Seals that begin after one event and not after another, in the order of the chain.
-- returns: many
-- scope: tenant
select first_sequence, last_sequence, created_at, first_at, last_at, previous, hash, actions, public_key, signature
from app.audit_seal
where organization_id = :organization_id and first_sequence > :after and first_sequence <= :up_to
order by first_sequence

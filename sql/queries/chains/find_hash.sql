-- The hash up to which the chain goes with one event, sealed or not.
-- returns: maybe
-- scope: tenant
select e.hash from app.audit_event e where e.organization_id = :organization_id and e.sequence = :sequence
union all
select s.hash from app.audit_seal s where s.organization_id = :organization_id and s.last_sequence = :sequence

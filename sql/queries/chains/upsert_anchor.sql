-- Remembers a signed head, unless a later one is remembered already.
-- returns: count
-- scope: tenant
insert into app.audit_anchor as a (organization_id, sequence, created_at, hash, public_key, signature)
values (:organization_id, :sequence, :created_at, :hash, :public_key, :signature)
on conflict (organization_id) do update
set sequence = excluded.sequence, created_at = excluded.created_at, hash = excluded.hash,
  public_key = excluded.public_key, signature = excluded.signature
where a.sequence <= excluded.sequence

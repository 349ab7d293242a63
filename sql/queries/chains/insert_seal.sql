-- Puts a signed row in the place of a run of events.
-- returns: one
-- scope: tenant
select app.seal_audit(
  :first_sequence, :last_sequence, :sealed_at, :first_at, :last_at, :previous, :hash, :actions, :public_key, :signature
)::text as done

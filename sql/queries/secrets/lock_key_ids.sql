-- Makes nodes that start at the same moment look at the names of secrets one after another.
-- returns: one
-- scope: system
select pg_advisory_xact_lock(7283642416)

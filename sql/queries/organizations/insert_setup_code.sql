-- Stores the keyed hash of a set-up code. A first one is good only until an organization exists.
-- returns: count
-- scope: system
insert into app.setup_code (code_hash, first) values (:code_hash, :first)

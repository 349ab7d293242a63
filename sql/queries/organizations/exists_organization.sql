-- Whether any organization has been founded.
-- returns: one
-- scope: system
select exists (select from app.organization) as exists

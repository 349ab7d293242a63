-- Takes a person's own number out of the lines that name nobody: those of rehearsals, and of refusals.
-- returns: count
-- scope: tenant
update app.import_line l set external_id = null
where l.organization_id = :organization_id and l.user_id is null and l.external_id in (
  select u.external_id from app.user u where u.organization_id = :organization_id and u.user_id = :user_id
  union all
  select h.before ->> 'external_id' from app.history h
  where h.organization_id = :organization_id and h.table_name = 'user' and h.row_id = :user_id
)

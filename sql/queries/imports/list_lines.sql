-- What became of the lines of an import, in their order.
-- returns: many
-- scope: tenant
-- nullable: :outcome, :after_line
select line, outcome, external_id, user_id, reason, detail
from app.import_line
where organization_id = :organization_id and import_id = :import_id
  and (:outcome::text is null or outcome = :outcome)
  and (:after_line::int is null or line > :after_line)
order by line
limit :limit::int

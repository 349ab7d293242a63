-- How far an import is, and what became of its lines.
-- returns: maybe
-- scope: tenant
-- not null: last_line, created, changed, unchanged, refused
select
  i.import_id, i.format, i.dry_run, i.invite, i.state, i.failure, i.created_at, i.requested_by_id, i.finished_at,
  i.line_count, l.last_line, l.created, l.changed, l.unchanged, l.refused
from app.import i
cross join lateral (
  select
    coalesce(max(l.line), 0) as last_line,
    (count(*) filter (where l.outcome = 'created'))::int as created,
    (count(*) filter (where l.outcome = 'changed'))::int as changed,
    (count(*) filter (where l.outcome = 'unchanged'))::int as unchanged,
    (count(*) filter (where l.outcome = 'refused'))::int as refused
  from app.import_line l
  where l.organization_id = i.organization_id and l.import_id = i.import_id
) l
where i.organization_id = :organization_id and i.import_id = :import_id

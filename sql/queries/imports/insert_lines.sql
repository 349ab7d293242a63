-- Says what became of a batch of lines.
-- returns: count
-- scope: tenant
insert into app.import_line (organization_id, import_id, line, outcome, external_id, user_id, reason, detail)
select :organization_id, :import_id, r.line, r.outcome, r.external_id, r.user_id, r.reason, r.detail
from json_to_recordset(:lines::json) as r (
  line integer, outcome text, external_id text, user_id uuid, reason text, detail text
)

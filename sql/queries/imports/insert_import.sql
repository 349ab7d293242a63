-- Keeps a file until it is worked off. At most one of an organization is under way.
-- returns: one
-- scope: tenant
-- nullable: :api_key_id
insert into app.import (organization_id, import_id, source, line_count, format, dry_run, invite, proven, api_key_id)
values (:organization_id, :import_id, :source, :line_count, :format, :dry_run, :invite, :proven, :api_key_id)
returning import_id

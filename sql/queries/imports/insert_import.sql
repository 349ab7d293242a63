-- Keeps a file until it is worked off. At most one of an organization is under way.
-- returns: one
-- scope: tenant
insert into app.import (organization_id, import_id, source, format, dry_run, invite, proven)
values (:organization_id, :import_id, :source, :format, :dry_run, :invite, :proven)
returning import_id

-- What was there before versions were: every lesson gets version 1 of its text, and what is published its publication. No
-- earlier text was kept as a version, so version 1 stands for all that came before: it is the lesson's from its beginning.
-- Nobody waits for the copying; a lesson that is written meanwhile has its version from the trigger.
insert into app.content_version
  (organization_id, content_id, number, created_at, created_by_id, title, slug, description, body, content_type,
   difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes)
select organization_id, content_id, latest_number, created_at, created_by_id, title, slug, description, body, content_type,
  difficulty_level, language, tags, prerequisites, learning_objectives, metadata, settings, estimated_duration_minutes
from app.content
on conflict do nothing;
alter table app.content_version
  validate constraint content_version_content_fkey,
  validate constraint content_version_created_by_fkey;

-- From here on writers of lessons wait, and readers do not. No update of a lesson: its version is its ETag.
alter table app.content disable trigger user;
update app.content
set live_number = latest_number
where status = 'published' and live_number is null;
alter table app.content enable trigger user;
insert into app.publication
  (organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, number, version, source_id,
   title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites, learning_objectives,
   metadata, settings, estimated_duration_minutes, published_at)
select organization_id, content_id, created_at, created_by_id, deleted_at, deleted_by_id, deletion_id, live_number, version,
  source_id, title, slug, description, body, content_type, difficulty_level, language, tags, prerequisites,
  learning_objectives, metadata, settings, estimated_duration_minutes, published_at
from app.content
where live_number = latest_number
on conflict do nothing;
insert into app.publication_period (organization_id, content_id, number, published_at)
select organization_id, content_id, live_number, published_at
from app.content
where live_number = latest_number and deleted_at is null
on conflict do nothing;

alter table app.content
  validate constraint content_live_time,
  validate constraint content_live_known,
  validate constraint content_live_status,
  validate constraint content_schedule_status,
  validate constraint content_schedule_order,
  validate constraint content_schedule_live;
alter table app.publication
  validate constraint publication_content_fkey,
  validate constraint publication_created_by_fkey,
  validate constraint publication_deleted_by_fkey;
drop policy backfill on app.content;
drop policy backfill on app.user;

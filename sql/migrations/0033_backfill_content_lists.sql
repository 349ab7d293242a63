-- The lists of what was there before them. What is written meanwhile is listed by the trigger; nothing is listed twice.
insert into app.content_listing
  (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
   difficulty_level, language, author_id, source_id, slug, tags)
select organization_id, content_id, 'staff', created_at, updated_at, coalesce(published_at, 'epoch'),
  left(app.fold(title), 100), deleted_at is null, status, content_type, difficulty_level, language, created_by_id,
  source_id, slug, tags
from app.content
on conflict do nothing;
insert into app.content_listing
  (organization_id, content_id, audience, created_at, changed_at, published_at, title_key, live, status, content_type,
   difficulty_level, language, author_id, source_id, slug, tags)
select organization_id, content_id, 'readers', created_at, updated_at, published_at, left(app.fold(title), 100),
  deleted_at is null, 'published', content_type, difficulty_level, language, created_by_id, source_id, slug, tags
from app.publication
on conflict do nothing;
insert into app.content_listing_tag (organization_id, audience, tag, content_id)
select distinct l.organization_id, l.audience, tag, l.content_id
from app.content_listing l cross join lateral unnest(l.tags) tag
on conflict do nothing;
drop policy backfill on app.content;

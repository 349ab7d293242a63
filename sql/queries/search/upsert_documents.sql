-- Indexes the words of these lessons as they are now, if they are published. An older version never overwrites a
-- newer one; the share lock keeps a lesson from being withdrawn between being read here and being indexed. A tsvector
-- holds at most 1 MB, of which a character may take 8 bytes (`я-ю`, three words of it): 100,000 characters of a body always
-- fit, a longer one is found by its beginning.
-- returns: count
-- scope: tenant
insert into app.content_search as s (organization_id, content_id, version, language, document)
select
  c.organization_id, c.content_id, c.version, c.language,
  setweight(to_tsvector(app.search_configuration(c.language), app.search_text(c.title)), 'A')
    || setweight(to_tsvector(app.search_configuration(c.language), app.search_text(array_to_string(c.tags, ' '))), 'B')
    || setweight(to_tsvector(app.search_configuration(c.language), app.search_text(c.description)), 'C')
    || setweight(to_tsvector(app.search_configuration(c.language), app.search_text(left(c.body, 100000))), 'D')
from app.content c
where c.organization_id = :organization_id
  and c.content_id = any(:content_ids::uuid[])
  and c.status = 'published' and c.deleted_at is null
order by c.content_id
for share of c
on conflict (organization_id, content_id) do update
set version = excluded.version, language = excluded.language, document = excluded.document
where excluded.version >= s.version

-- Indexes the words of these lessons as readers see them now. An older version never overwrites a newer one; the share lock
-- keeps a lesson from being withdrawn between being read here and being indexed. A tsvector holds at most 1 MB, of which a
-- character may take 8 bytes (`я-ю`, three words of it): 100,000 characters of a body always fit, a longer one is found by
-- its beginning.
-- returns: count
-- scope: tenant
insert into app.content_search as s (organization_id, content_id, version, language, document)
select
  p.organization_id, p.content_id, p.version, p.language,
  setweight(to_tsvector(app.search_configuration(p.language), app.search_text(p.title)), 'A')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(array_to_string(p.tags, ' '))), 'B')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(p.description)), 'C')
    || setweight(to_tsvector(app.search_configuration(p.language), app.search_text(left(p.body, 100000))), 'D')
from app.publication p
where p.organization_id = :organization_id
  and p.content_id = any(:content_ids::uuid[])
  and p.deleted_at is null
order by p.content_id
for share of p
on conflict (organization_id, content_id) do update
set version = excluded.version, language = excluded.language, document = excluded.document
where excluded.version >= s.version

-- Renames tags of lessons that are held. Where only readers see such a tag the lesson has another version all the same: it
-- is by that that readers know.
-- returns: count
-- scope: tenant
update app.content
set tags = app.rename_words(tags, :from_words::text[], :to_word)
where organization_id = :organization_id and content_id = any (:content_ids::uuid[])

-- Asks for a review of a lesson's latest version.
-- returns: count
-- scope: tenant
-- nullable: :reviewer_id, :note
insert into app.review (organization_id, content_id, number, reviewer_id, note)
values (:organization_id, :content_id, :number, :reviewer_id, :note)

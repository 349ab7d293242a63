-- Rates a lesson, or changes what the person thinks of it. A rating that was withdrawn stays so: this is another one.
-- returns: one
-- scope: tenant
-- nullable: :review
insert into app.rating as r (organization_id, rating_id, content_id, user_id, stars, review)
values (:organization_id, :rating_id, :content_id, :user_id, :stars, :review)
on conflict (organization_id, content_id, user_id) where deleted_at is null do update
  set stars = excluded.stars, review = excluded.review
returning rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at

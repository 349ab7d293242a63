-- Rates a lesson, or changes what the person thinks of it. A rating that was withdrawn stays so: this is another one, hidden
-- as the last one was.
-- returns: one
-- scope: tenant
-- nullable: :review
with last as (
  select hidden_at, hidden_by_id
  from app.rating
  where organization_id = :organization_id and content_id = :content_id and user_id = :user_id and deleted_at is not null
  order by rating_id desc
  limit 1
)
insert into app.rating as r (organization_id, rating_id, content_id, user_id, stars, review, hidden_at, hidden_by_id)
values (
  :organization_id, :rating_id, :content_id, :user_id, :stars, :review, (select hidden_at from last),
  (select hidden_by_id from last)
)
on conflict (organization_id, content_id, user_id) where deleted_at is null do update
  set stars = excluded.stars, review = excluded.review
returning rating_id, content_id, user_id, stars, review, hidden_at, helpful_count, created_at, updated_at

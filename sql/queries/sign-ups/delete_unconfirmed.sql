-- Removes, at most so many, accounts that are older than so many minutes and were never confirmed, and gives whose they were.
-- returns: many
-- scope: tenant
-- not null: user_id
select d.user_id from app.discard_sign_ups(make_interval(mins => :minutes::int), :limit::int) d (user_id)

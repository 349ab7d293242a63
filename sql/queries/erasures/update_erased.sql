-- Erases so many rows of each table of what is personal of somebody; nothing is left when it erases none.
-- returns: one
-- scope: tenant
-- not null: erased
select app.erase_person(:user_id, :limit::int) as erased

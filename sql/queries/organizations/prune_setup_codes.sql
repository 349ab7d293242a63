-- Removes first set-up codes that nobody used within a day.
-- returns: count
-- scope: system
delete from app.setup_code where first and consumed_at is null and created_at < now() - interval '1 day'

-- Which organization a slug names: all that can be known before anybody has signed in.
-- returns: maybe
-- scope: system
select organization_id, status from app.organization where slug = :slug

-- The organization a job has come to.
-- returns: maybe
-- scope: system
select after_id
from app.turn
where job = :job

-- For each queue with work under way: since how many seconds its oldest job has been, by the database's clock.
select name, extract(epoch from pgboss.job_now() - min(started_on))::float8 as seconds
from pgboss.job_common
where state = 'active'
group by name

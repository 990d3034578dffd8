-- progress_alive: living workers; those not seen since are forgotten.
-- $1 since int8
with gone as (delete from worker where seen < $1::int8)
select name, role, claims, seen from worker where seen >= $1::int8 order by name;

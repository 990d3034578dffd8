-- events_lock: the session alone delivers a partition's events; false when another one does.
-- $1 partition int4
select pg_try_advisory_lock(1684368481, $1::int4);

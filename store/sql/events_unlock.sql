-- events_unlock: give a partition back.
-- $1 partition int4
select pg_advisory_unlock(1684368481, $1::int4);

-- fence_lock_exclusive: a tenant's advisory lock, when no writer is under way.
-- $1 class int4, $2 key int4
select pg_advisory_xact_lock($1::int4, $2::int4);

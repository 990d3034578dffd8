-- fence_lock: the tenants' advisory locks, shared, until the transaction ends; in the given order.
-- $1 class int4, $2 keys int4[], sorted
select pg_advisory_xact_lock_shared($1::int4, k) from unnest($2::int4[]) as k;

-- purges_unlock: the session gives a purge back; false when it did not have it.
-- $1 name text
select pg_advisory_unlock(1935896177, hashtext($1::text));

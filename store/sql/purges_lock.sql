-- purges_lock: the session takes a purge; false when another session has it.
-- $1 purge id text
select pg_try_advisory_lock(1935896177, hashtext($1::text));

-- purges_lock: the session takes what is named; false when another session has it.
-- $1 name text
select pg_try_advisory_lock(1935896177, hashtext($1::text));

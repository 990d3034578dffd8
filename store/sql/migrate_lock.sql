-- migrate_lock: one runner a database; waits as long as lock_timeout for another one.
select pg_advisory_lock(1464158541, 1);

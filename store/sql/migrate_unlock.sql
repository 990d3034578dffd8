-- migrate_unlock: the next runner may work.
select pg_advisory_unlock(1464158541, 1);

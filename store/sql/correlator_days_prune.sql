-- correlator_days_prune: days that no alert can ask for any more.
-- $1 first day that is kept int4
delete from tenant.key_day where day < $1::int4;

-- correlator_days_load: all days that are kept.
select day, part, keys, packed from tenant.key_day order by day, part;

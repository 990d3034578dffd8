-- correlator_days_add: parts of closed days, as arrays of one length; what is there stays.
-- $1 day int4[], $2 part int4[], $3 keys int4[], $4 packed bytea[]
insert into tenant.key_day (day, part, keys, packed)
select u.* from unnest($1::int4[], $2::int4[], $3::int4[], $4::bytea[])
    as u (day, part, keys, packed)
 order by u.day, u.part
on conflict (day, part) do nothing;

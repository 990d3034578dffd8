-- alerts_ignored_add: documents that are no alerts, as arrays of one length; the first stays.
-- $1 source int4[], $2 native_id text[], $3 reason text[], $4 received int8[]
insert into tenant.ignored (source, native_id, reason, received)
select u.* from unnest($1::int4[], $2::text[], $3::text[], $4::int8[])
    as u (source, native_id, reason, received)
 order by u.source, u.native_id
on conflict do nothing;

-- alerts_dead_add: what could not be mapped, as arrays of one length; a repeat changes nothing.
-- $1 source int4[], $2 native_id text[], $3 sha256 bytea[], $4 received int8[], $5 reason text[],
-- $6 detail text[], $7 sealed bytea[], $8 at int8[]
insert into tenant.dead (source, native_id, sha256, received, reason, detail, sealed, at)
select u.* from unnest($1::int4[], $2::text[], $3::bytea[], $4::int8[], $5::text[], $6::text[],
                       $7::bytea[], $8::int8[])
    as u (source, native_id, sha256, received, reason, detail, sealed, at)
 order by u.source, u.native_id, u.sha256
on conflict do nothing;

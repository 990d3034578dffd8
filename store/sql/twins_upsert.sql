-- twins_upsert: documents of both channels of identity, as arrays of one length. An older version
-- changes nothing.
-- $1 source int4[], $2 native_id text[], $3 version int8[], $4 received int8[], $5 sha256 bytea[],
-- $6 detection text[], $7 moment int8[], $8 mate text[], $9 sealed bytea[]
insert into tenant.identity_twin as t (
    source, native_id, version, received, sha256, detection, moment, mate, sealed)
select u.* from unnest($1::int4[], $2::text[], $3::int8[], $4::int8[], $5::bytea[], $6::text[],
                       $7::int8[], $8::text[], $9::bytea[])
    as u (source, native_id, version, received, sha256, detection, moment, mate, sealed)
 order by u.source, u.native_id
on conflict (source, native_id) do update
   set version = excluded.version, received = excluded.received, sha256 = excluded.sha256,
       detection = excluded.detection, moment = excluded.moment, mate = excluded.mate,
       sealed = excluded.sealed
 where t.version <= excluded.version;

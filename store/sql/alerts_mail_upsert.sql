-- alerts_mail_upsert: mail records, as arrays of one length; an older version or the same bytes
-- change nothing.
-- $1 record_id text[], $2 alert_id text[], $3 version int8[], $4 received int8[], $5 sha256 bytea[],
-- $6 sealed bytea[]
insert into tenant.mail_record as r (record_id, alert_id, version, received, sha256, sealed)
select u.* from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::bytea[], $6::bytea[])
    as u (record_id, alert_id, version, received, sha256, sealed)
 order by u.alert_id, u.record_id
on conflict (alert_id, record_id) do update
   set version = excluded.version, received = excluded.received,
       sha256 = excluded.sha256, sealed = excluded.sealed
 where r.version <= excluded.version and r.sha256 <> excluded.sha256;

-- pins_upsert: where people put alerts, as arrays of one length; together is 0 or 1.
-- $1 source int4[], $2 native_id text[], $3 incident_id int8[], $4 together int4[]
insert into tenant.pin as p (source, native_id, incident_id, together)
select u.source, u.native_id, u.incident_id, u.together <> 0
  from unnest($1::int4[], $2::text[], $3::int8[], $4::int4[])
    as u (source, native_id, incident_id, together)
 order by u.source, u.native_id, u.incident_id
on conflict (source, native_id, incident_id) do update set together = excluded.together
 where p.together <> excluded.together;

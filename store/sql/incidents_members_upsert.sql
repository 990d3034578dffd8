-- incidents_members_upsert: which incident an alert is in now, as arrays of one length.
-- $1 source int4[], $2 native_id text[], $3 incident_id int8[]
insert into tenant.membership as m (source, native_id, incident_id)
select u.* from unnest($1::int4[], $2::text[], $3::int8[]) as u (source, native_id, incident_id)
 order by u.source, u.native_id
on conflict (source, native_id) do update set incident_id = excluded.incident_id
 where m.incident_id <> excluded.incident_id;

-- moves_add: before incidents_members_upsert with the same rows: where they leave, as arrays of one
-- length.
-- $1 source int4[], $2 native_id text[], $3 incident_id int8[], $4 at int8
insert into tenant.membership_log (source, native_id, incident_id, at)
select m.source, m.native_id, m.incident_id, $4::int8
  from unnest($1::int4[], $2::text[], $3::int8[]) as u (source, native_id, incident_id)
  join tenant.membership m on m.source = u.source::int2 and m.native_id = u.native_id
 where m.incident_id <> u.incident_id
 order by m.source, m.native_id;

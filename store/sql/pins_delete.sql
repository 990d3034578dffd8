-- pins_delete: pins that are off, as arrays of one length.
-- $1 source int4[], $2 native_id text[], $3 incident_id int8[]
delete from tenant.pin as p
 using unnest($1::int4[], $2::text[], $3::int8[]) as u (source, native_id, incident_id)
 where p.source = u.source::int2 and p.native_id = u.native_id and p.incident_id = u.incident_id;

-- incidents_members_of: which incident alerts are in now.
-- $1 source int4[], $2 native_id text[]
select m.source, m.native_id, m.incident_id
  from unnest($1::int4[], $2::text[]) as u (source, native_id)
  join tenant.membership m on m.source = u.source::int2 and m.native_id = u.native_id;

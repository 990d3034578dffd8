-- incidents_activity_add: what was done, as arrays of one length; every call adds rows.
-- $1 incident_id int8[] (0 none), $2 at int8[], $3 what text[], $4 by text[], $5 detail text[]
insert into tenant.activity (incident_id, at, what, by, detail)
select nullif(u.incident_id, 0), u.at, u.what, u.by, u.detail
  from unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[])
       with ordinality as u (incident_id, at, what, by, detail, nth)
 order by u.nth;

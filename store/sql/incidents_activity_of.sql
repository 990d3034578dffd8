-- incidents_activity_of: oldest first.
-- $1 incident_id int8
select seq, incident_id, at, what, by, detail from tenant.activity
 where incident_id = $1::int8
 order by seq;

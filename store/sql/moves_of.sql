-- moves_of: alerts that left an incident, oldest first.
-- $1 incident_id int8
select source, native_id, incident_id, at
  from tenant.membership_log where incident_id = $1::int8 order by seq;

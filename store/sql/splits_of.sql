-- splits_of: where an incident would come apart first.
-- $1 incident_id int8
select incident_id, a_source, a_id, b_source, b_id, score, a_alerts, b_alerts, at
  from tenant.split where incident_id = $1::int8;

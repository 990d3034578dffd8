-- incidents_activity_of: oldest first; origin 0: it happened here.
-- $1 incident_id int8
select seq, incident_id, at, what, by, detail, coalesce(origin, 0) from tenant.activity
 where incident_id = $1::int8
 order by at, seq;

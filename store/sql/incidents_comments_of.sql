-- incidents_comments_of: comments of incidents, oldest first; origin 0: written here.
-- $1 incident ids int8[]
select incident_id, seq, text, by, at, coalesce(origin, 0) from tenant.comment
 where incident_id = any ($1::int8[])
 order by incident_id, at, seq;

-- incidents_comments_of: comments of incidents, oldest first.
-- $1 incident ids int8[]
select incident_id, seq, text, by, at from tenant.comment
 where incident_id = any ($1::int8[])
 order by incident_id, seq;

-- incidents_comment_add: a comment; every call adds one.
-- $1 incident_id int8, $2 text text, $3 by text, $4 at int8
insert into tenant.comment (incident_id, text, by, at)
values ($1::int8, $2::text, $3::text, $4::int8)
returning incident_id, seq, text, by, at, 0::int8;

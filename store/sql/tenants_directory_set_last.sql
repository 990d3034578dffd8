-- tenants_directory_set_last: never lower.
-- $1 directory_hmac bytea, $2 last_incident_id int8
update directory set last_incident_id = $2::int8
 where directory_hmac = $1::bytea and last_incident_id < $2::int8;

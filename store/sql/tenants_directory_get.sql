-- tenants_directory_get: what is known of a directory.
-- $1 directory_hmac bytea
select epochs, last_incident_id from directory where directory_hmac = $1::bytea;

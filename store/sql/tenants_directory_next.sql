-- tenants_directory_next: one more opt-in of a directory.
-- $1 directory_hmac bytea
-- returns epochs, last_incident_id
insert into directory as d (directory_hmac, epochs, last_incident_id) values ($1::bytea, 1, 0)
on conflict (directory_hmac) do update set epochs = d.epochs + 1
returning epochs, last_incident_id;

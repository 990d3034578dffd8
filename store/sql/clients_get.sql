-- clients_get: one client, disabled or not.
-- $1 client_id text
select client_id, directory_hmac, oid, name, secret_sha256, salt, roles, created, disabled
  from client where client_id = $1::text;

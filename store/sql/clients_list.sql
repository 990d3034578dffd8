-- clients_list: by creation.
-- $1 directory_hmac bytea (null: all)
select client_id, directory_hmac, oid, name, secret_sha256, salt, roles, created, disabled
  from client where $1::bytea is null or directory_hmac = $1::bytea
 order by created, client_id;

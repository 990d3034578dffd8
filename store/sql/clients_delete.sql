-- clients_delete: all clients of a directory, whose tenant is turned off.
-- $1 directory_hmac bytea
delete from client where directory_hmac = $1::bytea;

-- clients_add: a taken id is a unique violation.
-- $1 client_id text, $2 directory_hmac bytea, $3 oid bytea, $4 name text, $5 secret_sha256 bytea,
-- $6 salt bytea, $7 roles text[], $8 created int8, $9 disabled bool
insert into client (client_id, directory_hmac, oid, name, secret_sha256, salt, roles, created, disabled)
values ($1::text, $2::bytea, $3::bytea, $4::text, $5::bytea, $6::bytea, $7::text[], $8::int8,
        $9::bool);

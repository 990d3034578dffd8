-- clients_token_key_add: a second one of the same id changes nothing.
-- $1 kid text, $2 private_pem bytea, $3 public_pem bytea, $4 created int8
insert into token_key (kid, private_pem, public_pem, created)
values ($1::text, $2::bytea, $3::bytea, $4::int8)
on conflict do nothing;

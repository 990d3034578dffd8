-- clients_token_keys: newest first.
select kid, private_pem, public_pem, created from token_key order by created desc, kid;

-- clients_disable: for good; a repeat changes nothing.
-- $1 client_id text
update client set disabled = true where client_id = $1::text and not disabled;

-- tenants_set_state: one of the allowed moves, or nothing. A purged tenant keeps no name.
-- $1 oid bytea, $2 state text, $3 time int8, $4 states it may come from text[]
update tenant
   set state = $2::text, changed = $3::int8,
       directory = case when $2::text = 'purged' then null else directory end,
       name = case when $2::text = 'purged' then null else name end
 where oid = $1::bytea and state = any ($4::text[]);

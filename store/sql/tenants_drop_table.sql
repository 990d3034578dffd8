-- tenants_drop_table: one table of a tenant, if it is there.
-- $1 schema text, $2 table text
select weir_drop_table($1::text, $2::text);

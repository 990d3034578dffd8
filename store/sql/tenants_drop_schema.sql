-- tenants_drop_schema: a tenant's schema, which must be empty, if it is there.
-- $1 schema text
select weir_drop_schema($1::text);

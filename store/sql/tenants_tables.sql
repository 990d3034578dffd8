-- tenants_tables: tables of a tenant's schema, the big ones last.
-- $1 schema text
select c.relname::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1::text and c.relkind = 'r'
 order by pg_total_relation_size(c.oid), c.relname;

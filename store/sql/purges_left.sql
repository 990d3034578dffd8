-- purges_left: what the region's database still holds of a tenant: schemas, rows of shared tables.
-- $1 schema text, $2 oid bytea
select (select count(*) from pg_namespace where nspname = $1::text),
       (select count(*) from tenant_fence where oid = $2::bytea)
       + (select count(*) from event where oid = $2::bytea)
       + (select count(*) from schema_version where schema_version.oid = $2::bytea);

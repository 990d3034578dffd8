-- tenants_delete_shared: rows of the region's shared tables that carry the oid; the fence stays.
-- $1 oid bytea
with steps as (delete from schema_version where oid = $1::bytea)
delete from event where oid = $1::bytea;

-- fence_delete: forget a tenant that was purged.
-- $1 oid bytea
delete from tenant_fence where oid = $1::bytea;

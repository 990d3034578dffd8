-- migrate_tenants: tenants that have a schema; one that is being erased gets no new tables.
select oid from tenant_fence where state in ('provisioning', 'active', 'suspended') order by oid;

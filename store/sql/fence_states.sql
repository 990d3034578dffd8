-- fence_states: what is known of these tenants.
-- $1 oids bytea[]
select oid, epoch, state from tenant_fence where oid = any ($1::bytea[]) order by oid;

-- tenants_consent_of: newest first.
-- $1 oid bytea
select oid, version, by, role, at from consent where oid = $1::bytea order by at desc;

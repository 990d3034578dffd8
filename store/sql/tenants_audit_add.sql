-- tenants_audit_add: every call adds one.
-- $1 at int8, $2 actor text, $3 action text, $4 oid bytea, $5 epoch int4, $6 detail text
insert into audit (at, actor, action, oid, epoch, detail)
values ($1::int8, $2::text, $3::text, $4::bytea, $5::int4, $6::text);

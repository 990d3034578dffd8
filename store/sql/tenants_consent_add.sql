-- tenants_consent_add: a repeat at the same time changes nothing.
-- $1 oid bytea, $2 version text, $3 by bytea, $4 role text, $5 at int8
insert into consent (oid, version, by, role, at)
values ($1::bytea, $2::text, $3::bytea, $4::text, $5::int8)
on conflict do nothing;

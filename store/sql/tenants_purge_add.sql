-- tenants_purge_add: the first one of an oid counts.
-- $1 id text (uuid), $2 oid bytea, $3 epoch int4, $4 region text, $5 requested_at int8,
-- $6 requested_by text
-- returns the id that counts
insert into purge as p (id, oid, epoch, region, requested_at, requested_by, state)
values ($1::text::uuid, $2::bytea, $3::int4, $4::text, $5::int8, $6::text, 'running')
on conflict (oid) do update set oid = p.oid
returning id::text;

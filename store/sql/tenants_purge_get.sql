-- tenants_purge_get: one purge.
-- $1 id text (uuid)
select id::text, oid, epoch, region, requested_at, requested_by, state, finished_at
  from purge where id = $1::text::uuid;

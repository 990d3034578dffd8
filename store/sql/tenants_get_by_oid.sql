-- tenants_get_by_oid: a tenant epoch, living or not.
-- $1 oid bytea
select oid, epoch, directory_hmac, directory, name, region, shard, state, sources, identity_channel,
       settings_version, created, changed
  from tenant where oid = $1::bytea;

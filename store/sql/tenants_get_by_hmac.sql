-- tenants_get_by_hmac: the living tenant of a directory.
-- $1 directory_hmac bytea
select oid, epoch, directory_hmac, directory, name, region, shard, state, sources, identity_channel,
       settings_version, created, changed
  from tenant where directory_hmac = $1::bytea and state <> 'purged';

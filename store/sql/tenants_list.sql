-- tenants_list: by creation.
-- $1 region text (null: all), $2 purged ones too bool
select oid, epoch, directory_hmac, directory, name, region, shard, state, sources, identity_channel,
       settings_version, created, changed
  from tenant where ($1::text is null or region = $1::text) and ($2::bool or state <> 'purged')
 order by created, oid;

-- tenants_purge_list: oldest first.
-- $1 region text (null: all), $2 done ones too bool
select id::text, oid, epoch, region, requested_at, requested_by, state, finished_at
  from purge where ($1::text is null or region = $1::text) and ($2::bool or state <> 'done')
 order by requested_at, id;

-- fence_set: a tenant's state in this region; after fence_lock_exclusive. A repeat changes nothing.
-- $1 oid bytea, $2 epoch int4, $3 state text
insert into tenant_fence (oid, epoch, state) values ($1::bytea, $2::int4, $3::text)
on conflict (oid) do update set epoch = excluded.epoch, state = excluded.state;

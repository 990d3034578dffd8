-- tenants_purge_done: the first time counts.
-- $1 id text (uuid), $2 finished_at int8
update purge set state = 'done', finished_at = $2::int8 where id = $1::text::uuid and state <> 'done';

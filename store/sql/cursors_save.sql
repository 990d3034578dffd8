-- cursors_save: as arrays of one length; the last one holds.
-- $1 source int4[], $2 sealed bytea[], $3 updated int8[]
insert into tenant.cursor (source, sealed, updated)
select u.* from unnest($1::int4[], $2::bytea[], $3::int8[]) as u (source, sealed, updated)
 order by u.source
on conflict (source) do update set sealed = excluded.sealed, updated = excluded.updated;

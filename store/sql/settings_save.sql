-- settings_save: as arrays of one length; the last one holds.
-- $1 name text[], $2 sealed bytea[]
insert into tenant.setting (name, sealed)
select u.* from unnest($1::text[], $2::bytea[]) as u (name, sealed)
 order by u.name
on conflict (name) do update set sealed = excluded.sealed;

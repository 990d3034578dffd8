-- credentials_save: as arrays of one length; the last one holds.
-- $1 source int4[], $2 sealed bytea[]
insert into tenant.credential (source, sealed)
select u.* from unnest($1::int4[], $2::bytea[]) as u (source, sealed)
 order by u.source
on conflict (source) do update set sealed = excluded.sealed;

-- correlator_aliases_add: names that were met together, as arrays of one length.
-- $1 type int4[], $2 a text[], $3 b text[]
insert into tenant.identity_alias (type, a, b)
select u.* from unnest($1::int4[], $2::text[], $3::text[]) as u (type, a, b);

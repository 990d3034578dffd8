-- incidents_related_upsert: pairs of incidents, as arrays of one length.
-- $1 a int8[], $2 b int8[], $3 score int4[], $4 why text[]
insert into tenant.related as r (a, b, score, why)
select u.* from unnest($1::int8[], $2::int8[], $3::int4[], $4::text[]) as u (a, b, score, why)
 order by u.a, u.b
on conflict (a, b) do update set score = excluded.score, why = excluded.why;

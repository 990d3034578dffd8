-- splits_upsert: where incidents would come apart first, as arrays of one length.
-- $1 incident_id int8[], $2 a_source int4[], $3 a_id text[], $4 b_source int4[], $5 b_id text[],
-- $6 score int4[], $7 a_alerts int4[], $8 b_alerts int4[], $9 at int8[]
insert into tenant.split as s
       (incident_id, a_source, a_id, b_source, b_id, score, a_alerts, b_alerts, at)
select u.* from unnest($1::int8[], $2::int4[], $3::text[], $4::int4[], $5::text[], $6::int4[],
                       $7::int4[], $8::int4[], $9::int8[])
    as u (incident_id, a_source, a_id, b_source, b_id, score, a_alerts, b_alerts, at)
 order by u.incident_id
on conflict (incident_id) do update
   set a_source = excluded.a_source, a_id = excluded.a_id, b_source = excluded.b_source,
       b_id = excluded.b_id, score = excluded.score, a_alerts = excluded.a_alerts,
       b_alerts = excluded.b_alerts, at = excluded.at;

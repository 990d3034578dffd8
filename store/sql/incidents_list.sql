-- incidents_list: a page of incidents.
-- $1 id int8 (0 any), $2 status text, $3 assigned_to text, $4 severity int4 (-1 any), $5 redirected
-- ones too bool, $6 to $9 created > >= < <=, $10 to $13 updated > >= < <= int8; null is no condition
-- $14 order int4 (0 id, 1 created, 2 updated), $15 descending bool, $16 skip int8, $17 top int8
-- $18 statuses text[], $19 severities int4[], $20 owners text[] that are not wanted; an owner '' is
-- nobody
select
    i.id, i.version, i.redirect_to, i.name, i.first_name, i.severity, i.status,
    i.classification, i.determination, i.assigned_to, i.tags, i.stage_score, i.tactics,
    i.sources, i.alerts, i.users, i.devices, i.created, i.updated, i.first_activity,
    i.last_activity, i.entities, i.params, i.worked
  from tenant.incident i
 where ($1::int8 = 0 or i.id = $1)
   and ($2::text is null or i.status = $2)
   and ($3::text is null or lower(coalesce(i.assigned_to, '')) = lower($3))
   and ($4::int4 < 0 or i.severity = $4)
   and ($5::bool or i.redirect_to is null)
   and ($6::int8 is null or i.created > $6) and ($7::int8 is null or i.created >= $7)
   and ($8::int8 is null or i.created < $8) and ($9::int8 is null or i.created <= $9)
   and ($10::int8 is null or i.updated > $10) and ($11::int8 is null or i.updated >= $11)
   and ($12::int8 is null or i.updated < $12) and ($13::int8 is null or i.updated <= $13)
   and not i.status = any ($18::text[]) and not i.severity = any ($19::int4[])
   and lower(coalesce(i.assigned_to, '')) <> all (select lower(t) from unnest($20::text[]) as t)
 order by case when $14::int4 = 0 and not $15::bool then i.id end,
          case when $14 = 0 and $15 then i.id end desc,
          case when $14 = 1 and not $15 then i.created end,
          case when $14 = 1 and $15 then i.created end desc,
          case when $14 = 2 and not $15 then i.updated end,
          case when $14 = 2 and $15 then i.updated end desc,
          i.id
offset $16::int8 limit $17::int8;

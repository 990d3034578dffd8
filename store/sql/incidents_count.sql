-- incidents_count: how many incidents there are.
-- $1 id int8 (0 any), $2 status text, $3 assigned_to text, $4 severity int4 (-1 any), $5 redirected
-- ones too bool, $6 to $9 created > >= < <=, $10 to $13 updated > >= < <= int8; null is no condition
-- $14 statuses text[], $15 severities int4[], $16 owners text[] that are not wanted; an owner '' is
-- nobody
select count(*)
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
   and not i.status = any ($14::text[]) and not i.severity = any ($15::int4[])
   and lower(coalesce(i.assigned_to, '')) <> all (select lower(t) from unnest($16::text[]) as t);

-- pins_load: pins of alerts that are in these incidents now, and pins to them; null: all.
-- $1 incident ids int8[]
select p.source, p.native_id, p.incident_id, p.together
  from tenant.pin p
 where $1::int8[] is null or p.incident_id = any ($1::int8[])
    or exists (select from tenant.membership m
                where m.source = p.source and m.native_id = p.native_id
                  and m.incident_id = any ($1::int8[]))
 order by p.source, p.native_id, p.incident_id;

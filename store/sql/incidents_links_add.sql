-- incidents_links_add: why alerts are where they are, as arrays of one length. The first reason
-- stays; a repeat changes the incident only.
-- $1 source int4[], $2 native_id text[], $3 partner_source int4[] (0 none), $4 partner_id text[],
-- $5 incident_id int8[], $6 score int4[], $7 reason text[], $8 at int8[]
insert into tenant.link as l (source, native_id, partner_source, partner_id, incident_id, score,
                              reason, at)
select u.source, u.native_id, nullif(u.partner_source, 0), u.partner_id, u.incident_id, u.score,
       u.reason, u.at
  from unnest($1::int4[], $2::text[], $3::int4[], $4::text[], $5::int8[], $6::int4[], $7::text[],
              $8::int8[])
    as u (source, native_id, partner_source, partner_id, incident_id, score, reason, at)
 order by u.source, u.native_id
on conflict (source, native_id) do update set incident_id = excluded.incident_id
 where l.incident_id <> excluded.incident_id;

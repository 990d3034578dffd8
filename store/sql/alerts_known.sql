-- alerts_known: what is stored of these alerts.
-- $1 sources int4[], $2 native_ids text[]
select a.source, a.native_id, a.version, a.received, a.sha256
  from unnest($1::int4[], $2::text[]) as u (source, native_id)
  join tenant.alert a on a.source = u.source::int2 and a.native_id = u.native_id
 order by a.source, a.native_id;

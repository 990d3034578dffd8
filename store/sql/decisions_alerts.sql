-- decisions_alerts: which alerts unified ids name, and where they are now (0: nowhere yet).
-- $1 ids text[]
select a.id, a.source, a.native_id, coalesce(m.incident_id, 0)
  from tenant.alert a
  left join tenant.membership m on m.source = a.source and m.native_id = a.native_id
 where a.id = any ($1::text[])
 order by a.id, a.source, a.native_id;

-- alerts_load_ids: the alerts of these incidents, or of the ones they redirect to.
-- $1 ids int8[]
select a.source, a.native_id, a.version, a.title, a.category, a.severity, a.detector, a.service,
       coalesce(a.threat_family, a.threat_name), a.tactics, a.leads, a.created, a.first_activity,
       a.last_activity, a.keys, m.incident_id
  from tenant.membership m
  join tenant.alert a on a.source = m.source and a.native_id = m.native_id
 where m.incident_id in (select coalesce(redirect_to, id)
                           from tenant.incident where id = any ($1::int8[]));

-- alerts_load: the alerts of incidents that were active since: what the correlator goes on with.
-- $1 least last activity int8
select a.source, a.native_id, a.version, a.title, a.category, a.severity, a.detector, a.service,
       coalesce(a.threat_family, a.threat_name), a.tactics, a.leads, a.created, a.first_activity,
       a.last_activity, a.keys, m.incident_id
  from tenant.incident i
  join tenant.membership m on m.incident_id = i.id
  join tenant.alert a on a.source = m.source and a.native_id = m.native_id
 where i.redirect_to is null and i.last_activity >= $1::int8;

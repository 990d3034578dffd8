-- alerts_load: what the correlator rebuilds its state from.
-- $1 least last activity int8
select a.source, a.native_id, a.version, a.title, a.category, a.severity, a.detector, a.service,
       coalesce(a.threat_family, a.threat_name), a.tactics, a.leads, a.created, a.first_activity,
       a.last_activity, a.keys, m.incident_id
  from tenant.alert a
  left join tenant.membership m on m.source = a.source and m.native_id = a.native_id
 where a.last_activity >= $1::int8
 order by a.source, a.native_id;

-- alerts_of_incidents: whole alerts of incidents, by incident and creation.
-- $1 incident ids int8[], $2 with the sealed payload bool
-- returns the columns of alert in the order of alerts_upsert, then incident_id
select
    a.source, a.native_id, a.version, a.received, a.sha256, a.id, a.provider_alert_id, a.title,
    a.description, a.recommended_actions, a.web_url, a.category, a.tactics, a.severity,
    a.status, a.classification, a.determination, a.service, a.detection, a.detector_id,
    a.detector, a.investigation_id, a.investigation_state, a.assigned_to, a.threat_name,
    a.threat_family, a.actor, a.policy_id, a.native_incident_id,
    array_to_string(a.techniques, ' '), a.created, a.first_activity, a.last_activity, a.updated,
    a.resolved, a.comments, a.additional, a.raw_words, a.evidence,
    case when $2::bool then a.raw end, a.keys, a.leads, m.incident_id
  from tenant.membership m
  join tenant.alert a on a.source = m.source and a.native_id = m.native_id
 where m.incident_id = any ($1::int8[])
 order by m.incident_id, a.created, a.source, a.native_id;

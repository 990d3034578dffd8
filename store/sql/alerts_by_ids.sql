-- alerts_by_ids: whole alerts by their unified ids.
-- $1 ids text[], $2 with the sealed payload bool
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
  from tenant.alert a
  left join tenant.membership m on m.source = a.source and m.native_id = a.native_id
 where a.id = any ($1::text[])
 order by a.id, a.source, a.native_id;

-- alerts_page: whole alerts in the order of their keys, after one.
-- $1 source int4, $2 native_id text, $3 most int8
-- returns the columns of alert in the order of alerts_upsert, then incident_id
select
    a.source, a.native_id, a.version, a.received, a.sha256, a.id, a.provider_alert_id, a.title,
    a.description, a.recommended_actions, a.web_url, a.category, a.tactics, a.severity,
    a.status, a.classification, a.determination, a.service, a.detection, a.detector_id,
    a.detector, a.investigation_id, a.investigation_state, a.assigned_to, a.threat_name,
    a.threat_family, a.actor, a.policy_id, a.native_incident_id,
    array_to_string(a.techniques, ' '), a.created, a.first_activity, a.last_activity, a.updated,
    a.resolved, a.comments, a.additional, a.raw_words, a.evidence, a.raw, a.keys, a.leads,
    m.incident_id
  from tenant.alert a
  left join tenant.membership m on m.source = a.source and m.native_id = a.native_id
 where (a.source, a.native_id) > ($1::int4, $2::text)
 order by a.source, a.native_id
 limit $3::int8;

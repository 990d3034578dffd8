-- alerts_upsert: versions of alerts, as arrays of one length. An older version or the same bytes
-- change nothing; the same version with other bytes wins. Lead tactics are collected. The same bytes
-- with other keys or leads came back after other bytes in one batch: those are of all versions.
-- $1 source int4[], $2 native_id text[], $3 version int8[], $4 received int8[],
-- $5 sha256 bytea[], $6 id text[], $7 provider_alert_id text[], $8 title text[],
-- $9 description text[], $10 recommended_actions text[], $11 web_url text[],
-- $12 category text[], $13 tactics int4[], $14 severity int4[], $15 status int4[],
-- $16 classification int4[], $17 determination int4[], $18 service int4[],
-- $19 detection int4[], $20 detector_id text[], $21 detector text[],
-- $22 investigation_id text[], $23 investigation_state text[], $24 assigned_to text[],
-- $25 threat_name text[], $26 threat_family text[], $27 actor text[], $28 policy_id text[],
-- $29 native_incident_id text[], $30 techniques text[], $31 created int8[],
-- $32 first_activity int8[], $33 last_activity int8[], $34 updated int8[], $35 resolved int8[],
-- $36 comments text[], $37 additional text[], $38 raw_words text[], $39 evidence text[],
-- $40 raw bytea[], $41 keys bytea[], $42 leads int4[]
-- techniques have a blank between them; resolved -9223372036854775808 is none
-- returns the keys that were new or changed
insert into tenant.alert as a (
    source, native_id, version, received, sha256, id, provider_alert_id, title, description,
    recommended_actions, web_url, category, tactics, severity, status, classification,
    determination, service, detection, detector_id, detector, investigation_id,
    investigation_state, assigned_to, threat_name, threat_family, actor, policy_id,
    native_incident_id, techniques, created, first_activity, last_activity, updated, resolved,
    comments, additional, raw_words, evidence, raw, keys, leads)
select
    u.source, u.native_id, u.version, u.received, u.sha256, u.id, u.provider_alert_id, u.title,
    u.description, u.recommended_actions, u.web_url, u.category, u.tactics, u.severity,
    u.status, u.classification, u.determination, u.service, u.detection, u.detector_id,
    u.detector, u.investigation_id, u.investigation_state, u.assigned_to, u.threat_name,
    u.threat_family, u.actor, u.policy_id, u.native_incident_id,
    string_to_array(u.techniques, ' '), u.created, u.first_activity, u.last_activity, u.updated,
    nullif(u.resolved, '-9223372036854775808'::int8), u.comments, u.additional, u.raw_words,
    u.evidence, u.raw, u.keys, u.leads
from unnest(
    $1::int4[], $2::text[], $3::int8[], $4::int8[], $5::bytea[], $6::text[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::int4[], $14::int4[],
    $15::int4[], $16::int4[], $17::int4[], $18::int4[], $19::int4[], $20::text[], $21::text[],
    $22::text[], $23::text[], $24::text[], $25::text[], $26::text[], $27::text[], $28::text[],
    $29::text[], $30::text[], $31::int8[], $32::int8[], $33::int8[], $34::int8[], $35::int8[],
    $36::text[], $37::text[], $38::text[], $39::text[], $40::bytea[], $41::bytea[], $42::int4[])
  as u (
    source, native_id, version, received, sha256, id, provider_alert_id, title, description,
    recommended_actions, web_url, category, tactics, severity, status, classification,
    determination, service, detection, detector_id, detector, investigation_id,
    investigation_state, assigned_to, threat_name, threat_family, actor, policy_id,
    native_incident_id, techniques, created, first_activity, last_activity, updated, resolved,
    comments, additional, raw_words, evidence, raw, keys, leads)
order by u.source, u.native_id
on conflict (source, native_id) do update set
    version = excluded.version, received = excluded.received, sha256 = excluded.sha256,
    id = excluded.id, provider_alert_id = excluded.provider_alert_id, title = excluded.title,
    description = excluded.description, recommended_actions = excluded.recommended_actions,
    web_url = excluded.web_url, category = excluded.category, tactics = excluded.tactics,
    severity = excluded.severity, status = excluded.status,
    classification = excluded.classification, determination = excluded.determination,
    service = excluded.service, detection = excluded.detection,
    detector_id = excluded.detector_id, detector = excluded.detector,
    investigation_id = excluded.investigation_id,
    investigation_state = excluded.investigation_state, assigned_to = excluded.assigned_to,
    threat_name = excluded.threat_name, threat_family = excluded.threat_family,
    actor = excluded.actor, policy_id = excluded.policy_id,
    native_incident_id = excluded.native_incident_id, techniques = excluded.techniques,
    created = excluded.created, first_activity = excluded.first_activity,
    last_activity = excluded.last_activity, updated = excluded.updated,
    resolved = excluded.resolved, comments = excluded.comments,
    additional = excluded.additional, raw_words = excluded.raw_words,
    evidence = excluded.evidence, raw = excluded.raw, keys = excluded.keys,
    leads = a.leads | excluded.leads
 where a.version <= excluded.version
   and (a.sha256 <> excluded.sha256 or a.keys is distinct from excluded.keys
        or a.leads <> (a.leads | excluded.leads))
returning source, native_id;

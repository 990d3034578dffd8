-- incidents_links_of: reasons of the alerts that are in the incident now.
-- $1 incident_id int8
select l.source, l.native_id, l.partner_source, l.partner_id, m.incident_id, l.score, l.reason, l.at
  from tenant.membership m
  join tenant.link l on l.source = m.source and l.native_id = m.native_id
 where m.incident_id = $1::int8
 order by l.at, l.source, l.native_id;

-- alerts_mail_of: all records of alerts.
-- $1 alert_ids text[]
select record_id, alert_id, version, received, sha256, sealed
  from tenant.mail_record where alert_id = any ($1::text[])
 order by alert_id, record_id;

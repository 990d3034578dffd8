-- alerts_mail_known: those of the records that are stored.
-- $1 record_ids text[]
select record_id, alert_id, version, received, sha256, null::bytea
  from tenant.mail_record where record_id = any ($1::text[])
 order by record_id;

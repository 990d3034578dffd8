-- events_read: events of a partition after one.
-- $1 partition int4, $2 after seq int8, $3 most int8
select partition, seq, oid, epoch, incident_id, version, kind, severity, status, alerts, users,
       devices, sources, created, updated, first_activity, last_activity, merged_into, at
  from event where partition = $1::int4 and seq > $2::int8
 order by seq
 limit $3::int8;

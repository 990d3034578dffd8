-- events_add: events of one tenant's incidents, as arrays of one length; every call adds rows.
-- $1 partition int4[], $2 oid bytea[], $3 epoch int4[], $4 incident_id int8[], $5 version int8[],
-- $6 kind text[], $7 severity text[], $8 status text[], $9 alerts int4[], $10 users int4[],
-- $11 devices int4[], $12 sources int4[], $13 created int8[], $14 updated int8[],
-- $15 first_activity int8[], $16 last_activity int8[], $17 merged_into int8[] (0 none), $18 at int8[]
insert into event (partition, oid, epoch, incident_id, version, kind, severity, status, alerts,
                   users, devices, sources, created, updated, first_activity, last_activity,
                   merged_into, at)
select u.partition, u.oid, u.epoch, u.incident_id, u.version, u.kind, u.severity, u.status,
       u.alerts, u.users, u.devices, u.sources, u.created, u.updated,
       u.first_activity, u.last_activity, nullif(u.merged_into, 0), u.at
  from unnest($1::int4[], $2::bytea[], $3::int4[], $4::int8[], $5::int8[], $6::text[], $7::text[],
              $8::text[], $9::int4[], $10::int4[], $11::int4[], $12::int4[], $13::int8[],
              $14::int8[], $15::int8[], $16::int8[], $17::int8[], $18::int8[])
       with ordinality
       as u (partition, oid, epoch, incident_id, version, kind, severity, status, alerts, users,
             devices, sources, created, updated, first_activity, last_activity, merged_into, at,
             nth)
 order by u.nth;

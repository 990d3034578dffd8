-- incidents_get: one incident, redirected or not.
-- $1 id int8
select
    i.id, i.version, i.redirect_to, i.name, i.first_name, i.severity, i.status,
    i.classification, i.determination, i.assigned_to, i.tags, i.stage_score, i.tactics,
    i.sources, i.alerts, i.users, i.devices, i.created, i.updated, i.first_activity,
    i.last_activity, i.entities, i.params, i.worked
  from tenant.incident i
 where i.id = $1::int8;

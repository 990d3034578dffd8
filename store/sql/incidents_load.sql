-- incidents_load: incidents that were active since, and those that redirect to them, by id.
-- $1 least last activity int8
select i.id, i.version, i.redirect_to, i.name, i.first_name, i.status, i.assigned_to,
       i.classification, i.determination, i.worked, i.params, i.updated
  from tenant.incident i
 where i.redirect_to is null and i.last_activity >= $1::int8
union all
select r.id, r.version, r.redirect_to, r.name, r.first_name, r.status, r.assigned_to,
       r.classification, r.determination, r.worked, r.params, r.updated
  from tenant.incident i
  join tenant.incident r on r.redirect_to = i.id
 where i.redirect_to is null and i.last_activity >= $1::int8
 order by 1;

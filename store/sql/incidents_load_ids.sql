-- incidents_load_ids: these incidents, or the ones they redirect to, and all that redirect there.
-- $1 ids int8[]
with live as (
    select distinct coalesce(redirect_to, id) as id from tenant.incident where id = any ($1::int8[])
)
select i.id, i.version, i.redirect_to, i.name, i.first_name, i.status, i.assigned_to,
       i.classification, i.determination, i.worked, i.params, i.updated
  from live join tenant.incident i on i.id = live.id
union all
select r.id, r.version, r.redirect_to, r.name, r.first_name, r.status, r.assigned_to,
       r.classification, r.determination, r.worked, r.params, r.updated
  from live join tenant.incident r on r.redirect_to = live.id
 order by 1;

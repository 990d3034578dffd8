-- migrate_missing: steps that the region, or a tenant that is on, was not brought through. A tenant
-- whose tables are being made has none yet.
-- $1 steps of a region text[], $2 steps of a tenant text[]
-- returns how many, and the first
select count(*), min(scope || ' ' || step) from (
    select 'region' as scope, s.step from unnest($1::text[]) as s(step)
     where not exists (select from schema_version as v
                        where v.scope = 'region' and v.oid = '' and v.step = s.step)
    union all
    select 'tenant', s.step from tenant_fence as f cross join unnest($2::text[]) as s(step)
     where f.state in ('active', 'suspended')
       and not exists (select from schema_version as v
                        where v.scope = 'tenant' and v.oid = f.oid and v.step = s.step)
) as missing;

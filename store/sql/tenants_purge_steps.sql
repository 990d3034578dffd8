-- tenants_purge_steps: in the order of time.
-- $1 purge_id text (uuid)
select purge_id::text, step, at, evidence from purge_step
 where purge_id = $1::text::uuid
 order by at, step;

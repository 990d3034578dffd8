-- tenants_purge_step_add: the first time counts.
-- $1 purge_id text (uuid), $2 step text, $3 at int8, $4 evidence text (JSON)
insert into purge_step (purge_id, step, at, evidence)
values ($1::text::uuid, $2::text, $3::int8, $4::text)
on conflict do nothing;

-- decisions_add: what became of a request; the first one stays.
-- $1 id text, $2 at int8, $3 kind text, $4 incident_id int8, $5 result_id int8, $6 outcome text,
-- $7 detail text
insert into tenant.decision (id, at, kind, incident_id, result_id, outcome, detail)
values ($1::text, $2::int8, $3::text, $4::int8, $5::int8, $6::text, $7::text)
on conflict (id) do nothing;

-- decisions_get: what became of a request; no row: nothing yet.
-- $1 id text
select id, at, kind, incident_id, result_id, outcome, detail from tenant.decision
 where id = $1::text;

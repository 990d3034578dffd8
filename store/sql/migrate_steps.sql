-- migrate_steps: what was made of a scope.
-- $1 scope text, $2 oid bytea (empty unless tenant)
select step from schema_version where scope = $1::text and oid = $2::bytea order by step;

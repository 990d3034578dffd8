-- fence_schema: has the tenant a schema, whatever is in it?
-- $1 its name text
select to_regnamespace($1::text) is not null;

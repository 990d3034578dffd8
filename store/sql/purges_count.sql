-- purges_count: the rows of a tenant's table; null when there is no such table.
-- $1 schema text, $2 table text
select weir_count_rows($1::text, $2::text);

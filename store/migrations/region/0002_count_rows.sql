-- how many rows a tenant's table has; null when the table is not there (a purge counts before it
-- drops, and may be run again)
create function weir_count_rows(tenant_schema text, tenant_table text) returns bigint
language plpgsql as $$
declare
    n bigint;
begin
    if to_regclass(format('%I.%I', tenant_schema, tenant_table)) is null then
        return null;
    end if;
    execute format('select count(*) from %I.%I', tenant_schema, tenant_table) into n;
    return n;
end
$$;

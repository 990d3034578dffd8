-- migrate_create: the table of steps that were made; a repeat changes nothing. scope is control,
-- region or tenant, oid empty unless tenant.
create table if not exists schema_version (
    scope text not null,
    oid bytea not null,
    step text not null,
    at bigint not null, -- 100 ns since 1970
    primary key (scope, oid, step)
);

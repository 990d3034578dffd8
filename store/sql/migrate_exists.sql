-- migrate_exists: is the table of steps there?
select to_regclass('schema_version') is not null;

-- credentials_delete: of one source.
-- $1 source int4
delete from tenant.credential where source = $1::int4;

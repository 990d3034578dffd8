-- alerts_dead_delete: it was mapped after all.
-- $1 source int4, $2 native_id text, $3 sha256 bytea
delete from tenant.dead where source = $1::int4 and native_id = $2::text and sha256 = $3::bytea;

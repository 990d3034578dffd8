-- events_delete: what was delivered.
-- $1 partition int4, $2 last seq int8
delete from event where partition = $1::int4 and seq <= $2::int8;

-- progress_advance: next offsets of partitions; raises TF002 when one has another owner by now.
-- $1 consumer text, $2 topic text, $3 parts int4[], $4 next offsets int8[], $5 epochs int8[]
select weir_progress($1::text, $2::text, $3::int4[], $4::int8[], $5::int8[]);

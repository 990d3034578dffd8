-- fence_check: raises TF001 unless each tenant is active in that epoch; after fence_lock.
-- $1 oids bytea[], $2 epochs int4[]
select weir_fence($1::bytea[], $2::int4[]);

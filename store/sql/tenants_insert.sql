-- tenants_insert: a new tenant epoch; a second living one of a directory is a unique violation.
-- $1 oid bytea, $2 epoch int4, $3 directory_hmac bytea, $4 directory bytea, $5 name bytea,
-- $6 region text, $7 shard int4, $8 state text, $9 sources int4, $10 identity_channel int4,
-- $11 settings_version int8, $12 created int8, $13 changed int8
insert into tenant (oid, epoch, directory_hmac, directory, name, region, shard, state, sources,
                    identity_channel, settings_version, created, changed)
values ($1::bytea, $2::int4, $3::bytea, $4::bytea, $5::bytea, $6::text, $7::int4, $8::text,
        $9::int4, $10::int4, $11::int8, $12::int8, $13::int8);

-- source_status_save: how one source is doing now; what it says holds, but for the first time asked.
-- $1 source int4, $2 asked int8, $3 tried int8, $4 succeeded int8, $5 newest int8,
-- $6 clock_ahead int8, $7 code text, $8 sealed bytea, $9 alerts int8, $10 requests int8,
-- $11 quota text, $12 updated int8
insert into tenant.source_status as s
       (source, asked, tried, succeeded, newest, clock_ahead, code, sealed, alerts, requests, quota, updated)
values ($1::int4, $2::int8, $3::int8, $4::int8, $5::int8, $6::int8, $7::text, $8::bytea, $9::int8,
        $10::int8, $11::text, $12::int8)
on conflict (source) do update
   set asked = coalesce(s.asked, excluded.asked), tried = excluded.tried, succeeded = excluded.succeeded, newest = excluded.newest,
       clock_ahead = excluded.clock_ahead, code = excluded.code, sealed = excluded.sealed,
       alerts = excluded.alerts, requests = excluded.requests, quota = excluded.quota,
       updated = excluded.updated;

-- How each source of the tenant is doing, for `weir source status`. One small row a source, written
-- again and again: no index but the key. The sentence about a trouble is sealed, a service may have
-- put anything into it. Times as in 0001.

create table tenant.source_status (
    source int2 primary key,
    asked bigint,          -- when a worker was first about to ask; null: none was yet
    tried bigint,          -- last request
    succeeded bigint,      -- end of the last round that went well
    newest bigint,         -- newest time that the source's data names
    clock_ahead bigint not null, -- the source's clock before ours, 100 ns
    code text,             -- of the trouble; null: all is well
    sealed bytea,          -- its sentence
    alerts bigint not null,   -- raw alerts confirmed since the opt-in
    requests bigint not null, -- made since the opt-in
    quota text,            -- JSON: what may be asked at once of each call
    updated bigint not null
);
alter table tenant.source_status
    alter code set statistics 0, alter sealed set statistics 0, alter quota set statistics 0;

-- Detections of Azure ATP come by two channels, Cloud App Security and syslog. One is an alert, the
-- other adds to it; the documents of both are kept here so that their order does not matter.

create table tenant.identity_twin (
    source int2 not null,
    native_id text not null,
    version bigint not null,
    received bigint not null,
    sha256 bytea not null,
    detection text not null, -- what both channels call it
    moment bigint not null,  -- when it happened, as the document says
    mate text,               -- native id of the same detection in the other channel; null: none known
    sealed bytea not null,
    primary key (source, native_id)
);
create index identity_twin_place on tenant.identity_twin (detection, moment);
create index identity_twin_alone on tenant.identity_twin (received) where mate is null;
alter table tenant.identity_twin
    alter sealed set storage external, alter native_id set statistics 0,
    alter sha256 set statistics 0, alter detection set statistics 0, alter mate set statistics 0,
    alter sealed set statistics 0;
